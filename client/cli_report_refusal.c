/* What was refused, with the reasons; and refusals in a row. */
#include "client/cli_report_priv.h"

#include "client/cli_grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MIN 5                      /* so many in a row are an anomaly */
#define ROW_PAUSE_MS UINT64_C(3600000) /* after an hour a row begins anew */

/* ---- in a row ---- */

static struct report_run *find_run(struct report *p, const char *actor, struct hm_why *why)
{
    for (size_t i = 0; i < p->run_count; i++)
        if (strcmp(p->runs[i].actor, actor) == 0)
            return &p->runs[i];
    if (cli_grow((void *)&p->runs, p->run_count, &p->run_cap, sizeof *p->runs, why) != HM_OK)
        return NULL;
    struct report_run *run = &p->runs[p->run_count++];
    *run = (struct report_run){.count = 0};
    (void)snprintf(run->actor, sizeof run->actor, "%s", actor);
    return run;
}

static enum hm_err end_run(struct report *p, struct report_run *run, struct hm_why *why)
{
    uint64_t count = run->count;
    run->count = 0;
    if (count < ROW_MIN)
        return HM_OK;
    return report_anomaly(p, "refusals-in-a-row", run->last, run->last_ms, why,
                          "%" PRIu64
                          " refusals of %s without anything else of theirs between them, "
                          "records %" PRIu64 " to %" PRIu64,
                          count, run->actor, run->first, run->last);
}

static enum hm_err count_run(struct report *p, const struct report_record *x, uint64_t refusals,
                             struct hm_why *why)
{
    const struct hm_record *r = x->r;
    enum hm_err err = HM_OK;
    if (r->actor[0] == '\0')
        return HM_OK;
    struct report_run *run = find_run(p, r->actor, why);
    if (run == NULL)
        return HM_E_MEMORY;
    if (refusals == 0 || r->t_ms - run->last_ms > ROW_PAUSE_MS)
        err = end_run(p, run, why);
    if (refusals == 0)
        return err;
    if (run->count == 0)
        run->first = r->idx;
    run->count += refusals;
    run->last = r->idx;
    run->last_ms = r->t_ms;
    return err;
}

enum hm_err report_run_anomalies(struct report *p, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < p->run_count; i++)
        err = end_run(p, &p->runs[i], why);
    return err;
}

/* ---- one by one ---- */

static json_t *row_of(const struct report_record *x, struct cli_reason *reason)
{
    const struct hm_record *r = x->r;
    char release[24] = "";
    if (r->has_release)
        (void)snprintf(release, sizeof release, "r%" PRIu64, r->release);
    json_t *findings = reason->findings != NULL ? json_incref(reason->findings) : json_array();
    json_t *v =
        json_pack("{s:I, s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "index", (json_int_t)r->idx,
                  "time", report_time(r->t_ms), "event", hm_event_name(r->event), "person",
                  report_person(x->policy, r->actor, cli_story_actor_proven(r->event)), "release",
                  release, "product", r->product, "version", r->version, "channel", r->channel,
                  "outcome", r->outcome, "findings", findings);
    if (reason->unreadable)
        (void)json_object_set_new(v, "unreadable", json_true());
    return v;
}

static enum hm_err add_row(struct report *p, const struct report_record *x, struct hm_why *why)
{
    CLI_REASON_AUTO reason = {.findings = NULL};
    enum hm_err err = cli_reason_get(&p->papers, x->r, &reason, why);
    if (err == HM_OK)
        err = report_mention(&p->mentions, x, why);
    return err == HM_OK ? report_append(p->refusals, row_of(x, &reason), why) : err;
}

static enum hm_err summarised(struct report *p, const struct report_record *x, struct hm_why *why)
{
    const struct hm_record *r = x->r;
    p->unrecorded += r->count;
    enum hm_err err = report_mention(&p->mentions, x, why);
    if (err == HM_OK)
        err = report_anomaly(p, "unrecorded-refusals", r->idx, r->t_ms, why,
                             "%" PRIu64 " refusals of %s have no records of their own: there were "
                             "more than the registrar writes in a minute",
                             r->count, r->actor[0] != '\0' ? r->actor : "several people");
    return err == HM_OK ? count_run(p, x, r->count, why) : err;
}

enum hm_err report_refusal(struct report *p, const struct report_record *x, struct hm_why *why)
{
    enum hm_event event = x->r->event;
    if (!x->in_period)
        return HM_OK;
    if (event == HM_EV_REFUSALS_SUMMARISED)
        return summarised(p, x, why);
    bool refusal = hm_event_is_refusal(event);
    if (!x->wanted)
        return HM_OK;
    enum hm_err err = count_run(p, x, refusal, why);
    return err == HM_OK && refusal ? add_row(p, x, why) : err;
}
