#include "db/sql/db_sql.h"

#include <errno.h>
#include <string.h>

/* The last errno of the database file or of its WAL: sqlite3_system_errno() may be overwritten by
 * the clean-up that follows a failed write. */
static int file_errno(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int e = 0;
    if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || file == NULL ||
        file->pMethods == NULL ||
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &e) != SQLITE_OK)
        return 0;
    return e;
}

static bool is_no_space(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG;
}

/* SQLite calls a full disk SQLITE_FULL only where the kernel said ENOSPC; quota and file-size
 * limits come as I/O errors. */
static bool no_space(sqlite3 *db, int primary)
{
    if (primary == SQLITE_FULL)
        return true;
    if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN)
        return false;
    return is_no_space(sqlite3_system_errno(db)) ||
           is_no_space(file_errno(db, SQLITE_FCNTL_FILE_POINTER)) ||
           is_no_space(file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER));
}

static enum hm_err err_of(sqlite3 *db, int rc)
{
    int primary = rc & 0xff;
    if (no_space(db, primary))
        return HM_E_FULL;
    switch (primary) {
    case SQLITE_CONSTRAINT:
        return HM_E_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return HM_E_UNAVAILABLE;
    case SQLITE_AUTH:
        return HM_E_DENIED;
    case SQLITE_TOOBIG:
        return HM_E_LIMIT;
    case SQLITE_NOMEM:
        return HM_E_MEMORY;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
        return HM_E_INTERNAL;
    default:
        return HM_E_IO;
    }
}

enum hm_err db_sql_fail(sqlite3 *db, int rc, struct hm_why *why, const char *what)
{
    if (db == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory for a database connection", what);
    /* The connection's text belongs to its last call, which may not be the one that gave rc. */
    bool same = (sqlite3_extended_errcode(db) & 0xff) == (rc & 0xff);
    return hm_fail(why, err_of(db, rc), "%s: %s (%s, code %d)", what,
                   same ? sqlite3_errmsg(db) : "unexpected content", sqlite3_errstr(rc), rc);
}

static enum hm_err harden(struct db_sql *s, struct hm_why *why)
{
    int rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(s->db, DB_SQL_BUSY_MS);
    if (rc != SQLITE_OK)
        return db_sql_fail(s->db, rc, why, "cannot set up the database connection");
    (void)sqlite3_extended_result_codes(s->db, 1);
    return db_sql_exec(s, "PRAGMA recursive_triggers=ON", why);
}

enum hm_err db_sql_open(struct db_sql *s, const char *path, int flags, const char *const *text,
                        unsigned count, struct hm_why *why)
{
    *s = (struct db_sql){.text = text, .count = count};
    if (count > DB_SQL_MAX)
        return hm_fail(why, HM_E_INTERNAL, "%s: too many statements", path);
    int rc =
        sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    enum hm_err err = HM_OK;
    if (rc != SQLITE_OK && s->db != NULL && sqlite3_system_errno(s->db) == ENOENT)
        err = hm_fail(why, HM_E_NOT_FOUND, "%s: no such database", path);
    else if (rc != SQLITE_OK)
        err = db_sql_fail(s->db, rc, why, path);
    else if ((err = harden(s, why)) != HM_OK)
        err = hm_fail_in(why, err, "%s", path);
    if (err != HM_OK)
        db_sql_close(s);
    return err;
}

void db_sql_close(struct db_sql *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        (void)sqlite3_finalize(s->stmt[i]);
        s->stmt[i] = NULL;
    }
    (void)sqlite3_close_v2(s->db);
    s->db = NULL;
}

enum hm_err db_sql_exec(struct db_sql *s, const char *sql, struct hm_why *why)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? HM_OK : db_sql_fail(s->db, rc, why, "database");
}

enum hm_err db_sql_int(struct db_sql *s, const char *sql, int64_t *out, struct hm_why *why)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    enum hm_err err = rc == SQLITE_ROW ? HM_OK : db_sql_fail(s->db, rc, why, "database");
    if (err == HM_OK)
        *out = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    return err;
}

