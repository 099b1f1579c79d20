/* What hallmarkd is made of. One struct is built by main and handed down; its parts are
 * thread-safe each for itself. */
#ifndef SERVER_DOOR_DOOR_H
#define SERVER_DOOR_DOOR_H

#include "server/door/door_config.h"
#include "server/ident/ident_crl.h"
#include "server/ipc/ipc_pool.h"

#define DOOR_PROGRAM "hallmarkd"

struct door_inbox;
struct door_people;
struct door_visitors;
struct door_model;
struct door_metrics;
struct door_conns;
struct door_gate;
struct door_health;
struct door_alerts;
struct door_hooks;
struct door_witnesses;

struct door {
    const struct door_config *config;
    struct ipc_pool *registrar;
    struct ident_crl *crl;            /* revoked client certificates; NULL: no list is configured */
    struct door_inbox *inbox;         /* artifacts on their way to the registrar */
    struct door_people *people;       /* certificate -> principal, rates */
    struct door_visitors *visitors;   /* rates of those without an identity */
    struct door_model *model;         /* read model and its follower */
    struct door_metrics *metrics;     /* counters */
    struct door_conns *conns;         /* open connections and their deadlines */
    struct door_gate *bodies;         /* how many large bodies are in memory at once */
    struct door_gate *waits;          /* how many long polls */
    struct door_gate *streams;        /* how many open ends of the log */
    struct door_alerts *alerts;       /* what somebody should look at */
    struct door_hooks *hooks;         /* who is told of records and alerts */
    struct door_health *health;       /* the registrar's last word about itself */
    struct door_witnesses *witnesses; /* NULL: none are configured */
};

#endif
