/* Step "keys": every key exists on its token and is what it must be; its public half goes to a
 * file. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"
#include "schema/trust/hm_keydoc.h"
#include "schema/trust/hm_root.h"

#include <stdio.h>

#define PUBLIC_MAX 4096

static enum hm_err find_or_make(struct ceremony *c, struct hsm *h, const struct cer_place *p,
                                enum hm_key_alg alg, struct hm_key *out, struct hm_why *why)
{
    const char *token = c->config.tokens[p->token].label;
    size_t index = 0;
    bool made = false;
    enum hm_err err = hsm_key_find(h, p->token, p->key_label, &index, why);
    if (err == HM_E_NOT_FOUND) {
        err = hsm_generate(h, p->token, p->key_label, alg, &index, why);
        made = err == HM_OK;
    }
    if (err != HM_OK)
        return err;
    *out = hsm_key_at(h, index)->key;
    if (out->alg != alg)
        return hm_fail(why, HM_E_CONFLICT, "token \"%s\": key \"%s\" is of another kind", token,
                       p->key_label);
    char hex[HM_SHA256_HEX];
    struct hm_digest id = hm_key_id(out);
    hm_digest_hex(&id, hex);
    cer_say(&c->out, "  %s %s on token \"%s\" (serial %s): key id %s",
            made ? "generated" : "checked  ", p->key_label, token, hsm_token_serial(h, p->token),
            hex);
    cer_fact(&c->out, "key_ids", p->key_label, hex);
    return HM_OK;
}

static enum hm_err write_public(struct ceremony *c, const struct cer_place *p,
                                const struct hm_key *k, struct hm_why *why)
{
    char name[HM_NAME_MAX + 16];
    HM_BUF_AUTO pem = {.limit = PUBLIC_MAX};
    (void)snprintf(name, sizeof name, "keys/%s", p->file);
    hm_key_pem(k, &pem);
    enum hm_err err = hm_buf_err(&pem);
    return err == HM_OK ? cer_write(&c->out, name, hm_buf_bytes(&pem), why)
                        : hm_fail(why, err, "no memory");
}

static enum hm_err write_vkey(struct ceremony *c, const struct hm_key *k, struct hm_why *why)
{
    char name[HM_NAME_MAX + 16];
    struct hm_vkey v;
    HM_BUF_AUTO line = {.limit = PUBLIC_MAX};
    (void)snprintf(name, sizeof name, "keys/%s", c->config.log.file);
    enum hm_err err = hm_vkey_make(c->config.origin, k, &v);
    if (err != HM_OK)
        return hm_fail(why, err, "the origin and the log key make no verifier key");
    hm_vkey_write(&v, &line);
    hm_buf_putc(&line, '\n');
    err = hm_buf_err(&line);
    return err == HM_OK ? cer_write(&c->out, name, hm_buf_bytes(&line), why)
                        : hm_fail(why, err, "no memory");
}

static enum hm_err write_json(struct ceremony *c, const char *name, const json_t *doc,
                              struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = (size_t)1024 * 1024};
    if (doc == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for %s", name);
    enum hm_err err = hm_json_canon(doc, &text, why);
    hm_buf_putc(&text, '\n');
    return err == HM_OK ? cer_write(&c->out, name, hm_buf_bytes(&text), why) : err;
}

static json_t *names_json(const struct cer_names *n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n->count; i++)
        (void)json_array_append_new(list, json_string(n->name[i]));
    return list;
}

/* What the policy's `keys` member has to say of the release keys. */
static enum hm_err write_policy_keys(struct ceremony *c, const struct hm_key *keys,
                                     struct hm_why *why)
{
    HM_JSON_AUTO *list = json_array();
    for (size_t i = 0; list != NULL && i < c->config.release_count; i++) {
        const struct cer_release_key *k = &c->config.release[i];
        json_t *one = json_pack("{s:s,s:s,s:o,s:o,s:o}", "id", k->place.key_label, "environment",
                                k->environment, "products", names_json(&k->products), "channels",
                                names_json(&k->channels), "public_key", hm_keydoc_write(&keys[i]));
        if (json_array_append_new(list, one) != 0)
            return hm_fail(why, HM_E_MEMORY, "no memory for policy-keys.json");
    }
    HM_JSON_AUTO *doc = json_pack("{s:O}", "keys", list);
    return write_json(c, "policy-keys.json", doc, why);
}

static enum hm_err root_keys(struct ceremony *c, struct hsm *h, struct hm_why *why)
{
    struct hm_root root = {.count = 0, .threshold = c->config.root_threshold};
    for (; root.count < c->config.root_count; root.count++) {
        const struct cer_place *p = &c->config.root[root.count];
        struct hm_key *k = &root.keys[root.count];
        enum hm_err err = find_or_make(c, h, p, HM_KEY_P256, k, why);
        if (err == HM_OK)
            err = write_public(c, p, k, why);
        if (err != HM_OK)
            return err;
    }
    HM_JSON_AUTO *doc = hm_root_write(&root);
    return write_json(c, "root-keys.json", doc, why);
}

static enum hm_err release_keys(struct ceremony *c, struct hsm *h, struct hm_why *why)
{
    struct hm_key keys[CER_RELEASE_KEYS_MAX];
    for (size_t i = 0; i < c->config.release_count; i++) {
        const struct cer_place *p = &c->config.release[i].place;
        enum hm_err err = find_or_make(c, h, p, HM_KEY_P256, &keys[i], why);
        if (err == HM_OK)
            err = write_public(c, p, &keys[i], why);
        if (err != HM_OK)
            return err;
    }
    return write_policy_keys(c, keys, why);
}

enum hm_err cer_step_keys(struct ceremony *c, struct hm_why *why)
{
    __attribute__((cleanup(cer_close_hsm))) struct hsm *h = NULL;
    size_t tokens[HSM_TOKENS_MAX];
    struct hm_key log;
    for (size_t i = 0; i < c->config.token_count; i++)
        tokens[i] = i;
    cer_say(&c->out, "Keys");
    enum hm_err err = cer_open(c, tokens, c->config.token_count, true, &h, why);
    if (err == HM_OK)
        err = root_keys(c, h, why);
    if (err == HM_OK)
        err = find_or_make(c, h, &c->config.log, HM_KEY_ED25519, &log, why);
    if (err == HM_OK)
        err = write_vkey(c, &log, why);
    return err == HM_OK ? release_keys(c, h, why) : err;
}
