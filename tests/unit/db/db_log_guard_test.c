/* Attacks on an append-only log: each on the writer's own connection, and on a second one that has
 * no authorizer and no defensive mode, where the triggers alone must hold. */
#include "db_test_util.h"

#include <stdlib.h>

struct attack {
    const char *name;
    const char *sql;
    bool triggers_hold; /* refused on a foreign connection, too */
};

static const struct attack attacks[] = {
    {"update a record", "UPDATE record SET bytes=x'00' WHERE idx=1", true},
    {"update a hash", "UPDATE record SET hashes=zeroblob(32) WHERE idx=1", true},
    {"move a record", "UPDATE record SET idx=77 WHERE idx=1", true},
    {"update or replace", "UPDATE OR REPLACE record SET idx=0 WHERE idx=1", true},
    {"delete a record", "DELETE FROM record WHERE idx=1", true},
    {"delete all records", "DELETE FROM record", true},
    {"delete the last record", "DELETE FROM record WHERE idx=(SELECT max(idx) FROM record)", true},
    {"insert over a record", "INSERT INTO record VALUES(1, x'00', x'00')", true},
    {"insert or replace", "INSERT OR REPLACE INTO record VALUES(1, x'00', x'00')", true},
    {"replace", "REPLACE INTO record VALUES(3, x'00', x'00')", true},
    {"insert or ignore", "INSERT OR IGNORE INTO record VALUES(1, x'00', x'00')", true},
    {"insert or fail", "INSERT OR FAIL INTO record VALUES(1, x'00', x'00')", true},
    {"insert or rollback", "INSERT OR ROLLBACK INTO record VALUES(1, x'00', x'00')", true},
    {"upsert", "INSERT INTO record VALUES(1, x'00', x'00') ON CONFLICT DO UPDATE SET bytes=x'00'",
     true},
    {"leave a gap", "INSERT INTO record VALUES(5, x'00', x'00')", true},
    {"negative index", "INSERT INTO record VALUES(-1, x'00', x'00')", true},
    {"index by default", "INSERT INTO record(hashes, bytes) VALUES(x'00', x'00')", true},
    {"null index", "INSERT INTO record VALUES(NULL, x'00', x'00')", true},
    {"text for bytes", "INSERT INTO record VALUES(4, x'00', 'text')", true},
    {"two rows, one legal",
     "INSERT INTO record SELECT 4, x'00', x'00' UNION ALL SELECT 1, x'00', x'00'", true},
    {"update evidence", "UPDATE evidence SET bytes=x'00'", true},
    {"delete evidence", "DELETE FROM evidence", true},
    {"replace evidence", "INSERT OR REPLACE INTO evidence VALUES(96, x'00')", true},
    {"evidence of an old record", "INSERT INTO evidence VALUES(33, x'00')", true},
    {"evidence of a record to come", "INSERT INTO evidence VALUES(128, x'00')", true},
    {"evidence with a gap", "INSERT INTO evidence VALUES(99, x'00')", true},
    {"update a checkpoint", "UPDATE checkpoint SET note=x'00'", true},
    {"delete a checkpoint", "DELETE FROM checkpoint", true},
    {"replace a checkpoint", "INSERT OR REPLACE INTO checkpoint VALUES(4, x'00')", true},
    {"older checkpoint", "INSERT INTO checkpoint VALUES(3, x'00')", true},
    {"checkpoint beyond the log", "INSERT INTO checkpoint VALUES(5, x'00')", true},
    {"negative checkpoint", "INSERT INTO checkpoint VALUES(-1, x'00')", true},
    {"head goes back", "UPDATE head SET size=3", true},
    {"head runs ahead", "UPDATE head SET size=5", true},
    {"time goes back", "UPDATE head SET t_ms=1", true},
    {"another origin", "UPDATE head SET origin='evil.example'", true},
    {"no head", "DELETE FROM head", true},
    {"replace the head", "REPLACE INTO head VALUES(1, 'evil.example', 0, zeroblob(32), 0)", true},
    {"second head", "INSERT INTO head VALUES(2, 'evil.example', 4, zeroblob(32), 0)", true},
    {"drop a trigger", "DROP TRIGGER record_no_update", false},
    {"drop a table", "DROP TABLE record", false},
    {"drop an index", "DROP INDEX release_open", false},
    {"rename a table", "ALTER TABLE record RENAME TO r", false},
    {"add a column", "ALTER TABLE record ADD COLUMN x", false},
    {"drop a column", "ALTER TABLE record DROP COLUMN hashes", false},
    {"create a trigger", "CREATE TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM meta; END",
     false},
    {"create a temp trigger",
     "CREATE TEMP TRIGGER t AFTER INSERT ON record BEGIN DELETE FROM meta; END", false},
    {"create a table", "CREATE TABLE t(a)", false},
    {"create a temp table", "CREATE TEMP TABLE record(idx, hashes, bytes)", false},
    {"create a view", "CREATE VIEW v AS SELECT 1", false},
    {"unique index", "CREATE UNIQUE INDEX u ON record(bytes)", false},
    {"attach", "ATTACH ':memory:' AS other", false},
    {"writable schema", "PRAGMA writable_schema=ON", false},
    {"edit the schema", "DELETE FROM sqlite_schema WHERE type='trigger'", true},
    {"edit the schema by update", "UPDATE sqlite_schema SET sql='' WHERE type='trigger'", true},
    {"journal off", "PRAGMA journal_mode=OFF", false},
    {"synchronous off", "PRAGMA synchronous=OFF", false},
    {"recursive triggers off", "PRAGMA recursive_triggers=OFF", false},
    {"user version", "PRAGMA user_version=9", false},
    {"vacuum", "VACUUM", false},
    {"vacuum into", "VACUUM INTO '/tmp/hm-db-never'", false},
    {"reindex", "REINDEX", false},
    {"analyze", "ANALYZE", false},
    {"counter back", "DELETE FROM counter", false},
    {"forget an approval", "DELETE FROM approval", false},
    {"forget a release", "DELETE FROM release", false},
    {"forget an artifact", "DELETE FROM artifact", false},
    {"change an artifact", "UPDATE artifact SET release=1", false},
    {"change an approval", "UPDATE approval SET principal='x'", false},
    {"foreign function", "SELECT hex(bytes) FROM record", false},
    {"load an extension", "SELECT load_extension('x')", true},
};
#define ATTACKS (sizeof attacks / sizeof attacks[0])

