#include "server/door/door_http.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "server/door/door_conn.h"
#include "server/door/door_send.h"
#include "server/ipc/proc_log.h"

#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* AES-128 first: a hash and a disk wait behind it. Nothing below TLS 1.3, nothing resumed. */
#define PRIORITIES                                                                                 \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305"
#define CONNECTION_MEMORY ((size_t)48 * 1024)
#define CONNECTION_GROWTH ((size_t)16 * 1024) /* a TLS record at a time */
#define DRAIN_MAX (UINT64_C(1024) * 1024)     /* body that is read away before a refusal is sent */
#ifdef HALLMARK_SANITIZED
#define STACK_BYTES ((size_t)2048 * 1024)
#else
#define STACK_BYTES ((size_t)256 * 1024)
#endif

struct door_http {
    struct MHD_Daemon *daemon;
    atomic_bool serving;
};

static struct door_conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return i != NULL ? i->socket_context : NULL;
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct door *d = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *i =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct door_conn *c = i != NULL ? door_conn_open(d->conns, i->connect_fd) : NULL;
        if (c != NULL) {
            c->req.door = d;
            c->req.conn = c;
            door_answer_reset(&c->req.answer);
        }
        *context = c;
    } else if (*context != NULL) {
        struct door_conn *c = *context;
        door_req_clear(&c->req);
        door_conn_close(d->conns, c);
        *context = NULL;
    }
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct door *d = cls;
    struct door_req *r = *con_cls;
    (void)mhd;
    if (r == NULL)
        return;
    *con_cls = NULL;
    door_send_flush(r);
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        door_send_linger(r);
    door_req_clear(r);
    door_conn_due(r->conn, (int64_t)d->config->idle_timeout_s * 1000);
}

/* How long so much of a body may take. */
static int64_t body_ms(uint64_t len)
{
    return DOOR_HEAD_MS + (int64_t)(len / DOOR_SLOWEST * 1000);
}

static enum MHD_Result begin(struct MHD_Connection *mhd, const char *url, const char *method,
                             const char *version, void **con_cls)
{
    struct door_conn *c = conn_of(mhd);
    if (c == NULL)
        return MHD_NO;
    struct door_req *r = &c->req;
    *con_cls = r;
    r->mhd = mhd;
    door_conn_due(c, DOOR_NEVER);
    door_req_open(r, method, url, version);
    if (r->answer.status != 0 && (r->answer.close || r->body_len > DRAIN_MAX)) {
        r->answer.close = true;
        return door_send(r);
    }
    r->body_began_ms = hm_clock_mono_ms();
    door_conn_due(c, body_ms(0));
    return MHD_YES;
}

static void take(struct door_req *r, const char *data, size_t len)
{
    int64_t idle = (int64_t)r->door->config->upload_idle_timeout_s * 1000;
    door_conn_due(r->conn, DOOR_NEVER);
    door_req_body(r, data, len);
    /* In step with what came, not with what was promised: a length alone holds nothing for long. */
    uint64_t seen = r->body_seen < r->body_len ? r->body_seen : r->body_len;
    int64_t left = r->body_began_ms + body_ms(seen) - hm_clock_mono_ms();
    door_conn_due(r->conn, left < idle ? left : idle);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **con_cls)
{
    struct door_req *r = *con_cls;
    (void)cls;
    if (r == NULL)
        return begin(mhd, url, method, version, con_cls);
    if (*len > 0) {
        take(r, data, *len);
        *len = 0;
        return MHD_YES;
    }
    door_conn_due(r->conn, DOOR_NEVER);
    door_req_finish(r);
    return door_send(r);
}

/* Decodes %XX in place. A NUL would cut the text short where it is read as a C string, so it
 * becomes a byte that no path or parameter accepts. */
static size_t unescape(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    size_t n = MHD_http_unescape(s);
    for (size_t i = 0; i < n; i++)
        if (s[i] == '\0')
            s[i] = '\x01';
    return n;
}

/* Only why it does not start: later ones are the troubles of clients, who could fill the journal.
 */
static void __attribute__((format(printf, 2, 0))) on_log(void *cls, const char *fmt, va_list ap)
{
    struct door_http *h = cls;
    char text[512];
    if (atomic_load(&h->serving))
        return;
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n > 0 && text[strnlen(text, sizeof text) - 1] == '\n')
        text[strnlen(text, sizeof text) - 1] = '\0';
    proc_log(DOOR_PROGRAM, PROC_WARNING, "%s", text);
}

/* MHD takes a file without any certificate for one that trusts nobody. */
static bool has_certificate(const char *pem)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    size_t len = strlen(pem);
    union {
        const char *in;
        unsigned char *out; /* gnutls_datum_t has no const */
    } text = {.in = pem};
    gnutls_datum_t data = {.data = text.out, .size = (unsigned)len};
    if (gnutls_x509_crt_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0) < 0)
        return false;
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return count > 0;
}

enum hm_err door_http_start(struct door *d, int listen_fd, const struct door_tls_files *tls,
                            struct door_http **out, struct hm_why *why)
{
    if (!has_certificate(tls->client_ca)) {
        hm_close_fd(&listen_fd);
        return hm_fail(why, HM_E_CONFIG, "client_ca %s holds no PEM certificate",
                       d->config->client_ca);
    }
    struct door_http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        hm_close_fd(&listen_fd);
        return hm_fail(why, HM_E_MEMORY, "no memory for the listener");
    }
    h->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_TLS | MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, d, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_HTTPS_MEM_CERT, tls->certificate,
        MHD_OPTION_HTTPS_MEM_KEY, tls->key, MHD_OPTION_HTTPS_MEM_TRUST, tls->client_ca,
        MHD_OPTION_HTTPS_PRIORITIES, PRIORITIES, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)d->config->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)d->config->max_connections_per_ip, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_MEMORY, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, CONNECTION_GROWTH,
        MHD_OPTION_THREAD_STACK_SIZE, STACK_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, d, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        d, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL, MHD_OPTION_END);
    if (h->daemon == NULL) {
        free(h);
        hm_close_fd(&listen_fd);
        return hm_fail(why, HM_E_CONFIG,
                       "cannot serve: tls_certificate, tls_key and client_ca must be PEM, and the "
                       "key must belong to the certificate");
    }
    atomic_store(&h->serving, true);
    *out = h;
    return HM_OK;
}

void door_http_stop(struct door_http *h)
{
    if (h == NULL)
        return;
    MHD_stop_daemon(h->daemon);
    free(h);
}
