/* What the registrar last said about itself, asked at most once a second however often readiness
 * is looked at. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_HEALTH_H
#define SERVER_DOOR_DOOR_HEALTH_H

#include "server/ipc/ipc_pool.h"

struct door_health_state {
    bool answered; /* the registrar answered at all */
    bool ready;    /* and says that it can work */
    char reason[HM_WHY_MAX];
    char waits[HM_WHY_MAX]; /* what signatures wait for, "": nothing */
    uint64_t committed, checkpoint, queue;
};
struct door_health;
struct door_health *door_health_new(void);
void door_health_free(struct door_health *h);
void door_health_ask(struct door_health *h, struct ipc_pool *registrar, int64_t timeout_ms,
                     struct door_health_state *out);

#endif
