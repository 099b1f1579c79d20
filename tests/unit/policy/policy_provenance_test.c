/* What a rule asks of the build beyond the builder: level, ref, parameters, dependencies, age,
 * builders that agree; and attestations of other kinds. */
#include "tests/unit/policy/policy_cases.h"

/* Both rules of production-2026, since a key has one price. */
#define ASK(member, value)                                                                         \
    "rules/0/provenance/" member "=" value ";rules/1/provenance/" member "=" value
#define DEMAND(list) "rules/0/attestations=" list ";rules/1/attestations=" list
#define LEVELS "builders/0/level=3;builders/1/level=2;"
#define DIGEST "557ae2017297d4d9ef0270931c61ff658c418365aa8ef844b7d07ad3dcc93ac9"
#define CI "'https://ci.example.com/builder'"
#define CI2 "'https://ci2.example.com/builder'"
#define BOTH_BUILD                                                                                 \
    "builders/1/products=['edge-router','edge-radio'];"                                            \
    "builders/1/repositories=@builders/0/repositories;" ASK("independent", "2")
#define SECOND                                                                                     \
    "provenance/1=@provenance/0;provenance/1/builder=" CI2 ";provenance/1/key=^builders/1/keys/0"
#define SBOM                                                                                       \
    "{'name':'sbom','predicates':['https://cyclonedx.org/bom','https://spdx.dev/"                  \
    "Document'],'builders':[" CI "]}"
#define TESTS                                                                                      \
    "{'name':'tests','predicates':['https://in-toto.io/attestation/test-result/"                   \
    "v0.1'],'builders':[" CI "],'result':'PASSED'}"
#define HAS(predicate, more)                                                                       \
    "attestations=[{'predicate':'" predicate "'" more "}];attestations/0/subjects=@artifacts;"     \
    "attestations/0/key=^builders/0/keys/0"
#define PATH "{'/workflow/path':'release.yml'}"
#define BOM "https://cyclonedx.org/bom"
#define TEST_RESULT "https://in-toto.io/attestation/test-result/v0.1"

