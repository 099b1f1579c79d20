#include "server/door/door_gate.h"

#include "schema/io/hm_clock.h"
#include "server/ipc/proc_thread.h"

#include <pthread.h>
#include <stdlib.h>

struct door_gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned places, free;
};

struct door_gate *door_gate_new(unsigned places)
{
    struct door_gate *g = calloc(1, sizeof *g);
    if (g == NULL)
        return NULL;
    (void)pthread_mutex_init(&g->lock, NULL);
    proc_cond_init(&g->left);
    g->places = g->free = places;
    return g;
}

void door_gate_free(struct door_gate *g)
{
    if (g == NULL)
        return;
    (void)pthread_cond_destroy(&g->left);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}

bool door_gate_enter(struct door_gate *g, int64_t wait_ms)
{
    struct timespec until = hm_clock_deadline(wait_ms);
    bool in_time = wait_ms > 0;
    (void)pthread_mutex_lock(&g->lock);
    while (g->free == 0 && in_time)
        in_time = pthread_cond_timedwait(&g->left, &g->lock, &until) == 0;
    bool ok = g->free > 0;
    if (ok)
        g->free--;
    (void)pthread_mutex_unlock(&g->lock);
    return ok;
}

void door_gate_leave(struct door_gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->free++;
    (void)pthread_cond_broadcast(&g->left);
    (void)pthread_mutex_unlock(&g->lock);
}

void door_gate_empty(struct door_gate *g, int64_t wait_ms)
{
    struct timespec until = hm_clock_deadline(wait_ms);
    (void)pthread_mutex_lock(&g->lock);
    while (g->free < g->places)
        if (pthread_cond_timedwait(&g->left, &g->lock, &until) != 0)
            break;
    (void)pthread_mutex_unlock(&g->lock);
}
