/* The root keys of guards and genesis. Thread: any. */
#include "schema/trust/hm_root_priv.h"

#include "schema/core/hm_text.h"
#include "schema/trust/hm_keydoc.h"

#include <stdio.h>
#include <string.h>

bool hm_root_has(const struct hm_root *r, const struct hm_key *k)
{
    for (size_t i = 0; i < r->count; i++)
        if (hm_key_eq(&r->keys[i], k))
            return true;
    return false;
}

enum hm_err hm_root_check(const struct hm_root *r, struct hm_why *why)
{
    if (r->count == 0 || r->count > HM_ROOT_KEYS_MAX)
        return hm_fail(why, HM_E_MALFORMED, "root: expected 1 to %d keys", HM_ROOT_KEYS_MAX);
    if (r->threshold == 0 || r->threshold > r->count)
        return hm_fail(why, HM_E_MALFORMED,
                       "root: threshold %zu, expected at least 1 and at most the number of keys, "
                       "%zu",
                       r->threshold, r->count);
    for (size_t i = 0; i < r->count; i++) {
        if (hm_key_cose_alg(&r->keys[i]) == 0 || hm_key_is_sk(&r->keys[i]))
            return hm_fail(why, HM_E_MALFORMED, "root: key %zu: expected plain P-256 or Ed25519",
                           i + 1);
        struct hm_root before = *r;
        before.count = i;
        if (hm_root_has(&before, &r->keys[i]))
            return hm_fail(why, HM_E_MALFORMED, "root: key %zu stands twice", i + 1);
    }
    return HM_OK;
}

bool hm_root_same(const struct hm_root *a, const struct hm_root *b)
{
    if (a->count != b->count || a->threshold != b->threshold)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!hm_root_has(b, &a->keys[i]) || !hm_root_has(a, &b->keys[i]))
            return false;
    return true;
}

enum hm_err hm_root_read(const json_t *v, const char *path, struct hm_root *out, struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_root r = {.count = 0};
    hm_json_begin(&in, v, path, why);
    const json_t *keys = hm_json_array(&in, "keys", 1, HM_ROOT_KEYS_MAX);
    r.threshold = (size_t)hm_json_uint(&in, "threshold", 1, HM_ROOT_KEYS_MAX);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    for (; r.count < json_array_size(keys); r.count++) {
        char at[160];
        hm_json_path(&in, "keys", (long)r.count, at);
        enum hm_err err = hm_keydoc_read(json_array_get(keys, r.count), at, &r.keys[r.count], why);
        if (err != HM_OK)
            return err;
    }
    enum hm_err err = hm_root_check(&r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", in.path);
    *out = r;
    return HM_OK;
}

json_t *hm_root_write(const struct hm_root *r)
{
    json_t *keys = json_array();
    for (size_t i = 0; keys != NULL && i < r->count; i++) {
        if (json_array_append_new(keys, hm_keydoc_write(&r->keys[i])) != 0) {
            json_decref(keys);
            return NULL;
        }
    }
    /* "o" takes over the reference, also where packing fails */
    return json_pack("{s:o,s:I}", "keys", keys, "threshold", (json_int_t)r->threshold);
}

json_t *hm_vkey_json(const struct hm_vkey *v)
{
    HM_BUF_AUTO line = {0};
    hm_vkey_write(v, &line);
    const char *text = hm_buf_str(&line);
    return text != NULL ? json_string(text) : NULL;
}

enum hm_err hm_root_open_json(struct hm_bytes document, const struct hm_root *trusted, json_t **out,
                              struct hm_why *why)
{
    struct hm_auth_view view;
    if (document.len > HM_GUARDS_MAX)
        return hm_fail(why, HM_E_LIMIT, "%zu bytes, expected at most %zu", document.len,
                       HM_GUARDS_MAX);
    enum hm_err err = hm_root_check(trusted, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the trusted root");
    err = hm_auth_parse(document, false, &view, why);
    if (err == HM_OK)
        err = hm_auth_verify(&view, trusted->keys, trusted->count, trusted->threshold, why);
    if (err == HM_OK)
        err = hm_json_canon_check(view.payload, HM_JSON_DEPTH_MAX, why);
    if (err == HM_OK)
        err = hm_json_parse(view.payload, HM_JSON_OURS(HM_GUARDS_MAX), out, why);
    return err;
}

static void read_log_key(struct hm_json_in *in, struct hm_root_head *h)
{
    const char *line = hm_json_str(in, "log_key");
    struct hm_why inner = {""};
    if (line == NULL)
        return;
    enum hm_err err = hm_vkey_parse(hm_bytes_str(line), &h->log_key, &inner);
    if (err != HM_OK)
        hm_json_bad(in, err, "log_key", "%s", inner.text);
    else if (strcmp(h->log_key.name, h->origin) != 0)
        hm_json_bad(in, HM_E_MALFORMED, "log_key", "expected its name to be the origin");
}

void hm_root_head_read(struct hm_json_in *in, const char *type, struct hm_root_head *out)
{
    struct hm_root_head h = {.origin = ""};
    char path[160];
    const char *found = hm_json_str(in, "type");
    if (found != NULL && strcmp(found, type) != 0)
        hm_json_bad(in, HM_E_MALFORMED, "type", "expected \"%s\"", type);
    const char *origin = hm_json_str(in, "origin");
    if (origin != NULL && !hm_origin_ok(origin))
        hm_json_bad(in, HM_E_MALFORMED, "origin",
                    "expected an origin: 1 to 128 printable characters");
    else if (origin != NULL)
        (void)snprintf(h.origin, sizeof h.origin, "%s", origin);
    read_log_key(in, &h);
    const json_t *root = hm_json_object(in, "root");
    if (in->err != HM_OK)
        return;
    hm_json_path(in, "root", -1, path);
    in->err = hm_root_read(root, path, &h.root, in->why);
    if (in->err == HM_OK && hm_root_has(&h.root, &h.log_key.key))
        hm_json_bad(in, HM_E_MALFORMED, "log_key", "the log's key is a root key too");
    if (in->err == HM_OK)
        *out = h;
}
