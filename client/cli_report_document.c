/* The parts put together, with the sums over them. */
#include "client/cli_report_priv.h"

#include "schema/core/hm_time.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is counted for each product, channel and environment. */
static const char *const counted[] = {"submitted", "signed",  "refused",    "rejected",
                                      "cancelled", "expired", "superseded", "open"};
#define COUNTED (sizeof counted / sizeof counted[0])

static void count(json_t *row, const char *what)
{
    (void)json_object_set_new(row, what,
                              json_integer(json_integer_value(json_object_get(row, what)) + 1));
}

static json_t *row_for(json_t *rows, const char *product, const char *channel,
                       const char *environment)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (strcmp(hm_json_text(row, "product"), product) == 0 &&
            strcmp(hm_json_text(row, "channel"), channel) == 0 &&
            strcmp(hm_json_text(row, "environment"), environment) == 0)
            return row;
    }
    json_t *row = json_pack("{s:s, s:s, s:s}", "product", product, "channel", channel,
                            "environment", environment);
    for (size_t i = 0; i < COUNTED; i++)
        (void)json_object_set_new(row, counted[i], json_integer(0));
    (void)json_array_append_new(rows, row);
    return row;
}

static bool is_of_period(const struct report *p, const json_t *at)
{
    int64_t s = 0;
    const char *time = hm_json_text(at, "time");
    char whole[HM_TIME_TEXT];
    (void)snprintf(whole, sizeof whole, "%.19sZ", time);
    if (hm_time_parse(hm_bytes_str(whole), &s) != HM_OK)
        return false;
    return report_in_period(p, (uint64_t)s * 1000); /* the period's ends are whole seconds */
}

static const char *word_of(const char *event)
{
    const char *dot = strchr(event, '.');
    return dot != NULL ? dot + 1 : event;
}

static void count_release(const struct report *p, json_t *rows, const json_t *doc)
{
    json_t *row = row_for(rows, hm_json_text(doc, "product"), hm_json_text(doc, "channel"),
                          hm_json_text(doc, "environment"));
    const json_t *made = json_object_get(doc, "signed");
    const json_t *end = json_object_get(doc, "end");
    if (is_of_period(p, json_object_get(doc, "submitted")))
        count(row, "submitted");
    if (json_is_object(made))
        count(row, "signed");
    else if (json_is_object(end))
        count(row, word_of(hm_json_text(end, "event")));
    else
        count(row, "open");
}

/* A refused submission has no environment, as no rule was found for it, or none may be told. */
static json_t *by_product(const struct report *p, const json_t *releases)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < json_array_size(releases); i++)
        count_release(p, rows, json_array_get(releases, i));
    for (size_t i = 0; i < json_array_size(p->refusals); i++) {
        const json_t *r = json_array_get(p->refusals, i);
        if (strcmp(hm_json_text(r, "event"), "release.refused") == 0)
            count(row_for(rows, hm_json_text(r, "product"), hm_json_text(r, "channel"), ""),
                  "refused");
    }
    return rows;
}

static json_t *summary_of(const struct report *p, const json_t *rows, const json_t *releases)
{
    json_t *sums = json_object();
    json_int_t glass = 0;
    json_int_t approvals = 0;
    for (size_t k = 0; k < COUNTED; k++) {
        json_int_t n = 0;
        for (size_t i = 0; i < json_array_size(rows); i++)
            n += json_integer_value(json_object_get(json_array_get(rows, i), counted[k]));
        (void)json_object_set_new(sums, counted[k], json_integer(n));
    }
    for (size_t i = 0; i < json_array_size(releases); i++) {
        const json_t *doc = json_array_get(releases, i);
        const json_t *list = json_object_get(doc, "approvals");
        glass += !json_is_null(json_object_get(doc, "break_glass"));
        for (size_t n = 0; n < json_array_size(list); n++)
            approvals += is_of_period(p, json_array_get(list, n));
    }
    (void)json_object_set_new(sums, "break_glass", json_integer(glass));
    (void)json_object_set_new(sums, "approvals", json_integer(approvals));
    (void)json_object_set_new(sums, "refusals",
                              json_integer((json_int_t)json_array_size(p->refusals)));
    (void)json_object_set_new(sums, "refusals_unrecorded", json_integer((json_int_t)p->unrecorded));
    (void)json_object_set_new(sums, "changes",
                              json_integer((json_int_t)json_array_size(p->changes)));
    (void)json_object_set_new(sums, "anomalies",
                              json_integer((json_int_t)json_array_size(p->anomalies)));
    return sums;
}

/* ---- releases ---- */

static enum hm_err add_mentions(struct report *p, const struct report_mentions *from,
                                struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < from->count; i++) {
        const struct report_mention *m = &from->list[i];
        const struct hm_record r = {.idx = m->idx, .t_ms = m->t_ms, .event = m->event};
        const struct report_record x = {.r = &r, .leaf = m->leaf};
        err = report_mention(&p->mentions, &x, why);
    }
    return err;
}

