/* The parts of --deep that need no log of a service: tables, history, and what becomes of records
 * without evidence. Whole logs, honest and forged: tests/e2e/main/log_deep_test.py. */
#include "client/cli_deep_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY 5000u

static struct hm_digest number(uint64_t n)
{
    return hm_sha256(hm_bytes_of(&n, sizeof n));
}

static void map_keeps(void **state)
{
    struct deep_map m = {.cap = 0};
    struct hm_digest none = number(MANY + 1);
    (void)state;
    assert_true(deep_map_get(&m, &none) == 0);
    for (uint64_t i = 0; i < MANY; i++) {
        struct hm_digest k = number(i);
        assert_int_equal(deep_map_put(&m, &k, i + 1, NULL), HM_OK);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        struct hm_digest k = number(i);
        assert_true(deep_map_get(&m, &k) == i + 1);
        assert_int_equal(deep_map_put(&m, &k, i % 2 == 0 ? 0 : i + 2, NULL), HM_OK);
    }
    for (uint64_t i = 0; i < MANY; i++) {
        struct hm_digest k = number(i);
        assert_true(deep_map_get(&m, &k) == (i % 2 == 0 ? 0 : i + 2));
    }
    assert_true(deep_map_get(&m, &none) == 0);
    deep_map_free(&m);
}

static void lists_keep_order(void **state)
{
    struct deep_lists l = {.count = 0};
    (void)state;
    for (uint64_t i = 0; i < MANY; i++) {
        struct hm_digest k = number(i % 7);
        assert_int_equal(deep_lists_add(&l, &k, i, NULL), HM_OK);
    }
    for (uint64_t i = 0; i < 7; i++) {
        struct hm_digest k = number(i);
        struct deep_list got = deep_lists_get(&l, &k);
        assert_true(got.count >= MANY / 7);
        for (size_t n = 0; n < got.count; n++)
            assert_true(got.v[n] == i + 7 * n);
    }
    struct hm_digest none = number(8);
    assert_true(deep_lists_get(&l, &none).count == 0);
    deep_lists_free(&l);
}

/* Names are kept apart, whatever stands in them. */
static void names_do_not_run_together(void **state)
{
    static const char *const cases[][3] = {
        {"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "", "bc"}};
    (void)state;
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++) {
            struct hm_digest a = deep_names(cases[i][0], cases[i][1], cases[i][2]);
            struct hm_digest b = deep_names(cases[k][0], cases[k][1], cases[k][2]);
            assert_false(hm_digest_eq(&a, &b));
        }
}

/* ---- records ---- */

struct source {
    enum hm_err err; /* what a fetch answers */
    size_t asked;
};

static enum hm_err fetch(void *ctx, const struct hm_record *r, size_t n, size_t max,
                         struct hm_buf *out, struct hm_why *why)
{
    struct source *s = ctx;
    (void)r;
    (void)n;
    (void)max;
    s->asked++;
    hm_buf_puts(out, "something else");
    return s->err == HM_OK ? HM_OK : hm_fail(why, s->err, "no");
}

static struct hm_record about(enum hm_event event, uint64_t idx)
{
    struct hm_record r = {.event = event, .idx = idx, .t_ms = 1000 + idx};
    r.has_policy = true;
    return r;
}

static enum hm_err feed(struct cli_deep *d, const struct hm_record *r)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    assert_int_equal(hm_record_write(r, &bytes, NULL), HM_OK);
    struct hm_why why = {""};
    return cli_deep_add(d, hm_buf_bytes(&bytes), &why);
}

static struct cli_deep *open_deep(struct source *s)
{
    static const struct hm_vkey key = {.name = "log.example/test"};
    const struct cli_deep_input in = {.log_key = &key, .fetch = fetch, .ctx = s};
    struct cli_deep *d = NULL;
    assert_int_equal(cli_deep_open(&in, &d, NULL), HM_OK);
    return d;
}

static void expect(struct cli_deep *d, size_t count, uint64_t intention, enum cli_deep_kind kind)
{
    struct cli_deep_sums s;
    cli_deep_sums(d, &s);
    assert_int_equal(s.fault_count, count);
    assert_true(s.faults[count - 1].intention == intention);
    assert_int_equal(s.faults[count - 1].kind, kind);
}

static struct hm_record release_record(enum hm_event event, uint64_t idx, uint64_t release)
{
    struct hm_record r = about(event, idx);
    r.has_release = true;
    r.release = release;
    (void)snprintf(r.product, sizeof r.product, "p");
    (void)snprintf(r.version, sizeof r.version, "1");
    (void)snprintf(r.channel, sizeof r.channel, "c");
    return r;
}

