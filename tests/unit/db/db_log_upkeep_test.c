/* Checkpoints, backups, and the length of the WAL. */
#include "db_test_util.h"

#include <sys/stat.h>

static const struct hm_bytes nothing = {NULL, 0};

static void test_checkpoints(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO at5 = {0};
    t_append(t->log, 5);
    t_note(t->log, &at5);
    T_FAILS(HM_E_STATE, db_log_put_checkpoint(t->log, 6, hm_buf_bytes(&at5), why));
    T_FAILS(HM_E_HISTORY, db_log_put_checkpoint(t->log, 4, hm_buf_bytes(&at5), why));
    t_append(t->log, 4);
    T_OK(db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&at5), why)); /* an older size is fine */
    T_FAILS(HM_E_CONFLICT, db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&at5), why));
    T_FAILS(HM_E_CONFLICT, db_log_put_checkpoint(t->log, 3, hm_buf_bytes(&at5), why));
    t_put_checkpoint(t->log);
    uint64_t size = 0;
    T_OK(db_log_checkpoint(t->log, &size, &note, why));
    assert_int_equal(size, 9);
    struct db_reader *r = NULL;
    T_OK(db_reader_open(t->d.path, &r, why));
    static const uint64_t ask[] = {0, 5, 6, 9};
    static const uint64_t get[] = {5, 5, 9, 9};
    for (size_t i = 0; i < 4; i++) {
        hm_buf_reset(&note);
        T_OK(db_reader_checkpoint(r, ask[i], &size, &note, why));
        assert_int_equal(size, get[i]);
    }
    T_OK(db_reader_last_checkpoint(r, &size, &note, why));
    assert_int_equal(size, 9);
    T_FAILS(HM_E_NOT_FOUND, db_reader_checkpoint(r, 10, &size, &note, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_checkpoint(r, UINT64_MAX, &size, &note, why));
    db_reader_close(r);
}

/* What witnesses have cosigned: of stored checkpoints alone, sizes rise, and nothing changes it. */
static void test_cosigned(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO at3 = {0};
    HM_BUF_AUTO at5 = {0};
    HM_BUF_AUTO found = {0};
    uint64_t size = 9;
    t_append(t->log, 3);
    t_note(t->log, &at3);
    T_OK(db_log_put_checkpoint(t->log, 3, hm_buf_bytes(&at3), why));
    t_append(t->log, 2);
    t_note(t->log, &at5);
    T_FAILS(HM_E_NOT_FOUND, db_log_cosigned(t->log, &size, &found, why));
    assert_int_equal(size, 9);
    T_FAILS(HM_E_STATE, db_log_put_cosigned(t->log, 3, hm_buf_bytes(&at3), why));
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_CONFLICT,
            db_log_put_cosigned(t->log, 5, hm_buf_bytes(&at5), why)); /* not stored */
    T_FAILS(HM_E_HISTORY, db_log_put_cosigned(t->log, 3, hm_buf_bytes(&at5), why));
    T_FAILS(HM_E_LIMIT, db_log_put_cosigned(t->log, 6, hm_buf_bytes(&at5), why));
    T_OK(db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&at5), why));
    T_OK(db_log_put_cosigned(t->log, 5, hm_buf_bytes(&at5), why));
    T_FAILS(HM_E_CONFLICT, db_log_put_cosigned(t->log, 5, hm_buf_bytes(&at5), why));
    T_FAILS(HM_E_CONFLICT, db_log_put_cosigned(t->log, 3, hm_buf_bytes(&at3), why));
    T_OK(db_log_commit(t->log, why));
    t_reopen(t);
    T_OK(db_log_cosigned(t->log, &size, &found, why));
    assert_int_equal(size, 5);
    assert_true(hm_bytes_eq(hm_buf_bytes(&found), hm_buf_bytes(&at5)));
    assert_int_not_equal(t_raw(t->d.path, "UPDATE cosigned SET note=x'00'"), SQLITE_OK);
    assert_int_not_equal(t_raw(t->d.path, "DELETE FROM cosigned"), SQLITE_OK);
}

