/* A second copy of the log on another disk, which each transaction reaches before anybody hears of
 * it. What a transaction changed (SQLite's session extension) is put into the mirror's own
 * transaction, then the log commits, then the mirror. A crash in between leaves a mirror that lacks
 * the last transaction, which nobody was told of: it is made anew when the log is opened. A mirror
 * that knows more than the log is never written over. */
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include "db/log/db_log_priv.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_NAME "mirror" /* among the named values: mirrored transactions so far */
#define COUNT_LEN 8

enum { POSITION, LEAF_AT, MIRROR_BEGIN, MIRROR_COMMIT, MIRROR_ROLLBACK, MIRROR_STMTS };
/* Whatever a transaction does, one of these changes. */
static const char *const mirror_text[MIRROR_STMTS] = {
    [POSITION] =
        "SELECT origin, size, leaf, t_ms, (SELECT coalesce(max(size), -1) FROM checkpoint),"
        " (SELECT coalesce(max(size), -1) FROM cosigned),"
        " (SELECT value FROM meta WHERE name='" COUNT_NAME "') FROM head",
    [LEAF_AT] = "SELECT substr(hashes, 1, 32) FROM record WHERE idx=?1",
    [MIRROR_BEGIN] = "BEGIN IMMEDIATE",
    [MIRROR_COMMIT] = "COMMIT",
    [MIRROR_ROLLBACK] = "ROLLBACK",
};

struct db_mirror {
    char *path;
    struct db_sql sql; /* of the mirror */
    sqlite3_session *session;
};

static void forget(struct db_mirror *m)
{
    if (m->session != NULL)
        sqlite3session_delete(m->session);
    m->session = NULL;
}

struct position {
    char origin[HM_ORIGIN_MAX + 1];
    uint64_t size, t_ms;
    struct hm_digest leaf;
    int64_t checkpoint, cosigned, version;
    uint8_t count[COUNT_LEN];
};

