#include "server/door/door_metrics.h"

#include "server/door/door_route.h"
#include "server/ipc/proc_metric.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

static const unsigned statuses[] = {200, 201, 304, 400, 401, 403, 404, 405, 409, 410,
                                    411, 412, 413, 415, 422, 429, 500, 503, 507};
#define STATUSES (sizeof statuses / sizeof statuses[0])

struct door_metrics {
    _Atomic int64_t in_flight;
    _Atomic uint64_t upload_bytes;
    _Atomic uint64_t reaped;
    _Atomic int64_t streams;
    _Atomic uint64_t followed;
    _Atomic uint64_t answered[][STATUSES + 1]; /* by route; the last ones: none of them */
};

struct door_metrics *door_metrics_new(void)
{
    struct door_metrics *m = NULL;
    return calloc(1, sizeof *m + (door_route_count + 1) * sizeof m->answered[0]);
}

void door_metrics_free(struct door_metrics *m)
{
    free(m);
}

void door_metrics_begin(struct door_metrics *m)
{
    (void)atomic_fetch_add_explicit(&m->in_flight, 1, memory_order_relaxed);
}

void door_metrics_end(struct door_metrics *m)
{
    (void)atomic_fetch_sub_explicit(&m->in_flight, 1, memory_order_relaxed);
}

void door_metrics_answered(struct door_metrics *m, size_t route, unsigned status)
{
    size_t s = 0;
    while (s < STATUSES && statuses[s] != status)
        s++;
    size_t r = route < door_route_count ? route : door_route_count;
    (void)atomic_fetch_add_explicit(&m->answered[r][s], 1, memory_order_relaxed);
}

void door_metrics_uploaded(struct door_metrics *m, uint64_t bytes)
{
    (void)atomic_fetch_add_explicit(&m->upload_bytes, bytes, memory_order_relaxed);
}

void door_metrics_stream(struct door_metrics *m, int change)
{
    (void)atomic_fetch_add_explicit(&m->streams, change, memory_order_relaxed);
}

void door_metrics_followed(struct door_metrics *m, uint64_t records)
{
    (void)atomic_fetch_add_explicit(&m->followed, records, memory_order_relaxed);
}

void door_metrics_reaped(struct door_metrics *m, size_t connections)
{
    (void)atomic_fetch_add_explicit(&m->reaped, connections, memory_order_relaxed);
}

static void write_requests(struct door_metrics *m, struct hm_buf *out)
{
    proc_metric_head(out, "hallmarkd", "requests_total", "counter",
                     "Requests answered, by route and status.");
    for (size_t r = 0; r <= door_route_count; r++) {
        for (size_t s = 0; s <= STATUSES; s++) {
            uint64_t n = atomic_load_explicit(&m->answered[r][s], memory_order_relaxed);
            if (n == 0)
                continue;
            hm_buf_printf(out, "hallmarkd_requests_total{method=\"%s\",route=\"%s\",status=\"",
                          r < door_route_count ? door_routes[r].method : "",
                          r < door_route_count ? door_routes[r].path : "none");
            if (s < STATUSES)
                hm_buf_printf(out, "%u", statuses[s]);
            else
                hm_buf_puts(out, "other");
            hm_buf_printf(out, "\"} %" PRIu64 "\n", n);
        }
    }
}

static void gauge(struct hm_buf *out, const char *name, const char *help, const char *type,
                  uint64_t value)
{
    proc_metric_head(out, "hallmarkd", name, type, help);
    hm_buf_printf(out, "hallmarkd_%s %" PRIu64 "\n", name, value);
}

void door_metrics_write(struct door_metrics *m, const struct door_gauges *g, struct hm_buf *out)
{
    uint64_t lag = g->registrar_size > g->log_size ? g->registrar_size - g->log_size : 0;
    int64_t in_flight = atomic_load_explicit(&m->in_flight, memory_order_relaxed);
    write_requests(m, out);
    gauge(out, "requests_in_flight", "Requests being worked on.", "gauge",
          in_flight > 0 ? (uint64_t)in_flight : 0);
    gauge(out, "connections", "Open TLS connections.", "gauge", g->connections);
    gauge(out, "connections_cut_total", "Connections cut off for being too slow or idle.",
          "counter", atomic_load_explicit(&m->reaped, memory_order_relaxed));
    int64_t streams = atomic_load_explicit(&m->streams, memory_order_relaxed);
    gauge(out, "follow_streams", "Open streams of new records.", "gauge",
          streams > 0 ? (uint64_t)streams : 0);
    gauge(out, "follow_records_total", "Records sent on such streams.", "counter",
          atomic_load_explicit(&m->followed, memory_order_relaxed));
    gauge(out, "upload_bytes_total", "Artifact bytes received.", "counter",
          atomic_load_explicit(&m->upload_bytes, memory_order_relaxed));
    gauge(out, "inbox_bytes", "Bytes of artifacts in the inbox.", "gauge", g->inbox_bytes);
    gauge(out, "log_size", "Records in the read model.", "gauge", g->log_size);
    gauge(out, "read_model_lag", "Records that the registrar has and the read model has not.",
          "gauge", lag);
    gauge(out, "read_model_ok", "1 while the read model agrees with the signed log.", "gauge",
          g->model_ok ? 1 : 0);
    gauge(out, "registrar_up", "1 while the registrar answers.", "gauge", g->registrar_up ? 1 : 0);
}
