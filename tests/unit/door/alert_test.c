/* Alerts of single records and of what lasts: each threshold from both sides, what is folded, what
 * is forgotten, how an alert is named and written. */
#include "tests/unit/door/alert_bench.h"

#include <stdio.h>

/* --- single records --- */

static void events(void **state)
{
    static const struct {
        enum hm_event event;
        const char *outcome;
        uint64_t idx;
        enum alert_kind kind;
        enum alert_severity severity;
        const char *subject;
    } rows[] = {
        {HM_EV_SIGN_FAILED, "hsm", 9, ALERT_SIGN_FAILED, ALERT_WARNING, "key:unknown"},
        {HM_EV_SIGN_UNKNOWN, "unknown", 9, ALERT_SIGN_UNKNOWN, ALERT_CRITICAL, "release:r7"},
        {HM_EV_RELEASE_SUBMITTED, "break-glass", 9, ALERT_BREAK_GLASS, ALERT_CRITICAL,
         "release:r7"},
        {HM_EV_RELEASE_SUBMITTED, "", 9, ALERT_KINDS, ALERT_INFO, ""},
        {HM_EV_POLICY_ACTIVATED, "", 9, ALERT_POLICY_CHANGED, ALERT_INFO, "policy"},
        {HM_EV_POLICY_ACTIVATED, "", 1, ALERT_KINDS, ALERT_INFO, ""},
        {HM_EV_GUARDS_CHANGED, "", 9, ALERT_GUARDS_CHANGED, ALERT_WARNING, "guards"},
        {HM_EV_ROSTER_CHANGED, "", 9, ALERT_ROSTER_CHANGED, ALERT_INFO,
         "key:0000000000000000000000000000000000000000000000000000000000000000"},
        {HM_EV_RELEASE_SIGNED, "ok", 9, ALERT_KINDS, ALERT_INFO, ""},
        {HM_EV_POLICY_PROPOSED, "", 9, ALERT_KINDS, ALERT_INFO, ""},
        {HM_EV_TRUST_STORE_PUBLISHED, "", 9, ALERT_KINDS, ALERT_INFO, ""},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bench b = bench_make(bench_small());
        b.r.idx = rows[i].idx;
        b.r.has_release = true;
        b.r.release = 7;
        bench_actor(&b, "ci", "");
        (void)snprintf(b.r.outcome, sizeof b.r.outcome, "%s", rows[i].outcome);
        bench_take(&b, rows[i].event);
        assert_int_equal(alerts_count(b.a), rows[i].kind == ALERT_KINDS ? 0 : 1);
        if (rows[i].kind != ALERT_KINDS) {
            assert_int_equal(bench_last(&b)->kind, rows[i].kind);
            assert_int_equal(bench_last(&b)->severity, rows[i].severity);
            assert_string_equal(bench_last(&b)->subject, rows[i].subject);
        }
        alerts_free(b.a);
    }
}

/* Stretches lie fixed on the clock. */
static void folding(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    b.r.idx = 5;
    b.r.t_ms = T0 + HOUR - 1;
    bench_take(&b, HM_EV_POLICY_ACTIVATED);
    b.r.t_ms = T0 + HOUR;
    bench_take(&b, HM_EV_POLICY_ACTIVATED);
    bench_take(&b, HM_EV_POLICY_ACTIVATED);
    assert_int_equal(alerts_count(b.a), 2);
    assert_int_equal(alerts_at(b.a, 0)->count, 1);
    assert_int_equal(alerts_at(b.a, 1)->count, 2);
    assert_string_not_equal(alerts_at(b.a, 0)->id, alerts_at(b.a, 1)->id);
    assert_int_equal(alerts_at(b.a, 0)->seq, 1);
    assert_int_equal(alerts_at(b.a, 1)->seq, 2);
    assert_true(alerts_is_open(b.a, bench_last(&b), T0 + 2 * HOUR));
    assert_false(alerts_is_open(b.a, bench_last(&b), T0 + 2 * HOUR + 1));
    alerts_free(b.a);
}

static void the_oldest_go(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    for (uint64_t i = 0; i < ALERT_LIST_MAX + 5; i++) {
        b.r.has_release = true;
        b.r.release = i;
        bench_take(&b, HM_EV_SIGN_UNKNOWN);
    }
    assert_int_equal(alerts_count(b.a), ALERT_LIST_MAX);
    assert_int_equal(alerts_at(b.a, 0)->seq, 6);
    assert_int_equal(bench_last(&b)->seq, ALERT_LIST_MAX + 5);
    assert_null(alerts_at(b.a, ALERT_LIST_MAX));
    alerts_free(b.a);
}

/* --- conditions --- */

static void expiries(void **state)
{
    static const struct {
        enum alert_kind kind;
        int64_t left_s;
        int severity; /* -1: no alert */
    } rows[] = {
        {ALERT_CERTIFICATE_EXPIRES, 30 * 86400, -1},
        {ALERT_CERTIFICATE_EXPIRES, 30 * 86400 - 1, ALERT_WARNING},
        {ALERT_CERTIFICATE_EXPIRES, 30 * 86400 / 4, ALERT_WARNING},
        {ALERT_CERTIFICATE_EXPIRES, 30 * 86400 / 4 - 1, ALERT_CRITICAL},
        {ALERT_CERTIFICATE_EXPIRES, -1, ALERT_CRITICAL},
        {ALERT_KEY_EXPIRES, 90 * 86400, -1},
        {ALERT_KEY_EXPIRES, 90 * 86400 - 1, ALERT_WARNING},
        {ALERT_CRL_EXPIRES, 48 * 3600, -1},
        {ALERT_CRL_EXPIRES, 48 * 3600 - 1, ALERT_WARNING},
        {ALERT_CRL_EXPIRES, 12 * 3600 - 1, ALERT_CRITICAL},
        {ALERT_CRL_EXPIRES, -86400, ALERT_CRITICAL},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bench b = bench_make(alert_config_default());
        const struct alert_expiry e = {rows[i].kind, "certificate:door",
                                       (int64_t)(T0 / 1000) + rows[i].left_s};
        alerts_expiry(b.a, T0, &e);
        assert_int_equal(alerts_count(b.a), rows[i].severity < 0 ? 0 : 1);
        if (rows[i].severity >= 0)
            assert_int_equal(bench_last(&b)->severity, rows[i].severity);
        alerts_free(b.a);
    }
}

