/* When a rule signs nothing: the member `freeze`, its time zone and its windows. */
#include "policy/policy_read_priv.h"

#include "schema/core/hm_time.h"

#include <stdio.h>
#include <string.h>

/* "HH:MM", up to 24:00. Minutes, or -1. */
static int read_clock(const char *text)
{
    if (text == NULL || strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789:") != 5 ||
        strchr(text + 3, ':') != NULL || text[0] == ':' || text[1] == ':')
        return -1;
    int hours = (text[0] - '0') * 10 + (text[1] - '0');
    int minutes = (text[3] - '0') * 10 + (text[4] - '0');
    int all = hours * 60 + minutes;
    return minutes > 59 || all > 24 * 60 ? -1 : all;
}

/* "+01:00": seconds; false if it is none. */
static bool read_offset(const char *text, int32_t *out)
{
    int minutes = text != NULL && (text[0] == '+' || text[0] == '-') ? read_clock(text + 1) : -1;
    if (minutes < 0 || minutes % 15 != 0 || minutes > (text[0] == '+' ? 14 : 12) * 60)
        return false;
    *out = (text[0] == '+' ? 60 : -60) * minutes;
    return true;
}

static enum hm_err read_days(const struct hm_json_in *in, const json_t *list, unsigned *out,
                             struct hm_why *why)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        char path[POLICY_PATH_MAX];
        unsigned bit = 0;
        for (unsigned k = 0; text != NULL && k < 7; k++)
            if (strcmp(text, names[k]) == 0)
                bit = 1u << k;
        hm_json_path(in, "days", (long)i, path);
        if (bit == 0 || (*out & bit) != 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "%s: expected one of mon, tue, wed, thu, fri, sat, sun, each once",
                           path);
        *out |= bit;
    }
    return HM_OK;
}

/* "2026-12-20T00:00" as seconds of a clock that shows this. */
static bool read_date(const char *text, int64_t *out)
{
    char whole[HM_TIME_TEXT];
    if (text == NULL || strlen(text) != 16)
        return false;
    (void)snprintf(whole, sizeof whole, "%s:00Z", text);
    return hm_time_parse(hm_bytes_str(whole), out) == HM_OK;
}

static void read_week_times(struct hm_json_in *in, struct policy_window *out)
{
    int from = read_clock(hm_json_str(in, "from"));
    int to = read_clock(hm_json_str(in, "to"));
    if (from < 0 || from >= 24 * 60)
        hm_json_bad(in, HM_E_MALFORMED, "from", "expected a time from 00:00 to 23:59");
    else if (to <= from)
        hm_json_bad(in, HM_E_MALFORMED, "to", "expected a time after \"from\", at most 24:00");
    out->from = (int64_t)from * 60;
    out->to = (int64_t)to * 60;
}

static void read_dates(struct hm_json_in *in, struct policy_window *out)
{
    if (!read_date(hm_json_str(in, "from"), &out->from))
        hm_json_bad(in, HM_E_MALFORMED, "from", "expected a date like 2026-12-20T00:00");
    else if (!read_date(hm_json_str(in, "to"), &out->to) || out->to <= out->from)
        hm_json_bad(in, HM_E_MALFORMED, "to",
                    "expected a date like 2027-01-04T08:00, after \"from\"");
}

static enum hm_err read_window(const json_t *v, const char *path, const struct policy_zone *zone,
                               struct policy_window *out, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, path, why);
    const json_t *days = hm_json_has(&in, "days") ? hm_json_array(&in, "days", 1, 7) : NULL;
    if (days != NULL)
        read_week_times(&in, out);
    else
        read_dates(&in, out);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    if (days != NULL)
        return read_days(&in, days, &out->days, why);
    policy_zone_span(zone, out->from, out->to, &out->from, &out->to);
    if (out->from < out->to)
        return HM_OK;
    return hm_fail(why, HM_E_MALFORMED,
                   "%s.to: the clock jumps over this window; expected times that it shows", path);
}

static void read_zone_rule(struct hm_json_in *in, struct policy_zone *out)
{
    struct hm_why why = {""};
    const char *rule = hm_json_str(in, "rule");
    if (rule != NULL && policy_zone_parse(rule, out, &why) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, "rule",
                    "%s; a POSIX TZ rule looks like CET-1CEST,M3.5.0,M10.5.0/3", why.text);
}

/* `time_zone`: what it is called, and the rule that counts. */
static enum hm_err read_time_zone(const struct hm_json_in *parent, const json_t *v,
                                  struct policy_zone *out, const char **name, struct hm_why *why)
{
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(parent, "time_zone", -1, path);
    hm_json_begin(&in, v, path, why);
    *name = hm_json_str(&in, "name");
    if (*name != NULL && !policy_zone_name_ok(*name))
        hm_json_bad(&in, HM_E_MALFORMED, "name", "expected a name like Europe/Berlin");
    read_zone_rule(&in, out);
    return hm_json_end(&in);
}

static enum hm_err read_zone(struct policy *p, struct hm_json_in *in, struct policy_freeze *f,
                             const char *offset, const json_t *zone)
{
    const char *name = offset;
    enum hm_err err = HM_OK;
    if ((offset != NULL) == (zone != NULL))
        hm_json_bad(in, HM_E_MALFORMED, "time_zone", "expected this or utc_offset, and not both");
    else if (offset != NULL && !read_offset(offset, &f->zone.standard_s))
        hm_json_bad(in, HM_E_MALFORMED, "utc_offset",
                    "expected an offset like +01:00, from -12:00 to +14:00");
    else if (zone != NULL)
        err = read_time_zone(in, zone, &f->zone, &name, in->why);
    if (in->err != HM_OK || err != HM_OK)
        return in->err != HM_OK ? in->err : err;
    f->zone_name = policy_dup(&p->arena, name);
    return f->zone_name != NULL ? HM_OK : policy_no_memory(in->why);
}

enum hm_err policy_load_freeze(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                               struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_freeze *f = &out->freeze;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "freeze", -1, path);
    hm_json_begin(&in, v, path, why);
    const char *offset = hm_json_str_or(&in, "utc_offset", NULL);
    const json_t *zone = hm_json_object_or_null(&in, "time_zone");
    const json_t *list = hm_json_array(&in, "windows", 1, POLICY_WINDOWS_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK)
        err = read_zone(p, &in, f, offset, zone);
    if (err != HM_OK)
        return err;
    f->windows = policy_alloc(&p->arena, json_array_size(list), sizeof f->windows[0]);
    if (f->windows == NULL)
        return policy_no_memory(why);
    for (; err == HM_OK && f->count < json_array_size(list); f->count++) {
        hm_json_path(&in, "windows", (long)f->count, path);
        err =
            read_window(json_array_get(list, f->count), path, &f->zone, &f->windows[f->count], why);
    }
    return err;
}
