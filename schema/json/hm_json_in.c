/* The latching reader of one object. Nothing here allocates; values stay the document's. */
#include "schema/json/hm_json.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SEEN_MAX (sizeof((struct hm_json_in *)0)->seen / sizeof(const char *))

/* Sets the latch and the text "<path>: <what>", unless an earlier error stands. */
static void latch(struct hm_json_in *in, enum hm_err err, const char *path, const char *what)
{
    if (in->err != HM_OK)
        return;
    in->err = hm_fail(in->why, err, "%s: %s", path, what);
}

void hm_json_begin(struct hm_json_in *in, const json_t *value, const char *path, struct hm_why *why)
{
    memset(in, 0, sizeof *in);
    in->obj = value;
    in->why = why;
    if (snprintf(in->path, sizeof in->path, "%s", path) >= (int)sizeof in->path)
        in->path[sizeof in->path - 2] = '~';
    if (!json_is_object(value)) {
        in->obj = NULL;
        latch(in, HM_E_MALFORMED, in->path, "expected an object");
    }
}

void hm_json_path(const struct hm_json_in *in, const char *member, long index, char out[static 160])
{
    int n = index < 0 ? snprintf(out, 160, "%s.%s", in->path, member)
                      : snprintf(out, 160, "%s.%s[%ld]", in->path, member, index);
    if (n < 0 || n >= 160)
        out[158] = '~';
}

void hm_json_bad(struct hm_json_in *in, enum hm_err err, const char *member, const char *fmt, ...)
{
    char path[160];
    char what[400];
    va_list ap;
    va_start(ap, fmt);
    if (vsnprintf(what, sizeof what, fmt, ap) < 0)
        what[0] = '\0';
    va_end(ap);
    hm_json_path(in, member, -1, path);
    latch(in, err, path, what);
}

/* Notes that somebody asked for this member; returns its value or NULL. */
static const json_t *ask(struct hm_json_in *in, const char *member)
{
    if (in->err != HM_OK)
        return NULL;
    const json_t *v = json_object_get(in->obj, member);
    if (v == NULL)
        return NULL;
    for (unsigned i = 0; i < in->seen_count; i++)
        if (strcmp(in->seen[i], member) == 0)
            return v;
    if (in->seen_count == SEEN_MAX) {
        latch(in, HM_E_INTERNAL, in->path, "reader asks for too many members");
        return NULL;
    }
    in->seen[in->seen_count++] = member;
    return v;
}

static const json_t *need(struct hm_json_in *in, const char *member)
{
    const json_t *v = ask(in, member);
    if (v == NULL)
        hm_json_bad(in, HM_E_MALFORMED, member, "expected this member, it is missing");
    return v;
}

const json_t *hm_json_any(struct hm_json_in *in, const char *member)
{
    return need(in, member);
}

static const char *as_str(struct hm_json_in *in, const char *member, const json_t *v)
{
    const char *s = json_string_value(v);
    if (s != NULL && strlen(s) == json_string_length(v))
        return s;
    hm_json_bad(in, HM_E_MALFORMED, member, "expected a string");
    return NULL;
}

const char *hm_json_str(struct hm_json_in *in, const char *member)
{
    const json_t *v = need(in, member);
    return v != NULL ? as_str(in, member, v) : NULL;
}

const char *hm_json_name(struct hm_json_in *in, const char *member)
{
    const char *s = hm_json_str(in, member);
    if (s == NULL || hm_name_ok(s))
        return s;
    hm_json_bad(
        in, HM_E_MALFORMED, member,
        "expected a name: 1 to 64 of A-Z a-z 0-9 . _ + -, beginning with a letter or digit");
    return NULL;
}

static uint64_t as_uint(struct hm_json_in *in, const char *member, const json_t *v, uint64_t min,
                        uint64_t max)
{
    json_int_t n = json_integer_value(v);
    if (json_is_integer(v) && n >= 0 && (uint64_t)n >= min && (uint64_t)n <= max)
        return (uint64_t)n;
    hm_json_bad(in, HM_E_MALFORMED, member, "expected an integer from %llu to %llu",
                (unsigned long long)min, (unsigned long long)max);
    return 0;
}

uint64_t hm_json_uint(struct hm_json_in *in, const char *member, uint64_t min, uint64_t max)
{
    const json_t *v = need(in, member);
    return v != NULL ? as_uint(in, member, v, min, max) : 0;
}

