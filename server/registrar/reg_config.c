#include "server/registrar/reg_config.h"

#include "schema/trust/hm_root.h"
#include "server/registrar/reg_config_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_store(struct proc_config *c, const json_t *item, size_t i, struct reg_config *out)
{
    char path[160];
    struct hm_json_in in;
    hm_json_path(&c->in, "trust_stores", (long)i, path);
    hm_json_begin(&in, item, path, c->why);
    const char *environment = hm_json_name(&in, "environment");
    const char *file = hm_json_str(&in, "file");
    if (file != NULL && file[0] == '\0')
        hm_json_bad(&in, HM_E_CONFIG, "file", "expected a path");
    for (size_t k = 0; environment != NULL && k < i; k++)
        if (strcmp(out->trust_stores[k].environment, environment) == 0)
            hm_json_bad(&in, HM_E_CONFIG, "environment", "expected each environment once");
    if (environment != NULL && file != NULL) {
        (void)snprintf(out->trust_stores[i].environment, sizeof out->trust_stores[i].environment,
                       "%s", environment);
        out->trust_stores[i].file = proc_config_resolve(c, file);
        out->trust_store_count = i + 1;
    }
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK && c->in.err == HM_OK)
        c->in.err = err;
}

static void read_stores(struct proc_config *c, struct reg_config *out)
{
    const json_t *list = hm_json_array(&c->in, "trust_stores", 1, HM_TRUST_STORES_MAX);
    for (size_t i = 0; list != NULL && i < json_array_size(list); i++)
        read_store(c, json_array_get(list, i), i, out);
}

static void read_root(struct proc_config *c, struct hm_root *root)
{
    const json_t *v = hm_json_object(&c->in, "root_keys");
    if (v == NULL || c->in.err != HM_OK)
        return;
    c->in.err = hm_root_read(v, "$.root_keys", root, c->why);
}

static char *copy_or_null(struct proc_config *c, const char *member)
{
    const char *v = hm_json_str_or(&c->in, member, NULL);
    return v != NULL ? strdup(v) : NULL;
}

enum hm_err reg_config_load(const char *path, struct reg_config *out, struct hm_why *why)
{
    struct proc_config c;
    enum hm_err err = proc_config_open(path, &c, why);
    if (err != HM_OK)
        return err;
    memset(out, 0, sizeof *out);
    out->socket = proc_config_path(&c, "socket");
    out->user = copy_or_null(&c, "user");
    out->peer_user = copy_or_null(&c, "peer_user");
    out->signer_socket = proc_config_path(&c, "signer_socket");
    out->database = proc_config_path(&c, "database");
    out->artifact_dir = proc_config_path(&c, "artifact_dir");
    out->policy = proc_config_path(&c, "policy");
    out->genesis = proc_config_path(&c, "genesis");
    out->guards = proc_config_path(&c, "guards");
    out->client_ca = proc_config_path_or_null(&c, "client_ca");
    out->client_crl = proc_config_path_or_null(&c, "client_crl");
    if (out->client_crl != NULL && out->client_ca == NULL)
        hm_json_bad(&c.in, HM_E_CONFIG, "client_crl", "expected client_ca beside it");
    out->signer_timeout_ms = hm_json_uint_or(&c.in, "signer_timeout_ms", 100, 600000, 10000);
    out->max_clock_jump_s = hm_json_uint_or(&c.in, "max_clock_jump_s", 1, 86400, 300);
    out->refusals_per_minute = hm_json_uint_or(&c.in, "refusals_per_minute", 1, 100000, 60);
    out->max_connections = hm_json_uint_or(&c.in, "max_connections", 1, 4096, 512);
    read_stores(&c, out);
    reg_config_read_oidc(&c, out);
    reg_config_read_keep(&c, out);
    read_root(&c, &out->root);
    err = proc_config_end(&c);
    proc_config_close(&c);
    if (err != HM_OK)
        reg_config_free(out);
    return err;
}

void reg_config_free(struct reg_config *c)
{
    if (c == NULL)
        return;
    char *texts[] = {c->socket,   c->user,         c->peer_user, c->signer_socket,
                     c->database, c->artifact_dir, c->policy,    c->genesis,
                     c->guards,   c->client_ca,    c->client_crl};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        free(texts[i]);
    for (size_t i = 0; i < HM_TRUST_STORES_MAX; i++)
        free(c->trust_stores[i].file);
    reg_config_free_oidc(c);
    reg_config_free_keep(c);
    memset(c, 0, sizeof *c);
}
