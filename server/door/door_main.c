/* hallmarkd: the HTTPS door of Hallmark. It decides nothing; see docs/formats/http.md. Exit codes:
 * 0 ended on request, 1 failed, 2 wrong usage, 78 configuration. */
#include "server/door/door_alerts.h"
#include "server/door/door_conn.h"
#include "server/door/door_gate.h"
#include "server/door/door_health.h"
#include "server/door/door_hooks.h"
#include "server/door/door_http.h"
#include "server/door/door_inbox.h"
#include "server/ipc/proc_listen.h"
#include "server/door/door_metrics.h"
#include "server/door/door_model.h"
#include "server/door/door_out.h"
#include "server/door/door_people.h"
#include "server/door/door_visitors.h"
#include "server/door/door_witness.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_sandbox.h"
#include "server/ipc/proc_signal.h"
#include "server/ipc/proc_user.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_CONFIG 78       /* sysexits.h: a restart will not help */
#define IDLE_TO_REGISTRAR 64 /* connections kept open */
#define LARGE_BODIES 4       /* of up to 12 MiB in memory at once */
#define LONG_POLLS 64
#define STREAMS_MAX 64
#define STREAMS_END_MS 1000 /* for them to say that they end */
#define TICK_MS 1000
#define EXPIRE_EVERY_MS INT64_C(600000)
#define TLS_FILE_MAX ((size_t)1024 * 1024)
#define ARENAS 2 /* of malloc: hundreds of threads, little memory */

static const char usage[] = "usage: hallmarkd --config FILE [--check-config]\n"
                            "       hallmarkd --version | --help\n"
                            "\n"
                            "Serves the HTTP interface of Hallmark. The configuration is described "
                            "in\nschema/door-config.schema.json.\n"
                            "\n"
                            "Exit codes: 0 ended on request, 1 failed, 2 wrong usage, 78 the "
                            "configuration is\nwrong or missing.\n";

struct options {
    const char *config;
    bool check_only;
};

/* -1: go on; else the exit code. */
static int parse_options(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-config", no_argument, NULL, 'k'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "c:h", known, NULL)) != -1;) {
        if (c == 'c') {
            o->config = optarg;
        } else if (c == 'k') {
            o->check_only = true;
        } else if (c == 'v') {
            (void)printf("hallmarkd %s\n", HALLMARK_VERSION);
            return 0;
        } else {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
        }
    }
    if (optind == argc && o->config != NULL)
        return -1;
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}

struct parts {
    struct door door;
    int stop_fd;
    int listen_fd;
    struct hm_buf certificate, key, client_ca;
    struct door_http *http;
};

static void close_parts(struct parts *p)
{
    struct door *d = &p->door;
    if (d->model != NULL)
        door_model_wake(d->model);
    /* Streams say that they end; then connections are cut. */
    if (p->http != NULL)
        door_gate_empty(d->streams, STREAMS_END_MS);
    door_http_stop(p->http);
    door_hooks_stop(d->hooks);
    door_witnesses_stop(d->witnesses);
    door_alerts_stop(d->alerts);
    ident_crl_close(d->crl);
    door_model_stop(d->model);
    ipc_pool_close(d->registrar);
    door_inbox_close(d->inbox);
    door_people_free(d->people);
    door_visitors_free(d->visitors);
    door_metrics_free(d->metrics);
    door_conns_free(d->conns);
    door_gate_free(d->bodies);
    door_gate_free(d->waits);
    door_gate_free(d->streams);
    door_health_free(d->health);
    hm_close_fd(&p->listen_fd);
    hm_close_fd(&p->stop_fd);
    hm_buf_free(&p->certificate);
    hm_buf_wipe(&p->key);
    hm_buf_free(&p->client_ca);
}

/* Streams hold their connections: a quarter of all may. */
static unsigned streams_of(const struct door_config *c)
{
    uint64_t n = c->max_connections / 4;
    if (n == 0)
        return 1;
    return n < STREAMS_MAX ? (unsigned)n : STREAMS_MAX;
}

