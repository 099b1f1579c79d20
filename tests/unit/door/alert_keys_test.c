/* Alerts about how keys are used: unusual hours, unusual rates, and how many keys are remembered.
 * The rules over long histories are compared with a second implementation in tests/interop/alert.
 */
#include "tests/unit/door/alert_bench.h"

/* --- hours --- */

/* Four uses at the same hour in week 0, then one at `offset` hours from it in week `week`. */
static size_t hours_after(uint64_t week, int64_t offset)
{
    struct bench b = bench_make(bench_small());
    for (int i = 0; i < 4; i++)
        bench_use(&b, 1, T0 + 30 * HOUR + (uint64_t)i);
    bench_use(&b, 1, (uint64_t)((int64_t)(T0 + week * WEEK + 30 * HOUR) + offset * (int64_t)HOUR));
    size_t n = bench_of_kind(&b, ALERT_KEY_HOURS);
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
    struct bench b = bench_make(bench_small());
    (void)state;
    for (int i = 0; i < 3; i++)
        bench_use(&b, 1, T0 + (uint64_t)i);
    bench_use(&b, 1, T0 + WEEK + 5 * HOUR); /* three uses are too few */
    assert_int_equal(alerts_count(b.a), 0);
    bench_use(&b, 1, T0 + WEEK + 9 * HOUR); /* now there are four before */
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_HOURS), 1);
    assert_string_equal(bench_last(&b)->text,
                        "used at 09 h (UTC) on Thursdays, as in 0 of the 2 weeks "
                        "before; at least 1 are usual");
    assert_int_equal(bench_last(&b)->severity, ALERT_WARNING);
    assert_int_equal(bench_last(&b)->idx[0], 4);
    bench_use(&b, 2, T0 + WEEK + 9 * HOUR); /* another key has a history of its own */
    assert_int_equal(alerts_count(b.a), 1);
    alerts_free(b.a);
}

static void approvers_keys(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    b.r.has_approver_key = true;
    b.r.approver_key.b[0] = 9;
    for (int i = 0; i < 4; i++)
        bench_take(&b, HM_EV_APPROVAL_RECORDED);
    b.r.t_ms = T0 + WEEK + 12 * HOUR;
    bench_take(&b, HM_EV_POLICY_APPROVED);
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_HOURS), 1);
    assert_int_equal(strncmp(bench_last(&b)->subject, "key:09", 6), 0);
    alerts_free(b.a);
}

/* --- rate --- */

static void rate(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    for (uint64_t d = 0; d < 8; d++) /* 8 uses in 168 hours */
        bench_use(&b, 1, T0 + d * DAY);
    uint64_t t = T0 + 7 * DAY;
    bench_use(&b, 1, t + 1);
    bench_use(&b, 1, t + 2);
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_RATE),
                     0); /* 3 in this hour: not above the floor */
    bench_use(&b, 1, t + 3);
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_RATE), 1); /* 4 * 168 > 2 * 7 */
    assert_string_equal(bench_last(&b)->text,
                        "used 4 times in one hour; 7 times in the 168 hours before");
    bench_use(&b, 1, t + 4);
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_RATE), 1); /* folded */
    assert_int_equal(bench_last(&b)->count, 2);
    assert_int_equal(bench_last(&b)->idx_count, 2);
    alerts_free(b.a);
}

static void rate_factor(void **state)
{
    struct alert_config c = bench_small();
    (void)state;
    for (c.rate_factor = 95; c.rate_factor <= 97; c.rate_factor++) {
        struct bench b = bench_make(c);
        for (uint64_t d = 0; d < 7; d++)
            bench_use(&b, 1, T0 + d * DAY);
        for (uint64_t i = 0; i < 4; i++) /* 4 * 168 = 672 = 96 * 7: more than it must it be */
            bench_use(&b, 1, T0 + 7 * DAY + i);
        assert_int_equal(bench_of_kind(&b, ALERT_KEY_RATE), c.rate_factor < 96 ? 1 : 0);
        alerts_free(b.a);
    }
}

static void many_keys(void **state)
{
    struct alert_config c = bench_small();
    struct bench b = bench_make(c);
    (void)state;
    for (unsigned k = 0; k < ALERT_KEYS_MAX; k++) {
        b.r.key_count = 1;
        memset(&b.r.keys[0].spki, 0, sizeof b.r.keys[0].spki);
        b.r.keys[0].spki.b[0] = (uint8_t)k;
        for (int i = 0; i < 4; i++) {
            b.r.t_ms = T0 + k * 60000;
            bench_take(&b, HM_EV_SIGN_INTENDED);
        }
    }
    /* One key more: the one that rested longest is forgotten, the others are not. */
    b.r.keys[0].spki.b[1] = 1;
    b.r.t_ms = T0 + WEEK + 13 * HOUR;
    bench_take(&b, HM_EV_SIGN_INTENDED);
    b.r.keys[0].spki.b[1] = 0;
    b.r.keys[0].spki.b[0] = 0;
    bench_take(&b, HM_EV_SIGN_INTENDED);
    assert_int_equal(alerts_count(b.a), 0);
    b.r.keys[0].spki.b[0] = 255;
    bench_take(&b, HM_EV_SIGN_INTENDED);
    assert_int_equal(bench_of_kind(&b, ALERT_KEY_HOURS), 1);
    alerts_free(b.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_hours),    cmocka_unit_test(enough_history),
        cmocka_unit_test(approvers_keys), cmocka_unit_test(rate),
        cmocka_unit_test(rate_factor),    cmocka_unit_test(many_keys),
    };
    return cmocka_run_group_tests_name("alert_keys", tests, NULL, NULL);
}
