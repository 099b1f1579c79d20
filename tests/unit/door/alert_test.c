/* Alerts: each threshold from both sides, what is folded, what ends, what is forgotten. The rules
 * over long histories are compared with a second implementation in tests/interop/alert. */
#include "tests/unit/test_rows.h"

#include "server/door/alert_priv.h"

#include <stdio.h>

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)
#define T0                                                                                         \
    (UINT64_C(1790000000000) / WEEK * WEEK) /* a beginning of weeks that are counted here          \
                                             */

struct bench {
    struct alert_config c;
    struct alerts *a;
    struct hm_record r;
};

static struct bench make(struct alert_config c)
{
    struct bench b = {.c = c, .a = alerts_new(&c)};
    assert_non_null(b.a);
    b.r.t_ms = T0;
    return b;
}

static void take(struct bench *b, enum hm_event event)
{
    b->r.event = event;
    assert_int_equal(alerts_record(b->a, &b->r), HM_OK);
    b->r.idx++;
}

static const struct alert *last(const struct bench *b)
{
    return alerts_at(b->a, alerts_count(b->a) - 1);
}

static void use(struct bench *b, uint8_t key, uint64_t t_ms)
{
    b->r.key_count = 1;
    memset(b->r.keys[0].spki.b, key, sizeof b->r.keys[0].spki.b);
    b->r.t_ms = t_ms;
    take(b, HM_EV_SIGN_INTENDED);
    b->r.key_count = 0;
}

static size_t of_kind(const struct bench *b, enum alert_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < alerts_count(b->a); i++)
        n += alerts_at(b->a, i)->kind == kind ? 1 : 0;
    return n;
}

static struct alert_config small(void)
{
    struct alert_config c = alert_config_default();
    c.history_weeks = 2;
    c.min_weeks = 1;
    c.min_uses = 4;
    c.usual_weeks = 1;
    c.rate_factor = 2;
    c.rate_floor = 3;
    c.refusals = 3;
    return c;
}

/* --- hours --- */

/* Four uses at the same hour in week 0, then one at `offset` hours from it in week `week`. */
static size_t hours_after(uint64_t week, int64_t offset)
{
    struct bench b = make(small());
    for (int i = 0; i < 4; i++)
        use(&b, 1, T0 + 30 * HOUR + (uint64_t)i);
    use(&b, 1, (uint64_t)((int64_t)(T0 + week * WEEK + 30 * HOUR) + offset * (int64_t)HOUR));
    size_t n = of_kind(&b, ALERT_KEY_HOURS);
    alerts_free(b.a);
    return n;
}

static void usual_hours(void **state)
{
    (void)state;
    assert_int_equal(hours_after(1, 0), 0);  /* the same hour of the week */
    assert_int_equal(hours_after(1, 1), 0);  /* beside it */
    assert_int_equal(hours_after(1, 2), 1);  /* not */
    assert_int_equal(hours_after(2, -1), 0); /* two weeks later, one hour earlier */
    assert_int_equal(hours_after(2, -2), 1);
    assert_int_equal(hours_after(2, 0), 0); /* the first hour of the window */
    assert_int_equal(hours_after(2, 1), 0); /* outside: no history, so it is not judged */
    assert_int_equal(hours_after(3, 5), 0);
    assert_int_equal(hours_after(0, 12), 0); /* known for half a day only */
}

static void enough_history(void **state)
{
    struct bench b = make(small());
    (void)state;
    for (int i = 0; i < 3; i++)
        use(&b, 1, T0 + (uint64_t)i);
    use(&b, 1, T0 + WEEK + 5 * HOUR); /* three uses are too few */
    assert_int_equal(alerts_count(b.a), 0);
    use(&b, 1, T0 + WEEK + 9 * HOUR); /* now there are four before */
    assert_int_equal(of_kind(&b, ALERT_KEY_HOURS), 1);
    assert_string_equal(last(&b)->text, "used at 09 h (UTC) on Thursdays, as in 0 of the 2 weeks "
                                        "before; at least 1 are usual");
    assert_int_equal(last(&b)->severity, ALERT_WARNING);
    assert_int_equal(last(&b)->idx[0], 4);
    use(&b, 2, T0 + WEEK + 9 * HOUR); /* another key has a history of its own */
    assert_int_equal(alerts_count(b.a), 1);
    alerts_free(b.a);
}

