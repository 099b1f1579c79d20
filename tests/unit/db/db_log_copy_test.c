/* Backups that are made while the log is written. */
#include "db_test_util.h"

#include <sys/stat.h>
#include <unistd.h>

static char copy_path[160];

static const char *copy_of(const struct t_log *t)
{
    (void)snprintf(copy_path, sizeof copy_path, "%s/copy.db", t->d.dir);
    return copy_path;
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void fill(struct t_log *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        t_busy(t->log, i);
}

/* The copy is what the log was with the last step. */
static void expect_same(struct t_log *t)
{
    struct hm_digest mine = t_content(t->d.path);
    struct hm_digest theirs = t_content(copy_of(t));
    struct db_log *log = NULL;
    assert_memory_equal(&mine, &theirs, sizeof mine);
    T_OK(db_log_open(copy_path, T_ORIGIN, &log, why));
    struct hm_digest a = db_log_root(log);
    struct hm_digest b = db_log_root(t->log);
    assert_memory_equal(&a, &b, sizeof a);
    t_append(log, 1); /* it can be written: triggers and guard stand */
    db_log_close(log);
    assert_int_equal(t_raw(copy_path, "DELETE FROM record") & 0xff, SQLITE_CONSTRAINT);
}

static void quiet(void **state)
{
    struct t_log *t = *state;
    struct db_copy_state s = {.complete = false};
    fill(t, 40);
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    uint64_t steps = 0;
    while (!s.complete) {
        uint64_t before = s.done;
        T_OK(db_log_copy_step(t->log, 3, &s, why));
        assert_true(s.done > before && s.done <= s.total);
        steps++;
    }
    assert_true(steps > 5);
    assert_int_equal(s.done, s.total);
    assert_false(db_log_copying(t->log));
    struct stat st;
    assert_int_equal(stat(copy_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    expect_same(t);
}

/* A batch between all steps; the log grows under the copy's feet. */
static void under_load(void **state)
{
    struct t_log *t = *state;
    struct db_copy_state s = {.complete = false};
    fill(t, 60);
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    for (unsigned n = 60; !s.complete; n++) {
        T_OK(db_log_copy_step(t->log, 7, &s, why));
        if (!s.complete)
            t_busy(t->log, n);
        if (n % 8 == 0)
            db_log_maintain(t->log);
        assert_true(n < 4000);
    }
    expect_same(t);
}

/* What was rolled back is not in it, however far the copy was. */
static void rolled_back(void **state)
{
    struct t_log *t = *state;
    struct db_copy_state s = {.complete = false};
    HM_BUF_AUTO big = {.limit = 64 << 20};
    memset(hm_buf_room(&big, 40 << 20), 'x', 40 << 20); /* more than the page cache holds */
    fill(t, 30);
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    T_OK(db_log_copy_step(t->log, 20, &s, why));
    struct hm_record r = t_record(1);
    struct hm_bytes blob = hm_buf_bytes(&big);
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, &blob, hm_bytes_of(NULL, 0), why));
    db_log_rollback(t->log);
    while (!s.complete)
        T_OK(db_log_copy_step(t->log, 20, &s, why));
    expect_same(t);
}

static void one_at_a_time(void **state)
{
    struct t_log *t = *state;
    struct db_copy_state s;
    char other[160];
    (void)snprintf(other, sizeof other, "%s/other.db", t->d.dir);
    fill(t, 10);
    T_FAILS(HM_E_STATE, db_log_copy_step(t->log, 1, &s, why));
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    T_FAILS(HM_E_CONFLICT, db_log_copy_begin(t->log, other, why));
    assert_false(there(other));
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_STATE, db_log_copy_step(t->log, 1, &s, why)); /* never inside a batch */
    db_log_rollback(t->log);
    T_OK(db_log_copy_step(t->log, 1, &s, why));
    db_log_copy_end(t->log);
    assert_false(there(copy_path));
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    T_OK(db_log_copy_step(t->log, -1, &s, why));
    T_FAILS(HM_E_CONFLICT, db_log_copy_begin(t->log, copy_of(t), why));
    assert_true(there(copy_path));
    assert_int_not_equal(db_log_copy_begin(t->log, "/nonexistent/copy.db", NULL), HM_OK);
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_STATE, db_log_copy_begin(t->log, other, why));
    db_log_rollback(t->log);
}

