/* Loading and linting: every error of docs/formats/policy.md, as an edit of a good document, with
 * the path and the expectation that its text has to name. */
#include "tests/unit/policy/policy_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct row {
    const char *name;
    const char *edits;
    const char *where;    /* beginning of the error; NULL: loads */
    const char *expected; /* somewhere in the error */
};

#define B0 "'https://ci.example.com/builder'"
#define RULE(id, product, channel, key, env, rest)                                                 \
    "rules/4={'id':'" id "','products':['" product "'],'channels':['" channel "'],'key':'" key     \
    "','environment':'" env "','submitters':['ci-edge']," rest "}"

#define ADMIN_KEY_1                                                                                \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTaR0mwSWWvm+e1zH9KEOlTAhlTjfPzyPRe2FUHiizo"
#define ADMIN_KEY_2                                                                                \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBaKj5xL3n7zBW7KcoOVoJJogvDJsx8rjyAxWp5Z+Obf"
#define ADMINISTRATOR(id, key)                                                                     \
    "{'id':'" id "','roles':['administrator'],'approval_keys':[{'ssh':'" key "'}]}"
/* Two administrators, a group of theirs, and a quorum out of a group. */
#define ADMIN(group, count)                                                                        \
    "principals/6=" ADMINISTRATOR("dora", ADMIN_KEY_1) ";principals/7=" ADMINISTRATOR(             \
        "emil", ADMIN_KEY_2) ";groups/2={'id':'administrators','members':['dora','emil']};"        \
                             "administration={'group':'" group "','count':" count "}"

