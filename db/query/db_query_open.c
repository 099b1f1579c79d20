/* Opening the read model for writing: what cannot be trusted is thrown away, because it can be had
 * again. */
#include "db/query/db_query_priv.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SQLite: not a database, damaged, or not our tables. */
static bool unusable(struct db_sql *s)
{
    int code = sqlite3_errcode(s->db) & 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
}

static enum hm_err replace(struct hm_why *why, const char *reason)
{
    return hm_fail(why, HM_E_HISTORY, "read model: %s", reason);
}

/* From here HM_E_HISTORY means: replace the file. */
static enum hm_err check_kind(struct db_query_writer *w, struct hm_why *why)
{
    int64_t id = 0;
    int64_t version = 0;
    enum hm_err err = db_sql_int(&w->sql, "PRAGMA application_id", &id, why);
    if (err == HM_OK)
        err = db_sql_int(&w->sql, "PRAGMA user_version", &version, why);
    if (err == HM_OK && (id != DB_QUERY_APPLICATION_ID || version != DB_QUERY_SCHEMA_VERSION))
        return replace(why, "another kind of file or another schema version");
    return err;
}

struct head {
    uint64_t stored;
    bool clean;
};

static enum hm_err read_head(struct db_query_writer *w, const char *origin, struct head *h,
                             struct hm_why *why)
{
    char found[HM_ORIGIN_MAX + 1] = "";
    DB_Q_AUTO q = db_q_begin(&w->sql, W_HEAD_GET);
    if (!db_q_row(&q)) {
        enum hm_err err = db_q_err(&q, why);
        return err != HM_OK ? err : replace(why, "no head");
    }
    db_q_get_text(&q, 0, found, sizeof found);
    uint64_t size = db_q_get_u64(&q, 1);
    db_q_get_digest(&q, 2, &w->leaf);
    w->t_ms = db_q_get_u64(&q, 3);
    struct hm_bytes nodes = db_q_get_bytes(&q, 4);
    h->clean = db_q_get_u64(&q, 5) == 1;
    h->stored = db_q_get_u64(&q, 6);
    unsigned count = (unsigned)__builtin_popcountll(size);
    if (q.rc != SQLITE_ROW || strcmp(found, origin) != 0)
        return replace(why, "another origin");
    if (size != h->stored || nodes.len != count * sizeof w->frontier.node[0])
        return replace(why, "head and records do not agree");
    w->frontier = (struct hm_frontier){.size = size, .count = count};
    if (nodes.len > 0)
        memcpy(w->frontier.node, nodes.data, nodes.len);
    return HM_OK;
}

static enum hm_err check_last(struct db_query_writer *w, const char *origin, struct hm_why *why)
{
    uint64_t size = w->frontier.size;
    struct hm_digest leaf = hm_sha256(hm_bytes_str(origin));
    DB_Q_AUTO q = db_q_begin(&w->sql, W_LAST);
    db_q_u64(&q, size - 1);
    if (size > 0 && db_q_row(&q))
        leaf = hm_merkle_leaf(db_q_get_bytes(&q, 0));
    enum hm_err err = db_q_err(&q, why);
    if (err == HM_OK && !hm_digest_eq(&leaf, &w->leaf))
        return replace(why, "the last record is not the one that the head names");
    return err;
}

/* SQLite's own check reads the whole file, so it is for files that were not closed. */
static enum hm_err quick_check(struct db_query_writer *w, struct hm_why *why)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(w->sql.db, "PRAGMA quick_check(1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    enum hm_err err = HM_OK;
    if (rc != SQLITE_ROW)
        err = db_sql_fail(w->sql.db, rc, why, "read model");
    else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
        err = replace(why, "quick_check found damage");
    (void)sqlite3_finalize(st);
    return err;
}

static enum hm_err check(struct db_query_writer *w, const char *origin, struct hm_why *why)
{
    struct head h = {0};
    enum hm_err err = check_kind(w, why);
    if (err == HM_OK)
        err = read_head(w, origin, &h, why);
    if (err == HM_OK)
        err = check_last(w, origin, why);
    if (err == HM_OK && !h.clean)
        err = quick_check(w, why);
    return err != HM_OK && unusable(&w->sql) ? HM_E_HISTORY : err;
}

static enum hm_err set_clean(struct db_query_writer *w, bool clean, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_CLEAN);
    db_q_i64(&q, clean);
    return db_query_change(w, &q, why);
}

