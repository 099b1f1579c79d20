/* Guards from the file, keys from the tokens, and one held against the other. */
#include "server/signer/signer_priv.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "server/ipc/proc_log.h"
#include "server/signer/signer_serve.h"

enum hm_err signer_guards_read(const struct signer_config *c, struct hm_buf *doc,
                               struct hm_guards *out, struct hm_why *why)
{
    enum hm_err err = hm_file_read(c->guards, HM_GUARDS_MAX, doc, why);
    if (err == HM_OK) {
        err = hm_guards_open(hm_buf_bytes(doc), &c->root, out, why);
        if (err != HM_OK)
            err = hm_fail_in(why, err, "%s", c->guards);
    }
    return err;
}

static void on_notice(void *ctx, const char *text)
{
    (void)ctx;
    proc_log(SIGNER_PROGRAM, PROC_WARNING, "%s", text);
}

/* Token 0 is the log's; release tokens follow. */
static enum hm_err open_tokens(struct signer *s, struct hm_why *why)
{
    const struct signer_config *c = s->config;
    struct hsm_token_config tokens[1 + SIGNER_RELEASE_TOKENS_MAX];
    tokens[0] = (struct hsm_token_config){c->log_token.label, c->log_token.pin_file};
    for (size_t i = 0; i < c->release_token_count; i++)
        tokens[1 + i] =
            (struct hsm_token_config){c->release_tokens[i].label, c->release_tokens[i].pin_file};
    struct hsm_config h = {.module = c->pkcs11_module,
                           .tokens = tokens,
                           .token_count = 1 + c->release_token_count,
                           .state_dir = c->state_dir,
                           .notice = on_notice};
    return hsm_open(&h, &s->hsm, why);
}

static enum hm_err find_log_key(struct signer *s, struct hm_why *why)
{
    enum hm_err err = hsm_key_find(s->hsm, 0, s->config->log_key_label, &s->log_key, why);
    if (err != HM_OK)
        return err;
    if (!hm_key_eq(&hsm_key_at(s->hsm, s->log_key)->key, &s->guards.log_key.key))
        return hm_fail(why, HM_E_DENIED,
                       "key \"%s\" on token \"%s\" is not the log key that the guards document "
                       "names for %s",
                       s->config->log_key_label, s->config->log_token.label, s->guards.origin);
    return HM_OK;
}

static enum hm_err add_key(struct signer *s, size_t index, struct hm_why *why)
{
    const struct hsm_key_info *k = hsm_key_at(s->hsm, index);
    const char *token = s->config->release_tokens[k->token - 1].label;
    struct hm_digest id = hm_key_id(&k->key);
    const struct hm_guard *g = k->key.alg != HM_KEY_NONE ? hm_guards_find(&s->guards, &id) : NULL;
    if (k->refused[0] != '\0' || k->key.alg != HM_KEY_P256) {
        const char *reason = k->refused[0] != '\0' ? k->refused : "not a P-256 key";
        if (g != NULL)
            return hm_fail(why, HM_E_TOKEN, "token \"%s\": key \"%s\" is guarded, but refused: %s",
                           token, k->label, reason);
        proc_log(SIGNER_PROGRAM, PROC_WARNING, "token \"%s\": key \"%s\" is refused: %s", token,
                 k->label, reason);
    } else if (g == NULL) {
        proc_log(SIGNER_PROGRAM, PROC_WARNING,
                 "token \"%s\": key \"%s\" has no guard and is not used", token, k->label);
    } else {
        if (signer_key_find(s, &id) != NULL)
            return hm_fail(why, HM_E_CONFLICT, "token \"%s\": key \"%s\" stands on two tokens",
                           token, k->label);
        s->keys[s->key_count++] = (struct signer_key){id, index};
    }
    return HM_OK;
}

static void warn_missing(const struct signer *s)
{
    for (size_t i = 0; i < s->guards.count; i++) {
        char hex[HM_SHA256_HEX];
        if (signer_key_find(s, &s->guards.guards[i].key) != NULL)
            continue;
        hm_digest_hex(&s->guards.guards[i].key, hex);
        proc_log(SIGNER_PROGRAM, PROC_WARNING, "no token holds the guarded key %s", hex);
    }
}

enum hm_err signer_keys_open(struct signer *s, struct hm_why *why)
{
    enum hm_err err = open_tokens(s, why);
    if (err == HM_OK)
        err = find_log_key(s, why);
    for (size_t i = 0; err == HM_OK && i < hsm_key_count(s->hsm); i++)
        if (hsm_key_at(s->hsm, i)->token != 0)
            err = add_key(s, i, why);
    if (err == HM_OK && s->key_count == 0)
        err = hm_fail(why, HM_E_NOT_FOUND,
                      "none of the keys that the guards document names is on a release token");
    if (err == HM_OK)
        warn_missing(s);
    return err;
}

const struct signer_key *signer_key_find(const struct signer *s, const struct hm_digest *id)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (hm_digest_eq(&s->keys[i].id, id))
            return &s->keys[i];
    return NULL;
}
