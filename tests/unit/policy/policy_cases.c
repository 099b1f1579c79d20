#include "tests/unit/policy/policy_cases.h"

#include "tests/unit/policy/policy_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct policy *load(const struct policy_case *c, json_t *doc, char *said, size_t cap)
{
    struct policy *p = NULL;
    struct hm_why why = {""};
    if (c->policy != NULL)
        assert_true(document_edit(doc, c->policy, NULL));
    HM_FREE char *text = json_dumps(doc, 0);
    assert_non_null(text);
    if (policy_load(hm_bytes_str(text), &p, &why) != HM_OK)
        (void)snprintf(said, cap, "%s", why.text);
    return p;
}

static void says(const struct policy_case *c, const char *text)
{
    if (c->says != NULL && strstr(text, c->says) == NULL)
        fail_msg("it says \"%s\", not \"%s\"", text, c->says);
}

static void check_verdict(const struct policy_case *c, const struct policy_verdict *v)
{
    char got[160];
    const struct policy_finding *shown = NULL;
    for (size_t i = 0; i < v->finding_count; i++) {
        assert_true(v->findings[i].required[0] != '\0' && v->findings[i].found[0] != '\0');
        if (shown == NULL || shown->ok)
            shown = &v->findings[i];
    }
    assert_non_null(shown);
    assert_true(v->allow == shown->ok);
    if (v->allow)
        (void)snprintf(got, sizeof got, "allow %s", v->rule);
    else
        (void)snprintf(got, sizeof got, "deny %s", policy_first_failed(v));
    if (strcmp(got, c->expect) != 0)
        fail_msg("%s (required: %s; found: %s), expected %s", got, shown->required, shown->found,
                 c->expect);
    says(c, shown->found);
}

static void run(void **state)
{
    const struct policy_case *c = *state;
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    HM_JSON_AUTO *facts_doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    struct policy_verdict v;
    char error[HM_WHY_MAX] = "";
    if (doc == NULL)
        skip();
    struct policy *p = load(c, doc, error, sizeof error);
    if (strncmp(c->expect, "error ", 6) == 0) {
        if (p != NULL || strncmp(error, c->expect + 6, strlen(c->expect + 6)) != 0)
            fail_msg("%s, expected %s", p != NULL ? "it loads" : error, c->expect);
        says(c, error);
        return;
    }
    if (p == NULL)
        fail_msg("%s", error);
    if (c->facts != NULL)
        assert_true(document_edit(facts_doc, c->facts, doc));
    assert_true(facts_read(facts_doc, &facts));
    memset(&v, 0xff, sizeof v); /* nothing of what was there may survive */
    policy_evaluate(p, &facts.facts, &v);
    check_verdict(c, &v);
    policy_free(p);
}

int policy_cases_run(const char *group, const struct policy_case *cases, size_t count)
{
    HM_FREE struct CMUnitTest *tests = calloc(count, sizeof *tests);
    if (tests == NULL)
        return 1;
    for (size_t i = 0; i < count; i++)
        tests[i] =
            (struct CMUnitTest){cases[i].name, run, NULL, NULL, (void *)(uintptr_t)&cases[i]};
    return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
