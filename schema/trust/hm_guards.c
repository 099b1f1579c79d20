/* Key guards: reading the signed document, and writing its payload. Thread: any. */
#include "schema/trust/hm_guards.h"

#include "schema/core/hm_text.h"
#include "schema/trust/hm_keydoc.h"
#include "schema/trust/hm_root_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARDS_TYPE "key-guards/v1"
#define HM_GUARDS_AUTO __attribute__((cleanup(hm_guards_free))) struct hm_guards
#define PATH_SIZE 160
#define SERIAL_MAX HM_NUMBER_MAX

void hm_guards_free(struct hm_guards *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->count; i++) {
        free(g->guards[i].approvers);
        free(g->guards[i].roster);
    }
    free(g->guards);
    g->guards = NULL;
    g->count = 0;
}

const struct hm_guard *hm_guards_find(const struct hm_guards *g, const struct hm_digest *key)
{
    for (size_t i = 0; i < g->count; i++)
        if (hm_digest_eq(&g->guards[i].key, key))
            return &g->guards[i];
    return NULL;
}

static enum hm_err read_approver(const struct hm_guards *g, struct hm_guard *guard, const json_t *v,
                                 const char *path, struct hm_why *why)
{
    struct hm_key *k = &guard->approvers[guard->approver_count];
    enum hm_err err = hm_keydoc_read(v, path, k, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < guard->approver_count; i++)
        if (hm_key_eq(&guard->approvers[i], k))
            return hm_fail(why, HM_E_MALFORMED, "%s: an approver's key stands twice", path);
    if (hm_root_has(&g->root, k) || hm_key_eq(&g->log_key.key, k))
        return hm_fail(why, HM_E_MALFORMED, "%s: an approver's key is a root key or the log's",
                       path);
    guard->approver_count++;
    return HM_OK;
}

