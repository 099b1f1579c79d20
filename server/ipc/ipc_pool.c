#include "server/ipc/ipc_pool.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct ipc_pool {
    const char *path;
    pthread_mutex_t lock;
    size_t max_idle;
    size_t count;
    int idle[];
};

enum hm_err ipc_pool_open(const char *path, size_t max_idle, struct ipc_pool **out,
                          struct hm_why *why)
{
    struct ipc_pool *p = calloc(1, sizeof *p + max_idle * sizeof p->idle[0]);
    if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
        free(p);
        return hm_fail(why, HM_E_MEMORY, "no memory for a connection pool");
    }
    p->path = path;
    p->max_idle = max_idle;
    *out = p;
    return HM_OK;
}

void ipc_pool_close(struct ipc_pool *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        (void)close(p->idle[i]);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* An idle connection never has anything to read; if it does, the peer has closed it. */
static bool is_stale(int sock)
{
    struct pollfd f = {.fd = sock, .events = POLLIN};
    return poll(&f, 1, 0) != 0;
}

static int take_idle(struct ipc_pool *p)
{
    for (;;) {
        int sock = -1;
        (void)pthread_mutex_lock(&p->lock);
        if (p->count > 0)
            sock = p->idle[--p->count];
        (void)pthread_mutex_unlock(&p->lock);
        if (sock < 0 || !is_stale(sock))
            return sock;
        (void)close(sock);
    }
}

static void give_back(struct ipc_pool *p, int sock)
{
    (void)pthread_mutex_lock(&p->lock);
    if (p->count < p->max_idle) {
        p->idle[p->count++] = sock;
        sock = -1;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (sock >= 0)
        (void)close(sock);
}

static enum hm_err take_socket(struct ipc_pool *p, int *sock, struct hm_why *why)
{
    *sock = take_idle(p);
    return *sock >= 0 ? HM_OK : ipc_connect(p->path, sock, why);
}

static void end(struct ipc_pool *p, int sock, bool broken)
{
    if (broken)
        (void)close(sock);
    else
        give_back(p, sock);
}

enum hm_err ipc_pool_call(struct ipc_pool *p, uint16_t op, struct hm_bytes request, int fd_out,
                          struct hm_buf *reply, int *fd_in, int64_t timeout_ms, struct hm_why *why)
{
    int sock = -1;
    bool broken = true;
    enum hm_err err = take_socket(p, &sock, why);
    if (err != HM_OK)
        return err;
    err = ipc_call(sock, op, request, fd_out, reply, fd_in, hm_clock_mono_ms() + timeout_ms,
                   &broken, why);
    end(p, sock, broken);
    return err;
}

enum hm_err ipc_pool_ask(struct ipc_pool *p, uint16_t op, struct hm_bytes request,
                         int64_t timeout_ms, struct ipc_asked *asked, struct hm_why *why)
{
    int sock = -1;
    asked->sock = -1;
    asked->deadline_ms = hm_clock_mono_ms() + timeout_ms;
    enum hm_err err = take_socket(p, &sock, why);
    if (err != HM_OK)
        return err;
    err = ipc_send(sock, op, request, -1, asked->deadline_ms, why);
    if (err == HM_OK) {
        asked->sock = sock;
        return HM_OK;
    }
    end(p, sock, true);
    return err == HM_E_TIMEOUT ? err : HM_E_UNAVAILABLE;
}

enum hm_err ipc_pool_take(struct ipc_pool *p, struct ipc_asked *asked, struct hm_buf *reply,
                          struct hm_why *why)
{
    bool broken = true;
    if (asked->sock < 0)
        return hm_fail(why, HM_E_INTERNAL, "nothing was asked");
    enum hm_err err = ipc_take_reply(asked->sock, reply, NULL, asked->deadline_ms, &broken, why);
    end(p, asked->sock, broken);
    asked->sock = -1;
    return err;
}
