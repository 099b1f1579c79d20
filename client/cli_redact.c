#include "client/cli_redact.h"

#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <string.h>

enum hm_err cli_redact_read(struct cli *c, const char *file, struct hm_buf *text,
                            struct hm_erasure *out)
{
    enum hm_err err = cli_read(file, HM_STATEMENT_MAX, text, &c->why);
    if (err == HM_OK)
        err = hm_erasure_parse(hm_buf_bytes(text), out, &c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&c->why, err, "%.300s", file);
}

enum hm_err cli_redact_item(struct cli *c, uint64_t idx, struct cli_record *rec,
                            struct hm_digest *detail)
{
    enum hm_err err = cli_record_fetch(c, idx, rec);
    if (err == HM_OK && !rec->record.has_detail)
        err = hm_fail(&c->why, HM_E_STATE, "record %" PRIu64 " (%s) has no private detail", idx,
                      hm_event_name(rec->record.event));
    if (err == HM_OK)
        *detail = rec->record.detail;
    return err;
}

static enum hm_err add_row(struct cli *c, const struct hm_erasure_item *item,
                           struct cli_table *table)
{
    CLI_RECORD_AUTO rec = {.leaf = {{0}}};
    struct hm_digest detail;
    char time[HM_TIME_TEXT];
    enum hm_err err = cli_redact_item(c, item->idx, &rec, &detail);
    if (err == HM_OK && !hm_digest_eq(&detail, &item->detail))
        err = hm_fail(&c->why, HM_E_DENIED,
                      "the statement names another detail for record %" PRIu64 " than the log",
                      item->idx);
    if (err != HM_OK)
        return err;
    hm_time_format((int64_t)(rec.record.t_ms / 1000), time);
    cli_table_cell(table, "%" PRIu64, item->idx);
    cli_table_cell(table, "%s", time);
    cli_table_cell(table, "%s", hm_event_name(rec.record.event));
    cli_table_cell(table, "%s", rec.record.actor[0] != '\0' ? rec.record.actor : "-");
    cli_table_cell(table, "%s", rec.record.outcome[0] != '\0' ? rec.record.outcome : "-");
    return HM_OK;
}

static void show_digests(const struct hm_erasure *e)
{
    for (size_t i = 0; i < e->count; i++) {
        char hex[HM_SHA256_HEX];
        hm_digest_hex(&e->items[i].detail, hex);
        (void)fprintf(stderr, "  record %" PRIu64 ", detail %s\n", e->items[i].idx, hex);
    }
}

static enum hm_err show_records(struct cli *c, const struct hm_erasure *e)
{
    static const char *const headers[] = {"INDEX", "TIME", "EVENT", "ACTOR", "OUTCOME"};
    CLI_TABLE_AUTO table = {.columns = 0};
    struct hm_vkey key;
    enum hm_err err = cli_log_key(c, &key);
    if (err == HM_OK && strcmp(key.name, e->origin) != 0)
        err = hm_fail(&c->why, HM_E_DENIED, "the statement is for log %s, the pinned one is %s",
                      e->origin, key.name);
    if (err != HM_OK)
        return err;
    cli_table_begin(&table, headers, 5);
    for (size_t i = 0; err == HM_OK && i < e->count; i++)
        err = add_row(c, &e->items[i], &table);
    if (err == HM_OK)
        cli_table_write(&table, stderr, false);
    return err;
}

enum hm_err cli_redact_show(struct cli *c, const struct hm_erasure *e, bool offline)
{
    char time[HM_TIME_TEXT];
    hm_time_format(e->expires_s, time);
    (void)fprintf(stderr,
                  "erase for good the private detail of %zu record%s of log %s\n"
                  "reason:  %s\nexpires: %s\n",
                  e->count, e->count == 1 ? "" : "s", e->origin, e->reason, time);
    if (!offline)
        return show_records(c, e);
    show_digests(e);
    return HM_OK;
}