static void approvers_keys(void **state)
{
    struct bench b = make(small());
    (void)state;
    b.r.has_approver_key = true;
    b.r.approver_key.b[0] = 9;
    for (int i = 0; i < 4; i++)
        take(&b, HM_EV_APPROVAL_RECORDED);
    b.r.t_ms = T0 + WEEK + 12 * HOUR;
    take(&b, HM_EV_POLICY_APPROVED);
    assert_int_equal(of_kind(&b, ALERT_KEY_HOURS), 1);
    assert_int_equal(strncmp(last(&b)->subject, "key:09", 6), 0);
    alerts_free(b.a);
}

/* --- rate --- */

static void rate(void **state)
{
    struct bench b = make(small());
    (void)state;
    for (uint64_t d = 0; d < 8; d++) /* 8 uses in 168 hours */
        use(&b, 1, T0 + d * DAY);
    uint64_t t = T0 + 7 * DAY;
    use(&b, 1, t + 1);
    use(&b, 1, t + 2);
    assert_int_equal(of_kind(&b, ALERT_KEY_RATE), 0); /* 3 in this hour: not above the floor */
    use(&b, 1, t + 3);
    assert_int_equal(of_kind(&b, ALERT_KEY_RATE), 1); /* 4 * 168 > 2 * 7 */
    assert_string_equal(last(&b)->text,
                        "used 4 times in one hour; 7 times in the 168 hours before");
    use(&b, 1, t + 4);
    assert_int_equal(of_kind(&b, ALERT_KEY_RATE), 1); /* folded */
    assert_int_equal(last(&b)->count, 2);
    assert_int_equal(last(&b)->idx_count, 2);
    alerts_free(b.a);
}

static void rate_factor(void **state)
{
    struct alert_config c = small();
    (void)state;
    for (c.rate_factor = 95; c.rate_factor <= 97; c.rate_factor++) {
        struct bench b = make(c);
        for (uint64_t d = 0; d < 7; d++)
            use(&b, 1, T0 + d * DAY);
        for (uint64_t i = 0; i < 4; i++) /* 4 * 168 = 672 = 96 * 7: more than it must it be */
            use(&b, 1, T0 + 7 * DAY + i);
        assert_int_equal(of_kind(&b, ALERT_KEY_RATE), c.rate_factor < 96 ? 1 : 0);
        alerts_free(b.a);
    }
}

static void many_keys(void **state)
{
    struct alert_config c = small();
    struct bench b = make(c);
    (void)state;
    for (unsigned k = 0; k < ALERT_KEYS_MAX; k++) {
        b.r.key_count = 1;
        memset(&b.r.keys[0].spki, 0, sizeof b.r.keys[0].spki);
        b.r.keys[0].spki.b[0] = (uint8_t)k;
        for (int i = 0; i < 4; i++) {
            b.r.t_ms = T0 + k * 60000;
            take(&b, HM_EV_SIGN_INTENDED);
        }
    }
    /* One key more: the one that rested longest is forgotten, the others are not. */
    b.r.keys[0].spki.b[1] = 1;
    b.r.t_ms = T0 + WEEK + 13 * HOUR;
    take(&b, HM_EV_SIGN_INTENDED);
    b.r.keys[0].spki.b[1] = 0;
    b.r.keys[0].spki.b[0] = 0;
    take(&b, HM_EV_SIGN_INTENDED);
    assert_int_equal(alerts_count(b.a), 0);
    b.r.keys[0].spki.b[0] = 255;
    take(&b, HM_EV_SIGN_INTENDED);
    assert_int_equal(of_kind(&b, ALERT_KEY_HOURS), 1);
    alerts_free(b.a);
}

/* --- refusals --- */

