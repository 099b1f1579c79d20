/* Time zones as rules: what is one, what a clock shows, and what a dated window means where it
 * jumps or shows a time twice. tests/interop/policy/zone_test.py compares with others' zones. */
#include "policy/policy_zone.h"
#include "tests/unit/test_rows.h"

#include <string.h>

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

struct rule_row {
    const char *name; /* the rule */
    const char *says; /* NULL: it is one */
};

static const struct rule_row rule_rows[] = {
    {"CET-1", NULL},
    {"<+0330>-3:30", NULL},
    {"AAA-24:59:59", NULL},
    {"AAA+024", "offset"}, /* three digits of hours are for times */
    {BERLIN, NULL},
    {"IST-1GMT0,M10.5.0,M3.5.0/1", NULL},
    {"EST5EDT4,0/0,J365/25", NULL},
    {"<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", NULL},
    {"AAA0BBB,J1/-167:59:59,365/+167:00:00", NULL},
    {"", "character 1: expected a name"},
    {"C", "name"},
    {"CE-1", "name"},
    {"<+1>-1", "name"},
    {"<+01-1", "name"},
    {"<CET", "name"},
    {"C\xc3\x89T-1", "name"},
    {"C1T-1", "name"},
    {":Europe/Berlin", "name"},
    {"CET", "character 4: expected an offset"},
    {"CET-", "character 5: expected an offset"},
    {"CET25", "offset"},
    {"CET100", "offset"},
    {"CET--1", "offset"},
    {"CET 1", "offset"},
    {"CET1:", "offset"},
    {"CET1:5", "offset"},
    {"CET1:60", "offset"},
    {"CET1:00:60", "offset"},
    {"CET1:000", "expected"},
    {"CET-1CEST", "character 10: expected ',' and a change"},
    {"CET-1CEST,", "expected a day"},
    {"CET-1CEST,M3.5.0", "character 17: expected ',' and a change"},
    {"CET-1,M3.5.0,M10.5.0", "name"},
    {"CET-1CEST;M3.5.0;M10.5.0", "offset"},
    {"CET-1CEST,M0.5.0,M10.5.0", "day"},
    {"CET-1CEST,M13.5.0,M10.5.0", "day"},
    {"CET-1CEST,M3.0.0,M10.5.0", "day"},
    {"CET-1CEST,M3.6.0,M10.5.0", "day"},
    {"CET-1CEST,M3.5.7,M10.5.0", "day"},
    {"CET-1CEST,M3.5,M10.5.0", "day"},
    {"CET-1CEST,M03.5.0,M10.5.0", "day"},
    {"CET-1CEST,m3.5.0,M10.5.0", "day"},
    {"CET-1CEST,J0,J300", "day"},
    {"CET-1CEST,J366,J300", "day"},
    {"CET-1CEST,366,J300", "day"},
    {"CET-1CEST,00,J300", "day"},
    {"CET-1CEST,-1,J300", "day"},
    {"CET-1CEST,M3.5.0/168,M10.5.0", "167 hours"},
    {"CET-1CEST,M3.5.0/-168,M10.5.0", "167 hours"},
    {"CET-1CEST,M3.5.0/,M10.5.0", "167 hours"},
    {"CET-1CEST,M3.5.0/2:5,M10.5.0", "167 hours"},
    {"CET-1CEST,M3.5.0/0002,M10.5.0", "167 hours"},
    {BERLIN ",", "end of the rule"},
    {BERLIN " ", "end of the rule"},
    {BERLIN "\n", "end of the rule"},
    {"CET-1CEST,M3.5.0,M10.5.0/3,M1.1.1", "end of the rule"},
    {"<AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA>-1", "at most 64"},
};

static void rule(void **state)
{
    const struct rule_row *row = *state;
    struct policy_zone z;
    struct hm_why why = {""};
    memset(&z, 0x55, sizeof z);
    enum hm_err err = policy_zone_parse(row->name, &z, &why);
    assert_int_equal(err == HM_OK, row->says == NULL);
    if (row->says != NULL && strstr(why.text, row->says) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why.text, row->says);
    if (row->says != NULL)
        assert_int_equal(((const unsigned char *)&z)[0], 0x55); /* untouched */
}