/* Any change to any byte of the note's text, and any cut in it. */
static void test_checkpoint_flips(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO note = {0};
    t_append(t->log, 5);
    t_note(t->log, &note);
    struct hm_checkpoint c = {.origin = T_ORIGIN, .size = 5, .root = db_log_root(t->log)};
    HM_BUF_AUTO body = {0};
    hm_checkpoint_body(&c, &body);
    for (size_t i = 0; i <= body.len; i++) {
        note.data[i] ^= 1;
        T_FAILS(HM_E_HISTORY, db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&note), why));
        note.data[i] ^= 1;
        T_FAILS(HM_E_HISTORY, db_log_put_checkpoint(t->log, 5, hm_bytes_of(note.data, i + 1), why));
    }
    HM_BUF_AUTO big = {0};
    hm_buf_put(&big, note.data, note.len);
    memset(hm_buf_room(&big, HM_CHECKPOINT_MAX), 'x', HM_CHECKPOINT_MAX);
    T_FAILS(HM_E_LIMIT, db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&big), why));
    T_OK(db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&note), why));
}

/* With a batch: for the size before it, and gone if the batch is. */
static void test_checkpoint_in_a_transaction(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO stored = {0};
    uint64_t size = 0;
    struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED, .has_random = true};
    t_append(t->log, 5);
    t_note(t->log, &note);
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(db_log_covered(t->log), 0);
        T_OK(db_log_begin(t->log, why));
        T_OK(db_log_put_checkpoint(t->log, 5, hm_buf_bytes(&note), why));
        T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
        T_FAILS(HM_E_STATE, db_log_put_checkpoint(t->log, 6, hm_buf_bytes(&note), why));
        if (round == 0)
            db_log_rollback(t->log);
    }
    T_OK(db_log_commit(t->log, why));
    assert_int_equal(db_log_covered(t->log), 5);
    T_OK(db_log_checkpoint(t->log, &size, &stored, why));
    assert_int_equal(size, 5);
}

static void test_backup(void **state)
{
    struct t_log *t = *state;
    char copy[128];
    (void)snprintf(copy, sizeof copy, "%s/copy.db", t->d.dir);
    t_append(t->log, 40);
    t_put_checkpoint(t->log);
    t_append(t->log, 3);
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_STATE, db_log_backup(t->log, copy, why));
    db_log_rollback(t->log);
    T_OK(db_log_backup(t->log, copy, why));
    T_FAILS(HM_E_CONFLICT, db_log_backup(t->log, copy, why));
    assert_int_not_equal(db_log_backup(t->log, "/nonexistent/copy.db", NULL), HM_OK);
    struct stat st;
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* The copy is a whole log: same root, triggers, and it can be written. */
    struct db_log *log = NULL;
    T_OK(db_log_open(copy, T_ORIGIN, &log, why));
    struct hm_digest a = db_log_root(log);
    struct hm_digest b = db_log_root(t->log);
    assert_memory_equal(&a, &b, sizeof a);
    t_append(log, 1);
    db_log_close(log);
    assert_int_equal(t_raw(copy, "DELETE FROM record") & 0xff, SQLITE_CONSTRAINT);
    /* The guard stands again on the original. */
    assert_int_equal(sqlite3_exec(t->log->sql.db, "ATTACH ':memory:' AS m", NULL, NULL, NULL),
                     SQLITE_AUTH);
    t_append(t->log, 1);
}

static void test_maintain(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO big = {0};
    memset(hm_buf_room(&big, 1000000), 'x', 1000000);
    struct hm_bytes blob = hm_buf_bytes(&big);
    for (int i = 0; i < 60; i++) {
        struct hm_record r = t_record(1);
        r.evidence_count = 1;
        r.evidence[0] = hm_sha256(blob);
        T_OK(db_log_begin(t->log, why));
        T_OK(db_log_append(t->log, 1, &r, &blob, nothing, why));
        T_OK(db_log_commit(t->log, why));
        db_log_maintain(t->log);
    }
    char wal[128];
    struct stat st;
    (void)snprintf(wal, sizeof wal, "%s-wal", t->d.path);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size < 24 * 1000000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_checkpoints),      T(test_cosigned),
        T(test_checkpoint_flips), T(test_checkpoint_in_a_transaction),
        T(test_backup),           T(test_maintain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
