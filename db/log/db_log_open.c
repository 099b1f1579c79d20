/* Opening and closing of the writer. */
#include "db/log/db_log_priv.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum hm_err db_log_check_kind(struct db_sql *s, const char *path, int64_t *version,
                              struct hm_why *why)
{
    int64_t id = 0;
    enum hm_err err = db_sql_int(s, "PRAGMA application_id", &id, why);
    if (err == HM_OK)
        err = db_sql_int(s, "PRAGMA user_version", version, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", path);
    if (id != DB_LOG_APPLICATION_ID)
        return hm_fail(why, HM_E_MALFORMED, "%s: this is no Hallmark log (application id %lld)",
                       path, (long long)id);
    if (*version < 1 || *version > DB_LOG_SCHEMA_VERSION)
        return hm_fail(why, HM_E_UNSUPPORTED, "%s: schema version %lld, expected 1 to %d", path,
                       (long long)*version, DB_LOG_SCHEMA_VERSION);
    return HM_OK;
}

/* Restored backups come without WAL, so it is set at every open; a file system that cannot do it is
 * refused. */
static enum hm_err set_wal(struct db_log *log, struct hm_why *why)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(log->sql.db, "PRAGMA journal_mode=WAL", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    enum hm_err err = HM_OK;
    if (rc != SQLITE_ROW)
        err = db_sql_fail(log->sql.db, rc, why, log->path);
    else if (strcmp((const char *)sqlite3_column_text(st, 0), "wal") != 0)
        err = hm_fail(why, HM_E_UNSUPPORTED, "%s: this file system cannot hold a WAL database",
                      log->path);
    (void)sqlite3_finalize(st);
    return err;
}

static enum hm_err connect(struct db_log *log, struct hm_why *why)
{
    int64_t version = 0;
    enum hm_err err =
        db_sql_open(&log->sql, log->path, SQLITE_OPEN_READWRITE, db_log_text, LOG_STMT_COUNT, why);
    if (err == HM_OK)
        err = db_log_check_kind(&log->sql, log->path, &version, why);
    if (err == HM_OK)
        err = set_wal(log, why);
    if (err != HM_OK)
        return err;
    db_log_watch_wal(log);
    /* secure_delete: erasing private detail must overwrite it. */
    err = db_sql_exec(&log->sql,
                      "PRAGMA synchronous=FULL;PRAGMA secure_delete=ON;PRAGMA cache_size=-32768;"
                      "PRAGMA temp_store=MEMORY;PRAGMA journal_size_limit=67108864",
                      why);
    if (err == HM_OK)
        err = db_log_migrate(log, version, why);
    return err == HM_OK ? db_log_guard(log, true, why) : err;
}

enum hm_err db_log_open(const char *path, const char *origin, struct db_log **out,
                        struct hm_why *why)
{
    if (!hm_origin_ok(origin))
        return hm_fail(why, HM_E_MALFORMED, "%s: this is no log origin", origin);
    if (access(path, F_OK) != 0)
        return hm_fail(why, HM_E_NOT_FOUND, "%s: there is no log", path);
    struct db_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    log->lock_fd = -1;
    log->erased = true; /* a crash may have come before the WAL was emptied */
    log->scratch.limit = (size_t)2 * HM_RECORD_MAX;
    log->path = strdup(path);
    memcpy(log->origin, origin, strlen(origin) + 1);
    enum hm_err err = log->path != NULL ? db_log_lock(log->path, &log->lock_fd, why)
                                        : hm_fail(why, HM_E_MEMORY, "no memory");
    if (err == HM_OK)
        err = connect(log, why);
    if (err == HM_OK)
        err = db_log_tail(log, why);
    if (err != HM_OK) {
        db_log_close(log);
        return err;
    }
    db_log_reserve(log);
    *out = log;
    return HM_OK;
}

void db_log_close(struct db_log *log)
{
    if (log == NULL)
        return;
    if (log->sql.db != NULL)
        db_log_rollback(log);
    db_log_copy_end(log);
    db_log_mirror_close(log);
    db_sql_close(&log->sql);
    hm_close_fd(&log->lock_fd); /* after the database: the lock guards it to the end */
    hm_buf_wipe(&log->scratch);
    free(log->path);
    free(log);
}
