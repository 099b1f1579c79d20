#include "server/witness/witness_metrics.h"

#include "server/ipc/proc_metric.h"
#include "server/witness/witness_add.h"
#include "server/witness/witness_conn.h"

#include <inttypes.h>
#include <stdlib.h>

static const unsigned statuses[] = {200, 400, 403, 404, 405, 409, 413, 422, 503};
#define STATUSES (sizeof statuses / sizeof statuses[0])

static const char *const routes[WITNESS_ROUTES] = {
    [WITNESS_ROUTE_NONE] = "none",
    [WITNESS_ROUTE_ADD] = "/add-checkpoint",
    [WITNESS_ROUTE_CHECKPOINT] = "/{origin}/checkpoint",
    [WITNESS_ROUTE_HEALTH] = "/healthz",
    [WITNESS_ROUTE_METRICS] = "/metrics",
};

struct witness_metrics {
    _Atomic uint64_t answered[WITNESS_ROUTES][STATUSES + 1]; /* last: another status */
    _Atomic uint64_t cut;
};

struct witness_metrics *witness_metrics_new(void)
{
    return calloc(1, sizeof(struct witness_metrics));
}

void witness_metrics_free(struct witness_metrics *m)
{
    free(m);
}

void witness_metrics_answered(struct witness_metrics *m, enum witness_route route, unsigned status)
{
    size_t s = 0;
    while (s < STATUSES && statuses[s] != status)
        s++;
    (void)atomic_fetch_add_explicit(&m->answered[route][s], 1, memory_order_relaxed);
}

void witness_metrics_cut(struct witness_metrics *m, size_t connections)
{
    (void)atomic_fetch_add_explicit(&m->cut, connections, memory_order_relaxed);
}

static void write_requests(struct witness_metrics *m, struct hm_buf *out)
{
    proc_metric_head(out, "hallmark_witness", "requests_total", "counter",
                     "Requests answered, by route and status.");
    for (size_t r = 0; r < WITNESS_ROUTES; r++) {
        for (size_t s = 0; s <= STATUSES; s++) {
            uint64_t n = atomic_load_explicit(&m->answered[r][s], memory_order_relaxed);
            if (n == 0)
                continue;
            hm_buf_printf(out, "hallmark_witness_requests_total{route=\"%s\",status=\"", routes[r]);
            if (s < STATUSES)
                hm_buf_printf(out, "%u", statuses[s]);
            else
                hm_buf_puts(out, "other");
            hm_buf_printf(out, "\"} %" PRIu64 "\n", n);
        }
    }
}

static void write_verdicts(struct witness *w, struct hm_buf *out)
{
    proc_metric_head(out, "hallmark_witness", "checkpoints_total", "counter",
                     "Checkpoints of known logs, by what became of them.");
    for (size_t i = 0; i < w->log_count; i++) {
        for (size_t v = 0; v < WITNESS_VERDICTS; v++) {
            uint64_t n = atomic_load_explicit(&w->logs[i].count[v], memory_order_relaxed);
            if (n > 0)
                hm_buf_printf(out,
                              "hallmark_witness_checkpoints_total{origin=\"%s\",verdict=\"%s\"} "
                              "%" PRIu64 "\n",
                              w->logs[i].config->origin, witness_verdicts[v].name, n);
        }
    }
}

struct seen {
    uint64_t size;
    uint64_t time_s;
};

static struct seen look(struct witness_log *l)
{
    (void)pthread_mutex_lock(&l->lock);
    struct seen s = {l->last.size, l->last_time_s};
    (void)pthread_mutex_unlock(&l->lock);
    return s;
}

static void write_logs(struct witness *w, struct hm_buf *out)
{
    proc_metric_head(out, "hallmark_witness", "size", "gauge",
                     "Size of the last checkpoint that was cosigned.");
    for (size_t i = 0; i < w->log_count; i++)
        hm_buf_printf(out, "hallmark_witness_size{origin=\"%s\"} %" PRIu64 "\n",
                      w->logs[i].config->origin, look(&w->logs[i]).size);
    proc_metric_head(out, "hallmark_witness", "cosigned_seconds", "gauge",
                     "Unix time of the last cosignature; 0: none yet.");
    for (size_t i = 0; i < w->log_count; i++)
        hm_buf_printf(out, "hallmark_witness_cosigned_seconds{origin=\"%s\"} %" PRIu64 "\n",
                      w->logs[i].config->origin, look(&w->logs[i]).time_s);
}

void witness_metrics_write(struct witness *w, struct hm_buf *out)
{
    write_requests(w->metrics, out);
    write_verdicts(w, out);
    write_logs(w, out);
    proc_metric_head(out, "hallmark_witness", "connections", "gauge", "Open connections.");
    hm_buf_printf(out, "hallmark_witness_connections %zu\n", witness_conns_count(w->conns));
    proc_metric_head(out, "hallmark_witness", "connections_cut_total", "counter",
                     "Connections cut off for being too slow or idle.");
    hm_buf_printf(out, "hallmark_witness_connections_cut_total %" PRIu64 "\n",
                  atomic_load_explicit(&w->metrics->cut, memory_order_relaxed));
}
