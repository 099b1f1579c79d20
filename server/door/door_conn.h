/* Open connections: what belongs to one (buffers that its requests share, the TLS client's
 * identity, the deadline of the present phase), and the list of all. A connection belongs to its
 * thread; only the deadline is read by others. */
#ifndef SERVER_DOOR_DOOR_CONN_H
#define SERVER_DOOR_DOOR_CONN_H

#include "server/door/door_people.h"
#include "server/door/door_request.h"
#include "server/door/door_tls.h"

#include <stdatomic.h>

#define DOOR_HEAD_MS 30000             /* TLS handshake and the first request's head */
#define DOOR_SLOWEST (UINT64_C(16384)) /* bytes/s that a body or an answer must at least move */
#define DOOR_NEVER INT64_MAX

struct door_conn {
    int fd;
    size_t slot;
    _Atomic int64_t deadline_ms; /* monotonic; the connection is cut off after it */
    struct door_client client;   /* filled at the first request that needs it */
    struct door_who who;
    struct hm_buf frame; /* request to the registrar */
    struct hm_buf reply; /* its reply */
    struct hm_buf out;   /* body of an answer made here */
    struct door_req req;
};

struct door_conns;
struct door_conns *door_conns_new(size_t max);
void door_conns_free(struct door_conns *cs);
struct door_conn *door_conn_open(struct door_conns *cs, int fd); /* NULL: no place, no memory */
void door_conn_close(struct door_conns *cs, struct door_conn *c);
void door_conn_due(struct door_conn *c, int64_t in_ms); /* DOOR_NEVER: no deadline */
/* The client has closed its end, or the connection was cut. */
bool door_conn_gone(const struct door_conn *c);
/* Frees buffers that a large request left behind. */
void door_conn_trim(struct door_conn *c);
/* Shuts down every connection whose deadline has passed; returns how many. */
size_t door_conns_reap(struct door_conns *cs);
size_t door_conns_count(struct door_conns *cs);

#endif