/* NORMAL: what a power cut takes away is read from the log again, and WAL keeps the rest
 * consistent. */
static enum hm_err set_up(struct db_query_writer *w, struct hm_why *why)
{
    return db_sql_exec(
        &w->sql,
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA wal_autocheckpoint=4000;"
        "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-65536;PRAGMA temp_store=MEMORY",
        why);
}

static enum hm_err connect(struct db_query_writer *w, const char *path, int flags,
                           struct hm_why *why)
{
    return db_sql_open(&w->sql, path, SQLITE_OPEN_READWRITE | flags, db_query_write_text, W_COUNT,
                       why);
}

static enum hm_err remove_files(const char *path, struct hm_why *why)
{
    static const char *const suffix[] = {"", "-wal", "-shm", "-journal"};
    char name[4096];
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        if (snprintf(name, sizeof name, "%s%s", path, suffix[i]) >= (int)sizeof name)
            return hm_fail(why, HM_E_LIMIT, "%s: path too long", path);
        if (unlink(name) != 0 && errno != ENOENT)
            return hm_fail_errno(why, errno, "%s: cannot remove", name);
    }
    return HM_OK;
}

static enum hm_err insert_head(struct db_query_writer *w, const char *origin, struct hm_why *why)
{
    w->leaf = hm_sha256(hm_bytes_str(origin));
    DB_Q_AUTO q = db_q_begin(&w->sql, W_HEAD_NEW);
    db_q_text(&q, origin);
    db_q_digest(&q, &w->leaf);
    return db_query_change(w, &q, why);
}

static enum hm_err create(struct db_query_writer *w, const char *path, const char *origin,
                          struct hm_why *why)
{
    char kind[128];
    (void)snprintf(kind, sizeof kind, "PRAGMA application_id=%d;PRAGMA user_version=%d",
                   DB_QUERY_APPLICATION_ID, DB_QUERY_SCHEMA_VERSION);
    enum hm_err err = remove_files(path, why);
    if (err != HM_OK)
        return err;
    HM_FD_AUTO fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", path);
    hm_close_fd(&fd);
    err = connect(w, path, 0, why);
    if (err == HM_OK)
        err = set_up(w, why);
    if (err == HM_OK)
        err = db_sql_exec(&w->sql, "BEGIN", why);
    if (err == HM_OK)
        err = db_sql_exec(&w->sql, db_query_ddl, why);
    if (err == HM_OK)
        err = insert_head(w, origin, why);
    if (err == HM_OK)
        err = db_sql_exec(&w->sql, kind, why);
    return err == HM_OK ? db_sql_exec(&w->sql, "COMMIT", why) : err;
}

static enum hm_err open_or_create(struct db_query_writer *w, const char *path, const char *origin,
                                  struct hm_why *why)
{
    enum hm_err err = HM_E_HISTORY;
    if (access(path, F_OK) == 0) {
        err = connect(w, path, 0, why);
        if (err == HM_OK)
            err = check(w, origin, why);
        if (err == HM_OK)
            err = set_up(w, why);
        if (err == HM_OK)
            return set_clean(w, false, why);
    }
    if (err != HM_E_HISTORY)
        return err;
    db_sql_close(&w->sql);
    memset(&w->frontier, 0, sizeof w->frontier);
    w->t_ms = 0;
    return create(w, path, origin, why);
}

enum hm_err db_query_writer_open(const char *path, const char *origin, struct db_query_writer **out,
                                 struct hm_why *why)
{
    if (!hm_origin_ok(origin))
        return hm_fail(why, HM_E_MALFORMED, "%s: this is no log origin", origin);
    struct db_query_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    memcpy(w->origin, origin, strlen(origin) + 1);
    w->damaged = true; /* until it is open: a half-opened file is not marked clean */
    enum hm_err err = open_or_create(w, path, origin, why);
    if (err != HM_OK) {
        db_query_writer_close(w);
        return hm_fail_in(why, err, "%s", path);
    }
    w->damaged = false;
    *out = w;
    return HM_OK;
}

void db_query_writer_close(struct db_query_writer *w)
{
    if (w == NULL)
        return;
    /* Not being able to say "clean" only costs a check at the next open. */
    if (w->sql.db != NULL && !w->damaged && set_clean(w, true, NULL) != HM_OK)
        w->damaged = true;
    db_sql_close(&w->sql);
    free(w->postings.rows);
    free(w);
}
