/* hallmark log export: records as JSON Lines (exact bytes) or CSV, with their checkpoint and, where
 * wanted, the proof of each. The whole log, a period of it, and what was picked here are verified
 * while they are written; what the server picked by a filter is its word, row by row proven with
 * --proofs, and never proven complete. */
#include "client/cli_checkpoint.h"
#include "client/cli_export.h"
#include "client/cli_range.h"
#include "client/cli_verify.h"

#include <inttypes.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"out", "FILE", "file for the records; without it stdout", false},
    {"format", "jsonl|csv", "exact records, one per line, or a table for spreadsheets", false},
    {"checkpoint", "FILE", "also write the signed checkpoint over what was exported", false},
    {"proofs", "DIR", "also write INDEX.tlog-proof for every row, verified", false},
    {"resume", NULL, "go on with FILE.partial, which an export without filters left", false},
    CLI_FILTER_OPTS,
    {"complete", NULL, "with filters: read the whole log and pick here", false},
    {"database", "FILE", "a backup of the log's database in place of the server", false},
    {NULL, NULL, NULL, false},
};

/* How the rows come, and what is then proven about them. */
enum way {
    ALL,    /* the whole log, replayed */
    SIEVED, /* out of the whole log, replayed */
    RANGE,  /* a run without gaps */
    PICKED, /* by the server */
};

struct run {
    struct cli *c;
    struct cli_filter filter;
    struct cli_source source;
    struct cli_export e;
    enum way way;
    bool resume;
    struct cli_ranged range;
    uint64_t log_size;
};

static enum hm_err take_options(struct cli *c, struct run *n)
{
    const char *format = cli_args_get(&c->args, "format");
    n->resume = cli_args_has(&c->args, "resume");
    n->e.csv = format != NULL && strcmp(format, "csv") == 0;
    n->e.path = cli_args_get(&c->args, "out");
    n->e.proofs = cli_args_get(&c->args, "proofs");
    n->e.source = &n->source;
    if (format != NULL && !n->e.csv && strcmp(format, "jsonl") != 0)
        return hm_fail(&c->why, HM_E_CONFIG, "--format: '%.20s': expected jsonl or csv", format);
    enum hm_err err = cli_filter_take(c, &n->filter);
    if (err == HM_OK)
        err = cli_source_open(c, CLI_SOURCE_PROVES, &n->source);
    if (err != HM_OK)
        return err;
    const struct cli_filter *f = &n->filter;
    bool all = cli_filter_is_range(f) && f->since_ms == 0 && f->until_ms == 0 && !f->has_after;
    n->way = all                                  ? ALL
             : cli_source_is_complete(&n->source) ? SIEVED
             : cli_filter_is_range(f)             ? RANGE
                                                  : PICKED;
    if (n->resume &&
        (n->way != ALL || n->e.csv || n->e.path == NULL || n->source.kind == CLI_SOURCE_DATABASE))
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--resume: only with --out, from a server, JSON Lines without filters; "
                       "anything else goes on with --after");
    return HM_OK;
}

/* ---- rows ---- */

static enum hm_err on_walked(void *ctx, const struct cli_source_record *x, struct hm_why *why)
{
    struct run *n = ctx;
    return cli_filter_fits(&n->filter, x->r) ? cli_export_row(&n->e, x, why) : HM_OK;
}

static enum hm_err pick(struct run *n)
{
    struct cli_source *s = &n->source;
    struct hm_checkpoint seen;
    struct cli_found found;
    enum hm_err err =
        cli_source_find(&n->source, &n->filter, UINT64_MAX, cli_export_row, &n->e, &found);
    n->log_size = found.log_size;
    if (err == HM_OK)
        err = cli_checkpoint_renew(n->c, &s->key, &s->note, &s->checkpoint, &seen);
    if (err == HM_OK && n->source.checkpoint.size < n->log_size)
        err = hm_fail(&n->c->why, HM_E_DENIED,
                      "the server's list is of a log of size %" PRIu64
                      ", its checkpoint covers %" PRIu64,
                      n->log_size, n->source.checkpoint.size);
    return err;
}

static enum hm_err transfer(struct run *n)
{
    enum hm_err err;
    if (n->way == PICKED)
        return pick(n);
    if (n->way == RANGE)
        err = cli_range_walk(&n->source, &n->filter, cli_export_row, &n->e, &n->range);
    else
        err = cli_source_walk(&n->source, on_walked, n);
    n->log_size = n->source.checkpoint.size;
    return err;
}

/* The part that an earlier run has left was never verified: the whole file is replayed. */
static enum hm_err verify_whole(struct run *n)
{
    struct cli_verify_input in = {.keys = {&n->source.key, NULL}};
    struct cli_verify_sums sums;
    struct cli_fault fault;
    rewind(n->e.out);
    return cli_verify_export(n->e.out, hm_buf_bytes(&n->source.note), &in, &sums, &fault,
                             &n->c->why);
}

static enum hm_err resume(struct run *n, uint64_t next)
{
    const struct cli_filter rest = {.has_after = true, .after = next - 1};
    enum hm_err err = cli_range_walk(&n->source, &rest, cli_export_row, &n->e, &n->range);
    n->log_size = n->source.checkpoint.size;
    return err;
}

