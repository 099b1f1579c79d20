/* Signatures of all stored checkpoints: of two threads, each takes every other one. */
#include "client/cli_rows.h"

#include "schema/io/hm_clock.h"

#include <pthread.h>

#define PROGRESS_EVERY 256 /* checkpoints */

struct part {
    const struct cli_rows *rows;
    const struct cli_verify_input *in;
    uint64_t first, step, count;
    bool tells; /* progress */
    size_t cosigned;
    enum hm_err err;
    struct cli_fault fault;
    struct hm_why why;
};

/* Only the newest one, which covers everything, has to have its witnesses. */
static enum hm_err check(struct part *p, struct hm_bytes note, bool newest, struct hm_why *why)
{
    return cli_note_signatures(note, &p->in->keys, newest ? p->in->witnesses_required : 0,
                               newest ? &p->cosigned : NULL, &p->fault, why);
}

static void *check_part(void *arg)
{
    struct part *p = arg;
    const struct cli_verify_progress *tell = &p->in->progress;
    struct db_scan_row row;
    bool found = true;
    p->rows->rewind(p->rows->ctx, DB_SCAN_CHECKPOINT);
    for (uint64_t i = 0; p->err == HM_OK; i++) {
        p->err = p->rows->next(p->rows->ctx, DB_SCAN_CHECKPOINT, &row, &found, &p->why);
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

enum hm_err cli_rows_signatures(const struct cli_rows *rows, const struct cli_rows *second,
                                const struct cli_verify_input *in, uint64_t count,
                                struct cli_verify_sums *out, struct cli_fault *f,
                                struct hm_why *why)
{
    int64_t began = hm_clock_mono_ms();
    bool two = second != NULL && count > 1;
    struct part part[2] = {
        {.rows = rows, .in = in, .step = two ? 2 : 1, .count = count, .tells = true},
        {.rows = second, .in = in, .first = 1, .step = 2, .count = count},
    };
    pthread_t id;
    if (two && pthread_create(&id, NULL, check_part, &part[1]) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot start a thread");
    (void)check_part(&part[0]);
    if (two)
        (void)pthread_join(id, NULL);
    const struct part *p = worse(&part[0], &part[1]);
    out->cosigned = part[0].cosigned + part[1].cosigned;
    out->signatures_ms = hm_clock_mono_ms() - began;
    if (p->err == HM_OK)
        return HM_OK;
    *f = p->fault;
    *why = p->why;
    return p->err;
}
