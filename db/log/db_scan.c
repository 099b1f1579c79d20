#include "db/log/db_scan.h"

#include "db/log/db_log_priv.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(DB_SCAN_SLOTS == DB_LOG_EVIDENCE_SLOTS, "one way to number evidence");

enum { SCAN_HEAD = DB_SCAN_TABLES, SCAN_HEADS, SCAN_ABOUT, SCAN_BLOB, SCAN_KINDS, SCAN_COUNT };
static const char *const scan_text[SCAN_COUNT] = {
    [DB_SCAN_RECORD] = "SELECT idx, hashes, bytes FROM record ORDER BY idx",
    [DB_SCAN_EVIDENCE] = "SELECT ref, NULL, bytes FROM evidence ORDER BY ref",
    [DB_SCAN_DETAIL] = "SELECT idx, salt, bytes FROM detail ORDER BY idx",
    [DB_SCAN_CHECKPOINT] = "SELECT size, NULL, note FROM checkpoint ORDER BY size",
    [DB_SCAN_COSIGNED] = "SELECT size, NULL, note FROM cosigned ORDER BY size",
    [SCAN_HEAD] = "SELECT origin, size, leaf, t_ms FROM head",
    [SCAN_HEADS] = "SELECT count(*) FROM head",
    [SCAN_ABOUT] = "SELECT max(idx)+1 FROM record",
    [SCAN_BLOB] = "SELECT bytes FROM evidence WHERE ref=?1",
    /* Tables with rows of their own: nothing that makes rows up while it is read. */
    [SCAN_KINDS] = ("SELECT count(*) FROM sqlite_master WHERE type='table' AND rootpage>0 AND name "
                    "IN ('record', 'evidence', 'detail', 'checkpoint', 'head', 'cosigned')"),
};

struct db_scan {
    struct db_sql sql;
    struct db_q at[DB_SCAN_TABLES];
    bool open[DB_SCAN_TABLES];
    bool has_cosigned;
};

/* What the file itself does wrong is a finding, not a failure of the machine. */
static enum hm_err scan_err(const struct db_q *q, struct hm_why *why)
{
    enum hm_err err = db_q_err(q, why);
    int rc = q->rc & 0xff;
    return err != HM_OK && (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB) ? HM_E_HISTORY : err;
}

enum hm_err db_file_alone(const char *path, struct hm_why *why)
{
    static const char *const beside[] = {"-wal", "-journal"};
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        char name[4096];
        struct stat st;
        if (snprintf(name, sizeof name, "%s%s", path, beside[i]) >= (int)sizeof name)
            return hm_fail(why, HM_E_LIMIT, "%.200s: path too long", path);
        if (stat(name, &st) == 0 && st.st_size > 0)
            return hm_fail(
                why, HM_E_STATE,
                "%.300s stands beside it: this is the file of a log in use, or a part of "
                "a copy; a backup is one file",
                name);
    }
    return HM_OK;
}

const char *db_file_uri(struct hm_buf *b, const char *path)
{
    hm_buf_puts(b, path[0] == '/' ? "file://" : "file:");
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '%' || *p == '?' || *p == '#')
            hm_buf_printf(b, "%%%02x", (unsigned)*p);
        else
            hm_buf_putc(b, (uint8_t)*p);
    }
    hm_buf_puts(b, "?mode=ro&immutable=1");
    return hm_buf_str(b);
}

static enum hm_err number(struct db_scan *s, unsigned which, uint64_t *out, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&s->sql, which);
    uint64_t v = db_q_row(&q) ? db_q_get_u64(&q, 0) : 0;
    enum hm_err err = scan_err(&q, why);
    if (err == HM_OK)
        *out = v;
    return err;
}

static enum hm_err look(struct db_scan *s, const char *path, struct hm_why *why)
{
    uint64_t tables = 0;
    int64_t version = 0;
    enum hm_err err = db_log_check_kind(&s->sql, path, &version, why);
    if (err == HM_OK)
        err = db_sql_exec(&s->sql, "PRAGMA query_only=ON;PRAGMA cell_size_check=ON", why);
    (void)sqlite3_limit(s->sql.db, SQLITE_LIMIT_LENGTH, (int)DB_SCAN_ROW_MAX);
    if (err == HM_OK)
        err = number(s, SCAN_KINDS, &tables, why);
    s->has_cosigned = version >= 3; /* the other tables of the log are the same in all versions */
    if (err == HM_OK && tables != (s->has_cosigned ? 6 : 5))
        return hm_fail(why, HM_E_HISTORY, "the tables of a log are not there");
    return err;
}

