/* Creating and opening: what is refused, and every way in which the tail of a log can be wrong. */
#include "db_test_util.h"

#include "schema/io/hm_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_create_refuses(void **state)
{
    struct t_log *t = *state;
    char path[128];
    char wal[140];
    T_FAILS(HM_E_CONFLICT, db_log_create(t->d.path, T_ORIGIN, why));
    T_FAILS(HM_E_NOT_FOUND, db_log_create("/nonexistent/log.db", T_ORIGIN, why));
    (void)snprintf(path, sizeof path, "%s/other.db", t->d.dir);
    T_FAILS(HM_E_MALFORMED, db_log_create(path, "", why));
    T_FAILS(HM_E_MALFORMED, db_log_create(path, "a b", why));
    T_FAILS(HM_E_MALFORMED, db_log_create(path, "a+b", why));
    assert_int_not_equal(access(path, F_OK), 0);
    /* A WAL without its database would be replayed into the new one. */
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    HM_FD_AUTO fd = open(wal, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    T_FAILS(HM_E_CONFLICT, db_log_create(path, T_ORIGIN, why));
    assert_int_equal(unlink(wal), 0);
    T_OK(db_log_create(path, T_ORIGIN, why));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(t_raw_int(path, "PRAGMA application_id"), DB_LOG_APPLICATION_ID);
    assert_int_equal(t_raw_int(path, "PRAGMA user_version"), DB_LOG_SCHEMA_VERSION);
}

static void test_open_refuses(void **state)
{
    struct t_log *t = *state;
    struct db_log *log = NULL;
    char path[128];
    T_FAILS(HM_E_NOT_FOUND, db_log_open("/nonexistent/log.db", T_ORIGIN, &log, why));
    T_FAILS(HM_E_MALFORMED, db_log_open(t->d.path, "a b", &log, why));
    T_FAILS(HM_E_CONFLICT, db_log_open(t->d.path, T_ORIGIN, &log, why)); /* open in this process */
    db_log_close(t->log);
    t->log = NULL;
    T_FAILS(HM_E_CONFIG, db_log_open(t->d.path, "other.example/log", &log, why));
    (void)snprintf(path, sizeof path, "%s/text.db", t->d.dir);
    T_OK(hm_file_write_atomic(
        path,
        hm_bytes_str("this is a text and no database, and it is long enough "
                     "to hold what could have been a header of a hundred bytes"),
        0600, why));
    T_FAILS(HM_E_IO, db_log_open(path, T_ORIGIN, &log, why));
    assert_null(log);
    struct db_reader *r = NULL;
    T_FAILS(HM_E_NOT_FOUND, db_reader_open("/nonexistent/log.db", &r, why));
    T_FAILS(HM_E_IO, db_reader_open(path, &r, why));
    assert_null(r);
}

static void test_other_kinds(void **state)
{
    struct t_log *t = *state;
    struct db_log *log = NULL;
    struct db_reader *r = NULL;
    db_log_close(t->log);
    t->log = NULL;
    assert_int_equal(t_raw(t->d.path, "PRAGMA user_version=4"), SQLITE_OK);
    T_FAILS(HM_E_UNSUPPORTED, db_log_open(t->d.path, T_ORIGIN, &log, why));
    T_FAILS(HM_E_UNSUPPORTED, db_reader_open(t->d.path, &r, why));
    assert_int_equal(t_raw(t->d.path, "PRAGMA user_version=0"), SQLITE_OK);
    T_FAILS(HM_E_UNSUPPORTED, db_log_open(t->d.path, T_ORIGIN, &log, why));
    assert_int_equal(t_raw(t->d.path, "PRAGMA user_version=3; PRAGMA application_id=1"), SQLITE_OK);
    T_FAILS(HM_E_MALFORMED, db_log_open(t->d.path, T_ORIGIN, &log, why));
    T_FAILS(HM_E_MALFORMED, db_reader_open(t->d.path, &r, why));
}

static void test_close_null(void **state)
{
    (void)state;
    db_log_close(NULL);
    db_reader_close(NULL);
}

/* Closing in the middle of a transaction is a rollback. */
static void test_close_rolls_back(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    struct hm_record r = t_record(2);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
    t_reopen(t);
    assert_int_equal(db_log_size(t->log), 2);
    t_append(t->log, 1);
}

/* Records from every size of the tail: reopening finds the same root, with and without a
 * checkpoint. */
static void test_reopen_sizes(void **state)
{
    struct t_log *t = *state;
    for (unsigned i = 0; i < 40; i++) {
        struct hm_digest root = db_log_root(t->log);
        t_reopen(t);
        struct hm_digest again = db_log_root(t->log);
        assert_memory_equal(&root, &again, sizeof root);
        assert_int_equal(db_log_size(t->log), i);
        if (i % 7 == 3)
            t_put_checkpoint(t->log);
        t_append(t->log, 1);
    }
}

/* A checkpoint over the empty log is legal. */
static void test_empty_checkpoint(void **state)
{
    struct t_log *t = *state;
    t_put_checkpoint(t->log);
    t_reopen(t);
    t_append(t->log, 2);
    t_reopen(t);
    assert_int_equal(db_log_size(t->log), 2);
}

/* A log of 20 records with a checkpoint at 12, closed, then changed behind its back; the reason
 * names what is wrong. */
struct harm {
    const char *name;
    const char *sql;
    const char *text;
};
#define OPEN_UP                                                                                    \
    "DROP TRIGGER record_no_update; DROP TRIGGER record_no_delete; DROP TRIGGER record_append;"    \
    "DROP TRIGGER checkpoint_no_update; DROP TRIGGER checkpoint_no_delete; DROP TRIGGER "          \
    "head_grows;"                                                                                  \
    "DROP TRIGGER head_no_delete; DROP TRIGGER checkpoint_append;"
static const struct harm harms[] = {
    {"last record cut", "DELETE FROM record WHERE idx=19", "record 19: head"},
    {"tail cut with the head", "DELETE FROM record WHERE idx>=16; UPDATE head SET size=16", "head"},
    {"cut below the checkpoint", "DELETE FROM record WHERE idx>=11; UPDATE head SET size=11",
     "checkpoint"},
    {"all records gone", "DELETE FROM record", "record 0: head"},
    {"all gone, head too", "DELETE FROM record; UPDATE head SET size=0", "checkpoint"},
    {"no head", "DELETE FROM head", "head"},
    {"head too small", "UPDATE head SET size=19", "head"},
    {"head too large", "UPDATE head SET size=21", "head"},
    {"head's leaf", "UPDATE head SET leaf=zeroblob(32)", "head"},
    {"head's leaf cut", "UPDATE head SET leaf=zeroblob(31)", ""},
    {"head's time", "UPDATE head SET t_ms=t_ms+1", "head"},
    {"row missing in the tail", "DELETE FROM record WHERE idx=15", "record 15: idx"},
    {"row missing at the edge", "DELETE FROM record WHERE idx=11", "record 11: idx"},
    {"node row missing", "DELETE FROM record WHERE idx=7", "record 7: idx"},
    {"rows swapped",
     "UPDATE record SET idx=100 WHERE idx=15; UPDATE record SET idx=15 WHERE idx=16;"
     "UPDATE record SET idx=16 WHERE idx=100",
     "record 15: idx"},
    {"byte of a tail record",
     "UPDATE record SET bytes=CAST(replace(bytes, 'quorum', 'quorun') AS BLOB) WHERE idx=14",
     "record 14: hashes"},
    {"byte of the edge record",
     "UPDATE record SET bytes=CAST(replace(bytes, 'quorum', 'quorun') AS BLOB) "
     "WHERE idx=11",
     "record 11: hashes"},
    {"byte of the last record",
     "UPDATE record SET bytes=CAST(replace(bytes, 'quorum', 'quorun') AS BLOB) "
     "WHERE idx=19",
     "record 19: hashes"},
    {"garbage in the tail", "UPDATE record SET bytes=x'7b' WHERE idx=14", "record 14: malformed"},
    {"empty record", "UPDATE record SET bytes=x'' WHERE idx=14", "record 14: malformed"},
    {"hash of a tail record", "UPDATE record SET hashes=zeroblob(32) WHERE idx=14",
     "record 14: hashes"},
    {"inner hash in the tail",
     "UPDATE record SET hashes=CAST(substr(hashes,1,32)||zeroblob(32) AS BLOB) "
     "WHERE idx=13",
     "record 13: hashes"},
    {"hashes too long", "UPDATE record SET hashes=CAST(hashes||zeroblob(32) AS BLOB) WHERE idx=14",
     "record 14: hashes"},
    {"hashes too short", "UPDATE record SET hashes=CAST(substr(hashes,1,32) AS BLOB) WHERE idx=15",
     "record 15: hashes"},
    {"node under the checkpoint",
     "UPDATE record SET hashes=CAST(substr(hashes,1,96)||zeroblob(32) AS BLOB) "
     "WHERE idx=7",
     "checkpoint 12: root"},
    {"node row too short", "UPDATE record SET hashes=x'00' WHERE idx=7", "record 7: hashes"},
    {"checkpoint's note", "UPDATE checkpoint SET note=x'00'", "checkpoint 12: root"},
    {"checkpoint's size", "UPDATE checkpoint SET size=13", "checkpoint 13: root"},
    {"checkpoint beyond", "UPDATE checkpoint SET size=21", "checkpoint"},
    {"foreign checkpoint",
     "UPDATE checkpoint SET note=CAST(replace(note, 'hallmark.example', 'hallmarl.example')"
     " AS BLOB)",
     "checkpoint 12: root"},
    {"record of another place",
     "UPDATE record SET bytes=(SELECT bytes FROM record WHERE idx=13) WHERE idx=14",
     "record 14: idx"},
};
#define HARMS (sizeof harms / sizeof harms[0])

static void test_harm(void **state)
{
    const struct harm *h = *state;
    void *s = NULL;
    assert_int_equal(t_log_setup(&s), 0);
    struct t_log *t = s;
    t_append(t->log, 12);
    t_put_checkpoint(t->log);
    t_append(t->log, 8);
    t_reopen(t);
    db_log_close(t->log);
    t->log = NULL;
    assert_int_equal(t_raw(t->d.path, OPEN_UP), SQLITE_OK);
    assert_int_equal(t_raw(t->d.path, h->sql), SQLITE_OK);
    struct hm_why why = {.text = ""};
    enum hm_err err = db_log_open(t->d.path, T_ORIGIN, &t->log, &why);
    assert_true(err == HM_E_HISTORY || (err == HM_E_IO && h->text[0] == '\0'));
    if (strstr(why.text, h->text) == NULL)
        fail_msg("expected \"%s\" in: %s", h->text, why.text);
    assert_null(t->log);
    (void)t_log_teardown(&s);
}

/* A forged chain with right hashes everywhere: only prev, t_ms or the checkpoint can tell. */
static void forge(struct t_log *t, struct hm_record *r, const char *kind)
{
    HM_BUF_AUTO bytes = {0};
    T_OK(hm_record_write(r, &bytes, why));
    struct hm_digest leaf = hm_merkle_leaf(hm_buf_bytes(&bytes));
    char hex[HM_SHA256_HEX];
    char row[8192];
    hm_digest_hex(&leaf, hex);
    (void)snprintf(row, sizeof row,
                   "INSERT INTO record VALUES(2, x'%s', CAST('%s' AS BLOB));"
                   "UPDATE head SET size=3, t_ms=9999999, leaf=x'%s'",
                   hex, hm_buf_str(&bytes), hex);
    db_log_close(t->log);
    t->log = NULL;
    assert_int_equal(t_raw(t->d.path, row), SQLITE_OK);
    struct hm_why why = {.text = ""};
    assert_int_equal(db_log_open(t->d.path, T_ORIGIN, &t->log, &why), HM_E_HISTORY);
    if (strstr(why.text, kind) == NULL)
        fail_msg("expected \"%s\" in: %s", kind, why.text);
}

static void test_forged_prev(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    struct hm_record r = t_record(2);
    r.idx = 2;
    r.t_ms = 9999999;
    r.prev = t_digest("other");
    forge(t, &r, "record 2: prev");
}

static void test_forged_time(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    struct hm_record r = t_record(2);
    r.idx = 2;
    r.t_ms = 1;
    r.prev = t->log->committed.leaf;
    forge(t, &r, "record 2: t_ms");
}

static void test_forged_first(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    db_log_close(t->log);
    t->log = NULL;
    assert_int_equal(t_raw(t->d.path, OPEN_UP "DROP TRIGGER head_no_insert;"
                                              "UPDATE head SET origin='other.example/log'"),
                     SQLITE_OK);
    T_FAILS(HM_E_CONFIG, db_log_open(t->d.path, T_ORIGIN, &t->log, why));
    T_FAILS(HM_E_HISTORY,
            db_log_open(t->d.path, "other.example/log", &t->log, why)); /* prev of record 0 */
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    static struct CMUnitTest tests[HARMS + 16] = {
        T(test_create_refuses),   T(test_open_refuses),     T(test_other_kinds),
        T(test_close_null),       T(test_close_rolls_back), T(test_reopen_sizes),
        T(test_empty_checkpoint), T(test_forged_prev),      T(test_forged_time),
        T(test_forged_first),
    };
    size_t n = 10;
    for (size_t i = 0; i < HARMS; i++)
        tests[n++] =
            (struct CMUnitTest){harms[i].name, test_harm, NULL, NULL, (void *)(uintptr_t)&harms[i]};
    return _cmocka_run_group_tests("db_log_open", tests, n, NULL, NULL);
}
