/* Any bytes as a policy; what loads is asked, with facts made of the policy itself, and must keep
 * its promises. */
#include "policy/policy_verdict.h"
#include "schema/core/hm_text.h"

#include <stdlib.h>
#include <string.h>

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void check_verdict(const struct policy *p, const struct policy_facts *f)
{
    struct policy_verdict v;
    HM_BUF_AUTO json = {0};
    policy_evaluate(p, f, &v);
    must(v.finding_count > 0 && v.finding_count <= POLICY_FINDINGS_MAX);
    must(v.allow == (policy_first_failed(&v)[0] == '\0'));
    must(v.allow ? v.matched != NULL : true);
    for (size_t i = 0; i < v.finding_count; i++) {
        must(hm_printable_ok(hm_bytes_str(v.findings[i].required)));
        must(hm_printable_ok(hm_bytes_str(v.findings[i].found)));
    }
    must(policy_verdict_json(&v, &json, NULL) == HM_OK);
    /* Nothing is allowed without artifacts, without a submitter, or beyond development without
     * approvals. */
    must(!v.allow || (f->artifact_count > 0 && f->submitter != NULL));
    must(!v.allow || v.approvals_counted > 0 || strcmp(v.matched->environment, "development") == 0);
}

enum { PEOPLE = 8 };

static size_t take_approvals(const struct policy *p, struct policy_fact_approval out[static PEOPLE])
{
    size_t n = 0;
    for (size_t i = 0; n < PEOPLE && policy_principal_at(p, i) != NULL; i++) {
        const struct policy_principal *a = policy_principal_at(p, i);
        if (a->approval_key_count > 0)
            out[n++] =
                (struct policy_fact_approval){a->id, hm_key_id(&a->approval_keys[0]), i, true};
    }
    return n;
}

/* A statement by the builder of the corpus, if the policy knows it. */
static size_t take_provenance(const struct policy *p, const struct hm_digest *artifact,
                              struct hm_provenance *statement, struct policy_fact_provenance *out)
{
    size_t n = 0;
    const struct hm_key *keys = policy_builder_keys(p, statement->builder, &n);
    if (n == 0)
        return 0;
    statement->subjects[0] = *artifact;
    statement->subject_count = 1;
    statement->source_count = 1;
    *out = (struct policy_fact_provenance){statement, keys[0]};
    return 1;
}

static void ask(const struct policy *p, const char *product, const char *channel)
{
    struct policy_fact_approval approvals[PEOPLE];
    struct policy_fact_provenance provenance = {0};
    struct hm_provenance statement = {.builder = "https://ci.example.com/builder",
                                      .sources = {{.repository = "https://git.example.com/p"}}};
    const struct hm_digest artifact = {{1}};
    const struct hm_hardware hardware = {.model = "er-100", .revision = "b"};
    const struct policy_fact_last last = {.version = "1", .size = 900};
    const struct policy_fact_set set = {&artifact, 1};
    const struct policy_fact_earlier earlier = {product, "staging", channel, "ci", 1, set};
    size_t n = take_approvals(p, approvals);
    size_t statements = take_provenance(p, &artifact, &statement, &provenance);
    for (size_t i = 0; i < PEOPLE && policy_principal_at(p, i) != NULL; i++) {
        const struct policy_facts f = {.stage = POLICY_AT_SIGNING,
                                       .hardware = &hardware,
                                       .hardware_count = 1,
                                       .break_glass = i % 2 == 1 ? "because" : NULL,
                                       .now_s = 1795392000,
                                       .submitted_s = 1795392000,
                                       .size = 1000,
                                       .last = &last,
                                       .same_version = &set,
                                       .same_version_count = 1,
                                       .earlier = &earlier,
                                       .earlier_count = 1,
                                       .product = product,
                                       .version = "1",
                                       .channel = channel,
                                       .submitter = policy_principal_at(p, i)->id,
                                       .artifacts = &artifact,
                                       .artifact_count = 1,
                                       .provenance = &provenance,
                                       .provenance_count = statements,
                                       .approvals = approvals,
                                       .approval_count = n};
        check_verdict(p, &f);
    }
}

static void look_up(const struct policy *p)
{
    for (size_t i = 0; policy_principal_at(p, i) != NULL; i++) {
        const struct policy_principal *a = policy_principal_at(p, i);
        must(policy_principal(p, a->id) == a);
        for (size_t j = 0; j < a->approval_key_count; j++) {
            must(policy_by_approval_key(p, &a->approval_keys[j]) == a);
            must(policy_by_submit_key(p, &a->approval_keys[j]) == NULL);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy *p = NULL;
    struct hm_why why = {""};
    const struct policy_facts nothing = {0};
    if (policy_load(hm_bytes_of(data, size), &p, &why) != HM_OK) {
        must(p == NULL && why.text[0] != '\0');
        return 0;
    }
    look_up(p);
    check_verdict(p, &nothing);
    static const char *const pairs[][2] = {
        {"p", "c"}, {"p", "stable"}, {"edge-router", "stable"}, {"edge-router", "nightly"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        ask(p, pairs[i][0], pairs[i][1]);
    policy_free(p);
    return 0;
}
