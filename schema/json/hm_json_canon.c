/* Canonical JSON (RFC 8785) without floats, writing. No recursion: open containers stand in a fixed
 * stack. */
#include "schema/json/hm_json_canon.h"

#include "schema/json/hm_json_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void hm_json_canon_str(struct hm_buf *out, struct hm_bytes text)
{
    static const char plain[] = "\b\t\n\f\r\"\\";
    static const char shown[] = "btnfr\"\\";
    size_t from = 0;
    hm_buf_putc(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        hm_buf_put(out, text.data + from, i - from);
        from = i + 1;
        const char *p = c != 0 ? strchr(plain, c) : NULL;
        if (p != NULL) {
            hm_buf_putc(out, '\\');
            hm_buf_putc(out, (uint8_t)shown[p - plain]);
        } else {
            hm_buf_printf(out, "\\u%04x", c);
        }
    }
    if (text.len > from)
        hm_buf_put(out, text.data + from, text.len - from);
    hm_buf_putc(out, '"');
}

/* Rank of a byte such that comparing UTF-8 by ranks orders like UTF-16 code units: surrogate pairs
 * (lead bytes F0 and up) come before U+E000..U+FFFF (lead bytes EE and EF). */
static unsigned rank(uint8_t c)
{
    return c >= 0xf0 ? c - 2u : c >= 0xee ? c + 5u : c;
}

static int compare_names(const void *a, const void *b)
{
    const uint8_t *const *pa = a;
    const uint8_t *const *pb = b;
    const uint8_t *x = *pa;
    const uint8_t *y = *pb;
    while (*x != 0 && *x == *y) {
        x++;
        y++;
    }
    unsigned rx = rank(*x);
    unsigned ry = rank(*y);
    return rx < ry ? -1 : rx > ry;
}

/* An open container: the object's sorted names (owned) or just a count. */
struct level {
    const json_t *container;
    const char **names;
    size_t count;
    size_t next;
};

#define LEVELS_MAX HM_JSON_DEPTH_FOREIGN_MAX

struct writer {
    struct level level[LEVELS_MAX];
    size_t depth;
    struct hm_buf *out;
    struct hm_why *why;
};

static void writer_close(struct writer *w)
{
    while (w->depth > 0)
        free(w->level[--w->depth].names);
}

static enum hm_err sort_names(struct level *l, struct hm_why *why)
{
    json_t *obj = hm_json_unconst(l->container);
    l->count = json_object_size(obj);
    l->names = calloc(l->count + 1, sizeof *l->names);
    if (l->names == NULL)
        return hm_fail(why, HM_E_MEMORY, "canonical JSON: no memory");
    size_t n = 0;
    for (void *it = json_object_iter(obj); it != NULL; it = json_object_iter_next(obj, it))
        l->names[n++] = json_object_iter_key(it);
    qsort(l->names, n, sizeof *l->names, compare_names);
    return HM_OK;
}

static enum hm_err open_container(struct writer *w, const json_t *v)
{
    if (w->depth == LEVELS_MAX)
        return hm_fail(w->why, HM_E_LIMIT, "canonical JSON: nested deeper than %d", LEVELS_MAX);
    struct level *l = &w->level[w->depth];
    *l = (struct level){.container = v, .count = json_array_size(v)};
    w->depth++;
    hm_buf_putc(w->out, json_is_object(v) ? '{' : '[');
    return json_is_object(v) ? sort_names(l, w->why) : HM_OK;
}

static enum hm_err put_integer(struct writer *w, json_int_t n)
{
    if (n > HM_JSON_INT_MAX || n < -HM_JSON_INT_MAX)
        return hm_fail(w->why, HM_E_UNSUPPORTED,
                       "canonical JSON: an integer outside of +-(2^53-1)");
    hm_buf_printf(w->out, "%" JSON_INTEGER_FORMAT, n);
    return HM_OK;
}

static enum hm_err put_value(struct writer *w, const json_t *v)
{
    if (v == NULL)
        return hm_fail(w->why, HM_E_INTERNAL, "canonical JSON: no value");
    switch (json_typeof(v)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return open_container(w, v);
    case JSON_STRING:
        hm_json_canon_str(w->out, hm_bytes_of(json_string_value(v), json_string_length(v)));
        return HM_OK;
    case JSON_INTEGER:
        return put_integer(w, json_integer_value(v));
    case JSON_TRUE:
        hm_buf_puts(w->out, "true");
        return HM_OK;
    case JSON_FALSE:
        hm_buf_puts(w->out, "false");
        return HM_OK;
    case JSON_NULL:
        hm_buf_puts(w->out, "null");
        return HM_OK;
    case JSON_REAL:
        break;
    }
    return hm_fail(w->why, HM_E_UNSUPPORTED,
                   "canonical JSON: a number with a fraction or exponent");
}

/* The next element of the innermost container, or its end. */
static enum hm_err put_next(struct writer *w)
{
    struct level *l = &w->level[w->depth - 1];
    if (l->next == l->count) {
        hm_buf_putc(w->out, l->names != NULL ? '}' : ']');
        free(l->names);
        w->depth--;
        return HM_OK;
    }
    size_t i = l->next++;
    if (i > 0)
        hm_buf_putc(w->out, ',');
    if (l->names == NULL)
        return put_value(w, json_array_get(l->container, i));
    hm_json_canon_str(w->out, hm_bytes_str(l->names[i]));
    hm_buf_putc(w->out, ':');
    return put_value(w, json_object_get(l->container, l->names[i]));
}

enum hm_err hm_json_canon(const json_t *v, struct hm_buf *out, struct hm_why *why)
{
    struct writer w = {.depth = 0, .out = out, .why = why};
    size_t before = out->len;
    enum hm_err err = put_value(&w, v);
    while (err == HM_OK && w.depth > 0)
        err = put_next(&w);
    writer_close(&w);
    if (err == HM_OK && hm_buf_err(out) != HM_OK)
        err = hm_fail(why, out->err, "canonical JSON: longer than its buffer may be");
    if (err != HM_OK)
        out->len = before;
    return err;
}
