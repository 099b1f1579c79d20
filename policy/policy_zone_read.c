/* POSIX TZ strings, strictly: names, offsets and, where there is summer time, both changes. What
 * POSIX leaves to the implementation (a summer time without changes) is refused. */
#include "policy/policy_zone.h"

#include "schema/core/hm_text.h"

#include <string.h>

#define HOUR_S 3600
#define OFFSET_HOURS_MAX 24 /* POSIX.1-2017 section 8.3 */
#define TIME_HOURS_MAX 167  /* RFC 9636 section 3.3.2 */
#define CHANGE_S 7200       /* 02:00, where a change says no time */

struct reader {
    const char *rule;
    const char *at;
    struct hm_why *why;
};

static enum hm_err expected(const struct reader *r, const char *what)
{
    return hm_fail(r->why, HM_E_MALFORMED, "character %zu: expected %s",
                   (size_t)(r->at - r->rule) + 1, what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool take(struct reader *r, char c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* Three letters or more, or between < and > also digits and signs. It names a time for people. */
static enum hm_err take_name(struct reader *r)
{
    bool quoted = take(r, '<');
    const char *from = r->at;
    while (is_letter(*r->at) || (quoted && (is_digit(*r->at) || *r->at == '+' || *r->at == '-')))
        r->at++;
    if (r->at - from < 3 || (quoted && !take(r, '>')))
        return expected(r, "a name of at least three letters, or <+03> or the like");
    return HM_OK;
}

/* A number of up to `digits` digits (no sign, leading zeros allowed), at most max. */
static bool take_number(struct reader *r, unsigned digits, unsigned max, unsigned *out)
{
    unsigned v = 0;
    const char *p = r->at;
    while (is_digit(*p) && (size_t)(p - r->at) < digits)
        v = v * 10 + (unsigned)(*p++ - '0');
    if (p == r->at || is_digit(*p) || v > max)
        return false;
    r->at = p;
    *out = v;
    return true;
}

/* ":" and two digits, where they are there. */
static bool take_sixtieth(struct reader *r, unsigned *out)
{
    *out = 0;
    if (!take(r, ':'))
        return true;
    return is_digit(r->at[0]) && is_digit(r->at[1]) && take_number(r, 2, 59, out);
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct reader *r, unsigned digits, unsigned hours_max, int32_t *out)
{
    unsigned h;
    unsigned m;
    unsigned s = 0;
    bool minus = *r->at == '-';
    if (minus || *r->at == '+')
        r->at++;
    if (!take_number(r, digits, hours_max, &h))
        return false;
    bool minutes = *r->at == ':';
    if (!take_sixtieth(r, &m) || (minutes && !take_sixtieth(r, &s)))
        return false;
    int32_t v = (int32_t)(h * HOUR_S + m * 60 + s);
    *out = minus ? -v : v;
    return true;
}

/* POSIX counts west of UTC, we count what the clock shows. */
static enum hm_err take_offset(struct reader *r, int32_t *out)
{
    int32_t west;
    if (!take_time(r, 2, OFFSET_HOURS_MAX, &west))
        return expected(r, "an offset like -1 or +3:30, of at most 24 hours");
    *out = -west;
    return HM_OK;
}

/* No leading zero: every rule has one spelling here. */
static bool take_plain(struct reader *r, unsigned min, unsigned max, unsigned *out)
{
    if (r->at[0] == '0' && is_digit(r->at[1]))
        return false;
    return take_number(r, 3, max, out) && *out >= min;
}

static bool take_day(struct reader *r, struct policy_clock_change *out)
{
    if (take(r, 'M')) {
        out->form = POLICY_DAY_OF_WEEK;
        return take_plain(r, 1, 12, &out->month) && take(r, '.') &&
               take_plain(r, 1, 5, &out->week) && take(r, '.') && take_plain(r, 0, 6, &out->day);
    }
    if (take(r, 'J')) {
        out->form = POLICY_DAY_JULIAN;
        return take_plain(r, 1, 365, &out->day);
    }
    out->form = POLICY_DAY_OF_YEAR;
    return take_plain(r, 0, 365, &out->day);
}

static enum hm_err take_change(struct reader *r, struct policy_clock_change *out)
{
    out->time_s = CHANGE_S;
    if (!take(r, ','))
        return expected(r, "',' and a change of the clock: of a summer time, both have to be said");
    if (!take_day(r, out))
        return expected(r, "a day: Mm.w.d, Jn or n");
    if (take(r, '/') && !take_time(r, 3, TIME_HOURS_MAX, &out->time_s))
        return expected(r, "a time of at most 167 hours");
    return HM_OK;
}

static enum hm_err take_summer(struct reader *r, struct policy_zone *z)
{
    enum hm_err err = take_name(r);
    z->changes = true;
    z->summer_s = z->standard_s + HOUR_S;
    if (err == HM_OK && *r->at != ',' && *r->at != '\0')
        err = take_offset(r, &z->summer_s);
    if (err == HM_OK)
        err = take_change(r, &z->to_summer);
    return err == HM_OK ? take_change(r, &z->to_standard) : err;
}

enum hm_err policy_zone_parse(const char *rule, struct policy_zone *out, struct hm_why *why)
{
    struct reader r = {rule, rule, why};
    struct policy_zone z = {0};
    if (strnlen(rule, POLICY_ZONE_RULE_MAX + 1) > POLICY_ZONE_RULE_MAX)
        return hm_fail(why, HM_E_LIMIT, "expected at most %d bytes", POLICY_ZONE_RULE_MAX);
    enum hm_err err = take_name(&r);
    if (err == HM_OK)
        err = take_offset(&r, &z.standard_s);
    z.summer_s = z.standard_s;
    if (err == HM_OK && *r.at != '\0')
        err = take_summer(&r, &z);
    if (err == HM_OK && *r.at != '\0')
        err = expected(&r, "the end of the rule");
    if (err == HM_OK)
        *out = z;
    return err;
}

bool policy_zone_name_ok(const char *name)
{
    char part[POLICY_ZONE_NAME_MAX + 1];
    if (strnlen(name, POLICY_ZONE_NAME_MAX + 1) > POLICY_ZONE_NAME_MAX)
        return false;
    for (const char *p = name;; p++) {
        size_t n = strcspn(p, "/");
        memcpy(part, p, n);
        part[n] = '\0';
        p += n;
        if (!hm_name_ok(part))
            return false;
        if (*p == '\0')
            return true;
    }
}