struct guard_case {
    struct t_log *t;
    const struct attack *a;
    struct hm_digest root;
};

static int setup(void **state)
{
    const struct attack *a = *state;
    struct guard_case *c = calloc(1, sizeof *c);
    void *t = NULL;
    if (c == NULL || t_log_setup(&t) != 0)
        return -1;
    c->t = t;
    c->a = a;
    t_append(c->t->log, 3);
    const struct hm_bytes blob = hm_bytes_str("evidence");
    struct hm_record r = t_record(3);
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    T_OK(db_log_begin(c->t->log, why));
    T_OK(db_log_append(c->t->log, 2000, &r, &blob, hm_bytes_of(NULL, 0), why));
    T_OK(db_log_commit(c->t->log, why));
    t_put_checkpoint(c->t->log);
    c->root = db_log_root(c->t->log);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct guard_case *c = *state;
    void *t = c->t;
    (void)t_log_teardown(&t);
    free(c);
    return 0;
}

/* Nothing changed, it still verifies, and it still grows. */
static void unharmed(struct guard_case *c)
{
    const char *path = c->t->d.path;
    assert_int_equal(t_raw_int(path, "SELECT count(*) FROM record"), 4);
    assert_int_equal(t_raw_int(path, "SELECT count(*) FROM evidence"), 1);
    assert_int_equal(t_raw_int(path, "SELECT count(*) FROM checkpoint"), 1);
    assert_int_equal(t_raw_int(path, "SELECT count(*) FROM head"), 1);
    t_reopen(c->t);
    struct hm_digest root = db_log_root(c->t->log);
    assert_memory_equal(&root, &c->root, sizeof root);
    t_append(c->t->log, 1);
}

static void test_on_writer(void **state)
{
    struct guard_case *c = *state;
    sqlite3 *db = c->t->log->sql.db;
    assert_int_not_equal(sqlite3_exec(db, c->a->sql, NULL, NULL, NULL), SQLITE_OK);
    unharmed(c);
}

static void test_on_foreign(void **state)
{
    struct guard_case *c = *state;
    assert_int_not_equal(t_raw(c->t->d.path, c->a->sql), SQLITE_OK);
    unharmed(c);
}