struct db_q db_q_begin(struct db_sql *s, unsigned which)
{
    struct db_q q = {.db = s->db, .rc = SQLITE_MISUSE, .at = 1};
    if (which >= s->count || s->db == NULL)
        return q;
    q.rc = SQLITE_OK;
    if (s->stmt[which] == NULL)
        q.rc = sqlite3_prepare_v3(s->db, s->text[which], -1, SQLITE_PREPARE_PERSISTENT,
                                  &s->stmt[which], NULL);
    q.st = s->stmt[which];
    return q;
}

void db_q_end(struct db_q *q)
{
    if (q->st == NULL)
        return;
    (void)sqlite3_reset(q->st);
    (void)sqlite3_clear_bindings(q->st);
    q->st = NULL;
}

void db_q_i64(struct db_q *q, int64_t v)
{
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_int64(q->st, q->at++, v);
}

void db_q_u64(struct db_q *q, uint64_t v)
{
    db_q_i64(q, (int64_t)v);
}

void db_q_text(struct db_q *q, const char *v)
{
    if (q->rc == SQLITE_OK)
        q->rc = sqlite3_bind_text(q->st, q->at++, v, -1, SQLITE_STATIC);
}

void db_q_blob(struct db_q *q, struct hm_bytes v)
{
    if (q->rc != SQLITE_OK)
        return;
    /* A NULL pointer would bind NULL, and an empty blob is not NULL. */
    q->rc = v.len == 0 ? sqlite3_bind_zeroblob(q->st, q->at++, 0)
                       : sqlite3_bind_blob64(q->st, q->at++, v.data, v.len, SQLITE_STATIC);
}

void db_q_digest(struct db_q *q, const struct hm_digest *v)
{
    db_q_blob(q, hm_bytes_of(v->b, sizeof v->b));
}

bool db_q_row(struct db_q *q)
{
    if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)
        return false;
    q->rc = sqlite3_step(q->st);
    return q->rc == SQLITE_ROW;
}

enum hm_err db_q_err(const struct db_q *q, struct hm_why *why)
{
    if (q->rc == SQLITE_OK || q->rc == SQLITE_ROW || q->rc == SQLITE_DONE)
        return HM_OK;
    return db_sql_fail(q->db, q->rc, why, "database");
}

enum hm_err db_q_run(struct db_q *q, struct hm_why *why)
{
    while (db_q_row(q)) {
    }
    return db_q_err(q, why);
}

int64_t db_q_get_i64(struct db_q *q, int col)
{
    return q->rc == SQLITE_ROW ? sqlite3_column_int64(q->st, col) : 0;
}

uint64_t db_q_get_u64(struct db_q *q, int col)
{
    return (uint64_t)db_q_get_i64(q, col);
}

struct hm_bytes db_q_get_bytes(struct db_q *q, int col)
{
    if (q->rc != SQLITE_ROW)
        return hm_bytes_of(NULL, 0);
    const void *data = sqlite3_column_blob(q->st, col);
    return hm_bytes_of(data, (size_t)sqlite3_column_bytes(q->st, col));
}

void db_q_get_text(struct db_q *q, int col, char *out, size_t cap)
{
    struct hm_bytes b = db_q_get_bytes(q, col);
    if (q->rc != SQLITE_ROW || b.len >= cap) {
        q->rc = q->rc == SQLITE_ROW ? SQLITE_CORRUPT : q->rc;
        out[0] = '\0';
        return;
    }
    if (b.len > 0)
        memcpy(out, b.data, b.len);
    out[b.len] = '\0';
}

void db_q_get_digest(struct db_q *q, int col, struct hm_digest *out)
{
    struct hm_bytes b = db_q_get_bytes(q, col);
    if (q->rc != SQLITE_ROW || b.len != sizeof out->b) {
        q->rc = q->rc == SQLITE_ROW ? SQLITE_CORRUPT : q->rc;
        memset(out->b, 0, sizeof out->b);
        return;
    }
    memcpy(out->b, b.data, b.len);
}
