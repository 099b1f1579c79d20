/* Records with what lies beside them, in one pass. Signatures come afterwards (cli_rows_sign.c). */
#include "client/cli_rows.h"

#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <string.h>

#define PROGRESS_EVERY 4096 /* records */

struct walk {
    const struct cli_rows *rows;
    const struct cli_verify_input *in;
    struct cli_verify_sums *sums;
    struct cli_fault *f;
    struct cli_replay replay;
    struct cli_blobs *blobs;
    struct cli_details *details;
    /* What comes next in each table; found false: nothing. */
    struct cli_blob blob;
    struct db_scan_row detail, checkpoint, cosigned;
    bool has_detail, has_checkpoint, has_cosigned;
};

static uint64_t size_of(const struct walk *w)
{
    return w->replay.frontier.size;
}

static enum hm_err next_blob(struct walk *w, struct hm_why *why)
{
    return cli_blobs_next(w->blobs, &w->blob, why);
}

static enum hm_err next_detail(struct walk *w, struct hm_why *why)
{
    return w->rows->next(w->rows->ctx, DB_SCAN_DETAIL, &w->detail, &w->has_detail, why);
}

static enum hm_err next_checkpoint(struct walk *w, struct hm_why *why)
{
    return w->rows->next(w->rows->ctx, DB_SCAN_CHECKPOINT, &w->checkpoint, &w->has_checkpoint, why);
}

static enum hm_err next_cosigned(struct walk *w, struct hm_why *why)
{
    return w->rows->next(w->rows->ctx, DB_SCAN_COSIGNED, &w->cosigned, &w->has_cosigned, why);
}

/* ---- what lies beside a record ---- */

/* The row holds exactly the nodes that the record completed. */
static enum hm_err check_hashes(struct walk *w, struct hm_bytes stored, struct hm_why *why)
{
    const struct cli_replay *r = &w->replay;
    uint64_t at = size_of(w) - 1;
    struct hm_digest found;
    char expected[48];
    char length[48];
    if (stored.len != r->completed_count * sizeof r->completed[0]) {
        (void)snprintf(expected, sizeof expected, "%u hashes of 32 bytes", r->completed_count);
        (void)snprintf(length, sizeof length, "%zu bytes", stored.len);
        return cli_fault(w->f, CLI_FAULT_HASHES, at, expected, length, why);
    }
    if (memcmp(stored.data, r->completed, stored.len) == 0)
        return HM_OK;
    for (unsigned i = 0; i < r->completed_count; i++) {
        memcpy(found.b, stored.data + i * sizeof found.b, sizeof found.b);
        if (!hm_digest_eq(&found, &r->completed[i]))
            return cli_fault_digest(w->f, CLI_FAULT_HASHES, at, &r->completed[i], &found, why);
    }
    return HM_OK;
}

/* Number of a blob within its record, and the record. */
static enum hm_err extra_blob(struct walk *w, struct hm_why *why)
{
    int64_t ref = w->blob.ref;
    char found[80];
    (void)snprintf(found, sizeof found, "evidence number %" PRId64 " (ref %" PRId64 ")",
                   ref < 0 ? ref : ref % DB_SCAN_SLOTS, ref);
    return cli_fault(w->f, CLI_FAULT_EVIDENCE_EXTRA, ref < 0 ? 0 : (uint64_t)ref / DB_SCAN_SLOTS,
                     "none", found, why);
}

static enum hm_err check_blob(struct walk *w, size_t n, struct hm_why *why)
{
    const struct hm_record *rec = &w->replay.record;
    int64_t ref = (int64_t)(rec->idx * DB_SCAN_SLOTS + n);
    char expected[HM_SHA256_HEX + 64];
    char hex[HM_SHA256_HEX];
    if (w->blob.found && w->blob.ref == ref && hm_digest_eq(&w->blob.digest, &rec->evidence[n]))
        return next_blob(w, why);
    if (w->blob.found && w->blob.ref < ref)
        return extra_blob(w, why);
    if (w->blob.found && w->blob.ref == ref)
        return cli_fault_digest(w->f, CLI_FAULT_EVIDENCE, rec->idx, &rec->evidence[n],
                                &w->blob.digest, why);
    hm_digest_hex(&rec->evidence[n], hex);
    (void)snprintf(expected, sizeof expected, "evidence number %zu, %s", n, hex);
    return cli_fault(w->f, CLI_FAULT_EVIDENCE_MISSING, rec->idx, expected, "nothing", why);
}

