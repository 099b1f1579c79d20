#include "server/door/door_conn.h"

#include "schema/io/hm_clock.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define KEEP_BYTES ((size_t)256 * 1024) /* a buffer larger than this is not kept */
#define FRAME_LIMIT ((size_t)16 * 1024 * 1024)
#define OUT_LIMIT ((size_t)48 * 1024 * 1024)

struct door_conns {
    pthread_mutex_t lock;
    size_t max;
    size_t count;
    struct door_conn *all[];
};

struct door_conns *door_conns_new(size_t max)
{
    struct door_conns *cs = calloc(1, sizeof *cs + max * sizeof(struct door_conn *));
    if (cs == NULL)
        return NULL;
    (void)pthread_mutex_init(&cs->lock, NULL);
    cs->max = max;
    return cs;
}

void door_conns_free(struct door_conns *cs)
{
    if (cs == NULL)
        return;
    (void)pthread_mutex_destroy(&cs->lock);
    free(cs);
}

struct door_conn *door_conn_open(struct door_conns *cs, int fd)
{
    struct door_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->fd = fd;
    c->frame.limit = FRAME_LIMIT;
    c->out.limit = OUT_LIMIT;
    door_conn_due(c, DOOR_HEAD_MS);
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

void door_conn_close(struct door_conns *cs, struct door_conn *c)
{
    (void)pthread_mutex_lock(&cs->lock);
    cs->all[c->slot] = NULL;
    cs->count--;
    (void)pthread_mutex_unlock(&cs->lock);
    hm_buf_free(&c->frame);
    hm_buf_free(&c->reply);
    hm_buf_free(&c->out);
    hm_buf_free(&c->client.caller);
    free(c);
}

void door_conn_due(struct door_conn *c, int64_t in_ms)
{
    int64_t at = in_ms == DOOR_NEVER ? DOOR_NEVER : hm_clock_mono_ms() + in_ms;
    atomic_store_explicit(&c->deadline_ms, at, memory_order_relaxed);
}

bool door_conn_gone(const struct door_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static void trim(struct hm_buf *b)
{
    if (b->cap > KEEP_BYTES)
        hm_buf_free(b);
    hm_buf_reset(b);
}

void door_conn_trim(struct door_conn *c)
{
    size_t frame = c->frame.limit;
    size_t out = c->out.limit;
    trim(&c->frame);
    trim(&c->reply);
    trim(&c->out);
    c->frame.limit = frame;
    c->out.limit = out;
}

size_t door_conns_reap(struct door_conns *cs)
{
    int64_t now = hm_clock_mono_ms();
    size_t cut = 0;
    (void)pthread_mutex_lock(&cs->lock);
    for (size_t i = 0; i < cs->max; i++) {
        struct door_conn *c = cs->all[i];
        if (c == NULL || atomic_load_explicit(&c->deadline_ms, memory_order_relaxed) > now)
            continue;
        /* The descriptor is closed only after door_conn_close, so it is still this one. */
        (void)shutdown(c->fd, SHUT_RDWR);
        door_conn_due(c, DOOR_NEVER);
        cut++;
    }
    (void)pthread_mutex_unlock(&cs->lock);
    return cut;
}

size_t door_conns_count(struct door_conns *cs)
{
    (void)pthread_mutex_lock(&cs->lock);
    size_t n = cs->count;
    (void)pthread_mutex_unlock(&cs->lock);
    return n;
}
