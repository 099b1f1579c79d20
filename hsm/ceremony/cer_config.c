/* The frame of ceremony.json: names, tokens, root and log. */
#include "hsm/ceremony/cer_config_priv.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_LABEL_MAX 32
#define DOMAIN_MAX 253

static void copy_name(cer_name out, const char *text)
{
    (void)snprintf(out, HM_NAME_MAX + 1, "%s", text);
}

void cer_read_name(struct hm_json_in *in, const char *member, cer_name out)
{
    const char *v = hm_json_name(in, member);
    if (v != NULL)
        copy_name(out, v);
}

void cer_read_environment(struct hm_json_in *in, const char *member, cer_name out)
{
    const char *v = hm_json_str(in, member);
    if (v == NULL)
        return;
    if (hm_environment(v) == NULL)
        hm_json_bad(in, HM_E_CONFIG, member, "expected development, staging or production");
    else
        copy_name(out, v);
}

static bool has_name(const struct cer_names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->name[i], name) == 0)
            return true;
    return false;
}

void cer_read_names(struct hm_json_in *in, const char *member, size_t max, struct cer_names *out)
{
    const json_t *list = hm_json_array(in, member, 1, max);
    if (list == NULL)
        return;
    out->name = calloc(json_array_size(list), sizeof *out->name);
    if (out->name == NULL)
        hm_json_bad(in, HM_E_MEMORY, member, "no memory");
    for (size_t i = 0; i < json_array_size(list) && in->err == HM_OK; i++) {
        const char *v = json_string_value(json_array_get(list, i));
        if (v == NULL || !hm_name_ok(v))
            hm_json_bad(in, HM_E_CONFIG, member, "element %zu: expected a name", i);
        else if (has_name(out, v))
            hm_json_bad(in, HM_E_CONFIG, member, "\"%s\" stands twice", v);
        else
            copy_name(out->name[out->count++], v);
    }
}

uint64_t cer_read_time_or(struct hm_json_in *in, const char *member, uint64_t dflt)
{
    const char *v = hm_json_str_or(in, member, NULL);
    int64_t s = 0;
    if (v == NULL)
        return dflt;
    if (hm_time_parse(hm_bytes_str(v), &s) != HM_OK)
        hm_json_bad(in, HM_E_CONFIG, member, "expected a time like 2026-11-21T00:00:00Z");
    return (uint64_t)s;
}

static char *resolve(const struct cer_reader *r, const char *value)
{
    const char *slash = strrchr(r->file, '/');
    HM_BUF_AUTO b = {.limit = 4096};
    if (value[0] != '/' && slash != NULL)
        hm_buf_put(&b, r->file, (size_t)(slash - r->file) + 1);
    hm_buf_puts(&b, value);
    const char *text = hm_buf_str(&b);
    return text != NULL ? strdup(text) : NULL;
}

static char *read_path(const struct cer_reader *r, struct hm_json_in *in, const char *member)
{
    const char *v = hm_json_str(in, member);
    char *out = v != NULL && v[0] != '\0' ? resolve(r, v) : NULL;
    if (v != NULL && out == NULL)
        hm_json_bad(in, HM_E_CONFIG, member, "expected a path of 1 to 4095 bytes");
    return out;
}

/* A token may hold several release keys; it is named with one PIN file throughout. */
static void read_token(struct cer_reader *r, struct hm_json_in *in, size_t *token)
{
    struct cer_config *c = r->c;
    const char *label = hm_json_str(in, "label");
    HM_FREE char *pin_file = read_path(r, in, "pin_file");
    if (in->err != HM_OK)
        return;
    if (label[0] == '\0' || strlen(label) > TOKEN_LABEL_MAX) {
        hm_json_bad(in, HM_E_CONFIG, "label", "expected 1 to %d bytes", TOKEN_LABEL_MAX);
        return;
    }
    for (*token = 0; *token < c->token_count; (*token)++)
        if (strcmp(c->tokens[*token].label, label) == 0)
            break;
    if (*token < c->token_count) {
        if (strcmp(c->tokens[*token].pin_file, pin_file) != 0)
            hm_json_bad(in, HM_E_CONFIG, "pin_file", "token \"%s\" has another PIN file above",
                        label);
        return;
    }
    if (c->token_count == HSM_TOKENS_MAX) {
        hm_json_bad(in, HM_E_LIMIT, "label", "more than %d tokens", HSM_TOKENS_MAX);
        return;
    }
    c->tokens[c->token_count].label = strdup(label);
    c->tokens[c->token_count].pin_file = pin_file;
    pin_file = NULL;
    if (c->tokens[c->token_count++].label == NULL)
        hm_json_bad(in, HM_E_MEMORY, "label", "no memory");
}

