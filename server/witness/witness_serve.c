/* Building everything, serving, and taking it apart. */
#include "server/witness/witness_conn.h"
#include "server/witness/witness_http.h"
#include "server/witness/witness_steps.h"

#include "schema/io/hm_file.h"
#include "server/ipc/proc_listen.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_sandbox.h"
#include "server/ipc/proc_signal.h"
#include "server/ipc/proc_user.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 500
#define TLS_FILE_MAX ((size_t)1024 * 1024)
#define SPARE_CONNECTIONS 16 /* that are being turned away */
#define ARENAS 2             /* of malloc: many threads, little memory */

struct parts {
    struct witness w;
    struct hm_buf certificate, key;
    int stop_fd;
    int listen_fd;
    struct witness_http *http;
};

static void close_parts(struct parts *p)
{
    struct witness *w = &p->w;
    witness_http_stop(p->http);
    for (size_t i = 0; i < w->log_count; i++)
        witness_log_close(&w->logs[i]);
    free(w->logs);
    witness_key_close(w->key);
    witness_metrics_free(w->metrics);
    witness_conns_free(w->conns);
    hm_close_fd(&p->listen_fd);
    hm_close_fd(&p->stop_fd);
    hm_buf_free(&p->certificate);
    hm_buf_wipe(&p->key);
}

static enum hm_err open_logs(struct witness *w, const struct witness_config *c, struct hm_why *why)
{
    w->logs = calloc(c->log_count, sizeof *w->logs);
    if (w->logs == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    for (size_t i = 0; i < c->log_count; i++) {
        bool mended = false;
        w->log_count = i + 1;
        enum hm_err err =
            witness_log_open(c->state_dir, &c->logs[i], w->key, &w->logs[i], &mended, why);
        if (err != HM_OK)
            return err == HM_E_NOT_FOUND || err == HM_E_MALFORMED || err == HM_E_DENIED ? HM_E_STATE
                                                                                        : err;
        if (mended)
            proc_log(WITNESS_PROGRAM, PROC_WARNING,
                     "%s: one copy of the state was not the newest or damaged; mended",
                     c->logs[i].origin);
        proc_log(WITNESS_PROGRAM, PROC_INFO, "watches %s, size %" PRIu64, c->logs[i].origin,
                 w->logs[i].last.size);
    }
    return HM_OK;
}

static enum hm_err open_memory(struct parts *p, const struct witness_config *c, struct hm_why *why)
{
    struct witness *w = &p->w;
    w->config = c;
    w->metrics = witness_metrics_new();
    w->conns = witness_conns_new((size_t)c->max_connections + SPARE_CONNECTIONS);
    return w->metrics != NULL && w->conns != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "no memory");
}

static enum hm_err open_tls(struct parts *p, const struct witness_config *c, struct hm_why *why)
{
    if (c->tls_certificate == NULL)
        return HM_OK;
    enum hm_err err = hm_file_read(c->tls_certificate, TLS_FILE_MAX, &p->certificate, why);
    if (err == HM_OK)
        err = hm_file_read(c->tls_key, TLS_FILE_MAX, &p->key, why);
    if (err == HM_OK && (hm_buf_str(&p->certificate) == NULL || hm_buf_str(&p->key) == NULL))
        err = hm_fail(why, HM_E_MEMORY, "no memory for the TLS files");
    return err;
}

static enum hm_err open_network(struct parts *p, const struct witness_config *c, struct hm_why *why)
{
    uint16_t port = 0;
    char text[16];
    enum hm_err err = proc_listen_open(c->listen, &p->listen_fd, &port, why);
    if (err == HM_OK)
        proc_log(WITNESS_PROGRAM, PROC_INFO, "listens on %s, port %u, %s", c->listen, port,
                 c->tls_certificate != NULL ? "HTTPS" : "HTTP");
    if (err != HM_OK || c->port_file == NULL)
        return err;
    (void)snprintf(text, sizeof text, "%u\n", port);
    return hm_file_write_atomic(c->port_file, hm_bytes_str(text), 0644, why);
}

static void say_who(const struct witness_key *k)
{
    HM_BUF_AUTO line = {.limit = 1024};
    hm_cosigner_write(witness_key_cosigner(k), &line);
    proc_log(WITNESS_PROGRAM, PROC_INFO, "cosigns as %s", hm_buf_str(&line));
}

static enum hm_err start(struct parts *p, const struct witness_config *c, struct hm_why *why)
{
    enum hm_err err = proc_become(c->user, why);
    if (err == HM_OK)
        err = proc_stop_fd(&p->stop_fd, why);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file-size limit is an error of write(2), not our end */
    if (err == HM_OK)
        err = open_memory(p, c, why);
    if (err == HM_OK)
        err = witness_key_open(c->key_file, c->name, &p->w.key, why);
    if (err == HM_OK)
        say_who(p->w.key);
    if (err == HM_OK)
        err = open_logs(&p->w, c, why);
    if (err == HM_OK)
        err = open_tls(p, c, why);
    if (err == HM_OK)
        err = open_network(p, c, why);
    if (err == HM_OK) /* as the door: sockets that exist already, and files */
        err = proc_sandbox_enter(PROC_SANDBOX_DOOR, 0, why);
    if (err != HM_OK)
        return err;
    const struct witness_tls_files tls = {(const char *)p->certificate.data,
                                          (const char *)p->key.data};
    int fd = p->listen_fd;
    p->listen_fd = -1;
    return witness_http_start(&p->w, fd, &tls, &p->http, why);
}

static void wait_for_the_end(struct parts *p)
{
    struct pollfd stop = {.fd = p->stop_fd, .events = POLLIN};
    for (;;) {
        int n = poll(&stop, 1, TICK_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return;
        witness_metrics_cut(p->w.metrics, witness_conns_reap(p->w.conns));
    }
}

enum hm_err witness_serve(const struct witness_config *c, const struct witness_step_args *args,
                          struct hm_why *why)
{
    struct parts p = {.stop_fd = -1, .listen_fd = -1};
    (void)args;
    (void)mallopt(M_ARENA_MAX, ARENAS);
    enum hm_err err = start(&p, c, why);
    if (err == HM_OK) {
        proc_log(WITNESS_PROGRAM, PROC_INFO, "serving");
        wait_for_the_end(&p);
        proc_log(WITNESS_PROGRAM, PROC_INFO, "stopping");
    }
    close_parts(&p);
    return err;
}