static void never_over_a_link(void **state)
{
    struct t_log *t = *state;
    fill(t, 2);
    assert_int_equal(symlink("/tmp/elsewhere", copy_of(t)), 0);
    T_FAILS(HM_E_CONFLICT, db_log_copy_begin(t->log, copy_path, why));
}

/* The log is closed in the middle, as after a failure: nothing stays. */
static void closed(void **state)
{
    struct t_log *t = *state;
    struct db_copy_state s;
    fill(t, 20);
    T_OK(db_log_copy_begin(t->log, copy_of(t), why));
    T_OK(db_log_copy_step(t->log, 2, &s, why));
    t_reopen(t);
    assert_false(there(copy_path));
    assert_false(db_log_copying(t->log));
    t_busy(t->log, 999);
}

/* A file that nobody has open: alone, with its write-ahead log, in use, or none of ours to write.
 */
static void of_a_file(void **state)
{
    struct t_log *t = *state;
    char from[160];
    char to[200];
    char wal[200];
    fill(t, 20);
    T_OK(db_log_backup(t->log, copy_of(t), why));
    (void)snprintf(from, sizeof from, "%s", copy_path);
    (void)snprintf(to, sizeof to, "%s/second.db", t->d.dir);
    T_OK(db_log_copy_file(from, to, why));
    struct hm_digest a = t_content(from);
    struct hm_digest b = t_content(to);
    assert_memory_equal(&a, &b, sizeof a);
    T_FAILS(HM_E_CONFLICT, db_log_copy_file(from, to, why));
    assert_int_equal(unlink(to), 0);
    T_FAILS(HM_E_IO, db_log_copy_file("/nonexistent/log.db", to, why));
    assert_int_equal(t_raw(from, "PRAGMA journal_mode=WAL"), SQLITE_OK);
    struct db_log *other = NULL;
    T_OK(db_log_open(from, T_ORIGIN, &other, why));
    T_OK(db_log_begin(other, why));
    T_FAILS(HM_E_UNAVAILABLE, db_log_copy_file(from, to, why));
    db_log_rollback(other);
    db_log_close(other);
    assert_false(there(to));
    (void)snprintf(wal, sizeof wal, "%s-wal", from);
    assert_false(there(wal));
    T_OK(db_log_copy_file(from, to, why));
    assert_false(there(wal));
}

/* Into its place, where nothing may be and nobody may write. */
static void placed(void **state)
{
    struct t_log *t = *state;
    char at[160];
    char beside[180];
    struct db_log *log = NULL;
    fill(t, 5);
    T_OK(db_log_backup(t->log, copy_of(t), why));
    T_FAILS(HM_E_CONFLICT, db_log_place(copy_path, t->d.path, why));
    (void)snprintf(at, sizeof at, "%s/new.db", t->d.dir);
    (void)snprintf(beside, sizeof beside, "%s-wal", at);
    FILE *f = fopen(beside, "we");
    assert_non_null(f);
    (void)fclose(f);
    T_FAILS(HM_E_CONFLICT, db_log_place(copy_path, at, why));
    assert_int_equal(unlink(beside), 0);
    assert_true(there(copy_path));
    T_OK(db_log_place(copy_path, at, why));
    assert_false(there(copy_path));
    T_OK(db_log_open(at, T_ORIGIN, &log, why));
    assert_int_equal(db_log_size(log), db_log_size(t->log));
    (void)snprintf(beside, sizeof beside, "%s/aside.db", t->d.dir);
    assert_int_equal(rename(at, beside), 0); /* taken away under its writer's feet */
    T_OK(db_log_backup(t->log, copy_of(t), why));
    assert_int_not_equal(db_log_place(copy_path, at, NULL), HM_OK);
    db_log_close(log);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(quiet),  T(under_load), T(rolled_back), T(one_at_a_time), T(never_over_a_link),
        T(closed), T(of_a_file),  T(placed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
