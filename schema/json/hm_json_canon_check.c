/* Are these bytes canonical JSON of the record profile? A scanner without allocation and recursion
 * that takes one spelling of everything. Thread: any. */
#include "schema/json/hm_json_canon.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_priv.h"

#include <string.h>

struct level {
    bool object;
    bool any;             /* an element stands before the cursor */
    struct hm_bytes name; /* the member before the cursor */
};

struct scan {
    struct hm_bytes text;
    size_t i;
    struct level level[HM_JSON_DEPTH_FOREIGN_MAX];
    unsigned depth;
    unsigned depth_max;
    struct hm_why *why;
};

static enum hm_err bad(const struct scan *s, const char *what)
{
    return hm_fail(s->why, HM_E_MALFORMED, "canonical JSON: byte %zu: %s", s->i, what);
}

/* 0 at the end: no JSON text holds that byte. */
static uint8_t peek(const struct scan *s)
{
    return s->i < s->text.len ? s->text.data[s->i] : 0;
}

static bool take(struct scan *s, uint8_t c)
{
    if (peek(s) != c)
        return false;
    s->i++;
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);
    if (s->text.len - s->i < n || memcmp(s->text.data + s->i, word, n) != 0)
        return false;
    s->i += n;
    return true;
}

/* s->i is behind a backslash. Control characters have a short form or \u00 and two lower-case
 * digits, never both; NUL is refused. */
static bool take_escape(struct scan *s)
{
    uint8_t c = peek(s);
    if (c != 0 && strchr("\"\\bfnrt", c) != NULL) {
        s->i++;
        return true;
    }
    uint8_t value = 0;
    if (!take_word(s, "u00") || s->text.len - s->i < 2 ||
        hm_unhex(hm_bytes_of(s->text.data + s->i, 2), &value, 1) != HM_OK)
        return false;
    s->i += 2;
    return value > 0 && value < 0x20 && strchr("\b\f\n\r\t", value) == NULL;
}

/* The whole text is known to be UTF-8. */
static enum hm_err take_string(struct scan *s)
{
    if (!take(s, '"'))
        return bad(s, "expected a string");
    while (s->i < s->text.len) {
        if (take(s, '"'))
            return HM_OK;
        if (peek(s) < 0x20)
            return bad(s, "a raw control character");
        if (take(s, '\\')) {
            if (!take_escape(s))
                return bad(s, "an escape that canonical form does not use");
        } else {
            s->i++;
        }
    }
    return bad(s, "expected the end of a string");
}

static int compare(struct hm_bytes a, struct hm_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n > 0 ? memcmp(a.data, b.data, n) : 0;
    return c != 0 ? c : a.len < b.len ? -1 : a.len > b.len;
}

/* A member name: printable ASCII that needs no escape, so that bytes sort like UTF-16. */
static enum hm_err take_name(struct scan *s, struct level *l, bool first)
{
    if (!take(s, '"'))
        return bad(s, "expected a member name");
    size_t from = s->i;
    while (peek(s) >= 0x20 && peek(s) < 0x7f && peek(s) != '"' && peek(s) != '\\')
        s->i++;
    struct hm_bytes name = hm_bytes_of(s->text.data + from, s->i - from);
    if (!take(s, '"'))
        return bad(s, "expected a member name of printable ASCII without escapes");
    if (!first && compare(l->name, name) >= 0)
        return bad(s, "members are not in ascending order, or one stands twice");
    l->name = name;
    return take(s, ':') ? HM_OK : bad(s, "expected ':' right behind a member name");
}

static enum hm_err take_number(struct scan *s)
{
    uint64_t v = 0;
    size_t from = s->i;
    while (peek(s) >= '0' && peek(s) <= '9' && s->i - from < 17)
        v = v * 10 + (uint64_t)(s->text.data[s->i++] - '0');
    size_t n = s->i - from;
    if (n == 0 || v > (uint64_t)HM_JSON_INT_MAX || (n > 1 && s->text.data[from] == '0'))
        return bad(s, "expected a string, boolean, integer from 0 to 2^53-1, array or object");
    return HM_OK;
}

static enum hm_err open_level(struct scan *s, bool object)
{
    if (s->depth == s->depth_max)
        return hm_fail(s->why, HM_E_LIMIT, "canonical JSON: byte %zu: nested deeper than %u", s->i,
                       s->depth_max);
    s->level[s->depth++] = (struct level){.object = object};
    s->i++;
    return HM_OK;
}

static enum hm_err take_value(struct scan *s)
{
    uint8_t c = peek(s);
    if (c == '{' || c == '[')
        return open_level(s, c == '{');
    if (c == '"')
        return take_string(s);
    if (take_word(s, "true") || take_word(s, "false"))
        return HM_OK;
    return take_number(s);
}

/* The next element of the innermost container, or its end. */
static enum hm_err take_next(struct scan *s)
{
    struct level *l = &s->level[s->depth - 1];
    if (take(s, l->object ? '}' : ']')) {
        s->depth--;
        return HM_OK;
    }
    bool first = !l->any;
    if (!first && !take(s, ','))
        return bad(s, "expected ',' or the closing bracket");
    l->any = true;
    enum hm_err err = l->object ? take_name(s, l, first) : HM_OK;
    return err == HM_OK ? take_value(s) : err;
}

enum hm_err hm_json_canon_check(struct hm_bytes text, unsigned depth_max, struct hm_why *why)
{
    struct scan s = {.text = text, .why = why};
    s.depth_max = depth_max < HM_JSON_DEPTH_FOREIGN_MAX ? depth_max : HM_JSON_DEPTH_FOREIGN_MAX;
    if (peek(&s) != '{')
        return bad(&s, "expected an object");
    if (!hm_utf8_ok(text))
        return bad(&s, "expected UTF-8");
    enum hm_err err = open_level(&s, true);
    while (err == HM_OK && s.depth > 0)
        err = take_next(&s);
    if (err == HM_OK && s.i != text.len)
        err = bad(&s, "bytes behind the end");
    return err;
}
