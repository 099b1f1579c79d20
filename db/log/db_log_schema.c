/* Tables of the log (docs/formats/storage.md) and the making of an empty one. */
#include "db/log/db_log_priv.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Each log table has one key, the rowid, and its BEFORE INSERT trigger leaves one legal value for
 * it: with nothing to collide with, INSERT OR REPLACE has nothing to replace. */
const char *const db_log_ddl =
    "CREATE TABLE record(idx INTEGER PRIMARY KEY, hashes BLOB NOT NULL, bytes BLOB NOT NULL) "
    "STRICT;"
    "CREATE TRIGGER record_append BEFORE INSERT ON record"
    " WHEN NEW.idx IS NOT (SELECT coalesce(max(idx)+1, 0) FROM record)"
    " BEGIN SELECT RAISE(ABORT, 'record: idx is not the next one'); END;" DB_LOG_KEPT(record)

        "CREATE TABLE evidence(ref INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
        "CREATE TRIGGER evidence_append BEFORE INSERT ON evidence"
        " WHEN NEW.ref IS NOT max((SELECT coalesce(max(ref)+1, 0) FROM evidence),"
        "                         32*(SELECT coalesce(max(idx), -1) FROM record))"
        "   OR NEW.ref >= 32*(SELECT coalesce(max(idx)+1, 0) FROM record)"
        " BEGIN SELECT RAISE(ABORT, 'evidence: not the next one of the last record'); "
        "END;" DB_LOG_KEPT(evidence)

            "CREATE TABLE checkpoint(size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;"
            "CREATE TRIGGER checkpoint_append BEFORE INSERT ON checkpoint"
            " WHEN NEW.size <= (SELECT coalesce(max(size), -1) FROM checkpoint)"
            "   OR NEW.size > (SELECT coalesce(max(idx)+1, 0) FROM record)"
            " BEGIN SELECT RAISE(ABORT, 'checkpoint: size is not above the last one or is above "
            "the log'); END;" DB_LOG_KEPT(checkpoint)

                DB_LOG_COSIGNED_DDL

    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one=1), origin TEXT NOT NULL,"
    " size INTEGER NOT NULL, leaf BLOB NOT NULL, t_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE detail(idx INTEGER PRIMARY KEY, salt BLOB NOT NULL, bytes BLOB NOT "
    "NULL) STRICT;";

/* Decision state. What changes with each step of a release stands apart and is narrow: a batch of
 * signatures touches few pages. */