static enum hm_err open_memory(struct parts *p, const struct door_config *c, struct hm_why *why)
{
    struct door *d = &p->door;
    d->config = c;
    d->people = door_people_new(c->requests_per_minute);
    d->visitors = door_visitors_new(c->public_requests_per_minute);
    d->metrics = door_metrics_new();
    d->conns = door_conns_new((size_t)c->max_connections + 16);
    d->bodies = door_gate_new(LARGE_BODIES);
    d->waits = door_gate_new(LONG_POLLS);
    d->streams = door_gate_new(streams_of(c));
    d->health = door_health_new();
    if (d->people == NULL || d->visitors == NULL || d->metrics == NULL || d->conns == NULL ||
        d->bodies == NULL || d->waits == NULL || d->streams == NULL || d->health == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    return HM_OK;
}

static enum hm_err open_files(struct parts *p, const struct door_config *c, struct hm_why *why)
{
    enum hm_err err = hm_file_read(c->tls_certificate, TLS_FILE_MAX, &p->certificate, why);
    if (err == HM_OK)
        err = hm_file_read(c->tls_key, TLS_FILE_MAX, &p->key, why);
    if (err == HM_OK)
        err = hm_file_read(c->client_ca, TLS_FILE_MAX, &p->client_ca, why);
    if (err == HM_OK && (hm_buf_str(&p->certificate) == NULL || hm_buf_str(&p->key) == NULL ||
                         hm_buf_str(&p->client_ca) == NULL))
        err = hm_fail(why, HM_E_MEMORY, "no memory for the TLS files");
    if (err == HM_OK && c->client_crl != NULL)
        err = ident_crl_open(DOOR_PROGRAM, c->client_crl, hm_buf_bytes(&p->client_ca), &p->door.crl,
                             why);
    if (err == HM_OK)
        err = door_inbox_open(c->inbox_dir, c->inbox_quota_bytes, &p->door.inbox, why);
    if (err == HM_OK)
        err = ipc_pool_open(c->registrar_socket, IDLE_TO_REGISTRAR, &p->door.registrar, why);
    return err;
}

static enum hm_err open_network(struct parts *p, const struct door_config *c, struct hm_why *why)
{
    uint16_t port = 0;
    char text[16];
    enum hm_err err = proc_listen_open(c->listen, &p->listen_fd, &port, why);
    if (err == HM_OK)
        proc_log(DOOR_PROGRAM, PROC_INFO, "listens on %s, port %u", c->listen, port);
    if (err != HM_OK || c->port_file == NULL)
        return err;
    (void)snprintf(text, sizeof text, "%u\n", port);
    return hm_file_write_atomic(c->port_file, hm_bytes_str(text), 0644, why);
}

static enum hm_err start_alerts(struct parts *p, const struct door_config *c, struct hm_why *why)
{
    const struct door_alerts_config config = {
        .thresholds = &c->alerts,
        .model = p->door.model,
        .registrar = p->door.registrar,
        .registrar_timeout_ms = (int64_t)c->registrar_timeout_ms,
        .query_db = c->query_db,
        .crl = p->door.crl,
        .certificate = hm_buf_bytes(&p->certificate),
    };
    return door_alerts_start(&config, &p->door.alerts, why);
}

static enum hm_err start(struct parts *p, const struct door_config *c, struct hm_why *why)
{
    const struct door_model_config model = {
        .registrar_socket = c->registrar_socket,
        .query_db = c->query_db,
        .registrar_timeout_ms = (int64_t)c->registrar_timeout_ms,
    };
    enum hm_err err = proc_become(c->user, why);
    if (err == HM_OK)
        err = proc_stop_fd(&p->stop_fd, why);
    if (err == HM_OK)
        err = door_out_init(why);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error of write(2), not our end */
    if (err == HM_OK)
        err = open_memory(p, c, why);
    if (err == HM_OK)
        err = open_files(p, c, why);
    if (err == HM_OK)
        err = open_network(p, c, why);
    if (err == HM_OK)
        err = proc_sandbox_enter(PROC_SANDBOX_DOOR, door_config_dials(c), why);
    if (err == HM_OK)
        err = door_model_start(&model, &p->door.model, why);
    if (err == HM_OK)
        err = start_alerts(p, c, why);
    if (err == HM_OK)
        err = door_hooks_start(c, p->door.model, p->door.alerts, &p->door.hooks, why);
    if (err == HM_OK)
        err = door_witnesses_start(&p->door, &p->door.witnesses, why);
    if (err != HM_OK)
        return err;
    struct door_tls_files tls = {(const char *)p->certificate.data, (const char *)p->key.data,
                                 (const char *)p->client_ca.data};
    int fd = p->listen_fd;
    p->listen_fd = -1;
    return door_http_start(&p->door, fd, &tls, &p->http, why);
}

static void serve(struct parts *p)
{
    int64_t expire_at = hm_clock_mono_ms() + EXPIRE_EVERY_MS;
    struct pollfd stop = {.fd = p->stop_fd, .events = POLLIN};
    for (;;) {
        int n = poll(&stop, 1, TICK_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return;
        door_metrics_reaped(p->door.metrics, door_conns_reap(p->door.conns));
        if (hm_clock_mono_ms() < expire_at)
            continue;
        expire_at += EXPIRE_EVERY_MS;
        size_t gone = door_inbox_expire(p->door.inbox, p->door.config->inbox_ttl_s);
        if (gone > 0)
            proc_log(DOOR_PROGRAM, PROC_INFO, "removed %zu artifacts that nobody submitted", gone);
    }
}

static int exit_code(enum hm_err err)
{
    if (err == HM_OK)
        return EXIT_SUCCESS;
    return err == HM_E_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct options o = {NULL, false};
    struct door_config config;
    struct hm_why why = {.text = ""};
    int code = parse_options(argc, argv, &o);
    if (code >= 0)
        return code;
    enum hm_err err = door_config_read(o.config, &config, &why);
    if (err != HM_OK) {
        proc_log(DOOR_PROGRAM, PROC_ERROR, "%s", why.text);
        return exit_code(err);
    }
    if (o.check_only) {
        (void)printf("%s: configuration is valid\n", o.config);
        door_config_free(&config);
        return 0;
    }
    (void)mallopt(M_ARENA_MAX, ARENAS);
    struct parts p = {.stop_fd = -1, .listen_fd = -1};
    err = start(&p, &config, &why);
    if (err == HM_OK) {
        proc_log(DOOR_PROGRAM, PROC_INFO, "serving");
        serve(&p);
        proc_log(DOOR_PROGRAM, PROC_INFO, "stopping");
    } else {
        proc_log(DOOR_PROGRAM, PROC_ERROR, "%s", why.text);
    }
    close_parts(&p);
    door_config_free(&config);
    return exit_code(err);
}
