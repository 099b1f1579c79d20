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

enum hm_err ipc_pool_call(struct ipc_pool *p, uint16_t op, struct hm_bytes request, int fd_out,
                          struct hm_buf *reply, int *fd_in, int64_t timeout_ms, struct hm_why *why)
{
    int sock = take_idle(p);
    if (sock < 0) {
        enum hm_err err = ipc_connect(p->path, &sock, why);
        if (err != HM_OK)
            return err;
    }
    bool broken = true;
    enum hm_err err = ipc_call(sock, op, request, fd_out, reply, fd_in,
                               hm_clock_mono_ms() + timeout_ms, &broken, why);
    if (broken)
        (void)close(sock);
    else
        give_back(p, sock);
    return err;
}
