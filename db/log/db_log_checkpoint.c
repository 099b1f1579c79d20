/* Stored checkpoints: signed notes by tree size. Writer's thread. */
#include "db/log/db_log_priv.h"

#include <string.h>

#define ULL(v) ((unsigned long long)(v))

enum hm_err db_log_note_matches(const struct db_log *log, uint64_t size, struct hm_digest root,
                                struct hm_bytes note, struct hm_why *why)
{
    struct hm_checkpoint c = {.size = size, .root = root};
    memcpy(c.origin, log->origin, sizeof c.origin);
    HM_BUF_AUTO body = {.limit = HM_CHECKPOINT_MAX};
    hm_checkpoint_body(&c, &body);
    hm_buf_putc(&body, '\n'); /* the blank line: no extension lines */
    if (hm_buf_err(&body) != HM_OK)
        return hm_fail(why, hm_buf_err(&body), "checkpoint text");
    if (note.len <= body.len || memcmp(note.data, body.data, body.len) != 0)
        return hm_fail(why, HM_E_HISTORY,
                       "root: the note does not name this log, this size and the root of the "
                       "stored records");
    return HM_OK;
}

static enum hm_err root_at(struct db_log *log, uint64_t size, struct hm_digest *out,
                           struct hm_why *why)
{
    if (size == log->committed.frontier.size) {
        *out = db_log_root(log);
        return HM_OK;
    }
    struct hm_frontier f;
    enum hm_err err = hm_merkle_frontier(size, db_log_node, log, &f, why);
    if (err == HM_OK)
        *out = hm_frontier_root(&f);
    return err;
}

static enum hm_err check_new(struct db_log *log, uint64_t size, struct hm_bytes note,
                             struct hm_why *why)
{
    if (note.len > HM_CHECKPOINT_MAX)
        return hm_fail(why, HM_E_LIMIT, "checkpoint %llu: %zu bytes, at most %d", ULL(size),
                       note.len, HM_CHECKPOINT_MAX);
    if (size > log->committed.frontier.size)
        return hm_fail(why, HM_E_STATE, "checkpoint %llu: the log has %llu records", ULL(size),
                       ULL(log->committed.frontier.size));
    if (log->has_checkpoint && size <= log->checkpoint_size)
        return hm_fail(why, HM_E_CONFLICT, "checkpoint %llu: there is one for %llu already",
                       ULL(size), ULL(log->checkpoint_size));
    struct hm_digest root;
    enum hm_err err = root_at(log, size, &root, why);
    if (err == HM_OK)
        err = db_log_note_matches(log, size, root, note, why);
    return err;
}

enum hm_err db_log_put_checkpoint(struct db_log *log, uint64_t size, struct hm_bytes note,
                                  struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err == HM_OK)
        err = check_new(log, size, note, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_CHECKPOINT_INSERT);
    db_q_u64(&q, size);
    db_q_blob(&q, note);
    err = db_log_change(log, &q, why);
    if (err == HM_OK) {
        log->has_checkpoint = true;
        log->checkpoint_size = size;
    }
    return err;
}

enum hm_err db_log_put_cosigned(struct db_log *log, uint64_t size, struct hm_bytes note,
                                struct hm_why *why)
{
    struct hm_digest root;
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK && (note.len > HM_CHECKPOINT_MAX || size > log->committed.frontier.size))
        err = hm_fail(why, HM_E_LIMIT, "cosigned checkpoint %llu: %zu bytes of a log of %llu",
                      ULL(size), note.len, ULL(log->committed.frontier.size));
    if (err == HM_OK)
        err = root_at(log, size, &root, why);
    if (err == HM_OK)
        err = db_log_note_matches(log, size, root, note, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_COSIGNED_INSERT);
    db_q_u64(&q, size);
    db_q_blob(&q, note);
    return db_log_change(log, &q, why);
}

uint64_t db_log_covered(const struct db_log *log)
{
    return log->has_checkpoint ? log->checkpoint_size : 0;
}

static enum hm_err last(struct db_log *log, unsigned which, uint64_t *size, struct hm_buf *note,
                        struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, which);
    if (!db_q_row(&q)) {
        err = db_q_err(&q, why);
        return err != HM_OK ? err : hm_fail(why, HM_E_NOT_FOUND, "no such checkpoint is stored");
    }
    struct hm_bytes b = db_q_get_bytes(&q, 1);
    hm_buf_put(note, b.data, b.len);
    err = hm_buf_err(note);
    if (err != HM_OK)
        return hm_fail(why, err, "no room for a checkpoint of %zu bytes", b.len);
    *size = db_q_get_u64(&q, 0);
    return HM_OK;
}

enum hm_err db_log_checkpoint(struct db_log *log, uint64_t *size, struct hm_buf *note,
                              struct hm_why *why)
{
    return last(log, LOG_CHECKPOINT_LAST, size, note, why);
}

enum hm_err db_log_cosigned(struct db_log *log, uint64_t *size, struct hm_buf *note,
                            struct hm_why *why)
{
    return last(log, LOG_COSIGNED_LAST, size, note, why);
}