static bool place_taken(const struct cer_config *c, const struct cer_place *p)
{
    for (size_t i = 0; i < c->root_count; i++)
        if (strcmp(c->root[i].file, p->file) == 0 ||
            (c->root[i].token == p->token && strcmp(c->root[i].key_label, p->key_label) == 0))
            return true;
    for (size_t i = 0; i < c->release_count; i++)
        if (strcmp(c->release[i].place.file, p->file) == 0 ||
            (c->release[i].place.token == p->token &&
             strcmp(c->release[i].place.key_label, p->key_label) == 0))
            return true;
    return false;
}

void cer_read_place(struct cer_reader *r, struct hm_json_in *in, const char *default_file,
                    struct cer_place *out)
{
    char file[HM_NAME_MAX + 8] = "";
    read_token(r, in, &out->token);
    cer_read_name(in, "key_label", out->key_label);
    if (in->err != HM_OK)
        return;
    (void)snprintf(file, sizeof file, "%s.pem", out->key_label);
    const char *v = hm_json_str_or(in, "file", default_file != NULL ? default_file : file);
    if (v != NULL && !hm_name_ok(v))
        hm_json_bad(in, HM_E_CONFIG, "file", "expected a plain file name");
    if (in->err != HM_OK)
        return;
    (void)snprintf(out->file, sizeof out->file, "%s", v);
    if (place_taken(r->c, out))
        hm_json_bad(in, HM_E_CONFIG, "key_label", "this key or its file is named twice");
}

static void read_root_token(struct cer_reader *r, const struct hm_json_in *at, const json_t *v,
                            size_t i)
{
    struct hm_json_in in;
    char path[160];
    char file[32];
    struct cer_place p = {.token = 0};
    hm_json_path(at, "tokens", (long)i, path);
    hm_json_begin(&in, v, path, r->root->why);
    (void)snprintf(file, sizeof file, i == 0 ? "root.pem" : "root-%zu.pem", i + 1);
    cer_read_place(r, &in, file, &p);
    for (size_t k = 0; in.err == HM_OK && k < r->c->root_count; k++)
        if (r->c->root[k].token == p.token)
            hm_json_bad(&in, HM_E_CONFIG, "label", "each root key needs a token of its own");
    r->root->err = hm_json_end(&in);
    if (r->root->err == HM_OK)
        r->c->root[r->c->root_count++] = p;
}

static void read_root(struct cer_reader *r)
{
    struct hm_json_in in;
    const json_t *v = hm_json_object(r->root, "root");
    if (v == NULL)
        return;
    hm_json_begin(&in, v, "$.root", r->root->why);
    const json_t *list = hm_json_array(&in, "tokens", 1, HM_ROOT_KEYS_MAX);
    r->c->root_threshold = (size_t)hm_json_uint(&in, "threshold", 1, HM_ROOT_KEYS_MAX);
    if (in.err == HM_OK && r->c->root_threshold > json_array_size(list))
        hm_json_bad(&in, HM_E_CONFIG, "threshold", "expected at most the number of tokens, %zu",
                    json_array_size(list));
    r->root->err = hm_json_end(&in);
    for (size_t i = 0; r->root->err == HM_OK && i < json_array_size(list); i++)
        read_root_token(r, &in, json_array_get(list, i), i);
}

