#include "client/cli_zone.h"

#include "client/cli_env.h"
#include "policy/policy_zone.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_file.h"

#include <string.h>

#define TZDIR_DEFAULT "/usr/share/zoneinfo"
#define TZIF_MAX ((size_t)64 * 1024)   /* bytes; the largest of tzdata has 4 KiB */
#define TZIF_HEADER 44                 /* RFC 9636 section 3.1 */
#define TIME_END INT64_C(253402300800) /* the year 10000; no document has later times */

/* The second data block of a TZif file, and the rule behind it. Borrowed. */
struct tzif {
    const uint8_t *times; /* count of 8 bytes */
    const uint8_t *types; /* count of 1 byte, below type_count */
    const uint8_t *infos; /* type_count of 6 bytes */
    size_t count, type_count;
    char rule[POLICY_ZONE_RULE_MAX + 1]; /* "" where there is none */
};

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* Takes header and data block off *f, with times of so many bytes. */
static bool take_block(struct hm_bytes *f, size_t width, struct tzif *out)
{
    if (f->len < TZIF_HEADER || memcmp(f->data, "TZif", 4) != 0 || f->data[4] < '2')
        return false;
    size_t n[6]; /* isut, isstd, leap, time, type, char: as many as TZIF_MAX allows fit size_t */
    for (size_t i = 0; i < 6; i++) {
        n[i] = (size_t)big_endian(f->data + 20 + 4 * i, 4);
        if (n[i] > TZIF_MAX)
            return false;
    }
    size_t len =
        TZIF_HEADER + n[3] * width + n[3] + n[4] * 6 + n[5] + n[2] * (width + 4) + n[1] + n[0];
    if (len > f->len)
        return false;
    out->times = f->data + TZIF_HEADER;
    out->types = out->times + n[3] * width;
    out->infos = out->types + n[3];
    out->count = n[3];
    out->type_count = n[4];
    for (size_t i = 0; i < out->count; i++)
        if (out->types[i] >= out->type_count)
            return false;
    *f = hm_bytes_of(f->data + len, f->len - len);
    return true;
}

static bool read_tzif(struct hm_bytes f, struct tzif *out)
{
    if (!take_block(&f, 4, out) || !take_block(&f, 8, out))
        return false;
    size_t n = f.len - 2;
    if (f.len < 2 || f.data[0] != '\n' || f.data[f.len - 1] != '\n' || n >= sizeof out->rule)
        return false;
    memcpy(out->rule, f.data + 1, n);
    out->rule[n] = '\0';
    return strlen(out->rule) == n;
}

static int32_t offset_after(const struct tzif *t, size_t i)
{
    return (int32_t)big_endian(t->infos + 6 * (size_t)t->types[i], 4);
}

/* The first change from now on that is listed and that the rule does not make; false: none. */
static bool unlike(const struct tzif *t, const struct policy_zone *z, int64_t now_s, int64_t *when)
{
    for (size_t i = 0; i < t->count; i++) {
        *when = (int64_t)big_endian(t->times + 8 * i, 8);
        if (*when < now_s || *when >= TIME_END)
            continue;
        if (policy_zone_offset(z, *when) != offset_after(t, i) ||
            (i > 0 && policy_zone_offset(z, *when - 1) != offset_after(t, i - 1)))
            return true;
    }
    return false;
}

static bool open_zone(const char *name, struct hm_buf *text, struct tzif *out)
{
    HM_BUF_AUTO path = {.limit = 4096};
    const char *dir = cli_env("TZDIR");
    hm_buf_printf(&path, "%s/%s", dir != NULL && dir[0] == '/' ? dir : TZDIR_DEFAULT, name);
    const char *p = hm_buf_str(&path);
    return p != NULL && hm_file_read(p, TZIF_MAX, text, NULL) == HM_OK &&
           read_tzif(hm_buf_bytes(text), out);
}

/* What there is to say about one zone; nothing where all is well. */
static void compare(const char *name, const char *rule, int64_t now_s, struct hm_buf *out)
{
    HM_BUF_AUTO text = {.limit = TZIF_MAX};
    struct tzif tzif;
    struct policy_zone own;
    struct policy_zone theirs;
    char when[HM_TIME_TEXT];
    int64_t at = 0;
    if (!open_zone(name, &text, &tzif)) {
        hm_buf_printf(out, "this machine's tzdata has no %s, so that its rule was not compared",
                      name);
        return;
    }
    if (policy_zone_parse(rule, &own, NULL) != HM_OK)
        return;
    if (policy_zone_parse(tzif.rule, &theirs, NULL) != HM_OK) {
        hm_buf_printf(out, "this machine's tzdata has no rule for %s", name);
    } else if (!policy_zone_same(&own, &theirs)) {
        hm_buf_printf(out, "the rule is %s, this machine's tzdata says %s for %s", rule, tzif.rule,
                      name);
    } else if (unlike(&tzif, &own, now_s, &at)) {
        hm_time_format(at, when);
        hm_buf_printf(out, "%s: this machine's tzdata has a change at %s that no rule tells", name,
                      when);
    }
}

json_t *cli_zone_remarks(const json_t *doc, int64_t now_s)
{
    json_t *remarks = json_array();
    const json_t *rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        HM_BUF_AUTO said = {.limit = 1024};
        const json_t *zone =
            json_object_get(json_object_get(json_array_get(rules, i), "freeze"), "time_zone");
        if (zone == NULL)
            continue;
        hm_buf_printf(&said, "$.rules[%zu].freeze.time_zone: ", i);
        size_t before = said.len;
        compare(json_string_value(json_object_get(zone, "name")),
                json_string_value(json_object_get(zone, "rule")), now_s, &said);
        if (said.len > before)
            (void)json_array_append_new(remarks, json_string(hm_buf_str(&said)));
    }
    return remarks;
}
