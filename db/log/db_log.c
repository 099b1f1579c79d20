/* The writer's transaction: begin, commit by compare-and-swap on the head, rollback. Writer's
 * thread. */
#include "db/log/db_log_priv.h"

uint64_t db_log_size(const struct db_log *log)
{
    return log->committed.frontier.size;
}

struct hm_digest db_log_root(const struct db_log *log)
{
    return hm_frontier_root(&log->committed.frontier);
}

uint64_t db_log_last_t_ms(const struct db_log *log)
{
    return log->committed.t_ms;
}

uint64_t db_log_pending_size(const struct db_log *log)
{
    return log->pending.frontier.size;
}

bool db_log_reserved(const struct db_log *log)
{
    return log->reserved;
}

enum hm_err db_log_note(struct db_log *log, enum hm_err err)
{
    bool fatal = err == HM_E_FULL || err == HM_E_IO || err == HM_E_MEMORY;
    if (fatal && log->failed == HM_OK)
        log->failed = err;
    if (err == HM_E_FULL)
        db_log_release_reserve(log);
    return err;
}

bool db_log_usable(const struct db_log *log)
{
    return log->failed == HM_OK;
}

enum hm_err db_log_alive(const struct db_log *log, struct hm_why *why)
{
    if (log->failed == HM_OK)
        return HM_OK;
    return hm_fail(why, log->failed,
                   "%s: closed after an earlier failure (%s): it must be opened again", log->path,
                   hm_err_name(log->failed));
}

enum hm_err db_log_in_tx(const struct db_log *log, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    if (!log->in_tx)
        return hm_fail(why, HM_E_STATE, "%s: no transaction is running", log->path);
    if (log->broken_tx)
        return hm_fail(why, HM_E_STATE,
                       "%s: the transaction failed half way and must be rolled back", log->path);
    return HM_OK;
}

enum hm_err db_log_change(struct db_log *log, struct db_q *q, struct hm_why *why)
{
    return db_log_note(log, db_q_run(q, why));
}

static enum hm_err run(struct db_log *log, unsigned which, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, which);
    return db_log_change(log, &q, why);
}

enum hm_err db_log_begin(struct db_log *log, struct hm_why *why)
{
    if (log->wal_pages >= DB_LOG_WAL_HARD_PAGES)
        db_log_maintain(log);
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    if (log->in_tx)
        return hm_fail(why, HM_E_STATE, "%s: a transaction is running already", log->path);
    err = run(log, LOG_BEGIN, why);
    if (err != HM_OK)
        return err;
    log->in_tx = true;
    log->broken_tx = false;
    log->had_checkpoint = log->has_checkpoint;
    log->old_checkpoint_size = log->checkpoint_size;
    log->changes_at_begin = sqlite3_total_changes64(log->sql.db);
    err = db_mirror_begin(log, why);
    if (err != HM_OK)
        db_log_rollback(log);
    return err;
}

void db_log_rollback(struct db_log *log)
{
    /* SQLite itself has rolled back after some errors. */
    if (log->in_tx && sqlite3_get_autocommit(log->sql.db) == 0)
        (void)run(log, LOG_ROLLBACK, NULL);
    db_mirror_drop(log);
    if (log->pending.frontier.size != log->committed.frontier.size)
        db_log_node_forget(log);
    if (log->in_tx) {
        log->has_checkpoint = log->had_checkpoint;
        log->checkpoint_size = log->old_checkpoint_size;
    }
    log->in_tx = false;
    log->broken_tx = false;
    log->pending = log->committed;
}

static enum hm_err swap_head(struct db_log *log, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_HEAD_SWAP);
    db_q_u64(&q, log->pending.frontier.size);
    db_q_digest(&q, &log->pending.leaf);
    db_q_u64(&q, log->pending.t_ms);
    db_q_u64(&q, log->committed.frontier.size);
    db_q_digest(&q, &log->committed.leaf);
    enum hm_err err = db_log_change(log, &q, why);
    if (err == HM_OK && sqlite3_changes(log->sql.db) == 1)
        return HM_OK;
    if (err != HM_OK && err != HM_E_CONFLICT)
        return err;
    log->failed = HM_E_CONFLICT;
    return hm_fail(why, HM_E_CONFLICT,
                   "%s: the head is no longer at size %llu: somebody else has written", log->path,
                   (unsigned long long)log->committed.frontier.size);
}

enum hm_err db_log_commit(struct db_log *log, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK && sqlite3_total_changes64(log->sql.db) == log->changes_at_begin) {
        db_log_rollback(log); /* nothing to make durable */
        return HM_OK;
    }
    if (err == HM_OK)
        err = swap_head(log, why);
    if (err == HM_OK)
        err = db_mirror_write(log, why);
    if (err == HM_OK)
        err = run(log, LOG_COMMIT, why);
    if (err == HM_OK)
        err = db_mirror_commit(log, why);
    if (err != HM_OK) {
        db_log_rollback(log);
        return err;
    }
    log->committed = log->pending;
    log->in_tx = false;
    return HM_OK;
}
