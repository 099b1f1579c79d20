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

static void busy_release(struct db_log *log, unsigned n)
{
    char text[32];
    struct hm_record r = t_record(n);
    struct hm_bytes blob = hm_bytes_str("evidence");
    struct db_release rel = {.id = db_log_pending_size(log),
                             .state = HM_RELEASE_SUBMITTED,
                             .sequence = n + 1,
                             .expires_s = 1000 + n};
    struct db_approval a = {.record = rel.id, .key = t_digest("key")};
    struct hm_digest artifact;
    (void)snprintf(text, sizeof text, "%u", n);
    (void)snprintf(rel.product, sizeof rel.product, "product-%u", n % 3);
    (void)snprintf(rel.version, sizeof rel.version, "1.%u", n);
    (void)snprintf(rel.channel, sizeof rel.channel, "stable");
    (void)snprintf(a.principal, sizeof a.principal, "alice");
    artifact = t_digest(text);
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    r.release = rel.id;
    T_OK(db_log_append(log, 1000 + rel.id, &r, &blob, hm_bytes_str(n % 2 == 0 ? text : ""), why));
    T_OK(db_state_release_insert(log, &rel, why));
    T_OK(db_state_approval_insert(log, rel.id, &a, why));
    T_OK(db_state_artifact_put(log, &artifact, rel.id, why));
    rel.state = n % 4 == 0 ? HM_RELEASE_REJECTED : HM_RELEASE_APPROVED;
    rel.last_idx = r.idx;
    T_OK(db_state_release_update(log, &rel, why));
}

static void busy_rest(struct db_log *log, unsigned n)
{
    char text[32];
    uint64_t sequence = 0;
    struct hm_uuid class_id = {.b = {(uint8_t)(n % 5)}};
    (void)snprintf(text, sizeof text, "answer %u", n);
    struct hm_digest key = t_digest(text);
    struct db_answer answer = {.body = key, .status = n, .release = 1, .record = n, .at_s = n};
    T_OK(db_state_next_sequence(log, &sequence, why));
    T_OK(db_state_class_put(log, &class_id, sequence, why));
    T_OK(db_state_answer_put(log, &key, &answer, why));
    T_OK(db_state_request_seen(log, &key, (int64_t)n + 2, n, NULL, why));
    T_OK(db_state_meta_put(log, n % 2 == 0 ? "even" : "odd", hm_bytes_str(text), why));
    if (n > 4)
        T_OK(db_state_forget(log, (int64_t)n - 4, (int64_t)n - 2, why));
}

void t_busy(struct db_log *log, unsigned n)
{
    bool erase = false;
    HM_BUF_AUTO note = {0};
    bool covered = db_log_covered(log) == db_log_size(log);
    t_note(log, &note);
    T_OK(db_log_begin(log, why));
    if (n % 3 == 0 && !covered)
        T_OK(db_log_put_checkpoint(log, db_log_size(log), hm_buf_bytes(&note), why));
    busy_release(log, n);
    busy_release(log, n + 100000);
    busy_rest(log, n);
    if (db_log_size(log) > 8)
        T_OK(db_log_has_detail(log, db_log_size(log) - 8, &erase, why));
    if (erase)
        T_OK(db_log_erase(log, db_log_size(log) - 8, why));
    T_OK(db_log_commit(log, why));
}

static void hash_rows(sqlite3 *db, const char *table, struct hm_sha256_ctx *h)
{
    char sql[160];
    sqlite3_stmt *st = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%s\" ORDER BY 1, 2", table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    hm_sha256_add(h, table, strlen(table));
    while (sqlite3_step(st) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(st); i++) {
            int type = sqlite3_column_type(st, i);
            const void *value = sqlite3_column_blob(st, i);
            int len = sqlite3_column_bytes(st, i);
            hm_sha256_add(h, &type, sizeof type);
            hm_sha256_add(h, &len, sizeof len);
            if (len > 0)
                hm_sha256_add(h, value, (size_t)len);
        }
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}

struct hm_digest t_content(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    struct hm_sha256_ctx *h = hm_sha256_new();
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type='table' ORDER BY name",
                           -1, &st, NULL),
        SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW)
        hash_rows(db, (const char *)sqlite3_column_text(st, 0), h);
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(db);
    struct hm_digest d = hm_sha256_end(h);
    hm_sha256_free(h);
    return d;
}
