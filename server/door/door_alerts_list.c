/* Alerts, as others ask for them. */
#include "server/door/door_alerts_priv.h"

#include "schema/io/hm_clock.h"
#include "server/ipc/proc_metric.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS UINT64_C(86400000)

/* Newest first; at the same moment the larger id. */
static int newer(const void *a, const void *b)
{
    const struct alert *const *x = a;
    const struct alert *const *y = b;
    if ((*x)->first_ms != (*y)->first_ms)
        return (*x)->first_ms > (*y)->first_ms ? -1 : 1;
    return -strcmp((*x)->id, (*y)->id);
}

static bool fits(const struct door_alerts *d, const struct door_alerts_filter *f,
                 const struct alert *x, uint64_t now_ms)
{
    if (x->last_ms + d->c.thresholds->keep_days * DAY_MS < now_ms)
        return false;
    if ((f->has_kind && x->kind != f->kind) || (f->has_severity && x->severity < f->severity))
        return false;
    if (f->current && !alerts_is_open(d->engine, x, now_ms))
        return false;
    return x->first_ms < f->before_ms ||
           (x->first_ms == f->before_ms && strcmp(x->id, f->before_id) < 0);
}

enum hm_err door_alerts_write(struct door_alerts *d, const struct door_alerts_filter *f,
                              struct hm_buf *out, bool *more, uint64_t *next_ms,
                              char next_id[static 17])
{
    HM_FREE const struct alert **list = calloc(ALERT_LIST_MAX, sizeof *list);
    uint64_t now = (uint64_t)hm_clock_unix_ms();
    size_t count = 0;
    if (list == NULL)
        return HM_E_MEMORY;
    (void)pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < alerts_count(d->engine); i++)
        if (fits(d, f, alerts_at(d->engine, i), now))
            list[count++] = alerts_at(d->engine, i);
    qsort(list, count, sizeof *list, newer);
    *more = count > f->limit;
    for (size_t i = 0; i < count && i < f->limit; i++) {
        hm_buf_puts(out, i > 0 ? "," : "");
        alerts_write(d->engine, list[i], now, out);
        *next_ms = list[i]->first_ms;
        memcpy(next_id, list[i]->id, sizeof list[i]->id);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return hm_buf_err(out);
}

bool door_alerts_next(struct door_alerts *d, uint64_t seq, struct alert *out, uint64_t *taken)
{
    (void)pthread_mutex_lock(&d->lock);
    const struct alert *x = alerts_at(d->engine, 0);
    /* They stand in the order of seq, without gaps. */
    if (x != NULL && x->seq <= seq)
        x = alerts_at(d->engine, (size_t)(seq - x->seq) + 1);
    if (x != NULL)
        *out = *x;
    *taken = d->taken;
    (void)pthread_mutex_unlock(&d->lock);
    return x != NULL;
}

void door_alerts_one(struct door_alerts *d, const struct alert *x, struct hm_buf *out)
{
    (void)pthread_mutex_lock(&d->lock);
    alerts_write(d->engine, x, (uint64_t)hm_clock_unix_ms(), out);
    (void)pthread_mutex_unlock(&d->lock);
}

void door_alerts_metrics(struct door_alerts *d, struct hm_buf *out)
{
    uint64_t current[ALERT_SEVERITIES] = {0};
    uint64_t now = (uint64_t)hm_clock_unix_ms();
    proc_metric_head(out, "hallmarkd", "alerts_total", "counter",
                     "Alerts reported since the start.");
    (void)pthread_mutex_lock(&d->lock);
    for (unsigned k = 0; k < ALERT_KINDS; k++)
        hm_buf_printf(out, "hallmarkd_alerts_total{kind=\"%s\"} %" PRIu64 "\n",
                      alert_kind_name((enum alert_kind)k), d->reported[k]);
    for (size_t i = 0; i < alerts_count(d->engine); i++) {
        const struct alert *x = alerts_at(d->engine, i);
        current[x->severity] += alerts_is_open(d->engine, x, now) ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&d->lock);
    proc_metric_head(out, "hallmarkd", "alerts_current", "gauge",
                     "Alerts that happen or last now.");
    for (unsigned s = 0; s < ALERT_SEVERITIES; s++)
        hm_buf_printf(out, "hallmarkd_alerts_current{severity=\"%s\"} %" PRIu64 "\n",
                      alert_severity_name((enum alert_severity)s), current[s]);
}
