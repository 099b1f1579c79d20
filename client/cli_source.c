#include "client/cli_source_priv.h"

#include "client/cli_entries.h"
#include "client/cli_kept.h"
#include "db/log/db_log.h"
#include "db/log/db_scan.h"
#include "schema/log/hm_tlog_proof.h"

#include <inttypes.h>
#include <string.h>

/* ---- opening ---- */

static enum hm_err choose(struct cli *c, struct cli_source *s)
{
    const char *database = cli_args_get(&c->args, "database");
    const char *file = cli_args_get(&c->args, "file");
    bool complete = cli_args_has(&c->args, "complete");
    if ((database != NULL) + (file != NULL) + complete > 1)
        return hm_fail(&c->why, HM_E_CONFIG, "--complete, --database and --file: one of them");
    s->kind = database != NULL ? CLI_SOURCE_DATABASE
              : file != NULL   ? CLI_SOURCE_EXPORT
              : complete       ? CLI_SOURCE_WHOLE
                               : CLI_SOURCE_SERVER;
    s->path = database != NULL ? database : file;
    if (file != NULL && s->given == NULL)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "--checkpoint is missing: records alone prove nothing");
    return HM_OK;
}

static enum hm_err open_database(struct cli_source *s)
{
    enum hm_err err = db_scan_open(s->path, &s->scan, &s->c->why);
    if (err == HM_OK)
        err = db_reader_open(s->path, &s->reader, &s->c->why);
    return cli_local(err);
}

static enum hm_err open_source(struct cli *c, unsigned flags, struct cli_source *s)
{
    bool proofs = (flags & CLI_SOURCE_PROVES) != 0;
    if ((flags & CLI_SOURCE_GIVEN) != 0)
        s->given = cli_args_get(&c->args, "checkpoint");
    enum hm_err err = choose(c, s);
    bool keyed = (flags & (CLI_SOURCE_PROVES | CLI_SOURCE_WALKS)) != 0;
    if (err == HM_OK && (s->kind != CLI_SOURCE_SERVER || keyed))
        err = cli_log_key(c, &s->key);
    if (err == HM_OK && s->kind == CLI_SOURCE_DATABASE)
        err = open_database(s);
    if (err == HM_OK && s->kind == CLI_SOURCE_EXPORT && proofs) {
        s->tree = source_tree_new();
        err = s->tree != NULL ? HM_OK : hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    }
    return err;
}

enum hm_err cli_source_open(struct cli *c, unsigned flags, struct cli_source *out)
{
    *out = (struct cli_source){.c = c, .note = {.limit = HM_CHECKPOINT_MAX + 1}};
    enum hm_err err = open_source(c, flags, out);
    if (err != HM_OK)
        cli_source_close(out);
    return err;
}

void cli_source_close(struct cli_source *s)
{
    db_reader_close(s->reader);
    db_scan_close(s->scan);
    source_tree_free(s->tree);
    hm_buf_free(&s->note);
    *s = (struct cli_source){.c = NULL};
}

bool cli_source_is_complete(const struct cli_source *s)
{
    return s->kind != CLI_SOURCE_SERVER;
}

const char *cli_source_name(const struct cli_source *s)
{
    static const char *const names[] = {
        [CLI_SOURCE_SERVER] = "the server",
        [CLI_SOURCE_WHOLE] = "the server",
        [CLI_SOURCE_DATABASE] = "a backup of the database",
        [CLI_SOURCE_EXPORT] = "an export",
    };
    return names[s->kind];
}

/* ---- finding: the server picks ---- */

struct picked {
    const struct cli_filter *f;
    cli_source_fn fn;
    void *ctx;
    struct cli_entries_said said;
    struct cli_found *out;
    bool any;
    uint64_t last; /* index of the one before, if there was any */
    struct cli_count progress;
};

