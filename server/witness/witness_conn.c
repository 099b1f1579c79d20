#include "server/witness/witness_conn.h"

#include "schema/io/hm_clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct witness_conns {
    pthread_mutex_t lock;
    size_t max;
    size_t count;
    struct witness_conn *all[];
};

struct witness_conns *witness_conns_new(size_t max)
{
    struct witness_conns *cs = calloc(1, sizeof *cs + max * sizeof(struct witness_conn *));
    if (cs == NULL)
        return NULL;
    (void)pthread_mutex_init(&cs->lock, NULL);
    cs->max = max;
    return cs;
}

void witness_conns_free(struct witness_conns *cs)
{
    if (cs == NULL)
        return;
    (void)pthread_mutex_destroy(&cs->lock);
    free(cs);
}

struct witness_conn *witness_conn_open(struct witness_conns *cs, int fd)
{
    struct witness_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->fd = fd;
    witness_conn_due(c, WITNESS_NEVER);
    (void)pthread_mutex_lock(&cs->lock);
    size_t i = 0;
    while (i < cs->max && cs->all[i] != NULL)
        i++;
    if (i < cs->max) {
        c->slot = i;
        cs->all[i] = c;
        cs->count++;
    }
    (void)pthread_mutex_unlock(&cs->lock);
    if (i < cs->max)
        return c;
    free(c);
    return NULL;
}

void witness_conn_close(struct witness_conns *cs, struct witness_conn *c)
{
    (void)pthread_mutex_lock(&cs->lock);
    cs->all[c->slot] = NULL;
    cs->count--;
    (void)pthread_mutex_unlock(&cs->lock);
    witness_request_free(&c->req);
    free(c);
}

void witness_conn_due(struct witness_conn *c, int64_t in_ms)
{
    int64_t at = in_ms == WITNESS_NEVER ? WITNESS_NEVER : hm_clock_mono_ms() + in_ms;
    atomic_store_explicit(&c->deadline_ms, at, memory_order_relaxed);
}

size_t witness_conns_reap(struct witness_conns *cs)
{
    int64_t now = hm_clock_mono_ms();
    size_t cut = 0;
    (void)pthread_mutex_lock(&cs->lock);
    for (size_t i = 0; i < cs->max; i++) {
        struct witness_conn *c = cs->all[i];
        if (c == NULL || atomic_load_explicit(&c->deadline_ms, memory_order_relaxed) > now)
            continue;
        /* The descriptor is closed only after witness_conn_close, so it is still this one. */
        (void)shutdown(c->fd, SHUT_RDWR);
        witness_conn_due(c, WITNESS_NEVER);
        cut++;
    }
    (void)pthread_mutex_unlock(&cs->lock);
    return cut;
}

size_t witness_conns_count(struct witness_conns *cs)
{
    (void)pthread_mutex_lock(&cs->lock);
    size_t n = cs->count;
    (void)pthread_mutex_unlock(&cs->lock);
    return n;
}