static void set_actor(struct bench *b, const char *actor, const char *product)
{
    (void)snprintf(b->r.actor, sizeof b->r.actor, "%s", actor);
    (void)snprintf(b->r.product, sizeof b->r.product, "%s", product);
}

static void refusals(void **state)
{
    struct bench b = make(small());
    (void)state;
    set_actor(&b, "ci", "");
    (void)snprintf(b.r.outcome, sizeof b.r.outcome, "signature");
    take(&b, HM_EV_RELEASE_REFUSED);
    take(&b, HM_EV_REQUEST_REFUSED);
    assert_int_equal(alerts_count(b.a), 0);
    take(&b, HM_EV_APPROVAL_REFUSED);
    assert_int_equal(alerts_count(b.a), 1);
    assert_string_equal(last(&b)->subject, "actor:ci");
    assert_string_equal(last(&b)->text,
                        "3 refusals or more in a row, the last one approval.refused: signature");
    assert_int_equal(last(&b)->idx_count, 3);
    assert_int_equal(last(&b)->raised_idx, 2);
    take(&b, HM_EV_POLICY_REFUSED);
    assert_int_equal(alerts_count(b.a), 1);
    assert_int_equal(last(&b)->count, 2);
    assert_int_equal(last(&b)->last_idx, 3);
    alerts_free(b.a);
}

static bool is_of_refusals(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && strcmp(dot, ".refused") == 0;
}

static void each_kind_of_refusal(void **state)
{
    size_t count = 0;
    (void)state;
    for (unsigned e = HM_EV_NONE + 1; e <= HM_EVENT_LAST; e++) {
        struct bench b = make(small());
        if (is_of_refusals(hm_event_name((enum hm_event)e))) {
            set_actor(&b, "ci", "");
            for (int i = 0; i < 3; i++)
                take(&b, (enum hm_event)e);
            assert_int_equal(of_kind(&b, ALERT_REFUSALS), 1);
            count++;
        }
        alerts_free(b.a);
    }
    assert_int_equal(count, 8);
}

static void what_ends_a_row(void **state)
{
    static const struct {
        const char *actor, *product;
        enum hm_event event;
        uint64_t pause_ms;
        size_t alerts;
    } rows[] = {
        {"ci", "", HM_EV_RELEASE_SUBMITTED, 0, 0}, {"bob", "", HM_EV_RELEASE_SUBMITTED, 0, 1},
        {"", "", HM_EV_RELEASE_EXPIRED, 0, 1},     {"ci", "", HM_EV_NONE, HOUR, 1},
        {"ci", "", HM_EV_NONE, HOUR + 1, 0},       {"ci", "", HM_EV_SIGN_INTENDED, 0, 0},
        {"", "", HM_EV_REGISTRAR_STARTED, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bench b = make(small());
        set_actor(&b, "ci", "");
        take(&b, HM_EV_SIGN_REFUSED);
        take(&b, HM_EV_SIGN_REFUSED);
        b.r.t_ms += rows[i].pause_ms;
        set_actor(&b, rows[i].actor, rows[i].product);
        if (rows[i].event != HM_EV_NONE)
            take(&b, rows[i].event);
        set_actor(&b, "ci", "");
        take(&b, HM_EV_SIGN_REFUSED);
        assert_int_equal(of_kind(&b, ALERT_REFUSALS), rows[i].alerts);
        alerts_free(b.a);
    }
}

static void of_a_product(void **state)
{
    struct bench b = make(small());
    (void)state;
    for (int i = 0; i < 3; i++) {
        char actor[8];
        (void)snprintf(actor, sizeof actor, "a%d", i);
        set_actor(&b, actor, "edge-router");
        take(&b, HM_EV_RELEASE_REFUSED);
    }
    assert_int_equal(alerts_count(b.a), 1);
    assert_string_equal(last(&b)->subject, "product:edge-router");
    alerts_free(b.a);
}

static void summarised(void **state)
{
    struct bench b = make(small());
    (void)state;
    set_actor(&b, "ci", "");
    b.r.count = 2;
    take(&b, HM_EV_REFUSALS_SUMMARISED);
    assert_int_equal(alerts_count(b.a), 0);
    b.r.count = 1;
    take(&b, HM_EV_REFUSALS_SUMMARISED);
    assert_int_equal(alerts_count(b.a), 1);
    alerts_free(b.a);
}

static void many_rows(void **state)
{
    struct bench b = make(small());
    char actor[16];
    (void)state;
    for (unsigned i = 0; i < ALERT_STREAKS_MAX + 10; i++) {
        (void)snprintf(actor, sizeof actor, "a%u", i);
        set_actor(&b, actor, "");
        b.r.t_ms++;
        take(&b, HM_EV_RELEASE_REFUSED);
        take(&b, HM_EV_RELEASE_REFUSED);
    }
    take(&b, HM_EV_RELEASE_REFUSED);
    assert_int_equal(alerts_count(b.a), 1); /* the newest is remembered */
    set_actor(&b, "a0", "");
    take(&b, HM_EV_RELEASE_REFUSED);
    assert_int_equal(alerts_count(b.a), 1); /* the oldest is not */
    alerts_free(b.a);
}

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
        struct bench b = make(small());
        b.r.idx = rows[i].idx;
        b.r.has_release = true;
        b.r.release = 7;
        set_actor(&b, "ci", "");
        (void)snprintf(b.r.outcome, sizeof b.r.outcome, "%s", rows[i].outcome);
        take(&b, rows[i].event);
        assert_int_equal(alerts_count(b.a), rows[i].kind == ALERT_KINDS ? 0 : 1);
        if (rows[i].kind != ALERT_KINDS) {
            assert_int_equal(last(&b)->kind, rows[i].kind);
            assert_int_equal(last(&b)->severity, rows[i].severity);
            assert_string_equal(last(&b)->subject, rows[i].subject);
        }
        alerts_free(b.a);
    }
}

