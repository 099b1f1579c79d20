/* Reading the configuration. Paths are relative to the configuration file's folder. */
#include "server/witness/witness_config.h"

#include "schema/core/hm_text.h"
#include "server/ipc/proc_config.h"
#include "server/ipc/proc_listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN_DEFAULT "127.0.0.1:8480"

/* A text of our own from a borrowed one; latches a memory error. */
static char *keep(struct hm_json_in *in, const char *member, const char *text)
{
    char *out = text != NULL ? strdup(text) : NULL;
    if (text != NULL && out == NULL)
        hm_json_bad(in, HM_E_MEMORY, member, "no memory");
    return out;
}

static void read_origin(struct hm_json_in *in, const char *member, char out[HM_ORIGIN_MAX + 1])
{
    const char *v = hm_json_str(in, member);
    if (v == NULL)
        return;
    if (!hm_origin_ok(v))
        hm_json_bad(in, HM_E_CONFIG, member,
                    "expected 1 to %d printable ASCII characters without space, \", \\, +, < and >",
                    HM_ORIGIN_MAX);
    else
        (void)snprintf(out, HM_ORIGIN_MAX + 1, "%s", v);
}

static void read_log_key(struct hm_json_in *in, const json_t *v, struct witness_log_config *log)
{
    struct hm_why inner = {"expected a text"};
    struct hm_vkey key;
    enum hm_err err = HM_E_CONFIG;
    if (json_is_string(v))
        err = hm_vkey_parse(hm_bytes_str(json_string_value(v)), &key, &inner);
    for (size_t i = 0; err == HM_OK && i < log->key_count; i++)
        if (hm_key_eq(&log->keys[i].key, &key.key))
            err = hm_fail(&inner, HM_E_CONFIG, "the same key stands twice");
    if (err != HM_OK)
        hm_json_bad(in, HM_E_CONFIG, "keys", "%s", inner.text);
    else
        log->keys[log->key_count++] = key;
}

static void read_log(struct hm_json_in *root, const json_t *v, size_t i, struct witness_config *c)
{
    struct hm_json_in in;
    char path[160];
    struct witness_log_config *log = &c->logs[i];
    hm_json_path(root, "logs", (long)i, path);
    hm_json_begin(&in, v, path, root->why);
    read_origin(&in, "origin", log->origin);
    for (size_t j = 0; in.err == HM_OK && j < i; j++)
        if (strcmp(c->logs[j].origin, log->origin) == 0)
            hm_json_bad(&in, HM_E_CONFIG, "origin", "this log stands twice");
    if (in.err == HM_OK && strcmp(log->origin, c->name) == 0)
        hm_json_bad(&in, HM_E_CONFIG, "origin", "the witness itself is called so");
    const json_t *keys = hm_json_array(&in, "keys", 1, WITNESS_LOG_KEYS_MAX);
    for (size_t j = 0; in.err == HM_OK && j < json_array_size(keys); j++)
        read_log_key(&in, json_array_get(keys, j), log);
    root->err = hm_json_end(&in);
    c->log_count = i + 1;
}

static void read_logs(struct hm_json_in *in, struct witness_config *c)
{
    const json_t *list = hm_json_array(in, "logs", 1, WITNESS_LOGS_MAX);
    c->logs = calloc(json_array_size(list) + 1, sizeof *c->logs);
    if (c->logs == NULL)
        hm_json_bad(in, HM_E_MEMORY, "logs", "no memory");
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(list); i++)
        read_log(in, json_array_get(list, i), i, c);
}

static void read_listen(struct hm_json_in *in, struct witness_config *c)
{
    const char *v = hm_json_str_or(in, "listen", LISTEN_DEFAULT);
    if (v != NULL && proc_listen_parse(v, NULL, NULL) != HM_OK)
        hm_json_bad(in, HM_E_CONFIG, "listen",
                    "expected \"ADDRESS:PORT\" with a numeric address, found \"%.80s\"", v);
    c->listen = keep(in, "listen", v);
}

static void read_tls(struct proc_config *f, struct witness_config *c)
{
    c->tls_certificate = proc_config_path_or_null(f, "tls_certificate");
    c->tls_key = proc_config_path_or_null(f, "tls_key");
    if (hm_json_has(&f->in, "tls_certificate") != hm_json_has(&f->in, "tls_key"))
        hm_json_bad(&f->in, HM_E_CONFIG,
                    hm_json_has(&f->in, "tls_key") ? "tls_key" : "tls_certificate",
                    "tls_certificate and tls_key go together");
}

static void read_members(struct proc_config *f, struct witness_config *c)
{
    struct hm_json_in *in = &f->in;
    read_listen(in, c);
    c->user = keep(in, "user", hm_json_str_or(in, "user", ""));
    read_origin(in, "name", c->name);
    c->key_file = proc_config_path(f, "key_file");
    c->state_dir = proc_config_path(f, "state_dir");
    c->port_file = proc_config_path_or_null(f, "port_file");
    read_tls(f, c);
    read_logs(in, c);
    c->max_connections = hm_json_uint_or(in, "max_connections", 1, 4096, 64);
    uint64_t half = c->max_connections > 1 ? c->max_connections / 2 : 1;
    c->max_connections_per_ip = hm_json_uint_or(in, "max_connections_per_ip", 1, 4096, half);
    c->request_timeout_s = hm_json_uint_or(in, "request_timeout_s", 1, 3600, 10);
    c->idle_timeout_s = hm_json_uint_or(in, "idle_timeout_s", 1, 3600, 60);
}

enum hm_err witness_config_read(const char *path, struct witness_config *out, struct hm_why *why)
{
    struct proc_config f;
    struct witness_config c = {.listen = NULL};
    enum hm_err err = proc_config_open(path, &f, why);
    if (err != HM_OK)
        return err;
    read_members(&f, &c);
    err = proc_config_end(&f);
    proc_config_close(&f);
    if (err != HM_OK) {
        witness_config_close(&c);
        return err;
    }
    *out = c;
    return HM_OK;
}

void witness_config_close(struct witness_config *c)
{
    if (c == NULL)
        return;
    free(c->listen);
    free(c->user);
    free(c->key_file);
    free(c->state_dir);
    free(c->port_file);
    free(c->tls_certificate);
    free(c->tls_key);
    free(c->logs);
    memset(c, 0, sizeof *c);
}
