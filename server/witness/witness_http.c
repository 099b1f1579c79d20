#include "server/witness/witness_http.h"

#include "schema/io/hm_file.h"
#include "server/ipc/proc_log.h"
#include "server/witness/witness_conn.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PRIORITIES                                                                                 \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
#define CONNECTION_MEMORY ((size_t)32 * 1024)
#ifdef HALLMARK_SANITIZED
#define STACK_BYTES ((size_t)2048 * 1024)
#else
#define STACK_BYTES ((size_t)256 * 1024)
#endif

struct witness_http {
    struct MHD_Daemon *daemon;
    atomic_bool serving;
};

static struct witness_conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i != NULL ? i->socket_context : NULL;
}

static int64_t request_ms(const struct witness *w)
{
    return (int64_t)w->config->request_timeout_s * 1000;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct witness *w = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct witness_conn *c = i != NULL ? witness_conn_open(w->conns, i->connect_fd) : NULL;
        if (c != NULL) {
            c->req.witness = w;
            witness_conn_due(c, request_ms(w));
        }
        *context = c;
    } else if (*context != NULL) {
        witness_conn_close(w->conns, *context);
        *context = NULL;
    }
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct witness *w = cls;
    struct witness_conn *c = *con_cls;
    (void)mhd;
    (void)code;
    if (c == NULL)
        return;
    *con_cls = NULL;
    witness_request_clear(&c->req);
    witness_conn_due(c, (int64_t)w->config->idle_timeout_s * 1000);
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct witness_framing *f = cls;
    (void)kind;
    if (strcasecmp(name, "Host") == 0)
        f->hosts++;
    else if (strcasecmp(name, "Transfer-Encoding") == 0)
        f->encodings++;
    else if (strcasecmp(name, "Content-Length") == 0) {
        f->lengths++;
        f->length = value != NULL ? value : "";
    }
    return MHD_YES;
}

static enum MHD_Result send_answer(struct witness_conn *c, struct MHD_Connection *mhd)
{
    struct witness_answer *a = &c->req.answer;
    struct MHD_Response *m =
        MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_PERSISTENT);
    if (m == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    if (a->allow != NULL)
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_ALLOW, a->allow);
    if (a->close)
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_CONNECTION, "close");
    witness_metrics_answered(c->req.witness->metrics, c->req.route, a->status);
    witness_conn_due(c, request_ms(c->req.witness));
    enum MHD_Result ok = MHD_queue_response(mhd, a->status, m);
    MHD_destroy_response(m);
    return ok;
}

static enum MHD_Result begin(struct witness *w, struct MHD_Connection *mhd, const char *url,
                             const char *method, const char *version, void **con_cls)
{
    struct witness_framing framing = {.length = NULL};
    struct witness_conn *c = conn_of(mhd);
    if (c == NULL)
        return MHD_NO;
    *con_cls = c;
    /* The head came in time; the whole body must, too. */
    witness_conn_due(c, request_ms(w));
    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, see_header, &framing);
    witness_request_open(&c->req, method, url, version, &framing);
    return c->req.answer.close ? send_answer(c, mhd) : MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **con_cls)
{
    struct witness_conn *c = *con_cls;
    if (c == NULL)
        return begin(cls, mhd, url, method, version, con_cls);
    if (*len > 0) {
        witness_request_body(&c->req, data, *len);
        *len = 0;
        return MHD_YES;
    }
    witness_conn_due(c, WITNESS_NEVER); /* the disk takes as long as it takes */
    witness_request_finish(&c->req);
    return send_answer(c, mhd);
}

/* No path here has an escape in it; a NUL would cut the path short, so it stays written out. */
static size_t unescape(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return strlen(s);
}

/* Only why it does not start: later ones are the troubles of clients, who could fill the journal.
 */
static void __attribute__((format(printf, 2, 0))) on_log(void *cls, const char *fmt, va_list ap)
{
    struct witness_http *h = cls;
    char text[512];
    if (atomic_load(&h->serving))
        return;
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n > 0 && text[strnlen(text, sizeof text) - 1] == '\n')
        text[strnlen(text, sizeof text) - 1] = '\0';
    proc_log(WITNESS_PROGRAM, PROC_WARNING, "%s", text);
}

static struct MHD_Daemon *start_daemon(struct witness *w, struct witness_http *h, int listen_fd,
                                       const struct witness_tls_files *tls)
{
    struct MHD_OptionItem with_tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
                                        {MHD_OPTION_HTTPS_MEM_KEY, 0, NULL},
                                        {MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
                                        {MHD_OPTION_END, 0, NULL}};
    const char *const values[] = {tls->certificate, tls->key, PRIORITIES};
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_USE_ERROR_LOG;
    if (tls->certificate != NULL)
        flags |= MHD_USE_TLS;
    else
        with_tls[0].option = MHD_OPTION_END;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        memcpy(&with_tls[i].ptr_value, &values[i], sizeof values[i]); /* MHD's has no const */
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, w, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)w->config->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)w->config->max_connections_per_ip, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_MEMORY, MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, w, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_ARRAY, with_tls,
        MHD_OPTION_END);
}

enum hm_err witness_http_start(struct witness *w, int listen_fd,
                               const struct witness_tls_files *tls, struct witness_http **out,
                               struct hm_why *why)
{
    struct witness_http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        hm_close_fd(&listen_fd);
        return hm_fail(why, HM_E_MEMORY, "no memory for the listener");
    }
    h->daemon = start_daemon(w, h, listen_fd, tls);
    if (h->daemon == NULL) {
        free(h);
        hm_close_fd(&listen_fd);
        return hm_fail(why, HM_E_CONFIG, "cannot serve%s",
                       tls->certificate != NULL
                           ? ": tls_certificate and tls_key must be PEM, and the key must belong "
                             "to the certificate"
                           : "");
    }
    atomic_store(&h->serving, true);
    *out = h;
    return HM_OK;
}

void witness_http_stop(struct witness_http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}
