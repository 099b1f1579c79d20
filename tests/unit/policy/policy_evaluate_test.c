/* Decisions: each check on its own, as an edit of facts that are allowed. The pattern has one
 * character for each finding in the order of docs/formats/policy.md: 1 holds, 0 fails. */
#include "tests/unit/policy/policy_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ALICE2 "'a991e0ff4c61bad6a1bd98a6b9ad62b16330cb1bfb4b7054733c9cc93c296071'"
#define BOB "'9df68e34743d375c604695d9f9863f728258c7576f30aaecac53817778c94a5b'"
#define CAROL "'15ccb6a9cc4931aeacb7494abb8a8536148ee219325a43fe3147b67161374749'"
#define DAVE "'447356cae610b37bf9af45e85ca3f06175fcbf2c700781a46790e7bb73d22139'"
#define CI "'630dc5631c6a3b70c659c0201caf10b9996859b8eeb67246adfba555e40cc5f9'"
#define STAGING "'5b8e940cc32882c480e69c7df9bf2b0b32472724618a165091189467340e9af2'"
#define NEXT_YEAR "'5315c9c51beb6df3c5a9481cf3a18420f3de0e8673ed305501ab5c9af98e2bb9'"
#define ZERO "'0000000000000000000000000000000000000000000000000000000000000000'"
#define OTHER "'557ae2017297d4d9ef0270931c61ff658c418365aa8ef844b7d07ad3dcc93ac9'"
#define ART0 "@artifacts/0"
#define PRIOR(product, version)                                                                    \
    "prior/0={'product':'" product "','version':'" version "'};prior/0/artifact=" ART0
#define GIT "https://git.example.com/"
/* Facts that the rule `nightly` allows: no approvals, no provenance. */
#define NIGHTLY "channel='nightly';key=-;approvals=[];provenance=[]"

struct row {
    const char *name;
    const char *edits;   /* of the facts */
    const char *pattern; /* findings */
    const char *found;   /* in the text of the first failed finding, or of the last one */
};

