/* The writer's housekeeping between batches: the WAL's length, the reserve, erasing. */
#include "db/log/db_log_priv.h"

#include "schema/io/hm_clock.h"

#define EMPTY_AGAIN_MS 1000
#define RESTART_WAIT_MS 100 /* for readers to finish, when the WAL must restart */

static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct db_log *log = ctx;
    if (pages < log->wal_pages) /* it began again at its start */
        log->wal_next = DB_LOG_WAL_SOFT_PAGES;
    log->wal_pages = pages;
    return SQLITE_OK;
}

void db_log_watch_wal(struct db_log *log)
{
    log->wal_next = DB_LOG_WAL_SOFT_PAGES;
    (void)sqlite3_wal_hook(log->sql.db, on_commit, log);
}

/* The modes that need all readers to be gone wait for them, but not long. */
static int checkpoint_wal(struct db_log *log, int mode)
{
    (void)sqlite3_busy_timeout(log->sql.db, RESTART_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(log->sql.db, "main", mode, NULL, NULL);
    (void)sqlite3_busy_timeout(log->sql.db, DB_SQL_BUSY_MS);
    return rc;
}

/* Time to empty the WAL's file, which holds pages from before something was erased? Readers may be
 * in the way; they are waited for once a second. */
static bool must_empty(const struct db_log *log)
{
    return log->erased && hm_clock_mono_ms() >= log->erased_try_ms;
}

static int next_mode(const struct db_log *log)
{
    if (must_empty(log))
        return SQLITE_CHECKPOINT_TRUNCATE;
    return log->wal_pages < DB_LOG_WAL_HARD_PAGES ? SQLITE_CHECKPOINT_PASSIVE
                                                  : SQLITE_CHECKPOINT_RESTART;
}

void db_log_maintain(struct db_log *log)
{
    if (log->in_tx || log->failed != HM_OK)
        return;
    if (!log->reserved)
        db_log_reserve(log);
    if (log->wal_pages < log->wal_next && !must_empty(log))
        return;
    log->wal_next = log->wal_pages + DB_LOG_WAL_SOFT_PAGES;
    int mode = next_mode(log);
    int rc = checkpoint_wal(log, mode);
    if (mode == SQLITE_CHECKPOINT_TRUNCATE) {
        log->erased = rc != SQLITE_OK;
        log->erased_try_ms = hm_clock_mono_ms() + EMPTY_AGAIN_MS;
    }
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        (void)db_log_note(log, db_sql_fail(log->sql.db, rc, NULL, log->path));
}

enum hm_err db_log_has_detail(struct db_log *log, uint64_t idx, bool *yes, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_DETAIL_THERE);
    db_q_u64(&q, idx);
    *yes = db_q_row(&q);
    return db_q_err(&q, why);
}

enum hm_err db_log_details(struct db_log *log, db_detail_fn fn, void *ctx, struct hm_why *why)
{
    bool more = true;
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_DETAILS);
    db_q_u64(&q, 0);
    while (err == HM_OK && more && db_q_row(&q))
        err =
            fn(ctx, db_q_get_u64(&q, 0), db_q_get_bytes(&q, 1), db_q_get_bytes(&q, 2), &more, why);
    return err == HM_OK ? db_q_err(&q, why) : err;
}

enum hm_err db_log_erase(struct db_log *log, uint64_t idx, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_DETAIL_ERASE);
    db_q_u64(&q, idx);
    err = db_log_change(log, &q, why);
    if (err == HM_OK && sqlite3_changes(log->sql.db) == 0)
        return hm_fail(why, HM_E_NOT_FOUND, "record %llu has no private detail (any more)",
                       (unsigned long long)idx);
    log->erased = log->erased || err == HM_OK;
    return err;
}
