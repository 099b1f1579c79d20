#include "client/cli_when.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTES 16 /* length of "2026-11-21T01:02" */
#define SECONDS 19
#define AGO_MAX UINT64_C(4294967295) /* of a unit */

static bool two_digits(const char *p, int max, int *out)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *out = (p[0] - '0') * 10 + p[1] - '0';
    return *out <= max;
}

/* "Z", "+01:00", "-08:30": how many seconds the zone is east. */
static bool read_zone(const char *text, int64_t *east)
{
    int hours;
    int minutes;
    *east = 0;
    if (strcmp(text, "Z") == 0)
        return true;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' ||
        !two_digits(text + 1, 14, &hours) || !two_digits(text + 4, 59, &minutes))
        return false;
    *east = (hours * 60 + minutes) * 60;
    if (text[0] == '-')
        *east = -*east;
    return true;
}

/* Everything before the zone. */
static bool read_local(const char *text, size_t len, int64_t *unix_s)
{
    char whole[HM_TIME_TEXT];
    (void)snprintf(whole, sizeof whole, "%.*s%sZ", (int)len, text, len == MINUTES ? ":00" : "");
    return hm_time_parse(hm_bytes_str(whole), unix_s) == HM_OK;
}

static bool read_iso(const char *text, int64_t *unix_s)
{
    size_t len = strlen(text);
    int64_t east;
    int64_t local;
    if (len <= MINUTES)
        return false;
    size_t at = text[MINUTES] == ':' ? SECONDS : MINUTES;
    if (len <= at || !read_zone(text + at, &east) || !read_local(text, at, &local) || local < east)
        return false;
    *unix_s = local - east;
    return true;
}

static bool read_ago(const char *text, int64_t now_s, int64_t *unix_s)
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    size_t len = strlen(text);
    uint64_t n;
    if (len < 2 || hm_decimal(hm_bytes_of(text, len - 1), AGO_MAX, &n) != HM_OK)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        uint64_t back = n * units[i].seconds;
        if (units[i].unit != text[len - 1] || back > (uint64_t)now_s)
            continue;
        *unix_s = now_s - (int64_t)back;
        return true;
    }
    return false;
}

/* What somebody left out who wrote a date, or a time without its zone. */
static const char *completed(const char *text, char out[static CLI_WHEN_TEXT])
{
    int64_t s;
    size_t len = strlen(text);
    (void)snprintf(out, CLI_WHEN_TEXT, "%.20s%s", text, len == 10 ? "T00:00:00Z" : "Z");
    return len <= SECONDS && read_iso(out, &s) ? out : NULL;
}

enum hm_err cli_when_parse(const char *option, const char *text, int64_t now_s, int64_t *unix_s,
                           struct hm_why *why)
{
    char whole[CLI_WHEN_TEXT];
    if (read_iso(text, unix_s) || read_ago(text, now_s, unix_s))
        return HM_OK;
    if (completed(text, whole) != NULL)
        return hm_fail(why, HM_E_CONFIG, "--%s: '%.40s' has no zone: did you mean %s?", option,
                       text, whole);
    return hm_fail(why, HM_E_CONFIG,
                   "--%s: '%.40s': expected a time with its zone, like 2026-11-21T00:00:00Z or "
                   "2026-11-21T01:00+01:00, or how long ago, like 7d (s, m, h, d, w)",
                   option, text);
}

static bool local_text(uint64_t t_ms, char out[static CLI_WHEN_TEXT])
{
    struct tm tm;
    char zone[8];
    time_t s = (time_t)(t_ms / 1000);
    if (localtime_r(&s, &tm) == NULL || strftime(zone, sizeof zone, "%z", &tm) != 5)
        return false;
    size_t n = strftime(out, CLI_WHEN_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
    if (n != SECONDS)
        return false;
    (void)snprintf(out + n, CLI_WHEN_TEXT - n, "%.3s:%.2s", zone, zone + 3);
    return true;
}

void cli_when_text(uint64_t t_ms, bool local, char out[static CLI_WHEN_TEXT])
{
    if (!local || !local_text(t_ms, out))
        hm_time_format((int64_t)(t_ms / 1000), out);
}

void cli_when_exact(uint64_t t_ms, char out[static CLI_WHEN_TEXT])
{
    hm_time_format((int64_t)(t_ms / 1000), out);
    if (strlen(out) == SECONDS + 1)
        (void)snprintf(out + SECONDS, CLI_WHEN_TEXT - SECONDS, ".%03uZ", (unsigned)(t_ms % 1000));
}

void cli_when_span(uint64_t ms, char out[static CLI_WHEN_TEXT])
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    uint64_t s = ms / 1000;
    if (s < 60) {
        (void)snprintf(out, CLI_WHEN_TEXT, "%" PRIu64 ".%03u s", s, (unsigned)(ms % 1000));
        return;
    }
    size_t u = 0;
    while (s < units[u].seconds)
        u++;
    uint64_t rest = s % units[u].seconds / units[u + 1].seconds;
    int n = snprintf(out, CLI_WHEN_TEXT, "%" PRIu64 " %s", s / units[u].seconds, units[u].name);
    if (rest > 0)
        (void)snprintf(out + n, CLI_WHEN_TEXT - (size_t)n, " %" PRIu64 " %s", rest,
                       units[u + 1].name);
}
