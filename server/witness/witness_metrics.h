/* Counters for /metrics. Their number is bounded by routes, statuses and configured logs.
 * Thread-safe. */
#ifndef SERVER_WITNESS_WITNESS_METRICS_H
#define SERVER_WITNESS_WITNESS_METRICS_H

#include "server/witness/witness.h"

enum witness_route {
    WITNESS_ROUTE_NONE = 0, /* no such path */
    WITNESS_ROUTE_ADD,
    WITNESS_ROUTE_CHECKPOINT,
    WITNESS_ROUTE_HEALTH,
    WITNESS_ROUTE_METRICS,
};
#define WITNESS_ROUTES 5

struct witness_metrics *witness_metrics_new(void);
void witness_metrics_free(struct witness_metrics *m); /* NULL allowed */
void witness_metrics_answered(struct witness_metrics *m, enum witness_route route, unsigned status);
void witness_metrics_cut(struct witness_metrics *m, size_t connections);
/* Prometheus text format. */
void witness_metrics_write(struct witness *w, struct hm_buf *out);

#endif
