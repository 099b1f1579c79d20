#include "client/cli_report_priv.h"

#include <stdlib.h>
#include <string.h>

static enum hm_err take(struct report *p, const struct report_record *x, struct hm_why *why)
{
    static enum hm_err (*const parts[])(struct report * p, const struct report_record *x,
                                        struct hm_why *why) = {
        report_clock, report_release, report_key, report_refusal, report_change,
    };
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < sizeof parts / sizeof parts[0]; i++)
        err = parts[i](p, x, why);
    return err;
}

static enum hm_err on_record(void *ctx, const struct cli_source_record *s, struct hm_why *why)
{
    struct report *p = ctx;
    const struct cli_filter *f = &p->in->period;
    struct report_record x = {.r = s->r, .leaf = s->leaf};
    if (f->until_ms > 0 && s->r->t_ms >= f->until_ms)
        return HM_OK; /* only replayed */
    x.in_period = report_in_period(p, s->r->t_ms);
    x.wanted = x.in_period && (s->r->product[0] == '\0' || report_of_product(p, s->r->product));
    enum hm_err err = cli_papers_note(&p->papers, s->r, why);
    if (err == HM_OK)
        err = cli_papers_of(&p->papers, s->r, &x.policy, why);
    return err == HM_OK ? take(p, &x, why) : err;
}

static const char *text_of(const void *anomaly)
{
    return json_string_value(json_object_get(*(json_t *const *)anomaly, "text"));
}

static int by_index(const void *a, const void *b)
{
    const json_t *x = json_object_get(*(json_t *const *)a, "index");
    const json_t *y = json_object_get(*(json_t *const *)b, "index");
    json_int_t i = x != NULL ? json_integer_value(x) : INT64_MAX;
    json_int_t k = y != NULL ? json_integer_value(y) : INT64_MAX;
    return i != k ? (i > k) - (i < k) : strcmp(text_of(a), text_of(b));
}

/* By their records, those about none at the end. */
static enum hm_err sort_anomalies(struct report *p, struct hm_why *why)
{
    size_t n = json_array_size(p->anomalies);
    HM_FREE json_t **list = calloc(n + 1, sizeof *list);
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; i < n; i++)
        list[i] = json_incref(json_array_get(p->anomalies, i));
    qsort(list, n, sizeof *list, by_index);
    (void)json_array_clear(p->anomalies);
    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(p->anomalies, list[i]);
    return HM_OK;
}

static enum hm_err make(struct report *p, json_t **out)
{
    struct hm_why *why = &p->source->c->why;
    enum hm_err err = cli_source_walk(p->source, on_record, p);
    if (err == HM_OK)
        err = report_run_anomalies(p, why);
    if (err == HM_OK)
        err = report_key_anomalies(p, why);
    if (err == HM_OK)
        err = report_clock_anomalies(p, why);
    if (err == HM_OK)
        err = sort_anomalies(p, why);
    return err == HM_OK ? report_document(p, out, why) : err;
}

enum hm_err cli_report_make(struct cli_source *source, const struct cli_report_input *in,
                            json_t **out)
{
    struct report p = {.source = source,
                       .in = in,
                       .refusals = json_array(),
                       .changes = json_array(),
                       .anomalies = json_array(),
                       .lists = json_object(),
                       .proposals = json_object()};
    cli_papers_begin(&p.papers, source);
    enum hm_err err = make(&p, out);
    report_releases_free(&p.releases);
    report_keys_free(&p.keys);
    cli_papers_end(&p.papers);
    free(p.runs);
    free(p.mentions.list);
    json_decref(p.refusals);
    json_decref(p.changes);
    json_decref(p.anomalies);
    json_decref(p.lists);
    json_decref(p.proposals);
    return err;
}
