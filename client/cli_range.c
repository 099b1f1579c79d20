#include "client/cli_range.h"

#include "client/cli_checkpoint.h"
#include "client/cli_entries.h"

#include <inttypes.h>

#define BEHIND_TRIES 20
#define BEHIND_MS 250

struct range {
    struct cli_source *s;
    const struct cli_filter *f;
    cli_source_fn fn;
    void *ctx;
    struct hm_frontier at;
    struct hm_digest prev;
    uint64_t t_ms;
};

/* A record at one end of the run, proven, with the tree that ends with it. */
static enum hm_err prove(struct range *g, uint64_t idx, struct cli_record *rec,
                         struct hm_frontier *upto)
{
    struct cli *c = g->s->c;
    enum hm_err err = cli_record_fetch(c, idx, rec);
    if (err == HM_OK && hm_merkle_frontier_of_leaf(idx, rec->checkpoint.size, &rec->leaf,
                                                   &rec->path, upto) != HM_OK)
        err = hm_fail(&c->why, HM_E_INTERNAL, "a proof that held has another form");
    /* Both proofs and the checkpoint are of one log. */
    return err == HM_OK ? cli_checkpoint_extends(c, &g->s->checkpoint, &rec->checkpoint) : err;
}

/* ---- where it begins ---- */

static enum hm_err on_before(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err == HM_OK)
        *(uint64_t *)ctx = r.idx + 1;
    return err;
}

/* The list comes from a read model that may be a moment behind the checkpoint. */
static enum hm_err wait_for_list(struct range *g)
{
    struct cli *c = g->s->c;
    uint64_t last = 0;
    for (unsigned try = 0; try < BEHIND_TRIES; try++) {
        struct cli_entries_said said;
        enum hm_err err =
            cli_entries_said(c, "/v1/log/entries?order=desc", 1, on_before, &last, &said);
        if (err != HM_OK || said.log_size >= g->s->checkpoint.size)
            return err;
        cli_pause_ms(BEHIND_MS);
    }
    return hm_fail(&c->why, HM_E_UNAVAILABLE,
                   "the server's list of records is behind its own checkpoint of size %" PRIu64,
                   g->s->checkpoint.size);
}

/* Index of the first record of the run, by the server's word; what follows proves it. */
static enum hm_err find_first(struct range *g, uint64_t *first)
{
    const struct cli_filter *f = g->f;
    enum hm_err err = wait_for_list(g);
    *first = 0;
    if (err == HM_OK && f->since_ms > 0) {
        HM_BUF_AUTO path = {.limit = 1024};
        const struct cli_filter before = {.until_ms = f->since_ms, .descending = true};
        err = cli_filter_path(&before, &path, &g->s->c->why);
        if (err == HM_OK)
            err = cli_entries(g->s->c, hm_buf_str(&path), 1, on_before, first);
    }
    if (err != HM_OK)
        return err;
    if (f->has_after && *first <= f->after)
        *first = f->after + 1;
    if (*first > g->s->checkpoint.size)
        return hm_fail(&g->s->c->why,
                       f->has_after && *first == f->after + 1 ? HM_E_CONFIG : HM_E_DENIED,
                       "there are %" PRIu64 " records under the newest checkpoint: nothing begins "
                       "with record %" PRIu64,
                       g->s->checkpoint.size, *first);
    return HM_OK;
}

static enum hm_err begin(struct range *g, uint64_t first)
{
    CLI_RECORD_AUTO before = {.leaf = {{0}}};
    const struct cli_filter *f = g->f;
    g->prev = hm_sha256(hm_bytes_str(g->s->key.name));
    g->at = (struct hm_frontier){.size = 0};
    if (first == 0)
        return HM_OK;
    enum hm_err err = prove(g, first - 1, &before, &g->at);
    if (err != HM_OK)
        return err;
    bool cursor = f->has_after && f->after == first - 1;
    if (!cursor && before.record.t_ms >= f->since_ms)
        return hm_fail(&g->s->c->why, HM_E_DENIED,
                       "record %" PRIu64 " is of the period, and the server left it out",
                       first - 1);
    g->prev = before.leaf;
    g->t_ms = before.record.t_ms;
    return HM_OK;
}

