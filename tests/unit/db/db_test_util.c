#include "db_test_util.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

void t_dir_make(struct t_dir *d, const char *name)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(d->dir, sizeof d->dir, "%.40s/hm-db-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(d->dir) == NULL)
        fail_msg("cannot make %s", d->dir);
    (void)snprintf(d->path, sizeof d->path, "%s/%s", d->dir, name);
}

void t_dir_remove(struct t_dir *d)
{
    DIR *dir = opendir(d->dir);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        char name[512];
        (void)snprintf(name, sizeof name, "%s/%s", d->dir, e->d_name);
        (void)unlink(name);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(d->dir);
}

int t_log_setup(void **state)
{
    struct t_log *t = calloc(1, sizeof *t);
    if (t == NULL)
        return -1;
    t_dir_make(&t->d, "log.db");
    T_OK(db_log_create(t->d.path, T_ORIGIN, why));
    T_OK(db_log_open(t->d.path, T_ORIGIN, &t->log, why));
    *state = t;
    return 0;
}

int t_log_teardown(void **state)
{
    struct t_log *t = *state;
    db_log_close(t->log);
    t_dir_remove(&t->d);
    free(t);
    return 0;
}

void t_reopen(struct t_log *t)
{
    db_log_close(t->log);
    t->log = NULL;
    T_OK(db_log_open(t->d.path, T_ORIGIN, &t->log, why));
}

struct hm_digest t_digest(const char *text)
{
    return hm_sha256(hm_bytes_str(text));
}

struct hm_record t_record(unsigned n)
{
    struct hm_record r = {.event = HM_EV_SIGN_REFUSED, .has_release = true, .release = 1};
    (void)snprintf(r.req, sizeof r.req, "%032x", n);
    (void)snprintf(r.actor, sizeof r.actor, "actor-%u", n % 5);
    (void)snprintf(r.product, sizeof r.product, "product-%u", n % 3);
    (void)snprintf(r.version, sizeof r.version, "1.0.%u", n);
    (void)snprintf(r.outcome, sizeof r.outcome, "quorum");
    r.has_policy = true;
    r.policy = t_digest("policy");
    return r;
}

void t_append(struct db_log *log, unsigned n)
{
    T_OK(db_log_begin(log, why));
    for (unsigned i = 0; i < n; i++) {
        struct hm_record r = t_record((unsigned)db_log_pending_size(log));
        T_OK(db_log_append(log, 1000 + db_log_pending_size(log), &r, NULL, hm_bytes_of(NULL, 0),
                           why));
    }
    T_OK(db_log_commit(log, why));
}

void t_note(const struct db_log *log, struct hm_buf *out)
{
    struct hm_checkpoint c = {
        .origin = T_ORIGIN, .size = db_log_size(log), .root = db_log_root(log)};
    hm_checkpoint_body(&c, out);
    hm_buf_puts(out, "\n\u2014 " T_ORIGIN " AAAAAAAA\n");
}

void t_put_checkpoint(struct db_log *log)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    t_note(log, &note);
    T_OK(db_log_put_checkpoint(log, db_log_size(log), hm_buf_bytes(&note), why));
}

int t_raw(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 2000);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    (void)sqlite3_close(db);
    return rc;
}

int64_t t_raw_int(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    return v;
}

void t_to_version_1(const char *path)
{
    static const char *const sql =
        "BEGIN; DROP INDEX release_version; ALTER TABLE release RENAME TO new_release;"
        "CREATE TABLE release(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, version_tag INTEGER "
        "NOT NULL, product TEXT NOT NULL, version TEXT NOT NULL, channel TEXT NOT NULL, "
        "environment TEXT NOT NULL, submitter TEXT NOT NULL, sequence INTEGER NOT NULL, expires_s "
        "INTEGER NOT NULL, submitted_leaf BLOB NOT NULL, manifest BLOB NOT NULL, statement BLOB "
        "NOT NULL, policy BLOB NOT NULL, intent INTEGER NOT NULL, unknown INTEGER NOT NULL, "
        "signed_idx INTEGER NOT NULL, last_idx INTEGER NOT NULL, ended INTEGER NOT NULL, dead "
        "INTEGER NOT NULL) STRICT;"
        "INSERT INTO release SELECT id, state, version_tag, product, version, channel, "
        "environment, submitter, sequence, expires_s, submitted_leaf, manifest, statement, policy, "
        "intent, unknown, signed_idx, last_idx, id NOT IN (SELECT id FROM open), dead FROM "
        "new_release JOIN progress USING(id);"
        "CREATE INDEX release_version ON release(product, version, channel) WHERE dead=0;"
        "CREATE INDEX release_open ON release(expires_s) WHERE ended=0;"
        "DROP TABLE new_release; DROP TABLE progress; DROP TABLE open; DROP TABLE cosigned;"
        "PRAGMA user_version=1; COMMIT";
    assert_int_equal(t_raw(path, sql), SQLITE_OK);
}