static enum hm_err read_approvers(const struct hm_guards *g, struct hm_guard *guard,
                                  struct hm_json_in *in, const json_t *list)
{
    size_t n = json_array_size(list);
    guard->approvers = calloc(n + 1, sizeof *guard->approvers);
    if (guard->approvers == NULL)
        return hm_fail(in->why, HM_E_MEMORY, "guards: no memory");
    for (size_t i = 0; i < n; i++) {
        char at[PATH_SIZE];
        hm_json_path(in, "approvers", (long)i, at);
        enum hm_err err = read_approver(g, guard, json_array_get(list, i), at, in->why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static bool is_approver(const struct hm_guard *guard, const struct hm_key *k)
{
    for (size_t i = 0; i < guard->approver_count; i++)
        if (hm_key_eq(&guard->approvers[i], k))
            return true;
    return false;
}

static enum hm_err read_roster_key(const struct hm_guards *g, struct hm_guard *guard,
                                   const json_t *v, const char *path, struct hm_why *why)
{
    struct hm_key *k = &guard->roster[guard->roster_count];
    enum hm_err err = hm_keydoc_read(v, path, k, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < guard->roster_count; i++)
        if (hm_key_eq(&guard->roster[i], k))
            return hm_fail(why, HM_E_MALFORMED, "%s: a roster key stands twice", path);
    if (hm_root_has(&g->root, k) || hm_key_eq(&g->log_key.key, k) || is_approver(guard, k))
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: a roster key is a root key, the log's, or an approver's", path);
    guard->roster_count++;
    return HM_OK;
}

/* Whoever fills the list decides who approves: so it takes as many of them as the guard asks for.
 */
static enum hm_err read_roster(const struct hm_guards *g, struct hm_guard *guard, const json_t *v,
                               const char *path, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, path, why);
    const json_t *list = hm_json_array(&in, "keys", 1, HM_GUARD_ROSTER_MAX);
    guard->roster_threshold = (size_t)hm_json_uint(&in, "threshold", 1, HM_GUARD_ROSTER_MAX);
    if (in.err == HM_OK && (guard->roster_threshold > json_array_size(list) ||
                            guard->roster_threshold < guard->approvals))
        hm_json_bad(&in, HM_E_MALFORMED, "threshold",
                    "expected at least `approvals` and at most as many as there are keys");
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    guard->roster = calloc(json_array_size(list), sizeof *guard->roster);
    if (guard->roster == NULL)
        return hm_fail(why, HM_E_MEMORY, "guards: no memory");
    for (size_t i = 0; i < json_array_size(list); i++) {
        char at[PATH_SIZE];
        hm_json_path(&in, "keys", (long)i, at);
        enum hm_err err = read_roster_key(g, guard, json_array_get(list, i), at, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static bool root_or_log_id(const struct hm_guards *g, const struct hm_digest *id)
{
    struct hm_digest own = hm_key_id(&g->log_key.key);
    bool found = hm_digest_eq(&own, id);
    for (size_t i = 0; i < g->root.count; i++) {
        own = hm_key_id(&g->root.keys[i]);
        found = found || hm_digest_eq(&own, id);
    }
    return found;
}

/* The scalar members of a guard; answers the list of approvers. roster: NULL where there is none.
 */
static const json_t *read_guard_head(const struct hm_guards *g, struct hm_json_in *in,
                                     struct hm_guard *guard, const json_t **roster)
{
    *roster = hm_json_object_or_null(in, "roster");
    guard->approvals = (size_t)hm_json_uint(in, "approvals", 0, HM_APPROVALS_MAX);
    const json_t *list = hm_json_array(in, "approvers", 0, HM_GUARD_APPROVERS_MAX);
    const char *env = hm_json_str(in, "environment");
    if (env != NULL && hm_environment(env) == NULL)
        hm_json_bad(in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
    else if (env != NULL)
        (void)snprintf(guard->environment, sizeof guard->environment, "%s", env);
    if (guard->approvals == 0 && strcmp(guard->environment, "development") != 0)
        hm_json_bad(in, HM_E_MALFORMED, "approvals",
                    "expected at least 1: only a development key may sign without approval");
    if (guard->approvals > json_array_size(list))
        hm_json_bad(in, HM_E_MALFORMED, "approvals", "more than there are approvers");
    hm_json_digest(in, "key", &guard->key);
    if (in->err == HM_OK && hm_guards_find(g, &guard->key) != NULL)
        hm_json_bad(in, HM_E_MALFORMED, "key", "this key has a guard already");
    if (in->err == HM_OK && root_or_log_id(g, &guard->key))
        hm_json_bad(in, HM_E_MALFORMED, "key", "a release key is a root key or the log's");
    return hm_json_end(in) == HM_OK ? list : NULL;
}

/* Appends one guard; what it holds is g's from the first moment. */
static enum hm_err read_guard(struct hm_guards *g, const json_t *v, const char *path,
                              struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_guard guard = {.approvals = 0};
    hm_json_begin(&in, v, path, why);
    const json_t *roster = NULL;
    const json_t *list = read_guard_head(g, &in, &guard, &roster);
    if (list == NULL)
        return in.err;
    g->guards[g->count++] = guard;
    struct hm_guard *kept = &g->guards[g->count - 1];
    enum hm_err err = read_approvers(g, kept, &in, list);
    if (err != HM_OK || roster == NULL)
        return err;
    char at[PATH_SIZE];
    hm_json_path(&in, "roster", -1, at);
    return read_roster(g, kept, roster, at, why);
}

/* Nobody approves, or says who does, with a key that itself signs releases. */
static enum hm_err check_roles(const struct hm_guards *g, struct hm_why *why)
{
    for (size_t i = 0; i < g->count; i++)
        for (size_t j = 0; j < g->guards[i].roster_count; j++) {
            struct hm_digest id = hm_key_id(&g->guards[i].roster[j]);
            if (hm_guards_find(g, &id) != NULL)
                return hm_fail(why, HM_E_MALFORMED,
                               "$.guards[%zu].roster.keys[%zu]: a roster key is a release key", i,
                               j);
        }
    for (size_t i = 0; i < g->count; i++)
        for (size_t j = 0; j < g->guards[i].approver_count; j++) {
            struct hm_digest id = hm_key_id(&g->guards[i].approvers[j]);
            if (hm_guards_find(g, &id) != NULL)
                return hm_fail(why, HM_E_MALFORMED,
                               "$.guards[%zu].approvers[%zu]: an approver's key is a release key",
                               i, j);
        }
    return HM_OK;
}

static enum hm_err read_list(struct hm_guards *g, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    g->guards = calloc(n + 1, sizeof *g->guards);
    if (g->guards == NULL)
        return hm_fail(why, HM_E_MEMORY, "guards: no memory");
    for (size_t i = 0; i < n; i++) {
        char at[PATH_SIZE];
        (void)snprintf(at, sizeof at, "$.guards[%zu]", i);
        enum hm_err err = read_guard(g, json_array_get(list, i), at, why);
        if (err != HM_OK)
            return err;
    }
    return check_roles(g, why);
}

/* *g is empty at first; on failure it may hold parts, which its owner frees. */
static enum hm_err read_document(const json_t *doc, struct hm_guards *g, struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_root_head head;
    hm_json_begin(&in, doc, "$", why);
    hm_root_head_read(&in, GUARDS_TYPE, &head);
    const json_t *list = hm_json_array(&in, "guards", 1, HM_GUARDS_COUNT_MAX);
    uint64_t serial = hm_json_uint_or(&in, "serial", 1, SERIAL_MAX, 0);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    memcpy(g->origin, head.origin, sizeof g->origin);
    g->log_key = head.log_key;
    g->root = head.root;
    g->serial = serial;
    return read_list(g, list, why);
}

enum hm_err hm_guards_open(struct hm_bytes document, const struct hm_root *trusted,
                           struct hm_guards *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    HM_GUARDS_AUTO g = {.count = 0};
    enum hm_err err = hm_root_open_json(document, trusted, &doc, why);
    if (err == HM_OK)
        err = read_document(doc, &g, why);
    if (err == HM_OK && !hm_root_same(&g.root, trusted))
        err = hm_fail(why, HM_E_DENIED, "$.root: not the root that is trusted here");
    if (err != HM_OK)
        return hm_fail_in(why, err, "guards document");
    *out = g;
    g = (struct hm_guards){.count = 0};
    return HM_OK;
}

static json_t *write_keys(const struct hm_key *keys, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < count; i++) {
        if (json_array_append_new(list, hm_keydoc_write(&keys[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *write_guard(const struct hm_guard *guard)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&guard->key, hex);
    json_t *doc = json_pack("{s:I,s:o,s:s,s:s}", "approvals", (json_int_t)guard->approvals,
                            "approvers", write_keys(guard->approvers, guard->approver_count),
                            "environment", guard->environment, "key", hex);
    if (doc == NULL || guard->roster_count == 0)
        return doc;
    json_t *roster = json_pack("{s:o,s:I}", "keys", write_keys(guard->roster, guard->roster_count),
                               "threshold", (json_int_t)guard->roster_threshold);
    if (json_object_set_new(doc, "roster", roster) != 0) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

static json_t *write_document(const struct hm_guards *g)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < g->count; i++) {
        if (json_array_append_new(list, write_guard(&g->guards[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    json_t *doc =
        json_pack("{s:o,s:o,s:s,s:o,s:s}", "guards", list, "log_key", hm_vkey_json(&g->log_key),
                  "origin", g->origin, "root", hm_root_write(&g->root), "type", GUARDS_TYPE);
    if (doc != NULL && g->serial > 0 &&
        json_object_set_new(doc, "serial", json_integer((json_int_t)g->serial)) != 0) {
        json_decref(doc);
        return NULL;
    }
    return doc;
}

/* What is written is read again: nothing leaves that hm_guards_open would refuse. */
enum hm_err hm_guards_payload(const struct hm_guards *g, struct hm_buf *out, struct hm_why *why)
{
    if (g->count > HM_GUARDS_COUNT_MAX || g->root.count > HM_ROOT_KEYS_MAX)
        return hm_fail(why, HM_E_LIMIT, "guards: more entries than the format allows");
    HM_JSON_AUTO *doc = write_document(g);
    HM_GUARDS_AUTO again = {.count = 0};
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    if (doc == NULL)
        return hm_fail(why, HM_E_MALFORMED, "guards: a text in it is not UTF-8, or no memory");
    enum hm_err err = read_document(doc, &again, why);
    if (err == HM_OK)
        err = hm_json_canon(doc, &b, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "guards");
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out);
}
