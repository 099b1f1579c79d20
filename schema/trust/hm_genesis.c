/* Genesis: reading the signed document, and writing its payload. Thread: any. */
#include "schema/trust/hm_genesis.h"

#include "schema/core/hm_text.h"
#include "schema/trust/hm_root_priv.h"

#include <stdio.h>
#include <string.h>

#define GENESIS_TYPE "log-genesis/v1"

static bool environment_taken(const struct hm_genesis *g, const char *env)
{
    for (size_t i = 0; i < g->trust_store_count; i++)
        if (strcmp(g->trust_stores[i].environment, env) == 0)
            return true;
    return false;
}

static enum hm_err read_trust_store(struct hm_genesis *g, const json_t *v, const char *path,
                                    struct hm_why *why)
{
    struct hm_json_in in;
    size_t at = g->trust_store_count;
    hm_json_begin(&in, v, path, why);
    const char *env = hm_json_str(&in, "environment");
    if (env != NULL && hm_environment(env) == NULL)
        hm_json_bad(&in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
    else if (env != NULL && environment_taken(g, env))
        hm_json_bad(&in, HM_E_MALFORMED, "environment", "this environment stands twice");
    hm_json_digest(&in, "sha256", &g->trust_stores[at].sha256);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    (void)snprintf(g->trust_stores[at].environment, sizeof g->trust_stores[at].environment, "%s",
                   env);
    g->trust_store_count++;
    return HM_OK;
}

static enum hm_err read_document(const json_t *doc, struct hm_genesis *g, struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_root_head head;
    hm_json_begin(&in, doc, "$", why);
    hm_root_head_read(&in, GENESIS_TYPE, &head);
    hm_json_digest(&in, "guards", &g->guards);
    hm_json_digest(&in, "policy", &g->policy);
    const json_t *stores = hm_json_array(&in, "trust_stores", 0, HM_TRUST_STORES_MAX);
    if (hm_json_end(&in) != HM_OK)
        return in.err;
    memcpy(g->origin, head.origin, sizeof g->origin);
    g->log_key = head.log_key;
    g->root = head.root;
    for (size_t i = 0; i < json_array_size(stores); i++) {
        char at[160];
        hm_json_path(&in, "trust_stores", (long)i, at);
        enum hm_err err = read_trust_store(g, json_array_get(stores, i), at, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

enum hm_err hm_genesis_open(struct hm_bytes document, const struct hm_root *trusted,
                            struct hm_genesis *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_genesis g = {.trust_store_count = 0};
    enum hm_err err = hm_root_open_json(document, trusted, &doc, why);
    if (err == HM_OK)
        err = read_document(doc, &g, why);
    if (err == HM_OK && !hm_root_same(&g.root, trusted))
        err = hm_fail(why, HM_E_DENIED, "$.root: not the root that is trusted here");
    if (err != HM_OK)
        return hm_fail_in(why, err, "genesis document");
    *out = g;
    return HM_OK;
}

static json_t *write_trust_stores(const struct hm_genesis *g)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < g->trust_store_count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&g->trust_stores[i].sha256, hex);
        json_t *one =
            json_pack("{s:s,s:s}", "environment", g->trust_stores[i].environment, "sha256", hex);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *write_document(const struct hm_genesis *g)
{
    char guards[HM_SHA256_HEX];
    char policy[HM_SHA256_HEX];
    hm_digest_hex(&g->guards, guards);
    hm_digest_hex(&g->policy, policy);
    return json_pack("{s:s,s:o,s:s,s:s,s:o,s:o,s:s}", "guards", guards, "log_key",
                     hm_vkey_json(&g->log_key), "origin", g->origin, "policy", policy, "root",
                     hm_root_write(&g->root), "trust_stores", write_trust_stores(g), "type",
                     GENESIS_TYPE);
}

/* What is written is read again: nothing leaves that hm_genesis_open would refuse. */
enum hm_err hm_genesis_payload(const struct hm_genesis *g, struct hm_buf *out, struct hm_why *why)
{
    if (g->trust_store_count > HM_TRUST_STORES_MAX || g->root.count > HM_ROOT_KEYS_MAX)
        return hm_fail(why, HM_E_LIMIT, "genesis: more entries than the format allows");
    HM_JSON_AUTO *doc = write_document(g);
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    struct hm_genesis again = {.trust_store_count = 0};
    if (doc == NULL)
        return hm_fail(why, HM_E_MALFORMED, "genesis: a text in it is not UTF-8, or no memory");
    enum hm_err err = read_document(doc, &again, why);
    if (err == HM_OK)
        err = hm_json_canon(doc, &b, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "genesis");
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out);
}
