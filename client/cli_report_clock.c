/* The clock that the records tell of, and starts of the registrar. */
#include "client/cli_report_priv.h"

#include "client/cli_when.h"

#include <inttypes.h>

#define SAME_MAX                                                                                   \
    1000 /* records of one millisecond: more than the batches of a busy service hold               \
          */

/* Ends with the record before this one. */
static enum hm_err stood(struct report *p, uint64_t same, uint64_t idx, struct hm_why *why)
{
    if (same <= SAME_MAX)
        return HM_OK;
    return report_anomaly(p, "clock-stood", UINT64_MAX, 0, why,
                          "%" PRIu64 " records in a row, up to record %" PRIu64
                          ", bear the same millisecond: the clock was behind the log's last record",
                          same, idx - 1);
}

static enum hm_err standing(struct report *p, const struct report_record *x, struct hm_why *why)
{
    uint64_t same = p->same;
    p->same = x->r->t_ms == p->before_ms ? same + 1 : 1;
    return p->same == 1 ? stood(p, same, x->r->idx, why) : HM_OK;
}

static enum hm_err started(struct report *p, const struct report_record *x, uint64_t pause_ms,
                           struct hm_why *why)
{
    char pause[CLI_WHEN_TEXT];
    cli_when_span(pause_ms, pause);
    enum hm_err err = report_mention(&p->mentions, x, why);
    return err == HM_OK ? report_anomaly(p, "restart", x->r->idx, x->r->t_ms, why,
                                         "the registrar starts, %s after the record before", pause)
                        : err;
}

enum hm_err report_clock(struct report *p, const struct report_record *x, struct hm_why *why)
{
    const struct hm_record *r = x->r;
    uint64_t pause = r->idx > 0 ? r->t_ms - p->before_ms : 0;
    enum hm_err err = HM_OK;
    if (x->in_period) {
        err = standing(p, x, why);
        if (err == HM_OK && r->event == HM_EV_REGISTRAR_STARTED)
            err = started(p, x, pause, why);
        if (pause > p->silence_ms) {
            p->silence_ms = pause;
            p->silence_idx = r->idx;
        }
        if (r->t_ms / 1000 > (uint64_t)p->in->now_s && p->ahead++ == 0)
            p->ahead_first = r->idx;
        if (p->count++ == 0)
            p->first = r->idx;
        p->last = r->idx;
        p->before_ms = r->t_ms;
    } else if (p->count == 0) {
        p->before_ms = r->t_ms;
    }
    return err;
}

enum hm_err report_clock_anomalies(struct report *p, struct hm_why *why)
{
    enum hm_err err = stood(p, p->same, p->last + 1, why);
    if (err != HM_OK || p->ahead == 0)
        return err;
    return report_anomaly(p, "clock-ahead", UINT64_MAX, 0, why,
                          "%" PRIu64 " records, from record %" PRIu64
                          " on, are later than the making of this report",
                          p->ahead, p->ahead_first);
}
