/* Open connections: the request that one is in, and by when its present phase must be over. A
 * connection belongs to its thread; only the deadline is read by others. */
#ifndef SERVER_WITNESS_WITNESS_CONN_H
#define SERVER_WITNESS_WITNESS_CONN_H

#include "server/witness/witness_request.h"

#include <stdatomic.h>

#define WITNESS_NEVER INT64_MAX

struct witness_conn {
    int fd;
    size_t slot;
    _Atomic int64_t deadline_ms; /* monotonic; the connection is cut off after it */
    struct witness_request req;
};

struct witness_conns *witness_conns_new(size_t max);
void witness_conns_free(struct witness_conns *cs);                        /* NULL allowed */
struct witness_conn *witness_conn_open(struct witness_conns *cs, int fd); /* NULL: no place */
void witness_conn_close(struct witness_conns *cs, struct witness_conn *c);
void witness_conn_due(struct witness_conn *c, int64_t in_ms); /* WITNESS_NEVER: no deadline */
/* Shuts down every connection whose deadline has passed; returns how many. */
size_t witness_conns_reap(struct witness_conns *cs);
size_t witness_conns_count(struct witness_conns *cs);

#endif