static enum hm_err check_evidence(struct walk *w, struct hm_why *why)
{
    const struct hm_record *rec = &w->replay.record;
    enum hm_err err = HM_OK;
    for (size_t n = 0; err == HM_OK && n < rec->evidence_count; n++)
        err = check_blob(w, n, why);
    if (err == HM_OK && w->blob.found && w->blob.ref < (int64_t)((rec->idx + 1) * DB_SCAN_SLOTS))
        err = extra_blob(w, why);
    w->sums->evidence += rec->evidence_count;
    return err;
}

static enum hm_err extra_detail(struct walk *w, struct hm_why *why)
{
    char found[48];
    (void)snprintf(found, sizeof found, "%zu bytes at index %" PRId64, w->detail.bytes.len,
                   w->detail.key);
    return cli_fault(w->f, CLI_FAULT_DETAIL_EXTRA, w->detail.key < 0 ? 0 : (uint64_t)w->detail.key,
                     "none", found, why);
}

/* A detail that is not there was erased: some record behind this one says so. */
static enum hm_err check_detail(struct walk *w, struct hm_why *why)
{
    const struct hm_record *rec = &w->replay.record;
    bool here = w->has_detail && w->detail.key == (int64_t)rec->idx;
    if (w->has_detail && (w->detail.key < (int64_t)rec->idx || (here && !rec->has_detail)))
        return extra_detail(w, why);
    w->sums->details_erased += rec->has_detail && !here;
    enum hm_err err = rec->has_detail ? cli_details_add(w->details, rec, here, why) : HM_OK;
    if (!here || err != HM_OK)
        return err;
    struct hm_digest d = hm_sha256_3(w->detail.before, w->detail.bytes, hm_bytes_of(NULL, 0));
    /* Another split of the same bytes into salt and text hashes to the same. */
    if (w->detail.before.len != HM_SHA256_LEN)
        return cli_fault_number(w->f, CLI_FAULT_DETAIL, rec->idx, HM_SHA256_LEN,
                                w->detail.before.len, why);
    if (!hm_digest_eq(&d, &rec->detail))
        return cli_fault_digest(w->f, CLI_FAULT_DETAIL, rec->idx, &rec->detail, &d, why);
    w->sums->details++;
    return next_detail(w, why);
}

static enum hm_err check_erasure(struct walk *w, struct hm_why *why)
{
    const struct hm_record *rec = &w->replay.record;
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX + 1};
    if (rec->event == HM_EV_DETAIL_RETIRED)
        return cli_details_retired(w->details, rec, w->f, why);
    if (rec->event != HM_EV_DETAIL_ERASED)
        return HM_OK;
    if (rec->evidence_count == 0)
        return cli_fault(w->f, CLI_FAULT_ERASURE, rec->idx, "a statement in evidence", "none", why);
    enum hm_err err =
        w->rows->blob(w->rows->ctx, (int64_t)(rec->idx * DB_SCAN_SLOTS), &statement, why);
    if (err == HM_E_LIMIT)
        return cli_fault(w->f, CLI_FAULT_ERASURE, rec->idx, "an erasure statement", "a longer text",
                         why);
    return err == HM_OK ? cli_details_erased(w->details, rec, hm_buf_bytes(&statement),
                                             w->in->keys.log->name, w->f, why)
                        : err;
}

/* ---- records and checkpoints, in order ---- */

static enum hm_err check_record(struct walk *w, const struct db_scan_row *row, struct hm_why *why)
{
    uint64_t at = size_of(w);
    char expected[32];
    char found[32];
    if (row->key != (int64_t)at) {
        (void)snprintf(expected, sizeof expected, "the row %" PRIu64, at);
        (void)snprintf(found, sizeof found, "the row %" PRId64, row->key);
        return cli_fault(w->f, CLI_FAULT_RECORD_MISSING, at, expected, found, why);
    }
    enum hm_err err = cli_replay_chain(&w->replay, row->bytes, why);
    if (w->replay.fault.kind != CLI_FAULT_NONE)
        *w->f = w->replay.fault;
    if (err == HM_OK)
        err = check_hashes(w, row->before, why);
    if (err == HM_OK && !w->in->no_rules) {
        err = cli_replay_rules(&w->replay, why);
        if (err != HM_OK)
            *w->f = w->replay.fault;
    }
    if (err == HM_OK && !w->in->no_evidence)
        err = check_evidence(w, why);
    if (err == HM_OK && !w->in->no_evidence)
        err = check_detail(w, why);
    if (err == HM_OK && !w->in->no_evidence)
        err = check_erasure(w, why);
    return err;
}