enum hm_err db_scan_open(const char *path, struct db_scan **out, struct hm_why *why)
{
    HM_BUF_AUTO uri = {.limit = 16384};
    if (access(path, R_OK) != 0) /* SQLite would tell of the URI */
        return hm_fail_errno(why, errno, "%.300s: cannot open", path);
    const char *name = db_file_uri(&uri, path);
    struct db_scan *s = calloc(1, sizeof *s);
    if (s == NULL || name == NULL) {
        free(s);
        return hm_fail(why, HM_E_MEMORY, "%.300s: no memory", path);
    }
    enum hm_err err = db_file_alone(path, why);
    if (err == HM_OK)
        err = db_sql_open(&s->sql, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, scan_text,
                          SCAN_COUNT, why);
    if (err == HM_OK)
        err = look(s, path, why);
    if (err != HM_OK) {
        db_scan_close(s);
        return err;
    }
    *out = s;
    return HM_OK;
}

void db_scan_rewind(struct db_scan *s, enum db_scan_table table)
{
    if (s->open[table])
        db_q_end(&s->at[table]);
    s->open[table] = false;
}

void db_scan_close(struct db_scan *s)
{
    if (s == NULL)
        return;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        db_scan_rewind(s, (enum db_scan_table)t);
    db_sql_close(&s->sql);
    free(s);
}

enum hm_err db_scan_next(struct db_scan *s, enum db_scan_table table, struct db_scan_row *row,
                         bool *found, struct hm_why *why)
{
    struct db_q *q = &s->at[table];
    *found = false;
    if (table == DB_SCAN_COSIGNED && !s->has_cosigned)
        return HM_OK;
    if (!s->open[table])
        *q = db_q_begin(&s->sql, table);
    s->open[table] = true;
    *found = db_q_row(q);
    if (!*found)
        return scan_err(q, why);
    *row = (struct db_scan_row){db_q_get_i64(q, 0), db_q_get_bytes(q, 1), db_q_get_bytes(q, 2)};
    return HM_OK;
}

enum hm_err db_scan_evidence(struct db_scan *s, int64_t ref, struct hm_buf *out, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&s->sql, SCAN_BLOB);
    db_q_i64(&q, ref);
    if (!db_q_row(&q)) {
        enum hm_err err = scan_err(&q, why);
        return err != HM_OK ? err
                            : hm_fail(why, HM_E_NOT_FOUND, "no evidence at %lld", (long long)ref);
    }
    struct hm_bytes b = db_q_get_bytes(&q, 0);
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out) == HM_OK ? HM_OK : hm_fail(why, hm_buf_err(out), "evidence is too long");
}

/* The one row, column by column: what does not fit is left empty. */
static void take_head(struct db_q *q, struct db_scan_head *out)
{
    struct hm_bytes origin = db_q_get_bytes(q, 0);
    struct hm_bytes leaf = db_q_get_bytes(q, 2);
    out->size = db_q_get_u64(q, 1);
    out->t_ms = db_q_get_u64(q, 3);
    if (origin.len < sizeof out->origin && origin.len > 0)
        memcpy(out->origin, origin.data, origin.len);
    if (leaf.len == sizeof out->leaf.b)
        memcpy(out->leaf.b, leaf.data, leaf.len);
}

enum hm_err db_scan_head(struct db_scan *s, struct db_scan_head *out, struct hm_why *why)
{
    struct db_scan_head h = {.rows = 0};
    enum hm_err err = number(s, SCAN_HEADS, &h.rows, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&s->sql, SCAN_HEAD);
    if (db_q_row(&q))
        take_head(&q, &h);
    err = scan_err(&q, why);
    if (err == HM_OK)
        *out = h;
    return err;
}

enum hm_err db_scan_about(struct db_scan *s, uint64_t *records, struct hm_why *why)
{
    return number(s, SCAN_ABOUT, records, why);
}
