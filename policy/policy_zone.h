/* Time zones as rules: what a clock on the wall shows, now and in later years, told by a POSIX TZ
 * string (POSIX.1-2017 section 8.3, in the form that ends a TZif file: RFC 9636 section 3.3). Pure:
 * no database, no files. docs/formats/policy.md says what a change of the clock means. Any thread.
 */
#ifndef POLICY_POLICY_ZONE_H
#define POLICY_POLICY_ZONE_H

#include "schema/core/hm_err.h"

#include <stdbool.h>
#include <stdint.h>

#define POLICY_ZONE_RULE_MAX 64 /* bytes */
#define POLICY_ZONE_NAME_MAX 64 /* bytes */

/* A day of every year, and a time of that day. */
enum policy_day_form {
    POLICY_DAY_NONE = 0,
    POLICY_DAY_JULIAN,  /* Jn: 1 to 365, never 29 February */
    POLICY_DAY_OF_YEAR, /* n: 0 to 365 */
    POLICY_DAY_OF_WEEK, /* Mm.w.d */
};
struct policy_clock_change {
    enum policy_day_form form;
    unsigned day;         /* of the year; of the week: 0 is Sunday */
    unsigned month, week; /* 1 to 12; 1 to 5, 5 is the last one */
    int32_t time_s;       /* as the clock shows it before the change, from midnight of that day */
};
struct policy_zone {
    int32_t standard_s; /* what the clock shows, minus UTC */
    int32_t summer_s;
    bool changes; /* false: standard time all the year */
    struct policy_clock_change to_summer, to_standard;
};

/* "CET-1CEST,M3.5.0,M10.5.0/3". HM_E_MALFORMED with the place and what was expected there. */
enum hm_err HM_MUST_USE policy_zone_parse(const char *rule, struct policy_zone *out,
                                          struct hm_why *why);
/* The clock minus UTC, in seconds, at a time in Unix seconds. The change that came last decides. */
int32_t policy_zone_offset(const struct policy_zone *z, int64_t unix_s);
/* From the first moment at which the clock shows `from` or later until the last one at which it
 * shows something before `to`: Unix seconds, *end not included. Both in seconds of a clock, from
 * 1970-01-01T00:00. Where that lies wholly in a jump of the clock, *begin is *end. */
void policy_zone_span(const struct policy_zone *z, int64_t from, int64_t to, int64_t *begin,
                      int64_t *end);
/* Whether both clocks always show the same. */
bool policy_zone_same(const struct policy_zone *a, const struct policy_zone *b);
/* "Europe/Berlin": names as ids have them, with '/' between. */
bool policy_zone_name_ok(const char *name);

#endif
