/* Readers that the sections of a policy document share. Every array's elements are distinct; every
 * reference is resolved here, once. */
#include "policy/policy_read_priv.h"

#include "schema/core/hm_text.h"
#include "schema/trust/hm_keydoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum hm_err policy_no_memory(struct hm_why *why)
{
    return hm_fail(why, HM_E_MEMORY, "out of memory while loading the policy");
}

void policy_check_title(struct hm_json_in *in, const char *member, const char *text)
{
    if (text == NULL)
        return;
    size_t n = strlen(text);
    if (n == 0 || n > POLICY_TITLE_MAX || !hm_printable_ok(hm_bytes_of(text, n)))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected 1 to %d bytes of printable text",
                    POLICY_TITLE_MAX);
}

bool policy_uri_ok(const char *uri)
{
    return hm_uri_ok(uri) && strchr(uri, '*') == NULL;
}

static bool repository_ok(const char *uri)
{
    return policy_uri_ok(uri) && strncmp(uri, "git+", 4) != 0;
}

const struct policy_names_spec POLICY_SPEC_NAME = {
    hm_name_ok, "a name: letters, digits, '.', '_', '+', '-', at most 64; there are no wildcards"};
const struct policy_names_spec POLICY_SPEC_REPOSITORY = {
    repository_ok, "a repository's URI without \"git+\", spaces or wildcards"};

const struct policy_names_spec POLICY_SPEC_HARDWARE = {
    policy_hardware_ok, "\"model\" or \"model/revision\"; there are no wildcards"};

static int name_compare(const void *pa, const void *pb)
{
    const struct policy_name_at *a = pa;
    const struct policy_name_at *b = pb;
    int c = strcmp(a->text, b->text);
    if (c != 0)
        return c;
    return a->nth < b->nth ? -1 : a->nth > b->nth;
}

static enum hm_err names_distinct(struct policy_names *n, const char *path, struct hm_why *why)
{
    qsort(n->v, n->count, sizeof n->v[0], name_compare);
    for (size_t i = 1; i < n->count; i++)
        if (strcmp(n->v[i - 1].text, n->v[i].text) == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "%s[%zu]: \"%s\" stands twice in this list; expected it once", path,
                           n->v[i].nth, n->v[i].text);
    return HM_OK;
}

enum hm_err policy_read_names(struct policy_arena *a, const json_t *list, const char *path,
                              const struct policy_names_spec *spec, struct policy_names *out,
                              struct hm_why *why)
{
    struct policy_names n = {NULL, json_array_size(list)};
    n.v = policy_alloc(a, n.count, sizeof n.v[0]);
    if (n.v == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < n.count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || !spec->ok(text))
            return hm_fail(why, HM_E_MALFORMED, "%s[%zu]: expected %s", path, i, spec->expected);
        n.v[i] = (struct policy_name_at){policy_dup(a, text), i};
        if (n.v[i].text == NULL)
            return policy_no_memory(why);
    }
    enum hm_err err = names_distinct(&n, path, why);
    if (err == HM_OK)
        *out = n;
    return err;
}

const void *policy_read_ref(const char *id, const char *path, const struct policy_target *target,
                            struct hm_why *why)
{
    const struct policy_entry *e = policy_index_find(target->ids, id);
    if (e != NULL)
        return (const uint8_t *)target->base + e->where.i * target->size;
    bool shown = strlen(id) <= HM_URI_MAX / 2 && hm_printable_ok(hm_bytes_str(id));
    (void)hm_fail(why, HM_E_MALFORMED, "%s: nothing defines \"%s\"; expected an id out of $.%s",
                  path, shown ? id : "(not printable)", target->section);
    return NULL;
}

static int ptr_compare(const void *pa, const void *pb)
{
    uintptr_t a = (uintptr_t) * (const void *const *)pa;
    uintptr_t b = (uintptr_t) * (const void *const *)pb;
    return a < b ? -1 : a > b;
}

enum hm_err policy_read_refs(struct policy_arena *a, const json_t *list, const char *path,
                             const struct policy_target *target, struct policy_ptrs *out,
                             struct hm_why *why)
{
    struct policy_ptrs s = {NULL, json_array_size(list)};
    s.v = policy_alloc(a, s.count, sizeof s.v[0]);
    if (s.v == NULL)
        return policy_no_memory(why);
    /* Read as names first: a list that holds an id twice is refused with its place. */
    static const struct policy_names_spec any = {policy_uri_ok, "an id; there are no wildcards"};
    struct policy_names ids;
    enum hm_err err = policy_read_names(a, list, path, &any, &ids, why);
    for (size_t i = 0; err == HM_OK && i < s.count; i++) {
        char at[POLICY_PATH_MAX + 24];
        (void)snprintf(at, sizeof at, "%s[%zu]", path, ids.v[i].nth);
        s.v[i] = policy_read_ref(ids.v[i].text, at, target, why);
        if (s.v[i] == NULL)
            err = HM_E_MALFORMED;
    }
    if (err != HM_OK)
        return err;
    qsort(s.v, s.count, sizeof s.v[0], ptr_compare);
    *out = s;
    return HM_OK;
}

enum hm_err policy_read_keys(struct policy_arena *a, const json_t *list, const char *path,
                             const struct hm_key **out, size_t *count, struct hm_why *why)
{
    size_t n = json_array_size(list);
    struct hm_key *keys = policy_alloc(a, n, sizeof keys[0]);
    if (keys == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        char at[POLICY_PATH_MAX + 24];
        (void)snprintf(at, sizeof at, "%s[%zu]", path, i);
        enum hm_err err = hm_keydoc_read(json_array_get(list, i), at, &keys[i], why);
        if (err != HM_OK)
            return err;
    }
    *out = keys;
    *count = n;
    return HM_OK;
}

enum hm_err policy_index_alloc(struct policy_arena *a, size_t n, struct policy_index *x,
                               struct hm_why *why)
{
    x->v = policy_alloc(a, n, sizeof x->v[0]);
    x->count = x->v != NULL ? n : 0;
    return x->v != NULL ? HM_OK : policy_no_memory(why);
}

void policy_begin(struct hm_json_in *in, const char *section, const json_t *list, size_t i,
                  struct hm_why *why)
{
    const struct hm_json_in root = {.path = "$"};
    char path[POLICY_PATH_MAX];
    hm_json_path(&root, section, (long)i, path);
    hm_json_begin(in, json_array_get(list, i), path, why);
}

enum hm_err policy_read_member(struct policy *p, const struct hm_json_in *in, const char *member,
                               const json_t *list, struct policy_names *out)
{
    const struct policy_names_spec *spec = strcmp(member, "repositories") == 0
                                               ? &POLICY_SPEC_REPOSITORY
                                           : strcmp(member, "hardware") == 0 ? &POLICY_SPEC_HARDWARE
                                                                             : &POLICY_SPEC_NAME;
    char path[POLICY_PATH_MAX];
    hm_json_path(in, member, -1, path);
    return policy_read_names(&p->arena, list, path, spec, out, in->why);
}

const char *policy_read_environment(struct hm_json_in *in)
{
    const char *text = hm_json_str(in, "environment");
    const char *known = hm_environment(text);
    if (text != NULL && known == NULL)
        hm_json_bad(in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
    return known;
}
