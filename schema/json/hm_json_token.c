/* The scalars of a JSON text (RFC 8259): strings, numbers, words. Linear, no recursion. The text is
 * known to be UTF-8 without NUL. Thread: any. */
#include "schema/json/hm_json_priv.h"

#include <string.h>

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

enum hm_err hm_json_fail_at(const struct hm_json_text *t, enum hm_err err, size_t offset,
                            const char *what)
{
    struct hm_json_at at = hm_json_at(t->text, offset);
    return hm_fail(t->why, err, "line %u, column %u: %s", at.line, at.column, what);
}

/* ---- strings ---- */

/* 1: a byte that no string holds as it is (RFC 8259 section 7). */
static const uint8_t special[256] = {1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, 1,         1,         1, 1,
                                     1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1};

static size_t plain_run(const struct hm_json_text *t, size_t from)
{
    size_t i = from;
    while (i < t->text.len && special[t->text.data[i]] == 0)
        i++;
    return i - from;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "uXXXX" behind a backslash at t->i: steps over it. */
static bool take_unit(struct hm_json_text *t, uint32_t *unit)
{
    uint32_t v = 0;
    if (t->text.len - t->i < 5 || t->text.data[t->i] != 'u')
        return false;
    for (size_t k = 1; k <= 4; k++) {
        int d = hex_digit(t->text.data[t->i + k]);
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    t->i += 5;
    *unit = v;
    return true;
}

static void put_code_point(struct hm_buf *out, uint32_t c)
{
    if (c < 0x80) {
        hm_buf_putc(out, (uint8_t)c);
        return;
    }
    unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; /* bytes behind the first */
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    hm_buf_putc(out, (uint8_t)(lead[more] | c >> (6 * more)));
    while (more-- > 0)
        hm_buf_putc(out, (uint8_t)(0x80 | (c >> (6 * more) & 0x3f)));
}

/* A code point by one unit, or by a high and a low surrogate. NUL and half a pair are none. */
static bool take_code_point(struct hm_json_text *t, struct hm_buf *out)
{
    uint32_t c = 0;
    uint32_t low = 0;
    if (!take_unit(t, &c) || c == 0 || (c >= 0xdc00 && c <= 0xdfff))
        return false;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (t->i == t->text.len || t->text.data[t->i] != '\\')
            return false;
        t->i++;
        if (!take_unit(t, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
    }
    put_code_point(out, c);
    return true;
}

/* t->i is behind a backslash. */
static bool take_escape(struct hm_json_text *t, struct hm_buf *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    uint8_t c = t->i < t->text.len ? t->text.data[t->i] : 0;
    const char *at = c != 0 ? strchr(names, c) : NULL;
    if (at == NULL)
        return take_code_point(t, out);
    t->i++;
    hm_buf_putc(out, (uint8_t)values[at - names]);
    return true;
}

/* The rest of a string with escapes; its first n bytes, in front of t->i, hold none. */
static enum hm_err take_escaped(struct hm_json_text *t, size_t n, struct hm_buf *decoded)
{
    hm_buf_reset(decoded);
    hm_buf_put(decoded, t->text.data + t->i - n, n);
    while (t->i < t->text.len && t->text.data[t->i] == '\\') {
        size_t from = t->i++;
        if (!take_escape(t, decoded))
            return hm_json_fail_at(t, HM_E_MALFORMED, from,
                                   "expected an escape of RFC 8259 that stands for a character");
        n = plain_run(t, t->i);
        hm_buf_put(decoded, t->text.data + t->i, n);
        t->i += n;
    }
    return hm_buf_err(decoded) == HM_OK ? HM_OK : hm_fail(t->why, HM_E_MEMORY, "JSON: no memory");
}

enum hm_err hm_json_take_string(struct hm_json_text *t, struct hm_buf *decoded,
                                struct hm_bytes *out)
{
    t->i++;
    size_t n = plain_run(t, t->i);
    struct hm_bytes s = hm_bytes_of(t->text.data + t->i, n);
    t->i += n;
    if (t->i < t->text.len && t->text.data[t->i] == '\\') {
        enum hm_err err = take_escaped(t, n, decoded);
        if (err != HM_OK)
            return err;
        s = hm_buf_bytes(decoded);
    }
    if (t->i == t->text.len || t->text.data[t->i] != '"')
        return hm_json_fail_at(t, HM_E_MALFORMED, t->i,
                               "expected the end of a string (control characters must be escaped)");
    t->i++;
    *out = s;
    return HM_OK;
}

/* ---- numbers ---- */

/* Steps over digits; how many. */
static size_t take_digits(struct hm_json_text *t)
{
    size_t from = t->i;
    while (t->i < t->text.len && t->text.data[t->i] >= '0' && t->text.data[t->i] <= '9')
        t->i++;
    return t->i - from;
}

static bool take_one_of(struct hm_json_text *t, const char *set)
{
    uint8_t c = t->i < t->text.len ? t->text.data[t->i] : 0;
    if (c == 0 || strchr(set, c) == NULL)
        return false;
    t->i++;
    return true;
}

/* Fraction and exponent, if they are there. */
static bool take_rest_of_float(struct hm_json_text *t)
{
    if (take_one_of(t, ".") && take_digits(t) == 0)
        return false;
    if (!take_one_of(t, "eE"))
        return true;
    (void)take_one_of(t, "+-");
    return take_digits(t) > 0;
}

/* The value of a spelling that is a number with fraction or exponent: Jansson's. */
static enum hm_err make_float(struct hm_json_text *t, size_t from, json_t **out)
{
    *out = json_loadb((const char *)t->text.data + from, t->i - from, JSON_DECODE_ANY, NULL);
    if (*out == NULL)
        return hm_json_fail_at(t, HM_E_MALFORMED, from, "expected a number that a double can hold");
    return HM_OK;
}

static enum hm_err make_integer(struct hm_json_text *t, size_t from, json_t **out)
{
    bool negative = t->text.data[from] == '-';
    json_int_t v = 0;
    for (size_t i = from + negative; i < t->i && v <= HM_JSON_INT_MAX; i++)
        v = v * 10 + (t->text.data[i] - '0');
    if (v > HM_JSON_INT_MAX)
        return hm_json_fail_at(t, HM_E_MALFORMED, from, "expected an integer within +-(2^53-1)");
    *out = json_integer(negative ? -v : v);
    return *out != NULL ? HM_OK : hm_fail(t->why, HM_E_MEMORY, "JSON: no memory");
}

static enum hm_err take_number(struct hm_json_text *t, json_t **out)
{
    size_t from = t->i;
    (void)take_one_of(t, "-");
    size_t first = t->i;
    size_t digits = take_digits(t);
    if (digits == 0 || (digits > 1 && t->text.data[first] == '0'))
        return hm_json_fail_at(t, HM_E_MALFORMED, from,
                               "expected a value; a number has digits, and no zero in front");
    size_t behind = t->i;
    if (!take_rest_of_float(t))
        return hm_json_fail_at(t, HM_E_MALFORMED, t->i, "expected digits");
    if (t->i == behind)
        return make_integer(t, from, out);
    if (!t->floats)
        return hm_json_fail_at(t, HM_E_MALFORMED, from,
                               "expected an integer, found a fraction or exponent");
    return make_float(t, from, out);
}

/* ---- any ---- */

static bool take_word(struct hm_json_text *t, const char *word)
{
    size_t n = strlen(word);
    if (t->text.len - t->i < n || memcmp(t->text.data + t->i, word, n) != 0)
        return false;
    t->i += n;
    return true;
}

enum hm_err hm_json_take_scalar(struct hm_json_text *t, json_t **out)
{
    struct hm_bytes s = {NULL, 0};
    if (t->i < t->text.len && t->text.data[t->i] == '"') {
        enum hm_err err = hm_json_take_string(t, &t->scratch, &s);
        if (err == HM_OK)
            *out = json_stringn_nocheck((const char *)s.data, s.len);
        if (err == HM_OK && *out == NULL)
            err = hm_fail(t->why, HM_E_MEMORY, "JSON: no memory");
        return err;
    }
    if (take_word(t, "true"))
        *out = json_true();
    else if (take_word(t, "false"))
        *out = json_false();
    else if (take_word(t, "null"))
        *out = json_null();
    else
        return take_number(t, out);
    return HM_OK;
}
