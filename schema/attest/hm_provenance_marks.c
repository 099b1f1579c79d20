/* Parameters and dependencies of a build, as digests: a policy asks whether something stands there,
 * and a list of digests is small, whatever the builder writes. Pure; any thread. */
#include "schema/attest/hm_provenance_priv.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <string.h>

#define DEPTH HM_JSON_DEPTH_FOREIGN_MAX

/* Kind, name and value with a NUL behind each: no two different things have one text. */
static struct hm_digest mark(const char *kind, const char *name, const char *value)
{
    HM_BUF_AUTO b = {.limit = 4096};
    hm_buf_put(&b, kind, strlen(kind) + 1);
    hm_buf_put(&b, name, strlen(name) + 1);
    hm_buf_put(&b, value, strlen(value) + 1);
    return hm_sha256(hm_buf_bytes(&b));
}

static void add(struct hm_provenance *p, const struct hm_digest *d)
{
    if (p->mark_count < HM_PROVENANCE_MARKS_MAX)
        p->marks[p->mark_count++] = *d;
}

bool hm_provenance_parameter(const char *pointer, const json_t *value, struct hm_digest *out)
{
    char text[HM_PROVENANCE_VALUE_MAX + 8];
    if (strlen(pointer) > HM_PROVENANCE_POINTER_MAX)
        return false;
    if (json_is_string(value) && json_string_length(value) <= HM_PROVENANCE_VALUE_MAX &&
        strlen(json_string_value(value)) == json_string_length(value))
        (void)snprintf(text, sizeof text, "text %s", json_string_value(value));
    else if (json_is_integer(value))
        (void)snprintf(text, sizeof text, "integer %" JSON_INTEGER_FORMAT,
                       json_integer_value(value));
    else if (json_is_boolean(value))
        (void)snprintf(text, sizeof text, "boolean %s", json_is_true(value) ? "true" : "false");
    else
        return false;
    *out = mark("parameter", pointer, text);
    return true;
}

struct hm_digest hm_provenance_dependency(const char *uri, const struct hm_digest *sha256)
{
    char hex[HM_SHA256_HEX] = "";
    if (sha256 != NULL)
        hm_digest_hex(sha256, hex);
    return mark("dependency", uri, hex);
}

void hm_provenance_mark_dependency(struct hm_provenance *p, const char *uri, const json_t *digest)
{
    struct hm_digest sha256;
    const char *hex = json_string_value(json_object_get(digest, "sha256"));
    if (uri[0] == '\0' || strlen(uri) > HM_URI_MAX)
        return;
    struct hm_digest d = hm_provenance_dependency(uri, NULL);
    add(p, &d);
    if (hex == NULL || hm_digest_unhex(hm_bytes_str(hex), &sha256) != HM_OK)
        return;
    d = hm_provenance_dependency(uri, &sha256);
    add(p, &d);
}

/* Where a walk through nested values stands. */
struct level {
    json_t *v;
    void *member; /* next one of an object */
    size_t index; /* next one of an array */
    size_t path;  /* bytes of the pointer to v */
};
struct walk {
    struct level levels[DEPTH];
    size_t depth;
    char pointer[HM_PROVENANCE_POINTER_MAX + 1];
};

/* "/" and the reference token, RFC 6901 section 3. False: too long. */
static bool append(struct walk *w, size_t at, const char *token)
{
    if (at == HM_PROVENANCE_POINTER_MAX)
        return false;
    w->pointer[at++] = '/';
    for (; *token != '\0'; token++) {
        bool escaped = *token == '~' || *token == '/';
        if (at + (escaped ? 2 : 1) > HM_PROVENANCE_POINTER_MAX)
            return false;
        w->pointer[at++] = escaped ? '~' : *token;
        if (escaped)
            w->pointer[at++] = *token == '~' ? '0' : '1';
    }
    w->pointer[at] = '\0';
    return true;
}

static void push(struct walk *w, json_t *v, size_t path)
{
    if (w->depth < DEPTH)
        w->levels[w->depth++] =
            (struct level){v, json_is_object(v) ? json_object_iter(v) : NULL, 0, path};
}

/* The next value below the innermost level, with its pointer; NULL at its end. */
static json_t *next(struct walk *w, bool *fits)
{
    struct level *l = &w->levels[w->depth - 1];
    char index[24];
    if (l->member != NULL) {
        json_t *v = json_object_iter_value(l->member);
        *fits = append(w, l->path, json_object_iter_key(l->member));
        l->member = json_object_iter_next(l->v, l->member);
        return v;
    }
    if (!json_is_array(l->v) || l->index >= json_array_size(l->v))
        return NULL;
    (void)snprintf(index, sizeof index, "%zu", l->index);
    *fits = append(w, l->path, index);
    return json_array_get(l->v, l->index++);
}

void hm_provenance_mark_parameters(struct hm_provenance *p, const json_t *parameters)
{
    struct walk w = {.depth = 0};
    struct hm_digest d;
    json_t *top = (json_t *)(uintptr_t)parameters; /* iterating changes nothing */
    push(&w, top, 0);
    while (w.depth > 0 && p->mark_count < HM_PROVENANCE_MARKS_MAX) {
        bool fits = false;
        json_t *v = next(&w, &fits);
        if (v == NULL)
            w.depth--;
        else if (fits && (json_is_object(v) || json_is_array(v)))
            push(&w, v, strlen(w.pointer));
        else if (fits && hm_provenance_parameter(w.pointer, v, &d))
            add(p, &d);
    }
}