/* Stretches lie fixed on the clock. */
static void folding(void **state)
{
    struct bench b = make(small());
    (void)state;
    b.r.idx = 5;
    b.r.t_ms = T0 + HOUR - 1;
    take(&b, HM_EV_POLICY_ACTIVATED);
    b.r.t_ms = T0 + HOUR;
    take(&b, HM_EV_POLICY_ACTIVATED);
    take(&b, HM_EV_POLICY_ACTIVATED);
    assert_int_equal(alerts_count(b.a), 2);
    assert_int_equal(alerts_at(b.a, 0)->count, 1);
    assert_int_equal(alerts_at(b.a, 1)->count, 2);
    assert_string_not_equal(alerts_at(b.a, 0)->id, alerts_at(b.a, 1)->id);
    assert_int_equal(alerts_at(b.a, 0)->seq, 1);
    assert_int_equal(alerts_at(b.a, 1)->seq, 2);
    assert_true(alerts_is_open(b.a, last(&b), T0 + 2 * HOUR));
    assert_false(alerts_is_open(b.a, last(&b), T0 + 2 * HOUR + 1));
    alerts_free(b.a);
}

static void the_oldest_go(void **state)
{
    struct bench b = make(small());
    (void)state;
    for (uint64_t i = 0; i < ALERT_LIST_MAX + 5; i++) {
        b.r.has_release = true;
        b.r.release = i;
        take(&b, HM_EV_SIGN_UNKNOWN);
    }
    assert_int_equal(alerts_count(b.a), ALERT_LIST_MAX);
    assert_int_equal(alerts_at(b.a, 0)->seq, 6);
    assert_int_equal(last(&b)->seq, ALERT_LIST_MAX + 5);
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
        struct bench b = make(alert_config_default());
        const struct alert_expiry e = {rows[i].kind, "certificate:door",
                                       (int64_t)(T0 / 1000) + rows[i].left_s};
        alerts_expiry(b.a, T0, &e);
        assert_int_equal(alerts_count(b.a), rows[i].severity < 0 ? 0 : 1);
        if (rows[i].severity >= 0)
            assert_int_equal(last(&b)->severity, rows[i].severity);
        alerts_free(b.a);
    }
}

