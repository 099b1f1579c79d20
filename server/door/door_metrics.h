/* Counters for /metrics: one per route and status, so their number is bounded. Thread-safe,
 * lock-free. */
#ifndef SERVER_DOOR_DOOR_METRICS_H
#define SERVER_DOOR_DOOR_METRICS_H

#include "schema/core/hm_bytes.h"

struct door_metrics;
struct door_metrics *door_metrics_new(void);
void door_metrics_free(struct door_metrics *m);
#define DOOR_NO_ROUTE ((size_t)-1)
void door_metrics_begin(struct door_metrics *m);
void door_metrics_end(struct door_metrics *m);
void door_metrics_answered(struct door_metrics *m, size_t route, unsigned status);
void door_metrics_uploaded(struct door_metrics *m, uint64_t bytes);
void door_metrics_stream(struct door_metrics *m, int change); /* of how many are open */
void door_metrics_followed(struct door_metrics *m, uint64_t records);
void door_metrics_reaped(struct door_metrics *m, size_t connections);

struct door_gauges { /* values that others keep */
    size_t connections;
    uint64_t log_size;       /* records in the read model */
    uint64_t registrar_size; /* records that the registrar last named */
    bool registrar_up;
    bool model_ok;
    uint64_t inbox_bytes;
};
/* Prometheus text format. */
void door_metrics_write(struct door_metrics *m, const struct door_gauges *g, struct hm_buf *out);

#endif
