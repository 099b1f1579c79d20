#include "schema/core/hm_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void hm_time_format(int64_t unix_s, char out[static HM_TIME_TEXT])
{
    time_t t = (time_t)(unix_s < 0 || unix_s > 253402300799 ? 0 : unix_s);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    if (strftime(out, HM_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) != HM_TIME_TEXT - 1)
        (void)snprintf(out, HM_TIME_TEXT, "1970-01-01T00:00:00Z");
}

static bool digits(const uint8_t *p, size_t n, int *out)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (p[i] - '0');
    }
    *out = v;
    return true;
}

enum hm_err hm_time_parse(struct hm_bytes text, int64_t *unix_s)
{
    static const char shape[] = "0000-00-00T00:00:00Z";
    if (text.len != sizeof shape - 1)
        return HM_E_MALFORMED;
    for (size_t i = 0; i < text.len; i++)
        if (shape[i] != '0' && text.data[i] != (uint8_t)shape[i])
            return HM_E_MALFORMED;
    struct tm tm = {0};
    const uint8_t *p = text.data;
    if (!digits(p, 4, &tm.tm_year) || !digits(p + 5, 2, &tm.tm_mon) ||
        !digits(p + 8, 2, &tm.tm_mday) || !digits(p + 11, 2, &tm.tm_hour) ||
        !digits(p + 14, 2, &tm.tm_min) || !digits(p + 17, 2, &tm.tm_sec))
        return HM_E_MALFORMED;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    time_t t = timegm(&tm);
    /* timegm normalises 31 February; only a text that comes back the same was a real date. */
    char again[HM_TIME_TEXT];
    if (t < 0)
        return HM_E_MALFORMED;
    hm_time_format((int64_t)t, again);
    if (memcmp(again, text.data, text.len) != 0)
        return HM_E_MALFORMED;
    *unix_s = (int64_t)t;
    return HM_OK;
}
