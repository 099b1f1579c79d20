/* Step "genesis": what record 0 of the log stands on, under the root's signatures. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/io/hm_file.h"

#include <string.h>

static enum hm_err digest_of(const struct ceremony *c, const char *name, const char *step,
                             struct hm_digest *out, struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_GUARDS_MAX};
    enum hm_err err = cer_read(&c->out, name, HM_GUARDS_MAX, &b, why);
    if (err == HM_E_NOT_FOUND)
        return hm_fail_in(why, err, "run the step \"%s\" first", step);
    if (err == HM_OK)
        *out = hm_sha256(hm_buf_bytes(&b));
    return err;
}

static enum hm_err policy_digest(const struct ceremony *c, struct hm_digest *out,
                                 struct hm_why *why)
{
    HM_BUF_AUTO b = {.limit = HM_POLICY_MAX};
    HM_JSON_AUTO *doc = NULL;
    if (c->policy_file == NULL)
        return hm_fail(why, HM_E_CONFIG,
                       "genesis names the first policy: give it with --policy FILE (its `keys` are "
                       "in policy-keys.json)");
    enum hm_err err = hm_file_read(c->policy_file, HM_POLICY_MAX, &b, why);
    if (err == HM_OK) {
        err = hm_json_parse(hm_buf_bytes(&b), HM_JSON_OURS(HM_POLICY_MAX), &doc, why);
        if (err != HM_OK)
            err = hm_fail_in(why, err, "%s", c->policy_file);
    }
    if (err == HM_OK)
        *out = hm_sha256(hm_buf_bytes(&b));
    return err;
}

static enum hm_err collect(const struct ceremony *c, struct hm_genesis *g, struct hm_why *why)
{
    memcpy(g->origin, c->config.origin, sizeof g->origin);
    enum hm_err err = policy_digest(c, &g->policy, why);
    if (err == HM_OK)
        err = cer_log_key(c, &g->log_key, why);
    if (err == HM_OK)
        err = cer_root(c, &g->root, why);
    if (err == HM_OK)
        err = digest_of(c, "guards.cbor", "guards", &g->guards, why);
    for (size_t i = 0; err == HM_OK && i < c->config.store_count; i++) {
        char name[CER_STORE_NAME_MAX];
        cer_store_name(c->config.stores[i].environment, name);
        memcpy(g->trust_stores[i].environment, c->config.stores[i].environment,
               sizeof g->trust_stores[i].environment);
        err = digest_of(c, name, "trust-store", &g->trust_stores[i].sha256, why);
        g->trust_store_count = i + 1;
    }
    return err;
}

enum hm_err cer_step_genesis(struct ceremony *c, struct hm_why *why)
{
    struct hm_genesis g = {.trust_store_count = 0};
    struct hm_genesis again;
    char policy[HM_SHA256_HEX];
    HM_BUF_AUTO payload = {.limit = HM_GUARDS_MAX};
    HM_BUF_AUTO document = {.limit = HM_GUARDS_MAX};
    cer_say(&c->out, "Genesis");
    enum hm_err err = collect(c, &g, why);
    if (err == HM_OK)
        err = hm_genesis_payload(&g, &payload, why);
    if (err == HM_OK)
        err = cer_root_sign(c, hm_buf_bytes(&payload), &document, why);
    if (err == HM_OK)
        err = hm_genesis_open(hm_buf_bytes(&document), &g.root, &again, why);
    if (err != HM_OK)
        return err;
    hm_digest_hex(&g.policy, policy);
    cer_say(&c->out, "  first policy sha256:%s", policy);
    cer_fact(&c->out, "genesis", "policy", policy);
    return cer_write(&c->out, "genesis.cbor", hm_buf_bytes(&document), why);
}