/* Cosigned, and no such checkpoint was ever stored. */
static enum hm_err stray_cosigned(struct walk *w, struct hm_why *why)
{
    return cli_fault(w->f, CLI_FAULT_COSIGNED, w->cosigned.key < 0 ? 0 : (uint64_t)w->cosigned.key,
                     "a stored checkpoint of this size", "none", why);
}

/* What the stored checkpoint says, with a line more than the log's own. The lines themselves are
 * looked at with all other signatures. */
static enum hm_err check_cosigned(struct walk *w, struct hm_why *why)
{
    struct hm_checkpoint_parts stored;
    struct hm_checkpoint_parts parts;
    struct hm_why inner = {"more bytes than one may have"};
    struct hm_bytes note = w->cosigned.bytes;
    uint64_t size = (uint64_t)w->checkpoint.key;
    if (w->has_cosigned && w->cosigned.key < w->checkpoint.key)
        return stray_cosigned(w, why);
    if (!w->has_cosigned || w->cosigned.key != w->checkpoint.key)
        return HM_OK;
    enum hm_err err = hm_checkpoint_split(w->checkpoint.bytes, false, &stored, why);
    if (err != HM_OK)
        return err;
    if (note.len > HM_CHECKPOINT_MAX || hm_checkpoint_split(note, false, &parts, &inner) != HM_OK)
        return cli_fault(w->f, CLI_FAULT_COSIGNED, size,
                         "a checkpoint of docs/formats/log-proof.md", inner.text, why);
    if (!hm_bytes_eq(stored.body, parts.body))
        return cli_fault(w->f, CLI_FAULT_COSIGNED, size, "what the stored checkpoint says",
                         "something else", why);
    if (parts.signatures.len <= stored.signatures.len)
        return cli_fault(w->f, CLI_FAULT_COSIGNED, size, "cosignatures", "none", why);
    w->sums->cosigned_notes++;
    w->sums->cosigned_size = size;
    return next_cosigned(w, why);
}

/* Those over what has been read so far. */
static enum hm_err check_checkpoints(struct walk *w, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    while (err == HM_OK && w->has_checkpoint && w->checkpoint.key <= (int64_t)size_of(w)) {
        struct hm_checkpoint c;
        struct hm_digest root = hm_frontier_root(&w->replay.frontier);
        uint64_t size = size_of(w);
        err = cli_note_read(w->checkpoint.bytes, w->in->keys.log->name, size, &c, w->f, why);
        if (err == HM_OK && !hm_digest_eq(&c.root, &root))
            err = cli_fault_digest(w->f, CLI_FAULT_CHECKPOINT_ROOT, size, &root, &c.root, why);
        w->replay.covered = size;
        w->sums->checkpoints++;
        if (err == HM_OK)
            err = check_cosigned(w, why);
        if (err == HM_OK)
            err = next_checkpoint(w, why);
    }
    return err;
}

static enum hm_err check_all(struct walk *w, struct hm_why *why)
{
    const struct cli_verify_progress *p = &w->in->progress;
    struct db_scan_row row;
    bool found = true;
    enum hm_err err = check_checkpoints(w, why);
    while (err == HM_OK) {
        err = w->rows->next(w->rows->ctx, DB_SCAN_RECORD, &row, &found, why);
        if (err != HM_OK || !found)
            break;
        err = check_record(w, &row, why);
        if (err == HM_OK)
            err = check_checkpoints(w, why);
        if (p->fn != NULL && size_of(w) % PROGRESS_EVERY == 0)
            p->fn(p->ctx, false, size_of(w), w->rows->about);
    }
    return err;
}

/* ---- what is left over ---- */

static enum hm_err check_head(struct walk *w, struct hm_why *why)
{
    struct db_scan_head h;
    const struct cli_replay *r = &w->replay;
    enum hm_err err = w->rows->head(w->rows->ctx, &h, why);
    if (err != HM_OK)
        return err;
    if (h.rows != 1)
        return cli_fault_number(w->f, CLI_FAULT_HEAD, size_of(w), 1, h.rows, why);
    if (strcmp(h.origin, w->in->keys.log->name) != 0)
        return cli_fault(w->f, CLI_FAULT_HEAD, size_of(w), w->in->keys.log->name, h.origin, why);
    if (h.size != size_of(w))
        return cli_fault_number(w->f, CLI_FAULT_HEAD, size_of(w), size_of(w), h.size, why);
    if (!hm_digest_eq(&h.leaf, &r->prev))
        return cli_fault_digest(w->f, CLI_FAULT_HEAD, size_of(w), &r->prev, &h.leaf, why);
    return h.t_ms == r->t_ms
               ? HM_OK
               : cli_fault_number(w->f, CLI_FAULT_HEAD, size_of(w), r->t_ms, h.t_ms, why);
}

