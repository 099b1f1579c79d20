/* The look at a JSON text before a parser gets it: size, encoding, nesting, count, numbers. Linear,
 * no allocation, no recursion. */
#include "schema/json/hm_json_priv.h"

#include "schema/core/hm_text.h"

struct hm_json_at hm_json_at(struct hm_bytes text, size_t offset)
{
    struct hm_json_at at = {.line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < text.len; i++) {
        at.column++;
        if (text.data[i] == '\n')
            at = (struct hm_json_at){.line = at.line + 1, .column = 1};
    }
    return at;
}

static enum hm_err fail_at(struct hm_why *why, enum hm_err err, struct hm_bytes text, size_t offset,
                           const char *what)
{
    struct hm_json_at at = hm_json_at(text, offset);
    return hm_fail(why, err, "line %u, column %u: %s", at.line, at.column, what);
}

/* Offset of the first byte that is not part of well-formed UTF-8 without NUL. */
static size_t first_bad_byte(struct hm_bytes text)
{
    size_t good = 0;
    size_t len = text.len;
    while (good < len) {
        if (text.data[good] - 1u < 0x7fu) { /* nearly every byte: ASCII, not NUL */
            good++;
            continue;
        }
        size_t n = 1;
        while (n <= 4 && good + n <= len && !hm_utf8_ok(hm_bytes_of(text.data + good, n)))
            n++;
        if (n > 4 || good + n > len)
            return good;
        good += n;
    }
    return good;
}

/* The offset behind the string that begins (with its quote) at i; 0 and *bad if it does not end
 * properly. */
static size_t skip_string(struct hm_bytes text, size_t i, size_t *bad)
{
    for (i++; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == '"')
            return i + 1;
        if (c < 0x20)
            break;
        if (c == '\\')
            i++;
    }
    *bad = i < text.len ? i : text.len;
    return 0;
}

static bool in_number(uint8_t c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* A number begins at *i: moves behind it. Its spelling is the parser's business, its range is ours.
 */
static enum hm_err scan_number(struct hm_bytes text, size_t *i, bool floats, struct hm_why *why)
{
    size_t from = *i;
    size_t to = from;
    bool integer = true;
    uint64_t v = 0;
    for (; to < text.len && in_number(text.data[to]); to++) {
        uint8_t c = text.data[to];
        integer = integer && c != '.' && c != 'e' && c != 'E';
        if (c >= '0' && c <= '9' && v <= (uint64_t)HM_JSON_INT_MAX)
            v = v * 10 + (uint64_t)(c - '0');
    }
    *i = to;
    if (!integer && !floats)
        return fail_at(why, HM_E_MALFORMED, text, from,
                       "expected an integer, found a fraction or exponent");
    if (integer && v > (uint64_t)HM_JSON_INT_MAX)
        return fail_at(why, HM_E_MALFORMED, text, from, "expected an integer within +-(2^53-1)");
    return HM_OK;
}

static enum hm_err scan_string(struct hm_bytes text, size_t *i, struct hm_why *why)
{
    size_t bad = 0;
    *i = skip_string(text, *i, &bad);
    if (*i == 0)
        return fail_at(why, HM_E_MALFORMED, text, bad,
                       "expected the end of a string (control characters must be escaped)");
    return HM_OK;
}

static enum hm_err scan_tokens(struct hm_bytes text, const struct hm_json_limits *limits,
                               struct hm_why *why)
{
    unsigned depth = 0;
    size_t values = 0;
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < text.len && err == HM_OK;) {
        uint8_t c = text.data[i];
        if (c == '"') {
            err = scan_string(text, &i, why);
            continue;
        }
        if (c == '-' || (c >= '0' && c <= '9')) {
            err = scan_number(text, &i, limits->floats, why);
            continue;
        }
        /* every value but the first stands behind one of these */
        if ((c == '[' || c == '{' || c == ',') && ++values > HM_JSON_VALUES_MAX)
            return fail_at(why, HM_E_LIMIT, text, i, "too many values");
        if ((c == '[' || c == '{') && ++depth > limits->depth)
            return fail_at(why, HM_E_LIMIT, text, i, "nested too deeply");
        if ((c == ']' || c == '}') && depth-- == 0)
            return fail_at(why, HM_E_MALFORMED, text, i, "expected no closing bracket here");
        i++;
    }
    return err;
}

enum hm_err hm_json_scan(struct hm_bytes text, const struct hm_json_limits *limits,
                         struct hm_why *why)
{
    if (text.len > limits->bytes)
        return hm_fail(why, HM_E_LIMIT, "JSON of %zu bytes, expected at most %zu", text.len,
                       limits->bytes);
    if (text.len == 0)
        return hm_fail(why, HM_E_MALFORMED, "line 1, column 1: expected JSON, found nothing");
    if (!hm_utf8_ok(text))
        return fail_at(why, HM_E_MALFORMED, text, first_bad_byte(text),
                       "expected UTF-8 without NUL");
    return scan_tokens(text, limits, why);
}