static const struct row rows[] = {
    {"as it is", "name='Other'", NULL, NULL},
    {"no rules", "rules=[]", NULL, NULL},
    {"without groups", "rules/0=-;rules/0=-;rules/0=-;groups=-", NULL, NULL},
    {"lowest time to live", "rules/0/approval_ttl_s=60", NULL, NULL},
    {"highest time to live", "rules/0/approval_ttl_s=7776000", NULL, NULL},
    {"the whole group", "rules/0/approvals/count=3;rules/1/approvals/count=3", NULL, NULL},
    {"none in development", "rules/3/approvals='none'", NULL, NULL},
    {"a group of auditors that no rule uses", "groups/2={'id':'x','members':['audit']}", NULL,
     NULL},
    {"a group called like a principal", "groups/2={'id':'alice','members':['bob']}", NULL, NULL},
    {"two keys for one product",
     RULE("lts", "edge-router", "lts", "production-2026", "production",
          "'approvals':{'group':'release-managers','count':2},"
          "'provenance':{'builders':['https://ci2.example.com/builder'," B0 "]}"),
     NULL, NULL},

    {"two administrators", ADMIN("administrators", "2"), NULL, NULL},
    {"one administrator of nothing", "rules=[];keys=[];" ADMIN("administrators", "1"), NULL, NULL},
    {"one administrator over production", ADMIN("administrators", "1"),
     "$.administration.count:", "at least 2"},
    {"no administrators", ADMIN("administrators", "0"), "$.administration.count:", "1 to 16"},
    {"seventeen administrators", ADMIN("administrators", "17"),
     "$.administration.count:", "1 to 16"},
    {"more administrators than there are", ADMIN("administrators", "3"),
     "$.administration.count:", "at most"},
    {"administrators whom nothing defines", ADMIN("others", "2"),
     "$.administration.group:", "nothing defines"},
    {"approvers as administrators", ADMIN("release-managers", "2"),
     "$.administration.group:", "no administrator"},
    {"administrator without a key", ADMIN("administrators", "2") ";principals/7/approval_keys=[]",
     "$.administration.group:", "no approval key"},
    {"administration without a count", "administration={'group':'release-managers'}",
     "$.administration.count:", "missing"},
    {"administration without a group", "administration={'count':2}",
     "$.administration.group:", "missing"},
    {"unknown member of the administration", "administration={'group':'x','count':2,'quorum':1}",
     "$.administration.quorum:", "unknown"},
    {"administration as a list", "administration=[]", "$.administration:", "object"},

    {"version 0", "version=0", "$.version:", "1"},
    {"version 2", "version=2", "$.version:", "1"},
    {"version as text", "version='1'", "$.version:", "integer"},
    {"no version", "version=-", "$.version:", "missing"},
    {"no name", "name=-", "$.name:", "missing"},
    {"empty name", "name=''", "$.name:", "1 to 128"},
    {"name with a line break", "name='a\\nb'", "$.name:", "printable"},
    {"name with a bidirectional control", "name='a\\u202eb'", "$.name:", "printable"},
    {"domain in upper case", "vendor_domain='Example.com'", "$.vendor_domain:", "lower case"},
    {"domain with an empty label", "vendor_domain='a..b'", "$.vendor_domain:", "domain"},
    {"domain with a dot behind", "vendor_domain='example.com.'", "$.vendor_domain:", "domain"},
    {"domain with a hyphen in front", "vendor_domain='-a.b'", "$.vendor_domain:", "domain"},
    {"domain with a hyphen before a dot", "vendor_domain='a-.b'", "$.vendor_domain:", "domain"},
    {"wildcard domain", "vendor_domain='*.example.com'", "$.vendor_domain:", "domain"},
    {"unknown member on top", "default='allow'", "$.default:", "unknown"},
    {"unknown member of a principal", "principals/0/email='a'",
     "$.principals[0].email:", "unknown"},
    {"unknown member of a credential", "principals/0/credentials/0/cn='a'",
     "$.principals[0].credentials[0].cn:", "unknown"},
    {"unknown member of a group", "groups/0/quorum=1", "$.groups[0].quorum:", "unknown"},
    {"unknown member of a builder", "builders/0/url='a'", "$.builders[0].url:", "unknown"},
    {"unknown member of a key", "keys/0/token='a'", "$.keys[0].token:", "unknown"},
    {"unknown member of a rule", "rules/0/priority=1", "$.rules[0].priority:", "unknown"},
    {"unknown member of approvals", "rules/0/approvals/or=1",
     "$.rules[0].approvals.or:", "unknown"},
    {"unknown member of provenance", "rules/0/provenance/depth=3",
     "$.rules[0].provenance.depth:", "unknown"},

    {"no principals", "principals=[]", "$.principals:", "1 to 4096"},
    {"principal that is no object", "principals/0='ci-edge'", "$.principals[0]:", "object"},
    {"id with a space", "principals/0/id='ci edge'", "$.principals[0].id:", "name"},
    {"id as wildcard", "principals/0/id='*'", "$.principals[0].id:", "name"},
    {"unknown role", "principals/0/roles/0='admin'", "$.principals[0].roles[0]:", "submitter"},
    {"role in upper case", "principals/1/roles/0='Approver'",
     "$.principals[1].roles[0]:", "approver"},
    {"role twice", "principals/1/roles=['approver','approver']",
     "$.principals[1].roles[1]:", "once"},
    {"no roles", "principals/5/roles=[]", "$.principals[5].roles:", "1 to 5"},
    {"display name with a control character", "principals/0/name='\\u0007'",
     "$.principals[0].name:", "printable"},
    {"credential of both kinds",
     "principals/0/credentials/0/fingerprint=@principals/1/credentials/0/fingerprint",
     "$.principals[0].credentials[0]:", "exactly one"},
    {"credential of no kind", "principals/0/credentials/0={}",
     "$.principals[0].credentials[0]:", "exactly one"},
    {"wildcard URI", "principals/0/credentials/0/san_uri='spiffe://example.com/*'",
     "$.principals[0].credentials[0].san_uri:", "wildcards"},
    {"fingerprint without its algorithm", "principals/1/credentials/0/fingerprint='00'",
     "$.principals[1].credentials[0].fingerprint:", "sha256:"},
    {"URI of two principals", "principals/5/credentials=@principals/0/credentials",
     "$.principals[5].credentials[0]:", "$.principals[0].credentials[0]"},
    {"URI in another case", "principals/5/credentials/0/san_uri='spiffe://example.com/CI/edge'",
     "$.principals[5].credentials[0]:", "case"},
    {"fingerprint of two principals", "principals/5/credentials=@principals/1/credentials",
     "$.principals[5].credentials[0]:", "$.principals[1].credentials[0]"},
    {"principal twice", "principals/6={'id':'alice','roles':['auditor']}",
     "$.principals[6].id:", "$.principals[1].id"},
    {"principal in another case", "principals/6={'id':'ALICE','roles':['auditor']}",
     "$.principals[6].id:", "case"},

    {"key that is none", "principals/0/submit_keys/0={'pem':'x'}",
     "$.principals[0].submit_keys[0].pem:", "expected"},
    {"key of two approvers", "principals/2/approval_keys/0=@principals/1/approval_keys/0",
     "$.principals[2].approval_keys[0]:", "$.principals[1].approval_keys[0]"},
    {"key twice in one list", "principals/1/approval_keys/1=@principals/1/approval_keys/0",
     "$.principals[1].approval_keys[1]:", "one holder"},
    {"key that submits and approves", "principals/2/submit_keys/0=@principals/2/approval_keys/0",
     "$.principals[2].approval_keys[0]:", "$.principals[2].submit_keys[0]"},
    {"key that builds and approves", "builders/0/keys/1=@principals/1/approval_keys/1",
     "$.builders[0].keys[1]:", "$.principals[1].approval_keys[1]"},
    {"key that builds and submits", "builders/1/keys/0=@principals/0/submit_keys/0",
     "$.builders[1].keys[0]:", "$.principals[0].submit_keys[0]"},
    {"key of two builders", "builders/1/keys/0=@builders/0/keys/1",
     "$.builders[1].keys[0]:", "$.builders[0].keys[1]"},
    {"release key that builds", "keys/0/public_key=@builders/0/keys/0",
     "$.keys[0].public_key:", "$.builders[0].keys[0]"},
    {"release key under two ids", "keys/1/public_key=@keys/0/public_key",
     "$.keys[1].public_key:", "$.keys[0].public_key"},
    {"release key that is Ed25519", "keys/0/public_key=@builders/0/keys/1",
     "$.keys[0].public_key:", "P-256"},
    {"release key as ssh", "keys/0/public_key=@principals/2/approval_keys/0",
     "$.keys[0].public_key:", "pem"},
    {"hardware key of a builder", "builders/0/keys/0=@principals/3/approval_keys/0",
     "$.builders[0].keys[0]:", "sk-"},
    {"builder without keys", "builders/0/keys=[]", "$.builders[0].keys:", "1 to 16"},

    {"group without members", "groups/0/members=[]", "$.groups[0].members:", "1 to 4096"},
    {"person twice in a group", "groups/0/members/2='alice'", "$.groups[0].members[2]:", "once"},
    {"unknown member of a group's list", "groups/0/members/2='zoe'",
     "$.groups[0].members[2]:", "$.principals"},
    {"member in another case", "groups/0/members/2='Carol'",
     "$.groups[0].members[2]:", "nothing defines"},
    {"wildcard member", "groups/0/members/0='*'", "$.groups[0].members[0]:", "wildcards"},
    {"group in a group", "groups/0/members/0='security'",
     "$.groups[0].members[0]:", "nothing defines"},
    {"group twice", "groups/1/id='release-managers'", "$.groups[1].id:", "$.groups[0].id"},

    {"builder twice", "builders/1/id=" B0, "$.builders[1].id:", "$.builders[0].id"},
    {"builder in another case", "builders/1/id='HTTPS://ci.example.com/builder'",
     "$.builders[1].id:", "case"},
    {"builder with a wildcard", "builders/1/id='https://*'", "$.builders[1].id:", "wildcards"},
    {"builder for every product", "builders/0/products=['*']",
     "$.builders[0].products[0]:", "wildcards"},
    {"builder without products", "builders/0/products=[]", "$.builders[0].products:", "1 to 1024"},
    {"builder without repositories", "builders/0/repositories=-",
     "$.rules[0].provenance.builders:", "builds from no repository"},
    {"repository with git+", "builders/0/repositories/0='git+https://x/y'",
     "$.builders[0].repositories[0]:", "git+"},
    {"repository with a wildcard", "builders/0/repositories/0='https://git.example.com/*'",
     "$.builders[0].repositories[0]:", "wildcards"},
    {"product in another case", "builders/0/products/0='Edge-Router'", "$.", "case"},
    {"channel in another case", "keys/0/channels/1='STABLE'", "$.keys[0].channels[", "case"},

    {"unknown environment", "keys/0/environment='prod'", "$.keys[0].environment:", "production"},
    {"key without channels", "keys/0/channels=[]", "$.keys[0].channels:", "1 to 64"},
    {"key for every channel", "keys/0/channels=['*']", "$.keys[0].channels[0]:", "wildcards"},
    {"key id twice", "keys/1/id='dev-2026'", "$.keys[2].id:", "$.keys[1].id"},

    {"rule id twice", "rules/1/id='edge-stable'", "$.rules[1].id:", "$.rules[0].id"},
    {"rule without products", "rules/0/products=[]", "$.rules[0].products:", "1 to 1024"},
    {"rule for every product", "rules/0/products=['*']", "$.rules[0].products[0]:", "wildcards"},
    {"rule with a product twice", "rules/2/products=['edge-router','edge-router']",
     "$.rules[2].products[1]:", "once"},
    {"rule without environment", "rules/0/environment=-", "$.rules[0].environment:", "missing"},
    {"rule without submitters", "rules/0/submitters=[]", "$.rules[0].submitters:", "1 to 4096"},
    {"unknown submitter", "rules/0/submitters/0='zoe'",
     "$.rules[0].submitters[0]:", "$.principals"},
    {"submitter that may not", "rules/0/submitters/0='alice'", "$.rules[0].submitters:", "role"},
    {"unknown key", "rules/0/key='production-2028'", "$.rules[0].key:", "$.keys"},
    {"key of another environment", "rules/0/key='staging-2026'",
     "$.rules[0].environment:", "staging"},
    {"product the key does not sign", "rules/3/products/1='edge-radio'",
     "$.rules[3].products[1]:", "key"},
    {"channel the key does not sign", "rules/0/channels/1='nightly'",
     "$.rules[0].channels[1]:", "key"},
    {"two rules for one product and channel", "rules/1/products/1='edge-router'",
     "$.rules[1]:", "\"edge-router\" on channel \"stable\""},
    {"no approvals said", "rules/0/approvals=-", "$.rules[0].approvals:", "missing"},
    {"approvals null", "rules/0/approvals=null", "$.rules[0].approvals:", "group"},
    {"approvals as a number", "rules/0/approvals=2", "$.rules[0].approvals:", "group"},
    {"approvals none in production", "rules/0/approvals='none'",
     "$.rules[0].approvals:", "development"},
    {"approvals none in staging", "rules/2/approvals='none'",
     "$.rules[2].approvals:", "development"},
    {"approvals None", "rules/3/approvals='None'", "$.rules[3].approvals:", "none"},
    {"count 0", "rules/0/approvals/count=0", "$.rules[0].approvals.count:", "1 to 32"},
    {"count -1", "rules/0/approvals/count=-1", "$.rules[0].approvals.count:", "1 to 32"},
    {"count 33", "rules/0/approvals/count=33", "$.rules[0].approvals.count:", "1 to 32"},
    {"count beyond the integers of JSON", "rules/0/approvals/count=9223372036854775807", "line ",
     "integer"},
    {"count as text", "rules/0/approvals/count='2'", "$.rules[0].approvals.count:", "integer"},
    {"count true", "rules/0/approvals/count=true", "$.rules[0].approvals.count:", "integer"},
    {"count 0 in development", "rules/3/approvals={'group':'security','count':0}",
     "$.rules[3].approvals.count:", "1 to 32"},
    {"more people than the group has", "rules/2/approvals/count=2",
     "$.rules[2].approvals.count:", "1 members"},
    {"unknown group", "rules/0/approvals/group='all'", "$.rules[0].approvals.group:", "$.groups"},
    {"approver without key", "principals/4/approval_keys=-",
     "$.rules[2].approvals.group:", "no approval key"},
    {"member that is no approver", "principals/4/roles=['auditor']",
     "$.rules[2].approvals.group:", "role"},
    {"no provenance said", "rules/0/provenance=-", "$.rules[0].provenance:", "missing"},
    {"provenance none in production", "rules/0/provenance='none'",
     "$.rules[0].provenance:", "development"},
    {"provenance false", "rules/3/provenance=false", "$.rules[3].provenance:", "none"},
    {"no builders", "rules/0/provenance/builders=[]",
     "$.rules[0].provenance.builders:", "1 to 256"},
    {"unknown builder", "rules/0/provenance/builders/0='https://x'",
     "$.rules[0].provenance.builders[0]:", "$.builders"},
    {"builder twice in a rule", "rules/0/provenance/builders/1=" B0,
     "$.rules[0].provenance.builders[1]:", "once"},
    {"one key with two counts", "rules/1/approvals/count=1", "$.rules[1].key:", "$.rules[0]"},
    {"one key with two groups",
     "groups/2={'id':'x','members':['alice','bob','carol']};rules/1/approvals/group='x'",
     "$.rules[1].key:", "$.rules[0]"},
    {"one key with fewer builders", "rules/1/provenance/builders/0=-",
     "$.rules[1].key:", "$.rules[0]"},
    {"one key with and without approvals",
     RULE("dev2", "edge-router", "night2", "dev-2026", "development",
          "'approvals':{'group':'security','count':1},'provenance':'none'") ";keys/2/channels/"
                                                                            "1='night2'",
     "$.rules[4].key:", "$.rules[3]"},
    {"one key with and without provenance",
     RULE("dev2", "edge-router", "night2", "dev-2026", "development",
          "'approvals':'none','provenance':{'builders':[" B0 "]}") ";keys/2/channels/1='night2'",
     "$.rules[4].key:", "$.rules[3]"},
    {"time to live 59", "rules/0/approval_ttl_s=59", "$.rules[0].approval_ttl_s:", "60 to 7776000"},
    {"time to live of 90 days and a second", "rules/0/approval_ttl_s=7776001",
     "$.rules[0].approval_ttl_s:", "60 to 7776000"},
    {"time to live as text", "rules/0/approval_ttl_s='7d'",
     "$.rules[0].approval_ttl_s:", "integer"},
};
#define ROWS (sizeof rows / sizeof rows[0])

static void check_row(void **state)
{
    const struct row *r = *state;
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    if (doc == NULL)
        skip();
    assert_true(document_edit(doc, r->edits, NULL));
    HM_FREE char *text = json_dumps(doc, 0);
    assert_non_null(text);
    struct policy *p = NULL;
    struct hm_why why = {""};
    enum hm_err err = policy_load(hm_bytes_str(text), &p, &why);
    if (r->where == NULL) {
        if (err != HM_OK)
            fail_msg("%s", why.text);
        policy_free(p);
        return;
    }
    assert_int_not_equal(err, HM_OK);
    assert_null(p);
    if (strncmp(why.text, r->where, strlen(r->where)) != 0 || strstr(why.text, r->expected) == NULL)
        fail_msg("\"%s\" does not begin with %s and name %s", why.text, r->where, r->expected);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] =
            (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests_name("policy_load", tests, NULL, NULL);
}