static enum hm_err read_position(struct db_sql *s, struct position *out, struct hm_why *why)
{
    struct position p = {.size = 0};
    enum hm_err err = db_sql_int(s, "PRAGMA user_version", &p.version, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(s, POSITION);
    bool any = db_q_row(&q);
    if (any) {
        db_q_get_text(&q, 0, p.origin, sizeof p.origin);
        p.size = db_q_get_u64(&q, 1);
        db_q_get_digest(&q, 2, &p.leaf);
        p.t_ms = db_q_get_u64(&q, 3);
        p.checkpoint = db_q_get_i64(&q, 4);
        p.cosigned = db_q_get_i64(&q, 5);
        struct hm_bytes count = db_q_get_bytes(&q, 6);
        if (count.len == COUNT_LEN)
            memcpy(p.count, count.data, COUNT_LEN);
    }
    err = db_q_err(&q, why);
    if (err == HM_OK && !any)
        err = hm_fail(why, HM_E_HISTORY, "head: the row is missing");
    if (err == HM_OK)
        *out = p;
    return err;
}

static bool same_place(const struct position *a, const struct position *b)
{
    return a->size == b->size && a->t_ms == b->t_ms && hm_digest_eq(&a->leaf, &b->leaf) &&
           a->checkpoint == b->checkpoint && a->cosigned == b->cosigned &&
           a->version == b->version && memcmp(a->count, b->count, COUNT_LEN) == 0;
}

/* Is all that the mirror has in the log too? `s` is the log's. */
static enum hm_err is_before(struct db_sql *s, const struct position *mirror,
                             const struct position *log, bool *yes, struct hm_why *why)
{
    struct hm_digest leaf = {{0}};
    *yes = mirror->size == 0;
    if (*yes || mirror->size > log->size)
        return HM_OK;
    DB_Q_AUTO q = db_q_begin(s, LEAF_AT);
    db_q_u64(&q, mirror->size - 1);
    if (db_q_row(&q))
        db_q_get_digest(&q, 0, &leaf);
    *yes = hm_digest_eq(&leaf, &mirror->leaf);
    return db_q_err(&q, why);
}

/* ---- attaching ---- */

static enum hm_err open_mirror(struct db_mirror *m, struct hm_why *why)
{
    int64_t version = 0;
    enum hm_err err =
        db_sql_open(&m->sql, m->path, SQLITE_OPEN_READWRITE, mirror_text, MIRROR_STMTS, why);
    if (err == HM_OK)
        err = db_log_check_kind(&m->sql, m->path, &version, why);
    /* Nobody else reads it, so it needs no shared memory. Rows come in the order of a patch, not in
     * the order that the log's triggers ask for. */
    if (err == HM_OK)
        err =
            db_sql_exec(&m->sql,
                        "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;"
                        "PRAGMA synchronous=FULL;PRAGMA secure_delete=ON;PRAGMA temp_store=MEMORY",
                        why);
    if (err == HM_OK &&
        sqlite3_db_config(m->sql.db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK)
        err = hm_fail(why, HM_E_INTERNAL, "triggers cannot be switched off");
    return err;
}

/* Looks at both. *fits: they are in step; else, with HM_OK, the mirror is an older one. */
static enum hm_err compare(struct db_log *log, struct db_mirror *m, bool *fits, struct hm_why *why)
{
    struct db_sql own = {.db = log->sql.db, .text = mirror_text, .count = MIRROR_STMTS};
    struct position mine;
    struct position theirs;
    bool before = false;
    enum hm_err err = read_position(&m->sql, &theirs, why);
    if (err == HM_OK)
        err = read_position(&own, &mine, why);
    if (err == HM_OK)
        err = is_before(&own, &theirs, &mine, &before, why);
    own.db = NULL; /* the log's connection stays; the statements go */
    db_sql_close(&own);
    if (err != HM_OK)
        return err;
    if (strcmp(mine.origin, theirs.origin) != 0)
        return hm_fail(why, HM_E_CONFIG, "it is the mirror of another log (%s)", theirs.origin);
    *fits = same_place(&mine, &theirs);
    if (*fits || before)
        return HM_OK;
    return hm_fail(why, HM_E_HISTORY,
                   "the mirror has %" PRIu64 " records that are not all in this log (%" PRIu64
                   " records): the log was cut, rolled back or rewritten. Keep both; see "
                   "docs/operations.md, \"The log is lost or was cut\"",
                   theirs.size, mine.size);
}

static enum hm_err make_mirror(struct db_log *log, const char *path, struct hm_why *why)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s.new", path) >= (int)sizeof name - 16)
        return hm_fail(why, HM_E_LIMIT, "path too long");
    if (unlink(name) != 0 && errno != ENOENT)
        return hm_fail_errno(why, errno, "%s: cannot remove", name);
    enum hm_err err = db_log_backup(log, name, why);
    if (err == HM_OK && rename(name, path) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot rename", name);
    if (err != HM_OK) {
        (void)unlink(name);
        return err;
    }
    return db_log_sync_dir(path, why);
}

/* What an old mirror leaves behind when it is closed would be replayed into the new one. */
static enum hm_err check_closed(const char *path, struct hm_why *why)
{
    static const char *const beside[] = {"-wal", "-journal"};
    char name[4096];
    struct stat st;
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        (void)snprintf(name, sizeof name, "%.4000s%s", path, beside[i]);
        if (stat(name, &st) == 0 && st.st_size > 0)
            return hm_fail(why, HM_E_IO, "%.300s stands there", name);
    }
    return HM_OK;
}

static enum hm_err attach(struct db_log *log, struct db_mirror *m, struct db_mirror_note *out,
                          struct hm_why *why)
{
    bool fits = false;
    enum hm_err err = HM_OK;
    bool there = access(m->path, F_OK) == 0;
    if (there) {
        err = open_mirror(m, why);
        if (err == HM_OK)
            err = compare(log, m, &fits, why);
        if (err != HM_OK || fits)
            return err;
        db_sql_close(&m->sql);
    }
    out->made = true;
    out->older = there;
    err = check_closed(m->path, why);
    if (err == HM_OK)
        err = make_mirror(log, m->path, why);
    if (err == HM_OK)
        err = open_mirror(m, why);
    if (err == HM_OK)
        err = compare(log, m, &fits, why);
    return err != HM_OK || fits ? err : hm_fail(why, HM_E_INTERNAL, "it is not what was copied");
}

/* A mirror on the log's own disk would go with it. */
static bool same_disk(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev;
}

static bool same_file(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

enum hm_err db_log_mirror(struct db_log *log, const char *path, struct db_mirror_note *out,
                          struct hm_why *why)
{
    *out = (struct db_mirror_note){.made = false};
    if (log->in_tx || log->mirror != NULL)
        return hm_fail(why, HM_E_STATE, "%s: mirrored already, or in a transaction", log->path);
    if (same_file(path, log->path))
        return hm_fail(why, HM_E_CONFIG, "mirror %s: that is the log itself", path);
    enum hm_err err = db_log_guard(log, false, why); /* own statements of the comparison */
    if (err != HM_OK)
        return err;
    struct db_mirror *m = calloc(1, sizeof *m);
    if (m != NULL)
        m->path = strdup(path);
    log->mirror = m;
    err = m != NULL && m->path != NULL ? attach(log, m, out, why)
                                       : hm_fail(why, HM_E_MEMORY, "no memory");
    out->same_disk = err == HM_OK && same_disk(path, log->path);
    enum hm_err again = db_log_guard(log, true, err == HM_OK ? why : NULL);
    if (err == HM_OK)
        err = again;
    if (err != HM_OK) {
        db_log_mirror_close(log);
        return hm_fail_in(why, err, "mirror %s", path);
    }
    return HM_OK;
}

void db_log_mirror_close(struct db_log *log)
{
    struct db_mirror *m = log->mirror;
    log->mirror = NULL;
    if (m == NULL)
        return;
    forget(m);
    db_sql_close(&m->sql);
    free(m->path);
    free(m);
}

/* ---- one transaction ---- */

static enum hm_err mirror_fail(struct db_log *log, int rc, struct hm_why *why)
{
    enum hm_err err = db_sql_fail(log->mirror->sql.db, rc, why, log->mirror->path);
    /* It may only be met again in step. */
    log->failed = err == HM_E_FULL ? HM_E_FULL : HM_E_IO;
    return hm_fail_in(why, log->failed, "mirror");
}

static enum hm_err run(struct db_log *log, unsigned which, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->mirror->sql, which);
    (void)db_q_row(&q);
    return db_q_err(&q, NULL) == HM_OK ? HM_OK : mirror_fail(log, q.rc, why);
}

enum hm_err db_mirror_begin(struct db_log *log, struct hm_why *why)
{
    struct db_mirror *m = log->mirror;
    if (m == NULL)
        return HM_OK;
    int rc = sqlite3session_create(log->sql.db, "main", &m->session);
    if (rc == SQLITE_OK)
        rc = sqlite3session_attach(m->session, NULL);
    return rc == SQLITE_OK ? HM_OK : mirror_fail(log, rc, why);
}

void db_mirror_drop(struct db_log *log)
{
    struct db_mirror *m = log->mirror;
    if (m == NULL)
        return;
    forget(m);
    if (sqlite3_get_autocommit(m->sql.db) == 0)
        (void)run(log, MIRROR_ROLLBACK, NULL);
}

static enum hm_err count_up(struct db_log *log, struct hm_why *why)
{
    uint8_t next[COUNT_LEN] = {0};
    HM_BUF_AUTO old = {.limit = COUNT_LEN};
    enum hm_err err = db_state_meta_get(log, COUNT_NAME, &old, why);
    if (err != HM_OK && err != HM_E_NOT_FOUND)
        return err;
    if (old.len == COUNT_LEN)
        memcpy(next, old.data, COUNT_LEN);
    for (int i = COUNT_LEN - 1; i >= 0 && ++next[i] == 0; i--)
        continue;
    return db_state_meta_put(log, COUNT_NAME, hm_bytes_of(next, sizeof next), why);
}

/* Each row of the patch must fit: the mirror was in step. */
static int on_conflict(void *ctx, int what, sqlite3_changeset_iter *it)
{
    (void)ctx;
    (void)what;
    (void)it;
    return SQLITE_CHANGESET_ABORT;
}

static enum hm_err apply(struct db_log *log, int len, void *patch, struct hm_why *why)
{
    struct db_mirror *m = log->mirror;
    struct position p;
    enum hm_err err = run(log, MIRROR_BEGIN, why);
    if (err != HM_OK)
        return err;
    int rc = sqlite3changeset_apply(m->sql.db, len, patch, NULL, on_conflict, NULL);
    if (rc != SQLITE_OK)
        return mirror_fail(log, rc, why);
    err = read_position(&m->sql, &p, why);
    if (err == HM_OK &&
        (p.size != log->pending.frontier.size || !hm_digest_eq(&p.leaf, &log->pending.leaf)))
        err = hm_fail(why, HM_E_IO, "mirror %s: the transaction did not arrive", m->path);
    if (err != HM_OK)
        log->failed = HM_E_IO;
    return err;
}

enum hm_err db_mirror_write(struct db_log *log, struct hm_why *why)
{
    struct db_mirror *m = log->mirror;
    int len = 0;
    void *patch = NULL;
    if (m == NULL)
        return HM_OK;
    enum hm_err err = count_up(log, why);
    if (err != HM_OK)
        return err;
    int rc = sqlite3session_patchset(m->session, &len, &patch);
    err = rc == SQLITE_OK ? apply(log, len, patch, why) : mirror_fail(log, rc, why);
    sqlite3_free(patch);
    return err;
}

enum hm_err db_mirror_commit(struct db_log *log, struct hm_why *why)
{
    struct db_mirror *m = log->mirror;
    if (m == NULL)
        return HM_OK;
    forget(m);
    enum hm_err err = run(log, MIRROR_COMMIT, why);
    /* What was erased must not stand in its write-ahead log either. */
    if (err == HM_OK && log->erased)
        err = db_sql_exec(&m->sql, "PRAGMA wal_checkpoint(TRUNCATE)", why);
    return err;
}
