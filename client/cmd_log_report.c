/* hallmark log report: an audit report for a period, as one printable page or as JSON. */
#include "client/cli_report.h"
#include "client/cli_when.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <stdlib.h>

#define PAGE_BYTES ((size_t)256 * 1024 * 1024)

static const struct cli_opt opts[] = {
    CLI_PERIOD_OPTS,
    {"product", "NAME", "only this product", false},
    {"out", "FILE", "file for the page (or the JSON); without it stdout", false},
    {"now", "TIME", "when the report is made, in place of the clock", false},
    {"database", "FILE", "a backup of the log's database in place of the server", false},
    {"file", "FILE", "an export (JSON Lines) in place of the server; needs --checkpoint", false},
    CLI_SOURCE_CHECKPOINT_OPT,
    {NULL, NULL, NULL, false},
};

static enum hm_err take_options(struct cli *c, struct cli_report_input *in)
{
    const char *now = cli_args_get(&c->args, "now");
    const char *product = cli_args_get(&c->args, "product");
    enum hm_err err = HM_OK;
    in->now_s = hm_clock_unix_s();
    if (now != NULL)
        err = cli_when_parse("now", now, in->now_s, &in->now_s, &c->why);
    if (err == HM_OK)
        err = cli_filter_period(c, in->now_s, &in->period);
    if (err == HM_OK && product != NULL && !hm_name_ok(product))
        return hm_fail(&c->why, HM_E_CONFIG, "--product: '%.80s': expected a name", product);
    in->period.product = product;
    return err;
}

static enum hm_err write_json(struct cli *c, const json_t *doc)
{
    HM_BUF_AUTO out = {.limit = PAGE_BYTES};
    char *text = json_dumps(doc, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    hm_buf_puts(&out, text != NULL ? text : "");
    hm_buf_putc(&out, '\n');
    free(text);
    if (text == NULL || hm_buf_err(&out) != HM_OK)
        return hm_fail(&c->why, HM_E_LIMIT, "the report does not fit into %zu MiB",
                       PAGE_BYTES >> 20);
    return cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(&out), &c->why);
}

static enum hm_err write_page(struct cli *c, const json_t *doc)
{
    HM_BUF_AUTO page = {.limit = PAGE_BYTES};
    enum hm_err err = cli_report_page(doc, &page, &c->why);
    return err == HM_OK ? cli_write(cli_args_get(&c->args, "out"), hm_buf_bytes(&page), &c->why)
                        : err;
}

static void remark(const struct cli *c, const struct cli_source *source, const json_t *doc)
{
    const json_t *sums = json_object_get(doc, "summary");
    json_int_t records =
        json_integer_value(json_object_get(json_object_get(doc, "records"), "count"));
    json_int_t made = json_integer_value(json_object_get(sums, "signed"));
    json_int_t refusals = json_integer_value(json_object_get(sums, "refusals"));
    json_int_t anomalies = json_integer_value(json_object_get(sums, "anomalies"));
    json_int_t missing = json_integer_value(json_object_get(doc, "documents_missing"));
    cli_note(
        c,
        "%" JSON_INTEGER_FORMAT " record%s of the period, out of a log of %" JSON_INTEGER_FORMAT
        " that was replayed whole under its signed checkpoint: %" JSON_INTEGER_FORMAT
        " release%s signed, %" JSON_INTEGER_FORMAT " refusal%s, %" JSON_INTEGER_FORMAT " anomal%s.",
        records, CLI_S(records),
        json_integer_value(json_object_get(json_object_get(doc, "checkpoint"), "size")), made,
        CLI_S(made), refusals, CLI_S(refusals), anomalies, anomalies == 1 ? "y" : "ies");
    /* Not in the report: it depends on what this user has seen before. */
    if (source->seen_held)
        cli_note(c, "The log extends the checkpoint that was kept from before.");
    if (missing > 0)
        cli_note(c,
                 "%" JSON_INTEGER_FORMAT
                 " document%s could not be had, nor the names and reasons in %s.",
                 missing, CLI_S(missing), missing == 1 ? "it" : "them");
}

static enum hm_err report(struct cli *c, struct cli_source *source)
{
    struct cli_report_input in = {.period = {.event = HM_EV_NONE}};
    json_t *doc = NULL;
    enum hm_err err = take_options(c, &in);
    if (err == HM_OK)
        err = cli_source_open(c, CLI_SOURCE_GIVEN | CLI_SOURCE_WALKS, source);
    if (err == HM_OK)
        err = cli_report_make(source, &in, &doc);
    if (err == HM_OK)
        err = c->term.json ? write_json(c, doc) : write_page(c, doc);
    if (err == HM_OK)
        remark(c, source, doc);
    json_decref(doc);
    return err;
}

static int run(struct cli *c)
{
    struct cli_source source = {.c = NULL};
    int code = cli_end(c, report(c, &source));
    cli_source_close(&source);
    return code;
}

const struct cli_command cli_cmd_log_report = {
    .name = "log report",
    .summary = "an audit report for a period: one printable page, or JSON",
    .usage = "--since TIME --until TIME [--product NAME] --out report.html",
    .example =
        "  hallmark log report --since 2026-10-01T00:00:00Z --until 2027-01-01T00:00:00Z \\\n"
        "    --out report.html\n"
        "  hallmark log report --since 30d --database log-backup.db --json --out report.json",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