/* Cut anywhere, a rule is another one or none, and nothing behind its end is read. */
static void cut_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(rule_rows); i++)
        for (size_t n = 0; n <= strlen(rule_rows[i].name); n++) {
            struct policy_zone z;
            char *copy = strndup(rule_rows[i].name, n);
            assert_non_null(copy);
            (void)(policy_zone_parse(copy, &z, NULL) == HM_OK);
            free(copy);
        }
}

struct clock_row {
    const char *name;
    const char *rule;
    int64_t unix_s;
    int32_t offset_s;
};

static const struct clock_row clock_rows[] = {
    {"clock: winter", BERLIN, 1768478400, 3600},
    {"clock: the last second of winter", BERLIN, 1774745999, 3600},
    {"clock: the first second of summer", BERLIN, 1774746000, 7200},
    {"clock: the last second of summer", BERLIN, 1792889999, 7200},
    {"clock: the first second of winter", BERLIN, 1792890000, 3600},
    {"clock: 1970", BERLIN, 0, 3600},
    {"clock: before 1970", BERLIN, -1, 3600},
    {"clock: year 9999, summer", BERLIN, 253386745200, 7200},
    {"clock: no changes", "<+0545>-5:45", 1774746000, 20700},
    {"clock: west", "EST5EDT,M3.2.0,M11.1.0", 1768478400, -18000},
    {"clock: summer at the turn of the year", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1767225600,
     39600},
    {"clock: summer time that is earlier", "IST-1GMT0,M10.5.0,M3.5.0/1", 1768478400, 0},
    {"clock: summer for ever, first second of a year", "EST5EDT4,0/0,J365/25", 1767225600, -14400},
    {"clock: summer for ever, the change itself", "EST5EDT4,0/0,J365/25", 1767243600, -14400},
    {"clock: summer for ever, in July", "EST5EDT4,0/0,J365/25", 1783000000, -14400},
    {"clock: 29 February by J60", "AAA0BBB,J60/0,J300", 1835395200 - 1, 0},
    {"clock: 1 March by J60", "AAA0BBB,J60/0,J300", 1835481600, 3600},
    {"clock: 29 February by 59", "AAA0BBB,59/0,J300", 1835395200, 3600},
    {"clock: a change a week later, in the next year", "AAA0BBB,J364/167,J200", 1798761600, 0},
};

static void clock_shows(void **state)
{
    const struct clock_row *row = *state;
    struct policy_zone z;
    assert_int_equal(policy_zone_parse(row->rule, &z, NULL), HM_OK);
    assert_int_equal(policy_zone_offset(&z, row->unix_s), row->offset_s);
}

/* Clocks in seconds of a day, 2026-03-29 and 2026-10-25, when Berlin's jumps and goes back. */
#define SPRING INT64_C(1774742400)
#define AUTUMN INT64_C(1792886400)
#define AT(day, h, m) ((day) + ((h)*60 + (m)) * 60)

struct span_row {
    const char *name;
    const char *rule;
    int64_t from, to;
    int64_t begin, end;
};

static const struct span_row span_rows[] = {
    {"span: no changes", "<+0545>-5:45", 100000, 200000, 79300, 179300},
    {"span: a summer's day", BERLIN, AT(SPRING, 48, 0), AT(SPRING, 72, 0), AT(SPRING, 46, 0),
     AT(SPRING, 70, 0)},
    {"span: over the jump", BERLIN, AT(SPRING, 0, 0), AT(SPRING, 24, 0), AT(SPRING, -1, 0),
     AT(SPRING, 22, 0)},
    {"span: begins in the jump", BERLIN, AT(SPRING, 2, 30), AT(SPRING, 4, 0), AT(SPRING, 1, 0),
     AT(SPRING, 2, 0)},
    {"span: ends in the jump", BERLIN, AT(SPRING, 1, 0), AT(SPRING, 2, 30), AT(SPRING, 0, 0),
     AT(SPRING, 1, 0)},
    {"span: wholly in the jump", BERLIN, AT(SPRING, 2, 10), AT(SPRING, 2, 50), AT(SPRING, 1, 0),
     AT(SPRING, 1, 0)},
    {"span: begins at a time that comes twice", BERLIN, AT(AUTUMN, 2, 30), AT(AUTUMN, 5, 0),
     AT(AUTUMN, 0, 30), AT(AUTUMN, 4, 0)},
    {"span: ends at a time that comes twice", BERLIN, AT(AUTUMN, 1, 0), AT(AUTUMN, 2, 30),
     AT(AUTUMN, -1, 0), AT(AUTUMN, 1, 30)},
    {"span: both come twice", BERLIN, AT(AUTUMN, 2, 10), AT(AUTUMN, 2, 20), AT(AUTUMN, 0, 10),
     AT(AUTUMN, 1, 20)},
};

