/* Signatures of all stored checkpoints, the log's and witnesses': of two threads, each takes every
 * other one. */
#include "client/cli_rows.h"

#include "schema/io/hm_clock.h"

#include <pthread.h>

#define PROGRESS_EVERY 256 /* checkpoints */

struct part {
    const struct cli_rows *rows;
    const struct cli_verify_input *in;
    enum db_scan_table table;
    uint64_t first, step, count;
    size_t required; /* cosignatures of the newest one */
    bool tells;      /* progress */
    size_t cosigned;
    enum hm_err err;
    struct cli_fault fault;
    struct hm_why why;
};

/* Only the newest one has to have its witnesses. */
static enum hm_err check(struct part *p, struct hm_bytes note, bool newest, struct hm_why *why)
{
    return cli_note_signatures(note, &p->in->keys, newest ? p->required : 0,
                               newest ? &p->cosigned : NULL, &p->fault, why);
}

static void *check_part(void *arg)
{
    struct part *p = arg;
    const struct cli_verify_progress *tell = &p->in->progress;
    struct db_scan_row row;
    bool found = true;
    p->rows->rewind(p->rows->ctx, p->table);
    for (uint64_t i = 0; p->err == HM_OK; i++) {
        p->err = p->rows->next(p->rows->ctx, p->table, &row, &found, &p->why);
        if (p->err != HM_OK || !found)
            break;
        if (i % p->step == p->first)
            p->err = check(p, row.bytes, i + 1 == p->count, &p->why);
        if (p->tells && tell->fn != NULL && i % PROGRESS_EVERY == 0)
            tell->fn(tell->ctx, true, i, p->count);
    }
    return NULL;
}

/* Of two, the fault at the smaller size; a failure of the machine before either. */
static const struct part *worse(const struct part *a, const struct part *b)
{
    if (a->err == HM_OK || b->err == HM_OK)
        return a->err == HM_OK ? b : a;
    if (a->fault.kind == CLI_FAULT_NONE || b->fault.kind == CLI_FAULT_NONE)
        return a->fault.kind == CLI_FAULT_NONE ? a : b;
    return a->fault.index <= b->fault.index ? a : b;
}

/* `what` for all rows of one table, by one thread or two. */
static enum hm_err check_table(const struct part *what, const struct cli_rows *second,
                               struct cli_verify_sums *out, struct cli_fault *f, struct hm_why *why)
{
    bool two = second != NULL && what->count > 1;
    struct part part[2] = {*what, *what};
    pthread_t id;
    part[0].tells = true;
    part[0].step = part[1].step = two ? 2 : 1;
    part[1].first = 1;
    part[1].rows = second;
    if (two && pthread_create(&id, NULL, check_part, &part[1]) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot start a thread");
    (void)check_part(&part[0]);
    if (two)
        (void)pthread_join(id, NULL);
    const struct part *p = worse(&part[0], &part[1]);
    out->cosigned = part[0].cosigned + part[1].cosigned;
    if (p->err == HM_OK)
        return HM_OK;
    *f = p->fault;
    *why = p->why;
    return p->err;
}

enum hm_err cli_rows_signatures(const struct cli_rows *rows, const struct cli_rows *second,
                                const struct cli_verify_input *in, struct cli_verify_sums *out,
                                struct cli_fault *f, struct hm_why *why)
{
    int64_t began = hm_clock_mono_ms();
    struct part what = {
        .rows = rows, .in = in, .table = DB_SCAN_CHECKPOINT, .count = out->checkpoints};
    what.required = out->cosigned_notes == 0 ? in->witnesses_required : 0;
    enum hm_err err = check_table(&what, second, out, f, why);
    if (err == HM_OK && out->cosigned_notes > 0) {
        what.table = DB_SCAN_COSIGNED;
        what.count = out->cosigned_notes;
        what.required = in->witnesses_required;
        err = check_table(&what, second, out, f, why);
    }
    out->signatures_ms = hm_clock_mono_ms() - began;
    return err;
}