/* What the authorizer itself must refuse, before any trigger or constraint is asked. */
static void test_authorizer(void **state)
{
    struct guard_case *c = *state;
    static const char *const sql[] = {
        "UPDATE record SET bytes=x'00'",
        "UPDATE evidence SET bytes=x'00'",
        "UPDATE checkpoint SET note=x'00'",
        "UPDATE head SET origin='evil.example'",
        "INSERT INTO head VALUES(1, 'evil.example', 4, x'00', 0)",
        "INSERT INTO counter VALUES(1, 0)",
        "INSERT INTO record VALUES(1, x'00', x'00') ON CONFLICT DO UPDATE SET bytes=x'00'",
        "DELETE FROM record",
        "DELETE FROM evidence",
        "DELETE FROM checkpoint",
        "DELETE FROM head",
        "DELETE FROM release",
        "DELETE FROM meta",
        "UPDATE request SET record=1",
        "UPDATE answer SET record=1",
        "SELECT * FROM sqlite_schema",
        "SELECT randomblob(9)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT i FROM n LIMIT 3",
        "SAVEPOINT s",
        "PRAGMA integrity_check",
        "ATTACH 'x.db' AS x",
        "DETACH main",
    };
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        sqlite3_stmt *st = NULL;
        int rc = sqlite3_prepare_v2(c->t->log->sql.db, sql[i], -1, &st, NULL);
        /* Functions are refused with SQLITE_ERROR and this text. */
        if (rc != SQLITE_AUTH &&
            strstr(sqlite3_errmsg(c->t->log->sql.db), "not authorized") == NULL)
            fail_msg("%s: code %d", sql[i], rc);
        (void)sqlite3_finalize(st);
    }
}

/* Replacing rows must fire the delete trigger even where somebody finds a way past the insert
 * trigger. */
static void test_recursive_triggers(void **state)
{
    struct guard_case *c = *state;
    sqlite3_stmt *st = NULL;
    sqlite3 *db = c->t->log->sql.db;
    T_OK(db_log_guard(c->t->log, false, why));
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA recursive_triggers", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(st, 0), 1);
    (void)sqlite3_finalize(st);
    int on = 0;
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, -1, &on), SQLITE_OK);
    assert_int_equal(on, 1);
    assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1, &on), SQLITE_OK);
    assert_int_equal(on, 0);
    /* Without the authorizer the defensive mode still refuses what would reach around the tables.
     */
    (void)sqlite3_exec(db, "PRAGMA writable_schema=ON", NULL, NULL, NULL);
    assert_int_not_equal(
        sqlite3_exec(db, "DELETE FROM sqlite_schema WHERE type='trigger'", NULL, NULL, NULL),
        SQLITE_OK);
    T_OK(db_log_guard(c->t->log, true, why));
}

/* A record's evidence ends at its last slot: the next ref would be the next record's. */
static void test_evidence_slots(void **state)
{
    struct guard_case *c = *state;
    assert_int_equal(t_raw(c->t->d.path,
                           "WITH RECURSIVE n(i) AS (SELECT 97 UNION ALL SELECT i+1 FROM n "
                           "WHERE i<127) INSERT INTO evidence SELECT i, x'00' FROM n"),
                     SQLITE_OK);
    assert_int_not_equal(t_raw(c->t->d.path, "INSERT INTO evidence VALUES(128, x'00')"), SQLITE_OK);
}

/* Log tables have one key each: a second UNIQUE would open them to INSERT OR REPLACE again. */
static void test_one_key(void **state)
{
    struct guard_case *c = *state;
    assert_int_equal(t_raw_int(c->t->d.path,
                               "SELECT count(*) FROM sqlite_schema WHERE type='index' AND "
                               "tbl_name IN ('record','evidence','checkpoint','head')"),
                     0);
    assert_int_equal(t_raw_int(c->t->d.path,
                               "SELECT count(*) FROM sqlite_schema WHERE type='table' AND "
                               "sql NOT LIKE '%STRICT%'"),
                     0);
}

int main(void)
{
    static struct CMUnitTest tests[2 * ATTACKS + 4];
    static char names[2 * ATTACKS][80];
    size_t n = 0;
    for (size_t i = 0; i < ATTACKS; i++) {
        for (int foreign = 0; foreign <= (attacks[i].triggers_hold ? 1 : 0); foreign++) {
            (void)snprintf(names[n], sizeof names[n], "%s: %s", foreign ? "foreign" : "writer",
                           attacks[i].name);
            tests[n] = (struct CMUnitTest){names[n], foreign ? test_on_foreign : test_on_writer,
                                           setup, teardown, (void *)(uintptr_t)&attacks[i]};
            n++;
        }
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_recursive_triggers, setup,
                                                                    teardown);
    tests[n++] =
        (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_authorizer, setup, teardown);
    tests[n++] =
        (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_evidence_slots, setup, teardown);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test_setup_teardown(test_one_key, setup, teardown);
    return _cmocka_run_group_tests("db_log_guard", tests, n, NULL, NULL);
}
