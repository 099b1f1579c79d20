/* hallmark log query: records by filter. A filtered list is never proven complete, and says so. */
#include "client/cli_entries.h"
#include "client/cli_http.h"
#include "client/cli_proof.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"event", "NAME", "such as release.signed", false},
    {"product", "NAME", "", false},
    {"version", "NAME", "", false},
    {"channel", "NAME", "", false},
    {"environment", "NAME", "", false},
    {"actor", "ID", "principal", false},
    {"outcome", "CODE", "ok, or the id of the check that failed", false},
    {"release", "ID", "such as r17", false},
    {"artifact", "SHA256", "artifact digest, 64 hex digits", false},
    {"key", "ID", "key id of a signing or approving key", false},
    {"since", "TIME", "2026-11-21T00:00:00Z, included", false},
    {"until", "TIME", "2026-11-22T00:00:00Z, excluded", false},
    {"order", "asc|desc", "oldest or newest first, default desc", false},
    {"limit", "N", "at most N records, default 50", false},
    {"prove", NULL, "fetch and verify the proof of every record shown", false},
    {NULL, NULL, NULL, false},
};
static const char *const filters[] = {"event",       "product", "version", "channel",
                                      "environment", "actor",   "outcome", "release",
                                      "artifact",    "key",     "since",   "until"};
#define FILTER_COUNT (sizeof filters / sizeof filters[0])

struct query {
    struct cli *c;
    struct cli_table table;
    struct hm_buf lines; /* --json */
    struct hm_buf prove; /* indexes to prove, as uint64_t */
    uint64_t count;
};

static void free_query(struct query *q)
{
    cli_table_free(&q->table);
    hm_buf_free(&q->lines);
    hm_buf_free(&q->prove);
}

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct query *q = ctx;
    struct hm_record r;
    char time[HM_TIME_TEXT];
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "a record in the list");
    hm_time_format((int64_t)(r.t_ms / 1000), time);
    cli_table_cell(&q->table, "%" PRIu64, r.idx);
    cli_table_cell(&q->table, "%s", time);
    cli_table_cell(&q->table, "%s", hm_event_name(r.event));
    if (r.has_release)
        cli_table_cell(&q->table, "r%" PRIu64, r.release);
    else
        cli_table_cell(&q->table, "-");
    cli_table_cell(&q->table, "%s%s%s", r.product[0] != '\0' ? r.product : "-",
                   r.version[0] != '\0' ? " " : "", r.version);
    cli_table_cell(&q->table, "%s", r.channel[0] != '\0' ? r.channel : "-");
    cli_table_cell(&q->table, "%s", r.actor[0] != '\0' ? r.actor : "-");
    cli_table_cell(&q->table, "%s", r.outcome[0] != '\0' ? r.outcome : "-");
    hm_buf_put(&q->lines, record.data, record.len);
    hm_buf_putc(&q->lines, '\n');
    hm_buf_put(&q->prove, &r.idx, sizeof r.idx);
    q->count++;
    return hm_buf_err(&q->lines);
}

static enum hm_err make_path(struct cli *c, struct hm_buf *path)
{
    const char *order = cli_args_get(&c->args, "order");
    int64_t when;
    if (order == NULL)
        order = "desc";
    if (strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--order: '%.20s': expected asc or desc", order);
    hm_buf_puts(path, "/v1/log/entries");
    cli_query_add(path, "order", order);
    for (size_t i = 0; i < FILTER_COUNT; i++) {
        const char *value = cli_args_get(&c->args, filters[i]);
        bool time = strcmp(filters[i], "since") == 0 || strcmp(filters[i], "until") == 0;
        if (time && value != NULL && hm_time_parse(hm_bytes_str(value), &when) != HM_OK)
            return hm_fail(&c->why, HM_E_CONFIG,
                           "--%s: '%.40s': expected a time like 2026-11-21T00:00:00Z", filters[i],
                           value);
        cli_query_add(path, filters[i], value);
    }
    return hm_buf_str(path) != NULL ? HM_OK
                                    : hm_fail(&c->why, HM_E_CONFIG, "the filters are too long");
}

/* The proven record must be the one that was listed. */
static enum hm_err prove_all(struct cli *c, const struct query *q)
{
    struct hm_bytes lines = hm_buf_bytes(&q->lines);
    for (uint64_t i = 0; i < q->count; i++) {
        CLI_RECORD_AUTO r = {.leaf = {{0}}};
        uint64_t idx;
        memcpy(&idx, q->prove.data + i * sizeof idx, sizeof idx);
        const uint8_t *lf = memchr(lines.data, '\n', lines.len);
        if (lf == NULL)
            break;
        size_t len = (size_t)(lf - lines.data);
        enum hm_err err = cli_record_fetch(c, idx, &r);
        if (err != HM_OK)
            return err;
        if (!hm_bytes_eq(hm_buf_bytes(&r.bytes), hm_bytes_of(lines.data, len)))
            return hm_fail(&c->why, HM_E_DENIED,
                           "record %" PRIu64 " in the list is not the one in the log", idx);
        lines = hm_bytes_of(lines.data + len + 1, lines.len - len - 1);
    }
    return HM_OK;
}

static enum hm_err query(struct cli *c, struct query *q)
{
    HM_BUF_AUTO path = {.limit = 4096};
    uint64_t limit = 50;
    bool prove = cli_args_has(&c->args, "prove");
    enum hm_err err = cli_args_uint(&c->args, "limit", 1, 1000000, limit, &limit, &c->why);
    if (err == HM_OK)
        err = make_path(c, &path);
    if (err == HM_OK)
        err = cli_entries(c, hm_buf_str(&path), limit, on_record, q);
    if (err == HM_OK && prove)
        err = prove_all(c, q);
    if (err != HM_OK)
        return err;
    if (c->term.json)
        err = cli_write(NULL, hm_buf_bytes(&q->lines), &c->why);
    else
        cli_table_write(&q->table, stdout, c->term.color_out);
    cli_note(c,
             "%" PRIu64 " records%s. A filtered list is not proven complete: the server chose what "
             "to show; hallmark log verify replays everything.",
             q->count, prove ? ", each proven to be in the log" : "");
    return err;
}

static int run(struct cli *c)
{
    static const char *const headers[] = {"INDEX",   "TIME",    "EVENT", "RELEASE",
                                          "VERSION", "CHANNEL", "ACTOR", "OUTCOME"};
    struct query q = {.c = c,
                      .lines = {.limit = (size_t)256 * 1024 * 1024},
                      .prove = {.limit = (size_t)64 * 1024 * 1024}};
    cli_table_begin(&q.table, headers, 8);
    int code = cli_end(c, query(c, &q));
    free_query(&q);
    return code;
}

const struct cli_command cli_cmd_log_query = {
    .name = "log query",
    .summary = "find records",
    .usage = "[FILTERS]",
    .example = "  hallmark log query --product edge-router --event release.signed --prove\n"
               "  hallmark log query --artifact $(sha256sum firmware.bin | cut -d' ' -f1)",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