static void intention_out_of_nothing(void **state)
{
    struct source s = {HM_OK, 0};
    struct cli_deep *d = open_deep(&s);
    struct hm_record r = release_record(HM_EV_SIGN_INTENDED, 5, 3);
    (void)state;
    assert_int_equal(feed(d, &r), HM_OK);
    expect(d, 1, 5, CLI_DEEP_SUBMISSION);
    r = release_record(HM_EV_RELEASE_SIGNED, 6, 3);
    r.has_intent = true;
    r.intent = 5;
    assert_int_equal(feed(d, &r), HM_OK);
    expect(d, 1, 5, CLI_DEEP_SUBMISSION); /* the first fault of an intention counts */
    cli_deep_close(d);
}

static void without_a_policy(void **state)
{
    struct source s = {HM_OK, 0};
    struct cli_deep *d = open_deep(&s);
    struct hm_record r = release_record(HM_EV_RELEASE_SUBMITTED, 3, 3);
    struct cli_deep_sums sums;
    (void)state;
    assert_int_equal(feed(d, &r), HM_OK);
    cli_deep_sums(d, &sums);
    assert_int_equal(sums.fault_count, 0); /* nobody has intended to sign it yet */
    r = release_record(HM_EV_SIGN_INTENDED, 4, 3);
    assert_int_equal(feed(d, &r), HM_OK);
    expect(d, 1, 4, CLI_DEEP_POLICY);
    cli_deep_sums(d, &sums);
    assert_true(sums.faulty == 1 && sums.intentions == 1);
    cli_deep_close(d);
}

static void evidence_of_other_bytes(void **state)
{
    struct source s = {HM_OK, 0};
    struct cli_deep *d = open_deep(&s);
    struct hm_record r = about(HM_EV_LOG_CREATED, 0);
    (void)state;
    r.evidence_count = 3;
    assert_int_equal(feed(d, &r), HM_OK);
    expect(d, 1, CLI_DEEP_NO_INTENTION, CLI_DEEP_GENESIS);
    r = about(HM_EV_POLICY_ACTIVATED, 1);
    r.evidence_count = 1;
    assert_int_equal(feed(d, &r), HM_OK);
    expect(d, 2, CLI_DEEP_NO_INTENTION, CLI_DEEP_POLICY_CHANGE);
    assert_int_equal(s.asked, 2);
    cli_deep_close(d);
}

/* A server that is away says nothing about the log: no fault, and no verdict either. */
static void server_away(void **state)
{
    static const enum hm_err away[] = {HM_E_UNAVAILABLE, HM_E_TIMEOUT, HM_E_IO, HM_E_MEMORY};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct source s = {away[i], 0};
        struct cli_deep *d = open_deep(&s);
        struct cli_deep_sums sums;
        struct hm_record r = about(HM_EV_LOG_CREATED, 0);
        r.evidence_count = 3;
        assert_int_equal(feed(d, &r), away[i]);
        cli_deep_sums(d, &sums);
        assert_int_equal(sums.fault_count, 0);
        cli_deep_close(d);
    }
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLI_DEEP_KINDS; i++) {
        const char *name = cli_deep_kind_name((enum cli_deep_kind)i);
        assert_true(strlen(name) > 3);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(name, cli_deep_kind_name((enum cli_deep_kind)k));
    }
}

/* One of the pinned root keys alone must not be a root. */
static void root_is_pinned_with_its_threshold(void **state)
{
    struct hm_root root = {.count = 2, .threshold = 2};
    struct cli_pins pins = {.count = 2, .threshold = 2};
    (void)state;
    for (size_t i = 0; i < root.count; i++) {
        struct hm_digest raw = number(i);
        assert_int_equal(
            hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw.b, sizeof raw.b), &root.keys[i], NULL),
            HM_OK);
        struct hm_digest id = hm_key_id(&root.keys[i]);
        memcpy(pins.kids[i], id.b, HM_KID_LEN);
    }
    assert_true(deep_root_pinned(&pins, &root));
    root.threshold = 1;
    assert_false(deep_root_pinned(&pins, &root));
    root.count = 1;
    assert_false(deep_root_pinned(&pins, &root));
    pins.threshold = 0; /* only keys are pinned */
    assert_true(deep_root_pinned(&pins, &root));
    pins.kids[0][0] ^= 1;
    assert_false(deep_root_pinned(&pins, &root));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_is_pinned_with_its_threshold),
        cmocka_unit_test(map_keeps),
        cmocka_unit_test(lists_keep_order),
        cmocka_unit_test(names_do_not_run_together),
        cmocka_unit_test(intention_out_of_nothing),
        cmocka_unit_test(without_a_policy),
        cmocka_unit_test(evidence_of_other_bytes),
        cmocka_unit_test(server_away),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
