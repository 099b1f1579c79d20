/* What a rule holds against the releases before, and against the clock: the members `limits`,
 * `freeze` and `promotion`. */
#include "policy/policy_read_priv.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <stdio.h>
#include <string.h>

static enum hm_err read_signatures(const struct hm_json_in *parent, const json_t *v,
                                   struct policy_limits *out, struct hm_why *why)
{
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(parent, "signatures", -1, path);
    hm_json_begin(&in, v, path, why);
    out->signatures = (size_t)hm_json_uint(&in, "count", 1, POLICY_SIGNATURES_MAX);
    out->window_s =
        (int64_t)hm_json_uint(&in, "window_s", POLICY_WINDOW_MIN_S, POLICY_WINDOW_MAX_S);
    return hm_json_end(&in);
}

/* Such a member says true or is not there: a false one would read as if it did something. */
static bool read_flag(struct hm_json_in *in, const char *member)
{
    bool there = hm_json_has(in, member);
    if (there && !hm_json_bool(in, member))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected true, or no such member");
    return there;
}

enum hm_err policy_load_limits(const struct hm_json_in *rule, const json_t *v,
                               struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_limits *l = &out->limits;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "limits", -1, path);
    hm_json_begin(&in, v, path, why);
    l->max_size = hm_json_uint_or(&in, "max_size", 1, POLICY_SIZE_MAX, 0);
    l->size_factor_percent =
        hm_json_uint_or(&in, "size_factor_percent", POLICY_FACTOR_MIN, POLICY_FACTOR_MAX, 0);
    l->no_downgrade = read_flag(&in, "no_downgrade");
    l->same_bytes = read_flag(&in, "same_bytes");
    const json_t *signatures = hm_json_object_or_null(&in, "signatures");
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK && signatures != NULL)
        err = read_signatures(&in, signatures, l, why);
    if (err != HM_OK)
        return err;
    if (json_object_size(v) == 0)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected at least one limit", path);
    if (l->size_factor_percent > 0 && out->quorum.stage_count == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.size_factor_percent: a change of size asks for one more approval; "
                       "expected a rule with approvals",
                       path);
    if (l->size_factor_percent > 0 && out->pub.approvals >= HM_APPROVALS_MAX)
        return hm_fail(
            why, HM_E_LIMIT,
            "%s.size_factor_percent: one more than %zu approvals; expected at most %d in "
            "all",
            path, out->pub.approvals, HM_APPROVALS_MAX);
    return HM_OK;
}

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
static bool read_offset(const char *text, int64_t *out)
{
    int minutes = text != NULL && (text[0] == '+' || text[0] == '-') ? read_clock(text + 1) : -1;
    if (minutes < 0 || minutes % 15 != 0 || minutes > (text[0] == '+' ? 14 : 12) * 60)
        return false;
    *out = (text[0] == '+' ? 60 : -60) * (int64_t)minutes;
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
    out->from = from * 60;
    out->to = to * 60;
}

static void read_dates(struct hm_json_in *in, struct policy_window *out)
{
    if (!read_date(hm_json_str(in, "from"), &out->from))
        hm_json_bad(in, HM_E_MALFORMED, "from", "expected a date like 2026-12-20T00:00");
    else if (!read_date(hm_json_str(in, "to"), &out->to) || out->to <= out->from)
        hm_json_bad(in, HM_E_MALFORMED, "to",
                    "expected a date like 2027-01-04T08:00, after \"from\"");
}

static enum hm_err read_window(const json_t *v, const char *path, struct policy_window *out,
                               struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, path, why);
    const json_t *days = hm_json_has(&in, "days") ? hm_json_array(&in, "days", 1, 7) : NULL;
    if (days != NULL)
        read_week_times(&in, out);
    else
        read_dates(&in, out);
    enum hm_err err = hm_json_end(&in);
    return err == HM_OK && days != NULL ? read_days(&in, days, &out->days, why) : err;
}

enum hm_err policy_load_freeze(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                               struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_freeze *f = &out->freeze;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "freeze", -1, path);
    hm_json_begin(&in, v, path, why);
    const char *offset = hm_json_str(&in, "utc_offset");
    if (offset != NULL && !read_offset(offset, &f->offset_s))
        hm_json_bad(&in, HM_E_MALFORMED, "utc_offset",
                    "expected an offset like +01:00, from -12:00 to +14:00");
    const json_t *list = hm_json_array(&in, "windows", 1, POLICY_WINDOWS_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    f->windows = policy_alloc(&p->arena, json_array_size(list), sizeof f->windows[0]);
    if (f->windows == NULL)
        return policy_no_memory(why);
    for (; err == HM_OK && f->count < json_array_size(list); f->count++) {
        hm_json_path(&in, "windows", (long)f->count, path);
        err = read_window(json_array_get(list, f->count), path, &f->windows[f->count], why);
    }
    return err;
}

static int rank(const char *environment)
{
    return strcmp(environment, "production") == 0 ? 2 : strcmp(environment, "staging") == 0;
}

static enum hm_err read_promotion_lists(struct policy *p, const struct hm_json_in *in,
                                        const json_t *channels, const json_t *submitters,
                                        struct policy_promotion *out, struct hm_why *why)
{
    const struct policy_target people = {&p->principal_ids, p->principals, sizeof p->principals[0],
                                         "principals"};
    char path[POLICY_PATH_MAX];
    enum hm_err err = HM_OK;
    if (channels != NULL)
        err = policy_read_member(p, in, "channels", channels, &out->channels);
    hm_json_path(in, "submitters", -1, path);
    if (err == HM_OK && submitters != NULL)
        err = policy_read_refs(&p->arena, submitters, path, &people, &out->submitters, why);
    return err;
}

enum hm_err policy_load_promotion(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                                  struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_promotion *m = &out->promotion;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "promotion", -1, path);
    hm_json_begin(&in, v, path, why);
    m->environment = policy_read_environment(&in);
    m->soak_s = (int64_t)hm_json_uint_or(&in, "soak_s", 0, POLICY_SOAK_MAX_S, 0);
    const json_t *channels = hm_json_has(&in, "channels")
                                 ? hm_json_array(&in, "channels", 1, POLICY_CHANNELS_MAX)
                                 : NULL;
    const json_t *submitters = hm_json_has(&in, "submitters")
                                   ? hm_json_array(&in, "submitters", 1, HM_PRINCIPALS_MAX)
                                   : NULL;
    if (m->environment != NULL && rank(m->environment) >= rank(out->pub.environment))
        hm_json_bad(&in, HM_E_MALFORMED, "environment",
                    "expected one before %s: development, staging, production",
                    out->pub.environment);
    enum hm_err err = hm_json_end(&in);
    return err == HM_OK ? read_promotion_lists(p, &in, channels, submitters, m, why) : err;
}

bool policy_promotion_same(const struct policy_promotion *a, const struct policy_promotion *b)
{
    if (a->environment != b->environment || a->soak_s != b->soak_s)
        return false; /* environments are static texts */
    return policy_names_same(&a->channels, &b->channels) &&
           policy_ptrs_same(&a->submitters, &b->submitters);
}
