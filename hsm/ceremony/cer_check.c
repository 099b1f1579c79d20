/* Step "check": reads every output back and holds it against the others and the configuration. It
 * starts as "no": a file that is missing is a failure with its name. No token is opened. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/io/hm_file.h"
#include "schema/trust/hm_root.h"

#include <stdlib.h>
#include <string.h>

struct checked {
    struct hm_root root;
    struct hm_vkey log_key;
    struct hm_key release[CER_RELEASE_KEYS_MAX];
};

static enum hm_err check_root_keys(struct ceremony *c, struct checked *k, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_CONFIG_MAX};
    HM_JSON_AUTO *doc = NULL;
    struct hm_root stated;
    enum hm_err err = cer_root(c, &k->root, why);
    if (err == HM_OK)
        err = cer_log_key(c, &k->log_key, why);
    for (size_t i = 0; err == HM_OK && i < c->config.release_count; i++)
        err = cer_public_key(c, &c->config.release[i].place, &k->release[i], why);
    if (err == HM_OK)
        err = cer_read(&c->out, "root-keys.json", HM_CONFIG_MAX, &text, why);
    if (err == HM_OK)
        err = hm_json_parse(hm_buf_bytes(&text), HM_JSON_OURS(HM_CONFIG_MAX), &doc, why);
    if (err == HM_OK)
        err = hm_root_read(doc, "$", &stated, why);
    if (err != HM_OK)
        return err;
    if (!hm_root_same(&stated, &k->root))
        return hm_fail(why, HM_E_CONFLICT, "root-keys.json and keys/ do not name the same root");
    cer_say(&c->out, "  ok  keys: root, log, %zu release keys", c->config.release_count);
    return HM_OK;
}

static enum hm_err check_guard(const struct cer_release_key *k, const struct hm_key *key,
                               const struct hm_guards *g, struct hm_why *why)
{
    struct hm_digest id = hm_key_id(key);
    const struct hm_guard *guard = hm_guards_find(g, &id);
    bool same = guard != NULL && strcmp(guard->environment, k->environment) == 0 &&
                guard->approvals == k->approvals && guard->approver_count == k->approver_count &&
                guard->roster_count == k->roster_count &&
                guard->roster_threshold == k->roster_threshold;
    for (size_t i = 0; same && i < guard->approver_count; i++)
        same = hm_key_eq(&guard->approvers[i], &k->approvers[i]);
    for (size_t i = 0; same && i < guard->roster_count; i++)
        same = hm_key_eq(&guard->roster[i], &k->roster[i]);
    return same ? HM_OK
                : hm_fail(why, HM_E_CONFLICT,
                          "guards.cbor: the guard of %s is not the one that the configuration asks "
                          "for",
                          k->place.key_label);
}

static enum hm_err check_guards(struct ceremony *c, const struct checked *k,
                                struct hm_digest *digest, struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    __attribute__((cleanup(hm_guards_free))) struct hm_guards g = {.count = 0};
    enum hm_err err = cer_read(&c->out, "guards.cbor", HM_GUARDS_MAX, &b, why);
    if (err == HM_OK)
        err = hm_guards_open(hm_buf_bytes(&b), &k->root, &g, why);
    if (err == HM_OK &&
        (strcmp(g.origin, c->config.origin) != 0 || !hm_key_eq(&g.log_key.key, &k->log_key.key) ||
         g.count != c->config.release_count))
        err = hm_fail(why, HM_E_CONFLICT, "guards.cbor: another origin, log key or set of keys");
    for (size_t i = 0; err == HM_OK && i < c->config.release_count; i++)
        err = check_guard(&c->config.release[i], &k->release[i], &g, why);
    if (err != HM_OK)
        return err;
    *digest = hm_sha256(hm_buf_bytes(&b));
    cer_say(&c->out, "  ok  guards.cbor: %zu guards", g.count);
    return HM_OK;
}

/* Every key of the store is a root key or a release key of the store's own environment. */
static enum hm_err check_store_keys(const struct ceremony *c, const struct checked *k,
                                    const struct cer_store *s, const struct hm_trust_store *t,
                                    struct hm_why *why)
{
    for (size_t i = 0; i < t->key_count; i++) {
        bool known = hm_root_has(&k->root, &t->keys[i].key);
        for (size_t j = 0; j < c->config.release_count; j++)
            known = known || (strcmp(c->config.release[j].environment, s->environment) == 0 &&
                              hm_key_eq(&k->release[j], &t->keys[i].key));
        if (!known)
            return hm_fail(why, HM_E_DENIED,
                           "trust store %s: holds a key that is not of this environment",
                           s->environment);
    }
    return HM_OK;
}

