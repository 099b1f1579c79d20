/* What one decision costs under a policy of 100 rules and 200 principals, and that it allocates
 * nothing. The figure is printed; the bound is wide enough for sanitizers and busy machines. */
#include "tests/unit/policy/policy_facts.h"

#include "schema/trust/hm_keydoc.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define PRINCIPALS 200
#define RULES 100
#define DECISIONS 20000
#define BOUND_NS 500000.0

/* Raw Ed25519 values that decode as points; loading wants keys, nobody signs with them. */
static struct hm_key make_key(size_t n)
{
    struct hm_key k;
    for (size_t i = 0; i < 64; i++) {
        uint64_t seed[2] = {n, i};
        struct hm_digest d = hm_sha256(hm_bytes_of(seed, sizeof seed));
        if (hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(d.b, 32), &k, NULL) == HM_OK)
            return k;
    }
    fail_msg("no point found");
    return (struct hm_key){0};
}

static void add_people(json_t *doc)
{
    json_t *people = json_object_get(doc, "principals");
    json_t *group = json_object_get(json_array_get(json_object_get(doc, "groups"), 0), "members");
    for (size_t i = json_array_size(people); i < PRINCIPALS; i++) {
        const struct hm_key k = make_key(i);
        char id[32];
        (void)snprintf(id, sizeof id, "person-%03zu", i);
        json_t *v = json_pack("{s:s, s:[s], s:[o], s:[{s:o}]}", "id", id, "roles", "approver",
                              "approval_keys", hm_keydoc_write(&k), "credentials", "san_uri",
                              json_sprintf("spiffe://example.com/people/%s", id));
        assert_non_null(v);
        assert_int_equal(json_array_append_new(people, v), 0);
        assert_int_equal(json_array_append_new(group, json_string(id)), 0);
    }
}

static void add_rules(json_t *doc)
{
    json_t *rules = json_object_get(doc, "rules");
    json_t *key = json_array_get(json_object_get(doc, "keys"), 0);
    json_t *products = json_object_get(key, "products");
    for (size_t i = json_array_size(rules); i < RULES; i++) {
        json_t *r = json_deep_copy(json_array_get(rules, 1));
        char product[32];
        (void)snprintf(product, sizeof product, "product-%03zu", i);
        assert_int_equal(json_object_set_new(r, "id", json_string(product)), 0);
        assert_int_equal(json_object_set_new(r, "products", json_pack("[s]", product)), 0);
        assert_int_equal(json_array_append_new(products, json_string(product)), 0);
        assert_int_equal(json_array_append_new(rules, r), 0);
    }
}

static struct policy *large_policy(void)
{
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    struct policy *p = NULL;
    struct hm_why why = {""};
    if (doc == NULL)
        skip();
    add_people(doc);
    add_rules(doc);
    HM_FREE char *text = json_dumps(doc, 0);
    if (policy_load(hm_bytes_str(text), &p, &why) != HM_OK)
        fail_msg("%s", why.text);
    return p;
}

/* Of this thread's own time: a busy machine may take long. */
static double elapsed_ns(const struct timespec *a, const struct timespec *b)
{
    return (double)(b->tv_sec - a->tv_sec) * 1e9 + (double)(b->tv_nsec - a->tv_nsec);
}

static void decision_is_cheap(void **state)
{
    (void)state;
    struct policy *p = large_policy();
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    struct policy_verdict v;
    struct timespec a;
    struct timespec b;
    assert_true(facts_read(doc, &facts));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (size_t i = 0; i < DECISIONS; i++) {
        policy_evaluate(p, &facts.facts, &v);
        assert_true(v.allow);
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    double each = elapsed_ns(&a, &b) / DECISIONS;
    print_message("one decision under %d rules and %d principals: %.0f ns\n", RULES, PRINCIPALS,
                  each);
    assert_true(each < BOUND_NS);
    policy_free(p);
}

static void decision_allocates_nothing(void **state)
{
    (void)state;
#if defined(HALLMARK_SANITIZED)
    skip(); /* the sanitizers' allocator keeps no such count */
#else
    struct policy *p = large_policy();
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    struct policy_verdict v;
    assert_true(facts_read(doc, &facts));
    struct mallinfo2 before = mallinfo2();
    for (size_t i = 0; i < 100; i++)
        policy_evaluate(p, &facts.facts, &v);
    struct mallinfo2 after = mallinfo2();
    assert_true(v.allow && before.uordblks == after.uordblks && before.fordblks == after.fordblks);
    policy_free(p);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decision_is_cheap),
        cmocka_unit_test(decision_allocates_nothing),
    };
    return cmocka_run_group_tests_name("policy_cost", tests, NULL, NULL);
}