/* A server that gives what was not asked for, or in another order, is not to be relied on. */
static enum hm_err check_picked(const struct picked *p, const struct hm_record *r,
                                struct hm_why *why)
{
    bool ordered = !p->any || (p->f->descending ? r->idx < p->last : r->idx > p->last);
    if (!ordered)
        return hm_fail(why, HM_E_DENIED,
                       "the server's list is out of order: record %" PRIu64 " after %" PRIu64,
                       r->idx, p->last);
    if (!cli_filter_fits(p->f, r))
        return hm_fail(why, HM_E_DENIED,
                       "the server's list holds record %" PRIu64 ", which was not asked for",
                       r->idx);
    return HM_OK;
}

static enum hm_err on_picked(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct picked *p = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "a record in the list");
    err = check_picked(p, &r, why);
    if (err != HM_OK)
        return err;
    p->any = true;
    p->last = r.idx;
    /* The log grows while pages are fetched: the answer is of the moment when it began. */
    if (r.idx >= p->said.log_size)
        return p->f->descending ? HM_OK : HM_E_NOT_FOUND;
    p->out->given++;
    cli_count_update(&p->progress, p->out->given);
    const struct cli_source_record x = {&r, record, hm_merkle_leaf(record)};
    return p->fn(p->ctx, &x, why);
}

static enum hm_err find_picked(struct cli_source *s, const struct cli_filter *f, uint64_t max,
                               cli_source_fn fn, void *ctx, struct cli_found *out)
{
    HM_BUF_AUTO path = {.limit = 4096};
    struct picked p = {.f = f, .fn = fn, .ctx = ctx, .out = out};
    enum hm_err err = cli_filter_path(f, &path, &s->c->why);
    if (err != HM_OK)
        return err;
    cli_count_begin(&p.progress, &s->c->term, "fetching record", 0);
    err = cli_entries_said(s->c, hm_buf_str(&path), max, on_picked, &p, &p.said);
    cli_count_clear(&p.progress);
    out->log_size = p.said.log_size;
    out->more = p.said.more;
    return err;
}

/* ---- finding: everything is read, and picked here ---- */

struct sieve {
    const struct cli_filter *f;
    uint64_t max, fit;
    struct cli_kept kept;
};

static enum hm_err on_walked(void *ctx, const struct cli_source_record *x, struct hm_why *why)
{
    struct sieve *v = ctx;
    if (!cli_filter_fits(v->f, x->r))
        return HM_OK;
    v->fit++;
    if (v->f->descending)
        return cli_kept_last(&v->kept, v->max, x->r->idx, x->bytes, why);
    return v->kept.count < v->max ? cli_kept_add(&v->kept, x->r->idx, x->bytes, why) : HM_OK;
}

static enum hm_err hand_out(struct sieve *v, cli_source_fn fn, void *ctx, struct hm_why *why)
{
    enum hm_err err = cli_kept_sort(&v->kept, why);
    size_t count = v->kept.count;
    for (size_t i = 0; err == HM_OK && i < count; i++) {
        const struct cli_kept_row *row = &v->kept.rows[v->f->descending ? count - 1 - i : i];
        struct hm_bytes bytes = hm_bytes_of(row->bytes, row->len);
        struct hm_record r;
        err = hm_record_parse(bytes, &r, why);
        const struct cli_source_record x = {&r, bytes, hm_merkle_leaf(bytes)};
        if (err == HM_OK)
            err = fn(ctx, &x, why);
    }
    return err;
}

static enum hm_err find_walked(struct cli_source *s, const struct cli_filter *f, uint64_t max,
                               cli_source_fn fn, void *ctx, struct cli_found *out)
{
    struct sieve v = {.f = f, .max = max};
    enum hm_err err = cli_source_walk(s, on_walked, &v);
    if (err == HM_OK)
        err = hand_out(&v, fn, ctx, &s->c->why);
    *out = (struct cli_found){s->checkpoint.size, v.fit, v.kept.count, v.fit > v.kept.count};
    cli_kept_free(&v.kept);
    return err;
}