static void span(void **state)
{
    const struct span_row *row = *state;
    struct policy_zone z;
    int64_t begin = 0;
    int64_t end = 0;
    assert_int_equal(policy_zone_parse(row->rule, &z, NULL), HM_OK);
    policy_zone_span(&z, row->from, row->to, &begin, &end);
    assert_int_equal(begin - row->begin, 0);
    assert_int_equal(end - row->end, 0);
}

struct same_row {
    const char *name; /* another spelling of Berlin's rule, or not */
    bool same;
};

static const struct same_row same_rows[] = {
    {"MEZ-1MESZ,M3.5.0,M10.5.0/3", true},
    {"CET-1CEST-2,M3.5.0/2,M10.5.0/3:00:00", true},
    {"CET-01:00CEST,M3.5.0,M10.5.0/03", true},
    {"CET-1CEST,M3.5.0,M10.5.0", false},
    {"CET-1CEST,M3.4.0,M10.5.0/3", false},
    {"CET-1CEST,M3.5.1,M10.5.0/3", false},
    {"CET-1CEST,M3.5.0,M11.5.0/3", false},
    {"CET-1CEST-3,M3.5.0,M10.5.0/3", false},
    {"CET-2CEST-3,M3.5.0,M10.5.0/3", false},
    {"CET-1CEST,J87,M10.5.0/3", false},
    {"CET-1", false},
};

static void same(void **state)
{
    const struct same_row *row = *state;
    struct policy_zone berlin;
    struct policy_zone other;
    assert_int_equal(policy_zone_parse(BERLIN, &berlin, NULL), HM_OK);
    assert_int_equal(policy_zone_parse(row->name, &other, NULL), HM_OK);
    assert_int_equal(policy_zone_same(&berlin, &other), row->same);
    assert_int_equal(policy_zone_same(&other, &berlin), row->same);
}

struct name_row {
    const char *name;
    bool ok;
};

static const struct name_row name_rows[] = {
    {"Europe/Berlin", true},
    {"UTC", true},
    {"Etc/GMT+5", true},
    {"America/Argentina/ComodRivadavia", true},
    {"", false},
    {"/etc/localtime", false},
    {"Europe/", false},
    {"Europe//Berlin", false},
    {"..", false},
    {"../passwd", false},
    {"Europe/../../passwd", false},
    {"Europe/.", false},
    {"Europe Berlin", false},
    {"Europe/Berlin\n", false},
    {"EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE/EEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE", false},
};

static void zone_name(void **state)
{
    const struct name_row *row = *state;
    assert_int_equal(policy_zone_name_ok(row->name), row->ok);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rule_rows) + ROWS(clock_rows) + ROWS(span_rows) + ROWS(same_rows) +
                            ROWS(name_rows) + 1];
    size_t n = ADD_ROWS(tests, 0, rule, rule_rows);
    n = ADD_ROWS(tests, n, clock_shows, clock_rows);
    n = ADD_ROWS(tests, n, span, span_rows);
    n = ADD_ROWS(tests, n, same, same_rows);
    n = ADD_ROWS(tests, n, zone_name, name_rows);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(cut_rules);
    return _cmocka_run_group_tests("policy_zone", tests, n, NULL, NULL);
}