const char *const db_log_state_ddl =
    "CREATE TABLE release(id INTEGER PRIMARY KEY,"
    " product TEXT NOT NULL, version TEXT NOT NULL, channel TEXT NOT NULL, environment "
    "TEXT NOT NULL,"
    " submitter TEXT NOT NULL, sequence INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " submitted_leaf BLOB NOT NULL, manifest BLOB NOT NULL, statement BLOB NOT NULL, "
    "policy BLOB NOT NULL, dead INTEGER NOT NULL) STRICT;"
    "CREATE INDEX release_version ON release(product, version, channel) WHERE dead=0;"
    "CREATE TABLE progress(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, version_tag "
    "INTEGER NOT NULL,"
    " intent INTEGER NOT NULL, unknown INTEGER NOT NULL, signed_idx INTEGER NOT NULL,"
    " last_idx INTEGER NOT NULL) STRICT;"
    "CREATE INDEX progress_signing ON progress(id) WHERE state=3;"
    "CREATE TABLE open(expires_s INTEGER NOT NULL, id INTEGER NOT NULL,"
    " PRIMARY KEY(expires_s, id)) STRICT, WITHOUT ROWID;"

    "CREATE TABLE approval(release INTEGER NOT NULL, record INTEGER NOT NULL, "
    "principal TEXT NOT NULL,"
    " key BLOB NOT NULL, PRIMARY KEY(release, record)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE artifact(digest BLOB PRIMARY KEY, release INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE class(id BLOB PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE counter(one INTEGER PRIMARY KEY CHECK(one=1), value INTEGER NOT "
    "NULL) STRICT;"
    "CREATE TABLE request(digest BLOB PRIMARY KEY, expires_s INTEGER NOT NULL, record "
    "INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX request_expires ON request(expires_s);"
    "CREATE TABLE answer(key BLOB PRIMARY KEY, body BLOB NOT NULL, status INTEGER NOT "
    "NULL,"
    " release INTEGER NOT NULL, record INTEGER NOT NULL, at_s INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID;"
    "CREATE INDEX answer_at ON answer(at_s);"
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "INSERT INTO counter(one, value) VALUES(1, 0);"

    "CREATE TABLE latest(product TEXT NOT NULL, channel TEXT NOT NULL, release INTEGER "
    "NOT NULL,"
    " PRIMARY KEY(product, channel)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE signed(key BLOB NOT NULL, t_s INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " PRIMARY KEY(key, t_s, idx)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE artifact_again(digest BLOB NOT NULL, release INTEGER NOT NULL,"
    " PRIMARY KEY(digest, release)) STRICT, WITHOUT ROWID;";

_Static_assert(HM_RELEASE_SIGNING == 3, "progress_signing and its statements name this state");

/* After the first row: one row, of one origin, whose size only grows and always counts the records.
 */
static const char *const head_triggers =
    "CREATE TRIGGER head_no_delete BEFORE DELETE ON head"
    " BEGIN SELECT RAISE(ABORT, 'head: the log cannot be unmade'); END;"
    "CREATE TRIGGER head_no_insert BEFORE INSERT ON head"
    " BEGIN SELECT RAISE(ABORT, 'head: there is one already'); END;"
    "CREATE TRIGGER head_grows BEFORE UPDATE ON head"
    " WHEN NEW.one IS NOT 1 OR NEW.origin IS NOT OLD.origin OR NEW.size < OLD.size OR NEW.t_ms < "
    "OLD.t_ms"
    "   OR NEW.size IS NOT (SELECT coalesce(max(idx)+1, 0) FROM record)"
    " BEGIN SELECT RAISE(ABORT, 'head: does not follow the records'); END;";

enum { INSERT_HEAD, INIT_COUNT };
static const char *const init_text[INIT_COUNT] = {
    [INSERT_HEAD] = "INSERT INTO head(one, origin, size, leaf, t_ms) VALUES(1, ?1, 0, ?2, 0)",
};

struct hm_digest db_tip_genesis(const char *origin)
{
    return hm_sha256(hm_bytes_str(origin));
}

static enum hm_err insert_head(struct db_sql *s, const char *origin, struct hm_why *why)
{
    struct hm_digest leaf = db_tip_genesis(origin);
    DB_Q_AUTO q = db_q_begin(s, INSERT_HEAD);
    db_q_text(&q, origin);
    db_q_digest(&q, &leaf);
    return db_q_run(&q, why);
}

static enum hm_err fill(struct db_sql *s, const char *origin, struct hm_why *why)
{
    char kind[128];
    (void)snprintf(kind, sizeof kind, "PRAGMA application_id=%d;PRAGMA user_version=%d",
                   DB_LOG_APPLICATION_ID, DB_LOG_SCHEMA_VERSION);
    enum hm_err err = db_sql_exec(s, "PRAGMA page_size=4096;PRAGMA synchronous=FULL;BEGIN", why);
    if (err == HM_OK)
        err = db_sql_exec(s, db_log_ddl, why);
    if (err == HM_OK)
        err = db_sql_exec(s, db_log_state_ddl, why);
    if (err == HM_OK)
        err = insert_head(s, origin, why);
    if (err == HM_OK)
        err = db_sql_exec(s, head_triggers, why);
    if (err == HM_OK)
        err = db_sql_exec(s, kind, why);
    if (err == HM_OK)
        err = db_sql_exec(s, "COMMIT", why);
    if (err == HM_OK)
        err = db_sql_exec(s, "PRAGMA journal_mode=WAL", why);
    return err;
}

static enum hm_err make_at(const char *tmp, const char *origin, struct hm_why *why)
{
    struct db_sql s;
    enum hm_err err = db_sql_open(&s, tmp, SQLITE_OPEN_READWRITE, init_text, INIT_COUNT, why);
    if (err != HM_OK)
        return err;
    err = fill(&s, origin, why);
    db_sql_close(&s);
    return err;
}

/* A WAL that lies beside a missing database would be replayed into the new one. */
static enum hm_err check_free(const char *path, struct hm_why *why)
{
    static const char *const suffix[] = {"", "-wal", "-journal"};
    char name[4096];
    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++) {
        if (snprintf(name, sizeof name, "%s%s", path, suffix[i]) >= (int)sizeof name - 16)
            return hm_fail(why, HM_E_LIMIT, "%s: path too long", path);
        if (access(name, F_OK) == 0)
            return hm_fail(why, HM_E_CONFLICT, "%s exists: a log is never created over an old one",
                           name);
    }
    return HM_OK;
}

enum hm_err db_log_sync_dir(const char *path, struct hm_why *why)
{
    HM_FREE char *dir = strdup(path);
    if (dir == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    char *slash = strrchr(dir, '/');
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = '\0';
    return hm_dir_sync(slash != NULL ? dir : ".", why);
}

enum hm_err db_log_place(const char *file, const char *path, struct hm_why *why)
{
    HM_FD_AUTO lock = -1;
    enum hm_err err = check_free(path, why);
    if (err == HM_OK)
        err = db_log_lock(path, &lock, why);
    if (err == HM_OK && link(file, path) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot link", path);
    if (err == HM_OK && unlink(file) != 0)
        err = hm_fail_errno(why, errno, "%s: cannot remove", file);
    return err == HM_OK ? db_log_sync_dir(path, why) : err;
}

enum hm_err db_log_create(const char *path, const char *origin, struct hm_why *why)
{
    if (!hm_origin_ok(origin))
        return hm_fail(why, HM_E_MALFORMED, "%s: this is no log origin", origin);
    enum hm_err err = check_free(path, why);
    if (err != HM_OK)
        return err;
    /* Built under another name and linked when complete: a crash leaves no half-made log. */
    char tmp[4096];
    (void)snprintf(tmp, sizeof tmp, "%s.new-XXXXXX", path);
    HM_FD_AUTO fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return hm_fail_errno(why, errno, "%s: cannot create", tmp);
    err = make_at(tmp, origin, why);
    if (err == HM_OK && (fsync(fd) != 0 || link(tmp, path) != 0))
        err = errno == EEXIST ? hm_fail(why, HM_E_CONFLICT, "%s exists", path)
                              : hm_fail_errno(why, errno, "%s: cannot link", path);
    (void)unlink(tmp);
    return err == HM_OK ? db_log_sync_dir(path, why) : err;
}