/* Told once a day, however often it is looked at; the severity rises within the day. */
static void conditions_last(void **state)
{
    struct bench b = bench_make(alert_config_default());
    const uint64_t day = T0 / DAY * DAY;
    struct alert_expiry e = {ALERT_CERTIFICATE_EXPIRES, "certificate:door",
                             (int64_t)(day / 1000) + 8 * 86400};
    (void)state;
    for (uint64_t h = 0; h < 24; h++)
        alerts_expiry(b.a, day + h * HOUR, &e);
    assert_int_equal(alerts_count(b.a), 1);
    assert_int_equal(bench_last(&b)->count, 1);
    assert_int_equal(bench_last(&b)->severity, ALERT_CRITICAL);
    assert_int_equal(bench_last(&b)->last_ms, day + 23 * HOUR);
    assert_int_equal(bench_last(&b)->raised_idx, ALERT_NO_RECORD);
    assert_true(alerts_is_open(b.a, bench_last(&b), day + 47 * HOUR));
    assert_false(alerts_is_open(b.a, bench_last(&b), day + 47 * HOUR + 1));
    alerts_expiry(b.a, day + DAY, &e);
    assert_int_equal(alerts_count(b.a), 2);
    alerts_free(b.a);
}

static void witnesses_and_clocks(void **state)
{
    struct bench b = bench_make(alert_config_default());
    (void)state;
    alerts_witness(b.a, T0, "w1", "has cosigned another root of size 17");
    assert_int_equal(bench_last(&b)->kind, ALERT_WITNESS);
    assert_int_equal(bench_last(&b)->severity, ALERT_CRITICAL);
    assert_string_equal(bench_last(&b)->subject, "witness:w1");
    alerts_witness(b.a, T0 + HOUR, "w2", "another");
    assert_int_equal(alerts_count(b.a), 2);
    alerts_clock(b.a, T0, "clock:door", 59999);
    alerts_clock(b.a, T0, "clock:door", -59999);
    assert_int_equal(alerts_count(b.a), 2);
    alerts_clock(b.a, T0, "clock:door", -60001);
    assert_int_equal(alerts_count(b.a), 3);
    assert_string_equal(bench_last(&b)->text, "60.001 s behind");
    alerts_clock(b.a, T0, "clock:records", INT64_C(3600000));
    assert_string_equal(bench_last(&b)->text, "3600.000 s ahead");
    alerts_free(b.a);
}

static void names(void **state)
{
    (void)state;
    for (unsigned k = 0; k < ALERT_KINDS; k++) {
        enum alert_kind found = ALERT_KINDS;
        assert_true(alert_kind_parse(alert_kind_name((enum alert_kind)k), &found));
        assert_int_equal(found, k);
    }
    for (unsigned s = 0; s < ALERT_SEVERITIES; s++) {
        enum alert_severity found = ALERT_SEVERITIES;
        assert_true(alert_severity_parse(alert_severity_name((enum alert_severity)s), &found));
        assert_int_equal(found, s);
    }
    enum alert_kind k;
    enum alert_severity s;
    assert_false(alert_kind_parse("", &k));
    assert_false(alert_kind_parse("KEY_HOURS", &k));
    assert_false(alert_severity_parse("high", &s));
}

static void options(void **state)
{
    struct alert_config c = alert_config_default();
    (void)state;
    assert_int_equal(ALERT_OPTIONS * sizeof(uint64_t), sizeof c); /* each member has a name */
    for (size_t i = 0; i < ALERT_OPTIONS; i++) {
        const struct alert_option *o = &alert_options[i];
        assert_true(*alert_option_at(&c, o) >= o->min && *alert_option_at(&c, o) <= o->max);
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(o->at, alert_options[k].at);
    }
}

static void as_json(void **state)
{
    struct bench b = bench_make(bench_small());
    HM_BUF_AUTO out = {.limit = 4096};
    char want[512];
    (void)state;
    b.r.idx = 41;
    b.r.has_release = true;
    b.r.release = 7;
    bench_take(&b, HM_EV_SIGN_UNKNOWN);
    alerts_write(b.a, bench_last(&b), T0, &out);
    (void)snprintf(want, sizeof want,
                   "{\"id\":\"%s\",\"kind\":\"sign_unknown\",\"severity\":\"critical\",\"subject\":"
                   "\"release:r7\",\"text\":\"nobody knows whether its key signed\",\"first\":"
                   "\"2026-09-17T00:00:00Z\",\"last\":\"2026-09-17T00:00:00Z\",\"count\":1,"
                   "\"current\":true,\"records\":[41],\"last_record\":41}",
                   bench_last(&b)->id);
    assert_string_equal(hm_buf_str(&out), want);
    alerts_free(b.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events),          cmocka_unit_test(folding),
        cmocka_unit_test(the_oldest_go),   cmocka_unit_test(expiries),
        cmocka_unit_test(conditions_last), cmocka_unit_test(witnesses_and_clocks),
        cmocka_unit_test(names),           cmocka_unit_test(options),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
