#include "server/door/door_send.h"

#include "schema/io/hm_clock.h"
#include "server/door/door_conn.h"
#include "server/door/door_metrics.h"

#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_BLOCK 32768
#define DOOR_LINGER_MS 5000 /* how long a client may go on sending what nobody reads any more */
#define CORK_MAX 12288 /* bytes of a body that goes into one TLS record together with its head */

static ssize_t stream_more(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct door_stream *s = cls;
    (void)pos;
    ssize_t n = s->more(s->ctx, buf, max);
    if (n == 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void stream_free(void *cls)
{
    struct door_stream *s = cls;
    s->free(s->ctx);
    free(s);
}

/* The response may outlive the request, so it owns its stream. */
static struct MHD_Response *make_stream(struct door_stream *from)
{
    struct door_stream *s = malloc(sizeof *s);
    struct MHD_Response *out = NULL;
    if (s != NULL) {
        *s = *from;
        out = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_more, s,
                                                stream_free);
    }
    if (out == NULL) {
        from->free(from->ctx);
        free(s);
    }
    from->more = NULL;
    return out;
}

static struct MHD_Response *make(struct door_answer *a, uint64_t *size)
{
    struct MHD_Response *out = NULL;
    if (a->stream.more != NULL) {
        *size = UINT64_C(1) << 30;
        out = make_stream(&a->stream);
    } else if (a->fd >= 0) {
        *size = a->fd_size;
        a->from_file = true;
        out = MHD_create_response_from_fd64(a->fd_size, a->fd);
        if (out != NULL)
            a->fd = -1; /* MHD closes it */
    } else {
        void *body;
        memcpy(&body, &a->body.data, sizeof body); /* MHD's parameter has no const */
        *size = a->body.len;
        out = MHD_create_response_from_buffer(a->body.len, body, MHD_RESPMEM_PERSISTENT);
    }
    return out;
}

static void add_number(struct MHD_Response *m, const char *name, uint64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, v);
    (void)MHD_add_response_header(m, name, text);
}

static void add_headers(struct MHD_Response *m, const struct door_answer *a)
{
    if (a->type[0] != '\0')
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    if (a->etag[0] != '\0')
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_ETAG, a->etag);
    if (a->cache[0] != '\0')
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL, a->cache);
    if (a->allow[0] != '\0')
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_ALLOW, a->allow);
    if (a->next[0] != '\0')
        (void)MHD_add_response_header(m, "Hallmark-Next", a->next);
    if (a->retry_after_s > 0)
        add_number(m, MHD_HTTP_HEADER_RETRY_AFTER, a->retry_after_s);
    if (a->has_log_size)
        add_number(m, "Hallmark-Log-Size", a->log_size);
    if (a->close)
        (void)MHD_add_response_header(m, MHD_HTTP_HEADER_CONNECTION, "close");
}

static gnutls_session_t session_of(const struct door_req *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL ? (gnutls_session_t)info->tls_session : NULL;
}

/* MHD sends head and body apart, which costs two records, two packets and two wake-ups. */
static void cork(struct door_req *r, uint64_t size)
{
    const struct door_answer *a = &r->answer;
    gnutls_session_t tls = session_of(r);
    if (tls == NULL || a->stream.more != NULL || size == 0 || size > CORK_MAX || a->from_file)
        return;
    gnutls_record_cork(tls);
    r->answer.corked = true;
}

void door_send_flush(struct door_req *r)
{
    gnutls_session_t tls = session_of(r);
    int n = GNUTLS_E_AGAIN;
    int off = 0;
    if (!r->answer.corked || tls == NULL)
        return;
    r->answer.corked = false;
    while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
        struct pollfd p = {.fd = r->conn->fd, .events = POLLOUT};
        n = gnutls_record_uncork(tls, 0);
        if (n == GNUTLS_E_AGAIN && poll(&p, 1, -1) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0)
            return; /* cut off, by the client or by the deadline */
    }
    /* MHD corks the socket before a head and lets go with a body of its own, which never comes
     * here: the kernel would keep each answer back for 200 ms. */
    (void)setsockopt(r->conn->fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
}

void door_send_linger(struct door_req *r)
{
    char away[16 * 1024];
    gnutls_session_t tls = session_of(r);
    int64_t until = hm_clock_mono_ms() + DOOR_LINGER_MS;
    int64_t left = DOOR_LINGER_MS;
    ssize_t n = 1;
    if (!r->answer.close)
        return;
    if (tls != NULL)
        (void)gnutls_bye(tls, GNUTLS_SHUT_WR);
    (void)shutdown(r->conn->fd, SHUT_WR);
    while (n > 0 && left > 0) {
        struct pollfd p = {.fd = r->conn->fd, .events = POLLIN};
        if (poll(&p, 1, (int)left) <= 0)
            return;
        n = recv(r->conn->fd, away, sizeof away, MSG_DONTWAIT);
        left = until - hm_clock_mono_ms();
    }
}

enum MHD_Result door_send(struct door_req *r)
{
    uint64_t size = 0;
    struct MHD_Response *m = make(&r->answer, &size);
    if (m == NULL)
        return MHD_NO;
    add_headers(m, &r->answer);
    door_metrics_answered(r->door->metrics,
                          r->match.route != NULL ? (size_t)(r->match.route - door_routes)
                                                 : DOOR_NO_ROUTE,
                          r->answer.status);
    door_conn_due(r->conn, DOOR_HEAD_MS + (int64_t)(size / DOOR_SLOWEST * 1000));
    cork(r, size);
    enum MHD_Result ok = MHD_queue_response(r->mhd, r->answer.status, m);
    MHD_destroy_response(m);
    return ok;
}
