/* What a clock shows: the days of a year on which it changes, and which change came last. The
 * Gregorian calendar without leap seconds, as in POSIX time. */
#include "policy/policy_zone.h"

#include <stddef.h>

#define DAY_S INT64_C(86400)
#define THURSDAY 4              /* 1970-01-01; 0 is Sunday */
#define DAYS_BEFORE_1970 719162 /* from 0001-01-01 */
#define DAYS_OF_400_YEARS 146097

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of January of a year. */
static int64_t days_before(int64_t year)
{
    int64_t y = year - 1;
    return y * 365 + floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400) - DAYS_BEFORE_1970;
}

static int64_t year_of(int64_t unix_s)
{
    int64_t day = floor_div(unix_s, DAY_S);
    int64_t year = 1970 + floor_div(day, DAYS_OF_400_YEARS) * 400 +
                   floor_div(day - floor_div(day, DAYS_OF_400_YEARS) * DAYS_OF_400_YEARS, 366);
    while (days_before(year + 1) <= day)
        year++;
    return year;
}

/* Day of the year, from 0, of the n-th weekday of a month; the fifth is the last there is. */
static int64_t day_by_week(const struct policy_clock_change *c, int64_t year)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t first = 0;
    for (unsigned m = 1; m < c->month; m++)
        first += lengths[m - 1] + (m == 2 && is_leap(year));
    int64_t length = lengths[c->month - 1] + (c->month == 2 && is_leap(year));
    int64_t n = days_before(year) + first + THURSDAY;
    int64_t weekday = n - floor_div(n, 7) * 7;
    int64_t day = ((int64_t)c->day - weekday + 7) % 7 + 7 * ((int64_t)c->week - 1);
    return first + (day < length ? day : day - 7);
}

/* Midnight of the day of a change, on a clock that shows UTC. */
static int64_t day_of_change(const struct policy_clock_change *c, int64_t year)
{
    int64_t day = c->form == POLICY_DAY_JULIAN    ? c->day - 1 + (c->day >= 60 && is_leap(year))
                  : c->form == POLICY_DAY_OF_YEAR ? c->day
                                                  : day_by_week(c, year);
    return (days_before(year) + day) * DAY_S;
}

struct moment {
    int64_t unix_s;
    int32_t offset_s; /* of the clock from then on */
};

/* The changes of the years around a time. A week of hours may carry one into the next year, so that
 * two years back is where the last change is found for certain. */
#define YEARS_BACK 2
#define YEARS ((size_t)YEARS_BACK + 2)
#define CHANGES (2 * YEARS)

static void changes_around(const struct policy_zone *z, int64_t unix_s, struct moment out[CHANGES])
{
    int64_t year = year_of(unix_s) - YEARS_BACK;
    for (size_t i = 0; i < CHANGES; i += 2, year++) {
        out[i] = (struct moment){day_of_change(&z->to_standard, year) + z->to_standard.time_s -
                                     z->summer_s,
                                 z->standard_s};
        out[i + 1] = (struct moment){
            day_of_change(&z->to_summer, year) + z->to_summer.time_s - z->standard_s, z->summer_s};
    }
}

/* Of two at once the later in the list wins. Where a year's standard time ends as it begins, that
 * is summer time for ever, which RFC 9636 writes so. */
int32_t policy_zone_offset(const struct policy_zone *z, int64_t unix_s)
{
    struct moment list[CHANGES];
    const struct moment *last = NULL;
    if (!z->changes)
        return z->standard_s;
    changes_around(z, unix_s, list);
    for (size_t i = 0; i < CHANGES; i++)
        if (list[i].unix_s <= unix_s && (last == NULL || list[i].unix_s >= last->unix_s))
            last = &list[i];
    return last != NULL ? last->offset_s : z->standard_s;
}

/* Where a clock can come to show a time: at that time in either offset, or by a change. */
#define CANDIDATES (CHANGES + 2)

static void candidates(const struct policy_zone *z, int64_t clock_s, int64_t out[CANDIDATES])
{
    struct moment list[CHANGES];
    changes_around(z, clock_s - z->standard_s, list);
    for (size_t i = 0; i < CHANGES; i++)
        out[i] = list[i].unix_s;
    out[CHANGES] = clock_s - z->standard_s;
    out[CHANGES + 1] = clock_s - z->summer_s;
}

static int64_t clock_at(const struct policy_zone *z, int64_t unix_s)
{
    return unix_s + policy_zone_offset(z, unix_s);
}

void policy_zone_span(const struct policy_zone *z, int64_t from, int64_t to, int64_t *begin,
                      int64_t *end)
{
    int64_t c[CANDIDATES];
    bool found = false;
    *begin = from - z->standard_s;
    *end = to - z->standard_s;
    if (!z->changes)
        return;
    candidates(z, from, c);
    for (size_t i = 0; i < CANDIDATES; i++)
        if (clock_at(z, c[i]) >= from && (!found || c[i] < *begin)) {
            *begin = c[i];
            found = true;
        }
    found = false;
    candidates(z, to, c);
    for (size_t i = 0; i < CANDIDATES; i++)
        if (clock_at(z, c[i] - 1) < to && (!found || c[i] > *end)) {
            *end = c[i];
            found = true;
        }
}

static bool same_change(const struct policy_clock_change *a, const struct policy_clock_change *b)
{
    return a->form == b->form && a->day == b->day && a->month == b->month && a->week == b->week &&
           a->time_s == b->time_s;
}

bool policy_zone_same(const struct policy_zone *a, const struct policy_zone *b)
{
    if (a->standard_s != b->standard_s || a->changes != b->changes)
        return false;
    return !a->changes ||
           (a->summer_s == b->summer_s && same_change(&a->to_summer, &b->to_summer) &&
            same_change(&a->to_standard, &b->to_standard));
}