static const struct policy_case cases[] = {
    {"a level that is granted", LEVELS ASK("level", "2"), NULL, "allow edge-stable", NULL},
    {"a level that one builder lacks", LEVELS ASK("level", "3"), NULL,
     "error $.rules[0].provenance.level:", "is granted level 2; expected at least 3"},
    {"a level where none is granted", ASK("level", "1"), NULL,
     "error $.rules[0].provenance.level:", "level 0"},
    {"a level above all", "builders/0/level=4", NULL, "error $.builders[0].level:", "0 to 3"},
    {"a builder of a lower level, not asked", LEVELS ASK("level", "2"),
     "provenance/0/key=^builders/1/keys/0", "deny provenance.builder", "in the name of another"},

    {"an exact ref", ASK("refs", "['refs/tags/v2.1.0']"), NULL, "allow edge-stable", NULL},
    {"a pattern", ASK("refs", "['refs/tags/v*']"), NULL, "allow edge-stable", NULL},
    {"a pattern in the middle", ASK("refs", "['refs/*/v2.1.0']"), NULL, "allow edge-stable", NULL},
    {"two stars", ASK("refs", "['refs/tags/*.*']"), NULL, "allow edge-stable", NULL},
    {"one of several", ASK("refs", "['refs/heads/main','refs/tags/v2*']"), NULL,
     "allow edge-stable", NULL},
    {"another ref", ASK("refs", "['refs/heads/main']"), NULL, "deny provenance.builder",
     "refs/tags/v2.1.0"},
    {"a star crosses no slash", ASK("refs", "['refs/*']"), NULL, "deny provenance.builder",
     "not a ref"},
    {"two stars cross no slash", ASK("refs", "['refs/**']"), NULL, "deny provenance.builder",
     "not a ref"},
    {"a star for a part with a slash", ASK("refs", "['refs/tags*2.1.0']"), NULL,
     "deny provenance.builder", "not a ref"},
    {"only the beginning", ASK("refs", "['refs/tags/v2']"), NULL, "deny provenance.builder",
     "not a ref"},
    {"only the end", ASK("refs", "['v*']"), NULL, "deny provenance.builder", "not a ref"},
    {"another case", ASK("refs", "['refs/tags/V*']"), NULL, "deny provenance.builder", "not a ref"},
    {"no ref", ASK("refs", "['refs/tags/v*']"), "provenance/0/sources/0/ref=''",
     "deny provenance.builder", "(none)"},
    {"no ref and a star", ASK("refs", "['*']"), "provenance/0/sources/0/ref=''",
     "allow edge-stable", NULL},
    {"a second source of another ref", ASK("refs", "['refs/tags/v*']"),
     "provenance/0/sources/1=@provenance/0/sources/0;provenance/0/sources/1/ref='refs/heads/evil'",
     "deny provenance.builder", "evil"},
    {"a pattern with a space", ASK("refs", "['refs/tags/ *']"), NULL,
     "error $.rules[0].provenance.refs[0]:", "a ref"},
    {"no patterns", ASK("refs", "[]"), NULL, "error $.rules[0].provenance.refs:", "1 to 64"},

    {"a parameter", ASK("parameters", PATH), "provenance/0/parameters=" PATH, "allow edge-stable",
     NULL},
    {"among others", ASK("parameters", PATH),
     "provenance/0/parameters={'/x':1,'/workflow/path':'release.yml','/y':true}",
     "allow edge-stable", NULL},
    {"several parameters", ASK("parameters", "{'/debug':false,'/jobs':8}"),
     "provenance/0/parameters={'/debug':false,'/jobs':8}", "allow edge-stable", NULL},
    {"another value", ASK("parameters", PATH),
     "provenance/0/parameters={'/workflow/path':'evil.yml'}", "deny provenance.builder",
     "/workflow/path"},
    {"another place", ASK("parameters", PATH),
     "provenance/0/parameters={'/workflow':'release.yml'}", "deny provenance.builder",
     "/workflow/path"},
    {"no parameters said", ASK("parameters", PATH), NULL, "deny provenance.builder",
     "/workflow/path"},
    {"one of two", ASK("parameters", "{'/debug':false,'/jobs':8}"),
     "provenance/0/parameters={'/debug':false}", "deny provenance.builder", "/jobs"},
    {"a text in place of a number", ASK("parameters", "{'/jobs':8}"),
     "provenance/0/parameters={'/jobs':'8'}", "deny provenance.builder", NULL},
    {"a text in place of a boolean", ASK("parameters", "{'/debug':false}"),
     "provenance/0/parameters={'/debug':'false'}", "deny provenance.builder", NULL},
    {"in another statement", ASK("parameters", PATH),
     "provenance/1=@provenance/0;provenance/1/parameters=" PATH ";provenance/1/subjects=[]",
     "deny provenance.subjects", NULL},
    {"no pointer", ASK("parameters", "{'workflow':'x'}"), NULL,
     "error $.rules[0].provenance.parameters:", "JSON Pointers"},
    {"a broken escape", ASK("parameters", "{'/a~2':'x'}"), NULL,
     "error $.rules[0].provenance.parameters:", "JSON Pointers"},
    {"a list as value", ASK("parameters", "{'/a':[]}"), NULL,
     "error $.rules[0].provenance.parameters:", "JSON Pointers"},
    {"a negative number", ASK("parameters", "{'/a':-1}"), NULL,
     "error $.rules[0].provenance.parameters:", "JSON Pointers"},
    {"no parameters", ASK("parameters", "{}"), NULL,
     "error $.rules[0].provenance.parameters:", "1 to 32"},
    {"parameters as a list", ASK("parameters", "[]"), NULL,
     "error $.rules[0].provenance.parameters:", "object"},

    {"a dependency", ASK("dependencies", "[{'uri':'pkg:gcc@12'}]"),
     "provenance/0/dependencies=[{'uri':'pkg:gcc@12','sha256':'" DIGEST "'}]", "allow edge-stable",
     NULL},
    {"a dependency with its digest",
     ASK("dependencies", "[{'uri':'pkg:gcc@12','sha256':'" DIGEST "'}]"),
     "provenance/0/dependencies=[{'uri':'pkg:gcc@12','sha256':'" DIGEST "'}]", "allow edge-stable",
     NULL},
    {"a dependency without a digest",
     ASK("dependencies", "[{'uri':'pkg:gcc@12','sha256':'" DIGEST "'}]"),
     "provenance/0/dependencies=[{'uri':'pkg:gcc@12'}]", "deny provenance.builder", "pkg:gcc@12"},
    {"another dependency", ASK("dependencies", "[{'uri':'pkg:gcc@12'}]"),
     "provenance/0/dependencies=[{'uri':'pkg:gcc@13'}]", "deny provenance.builder",
     "what the rule asks about pkg:gcc@12"},
    {"no dependencies", ASK("dependencies", "[{'uri':'pkg:gcc@12'}]"), NULL,
     "deny provenance.builder", "pkg:gcc@12"},
    {"a dependency is no parameter", ASK("dependencies", "[{'uri':'pkg:gcc@12'}]"),
     "provenance/0/parameters={'pkg:gcc@12':''}", "deny provenance.builder", NULL},
    {"a dependency twice", ASK("dependencies", "[{'uri':'a'},{'uri':'a','sha256':'" DIGEST "'}]"),
     NULL, "error $.rules[0].provenance.dependencies[1].uri:", "once"},
    {"a dependency as a wildcard", ASK("dependencies", "[{'uri':'pkg:*'}]"), NULL,
     "error $.rules[0].provenance.dependencies[0].uri:", "wildcards"},
    {"a dependency with a short digest", ASK("dependencies", "[{'uri':'a','sha256':'00'}]"), NULL,
     "error $.rules[0].provenance.dependencies[0].sha256:", NULL},

    {"young enough", ASK("max_age_s", "3600"), "submitted_s=10000;provenance/0/finished_s=6400",
     "allow edge-stable", NULL},
    {"a second too old", ASK("max_age_s", "3600"), "submitted_s=10000;provenance/0/finished_s=6399",
     "deny provenance.builder", "too old"},
    {"a clock that is ahead", ASK("max_age_s", "3600"),
     "submitted_s=10000;provenance/0/finished_s=10300", "allow edge-stable", NULL},
    {"a build of the future", ASK("max_age_s", "3600"),
     "submitted_s=10000;provenance/0/finished_s=10301", "deny provenance.builder", "future"},
    {"no time of the build", ASK("max_age_s", "3600"), "submitted_s=10000",
     "deny provenance.builder", "does not say when"},
    {"no time of the submission", ASK("max_age_s", "3600"), "provenance/0/finished_s=6400",
     "deny provenance.builder", NULL},
    {"an age of 0", ASK("max_age_s", "0"), NULL, "error $.rules[0].provenance.max_age_s:", "60 to"},

    {"two builders agree", BOTH_BUILD, SECOND, "allow edge-stable", NULL},
    {"one builder alone", BOTH_BUILD, NULL, "deny provenance.independent", "1 builder"},
    {"one builder twice", BOTH_BUILD, "provenance/1=@provenance/0", "deny provenance.independent",
     "1 builder"},
    {"one builder with two keys", BOTH_BUILD,
     "provenance/1=@provenance/0;provenance/1/key=^builders/0/keys/1",
     "deny provenance.independent", "1 builder"},
    {"two builders about other bytes", BOTH_BUILD, SECOND ";provenance/1/subjects/0='" DIGEST "'",
     "deny provenance.independent", "1 builder"},
    {"more builders than the rule has", ASK("independent", "3"), NULL,
     "error $.rules[0].provenance.independent:", "3 of 2 builders"},
    {"one independent builder", ASK("independent", "1"), NULL,
     "error $.rules[0].provenance.independent:", "2 to 8"},

    {"a bill of materials", DEMAND("[" SBOM "]"), HAS(BOM, ""), "allow edge-stable", NULL},
    {"the other kind of it", DEMAND("[" SBOM "]"), HAS("https://spdx.dev/Document", ""),
     "allow edge-stable", NULL},
    {"by the other key of the builder", DEMAND("[" SBOM "]"),
     HAS(BOM, "") ";attestations/0/key=^builders/0/keys/1", "allow edge-stable", NULL},
    {"one for each artifact", DEMAND("[" SBOM "]"),
     HAS(BOM, "") ";attestations/1=@attestations/0;attestations/0/subjects/1=-;attestations/1/"
                  "subjects/0=-",
     "allow edge-stable", NULL},
    {"about more than the artifacts", DEMAND("[" SBOM "]"),
     HAS(BOM, "") ";attestations/0/subjects/2='" DIGEST "'", "allow edge-stable", NULL},
    {"none", DEMAND("[" SBOM "]"), NULL, "deny attestation.present",
     "none that counts for sha256:"},
    {"of another kind", DEMAND("[" SBOM "]"), HAS("https://cyclonedx.org/bom/v1.5", ""),
     "deny attestation.present", NULL},
    {"of one artifact only", DEMAND("[" SBOM "]"), HAS(BOM, "") ";attestations/0/subjects/1=-",
     "deny attestation.present", NULL},
    {"of other bytes", DEMAND("[" SBOM "]"), HAS(BOM, "") ";attestations/0/subjects/0='" DIGEST "'",
     "deny attestation.present", NULL},
    {"by another builder", DEMAND("[" SBOM "]"),
     HAS(BOM, "") ";attestations/0/key=^builders/1/keys/0", "deny attestation.present", NULL},
    {"by an approver", DEMAND("[" SBOM "]"),
     HAS(BOM, "") ";attestations/0/key=^principals/1/approval_keys/0", "deny attestation.present",
     NULL},
    {"not verified", DEMAND("[" SBOM "]"), "attestations=[null]", "deny attestation.present", NULL},
    {"tests that passed", DEMAND("[" SBOM "," TESTS "]"),
     HAS(TEST_RESULT,
         ",'result':'PASSED'") ";attestations/1=@attestations/0;attestations/1/predicate='" BOM "'",
     "allow edge-stable", NULL},
    {"tests that failed", DEMAND("[" TESTS "]"), HAS(TEST_RESULT, ",'result':'FAILED'"),
     "deny attestation.present", NULL},
    {"tests without a result", DEMAND("[" TESTS "]"), HAS(TEST_RESULT, ""),
     "deny attestation.present", NULL},
    {"a builder that builds nothing attests",
     "builders/1/repositories=-;rules/0/provenance/builders=[" CI
     "];rules/1/provenance/builders=[" CI "];builders/1/products=['edge-router'];" DEMAND(
         "[{'name':'scan','predicates':['https://in-toto.io/attestation/vulns/"
         "v0.1'],'builders':[" CI2 "]}]"),
     HAS("https://in-toto.io/attestation/vulns/v0.1", "") ";attestations/0/key=^builders/1/keys/0",
     "allow edge-stable", NULL},
    {"a builder of another product does not attest",
     DEMAND("[{'name':'scan','predicates':['https://in-toto.io/attestation/vulns/"
            "v0.1'],'builders':[" CI2 "]}]"),
     HAS("https://in-toto.io/attestation/vulns/v0.1", "") ";attestations/0/key=^builders/1/keys/0",
     "deny attestation.present", NULL},
    {"a builder without repositories builds nothing", "builders/1/repositories=-", NULL,
     "error $.rules[0].provenance.builders:", "builds from no repository"},
    {"an empty list of repositories", "builders/1/repositories=[]", NULL,
     "error $.builders[1].repositories:", "1 to 1024"},
    {"no attestations", DEMAND("[]"), NULL, "error $.rules[0].attestations:", "1 to 8"},
    {"two of one name", DEMAND("[" SBOM "," SBOM "]"), NULL,
     "error $.rules[0].attestations[1].name:", "once"},
    {"by nobody whom the policy defines",
     "rules/0/attestations=[" SBOM "];rules/0/attestations/0/builders=['https://x']", NULL,
     "error $.rules[0].attestations[0].builders[0]:", "nothing defines"},
    {"without kinds", "rules/0/attestations=[" SBOM "];rules/0/attestations/0/predicates=[]", NULL,
     "error $.rules[0].attestations[0].predicates:", "1 to 8"},
    {"an empty result", "rules/0/attestations=[" SBOM "];rules/0/attestations/0/result=''", NULL,
     "error $.rules[0].attestations[0].result:", "1 to 64"},
    {"one key, another level", LEVELS "rules/0/provenance/level=1", NULL,
     "error $.rules[1].key:", "other approvals or provenance"},
    {"one key, other refs", "rules/0/provenance/refs=['refs/tags/*']", NULL,
     "error $.rules[1].key:", NULL},
    {"one key, other dependencies", "rules/0/provenance/dependencies=[{'uri':'a'}]", NULL,
     "error $.rules[1].key:", NULL},
    {"one key, another age", "rules/0/provenance/max_age_s=60", NULL,
     "error $.rules[1].key:", NULL},
    {"one key, alone or not", "rules/0/provenance/independent=2", NULL,
     "error $.rules[1].key:", NULL},
    {"one key, other attestations", "rules/0/attestations=[" SBOM "]", NULL,
     "error $.rules[1].key:", NULL},
    {"one key, the same attestations in another order",
     "rules/0/attestations=[" SBOM "," TESTS "];rules/1/attestations=[" TESTS "," SBOM "]", NULL,
     "deny attestation.present", NULL},
};

int main(void)
{
    return policy_cases_run("policy_provenance", cases, sizeof cases / sizeof cases[0]);
}