static const struct row rows[] = {
    {"allowed", "version='2.1.0'", "1111111", "2: alice, bob"},
    {"allowed at submission", "stage='submission';approvals=[];key=-", "111111",
     "not signed before"},
    {"third approval", "approvals/2={'principal':'carol','key':" CAROL "}", "1111111",
     "3: alice, bob, carol"},
    {"another two", "approvals/0={'principal':'carol','key':" CAROL "}", "1111111",
     "2: carol, bob"},
    {"second key of the same person", "approvals/0/key=" ALICE2, "1111111", "2: alice, bob"},
    {"an approval that does not count does no harm",
     "approvals/2={'principal':'dave','key':" DAVE "}", "1111111",
     "2: alice, bob; left out: dave (not in the group)"},
    {"the submitter's approval does no harm",
     "submitter='bob';approvals/2={'principal':'carol','key':" CAROL "}", "11111111",
     "bob submitted"},
    {"the same bytes for another channel", PRIOR("edge-router", "2.1.0"), "1111111", "2: alice"},
    {"somebody else's bytes before",
     "prior/0={'product':'edge-radio','version':'1','artifact':" OTHER "}", "1111111", "2: alice"},
    {"artifacts in another order", "artifacts/2=" ART0 ";artifacts/0=-", "1111111", "2: alice"},
    {"subject named twice", "provenance/0/subjects/2=@artifacts/1", "1111111", "2: alice"},
    {"second statement holds", "provenance/1=@provenance/0;provenance/0/subjects=[]", "1111111",
     "2: "},
    {"other key of the builder", "provenance/0/key=^builders/0/keys/1", "1111111", "2: alice"},
    {"development", NIGHTLY, "1111111", "none needed"},
    {"development, whatever approvals", "channel='nightly';key=-;provenance=[null]", "1111111",
     "none needed"},

    {"unknown product", "product='edge-toaster'", "0", "none"},
    {"unknown channel", "channel='gamma'", "0", "none"},
    {"product in another case", "product='Edge-Router'", "0", "none"},
    {"channel in another case", "channel='Stable'", "0", "none"},
    {"wildcard product", "product='*'", "0", "none"},
    {"empty product", "product=''", "0", "none"},
    {"no product", "product=-", "0", "none"},
    {"no channel", "channel=-", "0", "none"},
    {"product of one rule, channel of another", "channel='lts'", "0", "none"},

    {"no submitter", "submitter=-", "1011111", "nobody"},
    {"empty submitter", "submitter=''", "1011111", "nobody"},
    {"unknown submitter", "submitter='mallory'", "1011111", "does not know"},
    {"submitter in another case", "submitter='CI-edge'", "1011111", "does not know"},
    {"submitter of another rule",
     "channel='beta';submitter='bob';key=" STAGING ";approvals=[{'principal':'dave','key':" DAVE
     "}]",
     "1011111", "bob"},
    {"auditor submits", "submitter='audit'", "1011111", "audit"},
    {"approver without that role submits", "submitter='carol'", "1011111", "carol"},

    {"key of another environment", "key=" STAGING, "1101111", "staging-2026 for staging"},
    {"another key for the same things", "key=" NEXT_YEAR, "1101111",
     "production-2027 for production"},
    {"unknown key", "key=" ZERO, "1101111", "does not know"},
    {"approval key as signing key", "key=" BOB, "1101111", "does not know"},

    {"no provenance", "provenance=[]", "1110011", "no provenance"},
    {"unverified statement", "provenance=[null]", "1110011", "not verified"},
    {"claims to be another builder", "provenance/0/builder='https://ci2.example.com/builder'",
     "1110011", "in the name of another"},
    {"claims to be an unknown builder", "provenance/0/builder='https://evil.example'", "1110011",
     "in the name of another"},
    {"builder in another case", "provenance/0/builder='https://CI.example.com/builder'", "1110011",
     "in the name of another"},
    {"builder not bound to the product",
     "provenance/0/builder='https://ci2.example.com/builder';provenance/0/key=^builders/1/keys/0",
     "1110011", "not bound to this product"},
    {"builder of another rule",
     "product='edge-radio';channel='beta';key=" STAGING
     ";approvals=[{'principal':'dave','key':" DAVE "}];"
     "provenance/0/builder='https://ci2.example.com/builder';provenance/0/key=^builders/1/keys/0;"
     "provenance/0/sources/0/repository='" GIT "edge-radio'",
     "1110011", "not signed by a builder of the rule"},
    {"another builder's key", "provenance/0/key=^builders/1/keys/0", "1110011",
     "in the name of another"},
    {"signed by an approver", "provenance/0/key=^principals/1/approval_keys/0", "1110011",
     "not signed by a builder"},
    {"signed by the submitter", "provenance/0/key=^principals/0/submit_keys/0", "1110011",
     "not signed by a builder"},
    {"signed by the release key", "provenance/0/key=^keys/0/public_key", "1110011",
     "not signed by a builder"},
    {"foreign repository", "provenance/0/sources/0/repository='" GIT "evil'", "1110011",
     GIT "evil"},
    {"repository in another case", "provenance/0/sources/0/repository='" GIT "Edge-Router'",
     "1110011", "Edge-Router"},
    {"repository below a trusted one", "provenance/0/sources/0/repository='" GIT "edge-router/x'",
     "1110011", "edge-router/x"},
    {"repository with git+", "provenance/0/sources/0/repository='git+" GIT "edge-router'",
     "1110011", "git+"},
    {"a foreign repository behind a trusted one",
     "provenance/0/sources/1={'repository':'" GIT "evil'}", "1110011", GIT "evil"},
    {"no repository", "provenance/0/sources=[]", "1110011", "no source"},
    {"empty repository", "provenance/0/sources/0/repository=''", "1110011", "repository"},
    {"subject missing", "provenance/0/subjects/1=-", "1111011", "is no subject"},
    {"subject too many", "provenance/0/subjects/2=" OTHER, "1111011", "is no artifact"},
    {"another subject", "provenance/0/subjects/1=" OTHER, "1111011", "is no subject"},
    {"no subjects", "provenance/0/subjects=[]", "1111011", "is no subject"},
    {"artifact without provenance", "artifacts/2=" OTHER, "1111011", "is no subject"},
    {"artifact left away", "artifacts/1=-", "1111011", "is no artifact"},
    {"halves in two statements",
     "provenance/1=@provenance/0;provenance/0/subjects/1=-;provenance/1/subjects/0=-", "1111011",
     "is no subject"},
    {"right builder about others, wrong builder about these",
     "provenance/1=@provenance/0;provenance/0/subjects=[" OTHER "];provenance/1/builder='x'",
     "1111011", "is no subject"},

    {"no artifacts", "artifacts=[]", "1111001", "is no artifact"},
    {"no artifacts and no subjects", "artifacts=[];provenance/0/subjects=[]", "1111001",
     "no artifact"},
    {"no artifacts in development", NIGHTLY ";artifacts=[]", "1111101", "no artifact"},
    {"released as another version", PRIOR("edge-router", "2.0.0"), "1111101", "edge-router 2.0.0"},
    {"released as another product", PRIOR("edge-radio", "2.1.0"), "1111101", "edge-radio 2.1.0"},
    {"version in another case", "version='2.1.0-RC1';" PRIOR("edge-router", "2.1.0-rc1"), "1111101",
     "rc1"},
    {"released as the same and as another",
     PRIOR("edge-router", "2.1.0") ";prior/1=@prior/0;prior/1/version='1.0'", "1111101", "1.0"},
    {"second artifact released before",
     "prior/0={'product':'edge-radio','version':'2.1.0'};prior/0/artifact=@artifacts/1", "1111101",
     "edge-radio"},
    {"released before as nothing known", "prior/0={};prior/0/artifact=" ART0, "1111101",
     "(no product)"},
    {"released before in development", NIGHTLY ";" PRIOR("edge-router", "1"), "1111101",
     "edge-router 1"},
    {"no version", "version=-", "1111101", "no version"},

    {"no approvals", "approvals=[]", "1111110", "0: nobody"},
    {"one approval too few", "approvals/1=-", "1111110", "1: alice"},
    {"one person twice", "approvals/1=@approvals/0", "1111110", "1: alice"},
    {"one person with two keys", "approvals/1={'principal':'alice','key':" ALICE2 "}", "1111110",
     "1: alice"},
    {"somebody out of another group", "approvals/1={'principal':'dave','key':" DAVE "}", "1111110",
     "dave (not in the group)"},
    {"a key of somebody else", "approvals/1/key=" CAROL, "1111110", "bob (not by a key of theirs)"},
    {"a name of somebody else", "approvals/1/principal='carol'", "1111110", "carol (not by a key"},
    {"name in another case", "approvals/1/principal='Bob'", "1111110", "Bob (not by a key"},
    {"an unknown key", "approvals/1/key=" ZERO, "1111110", "bob (not by a key of theirs)"},
    {"a submission key", "approvals/1={'principal':'ci-edge','key':" CI "}", "1111110",
     "ci-edge (not by a key of theirs)"},
    {"nobody's name", "approvals/1/principal=-", "1111110", "(nobody) (not by a key"},
    {"the submitter approves", "submitter='bob'", "11111100", "bob (the submitter)"},
    {"only the submitter approves, twice",
     "submitter='bob';approvals=[{'principal':'bob','key':" BOB "},{'principal':'bob','key':" BOB
     "}]",
     "11111100", "0: nobody; left out: bob (the submitter)"},
    {"no stage asks everything", "stage=-;approvals=[]", "1111110", "0: nobody"},
    {"everything is wrong",
     "submitter=-;key=" ZERO ";provenance=[];approvals=[];" PRIOR("edge-radio", "1"), "1000000",
     "nobody"},
    {"nothing but product and channel",
     "version=-;submitter=-;key=-;artifacts=-;provenance=-;approvals=-;prior=-", "1010000",
     "nobody"},
};
#define ROWS (sizeof rows / sizeof rows[0])

