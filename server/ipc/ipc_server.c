#include "server/ipc/ipc_server.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_MS 10000 /* but must take its replies */

struct ipc_server {
    struct ipc_server_config c;
    int listener;
    pthread_mutex_t lock;
    pthread_cond_t gone;
    size_t count;
    int *socks; /* max_connections slots, -1 = free */
};

struct worker {
    struct ipc_server *s;
    size_t slot;
    int sock;
};

static enum hm_err bind_and_listen(const struct ipc_server_config *c, int *out, struct hm_why *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof a.sun_path)
        return hm_fail(why, HM_E_CONFIG, "%s: socket path longer than %zu bytes", c->path,
                       sizeof a.sun_path - 1);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", c->path);
    int probe = -1;
    if (ipc_connect(c->path, &probe, NULL) == HM_OK) {
        (void)close(probe);
        return hm_fail(why, HM_E_CONFLICT, "%s: another process answers there already", c->path);
    }
    (void)unlink(c->path);
    HM_FD_AUTO fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
        chmod(c->path, 0666) != 0 || listen(fd, 128) != 0)
        return hm_fail_errno(why, errno, "%s: cannot listen", c->path);
    *out = fd;
    fd = -1;
    return HM_OK;
}

enum hm_err ipc_server_open(const struct ipc_server_config *c, struct ipc_server **out,
                            struct hm_why *why)
{
    struct ipc_server *s = calloc(1, sizeof *s);
    int *socks = calloc(c->max_connections, sizeof *socks);
    if (s == NULL || socks == NULL || pthread_mutex_init(&s->lock, NULL) != 0 ||
        pthread_cond_init(&s->gone, NULL) != 0) {
        free(socks);
        free(s);
        return hm_fail(why, HM_E_MEMORY, "no memory for a server");
    }
    for (size_t i = 0; i < c->max_connections; i++)
        socks[i] = -1;
    s->c = *c;
    s->socks = socks;
    s->listener = -1;
    enum hm_err err = bind_and_listen(c, &s->listener, why);
    if (err != HM_OK) {
        ipc_server_close(s);
        return err;
    }
    *out = s;
    return HM_OK;
}

void ipc_server_close(struct ipc_server *s)
{
    if (s == NULL)
        return;
    if (s->listener >= 0) {
        (void)close(s->listener);
        (void)unlink(s->c.path);
    }
    (void)pthread_cond_destroy(&s->gone);
    (void)pthread_mutex_destroy(&s->lock);
    free(s->socks);
    free(s);
}

static const struct ipc_op *find_op(const struct ipc_server *s, uint16_t op)
{
    for (size_t i = 0; i < s->c.op_count; i++)
        if (s->c.ops[i].op == op)
            return &s->c.ops[i];
    return NULL;
}

static void refused(const struct ipc_server *s, const char *text)
{
    if (s->c.on_refused != NULL)
        s->c.on_refused(s->c.ctx, text);
}

/* Handles one frame; false ends the connection. */
static bool serve_one(struct ipc_server *s, int sock, void *state, struct hm_buf *in,
                      struct hm_buf *out)
{
    struct hm_why why = {""};
    HM_FD_AUTO fd = -1;
    uint16_t code = 0;
    if (ipc_recv(sock, &code, in, &fd, IPC_NO_DEADLINE, &why) != HM_OK)
        return false;
    const struct ipc_op *op = find_op(s, code);
    if (op == NULL) {
        refused(s, "a request that this socket does not know; connection closed");
        return false;
    }
    hm_buf_reset(out);
    struct ipc_request r = {code, hm_buf_bytes(in), fd, out, -1, state};
    enum hm_err err = op->handle(s->c.ctx, &r, &why);
    if (s->c.on_done != NULL)
        s->c.on_done(s->c.ctx, state);
    if (err == HM_OK && hm_buf_err(out) != HM_OK)
        err = hm_fail(&why, hm_buf_err(out), "%s: the reply does not fit", op->name);
    struct hm_bytes body = err == HM_OK ? hm_buf_bytes(out) : hm_bytes_str(why.text);
    enum hm_err sent = ipc_send(sock, (uint16_t)err, body, err == HM_OK ? r.reply_fd : -1,
                                hm_clock_mono_ms() + SEND_MS, &why);
    hm_close_fd(&r.reply_fd);
    /* A large message must not pin its memory for the life of an idle connection. */
    if (in->cap > 262144)
        hm_buf_free(in);
    if (out->cap > 262144)
        hm_buf_free(out);
    return sent == HM_OK;
}

static void *worker_main(void *arg)
{
    struct worker w = *(struct worker *)arg;
    struct ipc_server *s = w.s;
    free(arg);
    void *state = s->c.on_open != NULL ? s->c.on_open(s->c.ctx) : NULL;
    HM_BUF_AUTO in = {.limit = IPC_FRAME_MAX};
    HM_BUF_AUTO out = {.limit = IPC_FRAME_MAX};
    while (serve_one(s, w.sock, state, &in, &out))
        continue;
    if (s->c.on_close != NULL)
        s->c.on_close(s->c.ctx, state);
    (void)pthread_mutex_lock(&s->lock);
    s->socks[w.slot] = -1;
    (void)close(w.sock);
    s->count--;
    (void)pthread_cond_broadcast(&s->gone);
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

static bool start_worker(struct ipc_server *s, int sock)
{
    struct worker *w = calloc(1, sizeof *w);
    pthread_attr_t attr;
    pthread_t t;
    if (w == NULL || pthread_attr_init(&attr) != 0) {
        free(w);
        return false;
    }
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attr, s->c.stack_bytes);
    (void)pthread_mutex_lock(&s->lock);
    size_t slot = 0;
    while (slot < s->c.max_connections && s->socks[slot] >= 0)
        slot++;
    bool ok = slot < s->c.max_connections;
    *w = (struct worker){s, slot, sock};
    ok = ok && pthread_create(&t, &attr, worker_main, w) == 0;
    if (ok) {
        s->socks[slot] = sock;
        s->count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_attr_destroy(&attr);
    if (!ok)
        free(w);
    return ok;
}

static void accept_one(struct ipc_server *s)
{
    int sock = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    uid_t uid = 0;
    if (sock < 0)
        return;
    if (ipc_peer_uid(sock, &uid, NULL) != HM_OK || uid != s->c.peer) {
        refused(s, "a connection by a user who is not the configured peer");
        (void)close(sock);
    } else if (!start_worker(s, sock)) {
        refused(s, "a connection above the connection limit");
        (void)close(sock);
    }
}

static void drain(struct ipc_server *s)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->c.max_connections; i++)
        if (s->socks[i] >= 0)
            (void)shutdown(s->socks[i], SHUT_RD);
    while (s->count > 0)
        (void)pthread_cond_wait(&s->gone, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

enum hm_err ipc_server_run(struct ipc_server *s, int stop_fd, struct hm_why *why)
{
    for (;;) {
        struct pollfd f[2] = {{.fd = s->listener, .events = POLLIN},
                              {.fd = stop_fd, .events = POLLIN}};
        int n = poll(f, 2, -1);
        if (n < 0 && errno != EINTR)
            return hm_fail_errno(why, errno, "cannot wait for connections");
        if (n > 0 && f[1].revents != 0)
            break;
        if (n > 0 && f[0].revents != 0)
            accept_one(s);
    }
    drain(s);
    return HM_OK;
}