static enum hm_err write_all(struct run *n)
{
    struct hm_why *why = &n->c->why;
    const char *checkpoint = cli_args_get(&n->c->args, "checkpoint");
    uint64_t next = 0;
    enum hm_err err = cli_export_begin(&n->e, n->resume, &next, why);
    if (err == HM_OK)
        err = next > 0 ? resume(n, next) : transfer(n);
    if (err == HM_OK)
        err = cli_export_sync(&n->e, why);
    if (err == HM_OK && n->e.appended)
        err = verify_whole(n);
    if (err == HM_OK && checkpoint != NULL)
        err = cli_write(checkpoint, hm_buf_bytes(&n->source.note), why);
    return err == HM_OK ? cli_export_name(&n->e, why) : err;
}

/* ---- what to say ---- */

/* What shows that no record of the period is missing at its ends. */
static const char *beside(const struct run *n)
{
    if (n->range.first > 0)
        return n->range.end < n->log_size ? "the records on both sides lie outside"
                                          : "the record in front lies outside";
    return n->range.end < n->log_size ? "the record behind lies outside" : "there are no others";
}

static void report_range(const struct run *n, const char *proofs)
{
    char which[64] = "";
    if (n->e.rows > 0)
        (void)snprintf(which, sizeof which, ", %" PRIu64 " to %" PRIu64, n->range.first,
                       n->range.end - 1);
    cli_note(n->c,
             "%" PRIu64 " record%s%s%s. Complete: chain and tree are those under the signed "
             "checkpoint of size %" PRIu64 ", and %s. The rules of the log are looked at only from "
             "record 0 on.",
             n->e.rows, CLI_S(n->e.rows), which, proofs, n->log_size, beside(n));
}

static void report_picked(const struct run *n)
{
    bool proven = n->e.proofs != NULL;
    cli_note(n->c,
             "%" PRIu64 " record%s, %s, true up to log size %" PRIu64
             ". A filtered list is not proven complete: a proof shows that a record is there, not "
             "that none is missing; --complete reads the whole log and picks here.",
             n->e.rows, CLI_S(n->e.rows),
             proven ? "each with its proof" : "by the server's word (--proofs proves each of them)",
             n->log_size);
}

static void report(const struct run *n)
{
    const char *proofs = n->e.proofs != NULL ? ", each with its proof" : "";
    uint64_t whole = n->e.appended ? n->log_size : n->e.rows;
    if (n->way == RANGE)
        report_range(n, proofs);
    else if (n->way == ALL)
        cli_note(n->c,
                 "%" PRIu64 " record%s%s%s: chain, root and results verified against the signed "
                 "checkpoint",
                 whole, CLI_S(whole), proofs, n->e.appended ? ", resumed" : "");
    else if (n->way == SIEVED)
        cli_note(n->c,
                 "%" PRIu64 " record%s%s. Complete: all %" PRIu64
                 " records of the log were read, and the root is the one in the signed checkpoint.",
                 n->e.rows, CLI_S(n->e.rows), proofs, n->log_size);
    else
        report_picked(n);
}

/* What the network cut off is worth going on with; what did not verify is not. */
static bool explain(struct run *n, enum hm_err err)
{
    bool keep =
        n->e.path != NULL && cli_exit_of(err) == CLI_EXIT_RETRY && (n->e.rows > 0 || n->e.appended);
    if (n->e.path == NULL && n->e.rows > 0)
        cli_note(n->c, "what was written so far is NOT verified; it ends with record %" PRIu64,
                 n->e.last);
    if (keep)
        cli_note(n->c, "%.300s has what came before (not verified)", n->e.partial);
    if (keep && n->way == ALL && !n->e.csv)
        cli_next(n->c, "the same command with --resume");
    else if (keep)
        cli_next(n->c, "the same with --after %" PRIu64 " and another --out", n->e.last);
    return keep;
}

static int run(struct cli *c)
{
    struct run n = {.c = c};
    enum hm_err err = take_options(c, &n);
    if (err == HM_OK)
        err = write_all(&n);
    bool keep = err != HM_OK && explain(&n, err);
    cli_export_end(&n.e, keep || err == HM_OK);
    cli_source_close(&n.source);
    if (err == HM_OK)
        report(&n);
    return cli_end(c, err);
}

const struct cli_command cli_cmd_log_export = {
    .name = "log export",
    .summary = "write records, verified: JSON Lines or CSV, with checkpoint and proofs",
    .usage = "[--out FILE] [--checkpoint FILE] [--format csv] [--proofs DIR] [FILTERS]",
    .example =
        "  hallmark log export --out log.jsonl --checkpoint checkpoint.txt\n"
        "  hallmark log export --since 2026-10-01T00:00:00Z --until 2027-01-01T00:00:00Z \\\n"
        "    --format csv --out quarter.csv --checkpoint checkpoint.txt\n"
        "  hallmark log export --event release.signed --proofs proofs --out signed.jsonl",
    .opts = opts,
    .operands_min = 0,
    .operands_max = 0,
    .run = run,
};
