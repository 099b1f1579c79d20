/* A thin layer over SQLite for db/log and db/query: one connection with its table of statements,
 * prepared at first use and kept; one way to bind, step and read; one mapping of SQLite's codes to
 * enum hm_err. Thread: a connection and its statements by one thread at a time. */
#ifndef DB_SQL_DB_SQL_H
#define DB_SQL_DB_SQL_H

#include "schema/core/hm_hash.h"

#include <sqlite3.h>

#define DB_SQL_BUSY_MS 2000 /* wait for locks of other connections */
#define DB_SQL_MAX 64       /* statements of one connection */

struct db_sql {
    sqlite3 *db;
    const char *const *text; /* borrowed, static: SQL by number */
    unsigned count;
    sqlite3_stmt *stmt[DB_SQL_MAX];
};

/* Opens path with SQLITE_OPEN_* flags, own mutexes off, untrusted schema, defensive mode, recursive
 * triggers, a busy timeout. `text` has `count` entries. HM_E_NOT_FOUND, HM_E_IO, HM_E_FULL. On
 * failure *s is closed. */
enum hm_err HM_MUST_USE db_sql_open(struct db_sql *s, const char *path, int flags,
                                    const char *const *text, unsigned count, struct hm_why *why);
void db_sql_close(struct db_sql *s); /* zeroed or half-built allowed */
/* Runs constant SQL that has no result. */
enum hm_err HM_MUST_USE db_sql_exec(struct db_sql *s, const char *sql, struct hm_why *why);
/* First column of the first row of constant SQL as an integer (PRAGMA user_version and the like).
 */
enum hm_err HM_MUST_USE db_sql_int(struct db_sql *s, const char *sql, int64_t *out,
                                   struct hm_why *why);
/* SQLite's code to ours, with its text: FULL and "no space" errors HM_E_FULL, CONSTRAINT
 * HM_E_CONFLICT, BUSY HM_E_UNAVAILABLE, AUTH HM_E_DENIED, TOOBIG HM_E_LIMIT, NOMEM HM_E_MEMORY,
 * MISUSE HM_E_INTERNAL, else HM_E_IO. */
enum hm_err db_sql_fail(sqlite3 *db, int rc, struct hm_why *why, const char *what);

/* One use of a statement. Errors latch in rc: bind everything, step, check once. */
struct db_q {
    sqlite3 *db;
    sqlite3_stmt *st;
    int rc;
    int at; /* next parameter */
};
struct db_q db_q_begin(struct db_sql *s, unsigned which);
void db_q_end(struct db_q *q); /* makes the statement ready for its next use */
#define DB_Q_AUTO __attribute__((cleanup(db_q_end))) struct db_q

/* Bind the next parameter; bytes and text are borrowed until db_q_end. */
void db_q_u64(struct db_q *q, uint64_t v); /* bit pattern: UINT64_MAX is stored as -1 */
void db_q_i64(struct db_q *q, int64_t v);
void db_q_text(struct db_q *q, const char *v);
void db_q_blob(struct db_q *q, struct hm_bytes v);
void db_q_digest(struct db_q *q, const struct hm_digest *v);

bool db_q_row(struct db_q *q); /* true: a row stands there; false: done or failed */
/* HM_OK where nothing failed so far. */
enum hm_err HM_MUST_USE db_q_err(const struct db_q *q, struct hm_why *why);
/* Steps to the end. */
enum hm_err HM_MUST_USE db_q_run(struct db_q *q, struct hm_why *why);

/* Columns from 0. Text and digests of the wrong size latch SQLITE_CORRUPT. */
uint64_t db_q_get_u64(struct db_q *q, int col);
int64_t db_q_get_i64(struct db_q *q, int col);
struct hm_bytes db_q_get_bytes(struct db_q *q, int col); /* valid until the next step */
void db_q_get_text(struct db_q *q, int col, char *out, size_t cap);
void db_q_get_digest(struct db_q *q, int col, struct hm_digest *out);

#endif
