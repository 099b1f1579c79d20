#include "server/registrar/reg_world.h"

#include "device/linux/hm_device_linux.h"
#include "policy/policy_guards.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hmd_bytes device_bytes(const struct hm_buf *b)
{
    return (struct hmd_bytes){b->data, b->len};
}

static enum hm_err load_store(const struct reg_config *c, size_t i, struct reg_world *w,
                              struct hm_why *why)
{
    struct reg_trust_store *s = &w->stores[i];
    (void)snprintf(s->environment, sizeof s->environment, "%s", c->trust_stores[i].environment);
    enum hm_err err = hm_file_read(c->trust_stores[i].file, HM_TRUST_STORE_MAX, &s->bytes, why);
    if (err != HM_OK)
        return err;
    s->digest = hm_sha256(hm_buf_bytes(&s->bytes));
    const struct hmd_crypto crypto = hmd_openssl_crypto();
    enum hmd_reason reason = hmd_store_open(&crypto, device_bytes(&s->bytes), NULL, &s->device);
    if (reason != HMD_OK)
        return hm_fail(why, HM_E_CONFIG, "%s: not a trust store that a device would take (%s)",
                       c->trust_stores[i].file, hmd_reason_name(reason));
    for (size_t g = 0; g < w->genesis.trust_store_count; g++)
        if (strcmp(w->genesis.trust_stores[g].environment, s->environment) == 0 &&
            hm_digest_eq(&w->genesis.trust_stores[g].sha256, &s->digest)) {
            w->store_count = i + 1;
            return HM_OK;
        }
    return hm_fail(
        why, HM_E_CONFIG,
        "%s: the genesis document does not name this file as the trust store of environment %s",
        c->trust_stores[i].file, s->environment);
}

static enum hm_err keep_witnesses(const struct hm_trust_store *t, struct reg_trust_store *s,
                                  struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < t->witness_count; i++) {
        struct hm_key key;
        struct hm_cosigner c;
        err = hm_key_from_raw(HM_KEY_ED25519,
                              hm_bytes_of(t->witnesses[i].key, sizeof t->witnesses[i].key), &key,
                              why);
        if (err == HM_OK)
            err = hm_cosigner_make(t->witnesses[i].name, &key, &c);
        if (err == HM_OK)
            err = hm_cosigners_add(&s->witnesses, &c, why);
    }
    s->witness_quorum = t->witness_quorum;
    return err;
}