/* Told once a day, however often it is looked at; the severity rises within the day. */
static void conditions_last(void **state)
{
    struct bench b = make(alert_config_default());
    const uint64_t day = T0 / DAY * DAY;
    struct alert_expiry e = {ALERT_CERTIFICATE_EXPIRES, "certificate:door",
                             (int64_t)(day / 1000) + 8 * 86400};
    (void)state;
    for (uint64_t h = 0; h < 24; h++)
        alerts_expiry(b.a, day + h * HOUR, &e);
    assert_int_equal(alerts_count(b.a), 1);
    assert_int_equal(last(&b)->count, 1);
    assert_int_equal(last(&b)->severity, ALERT_CRITICAL);
    assert_int_equal(last(&b)->last_ms, day + 23 * HOUR);
    assert_int_equal(last(&b)->raised_idx, ALERT_NO_RECORD);
    assert_true(alerts_is_open(b.a, last(&b), day + 47 * HOUR));
    assert_false(alerts_is_open(b.a, last(&b), day + 47 * HOUR + 1));
    alerts_expiry(b.a, day + DAY, &e);
    assert_int_equal(alerts_count(b.a), 2);
    alerts_free(b.a);
}

static void witnesses_and_clocks(void **state)
{
    struct bench b = make(alert_config_default());
    (void)state;
    alerts_witness(b.a, T0, "w1", "has cosigned another root of size 17");
    assert_int_equal(last(&b)->kind, ALERT_WITNESS);
    assert_int_equal(last(&b)->severity, ALERT_CRITICAL);
    assert_string_equal(last(&b)->subject, "witness:w1");
    alerts_witness(b.a, T0 + HOUR, "w2", "another");
    assert_int_equal(alerts_count(b.a), 2);
    alerts_clock(b.a, T0, "clock:door", 59999);
    alerts_clock(b.a, T0, "clock:door", -59999);
    assert_int_equal(alerts_count(b.a), 2);
    alerts_clock(b.a, T0, "clock:door", -60001);
    assert_int_equal(alerts_count(b.a), 3);
    assert_string_equal(last(&b)->text, "60.001 s behind");
    alerts_clock(b.a, T0, "clock:records", INT64_C(3600000));
    assert_string_equal(last(&b)->text, "3600.000 s ahead");
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
    struct bench b = make(small());
    HM_BUF_AUTO out = {.limit = 4096};
    char want[512];
    (void)state;
    b.r.idx = 41;
    b.r.has_release = true;
    b.r.release = 7;
    take(&b, HM_EV_SIGN_UNKNOWN);
    alerts_write(b.a, last(&b), T0, &out);
    (void)snprintf(want, sizeof want,
                   "{\"id\":\"%s\",\"kind\":\"sign_unknown\",\"severity\":\"critical\",\"subject\":"
                   "\"release:r7\",\"text\":\"nobody knows whether its key signed\",\"first\":"
                   "\"2026-09-17T00:00:00Z\",\"last\":\"2026-09-17T00:00:00Z\",\"count\":1,"
                   "\"current\":true,\"records\":[41],\"last_record\":41}",
                   last(&b)->id);
    assert_string_equal(hm_buf_str(&out), want);
    alerts_free(b.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_hours),     cmocka_unit_test(enough_history),
        cmocka_unit_test(approvers_keys),  cmocka_unit_test(rate),
        cmocka_unit_test(rate_factor),     cmocka_unit_test(many_keys),
        cmocka_unit_test(refusals),        cmocka_unit_test(each_kind_of_refusal),
        cmocka_unit_test(what_ends_a_row), cmocka_unit_test(of_a_product),
        cmocka_unit_test(summarised),      cmocka_unit_test(many_rows),
        cmocka_unit_test(events),          cmocka_unit_test(folding),
        cmocka_unit_test(the_oldest_go),   cmocka_unit_test(expiries),
        cmocka_unit_test(conditions_last), cmocka_unit_test(witnesses_and_clocks),
        cmocka_unit_test(names),           cmocka_unit_test(options),
        cmocka_unit_test(as_json),
    };
    return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
