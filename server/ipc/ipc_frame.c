/* Frames in and out of a socket, with deadlines and descriptor passing. */
#include "server/ipc/ipc_conn.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEAD 6

static enum hm_err wait_for(int sock, short events, int64_t deadline_ms, struct hm_why *why)
{
    for (;;) {
        int64_t left = deadline_ms - hm_clock_mono_ms();
        if (left <= 0)
            return hm_fail(why, HM_E_TIMEOUT, "the peer did not answer in time");
        struct pollfd p = {.fd = sock, .events = events};
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0)
            return HM_OK;
        if (n < 0 && errno != EINTR)
            return hm_fail(why, HM_E_UNAVAILABLE, "poll failed on the socket");
    }
}

static void attach_fd(struct msghdr *m, char *control, size_t control_len, int fd)
{
    m->msg_control = control;
    m->msg_controllen = control_len;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

enum hm_err ipc_send(int sock, uint16_t code, struct hm_bytes body, int fd, int64_t deadline_ms,
                     struct hm_why *why)
{
    if (body.len > IPC_FRAME_MAX)
        return hm_fail(why, HM_E_LIMIT, "message of %zu bytes exceeds the frame limit", body.len);
    uint8_t head[HEAD] = {(uint8_t)(body.len >> 24), (uint8_t)(body.len >> 16),
                          (uint8_t)(body.len >> 8),  (uint8_t)body.len,
                          (uint8_t)(code >> 8),      (uint8_t)code};
    size_t sent = 0;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    while (sent < HEAD + body.len) {
        struct iovec iov[2];
        int parts = 0;
        if (sent < HEAD)
            iov[parts++] = (struct iovec){head + sent, HEAD - sent};
        size_t off = sent < HEAD ? 0 : sent - HEAD;
        if (body.len > off) {
            void *from;
            const uint8_t *at = body.data + off;
            memcpy(&from, &at, sizeof from); /* iovec has no const */
            iov[parts++] = (struct iovec){from, body.len - off};
        }
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)parts};
        if (fd >= 0 && sent == 0)
            attach_fd(&m, control, sizeof control, fd);
        ssize_t n = sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            enum hm_err err = wait_for(sock, POLLOUT, deadline_ms, why);
            if (err != HM_OK)
                return err;
        } else if (n < 0 && errno != EINTR) {
            return hm_fail(why, HM_E_UNAVAILABLE, "the peer has closed the connection");
        } else if (n > 0) {
            sent += (size_t)n;
        }
    }
    return HM_OK;
}

/* Takes the descriptors out of a message. More than one, or one where none is wanted, is an error.
 */
static bool take_fds(struct msghdr *m, int *fd)
{
    bool ok = (m->msg_flags & MSG_CTRUNC) == 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
            if (ok && fd != NULL && *fd < 0) {
                *fd = got;
            } else {
                ok = false;
                (void)close(got);
            }
        }
    }
    return ok;
}

/* Receives between least and most bytes. A frame is the only thing under way on a connection, so
 * asking for more than its head takes no byte of another. The first wait blocks in the call itself
 * where there is no deadline. */
static enum hm_err recv_some(int sock, uint8_t *out, size_t least, size_t most, size_t *got,
                             int *fd, int64_t deadline_ms, struct hm_why *why)
{
    bool forever = deadline_ms == IPC_NO_DEADLINE;
    *got = 0;
    while (*got < least) {
        struct iovec iov = {out + *got, most - *got};
        _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
        struct msghdr m = {.msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = control,
                           .msg_controllen = sizeof control};
        enum hm_err err = forever ? HM_OK : wait_for(sock, POLLIN, deadline_ms, why);
        if (err != HM_OK)
            return err;
        ssize_t n = recvmsg(sock, &m, (forever ? 0 : MSG_DONTWAIT) | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return hm_fail(why, HM_E_UNAVAILABLE, "the peer has closed the connection");
        if (!take_fds(&m, fd))
            return hm_fail(why, HM_E_MALFORMED, "unexpected descriptor in a message");
        *got += (size_t)n;
    }
    return HM_OK;
}

static size_t length_of(const uint8_t head[HEAD])
{
    return (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

/* What came with the head, and the rest of the body. */
static enum hm_err recv_body(int sock, const uint8_t *first, size_t have, size_t len,
                             struct hm_buf *body, int *fd, int64_t deadline_ms, struct hm_why *why)
{
    size_t got = 0;
    if (len > IPC_FRAME_MAX)
        return hm_fail(why, HM_E_LIMIT, "message of %zu bytes exceeds the frame limit", len);
    if (have > len)
        return hm_fail(why, HM_E_MALFORMED, "more bytes than the message has");
    if (body->limit < IPC_FRAME_MAX)
        body->limit = IPC_FRAME_MAX;
    uint8_t *at = hm_buf_room(body, len);
    if (at == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a message of %zu bytes", len);
    if (have > 0)
        memcpy(at, first, have);
    if (have == len)
        return HM_OK;
    return recv_some(sock, at + have, len - have, len - have, &got, fd, deadline_ms, why);
}

enum hm_err ipc_recv(int sock, uint16_t *code, struct hm_buf *body, int *fd, int64_t deadline_ms,
                     struct hm_why *why)
{
    uint8_t first[8192];
    size_t have = 0;
    int got = -1;
    int *want = fd != NULL ? &got : NULL;
    hm_buf_reset(body);
    enum hm_err err = recv_some(sock, first, HEAD, sizeof first, &have, want, deadline_ms, why);
    if (err == HM_OK)
        err = recv_body(sock, first + HEAD, have - HEAD, length_of(first), body, want, deadline_ms,
                        why);
    if (err != HM_OK) {
        hm_close_fd(&got);
        return err;
    }
    *code = (uint16_t)(first[4] << 8 | first[5]);
    if (fd != NULL)
        *fd = got;
    return HM_OK;
}