/* ---- the run ---- */

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct range *g = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "record %" PRIu64, g->at.size);
    if (g->at.size >= g->s->checkpoint.size)
        return HM_E_NOT_FOUND; /* nobody has signed for what came later */
    if (r.idx != g->at.size || !hm_digest_eq(&r.prev, &g->prev) || r.t_ms < g->t_ms)
        return hm_fail(why, HM_E_HISTORY,
                       "record %" PRIu64 " does not follow the one before it (index, prev, t_ms)",
                       g->at.size);
    if (!cli_filter_fits(g->f, &r))
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " was not asked for", r.idx);
    const struct cli_source_record x = {&r, record, hm_merkle_leaf(record)};
    (void)hm_frontier_add(&g->at, &x.leaf, NULL);
    g->prev = x.leaf;
    g->t_ms = r.t_ms;
    cli_count_update(&g->s->progress, g->at.size);
    return g->fn(g->ctx, &x, why);
}

static enum hm_err read_run(struct range *g)
{
    HM_BUF_AUTO path = {.limit = 1024};
    struct cli_filter rest = {.until_ms = g->f->until_ms};
    rest.has_after = g->at.size > 0;
    rest.after = rest.has_after ? g->at.size - 1 : 0;
    enum hm_err err = cli_filter_path(&rest, &path, &g->s->c->why);
    return err == HM_OK ? cli_entries(g->s->c, hm_buf_str(&path), UINT64_MAX, on_record, g) : err;
}

static bool same_tree(const struct hm_frontier *a, const struct hm_frontier *b)
{
    bool same = a->size == b->size && a->count == b->count;
    for (unsigned i = 0; same && i < a->count; i++)
        same = hm_digest_eq(&a->node[i], &b->node[i]);
    return same;
}

/* Is the run what the log has there, and does it end there? */
static enum hm_err check_end(struct range *g)
{
    CLI_RECORD_AUTO next = {.leaf = {{0}}};
    struct hm_frontier proven;
    struct hm_frontier mine = g->at;
    struct hm_why *why = &g->s->c->why;
    if (g->at.size >= g->s->checkpoint.size) {
        struct hm_digest root = hm_frontier_root(&g->at);
        return hm_digest_eq(&root, &g->s->checkpoint.root)
                   ? HM_OK
                   : hm_fail(why, HM_E_HISTORY, "the records do not make the checkpoint's root");
    }
    enum hm_err err = prove(g, g->at.size, &next, &proven);
    if (err != HM_OK)
        return err;
    (void)hm_frontier_add(&mine, &next.leaf, NULL);
    if (!same_tree(&proven, &mine))
        return hm_fail(why, HM_E_HISTORY,
                       "the records before %" PRIu64 " are not the ones under the checkpoint",
                       g->at.size);
    if (g->f->until_ms == 0 || next.record.t_ms < g->f->until_ms)
        return hm_fail(why, HM_E_DENIED,
                       "record %" PRIu64 " was asked for, and the server left it out", g->at.size);
    return HM_OK;
}

enum hm_err cli_range_walk(struct cli_source *s, const struct cli_filter *f, cli_source_fn fn,
                           void *ctx, struct cli_ranged *out)
{
    struct range g = {.s = s, .f = f, .fn = fn, .ctx = ctx};
    struct hm_checkpoint seen;
    uint64_t first = 0;
    hm_buf_reset(&s->note);
    enum hm_err err = cli_checkpoint_renew(s->c, &s->key, &s->note, &s->checkpoint, &seen);
    if (err == HM_OK)
        err = find_first(&g, &first);
    if (err == HM_OK)
        err = begin(&g, first);
    if (err != HM_OK)
        return err;
    cli_count_begin(&s->progress, &s->c->term, "verifying record", 0);
    err = read_run(&g);
    cli_count_clear(&s->progress);
    if (err == HM_OK)
        err = check_end(&g);
    if (err == HM_OK)
        *out = (struct cli_ranged){first, g.at.size};
    return err;
}