static bool same_witnesses(const struct cer_store *s, const struct hm_trust_store *t)
{
    bool same = t->witness_count == s->witnesses.count && t->witness_quorum == s->witness_quorum;
    for (size_t i = 0; same && i < t->witness_count; i++)
        same = strcmp(t->witnesses[i].name, s->witnesses.of[i].v.name) == 0 &&
               memcmp(t->witnesses[i].key, s->witnesses.of[i].v.key.raw,
                      sizeof t->witnesses[i].key) == 0;
    return same;
}

static enum hm_err check_store(struct ceremony *c, const struct checked *k,
                               const struct cer_store *s, struct hm_digest *digest,
                               struct hm_why *why)
{
    char name[CER_STORE_NAME_MAX];
    struct hm_root root;
    HM_BUF_AUTO b = {.limit = HM_TRUST_STORE_MAX};
    HM_FREE struct hm_trust_store *t = calloc(1, sizeof *t);
    cer_store_name(s->environment, name);
    if (t == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = cer_read(&c->out, name, HM_TRUST_STORE_MAX, &b, why);
    if (err == HM_OK)
        err = hm_trust_store_open(hm_buf_bytes(&b), t, why);
    if (err != HM_OK)
        return err;
    hm_trust_store_root(t, &root);
    struct hm_uuid vendor = hm_vendor_id(c->config.vendor_domain);
    if (!hm_root_same(&root, &k->root) || !hm_key_eq(&t->log_key.key, &k->log_key.key) ||
        strcmp(t->log_key.name, c->config.origin) != 0 ||
        memcmp(t->vendor.b, vendor.b, sizeof vendor.b) != 0 || t->epoch != s->epoch)
        return hm_fail(why, HM_E_CONFLICT, "%s: another root, log, vendor or epoch", name);
    if (!same_witnesses(s, t))
        return hm_fail(why, HM_E_CONFLICT, "%s: other witnesses or another quorum", name);
    err = check_store_keys(c, k, s, t, why);
    if (err != HM_OK)
        return err;
    *digest = hm_sha256(hm_buf_bytes(&b));
    cer_say(&c->out, "  ok  %s: %zu classes", name, t->class_count);
    return HM_OK;
}

static enum hm_err check_policy(const struct ceremony *c, const struct hm_genesis *g,
                                struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_POLICY_MAX};
    if (c->policy_file == NULL)
        return HM_OK;
    enum hm_err err = hm_file_read(c->policy_file, HM_POLICY_MAX, &b, why);
    if (err != HM_OK)
        return err;
    struct hm_digest d = hm_sha256(hm_buf_bytes(&b));
    return hm_digest_eq(&d, &g->policy)
               ? HM_OK
               : hm_fail(why, HM_E_CONFLICT, "genesis.cbor: names another policy than %s",
                         c->policy_file);
}

static bool genesis_names(const struct hm_genesis *g, const char *environment,
                          const struct hm_digest *d)
{
    for (size_t i = 0; i < g->trust_store_count; i++)
        if (strcmp(g->trust_stores[i].environment, environment) == 0)
            return hm_digest_eq(&g->trust_stores[i].sha256, d);
    return false;
}

static enum hm_err check_genesis(struct ceremony *c, const struct checked *k,
                                 const struct hm_digest *guards, const struct hm_digest *stores,
                                 struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    struct hm_genesis g;
    enum hm_err err = cer_read(&c->out, "genesis.cbor", HM_GUARDS_MAX, &b, why);
    if (err == HM_OK)
        err = hm_genesis_open(hm_buf_bytes(&b), &k->root, &g, why);
    if (err != HM_OK)
        return err;
    bool same = strcmp(g.origin, c->config.origin) == 0 &&
                hm_key_eq(&g.log_key.key, &k->log_key.key) && hm_digest_eq(&g.guards, guards) &&
                g.trust_store_count == c->config.store_count;
    for (size_t i = 0; same && i < c->config.store_count; i++)
        same = genesis_names(&g, c->config.stores[i].environment, &stores[i]);
    if (!same)
        return hm_fail(why, HM_E_CONFLICT,
                       "genesis.cbor: names other guards, trust stores, origin or log key");
    err = check_policy(c, &g, why);
    if (err == HM_OK)
        cer_say(&c->out, "  ok  genesis.cbor%s",
                c->policy_file == NULL ? " (no policy given)" : "");
    return err;
}

enum hm_err cer_step_check(struct ceremony *c, struct hm_why *why)
{
    HM_FREE struct checked *k = calloc(1, sizeof *k);
    struct hm_digest guards;
    struct hm_digest stores[HM_TRUST_STORES_MAX];
    if (k == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    cer_say(&c->out, "Check");
    enum hm_err err = check_root_keys(c, k, why);
    if (err == HM_OK)
        err = check_guards(c, k, &guards, why);
    for (size_t i = 0; err == HM_OK && i < c->config.store_count; i++)
        err = check_store(c, k, &c->config.stores[i], &stores[i], why);
    return err == HM_OK ? check_genesis(c, k, &guards, stores, why) : err;
}
