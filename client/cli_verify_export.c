#include "client/cli_entries.h"
#include "client/cli_verify.h"

#include "schema/io/hm_clock.h"

#define PROGRESS_EVERY 4096 /* records */

struct export
{
    const struct cli_verify_input *in;
    struct cli_replay replay;
    uint64_t about; /* records, as the checkpoint says */
};

static enum hm_err on_line(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct export *e = ctx;
    const struct cli_verify_progress *p = &e->in->progress;
    uint64_t done = e->replay.frontier.size;
    if (p->fn != NULL && done % PROGRESS_EVERY == 0)
        p->fn(p->ctx, false, done, e->about);
    return cli_replay_add(&e->replay, record, why);
}

static enum hm_err read_all(struct export *e, FILE *records, struct hm_why *why)
{
    struct cli_fault *f = &e->replay.fault;
    enum hm_err err = cli_entries_file(records, on_line, e, why);
    if (err != HM_E_MALFORMED || f->kind != CLI_FAULT_NONE)
        return err;
    (void)cli_fault(f, CLI_FAULT_MALFORMED, e->replay.frontier.size - 1, "a line that is ended",
                    "the end of the file", why);
    return cli_fault_place(f, why);
}

/* The signature before size and root: whoever changed those could not sign. */
static enum hm_err hold(struct export *e, const struct hm_checkpoint *c, struct hm_bytes note,
                        struct cli_verify_sums *out, struct cli_fault *f, struct hm_why *why)
{
    enum hm_err err =
        cli_note_signatures(note, &e->in->keys, e->in->witnesses_required, &out->cosigned, f, why);
    if (err != HM_OK)
        return cli_fault_place(f, why);
    out->checkpoints = 1;
    out->covered = c->size;
    err = cli_replay_end(&e->replay, c, why);
    *f = e->replay.fault;
    return err;
}

enum hm_err cli_verify_export(FILE *records, struct hm_bytes note,
                              const struct cli_verify_input *in, struct cli_verify_sums *out,
                              struct cli_fault *f, struct hm_why *why)
{
    struct hm_checkpoint c;
    struct export e = {.in = in};
    int64_t began = hm_clock_mono_ms();
    *out = (struct cli_verify_sums){.records = 0};
    *f = (struct cli_fault){.kind = CLI_FAULT_NONE};
    enum hm_err err = cli_note_read(note, in->keys.log->name, CLI_NOTE_ANY, &c, f, why);
    if (err != HM_OK)
        return cli_fault_place(f, why);
    e.about = c.size;
    cli_replay_begin(&e.replay, in->keys.log->name);
    err = read_all(&e, records, why);
    *f = e.replay.fault;
    out->records_ms = hm_clock_mono_ms() - began;
    if (err == HM_OK)
        err = hold(&e, &c, note, out, f, why);
    cli_verify_count(&e.replay, out);
    cli_replay_free(&e.replay);
    return err;
}