/* Root in the store = root of the configuration: same kids, same threshold. And its witnesses. */
static enum hm_err read_store(const struct reg_config *c, struct reg_trust_store *s,
                              struct hm_why *why)
{
    HM_FREE struct hm_trust_store *t = calloc(1, sizeof *t);
    struct hm_root root = {0};
    if (t == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = hm_trust_store_open(hm_buf_bytes(&s->bytes), t, why);
    if (err == HM_OK)
        err = keep_witnesses(t, s, why);
    if (err != HM_OK)
        return err;
    hm_trust_store_root(t, &root);
    if (!hm_root_same(&root, &c->root))
        return hm_fail(
            why, HM_E_CONFIG,
            "trust store of environment %s: its root keys or threshold are not the configured ones",
            s->environment);
    return HM_OK;
}

static enum hm_err load_policy(const struct reg_config *c, struct reg_world *w, struct hm_why *why)
{
    HM_BUF_AUTO document = {.limit = HM_POLICY_MAX};
    const struct policy *p = NULL;
    enum hm_err err = reg_policies_open(&w->policy, &w->policies, why);
    if (err == HM_OK)
        err = hm_file_read(c->policy, HM_POLICY_MAX, &document, why);
    if (err != HM_OK)
        return err;
    err = reg_policies_add(w->policies, hm_buf_bytes(&document), &p, why);
    if (err != HM_OK) {
        hm_json_locate(why, c->policy, hm_buf_bytes(&document));
        return err;
    }
    reg_policies_use(w->policies, p, (struct reg_activation){.record = 0});
    reg_policies_settle(w->policies, true);
    return HM_OK;
}

static enum hm_err load_documents(const struct reg_config *c, struct reg_world *w,
                                  struct hm_why *why)
{
    enum hm_err err = hm_file_read(c->genesis, HM_GUARDS_MAX, &w->genesis_bytes, why);
    if (err == HM_OK && (err = hm_genesis_open(hm_buf_bytes(&w->genesis_bytes), &c->root,
                                               &w->genesis, why)) != HM_OK)
        return hm_fail_in(why, err, "%s", c->genesis);
    if (err == HM_OK)
        err = hm_file_read(c->guards, HM_GUARDS_MAX, &w->guards_bytes, why);
    if (err == HM_OK &&
        (err = hm_guards_open(hm_buf_bytes(&w->guards_bytes), &c->root, &w->guards, why)) != HM_OK)
        return hm_fail_in(why, err, "%s", c->guards);
    if (err == HM_OK)
        err = load_policy(c, w, why);
    if (err == HM_OK && c->client_ca != NULL)
        err = hm_file_read(c->client_ca, HM_CONFIG_MAX, &w->client_ca, why);
    return err;
}

static enum hm_err check_documents(const struct reg_config *c, const struct reg_world *w,
                                   struct hm_why *why)
{
    if (strcmp(w->guards.origin, w->genesis.origin) != 0)
        return hm_fail(why, HM_E_CONFIG, "%s: origin %s, expected %s", c->guards, w->guards.origin,
                       w->genesis.origin);
    return HM_OK;
}

enum hm_err reg_world_fits(const struct reg_world *w, const struct hm_guards *guards,
                           const struct policy *p, struct hm_why *why)
{
    struct hm_uuid vendor = hm_vendor_id(policy_vendor_domain(p));
    enum hm_err err = policy_check_guards(p, guards, why);
    if (err == HM_OK && memcmp(vendor.b, w->vendor.b, sizeof vendor.b) != 0)
        err = hm_fail(why, HM_E_CONFIG,
                      "$.vendor_domain: devices derived their vendor id from another one than %s",
                      policy_vendor_domain(p));
    return err;
}

/* A key that needs no approval must never be one that real devices believe. */
enum hm_err reg_world_check_development(const struct reg_world *w, const struct hm_guards *guards,
                                        struct hm_why *why)
{
    for (size_t i = 0; i < guards->count; i++) {
        const struct hm_guard *g = &guards->guards[i];
        for (size_t s = 0; s < w->store_count; s++) {
            struct hmd_key key;
            if (strcmp(g->environment, w->stores[s].environment) != 0 &&
                hmd_store_key(&w->stores[s].device, g->key.b, &key))
                return hm_fail(why, HM_E_CONFIG, "the trust store of %s lists a release key of %s",
                               w->stores[s].environment, g->environment);
        }
    }
    return HM_OK;
}

enum hm_err reg_world_load(const struct reg_config *c, struct reg_world *w, struct hm_why *why)
{
    memset(w, 0, sizeof *w);
    enum hm_err err = load_documents(c, w, why);
    if (err == HM_OK)
        err = check_documents(c, w, why);
    for (size_t i = 0; err == HM_OK && i < c->trust_store_count; i++) {
        err = load_store(c, i, w, why);
        if (err == HM_OK)
            err = read_store(c, &w->stores[i], why);
    }
    if (err == HM_OK)
        err = reg_world_check_development(w, &w->guards, why);
    if (err == HM_OK)
        w->vendor = hm_vendor_id(policy_vendor_domain(w->policy));
    return err;
}

void reg_world_free(struct reg_world *w)
{
    reg_policies_close(w->policies);
    hm_guards_free(&w->guards);
    hm_buf_free(&w->genesis_bytes);
    hm_buf_free(&w->guards_bytes);
    hm_buf_free(&w->client_ca);
    for (size_t i = 0; i < HM_TRUST_STORES_MAX; i++)
        hm_buf_free(&w->stores[i].bytes);
    memset(w, 0, sizeof *w);
}

const struct reg_trust_store *reg_world_store(const struct reg_world *w, const char *environment)
{
    for (size_t i = 0; i < w->store_count; i++)
        if (strcmp(w->stores[i].environment, environment) == 0)
            return &w->stores[i];
    return NULL;
}

enum hm_err reg_world_verify(const struct reg_world *w, struct hm_bytes pub, struct hm_bytes msg,
                             struct hm_bytes sig)
{
    return reg_policies_verify(w->policies, pub, msg, sig);
}