static void read_log(struct cer_reader *r)
{
    struct hm_json_in in;
    const json_t *v = hm_json_object(r->root, "log");
    if (v == NULL)
        return;
    size_t before = r->c->token_count;
    hm_json_begin(&in, v, "$.log", r->root->why);
    cer_read_place(r, &in, "log.vkey", &r->c->log);
    if (in.err == HM_OK && r->c->log.token < before)
        hm_json_bad(&in, HM_E_CONFIG, "label", "the log key needs a token of its own");
    r->root->err = hm_json_end(&in);
}

static bool domain_ok(const char *s)
{
    size_t len = strlen(s);
    if (len == 0 || len > DOMAIN_MAX || s[0] == '.' || s[len - 1] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '-' ||
              (s[i] == '.' && s[i + 1] != '.')))
            return false;
    return true;
}

static void read_names(struct cer_reader *r)
{
    struct cer_config *c = r->c;
    const char *origin = hm_json_str(r->root, "origin");
    if (origin != NULL && !hm_origin_ok(origin))
        hm_json_bad(r->root, HM_E_CONFIG, "origin",
                    "expected 1 to %d printable characters without blanks and +", HM_ORIGIN_MAX);
    else if (origin != NULL)
        (void)snprintf(c->origin, sizeof c->origin, "%s", origin);
    const char *domain = hm_json_str(r->root, "vendor_domain");
    if (domain != NULL && !domain_ok(domain))
        hm_json_bad(r->root, HM_E_CONFIG, "vendor_domain", "expected a domain name in lower case");
    else if (domain != NULL)
        c->vendor_domain = strdup(domain);
    c->module = read_path(r, r->root, "pkcs11_module");
    c->guards_serial = hm_json_uint_or(r->root, "guards_serial", 1, HM_NUMBER_MAX, 0);
    if (hm_json_has(r->root, "policy"))
        c->policy = read_path(r, r->root, "policy");
}

static enum hm_err read_document(struct cer_config *c, const char *path, struct hm_bytes text,
                                 const json_t *doc, uint64_t now_s, struct hm_why *why)
{
    struct hm_json_in in;
    struct cer_reader r = {c, &in, path};
    hm_json_begin(&in, doc, "$", why);
    read_names(&r);
    read_root(&r);
    read_log(&r);
    cer_read_release_keys(&r);
    cer_read_stores(&r, now_s);
    if (hm_json_end(&in) == HM_OK && c->vendor_domain != NULL)
        return HM_OK;
    hm_json_locate(why, path, text);
    return HM_E_CONFIG;
}

enum hm_err cer_config_read(const char *path, uint64_t now_s, struct cer_config *out,
                            struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_CONFIG_MAX};
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_file_read(path, HM_CONFIG_MAX, &text, why);
    if (err != HM_OK)
        return err;
    err = hm_json_parse(hm_buf_bytes(&text), HM_JSON_OURS(HM_CONFIG_MAX), &doc, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_CONFIG, "%s", path);
    memset(out, 0, sizeof *out);
    err = read_document(out, path, hm_buf_bytes(&text), doc, now_s, why);
    if (err != HM_OK)
        cer_config_close(out);
    return err;
}

static void free_release(struct cer_release_key *k)
{
    free(k->products.name);
    free(k->channels.name);
    free(k->approvers);
    free(k->roster);
}

static void free_store(struct cer_store *s)
{
    for (size_t i = 0; i < s->hardware_count; i++) {
        free(s->hardware[i].models.name);
        free(s->hardware[i].revisions.name);
        free(s->hardware[i].regions.name);
    }
    free(s->hardware);
    free(s->floors);
}

void cer_config_close(struct cer_config *c)
{
    if (c == NULL)
        return;
    free(c->vendor_domain);
    free(c->module);
    free(c->policy);
    for (size_t i = 0; i < c->token_count; i++) {
        free(c->tokens[i].label);
        free(c->tokens[i].pin_file);
    }
    for (size_t i = 0; i < CER_RELEASE_KEYS_MAX; i++)
        free_release(&c->release[i]);
    for (size_t i = 0; i < HM_TRUST_STORES_MAX; i++)
        free_store(&c->stores[i]);
    memset(c, 0, sizeof *c);
}
