#include "server/door/door_gate.h"

#include "schema/core/hm_limits.h"
#include "schema/io/hm_clock.h"
#include "server/ipc/proc_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct door_gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned places, free;
    char who[][HM_NAME_MAX + 1]; /* "": nobody */
};

struct door_gate *door_gate_new(unsigned places)
{
    struct door_gate *g = calloc(1, sizeof *g + places * sizeof g->who[0]);
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

/* A place that nobody has; `places` where there is none, or `who` has as many as one may. The lock
 * is held. */
static unsigned place_for(const struct door_gate *g, const char *who)
{
    unsigned place = g->places;
    unsigned has = 0;
    for (unsigned i = 0; i < g->places; i++) {
        has += strcmp(g->who[i], who) == 0 ? 1 : 0;
        if (g->who[i][0] == '\0')
            place = i;
    }
    return has < (g->places + 1) / 2 ? place : g->places;
}

bool door_gate_enter(struct door_gate *g, const char *who, int64_t wait_ms, unsigned *place)
{
    struct timespec until = hm_clock_deadline(wait_ms);
    bool in_time = wait_ms > 0;
    (void)pthread_mutex_lock(&g->lock);
    while ((*place = place_for(g, who)) == g->places && in_time)
        in_time = pthread_cond_timedwait(&g->left, &g->lock, &until) == 0;
    bool ok = *place < g->places;
    if (ok) {
        (void)snprintf(g->who[*place], sizeof g->who[*place], "%s", who);
        g->free--;
    }
    (void)pthread_mutex_unlock(&g->lock);
    return ok;
}

void door_gate_leave(struct door_gate *g, unsigned place)
{
    (void)pthread_mutex_lock(&g->lock);
    g->who[place][0] = '\0';
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
