/* Opening and closing: configuration in, module, tokens, keys and libp11's side up. */
#include "hsm/hsm_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text, bool *ok)
{
    char *out = strdup(text);
    *ok = *ok && out != NULL;
    return out;
}

static enum hm_err check_config(const struct hsm_config *c, struct hm_why *why)
{
    if (c->token_count == 0 || c->token_count > HSM_TOKENS_MAX)
        return hm_fail(why, HM_E_CONFIG, "expected 1 to %d tokens, found %zu", HSM_TOKENS_MAX,
                       c->token_count);
    for (size_t i = 0; i < c->token_count; i++) {
        if (strlen(c->tokens[i].label) > 32 || c->tokens[i].label[0] == '\0')
            return hm_fail(why, HM_E_CONFIG, "token label \"%s\": expected 1 to 32 bytes",
                           c->tokens[i].label);
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->tokens[i].label, c->tokens[j].label) == 0)
                return hm_fail(why, HM_E_CONFIG, "token \"%s\" is named twice", c->tokens[i].label);
    }
    return HM_OK;
}

static enum hm_err copy_config(struct hsm *h, const struct hsm_config *c, struct hm_why *why)
{
    bool ok = true;
    h->module_path = copy(c->module, &ok);
    h->state_dir = copy(c->state_dir, &ok);
    h->attended = c->attended;
    h->read_write = c->read_write;
    h->notice = c->notice;
    h->notice_ctx = c->notice_ctx;
    for (size_t i = 0; i < c->token_count; i++) {
        h->tokens[i].label = copy(c->tokens[i].label, &ok);
        h->tokens[i].pin_file = copy(c->tokens[i].pin_file, &ok);
    }
    return ok ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory for tokens");
}

static enum hm_err make_locks(struct hsm *h, size_t tokens, struct hm_why *why)
{
    if (pthread_rwlock_init(&h->gate, NULL) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot make a lock");
    for (; h->token_count < tokens; h->token_count++)
        if (pthread_mutex_init(&h->tokens[h->token_count].lock, NULL) != 0)
            return hm_fail(why, HM_E_INTERNAL, "cannot make a lock");
    return HM_OK;
}

/* A token that does not come back takes its own keys away, and no other's. */
static void leave_out(struct hsm *h, size_t token, const struct hm_why *why)
{
    struct hsm_token *t = &h->tokens[token];
    char line[HM_WHY_MAX + 64];
    (void)snprintf(line, sizeof line, "the others go on without it: %s", why->text);
    if (h->notice != NULL)
        h->notice(h->notice_ctx, line);
    for (size_t i = 0; i < h->key_count; i++)
        if (h->keys[i].info.token == token)
            h->keys[i].present = false;
    if (t->open)
        (void)h->m.f->C_CloseSession(t->session);
    t->open = false;
    t->away = true;
}

static enum hm_err open_token(struct hsm *h, size_t token, struct hm_why *why)
{
    enum hm_err err = hsm_token_open(h, &h->tokens[token], why);
    return err == HM_OK ? hsm_keys_read(h, token, why) : err;
}

/* The first time, all that the configuration names must be there; later the first one must, which
 * holds the log's key where there is one. */
enum hm_err hsm_load(struct hsm *h, struct hm_why *why)
{
    for (size_t i = 0; i < h->key_count; i++)
        h->keys[i].present = false;
    enum hm_err err = hsm_module_load(h, why);
    for (size_t i = 0; i < h->token_count && err == HM_OK; i++) {
        h->tokens[i].away = false;
        err = open_token(h, i, why);
        if (err != HM_OK && h->keys_known && i > 0) {
            leave_out(h, i, why);
            err = HM_OK;
        }
    }
    if (err == HM_OK)
        err = hsm_p256_open(h, why);
    if (err == HM_OK)
        h->keys_known = true;
    return err;
}

void hsm_unload(struct hsm *h)
{
    hsm_p256_close(h);
    for (size_t i = 0; i < h->token_count; i++) {
        if (h->tokens[i].open && h->m.f != NULL)
            (void)h->m.f->C_CloseSession(h->tokens[i].session);
        h->tokens[i].open = false;
    }
    hsm_module_unload(h);
}

enum hm_err hsm_open(const struct hsm_config *c, struct hsm **out, struct hm_why *why)
{
    enum hm_err err = check_config(c, why);
    if (err != HM_OK)
        return err;
    struct hsm *h = calloc(1, sizeof *h);
    if (h == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for tokens");
    err = make_locks(h, c->token_count, why);
    if (err == HM_OK)
        err = copy_config(h, c, why);
    if (err == HM_OK)
        err = hsm_load(h, why);
    if (err != HM_OK) {
        hsm_close(h);
        return err;
    }
    *out = h;
    return HM_OK;
}

void hsm_close(struct hsm *h)
{
    if (h == NULL)
        return;
    hsm_unload(h);
    for (size_t i = 0; i < h->token_count; i++) {
        (void)pthread_mutex_destroy(&h->tokens[i].lock);
        free(h->tokens[i].label);
        free(h->tokens[i].pin_file);
    }
    (void)pthread_rwlock_destroy(&h->gate);
    free(h->module_path);
    free(h->state_dir);
    free(h);
}

const char *hsm_token_serial(const struct hsm *h, size_t token)
{
    return h->tokens[token].serial;
}

size_t hsm_key_count(const struct hsm *h)
{
    return h->key_count;
}

const struct hsm_key_info *hsm_key_at(const struct hsm *h, size_t index)
{
    return &h->keys[index].info;
}

enum hm_err hsm_key_find(const struct hsm *h, size_t token, const char *label, size_t *index,
                         struct hm_why *why)
{
    size_t found = 0;
    size_t at = 0;
    for (size_t i = 0; i < h->key_count; i++)
        if (h->keys[i].info.token == token && strcmp(h->keys[i].info.label, label) == 0) {
            at = i;
            found++;
        }
    if (found == 0)
        return hm_fail(why, HM_E_NOT_FOUND, "token \"%s\" holds no key \"%s\"",
                       h->tokens[token].label, label);
    if (found > 1)
        return hm_fail(why, HM_E_CONFLICT, "token \"%s\" holds %zu keys \"%s\"",
                       h->tokens[token].label, found, label);
    if (h->keys[at].info.refused[0] != '\0')
        return hm_fail(why, HM_E_TOKEN,
                       "token \"%s\": key \"%s\" is refused: %s; generate a new "
                       "one with hallmark-ceremony",
                       h->tokens[token].label, label, h->keys[at].info.refused);
    *index = at;
    return HM_OK;
}