/* A checkpoint over more than there is. */
static enum hm_err check_end(struct walk *w, struct hm_why *why)
{
    uint64_t size = size_of(w);
    const struct hm_checkpoint *seen = w->in->seen;
    char expected[72];
    char found[32];
    (void)snprintf(found, sizeof found, "%" PRIu64, size);
    if (w->has_checkpoint) {
        (void)snprintf(expected, sizeof expected,
                       "the %" PRId64 " records that a checkpoint covers", w->checkpoint.key);
        return cli_fault(w->f, CLI_FAULT_RECORD_MISSING, size, expected, found, why);
    }
    if (w->has_cosigned)
        return stray_cosigned(w, why);
    if (w->blob.found)
        return extra_blob(w, why);
    if (w->has_detail)
        return extra_detail(w, why);
    enum hm_err err = check_head(w, why);
    if (err == HM_OK && !w->in->no_evidence)
        err = cli_details_end(w->details, w->f, why);
    if (err != HM_OK)
        return err;
    if (w->sums->checkpoints == 0)
        return cli_fault(w->f, CLI_FAULT_CHECKPOINT_MISSING, size, "a signed checkpoint", "none",
                         why);
    if (seen != NULL && !w->replay.seen_held)
        return cli_fault_number(w->f, CLI_FAULT_ROLLBACK, seen->size, seen->size, size, why);
    if (!w->in->whole || w->replay.covered == size)
        return HM_OK;
    (void)snprintf(expected, sizeof expected, "a checkpoint of size %" PRIu64, size);
    (void)snprintf(found, sizeof found, "the last one is of size %" PRIu64, w->replay.covered);
    return cli_fault(w->f, CLI_FAULT_UNCOVERED, w->replay.covered, expected, found, why);
}

static enum hm_err begin(struct walk *w, const struct cli_rows *second, struct hm_why *why)
{
    cli_replay_begin(&w->replay, w->in->keys.log->name);
    w->replay.has_covers = true;
    if (w->in->seen != NULL)
        cli_replay_expect(&w->replay, w->in->seen);
    enum hm_err err = next_checkpoint(w, why);
    if (err == HM_OK)
        err = next_cosigned(w, why);
    if (err != HM_OK || w->in->no_evidence)
        return err;
    err = cli_details_open(&w->details, why);
    if (err == HM_OK)
        err = cli_blobs_open(second != NULL ? second : w->rows, second != NULL, &w->blobs, why);
    if (err == HM_OK)
        err = next_blob(w, why);
    return err == HM_OK ? next_detail(w, why) : err;
}

/* A damaged file is a fault of the log; where, nobody can tell better. */
static enum hm_err conclude(struct walk *w, enum hm_err err, struct hm_why *why)
{
    if (err == HM_OK)
        return HM_OK;
    if (w->f->kind == CLI_FAULT_NONE && err == HM_E_HISTORY) {
        struct hm_why said = *why;
        err = cli_fault(w->f, CLI_FAULT_DATABASE, size_of(w), "a database that SQLite can read",
                        said.text, why);
    }
    return w->f->kind != CLI_FAULT_NONE
               ? cli_fault_place(w->f, why)
               : hm_fail_in(why, err, "after %" PRIu64 " records", size_of(w));
}

enum hm_err cli_rows_verify(const struct cli_rows *rows, const struct cli_rows *second,
                            const struct cli_verify_input *in, struct cli_verify_sums *out,
                            struct cli_fault *f, struct hm_why *why)
{
    struct walk w = {.rows = rows, .in = in, .sums = out, .f = f};
    struct hm_why text = {""};
    int64_t began = hm_clock_mono_ms();
    *out = (struct cli_verify_sums){.records = 0};
    *f = (struct cli_fault){.kind = CLI_FAULT_NONE};
    enum hm_err err = begin(&w, second, &text);
    if (err == HM_OK)
        err = check_all(&w, &text);
    if (err == HM_OK)
        err = check_end(&w, &text);
    cli_blobs_close(w.blobs);
    if (w.details != NULL)
        cli_details_gone(w.details, &out->gone);
    cli_details_close(w.details);
    cli_verify_count(&w.replay, out);
    out->covered = w.replay.covered;
    out->records_ms = hm_clock_mono_ms() - began;
    if (err == HM_OK)
        err = cli_rows_signatures(rows, second, in, out, f, &text);
    err = conclude(&w, err, &text);
    cli_replay_free(&w.replay);
    if (err != HM_OK && why != NULL)
        *why = text;
    return err;
}
