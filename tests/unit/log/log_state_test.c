/* The table of legal transitions, written down a second time. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_release_state.h"

/* Rows from, columns to, both in the order of the enum. */
static const char *const may[HM_RELEASE_STATE_COUNT] = {
    /* none       */ ".xx..x....",
    /* submitted  */ "..x...xxxx",
    /* approved   */ "...x..xxxx",
    /* signing    */ "..x.x.....",
    /* signed     */ "..........",
    /* refused    */ "..........",
    /* rejected   */ "..........",
    /* cancelled  */ "..........",
    /* expired    */ "..........",
    /* superseded */ "..........",
};

static void test_transitions(void **state)
{
    (void)state;
    for (int from = 0; from < HM_RELEASE_STATE_COUNT; from++)
        for (int to = 0; to < HM_RELEASE_STATE_COUNT; to++)
            assert_int_equal(hm_release_may((enum hm_release_state)from, (enum hm_release_state)to),
                             may[from][to] == 'x');
}

static void test_unknown_states(void **state)
{
    enum hm_release_state beyond = (enum hm_release_state)HM_RELEASE_STATE_COUNT;
    (void)state;
    for (int s = 0; s < HM_RELEASE_STATE_COUNT; s++) {
        assert_false(hm_release_may((enum hm_release_state)s, beyond));
        assert_false(hm_release_may(beyond, (enum hm_release_state)s));
    }
    assert_false(hm_release_is_end(beyond));
    assert_string_equal(hm_release_state_name(beyond), "none");
}

static void test_ends(void **state)
{
    (void)state;
    for (int s = 0; s < HM_RELEASE_STATE_COUNT; s++)
        assert_int_equal(hm_release_is_end((enum hm_release_state)s), strchr(may[s], 'x') == NULL);
}

static void test_names(void **state)
{
    enum hm_release_state s = HM_RELEASE_SIGNED;
    (void)state;
    for (int i = 0; i < HM_RELEASE_STATE_COUNT; i++) {
        assert_true(hm_release_state_parse(hm_release_state_name((enum hm_release_state)i), &s));
        assert_int_equal(s, i);
    }
    assert_false(hm_release_state_parse("", &s));
    assert_false(hm_release_state_parse("Signed", &s));
    assert_false(hm_release_state_parse("signed ", &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_unknown_states),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("log_state", tests, NULL, NULL);
}