enum hm_err cli_source_find(struct cli_source *s, const struct cli_filter *f, uint64_t max,
                            cli_source_fn fn, void *ctx, struct cli_found *out)
{
    *out = (struct cli_found){.more = false};
    return cli_source_is_complete(s) ? find_walked(s, f, max, fn, ctx, out)
                                     : find_picked(s, f, max, fn, ctx, out);
}

/* ---- what lies beside the records ---- */

enum hm_err cli_source_evidence(struct cli_source *s, const struct hm_record *r, size_t n,
                                size_t max, struct hm_buf *out, struct hm_why *why)
{
    if (n >= r->evidence_count)
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " has no evidence %zu", r->idx, n);
    if (s->kind == CLI_SOURCE_EXPORT)
        return hm_fail(why, HM_E_STATE, "an export holds no evidence");
    if (s->kind == CLI_SOURCE_DATABASE)
        return db_reader_evidence(s->reader, r->idx, (unsigned)n, max, out, why);
    enum hm_err err = cli_evidence_fetch(s->c, r, n, max, out);
    if (err != HM_OK && why != NULL && why != &s->c->why)
        *why = s->c->why;
    return err;
}

/* From the nodes that are at hand, and verified like one that came from elsewhere. */
static enum hm_err make_proof(struct cli_source *s, uint64_t idx, struct hm_bytes record,
                              struct cli_record *out)
{
    struct hm_path path;
    HM_BUF_AUTO text = {.limit = HM_TLOG_PROOF_MAX};
    bool export = s->kind == CLI_SOURCE_EXPORT;
    if (idx >= s->checkpoint.size)
        return hm_fail(&s->c->why, HM_E_STATE, "record %" PRIu64 " is under no checkpoint", idx);
    enum hm_err err =
        hm_merkle_inclusion(idx, s->checkpoint.size, export ? source_tree_node : db_reader_node,
                            export ? (void *)s->tree : (void *)s->reader, &path, &s->c->why);
    if (err != HM_OK)
        return err;
    hm_tlog_proof_write(record, idx, &path, hm_buf_bytes(&s->note), &text);
    err = hm_buf_err(&text);
    return err == HM_OK ? cli_record_open(hm_buf_bytes(&text), &s->key, out, &s->c->why) : err;
}

enum hm_err cli_source_proof(struct cli_source *s, uint64_t idx, struct hm_bytes record,
                             struct cli_record *out)
{
    struct cli_record r;
    bool server = s->kind == CLI_SOURCE_SERVER || s->kind == CLI_SOURCE_WHOLE;
    enum hm_err err = server ? cli_record_fetch(s->c, idx, &r) : make_proof(s, idx, record, &r);
    if (err != HM_OK)
        return hm_fail_in(&s->c->why, err, "proof of record %" PRIu64, idx);
    if (!hm_bytes_eq(hm_buf_bytes(&r.bytes), record)) {
        cli_record_free(&r);
        return hm_fail(&s->c->why, HM_E_DENIED,
                       "record %" PRIu64 " in the list is not the one in the log", idx);
    }
    *out = r;
    return HM_OK;
}

void cli_source_note(const struct cli_source *s, const struct cli_found *f, bool proven)
{
    if (cli_source_is_complete(s)) {
        cli_note(s->c,
                 "%" PRIu64 " of %" PRIu64 " record%s that fit. Complete: all %" PRIu64
                 " records of %s were read, and the root is the one in the signed checkpoint.",
                 f->given, f->fit, CLI_S(f->fit), f->log_size, s->key.name);
        return;
    }
    cli_note(s->c,
             "%" PRIu64 " record%s%s, true up to log size %" PRIu64
             ". A filtered list is not proven complete: a proof shows that a record is there, not "
             "that none is missing; --complete reads the whole log and picks here.",
             f->given, CLI_S(f->given), proven ? ", each proven to be in the log" : "",
             f->log_size);
}
