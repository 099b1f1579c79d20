/* Any bytes as {"policy", "other", "cases"}: what loads is compared, with itself and the other one,
 * and decides the cases. Nothing may crash, and a policy does not differ from itself. */
#include "client/cli_case.h"
#include "client/cli_diff.h"
#include "schema/json/hm_json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)1024 * 1024)

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct policy *load(const json_t *doc)
{
    struct policy *p = NULL;
    HM_FREE char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    if (text == NULL || policy_load(hm_bytes_str(text), &p, NULL) != HM_OK)
        return NULL;
    return p;
}

static size_t compare(const struct cli_diff_side *a, const struct cli_diff_side *b)
{
    CLI_DIFF_AUTO d = {.changes = NULL};
    must(cli_diff_make(*a, *b, &d, NULL) == HM_OK);
    size_t n = 0;
    for (size_t k = 0; k < CLI_DIFF_KINDS; k++)
        n += d.count[k];
    must(n == json_array_size(d.changes));
    return n;
}

static void decide(const struct policy *p, const json_t *doc)
{
    HM_FREE char *text = doc != NULL ? json_dumps(doc, JSON_COMPACT) : NULL;
    CLI_CASES_AUTO cases = {.doc = NULL};
    if (text == NULL || cli_cases_read(hm_bytes_str(text), &cases, NULL) != HM_OK)
        return;
    for (size_t i = 0; i < cases.count; i++) {
        CLI_CASE_FACTS_AUTO *f = NULL;
        struct policy_verdict v;
        if (cli_case_facts_read(p, cases.list[i].facts, "$", &f, NULL) != HM_OK)
            continue;
        policy_evaluate(p, &f->facts, &v);
        (void)cli_case_holds(&cases.list[i], &v);
        /* Nobody releases beyond development without anybody's approval. */
        must(!v.allow || f->facts.stage == POLICY_AT_SUBMISSION || v.approvals_counted > 0 ||
             strcmp(v.matched->environment, "development") == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    HM_JSON_AUTO *doc = NULL;
    if (hm_json_parse(hm_bytes_of(data, size), HM_JSON_OURS(INPUT_MAX), &doc, NULL) != HM_OK)
        return 0;
    struct cli_diff_side a = {NULL, json_object_get(doc, "policy")};
    struct cli_diff_side b = {NULL, json_object_get(doc, "other")};
    struct policy *p = load(a.doc);
    struct policy *o = load(b.doc);
    a.policy = p;
    b.policy = o;
    if (p != NULL) {
        must(compare(&a, &a) == 0);
        decide(p, json_object_get(doc, "cases"));
    }
    if (p != NULL && o != NULL)
        must((compare(&a, &b) == 0) == (compare(&b, &a) == 0));
    policy_free(p);
    policy_free(o);
    return 0;
}
