/* Texts and JSON of verdicts, and documents that were cut, flipped or made too large. */
#include "tests/unit/policy/policy_facts.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct policy *load_document(const char *name)
{
    HM_FREE char *text = document_text(name);
    struct policy *p = NULL;
    if (text == NULL)
        skip();
    assert_int_equal(policy_load(hm_bytes_str(text), &p, NULL), HM_OK);
    return p;
}

static void decide(const struct policy *p, const char *edits, struct policy_verdict *v)
{
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    assert_true(document_edit(doc, edits, NULL));
    assert_true(facts_read(doc, &facts));
    policy_evaluate(p, &facts.facts, v);
    assert_true(v->source == NULL || v->source == &facts.statements[0].sources[0]);
    assert_true((v->source == NULL) == (v->builder == NULL));
    v->source = NULL; /* borrowed from facts that end here */
    v->builder = NULL;
}

static void zero_verdict_says_no(void **state)
{
    (void)state;
    const struct policy_verdict v = {0};
    assert_false(v.allow);
    assert_string_equal(policy_first_failed(&v), "");
}

static void no_facts_at_all(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    const struct policy_facts f = {0};
    struct policy_verdict v;
    policy_evaluate(p, &f, &v);
    assert_false(v.allow);
    assert_string_equal(policy_first_failed(&v), "rule.match");
    policy_free(p);
}

static void source_belongs_to_the_statement_that_holds(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    struct policy_verdict v;
    assert_true(document_edit(doc,
                              "provenance/1=@provenance/0;provenance/0/subjects=[];"
                              "provenance/0/sources/0/commit='00'",
                              NULL));
    assert_true(facts_read(doc, &facts));
    policy_evaluate(p, &facts.facts, &v);
    assert_true(v.allow && v.source == &facts.statements[1].sources[0]);
    assert_ptr_equal(v.builder, facts.statements[1].builder);
    assert_string_equal(v.source->ref, "refs/tags/v2.1.0");
    assert_int_equal(v.approvals_counted, 2);
    policy_free(p);
}

static void no_source_without_exact_subjects(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    struct policy_verdict v;
    HM_JSON_AUTO *doc = document_json("facts/full.json");
    FACTS_AUTO facts = {0};
    assert_true(document_edit(doc, "provenance/0/subjects=[]", NULL) && facts_read(doc, &facts));
    policy_evaluate(p, &facts.facts, &v);
    assert_true(!v.allow && v.source == NULL && v.builder == NULL);
    policy_free(p);
}

static void json_is_canonical(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    struct policy_verdict v;
    HM_BUF_AUTO out = {0};
    decide(p, "product='q\\\"\\\\q'", &v);
    assert_int_equal(policy_verdict_json(&v, &out, NULL), HM_OK);
    assert_int_equal(hm_json_canon_check(hm_buf_bytes(&out), 4, NULL), HM_OK);
    assert_non_null(strstr(hm_buf_str(&out),
                           "{\"allow\":false,\"findings\":[{\"check\":\"rule.match\","
                           "\"found\":\"none\",\"ok\":false,\"required\":"));
    assert_non_null(strstr(hm_buf_str(&out), "\"rule\":\"\"}"));
    hm_buf_reset(&out);
    decide(p, "version='2.1.0'", &v);
    assert_int_equal(policy_verdict_json(&v, &out, NULL), HM_OK);
    assert_int_equal(hm_json_canon_check(hm_buf_bytes(&out), 4, NULL), HM_OK);
    policy_free(p);
}

static void json_that_does_not_fit(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    struct policy_verdict v;
    HM_BUF_AUTO out = {.limit = 100};
    struct hm_why why = {""};
    decide(p, "version='2.1.0'", &v);
    assert_int_equal(policy_verdict_json(&v, &out, &why), HM_E_LIMIT);
    assert_true(why.text[0] != '\0');
    policy_free(p);
}

/* Facts' texts may hold anything: long, multi-byte, not printable. */
static void texts_stay_printable(void **state)
{
    (void)state;
    static const char *const hostile[] = {"\x1b[31mred", "a\nb",         "\xe2\x80\xae evil",
                                          "\xff\xfe",    "\xf0\x9f\x98", "\xe2\x82",
                                          "caf\xc3\xa9", "\xc3\xa9\xc3"};
    struct policy *p = load_document("accept/full.json");
    char text[700];
    for (size_t pad = 0; pad < 260; pad++) {
        for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
            memset(text, 'x', pad);
            (void)snprintf(text + pad, sizeof text - pad, "%s%s%s", hostile[i], hostile[i],
                           "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac tail");
            const struct policy_facts f = {.stage = POLICY_AT_SIGNING,
                                           .product = "edge-router",
                                           .channel = "stable",
                                           .version = text,
                                           .submitter = text};
            struct policy_verdict v;
            policy_evaluate(p, &f, &v);
            assert_false(v.allow);
            for (size_t k = 0; k < v.finding_count; k++) {
                assert_true(hm_printable_ok(hm_bytes_str(v.findings[k].required)));
                assert_true(hm_printable_ok(hm_bytes_str(v.findings[k].found)));
                assert_true(strlen(v.findings[k].required) < POLICY_TEXT_MAX);
            }
        }
    }
    policy_free(p);
}

