/* Logs of earlier versions: records, evidence and checkpoints stay as they are; the decision tables
 * are made anew from what they say. Writer's thread, at opening. */
#include "db/log/db_log_priv.h"

/* Version 1 had these three only after it was opened by a later program. */
static const char *const facts_of_1 =
    "CREATE TABLE latest(product TEXT NOT NULL, channel TEXT NOT NULL, release INTEGER NOT NULL,"
    " PRIMARY KEY(product, channel)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE signed(key BLOB NOT NULL, t_s INTEGER NOT NULL, idx INTEGER NOT NULL,"
    " PRIMARY KEY(key, t_s, idx)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE artifact_again(digest BLOB NOT NULL, release INTEGER NOT NULL,"
    " PRIMARY KEY(digest, release)) STRICT, WITHOUT ROWID;"
    "INSERT INTO latest(product, channel, release) SELECT product, channel, id FROM"
    " (SELECT product, channel, id, max(signed_idx) FROM release WHERE signed_idx>0"
    " GROUP BY product, channel);";

/* Version 2 splits `release` into what stays and what changes. */
static const char *const to_2 =
    "DROP INDEX release_version;"
    "DROP INDEX release_open;"
    "ALTER TABLE release RENAME TO release_of_1;"
    "CREATE TABLE release(id INTEGER PRIMARY KEY,"
    " product TEXT NOT NULL, version TEXT NOT NULL, channel TEXT NOT NULL, environment TEXT NOT "
    "NULL,"
    " submitter TEXT NOT NULL, sequence INTEGER NOT NULL, expires_s INTEGER NOT NULL,"
    " submitted_leaf BLOB NOT NULL, manifest BLOB NOT NULL, statement BLOB NOT NULL, policy BLOB "
    "NOT NULL,"
    " dead INTEGER NOT NULL) STRICT;"
    "INSERT INTO release SELECT id, product, version, channel, environment, submitter, sequence,"
    " expires_s, submitted_leaf, manifest, statement, policy, dead FROM release_of_1;"
    "CREATE INDEX release_version ON release(product, version, channel) WHERE dead=0;"
    "CREATE TABLE progress(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, version_tag INTEGER NOT "
    "NULL,"
    " intent INTEGER NOT NULL, unknown INTEGER NOT NULL, signed_idx INTEGER NOT NULL,"
    " last_idx INTEGER NOT NULL) STRICT;"
    "INSERT INTO progress SELECT id, state, version_tag, intent, unknown, signed_idx, last_idx"
    " FROM release_of_1;"
    "CREATE INDEX progress_signing ON progress(id) WHERE state=3;"
    "CREATE TABLE open(expires_s INTEGER NOT NULL, id INTEGER NOT NULL,"
    " PRIMARY KEY(expires_s, id)) STRICT, WITHOUT ROWID;"
    "INSERT INTO open SELECT expires_s, id FROM release_of_1 WHERE ended=0;"
    "DROP TABLE release_of_1;"
    "PRAGMA user_version=2;";

/* Version 3 keeps what witnesses have cosigned. */
static const char *const to_3 = DB_LOG_COSIGNED_DDL "PRAGMA user_version=3;";

static enum hm_err from_1(struct db_log *log, struct hm_why *why)
{
    int64_t facts = 0;
    enum hm_err err = db_sql_int(
        &log->sql, "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='latest'",
        &facts, why);
    if (err == HM_OK && facts == 0)
        err = db_sql_exec(&log->sql, facts_of_1, why);
    return err == HM_OK ? db_sql_exec(&log->sql, to_2, why) : err;
}

enum hm_err db_log_migrate(struct db_log *log, int64_t from, struct hm_why *why)
{
    if (from == DB_LOG_SCHEMA_VERSION)
        return HM_OK;
    enum hm_err err = db_sql_exec(&log->sql, "BEGIN IMMEDIATE", why);
    if (err == HM_OK && from < 2)
        err = from_1(log, why);
    if (err == HM_OK && from < 3)
        err = db_sql_exec(&log->sql, to_3, why);
    if (err == HM_OK)
        err = db_sql_exec(&log->sql, "COMMIT", why);
    return err == HM_OK ? HM_OK
                        : hm_fail_in(why, err, "%s: from version %lld to %d", log->path,
                                     (long long)from, DB_LOG_SCHEMA_VERSION);
}
