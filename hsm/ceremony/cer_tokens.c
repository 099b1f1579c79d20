/* Tokens and signatures of the ceremony, and the public keys that it left in files. */
#include "hsm/ceremony/cer_priv.h"

#include "schema/core/hm_text.h"
#include "schema/cose/hm_authwrap.h"

#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX 4096
#define SIGN_TIMEOUT_MS 60000

enum hm_err cer_open(const struct ceremony *c, const size_t *tokens, size_t count, bool read_write,
                     struct hsm **out, struct hm_why *why)
{
    struct hsm_token_config list[HSM_TOKENS_MAX];
    for (size_t i = 0; i < count; i++)
        list[i] = (struct hsm_token_config){c->config.tokens[tokens[i]].label,
                                            c->config.tokens[tokens[i]].pin_file};
    struct hsm_config h = {.module = c->config.module,
                           .tokens = list,
                           .token_count = count,
                           .state_dir = c->out.dir,
                           .attended = true,
                           .read_write = read_write};
    return hsm_open(&h, out, why);
}

static enum hm_err read_key_file(const struct ceremony *c, const struct cer_place *p,
                                 struct hm_buf *out, struct hm_why *why)
{
    char name[HM_NAME_MAX + 16];
    (void)snprintf(name, sizeof name, "keys/%s", p->file);
    enum hm_err err = cer_read(&c->out, name, KEY_FILE_MAX, out, why);
    if (err == HM_E_NOT_FOUND)
        return hm_fail_in(why, err, "run the step \"keys\" first");
    return err;
}

enum hm_err cer_public_key(const struct ceremony *c, const struct cer_place *p, struct hm_key *out,
                           struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = KEY_FILE_MAX};
    enum hm_err err = read_key_file(c, p, &text, why);
    if (err == HM_OK) {
        err = hm_key_from_pem(hm_buf_bytes(&text), out, why);
        if (err != HM_OK)
            err = hm_fail_in(why, err, "keys/%s", p->file);
    }
    return err;
}

enum hm_err cer_log_key(const struct ceremony *c, struct hm_vkey *out, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = KEY_FILE_MAX};
    enum hm_err err = read_key_file(c, &c->config.log, &text, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes line = hm_buf_bytes(&text);
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    err = hm_vkey_parse(line, out, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "keys/%s", c->config.log.file);
    if (strcmp(out->name, c->config.origin) != 0)
        return hm_fail(why, HM_E_CONFLICT, "keys/%s is the key of %s, not of %s",
                       c->config.log.file, out->name, c->config.origin);
    return HM_OK;
}

enum hm_err cer_root(const struct ceremony *c, struct hm_root *out, struct hm_why *why)
{
    struct hm_root r = {.count = 0, .threshold = c->config.root_threshold};
    for (; r.count < c->config.root_count; r.count++) {
        enum hm_err err = cer_public_key(c, &c->config.root[r.count], &r.keys[r.count], why);
        if (err != HM_OK)
            return err;
    }
    *out = r;
    return HM_OK;
}

static bool is_signer(const struct ceremony *c, const struct cer_place *p)
{
    for (size_t i = 0; i < c->signer_count; i++)
        if (strcmp(c->signers[i], c->config.tokens[p->token].label) == 0)
            return true;
    return c->signer_count == 0;
}

/* Root places that sign; their tokens' indexes go to tokens. */
static enum hm_err choose_signers(const struct ceremony *c, size_t *places, size_t *tokens,
                                  size_t *count, struct hm_why *why)
{
    size_t n = 0;
    for (size_t i = 0; i < c->config.root_count; i++)
        if (is_signer(c, &c->config.root[i])) {
            places[n] = i;
            tokens[n++] = c->config.root[i].token;
        }
    if (c->signer_count > 0 && n != c->signer_count)
        return hm_fail(why, HM_E_CONFIG, "--root names a token that is not in the configuration");
    if (n < c->config.root_threshold)
        return hm_fail(why, HM_E_DENIED, "%zu root tokens chosen, the threshold is %zu", n,
                       c->config.root_threshold);
    *count = n;
    return HM_OK;
}

static enum hm_err sign_one(const struct ceremony *c, struct hsm *h, size_t token,
                            const struct cer_place *p, struct hm_bytes payload,
                            struct hm_auth_signature *out, struct hm_why *why)
{
    size_t index = 0;
    struct hm_key expected;
    HM_BUF_AUTO tbs = {.limit = 1024};
    enum hm_err err = cer_public_key(c, p, &expected, why);
    if (err == HM_OK)
        err = hsm_key_find(h, token, p->key_label, &index, why);
    if (err != HM_OK)
        return err;
    out->key = hsm_key_at(h, index)->key;
    if (!hm_key_eq(&out->key, &expected))
        return hm_fail(why, HM_E_CONFLICT, "token \"%s\": key \"%s\" is not the one in keys/%s",
                       c->config.tokens[p->token].label, p->key_label, p->file);
    hm_auth_tbs(&tbs, &out->key, payload);
    err = hm_buf_err(&tbs);
    return err == HM_OK ? hsm_sign(h, index, hm_buf_bytes(&tbs), out->sig, SIGN_TIMEOUT_MS, why)
                        : hm_fail(why, err, "no memory");
}

enum hm_err cer_root_sign(struct ceremony *c, struct hm_bytes payload, struct hm_buf *document,
                          struct hm_why *why)
{
    size_t places[HM_ROOT_KEYS_MAX];
    size_t tokens[HM_ROOT_KEYS_MAX];
    size_t count = 0;
    struct hm_auth_signature sigs[HM_ROOT_KEYS_MAX];
    __attribute__((cleanup(cer_close_hsm))) struct hsm *h = NULL;
    enum hm_err err = choose_signers(c, places, tokens, &count, why);
    if (err == HM_OK)
        err = cer_open(c, tokens, count, false, &h, why);
    for (size_t i = 0; err == HM_OK && i < count; i++)
        err = sign_one(c, h, i, &c->config.root[places[i]], payload, &sigs[i], why);
    if (err != HM_OK)
        return err;
    hm_auth_envelope(document, false, payload, sigs, count);
    return hm_buf_err(document) == HM_OK ? HM_OK : hm_fail(why, hm_buf_err(document), "no memory");
}

void cer_close_hsm(struct hsm **h)
{
    hsm_close(*h);
}

void cer_store_name(const char *environment, char out[static CER_STORE_NAME_MAX])
{
    (void)snprintf(out, CER_STORE_NAME_MAX, "trust-store-%s.cbor", environment);
}
