/* Reading the configuration. Paths are relative to the configuration file's folder. */
#include "server/signer/signer_config.h"

#include "schema/core/hm_limits.h"
#include "schema/io/hm_file.h"
#include "schema/trust/hm_root.h"
#include "server/ipc/proc_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define TIMEOUT_MIN_MS 100
#define TIMEOUT_MAX_MS 600000
#define TOKEN_LABEL_MAX 32

/* A text of our own from a borrowed one; latches a memory error. */
static char *keep(struct hm_json_in *in, const char *member, const char *text)
{
    char *out = text != NULL ? strdup(text) : NULL;
    if (text != NULL && out == NULL)
        hm_json_bad(in, HM_E_MEMORY, member, "no memory");
    return out;
}

static char *read_text(struct hm_json_in *in, const char *member, size_t max)
{
    const char *v = hm_json_str(in, member);
    if (v != NULL && (v[0] == '\0' || strlen(v) > max)) {
        hm_json_bad(in, HM_E_CONFIG, member, "expected a text of 1 to %zu bytes", max);
        return NULL;
    }
    return keep(in, member, v);
}

static char *read_path_in(const struct proc_config *c, struct hm_json_in *in, const char *member)
{
    const char *v = hm_json_str(in, member);
    if (v == NULL)
        return NULL;
    char *out = v[0] != '\0' ? proc_config_resolve(c, v) : NULL;
    if (out == NULL)
        hm_json_bad(in, HM_E_CONFIG, member, "expected a path of 1 to 4095 bytes");
    return out;
}

static void read_log_token(struct proc_config *c, struct signer_config *s)
{
    struct hm_json_in in;
    const json_t *v = hm_json_object(&c->in, "log_token");
    if (v == NULL)
        return;
    hm_json_begin(&in, v, "$.log_token", c->why);
    s->log_token.label = read_text(&in, "label", TOKEN_LABEL_MAX);
    s->log_token.pin_file = read_path_in(c, &in, "pin_file");
    s->log_key_label = read_text(&in, "key_label", HM_NAME_MAX);
    c->in.err = hm_json_end(&in);
}

static bool label_taken(const struct signer_config *s, const char *label)
{
    if (s->log_token.label != NULL && strcmp(s->log_token.label, label) == 0)
        return true;
    for (size_t i = 0; i < s->release_token_count; i++)
        if (strcmp(s->release_tokens[i].label, label) == 0)
            return true;
    return false;
}

static void read_release_tokens(struct proc_config *c, struct signer_config *s)
{
    const json_t *list = hm_json_array(&c->in, "release_tokens", 1, SIGNER_RELEASE_TOKENS_MAX);
    for (size_t i = 0; i < json_array_size(list) && c->in.err == HM_OK; i++) {
        struct hm_json_in in;
        char path[160];
        hm_json_path(&c->in, "release_tokens", (long)i, path);
        hm_json_begin(&in, json_array_get(list, i), path, c->why);
        struct signer_token t = {read_text(&in, "label", TOKEN_LABEL_MAX), NULL};
        t.pin_file = read_path_in(c, &in, "pin_file");
        if (in.err == HM_OK && label_taken(s, t.label))
            hm_json_bad(&in, HM_E_CONFIG, "label",
                        "this token stands twice; the log key needs a token of its own");
        c->in.err = hm_json_end(&in);
        if (c->in.err != HM_OK) {
            free(t.label);
            free(t.pin_file);
            return;
        }
        s->release_tokens[s->release_token_count++] = t;
    }
}

/* The ceremony's root-keys.json beside the configuration, or the same object written into it. */
static void read_root_file(struct proc_config *c, const char *name, struct signer_config *s)
{
    HM_FREE char *path = proc_config_resolve(c, name);
    HM_BUF_AUTO text = {.limit = HM_CONFIG_MAX};
    HM_JSON_AUTO *doc = NULL;
    struct hm_why inner = {""};
    enum hm_err err = path == NULL ? hm_fail(&inner, HM_E_CONFIG, "expected a path")
                                   : hm_file_read(path, HM_CONFIG_MAX, &text, &inner);
    if (err == HM_OK)
        err = hm_json_parse(hm_buf_bytes(&text), HM_JSON_OURS(HM_CONFIG_MAX), &doc, &inner);
    if (err == HM_OK)
        err = hm_root_read(doc, "$", &s->root, &inner);
    if (err != HM_OK)
        hm_json_bad(&c->in, HM_E_CONFIG, "root_keys", "%s: %s", name, inner.text);
}

static void read_root(struct proc_config *c, struct signer_config *s)
{
    const json_t *v = hm_json_any(&c->in, "root_keys");
    if (v == NULL)
        return;
    if (json_is_string(v))
        read_root_file(c, json_string_value(v), s);
    else
        c->in.err = hm_root_read(v, "$.root_keys", &s->root, c->why);
}

static void read_members(struct proc_config *c, struct signer_config *s)
{
    struct hm_json_in *in = &c->in;
    s->socket = proc_config_path(c, "socket");
    s->user = keep(in, "user", hm_json_str_or(in, "user", ""));
    s->peer_user = keep(in, "peer_user", hm_json_str_or(in, "peer_user", ""));
    s->state_dir = proc_config_path(c, "state_dir");
    s->guards = proc_config_path(c, "guards");
    read_root(c, s);
    s->pkcs11_module = proc_config_path(c, "pkcs11_module");
    s->pkcs11_network = hm_json_bool_or(in, "pkcs11_network", false);
    read_log_token(c, s);
    read_release_tokens(c, s);
    s->sign_timeout_ms = (int64_t)hm_json_uint_or(in, "sign_timeout_ms", TIMEOUT_MIN_MS,
                                                  TIMEOUT_MAX_MS, TIMEOUT_DEFAULT_MS);
}

enum hm_err signer_config_read(const char *path, struct signer_config *out, struct hm_why *why)
{
    struct proc_config c;
    struct signer_config s = {.socket = NULL};
    enum hm_err err = proc_config_open(path, &c, why);
    if (err != HM_OK)
        return err;
    read_members(&c, &s);
    err = proc_config_end(&c);
    proc_config_close(&c);
    if (err != HM_OK) {
        signer_config_close(&s);
        return err;
    }
    *out = s;
    return HM_OK;
}

void signer_config_close(struct signer_config *c)
{
    if (c == NULL)
        return;
    free(c->socket);
    free(c->user);
    free(c->peer_user);
    free(c->state_dir);
    free(c->guards);
    free(c->pkcs11_module);
    free(c->log_token.label);
    free(c->log_token.pin_file);
    free(c->log_key_label);
    for (size_t i = 0; i < c->release_token_count; i++) {
        free(c->release_tokens[i].label);
        free(c->release_tokens[i].pin_file);
    }
    memset(c, 0, sizeof *c);
}
