/* A backup made by the writer itself while it goes on writing: SQLite's backup API on the writer's
 * own connection, so that what is written meanwhile reaches the copy as well. A step copies some
 * pages; between steps batches are written as usual. The copy is complete with the last step, and
 * is then the log as it stood at that moment. */
#include "db/log/db_log_priv.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct db_copy {
    char *path;
    sqlite3 *to;
    sqlite3_backup *run;
};

static enum hm_err create(const char *path, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        return HM_OK;
    if (errno == EEXIST)
        return hm_fail(why, HM_E_CONFLICT, "%s exists: a backup never overwrites", path);
    return hm_fail_errno(why, errno, "%s: cannot create", path);
}

/* Whether the copy is whole is decided by whoever syncs and names it: until then a crash may leave
 * anything. */
static enum hm_err open_copy(sqlite3 *from, struct db_copy *c, struct hm_why *why)
{
    int rc = sqlite3_open_v2(c->path, &c->to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc =
            sqlite3_exec(c->to, "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return db_sql_fail(c->to, rc, why, c->path);
    c->run = sqlite3_backup_init(c->to, "main", from, "main");
    return c->run != NULL ? HM_OK : db_sql_fail(c->to, sqlite3_errcode(c->to), why, c->path);
}

enum hm_err db_log_copy_begin(struct db_log *log, const char *path, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    if (log->in_tx)
        return hm_fail(why, HM_E_STATE, "%s: a transaction is running", log->path);
    if (log->copy != NULL)
        return hm_fail(why, HM_E_CONFLICT, "%s: a backup is being made already", log->path);
    err = create(path, why);
    if (err != HM_OK)
        return err;
    log->copy = calloc(1, sizeof *log->copy);
    if (log->copy != NULL)
        log->copy->path = strdup(path);
    err = log->copy != NULL && log->copy->path != NULL
              ? open_copy(log->sql.db, log->copy, why)
              : hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    if (err == HM_OK)
        return HM_OK;
    (void)unlink(path);
    db_log_copy_end(log);
    return hm_fail_in(why, err, "backup");
}

static enum hm_err finish(struct db_copy *c, struct hm_why *why)
{
    int rc = sqlite3_backup_finish(c->run);
    c->run = NULL;
    /* No WAL beside it: it is a file by itself, which can be read where nothing may be written. */
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    enum hm_err err = rc == SQLITE_OK ? HM_OK : db_sql_fail(c->to, rc, why, c->path);
    int closed = sqlite3_close(c->to);
    c->to = NULL;
    return err == HM_OK && closed != SQLITE_OK ? hm_fail(why, HM_E_IO, "%s: cannot close", c->path)
                                               : err;
}

enum hm_err db_log_copy_step(struct db_log *log, int pages, struct db_copy_state *out,
                             struct hm_why *why)
{
    struct db_copy *c = log->copy;
    enum hm_err err = db_log_alive(log, why);
    if (err == HM_OK && (c == NULL || log->in_tx))
        err = hm_fail(why, HM_E_STATE, "%s: no backup is being made now", log->path);
    if (err != HM_OK)
        return err;
    int rc = sqlite3_backup_step(c->run, pages);
    out->total = (uint64_t)sqlite3_backup_pagecount(c->run);
    out->done = out->total - (uint64_t)sqlite3_backup_remaining(c->run);
    out->complete = rc == SQLITE_DONE;
    if (rc == SQLITE_OK)
        return HM_OK;
    if (rc == SQLITE_DONE)
        err = finish(c, why);
    else
        err = db_sql_fail(c->to, rc, why, c->path);
    if (err == HM_OK) {
        free(c->path);
        c->path = NULL; /* it stays */
    }
    db_log_copy_end(log);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "backup");
}

bool db_log_copying(const struct db_log *log)
{
    return log != NULL && log->copy != NULL;
}

void db_log_copy_end(struct db_log *log)
{
    struct db_copy *c = log->copy;
    log->copy = NULL;
    if (c == NULL)
        return;
    (void)sqlite3_backup_finish(c->run);
    (void)sqlite3_close(c->to);
    if (c->path != NULL)
        (void)unlink(c->path);
    free(c->path);
    free(c);
}

static enum hm_err sync_file(const char *path, struct hm_why *why)
{
    HM_FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fsync(fd) != 0)
        return hm_fail_errno(why, errno, "%s: cannot sync", path);
    return db_log_sync_dir(path, why);
}

static enum hm_err copy_all(sqlite3 *from, struct db_copy *c, struct hm_why *why)
{
    enum hm_err err = open_copy(from, c, why);
    int rc = err == HM_OK ? sqlite3_backup_step(c->run, -1) : SQLITE_DONE;
    if (err == HM_OK && rc != SQLITE_DONE)
        err = db_sql_fail(c->to, rc, why, "copy");
    if (err == HM_OK)
        return finish(c, why);
    (void)sqlite3_backup_finish(c->run);
    (void)sqlite3_close(c->to);
    return err;
}

/* With what lies beside it; what is in use is busy at once. Where nothing may be written (a copy
 * that root keeps, a disk mounted read-only) a file that is alone is read as it is. */
static enum hm_err open_source(const char *path, sqlite3 **db, struct hm_why *why)
{
    static const char probe[] = "PRAGMA locking_mode=EXCLUSIVE;SELECT count(*) FROM sqlite_master";
    HM_BUF_AUTO uri = {.limit = 16384};
    int rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(*db, probe, NULL, NULL, NULL);
    bool read_only = (rc & 0xff) == SQLITE_READONLY || (rc & 0xff) == SQLITE_CANTOPEN;
    if (read_only && db_file_alone(path, NULL) == HM_OK && db_file_uri(&uri, path) != NULL) {
        (void)sqlite3_close(*db);
        rc = sqlite3_open_v2(hm_buf_str(&uri), db,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    }
    return rc == SQLITE_OK ? HM_OK : db_sql_fail(*db, rc, why, "open");
}

enum hm_err db_log_copy_file(const char *from, const char *to, struct hm_why *why)
{
    sqlite3 *db = NULL;
    char *path = strdup(to);
    struct db_copy c = {.path = path};
    enum hm_err err = path != NULL ? create(to, why) : hm_fail(why, HM_E_MEMORY, "no memory");
    if (err != HM_OK) {
        free(path);
        return err;
    }
    err = open_source(from, &db, why);
    if (err == HM_OK)
        err = copy_all(db, &c, why);
    (void)sqlite3_close(db);
    if (err == HM_OK)
        err = sync_file(to, why);
    if (err != HM_OK)
        (void)unlink(to);
    free(path);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "%s", from);
}

enum hm_err db_log_backup(struct db_log *log, const char *path, struct hm_why *why)
{
    struct db_copy_state state = {.complete = false};
    enum hm_err err = db_log_copy_begin(log, path, why);
    if (err == HM_OK)
        err = db_log_copy_step(log, -1, &state, why);
    if (err != HM_OK)
        return err;
    return sync_file(path, why);
}
