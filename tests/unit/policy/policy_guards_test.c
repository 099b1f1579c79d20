/* The policy against the guards of its keys. */
#include "policy/policy_guards.h"

#include "tests/unit/policy/policy_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { KEYS = 4, STABLE = 0, NIGHTLY = 2 };

struct world {
    struct policy *policy;
    struct hm_guards guards;
    struct hm_guard guard[KEYS];
    struct hm_key approvers[8];
};

/* Guards that ask for just what the rules of full.json, edited, ask for. */
static int make_edited(const char *edits, void **state)
{
    static const size_t approvals[KEYS] = {2, 1, 0, 2};
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    if (doc == NULL || !document_edit(doc, edits, NULL))
        return -1;
    HM_FREE char *text = json_dumps(doc, 0);
    struct world *w = calloc(1, sizeof *w);
    if (text == NULL || w == NULL || policy_load(hm_bytes_str(text), &w->policy, NULL) != HM_OK)
        return -1;
    size_t n = 0;
    for (size_t i = 0; policy_principal_at(w->policy, i) != NULL; i++) {
        const struct policy_principal *a = policy_principal_at(w->policy, i);
        for (size_t k = 0; k < a->approval_key_count && n < 8; k++)
            w->approvers[n++] = a->approval_keys[k];
    }
    for (size_t i = 0; i < KEYS; i++) {
        const struct policy_release_key *k = policy_key_at(w->policy, i);
        struct hm_guard *g = &w->guard[i];
        g->key = k->key_id;
        memcpy(g->environment, k->environment, strlen(k->environment) + 1);
        g->approvals = approvals[i];
        g->approvers = w->approvers;
        g->approver_count = n;
    }
    w->guards.guards = w->guard;
    w->guards.count = KEYS;
    *state = w;
    return 0;
}

static int make(void **state)
{
    return make_edited("name='Full'", state);
}

/* carol and dave approve by tokens that verify them. */
static int make_verified(void **state)
{
    return make_edited("principals/3/approval_keys/0/user_verification=true;"
                       "principals/4/approval_keys/0/user_verification=true;"
                       "groups/0/members/3='dave';rules/0/approvals/user_verification=true;"
                       "rules/1/approvals/user_verification=true",
                       state);
}

static int drop(void **state)
{
    struct world *w = *state;
    policy_free(w->policy);
    free(w);
    return 0;
}

static void refused(const struct world *w, const char *path, const char *says)
{
    struct hm_why why = {""};
    assert_int_equal(policy_check_guards(w->policy, &w->guards, &why), HM_E_CONFIG);
    if (strncmp(why.text, path, strlen(path)) != 0 || strstr(why.text, says) == NULL)
        fail_msg("%s", why.text);
}

static void as_asked(void **state)
{
    struct world *w = *state;
    struct hm_why why = {""};
    if (policy_check_guards(w->policy, &w->guards, &why) != HM_OK)
        fail_msg("%s", why.text);
    w->guard[STABLE].approvals = 0; /* the rule may ask for more */
    assert_int_equal(policy_check_guards(w->policy, &w->guards, NULL), HM_OK);
}

static void guard_asks_for_more(void **state)
{
    struct world *w = *state;
    w->guard[STABLE].approvals = 3;
    refused(w, "$.rules[0].approvals:", "asks for 2 approvals, the guard of its key");
}

static void guard_asks_where_the_rule_does_not(void **state)
{
    struct world *w = *state;
    w->guard[NIGHTLY].approvals = 1;
    refused(w, "$.rules[3].approvals:", "asks for 0 approvals");
}

static void key_without_guard(void **state)
{
    struct world *w = *state;
    w->guard[1].key.b[0] ^= 1;
    refused(w, "$.keys[1]:", "has no guard");
}

static void no_guards(void **state)
{
    struct world *w = *state;
    w->guards.count = 0;
    refused(w, "$.keys[0]:", "has no guard");
}

static void guard_of_another_environment(void **state)
{
    struct world *w = *state;
    memcpy(w->guard[STABLE].environment, "staging", 8);
    refused(w, "$.keys[0].environment:", "is for production, but its guard is for staging");
}

static void guard_of_other_people(void **state)
{
    struct world *w = *state;
    w->guard[STABLE].approver_count = 2; /* two keys of alice */
    refused(w, "$.rules[0].approvals:", "asks 1 people");
    w->guard[STABLE].approver_count = 0;
    refused(w, "$.rules[0].approvals:", "asks 0 people");
}

static void guard_of_keys_that_do_not_count(void **state)
{
    struct world *w = *state;
    struct hm_why why = {""};
    if (policy_check_guards(w->policy, &w->guards, &why) != HM_OK)
        fail_msg("%s", why.text);
    w->guard[STABLE].approver_count = 4; /* all but dave's: of the rule's people, carol's counts */
    refused(w, "$.rules[0].approvals:", "asks 1 people");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_asked, make, drop),
        cmocka_unit_test_setup_teardown(guard_asks_for_more, make, drop),
        cmocka_unit_test_setup_teardown(guard_asks_where_the_rule_does_not, make, drop),
        cmocka_unit_test_setup_teardown(key_without_guard, make, drop),
        cmocka_unit_test_setup_teardown(no_guards, make, drop),
        cmocka_unit_test_setup_teardown(guard_of_another_environment, make, drop),
        cmocka_unit_test_setup_teardown(guard_of_other_people, make, drop),
        cmocka_unit_test_setup_teardown(guard_of_keys_that_do_not_count, make_verified, drop),
    };
    return cmocka_run_group_tests_name("policy_guards", tests, NULL, NULL);
}
