/* hallmark log query: records by filter. What the server picked is never proven complete, and is
 * shown with that remark; out of a backup, an export or the whole log it is. */
#include "client/cli_kept.h"
#include "client/cli_source.h"
#include "client/cli_when.h"

#include <inttypes.h>
#include <string.h>

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 1000000

static const struct cli_opt opts[] = {
    CLI_FILTER_OPTS,
    {"order", "asc|desc", "oldest or newest first, default desc", false},
    {"limit", "N", "at most N records, default 50", false},
    {"all", NULL, "all of them, in place of --limit", false},
    {"prove", NULL, "verify the proof of every record shown", false},
    {"local", NULL, "show times in this machine's zone", false},
    CLI_SOURCE_OPTS,
    CLI_SOURCE_CHECKPOINT_OPT,
    {NULL, NULL, NULL, false},
};

struct query {
    struct cli *c;
    struct cli_filter filter;
    uint64_t limit;
    bool prove;
    struct cli_source source;
    struct cli_kept rows; /* in the order in which they are shown */
    struct cli_found found;
};

static void free_query(struct query *q)
{
    cli_source_close(&q->source);
    cli_kept_free(&q->rows);
}

static enum hm_err on_record(void *ctx, const struct cli_source_record *x, struct hm_why *why)
{
    return cli_kept_add(&((struct query *)ctx)->rows, x->r->idx, x->bytes, why);
}

static enum hm_err take_options(struct cli *c, struct query *q)
{
    const char *order = cli_args_get(&c->args, "order");
    q->prove = cli_args_has(&c->args, "prove");
    q->limit = LIMIT_DEFAULT;
    if (order != NULL && strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--order: '%.20s': expected asc or desc", order);
    if (cli_args_has(&c->args, "all") && cli_args_has(&c->args, "limit"))
        return hm_fail(&c->why, HM_E_CONFIG, "--all and --limit: one of them");
    enum hm_err err =
        cli_args_uint(&c->args, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &q->limit, &c->why);
    if (err == HM_OK)
        err = cli_filter_take(c, &q->filter);
    q->filter.descending = order == NULL || strcmp(order, "desc") == 0;
    if (cli_args_has(&c->args, "all"))
        q->limit = UINT64_MAX;
    return err == HM_OK ? cli_source_open(c, CLI_SOURCE_GIVEN | (q->prove ? CLI_SOURCE_PROVES : 0),
                                          &q->source)
                        : err;
}

static enum hm_err prove_all(struct query *q)
{
    struct cli_count progress;
    enum hm_err err = HM_OK;
    cli_count_begin(&progress, &q->c->term, "proving record", q->rows.count);
    for (size_t i = 0; err == HM_OK && i < q->rows.count; i++) {
        CLI_RECORD_AUTO r = {.leaf = {{0}}};
        const struct cli_kept_row *row = &q->rows.rows[i];
        err = cli_source_proof(&q->source, row->idx, hm_bytes_of(row->bytes, row->len), &r);
        cli_count_update(&progress, i + 1);
    }
    cli_count_clear(&progress);
    return err;
}

/* ---- showing ---- */

static void table_row(struct cli_table *t, const struct hm_record *r, bool local)
{
    char time[CLI_WHEN_TEXT];
    cli_when_text(r->t_ms, local, time);
    cli_table_cell(t, "%" PRIu64, r->idx);
    cli_table_cell(t, "%s", time);
    cli_table_cell(t, "%s", hm_event_name(r->event));
    if (r->has_release)
        cli_table_cell(t, "r%" PRIu64, r->release);
    else
        cli_table_cell(t, "-");
    cli_table_cell(t, "%s%s%s", r->product[0] != '\0' ? r->product : "-",
                   r->version[0] != '\0' ? " " : "", r->version);
    cli_table_cell(t, "%s", r->channel[0] != '\0' ? r->channel : "-");
    cli_table_cell(t, "%s", r->actor[0] != '\0' ? r->actor : "-");
    cli_table_cell(t, "%s", r->outcome[0] != '\0' ? r->outcome : "-");
}

static enum hm_err show_table(struct query *q)
{
    static const char *const headers[] = {"INDEX",   "TIME",    "EVENT", "RELEASE",
                                          "VERSION", "CHANNEL", "ACTOR", "OUTCOME"};
    CLI_TABLE_AUTO t;
    bool local = cli_args_has(&q->c->args, "local");
    enum hm_err err = HM_OK;
    cli_table_begin(&t, headers, 8);
    for (size_t i = 0; err == HM_OK && i < q->rows.count; i++) {
        const struct cli_kept_row *row = &q->rows.rows[i];
        struct hm_record r;
        err = hm_record_parse(hm_bytes_of(row->bytes, row->len), &r, &q->c->why);
        if (err == HM_OK)
            table_row(&t, &r, local);
    }
    if (err == HM_OK && hm_buf_err(&t.text) != HM_OK)
        err = hm_fail(&q->c->why, hm_buf_err(&t.text), "too many records for a table: use --json");
    if (err == HM_OK)
        cli_table_write(&t, stdout, q->c->term.color_out);
    return err;
}

static enum hm_err show_lines(struct query *q)
{
    for (size_t i = 0; i < q->rows.count; i++) {
        const struct cli_kept_row *row = &q->rows.rows[i];
        (void)fwrite(row->bytes, 1, row->len, stdout);
        (void)putchar('\n');
    }
    return fflush(stdout) == 0 ? HM_OK : hm_fail(&q->c->why, HM_E_IO, "cannot write to stdout");
}

/* What the answer is worth, and where it goes on. */
static void remark(const struct query *q)
{
    const struct cli_found *f = &q->found;
    uint64_t last = q->rows.count > 0 ? q->rows.rows[q->rows.count - 1].idx : 0;
    if (!q->c->term.json) {
        cli_source_note(&q->source, f, q->prove);
        if (f->more)
            cli_note(q->c, "There may be more: --after %" PRIu64 ", or --all.", last);
        return;
    }
    (void)fprintf(stderr,
                  "{\"records\":%" PRIu64 ",\"log_size\":%" PRIu64 ",\"complete\":%s,\"proven\":%s",
                  f->given, f->log_size, cli_source_is_complete(&q->source) ? "true" : "false",
                  q->prove || cli_source_is_complete(&q->source) ? "true" : "false");
    if (f->more)
        (void)fprintf(stderr, ",\"next\":%" PRIu64, last);
    (void)fputs("}\n", stderr);
}

static enum hm_err query(struct cli *c, struct query *q)
{
    enum hm_err err = take_options(c, q);
    if (err == HM_OK)
        err = cli_source_find(&q->source, &q->filter, q->limit, on_record, q, &q->found);
    if (err == HM_OK && q->prove)
        err = prove_all(q);
    if (err == HM_OK)
        err = c->term.json ? show_lines(q) : show_table(q);
    if (err == HM_OK)
        remark(q);
    return err;
}

static int run(struct cli *c)
{
    struct query q = {.c = c};
    int code = cli_end(c, query(c, &q));
    free_query(&q);
    return code;
}

const struct cli_command cli_cmd_log_query = {
    .name = "log query",
    .summary = "find records",
    .usage = "[FILTERS] [--complete | --database FILE | --file FILE --checkpoint FILE]",
    .example = "  hallmark log query --product edge-router --event release.signed --prove\n"
               "  hallmark log query --artifact firmware.bin --since 7d --order asc --all\n"
               "  hallmark log query --outcome break-glass --database log-backup.db",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