static void long_texts_end_with_an_ellipsis(void **state)
{
    (void)state;
    struct policy *p = load_document("accept/full.json");
    char text[600];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const struct policy_facts f = {.product = text, .channel = "stable"};
    struct policy_verdict v;
    policy_evaluate(p, &f, &v);
    const char *r = v.findings[0].required;
    assert_int_equal(strlen(r), POLICY_TEXT_MAX - 1);
    assert_string_equal(r + strlen(r) - 3, "\xe2\x80\xa6");
    policy_free(p);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    HM_FREE char *text = document_text("accept/base.json");
    if (text == NULL)
        skip();
    size_t n = strlen(text);
    while (text[n - 1] == '\n')
        n--;
    for (size_t i = 0; i < n; i++) {
        struct policy *p = NULL;
        struct hm_why why = {""};
        HM_FREE uint8_t *cut = malloc(i + 1);
        memcpy(cut, text, i);
        assert_int_not_equal(policy_load(hm_bytes_of(cut, i), &p, &why), HM_OK);
        assert_true(p == NULL && why.text[0] != '\0');
    }
}

/* A flipped byte is refused, or it is another policy with another digest. */
static void every_flip_is_seen(void **state)
{
    (void)state;
    HM_FREE char *text = document_text("accept/base.json");
    if (text == NULL)
        skip();
    size_t n = strlen(text);
    const struct hm_digest before = hm_sha256(hm_bytes_str(text));
    size_t refused = 0;
    for (size_t i = 0; i < n; i++) {
        struct policy *p = NULL;
        text[i] = (char)(text[i] ^ 1);
        if (policy_load(hm_bytes_of(text, n), &p, NULL) == HM_OK)
            assert_false(hm_digest_eq(policy_digest(p), &before));
        else
            refused++;
        text[i] = (char)(text[i] ^ 1);
        policy_free(p);
    }
    assert_true(refused > n / 2);
}

static void put_list(json_t *o, const char *member, const char *prefix, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        assert_int_equal(json_array_append_new(list, json_sprintf("%s%zu", prefix, i)), 0);
    assert_int_equal(json_object_set_new(o, member, list), 0);
}

static enum hm_err load_with_lists(size_t products, size_t channels, struct hm_why *why)
{
    HM_JSON_AUTO *doc = document_json("accept/minimal.json");
    if (doc == NULL)
        skip();
    static const char *const sections[] = {"keys", "rules"};
    for (size_t i = 0; i < 2; i++) {
        json_t *o = json_array_get(json_object_get(doc, sections[i]), 0);
        put_list(o, "products", "p", products);
        put_list(o, "channels", "c", channels);
    }
    HM_FREE char *text = json_dumps(doc, JSON_COMPACT);
    struct policy *p = NULL;
    enum hm_err err = policy_load(hm_bytes_str(text), &p, why);
    policy_free(p);
    return err;
}

static void limits_of_lists(void **state)
{
    (void)state;
    struct hm_why why = {""};
    assert_int_equal(load_with_lists(POLICY_PRODUCTS_MAX, POLICY_CHANNELS_MAX, &why), HM_OK);
    assert_int_not_equal(load_with_lists(POLICY_PRODUCTS_MAX + 1, 1, &why), HM_OK);
    assert_non_null(strstr(why.text, "products"));
    assert_int_not_equal(load_with_lists(1, POLICY_CHANNELS_MAX + 1, &why), HM_OK);
    assert_non_null(strstr(why.text, "channels"));
}

static void too_many_pairs(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = document_json("accept/minimal.json");
    if (doc == NULL)
        skip();
    json_t *rules = json_object_get(doc, "rules");
    json_t *key = json_array_get(json_object_get(doc, "keys"), 0);
    json_t *rule = json_array_get(rules, 0);
    put_list(key, "products", "p", POLICY_PRODUCTS_MAX);
    put_list(key, "channels", "c", POLICY_CHANNELS_MAX);
    put_list(rule, "products", "p", POLICY_PRODUCTS_MAX);
    put_list(rule, "channels", "c", POLICY_CHANNELS_MAX);
    json_t *again = json_deep_copy(rule);
    assert_int_equal(json_object_set_new(again, "id", json_string("again")), 0);
    assert_int_equal(json_array_append_new(rules, again), 0);
    HM_FREE char *text = json_dumps(doc, JSON_COMPACT);
    struct policy *p = NULL;
    struct hm_why why = {""};
    assert_int_equal(policy_load(hm_bytes_str(text), &p, &why), HM_E_LIMIT);
    assert_non_null(strstr(why.text, "65536"));
}

static void too_large_or_too_deep(void **state)
{
    (void)state;
    struct policy *p = NULL;
    HM_FREE uint8_t *blank = malloc(HM_POLICY_MAX + 1);
    assert_non_null(blank);
    memset(blank, ' ', HM_POLICY_MAX + 1);
    assert_int_equal(policy_load(hm_bytes_of(blank, HM_POLICY_MAX + 1), &p, NULL), HM_E_LIMIT);
    memset(blank, '[', 100000);
    assert_int_not_equal(policy_load(hm_bytes_of(blank, 100000), &p, NULL), HM_OK);
    assert_int_not_equal(policy_load(hm_bytes_of(NULL, 0), &p, NULL), HM_OK);
    assert_null(p);
    policy_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_verdict_says_no),
        cmocka_unit_test(no_facts_at_all),
        cmocka_unit_test(source_belongs_to_the_statement_that_holds),
        cmocka_unit_test(no_source_without_exact_subjects),
        cmocka_unit_test(json_is_canonical),
        cmocka_unit_test(json_that_does_not_fit),
        cmocka_unit_test(texts_stay_printable),
        cmocka_unit_test(long_texts_end_with_an_ellipsis),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flip_is_seen),
        cmocka_unit_test(limits_of_lists),
        cmocka_unit_test(too_many_pairs),
        cmocka_unit_test(too_large_or_too_deep),
    };
    return cmocka_run_group_tests_name("policy_verdict", tests, NULL, NULL);
}