static struct policy *full_policy(void)
{
    HM_FREE char *text = document_text("accept/full.json");
    struct policy *p = NULL;
    struct hm_why why;
    if (text == NULL)
        skip();
    if (policy_load(hm_bytes_str(text), &p, &why) != HM_OK)
        fail_msg("%s", why.text);
    return p;
}

static void findings_pattern(const struct policy_verdict *v,
                             char out[static POLICY_FINDINGS_MAX + 1])
{
    for (size_t i = 0; i < v->finding_count; i++)
        out[i] = v->findings[i].ok ? '1' : '0';
    out[v->finding_count] = '\0';
}

/* The order of docs/formats/policy.md. */
static void check_order(const struct policy_verdict *v)
{
    static const char *const order[] = {
        "rule.match",          "submitter.allowed", "key.separation",  "provenance.builder",
        "provenance.subjects", "artifact.fresh",    "approvals.count", "approvals.submitter"};
    for (size_t i = 0; i < v->finding_count; i++) {
        assert_string_equal(v->findings[i].check, order[i]);
        assert_true(v->findings[i].required[0] != '\0' && v->findings[i].found[0] != '\0');
    }
}

static void check_verdict(const struct policy_verdict *v, const struct row *r)
{
    char pattern[POLICY_FINDINGS_MAX + 1];
    findings_pattern(v, pattern);
    assert_string_equal(pattern, r->pattern);
    check_order(v);
    const struct policy_finding *shown = &v->findings[v->finding_count - 1];
    for (size_t i = v->finding_count; i-- > 0;)
        if (!v->findings[i].ok)
            shown = &v->findings[i];
    if (strstr(shown->found, r->found) == NULL)
        fail_msg("%s: found \"%s\", not \"%s\"", shown->check, shown->found, r->found);
    bool all = strchr(pattern, '0') == NULL;
    assert_true(v->allow == all);
    assert_string_equal(policy_first_failed(v), all ? "" : shown->check);
    assert_true((v->matched != NULL) == (pattern[0] == '1') &&
                (v->rule[0] != '\0') == (v->matched != NULL));
}

static void check_row(void **state)
{
    const struct row *r = *state;
    struct policy *p = full_policy();
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    HM_JSON_AUTO *policy_doc = document_json("accept/full.json");
    FACTS_AUTO facts = {0};
    struct policy_verdict v;
    assert_non_null(doc);
    assert_true(document_edit(doc, r->edits, policy_doc));
    assert_true(facts_read(doc, &facts));
    memset(&v, 0xff, sizeof v); /* nothing of what was there may survive */
    policy_evaluate(p, &facts.facts, &v);
    check_verdict(&v, r);
    policy_free(p);
}

int main(void)
{
    struct CMUnitTest tests[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        tests[i] =
            (struct CMUnitTest){rows[i].name, check_row, NULL, NULL, (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests_name("policy_evaluate", tests, NULL, NULL);
}
