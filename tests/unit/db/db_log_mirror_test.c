/* The mirror: in step with the log, made anew where it is older, never written over where it knows
 * more. */
#include "db_test_util.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char mirror_path[160];
static char aside[176];

static int setup(void **state)
{
    int rc = t_log_setup(state);
    const struct t_log *t = *state;
    (void)snprintf(mirror_path, sizeof mirror_path, "%s/mirror.db", t->d.dir);
    (void)snprintf(aside, sizeof aside, "%s/aside.db", t->d.dir);
    return rc;
}

static void fill(struct t_log *t, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++)
        t_busy(t->log, i);
}

static void attach(struct t_log *t, bool made, bool older)
{
    struct db_mirror_note note;
    T_OK(db_log_mirror(t->log, mirror_path, &note, why));
    assert_int_equal(note.made, made);
    assert_int_equal(note.older, older);
    assert_true(note.same_disk);
}

/* As attach, and it must be refused; the mirror's file stays as it is. */
static void refused(struct t_log *t, enum hm_err expected, const char *path)
{
    struct db_mirror_note note;
    T_FAILS(expected, db_log_mirror(t->log, path, &note, why));
    t_append(t->log, 1); /* the log goes on without one */
}

static void copy_file(const char *from, const char *to)
{
    char command[512];
    (void)snprintf(command, sizeof command, "cp -a '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static void same(struct t_log *t)
{
    db_log_close(t->log);
    t->log = NULL;
    struct hm_digest mine = t_content(t->d.path);
    struct hm_digest theirs = t_content(mirror_path);
    assert_memory_equal(&mine, &theirs, sizeof mine);
    t_reopen(t);
}

static void in_step(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    struct db_mirror_note note;
    T_FAILS(HM_E_STATE, db_log_mirror(t->log, mirror_path, &note, why));
    for (unsigned round = 0; round < 4; round++) {
        fill(t, 20 * round, 20);
        db_log_maintain(t->log);
        same(t);
        attach(t, false, false);
    }
    struct stat st;
    assert_int_equal(stat(mirror_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void made_from_what_is_there(void **state)
{
    struct t_log *t = *state;
    fill(t, 0, 30);
    attach(t, true, false);
    fill(t, 30, 10);
    same(t);
}

/* Each batch is in the mirror before its commit returns, whatever happens to the log then. */
static void nothing_is_late(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    for (unsigned n = 0; n < 12; n++) {
        char copy[200];
        struct db_log *log = NULL;
        t_busy(t->log, n);
        copy_file(mirror_path, aside);
        (void)snprintf(copy, sizeof copy, "%s-wal", mirror_path);
        char to[200];
        (void)snprintf(to, sizeof to, "%s-wal", aside);
        copy_file(copy, to);
        T_OK(db_log_open(aside, T_ORIGIN, &log, why));
        struct hm_digest a = db_log_root(log);
        struct hm_digest b = db_log_root(t->log);
        assert_int_equal(db_log_size(log), db_log_size(t->log));
        assert_memory_equal(&a, &b, sizeof a);
        db_log_close(log);
        (void)unlink(aside);
    }
}

static void rolled_back(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    fill(t, 0, 5);
    struct hm_record r = t_record(1);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
    db_log_rollback(t->log);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_commit(t->log, why)); /* without any change */
    fill(t, 5, 5);
    same(t);
    attach(t, false, false);
}

/* Written to without its mirror; and a mirror that lacks the last batch, as a crash leaves it. */
static void older(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    fill(t, 0, 10);
    t_reopen(t);
    fill(t, 10, 3);
    attach(t, true, true);
    t_reopen(t);
    copy_file(mirror_path, aside);
    attach(t, false, false);
    fill(t, 13, 1);
    t_reopen(t);
    assert_int_equal(rename(aside, mirror_path), 0);
    attach(t, true, true);
    fill(t, 14, 4);
    same(t);
}

/* A batch without a record: the mirror lacks a checkpoint alone. */
static void older_by_a_checkpoint(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    t_append(t->log, 3);
    t_reopen(t);
    t_put_checkpoint(t->log);
    attach(t, true, true);
    same(t);
}

/* The log is an older copy of itself; then it goes on differently. */
static void knows_more(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    fill(t, 0, 6);
    t_reopen(t);
    copy_file(t->d.path, aside);
    attach(t, false, false);
    fill(t, 6, 2);
    db_log_close(t->log);
    t->log = NULL;
    struct hm_digest before = t_content(mirror_path);
    assert_int_equal(rename(aside, t->d.path), 0);
    t_reopen(t);
    refused(t, HM_E_HISTORY, mirror_path);
    fill(t, 100, 30); /* longer than the mirror now, and another log */
    refused(t, HM_E_HISTORY, mirror_path);
    struct hm_digest after = t_content(mirror_path);
    assert_memory_equal(&before, &after, sizeof before);
}

static void not_a_mirror(void **state)
{
    struct t_log *t = *state;
    char other[200];
    fill(t, 0, 3);
    (void)snprintf(other, sizeof other, "%s/other.db", t->d.dir);
    T_OK(db_log_create(other, "hallmark.example/other", why));
    refused(t, HM_E_CONFIG, other);
    refused(t, HM_E_CONFIG, t->d.path);
    refused(t, HM_E_NOT_FOUND, "/nonexistent/mirror.db");
    FILE *f = fopen(mirror_path, "we");
    assert_non_null(f);
    for (int i = 0; i < 2000; i++)
        (void)fputs("no database", f);
    (void)fclose(f);
    struct db_mirror_note note;
    assert_int_not_equal(db_log_mirror(t->log, mirror_path, &note, NULL), HM_OK);
    struct stat st;
    assert_int_equal(stat(mirror_path, &st), 0);
    assert_int_equal(st.st_size, 22000);
    assert_int_equal(unlink(mirror_path), 0);
    assert_int_equal(t_raw(mirror_path, "CREATE TABLE x(y)"), SQLITE_OK);
    assert_int_not_equal(db_log_mirror(t->log, mirror_path, &note, NULL), HM_OK);
    assert_int_equal(t_raw_int(mirror_path, "SELECT count(*) FROM x"), 0);
}

/* What does not fit into the mirror is in neither of the two, and the log must be opened again. */
static void does_not_arrive(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    fill(t, 0, 4);
    uint64_t size = db_log_size(t->log);
    t_reopen(t);
    assert_int_equal(t_raw(mirror_path, "INSERT INTO request VALUES(x'00', 1, 1)"), SQLITE_OK);
    attach(t, false, false);
    struct hm_digest key = {{0}};
    struct hm_record r = t_record(9);
    char taken[160];
    hm_digest_hex(&key, taken);
    char sql[256];
    (void)snprintf(sql, sizeof sql, "INSERT INTO request VALUES(x'%s', 1, 1)", taken);
    t_reopen(t);
    assert_int_equal(t_raw(mirror_path, sql), SQLITE_OK);
    attach(t, false, false);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
    T_OK(db_state_request_seen(t->log, &key, 5, 1, NULL, why));
    T_FAILS(HM_E_IO, db_log_commit(t->log, why));
    T_FAILS(HM_E_IO, db_log_begin(t->log, why));
    t_reopen(t);
    assert_int_equal(db_log_size(t->log), size);
    attach(t, false, false);
    assert_int_equal(db_log_size(t->log), size);
}

static bool holds(const char *path, const char *suffix, const char *text)
{
    char name[200];
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    FILE *f = fopen(name, "re");
    if (f == NULL)
        return false;
    HM_BUF_AUTO all = {.limit = 64 << 20};
    uint8_t chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        hm_buf_put(&all, chunk, n);
    (void)fclose(f);
    return all.len > 0 && memmem(all.data, all.len, text, strlen(text)) != NULL;
}

/* Private detail that is erased stands in no file of the mirror. */
static void erased(void **state)
{
    static const char secret[] = "a name that nobody may read any more";
    struct t_log *t = *state;
    attach(t, true, false);
    fill(t, 0, 4);
    struct hm_record r = t_record(1);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_str(secret), why));
    T_OK(db_log_commit(t->log, why));
    assert_true(holds(mirror_path, "", secret) || holds(mirror_path, "-wal", secret));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_erase(t->log, r.idx, why));
    T_OK(db_log_commit(t->log, why));
    assert_false(holds(mirror_path, "", secret) || holds(mirror_path, "-wal", secret));
    same(t);
}

/* One log, one writer: the mirror has one too. */
static void in_use(void **state)
{
    struct t_log *t = *state;
    attach(t, true, false);
    t_append(t->log, 1);
    assert_int_equal(t_raw(mirror_path, "DELETE FROM request") & 0xff, SQLITE_BUSY);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(in_step),         T(made_from_what_is_there),
        T(nothing_is_late), T(rolled_back),
        T(older),           T(older_by_a_checkpoint),
        T(knows_more),      T(not_a_mirror),
        T(does_not_arrive), T(erased),
        T(in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
