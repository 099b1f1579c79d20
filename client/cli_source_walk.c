/* From the first record to the last one under a signed checkpoint, replayed on the way. */
#include "client/cli_source_priv.h"

#include "client/cli_checkpoint.h"
#include "client/cli_entries.h"
#include "db/log/db_log.h"
#include "db/log/db_scan.h"

#include <errno.h>
#include <string.h>

struct walk {
    struct cli_source *s;
    struct cli_replay replay;
    cli_source_fn fn;
    void *ctx;
    struct hm_checkpoint seen;
};

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct walk *w = ctx;
    struct cli_source *s = w->s;
    cli_count_update(&s->progress, w->replay.frontier.size);
    enum hm_err err = cli_replay_add(&w->replay, record, why);
    if (err == HM_OK && s->tree != NULL)
        err = source_tree_add(s->tree, w->replay.completed, w->replay.completed_count, why);
    const struct cli_source_record x = {&w->replay.record, record, w->replay.completed[0]};
    return err == HM_OK ? w->fn(w->ctx, &x, why) : err;
}

/* ---- a server ---- */

static enum hm_err begin_server(struct walk *w)
{
    struct cli_source *s = w->s;
    enum hm_err err = cli_checkpoint_seen(s->c, &s->key, &w->seen);
    return err == HM_OK ? cli_checkpoint_fetch(s->c, &s->key, &s->note, &s->checkpoint) : err;
}

static enum hm_err feed_server(struct walk *w)
{
    return cli_entries_all(w->s->c, w->s->checkpoint.size, on_record, w);
}

/* ---- a backup ---- */

/* A checkpoint that somebody kept: the backup's log must pass through it. */
static enum hm_err read_kept(struct walk *w)
{
    struct cli_source *s = w->s;
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    enum hm_err err = cli_read(s->given, HM_CHECKPOINT_MAX, &note, &s->c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&note), &s->key, &w->seen, &s->c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&s->c->why, err, "%.200s", s->given);
}

static enum hm_err begin_database(struct walk *w)
{
    struct cli_source *s = w->s;
    uint64_t size = 0;
    enum hm_err err = HM_OK;
    if (s->given != NULL)
        err = read_kept(w);
    if (err != HM_OK)
        return err;
    err = db_reader_last_checkpoint(s->reader, &size, &s->note, &s->c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&s->note), &s->key, &s->checkpoint, &s->c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&s->c->why, err, "the backup's last checkpoint");
}

/* What stands behind the last checkpoint nobody has signed for. */
static enum hm_err feed_database(struct walk *w)
{
    struct cli_source *s = w->s;
    struct db_scan_row row;
    bool found = true;
    db_scan_rewind(s->scan, DB_SCAN_RECORD);
    while (w->replay.frontier.size < s->checkpoint.size) {
        enum hm_err err = db_scan_next(s->scan, DB_SCAN_RECORD, &row, &found, &s->c->why);
        if (err == HM_OK && found)
            err = on_record(w, row.bytes, &s->c->why);
        if (err != HM_OK || !found)
            return err;
    }
    return HM_OK;
}

/* ---- an export ---- */

static enum hm_err begin_export(struct walk *w)
{
    struct cli_source *s = w->s;
    enum hm_err err = cli_read(s->given, HM_CHECKPOINT_MAX, &s->note, &s->c->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(&s->note), &s->key, &s->checkpoint, &s->c->why);
    return err == HM_OK ? HM_OK : hm_fail_in(&s->c->why, err, "checkpoint %.200s", s->given);
}

static enum hm_err feed_export(struct walk *w)
{
    struct hm_why *why = &w->s->c->why;
    FILE *in = fopen(w->s->path, "re");
    if (in == NULL)
        return hm_fail(why, HM_E_IO, "%.300s: %s", w->s->path, strerror(errno));
    enum hm_err err = cli_entries_file(in, on_record, w, why);
    (void)fclose(in);
    return err;
}

/* ---- */

static enum hm_err finish(struct walk *w)
{
    struct cli_source *s = w->s;
    enum hm_err err = cli_replay_end(&w->replay, &s->checkpoint, &s->c->why);
    s->seen_held = w->replay.seen_held;
    if (err == HM_OK && s->kind == CLI_SOURCE_WHOLE)
        err = cli_checkpoint_keep(s->c, &w->seen, &s->checkpoint, hm_buf_bytes(&s->note));
    return err;
}

static enum hm_err walk(struct walk *w)
{
    static const struct {
        enum hm_err (*begin)(struct walk *w);
        enum hm_err (*feed)(struct walk *w);
    } ways[] = {
        [CLI_SOURCE_SERVER] = {begin_server, feed_server},
        [CLI_SOURCE_WHOLE] = {begin_server, feed_server},
        [CLI_SOURCE_DATABASE] = {begin_database, feed_database},
        [CLI_SOURCE_EXPORT] = {begin_export, feed_export},
    };
    struct cli_source *s = w->s;
    hm_buf_reset(&s->note);
    if (s->tree != NULL)
        source_tree_reset(s->tree);
    enum hm_err err = ways[s->kind].begin(w);
    if (err != HM_OK)
        return err;
    cli_replay_begin(&w->replay, s->key.name);
    cli_replay_expect(&w->replay, &w->seen);
    cli_count_begin(&s->progress, &s->c->term, "verifying record", s->checkpoint.size);
    err = ways[s->kind].feed(w);
    cli_count_clear(&s->progress);
    return err == HM_OK ? finish(w) : err;
}

enum hm_err cli_source_walk(struct cli_source *s, cli_source_fn fn, void *ctx)
{
    struct walk w = {.s = s, .fn = fn, .ctx = ctx};
    enum hm_err err = walk(&w);
    bool refused = err != HM_OK && w.replay.fault.kind != CLI_FAULT_NONE;
    cli_replay_free(&w.replay);
    if (refused && s->c->next[0] == '\0')
        cli_next(s->c, "hallmark log verify names kind and place of the fault; keep what you have");
    return err;
}