static bool as_bool(struct hm_json_in *in, const char *member, const json_t *v)
{
    if (!json_is_boolean(v))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected true or false");
    return json_is_true(v);
}

bool hm_json_bool(struct hm_json_in *in, const char *member)
{
    const json_t *v = need(in, member);
    return v != NULL && as_bool(in, member, v);
}

static const json_t *as_object(struct hm_json_in *in, const char *member, const json_t *v)
{
    if (json_is_object(v))
        return v;
    hm_json_bad(in, HM_E_MALFORMED, member, "expected an object");
    return NULL;
}

const json_t *hm_json_object(struct hm_json_in *in, const char *member)
{
    const json_t *v = need(in, member);
    return v != NULL ? as_object(in, member, v) : NULL;
}

static const json_t *as_array(struct hm_json_in *in, const char *member, const json_t *v,
                              size_t min, size_t max)
{
    size_t n = json_array_size(v);
    if (json_is_array(v) && n >= min && n <= max)
        return v;
    hm_json_bad(in, json_is_array(v) && n > max ? HM_E_LIMIT : HM_E_MALFORMED, member,
                "expected an array of %zu to %zu elements", min, max);
    return NULL;
}

const json_t *hm_json_array(struct hm_json_in *in, const char *member, size_t min, size_t max)
{
    const json_t *v = need(in, member);
    return v != NULL ? as_array(in, member, v, min, max) : NULL;
}

void hm_json_digest(struct hm_json_in *in, const char *member, struct hm_digest *out)
{
    const char *s = hm_json_str(in, member);
    struct hm_digest d;
    if (s == NULL)
        return;
    if (hm_digest_unhex(hm_bytes_str(s), &d) != HM_OK)
        hm_json_bad(in, HM_E_MALFORMED, member, "expected 64 lower-case hex digits");
    else
        *out = d;
}

bool hm_json_has(struct hm_json_in *in, const char *member)
{
    return in->err == HM_OK && json_object_get(in->obj, member) != NULL;
}

const char *hm_json_str_or(struct hm_json_in *in, const char *member, const char *dflt)
{
    const json_t *v = ask(in, member);
    return v != NULL ? as_str(in, member, v) : dflt;
}

uint64_t hm_json_uint_or(struct hm_json_in *in, const char *member, uint64_t min, uint64_t max,
                         uint64_t dflt)
{
    const json_t *v = ask(in, member);
    return v != NULL ? as_uint(in, member, v, min, max) : dflt;
}

bool hm_json_bool_or(struct hm_json_in *in, const char *member, bool dflt)
{
    const json_t *v = ask(in, member);
    return v != NULL ? as_bool(in, member, v) : dflt;
}

const json_t *hm_json_array_or_null(struct hm_json_in *in, const char *member, size_t max)
{
    const json_t *v = ask(in, member);
    return v != NULL ? as_array(in, member, v, 0, max) : NULL;
}

const json_t *hm_json_object_or_null(struct hm_json_in *in, const char *member)
{
    const json_t *v = ask(in, member);
    return v != NULL ? as_object(in, member, v) : NULL;
}

static bool was_asked(const struct hm_json_in *in, const char *member)
{
    for (unsigned i = 0; i < in->seen_count; i++)
        if (strcmp(in->seen[i], member) == 0)
            return true;
    return false;
}

/* A foreign member name goes into an error text: escaped and cut. */
static void latch_unknown(struct hm_json_in *in, const char *member)
{
    HM_BUF_AUTO shown = {.limit = 1024};
    size_t n = strnlen(member, 64);
    hm_escape(&shown, hm_bytes_of(member, n));
    const char *text = hm_buf_str(&shown);
    hm_json_bad(in, HM_E_MALFORMED, text != NULL ? text : "?", "unknown member");
}

enum hm_err hm_json_end(struct hm_json_in *in)
{
    if (in->err != HM_OK || in->open)
        return in->err;
    size_t size = json_object_size(in->obj);
    if (size == in->seen_count)
        return HM_OK;
    json_t *obj = hm_json_unconst(in->obj);
    for (void *it = json_object_iter(obj); it != NULL; it = json_object_iter_next(obj, it))
        if (!was_asked(in, json_object_iter_key(it)))
            latch_unknown(in, json_object_iter_key(it));
    if (in->err == HM_OK)
        latch(in, HM_E_MALFORMED, in->path, "unknown member");
    return in->err;
}
