/* "name value" lines of statements. Pure; any thread. The error text names the line. */
#include "schema/attest/hm_lines_priv.h"

#include "schema/attest/hm_decision.h"
#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <string.h>

#define UINT_MAX_VALUE HM_NUMBER_MAX

bool hm_lines_split(struct hm_bytes text, uint8_t separator, struct hm_bytes *head,
                    struct hm_bytes *tail)
{
    const uint8_t *at = text.len > 0 ? memchr(text.data, separator, text.len) : NULL;
    if (at == NULL)
        return false;
    size_t n = (size_t)(at - text.data);
    *head = hm_bytes_of(text.data, n);
    *tail = hm_bytes_of(at + 1, text.len - n - 1);
    return true;
}

bool hm_lines_copy(struct hm_bytes text, char *out, size_t max, hm_lines_check check)
{
    if (text.len == 0 || text.len > max || memchr(text.data, 0, text.len) != NULL)
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return check == NULL || check(out);
}

bool hm_lines_prefixed_digest(struct hm_bytes text, const char *prefix, struct hm_digest *out)
{
    size_t n = strlen(prefix);
    if (text.len < n || (n > 0 && memcmp(text.data, prefix, n) != 0))
        return false;
    return hm_digest_unhex(hm_bytes_of(text.data + n, text.len - n), out) == HM_OK;
}

bool hm_lines_reason_ok(const char *text)
{
    size_t n = strnlen(text, HM_REASON_MAX + 1);
    return n > 0 && n <= HM_REASON_MAX && hm_printable_ok(hm_bytes_of(text, n));
}

void hm_lines_begin(struct hm_lines *l, struct hm_bytes text, struct hm_why *why)
{
    *l = (struct hm_lines){.rest = text, .why = why};
    if (text.len > HM_STATEMENT_MAX)
        l->err = hm_fail(why, HM_E_LIMIT, "statement: more than %zu bytes", HM_STATEMENT_MAX);
}

void hm_lines_bad(struct hm_lines *l, const char *expected)
{
    if (l->err == HM_OK)
        l->err = hm_fail(l->why, HM_E_MALFORMED, "line %u: expected %s", l->line, expected);
}

static bool take_line(struct hm_lines *l, struct hm_bytes *line)
{
    if (l->err != HM_OK)
        return false;
    l->line++;
    if (hm_lines_split(l->rest, '\n', line, &l->rest))
        return true;
    hm_lines_bad(l, "another line");
    return false;
}

void hm_lines_type(struct hm_lines *l, const char *type)
{
    struct hm_bytes line;
    if (take_line(l, &line) && !hm_bytes_eq_str(line, type))
        hm_lines_bad(l, type);
}

bool hm_lines_next_is(const struct hm_lines *l, const char *name)
{
    size_t n = strlen(name);
    return l->err == HM_OK && l->rest.len > n && memcmp(l->rest.data, name, n) == 0 &&
           l->rest.data[n] == ' ';
}

struct hm_bytes hm_lines_value(struct hm_lines *l, const char *name)
{
    struct hm_bytes line;
    struct hm_bytes head;
    struct hm_bytes value;
    if (!take_line(l, &line))
        return hm_bytes_of(NULL, 0);
    if (hm_lines_split(line, ' ', &head, &value) && hm_bytes_eq_str(head, name) && value.len > 0)
        return value;
    l->err =
        hm_fail(l->why, HM_E_MALFORMED, "line %u: expected \"%s\" and its value", l->line, name);
    return hm_bytes_of(NULL, 0);
}

enum hm_err hm_lines_end(struct hm_lines *l)
{
    if (l->err == HM_OK && l->rest.len != 0) {
        l->line++;
        hm_lines_bad(l, "no further line");
    }
    return l->err;
}

void hm_lines_text(struct hm_lines *l, const char *name, char *out, size_t max,
                   hm_lines_check check)
{
    struct hm_bytes value = hm_lines_value(l, name);
    if (l->err == HM_OK && !hm_lines_copy(value, out, max, check))
        hm_lines_bad(l, "a value of the permitted length and characters");
}

void hm_lines_uint(struct hm_lines *l, const char *name, uint64_t *out)
{
    struct hm_bytes value = hm_lines_value(l, name);
    if (l->err == HM_OK && hm_decimal(value, UINT_MAX_VALUE, out) != HM_OK)
        hm_lines_bad(l, "a decimal below 2^53");
}

void hm_lines_digest(struct hm_lines *l, const char *name, const char *prefix,
                     struct hm_digest *out)
{
    struct hm_bytes value = hm_lines_value(l, name);
    if (l->err == HM_OK && !hm_lines_prefixed_digest(value, prefix, out))
        hm_lines_bad(l, "a digest");
}

void hm_lines_time(struct hm_lines *l, const char *name, int64_t *out)
{
    struct hm_bytes value = hm_lines_value(l, name);
    if (l->err == HM_OK && hm_time_parse(value, out) != HM_OK)
        hm_lines_bad(l, "a time like 2026-11-21T01:02:03Z");
}

void hm_lines_release(struct hm_lines *l, uint64_t *out)
{
    char text[24];
    hm_lines_text(l, "release", text, sizeof text - 1, NULL);
    if (l->err == HM_OK && hm_release_id_parse(text, out) != HM_OK)
        hm_lines_bad(l, "a release id like r17");
}
