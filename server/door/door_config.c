#include "server/door/door_config_priv.h"

#include "schema/core/hm_limits.h"
#include "server/ipc/proc_listen.h"

#include <stdlib.h>
#include <string.h>

#define GIB (UINT64_C(1) << 30)

char *door_config_copy(struct proc_config *f, const char *member, const char *value)
{
    char *out = value != NULL ? strdup(value) : NULL;
    if (out == NULL && value != NULL)
        hm_json_bad(&f->in, HM_E_MEMORY, member, "no memory");
    return out;
}

static void read_paths(struct proc_config *f, struct door_config *c)
{
    c->registrar_socket = proc_config_path(f, "registrar_socket");
    c->inbox_dir = proc_config_path(f, "inbox_dir");
    c->query_db = proc_config_path(f, "query_db");
    c->tls_certificate = proc_config_path(f, "tls_certificate");
    c->tls_key = proc_config_path(f, "tls_key");
    c->client_ca = proc_config_path(f, "client_ca");
    c->client_crl = proc_config_path_or_null(f, "client_crl");
    c->port_file = proc_config_path_or_null(f, "port_file");
}

static void read_numbers(struct hm_json_in *in, struct door_config *c)
{
    c->max_connections = hm_json_uint_or(in, "max_connections", 1, 65536, 256);
    uint64_t half = c->max_connections > 1 ? c->max_connections / 2 : 1;
    c->max_connections_per_ip = hm_json_uint_or(in, "max_connections_per_ip", 1, 65536, half);
    c->idle_timeout_s = hm_json_uint_or(in, "idle_timeout_s", 1, 3600, 60);
    c->upload_idle_timeout_s = hm_json_uint_or(in, "upload_idle_timeout_s", 1, 3600, 30);
    c->max_artifact_bytes =
        hm_json_uint_or(in, "max_artifact_bytes", 1, HM_ARTIFACT_MAX, HM_ARTIFACT_MAX);
    c->registrar_timeout_ms = hm_json_uint_or(in, "registrar_timeout_ms", 10, 600000, 30000);
    c->inbox_quota_bytes = hm_json_uint_or(in, "inbox_quota_bytes", 1, UINT64_C(1) << 50, 64 * GIB);
    c->inbox_ttl_s = hm_json_uint_or(in, "inbox_ttl_s", 60, 31536000, 86400);
    c->follow_max_s = hm_json_uint_or(in, "follow_max_s", 1, 86400, 900);
    c->requests_per_minute = hm_json_uint_or(in, "requests_per_minute", 1, 100000000, 600000);
    c->public_log = hm_json_bool_or(in, "public_log", false);
    c->public_requests_per_minute =
        hm_json_uint_or(in, "public_requests_per_minute", 1, 100000000, 6000);
}

enum hm_err door_config_read(const char *path, struct door_config *out, struct hm_why *why)
{
    struct proc_config f;
    struct door_config c = {0};
    enum hm_err err = proc_config_open(path, &f, why);
    if (err != HM_OK)
        return err;
    const char *listen = hm_json_str(&f.in, "listen");
    if (listen != NULL && proc_listen_parse(listen, NULL, NULL) != HM_OK)
        hm_json_bad(&f.in, HM_E_CONFIG, "listen",
                    "expected \"ADDRESS:PORT\" with a numeric address, found \"%.80s\"", listen);
    c.listen = door_config_copy(&f, "listen", listen);
    c.user = door_config_copy(&f, "user", hm_json_str_or(&f.in, "user", NULL));
    read_paths(&f, &c);
    read_numbers(&f.in, &c);
    door_config_read_out(&f, &c);
    door_config_read_alerts(&f, &c);
    err = proc_config_end(&f);
    proc_config_close(&f);
    if (err != HM_OK) {
        door_config_free(&c);
        return err;
    }
    *out = c;
    return HM_OK;
}

void door_config_free(struct door_config *c)
{
    if (c == NULL)
        return;
    free(c->listen);
    free(c->user);
    free(c->registrar_socket);
    free(c->inbox_dir);
    free(c->query_db);
    free(c->tls_certificate);
    free(c->tls_key);
    free(c->client_ca);
    free(c->client_crl);
    free(c->port_file);
    door_config_free_out(c);
    memset(c, 0, sizeof *c);
}
