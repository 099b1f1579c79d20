/* Alerts about refusals in a row: what counts, what ends a row, how many rows are remembered. */
#include "tests/unit/door/alert_bench.h"

#include <stdio.h>

static void refusals(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    bench_actor(&b, "ci", "");
    (void)snprintf(b.r.outcome, sizeof b.r.outcome, "signature");
    bench_take(&b, HM_EV_RELEASE_REFUSED);
    bench_take(&b, HM_EV_REQUEST_REFUSED);
    assert_int_equal(alerts_count(b.a), 0);
    bench_take(&b, HM_EV_APPROVAL_REFUSED);
    assert_int_equal(alerts_count(b.a), 1);
    assert_string_equal(bench_last(&b)->subject, "actor:ci");
    assert_string_equal(bench_last(&b)->text,
                        "3 refusals or more in a row, the last one approval.refused: signature");
    assert_int_equal(bench_last(&b)->idx_count, 3);
    assert_int_equal(bench_last(&b)->raised_idx, 2);
    bench_take(&b, HM_EV_POLICY_REFUSED);
    assert_int_equal(alerts_count(b.a), 1);
    assert_int_equal(bench_last(&b)->count, 2);
    assert_int_equal(bench_last(&b)->last_idx, 3);
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
        struct bench b = bench_make(bench_small());
        if (is_of_refusals(hm_event_name((enum hm_event)e))) {
            bench_actor(&b, "ci", "");
            for (int i = 0; i < 3; i++)
                bench_take(&b, (enum hm_event)e);
            assert_int_equal(bench_of_kind(&b, ALERT_REFUSALS), 1);
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
        struct bench b = bench_make(bench_small());
        bench_actor(&b, "ci", "");
        bench_take(&b, HM_EV_SIGN_REFUSED);
        bench_take(&b, HM_EV_SIGN_REFUSED);
        b.r.t_ms += rows[i].pause_ms;
        bench_actor(&b, rows[i].actor, rows[i].product);
        if (rows[i].event != HM_EV_NONE)
            bench_take(&b, rows[i].event);
        bench_actor(&b, "ci", "");
        bench_take(&b, HM_EV_SIGN_REFUSED);
        assert_int_equal(bench_of_kind(&b, ALERT_REFUSALS), rows[i].alerts);
        alerts_free(b.a);
    }
}

static void of_a_product(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    for (int i = 0; i < 3; i++) {
        char actor[8];
        (void)snprintf(actor, sizeof actor, "a%d", i);
        bench_actor(&b, actor, "edge-router");
        bench_take(&b, HM_EV_RELEASE_REFUSED);
    }
    assert_int_equal(alerts_count(b.a), 1);
    assert_string_equal(bench_last(&b)->subject, "product:edge-router");
    alerts_free(b.a);
}

static void summarised(void **state)
{
    struct bench b = bench_make(bench_small());
    (void)state;
    bench_actor(&b, "ci", "");
    b.r.count = 2;
    bench_take(&b, HM_EV_REFUSALS_SUMMARISED);
    assert_int_equal(alerts_count(b.a), 0);
    b.r.count = 1;
    bench_take(&b, HM_EV_REFUSALS_SUMMARISED);
    assert_int_equal(alerts_count(b.a), 1);
    alerts_free(b.a);
}

static void many_rows(void **state)
{
    struct bench b = bench_make(bench_small());
    char actor[16];
    (void)state;
    for (unsigned i = 0; i < ALERT_STREAKS_MAX + 10; i++) {
        (void)snprintf(actor, sizeof actor, "a%u", i);
        bench_actor(&b, actor, "");
        b.r.t_ms++;
        bench_take(&b, HM_EV_RELEASE_REFUSED);
        bench_take(&b, HM_EV_RELEASE_REFUSED);
    }
    bench_take(&b, HM_EV_RELEASE_REFUSED);
    assert_int_equal(alerts_count(b.a), 1); /* the newest is remembered */
    bench_actor(&b, "a0", "");
    bench_take(&b, HM_EV_RELEASE_REFUSED);
    assert_int_equal(alerts_count(b.a), 1); /* the oldest is not */
    alerts_free(b.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals),        cmocka_unit_test(each_kind_of_refusal),
        cmocka_unit_test(what_ends_a_row), cmocka_unit_test(of_a_product),
        cmocka_unit_test(summarised),      cmocka_unit_test(many_rows),
    };
    return cmocka_run_group_tests_name("alert_refusals", tests, NULL, NULL);
}
