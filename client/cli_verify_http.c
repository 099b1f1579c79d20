/* The log of a server: its newest checkpoint, every record under it, and the checkpoint that was
 * seen before. */
#include "client/cli_verify_http.h"

#include "client/cli_checkpoint.h"
#include "client/cli_entries.h"
#include "client/cli_http.h"

#include "schema/io/hm_clock.h"

#define PROGRESS_EVERY 256 /* records */

static enum hm_err fetch_note(struct cli *c, const char *path, struct hm_buf *note)
{
    CLI_ANSWER_AUTO a = {.status = 0};
    enum hm_err err = cli_http_get(c, path, "text/plain", HM_CHECKPOINT_MAX, &a);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "checkpoint");
    hm_buf_put(note, a.body.data, a.body.len);
    return hm_buf_err(note);
}

/* Witnesses cosign a checkpoint a moment after it was signed, and not each: who demands them gets
 * the newest that they have cosigned. Where there is none, the newest one shows who is missing. */
static enum hm_err fetch(struct cli *c, const struct cli_verify_input *in, struct hm_buf *note,
                         struct hm_checkpoint *now, struct cli_verify_sums *out,
                         struct cli_fault *f)
{
    enum hm_err err = HM_E_NOT_FOUND;
    if (in->witnesses_required > 0)
        err = fetch_note(c, "/v1/log/checkpoint?cosigned=true", note);
    if (err == HM_E_NOT_FOUND)
        err = fetch_note(c, "/v1/log/checkpoint", note);
    if (err != HM_OK)
        return err;
    err = cli_note_read(hm_buf_bytes(note), in->keys.log->name, CLI_NOTE_ANY, now, f, &c->why);
    if (err == HM_OK)
        err = cli_note_signatures(hm_buf_bytes(note), &in->keys, in->witnesses_required,
                                  &out->cosigned, f, &c->why);
    return err == HM_OK ? HM_OK : cli_fault_place(f, &c->why);
}

/* The checkpoint seen before against the one that was fetched: settled here, or with the records.
 */
static enum hm_err compare(struct cli *c, const struct cli_verify_input *in,
                           struct cli_replay *replay, const struct hm_checkpoint *seen,
                           const struct hm_checkpoint *now, bool *settled, struct cli_fault *f)
{
    enum hm_err err = HM_OK;
    *settled = seen->size > 0 &&
               (seen->size == now->size || (seen->size > now->size && in->witnesses_required > 0));
    if (!*settled)
        cli_replay_expect(replay, seen);
    else if (seen->size > now->size) /* cosigned, so an older one is no surprise */
        err = cli_checkpoint_extends(c, seen, now);
    else if (!hm_digest_eq(&seen->root, &now->root))
        err = HM_E_HISTORY;
    if (err != HM_E_HISTORY)
        return err;
    (void)cli_fault_digest(f, CLI_FAULT_FORK, now->size, &seen->root, &now->root, &c->why);
    return cli_fault_place(f, &c->why);
}

struct feed {
    const struct cli_verify_input *in;
    struct cli_replay *replay;
    uint64_t size;
};

static enum hm_err on_record(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct feed *n = ctx;
    const struct cli_verify_progress *p = &n->in->progress;
    uint64_t done = n->replay->frontier.size;
    if (p->fn != NULL && done % PROGRESS_EVERY == 0)
        p->fn(p->ctx, false, done, n->size);
    return cli_replay_add(n->replay, record, why);
}

static enum hm_err feed(struct cli *c, const struct cli_verify_input *in, struct cli_replay *replay,
                        const struct cli_verify_http *h, uint64_t size)
{
    struct feed n = {in, replay, size};
    cli_entry_fn fn = h->record != NULL ? h->record : on_record;
    enum hm_err err = cli_entries_all(c, size, fn, h->record != NULL ? h->ctx : &n);
    /* A line that can be no record is no answer of this server's. */
    if (err == HM_E_MALFORMED && replay->fault.kind == CLI_FAULT_NONE && h->record == NULL) {
        struct hm_why said = c->why;
        (void)cli_fault(&replay->fault, CLI_FAULT_MALFORMED, replay->frontier.size,
                        "records, one per line", said.text, &c->why);
        return cli_fault_place(&replay->fault, &c->why);
    }
    return err;
}

enum hm_err cli_verify_http(struct cli *c, const struct cli_verify_input *in,
                            struct cli_replay *replay, const struct cli_verify_http *h,
                            struct cli_verify_sums *out, struct cli_fault *f)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX + 1};
    struct hm_checkpoint now = {.size = 0};
    struct hm_checkpoint seen = {.size = 0};
    int64_t began = hm_clock_mono_ms();
    enum hm_err err = cli_checkpoint_seen(c, in->keys.log, &seen);
    if (err == HM_OK)
        err = fetch(c, in, &note, &now, out, f);
    if (err != HM_OK)
        return err;
    bool settled = false;
    err = compare(c, in, replay, &seen, &now, &settled, f);
    if (err != HM_OK)
        return err;
    if (h->begin != NULL)
        h->begin(h->ctx, now.size);
    err = feed(c, in, replay, h, now.size);
    if (err == HM_OK)
        err = cli_replay_end(replay, &now, &c->why);
    *f = replay->fault;
    out->checkpoints = 1;
    out->covered = now.size;
    out->records_ms = hm_clock_mono_ms() - began;
    cli_verify_count(replay, out);
    out->seen_held = out->seen_held || (settled && err == HM_OK);
    return err == HM_OK ? cli_checkpoint_keep(c, &seen, &now, hm_buf_bytes(&note)) : err;
}