static enum hm_err add_release(struct report *p, struct report_release *rel, json_t *list,
                               struct hm_why *why)
{
    json_t *records = json_array();
    for (size_t i = 0; i < rel->records.count; i++)
        (void)json_array_append_new(records, json_integer((json_int_t)rel->records.list[i].idx));
    (void)json_object_set_new(rel->doc, "state", json_string(hm_release_state_name(rel->state)));
    (void)json_object_set_new(rel->doc, "records", records);
    enum hm_err err = add_mentions(p, &rel->records, why);
    return err == HM_OK ? report_append(list, json_incref(rel->doc), why) : err;
}

static enum hm_err releases_of(struct report *p, json_t *list, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < p->releases.count; i++)
        if (p->releases.list[i].doc != NULL && p->releases.list[i].in_period)
            err = add_release(p, &p->releases.list[i], list, why);
    return err;
}

/* ---- appendix ---- */

static int by_index(const void *a, const void *b)
{
    uint64_t x = ((const struct report_mention *)a)->idx;
    uint64_t y = ((const struct report_mention *)b)->idx;
    return (x > y) - (x < y);
}

static json_t *appendix_of(struct report *p)
{
    json_t *list = json_array();
    struct report_mentions *m = &p->mentions;
    if (m->count > 1)
        qsort(m->list, m->count, sizeof *m->list, by_index);
    for (size_t i = 0; i < m->count; i++) {
        const struct report_mention *one = &m->list[i];
        if (i > 0 && one->idx == m->list[i - 1].idx)
            continue;
        (void)json_array_append_new(
            list, json_pack("{s:I, s:o, s:s, s:o}", "index", (json_int_t)one->idx, "time",
                            report_time(one->t_ms), "event", hm_event_name(one->event), "leaf",
                            report_hex(&one->leaf)));
    }
    return list;
}

/* ---- the head ---- */

static json_t *when(uint64_t ms)
{
    char text[HM_TIME_TEXT];
    if (ms == 0)
        return json_null();
    hm_time_format((int64_t)(ms / 1000), text);
    return json_string(text);
}

static json_t *checkpoint_of(const struct cli_source *s)
{
    struct hm_digest key = hm_key_id(&s->key.key);
    struct hm_bytes note = hm_buf_bytes(&s->note);
    return json_pack("{s:I, s:o, s:s%, s:o}", "size", (json_int_t)s->checkpoint.size, "root",
                     report_hex(&s->checkpoint.root), "text", (const char *)note.data, note.len,
                     "log_key", report_hex(&key));
}

static json_t *records_of(const struct report *p)
{
    json_t *v = json_pack("{s:I}", "count", (json_int_t)p->count);
    if (p->count > 0) {
        (void)json_object_set_new(v, "first", json_integer((json_int_t)p->first));
        (void)json_object_set_new(v, "last", json_integer((json_int_t)p->last));
        (void)json_object_set_new(v, "longest_silence_ms", json_integer((json_int_t)p->silence_ms));
        (void)json_object_set_new(v, "longest_silence_before",
                                  json_integer((json_int_t)p->silence_idx));
    }
    return v;
}

static json_t *head_of(const struct report *p)
{
    const struct cli_filter *f = &p->in->period;
    const struct cli_source *s = p->source;
    return json_pack("{s:s, s:s, s:{s:o, s:o}, s:s?, s:o, s:s, s:s, s:o, s:o, s:I}", "report",
                     "hallmark-audit-report/v1", "origin", s->key.name, "period", "since",
                     when(f->since_ms), "until", when(f->until_ms), "product", f->product, "made",
                     when((uint64_t)p->in->now_s * 1000), "made_by", "hallmark " HALLMARK_VERSION,
                     "source", cli_source_name(s), "checkpoint", checkpoint_of(s), "records",
                     records_of(p), "documents_missing", (json_int_t)p->papers.missing);
}

enum hm_err report_document(struct report *p, json_t **out, struct hm_why *why)
{
    json_t *releases = json_array();
    enum hm_err err = releases_of(p, releases, why);
    json_t *doc = err == HM_OK ? head_of(p) : NULL;
    json_t *rows = by_product(p, releases);
    if (err == HM_OK && doc == NULL)
        err = hm_fail(why, HM_E_INTERNAL, "the report's head cannot be written");
    if (err == HM_OK) {
        (void)json_object_set_new(doc, "summary", summary_of(p, rows, releases));
        (void)json_object_set(doc, "by_product", rows);
        (void)json_object_set(doc, "releases", releases);
        (void)json_object_set_new(doc, "keys", report_keys_json(p));
        (void)json_object_set(doc, "refusals", p->refusals);
        (void)json_object_set(doc, "changes", p->changes);
        (void)json_object_set(doc, "anomalies", p->anomalies);
        (void)json_object_set_new(doc, "appendix", appendix_of(p));
        *out = doc;
    }
    json_decref(rows);
    json_decref(releases);
    return err;
}
