/* A full disk: HM_E_FULL is reported, nothing is half done, the reserve is given back, the log can
 * be opened again, and the results of running intentions fit. On a small tmpfs where a private
 * mount name space can be had, and under a limit on the file size. Each case runs in a child,
 * because both are properties of a process. */
#include "db_test_util.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            (void)fprintf(stderr, "line %d: %s\n", __LINE__, #cond);                               \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static enum hm_err append_one(struct db_log *log, size_t evidence, struct hm_why *why)
{
    HM_BUF_AUTO big = {0};
    memset(hm_buf_room(&big, evidence), 'x', evidence);
    const struct hm_bytes blob = hm_buf_bytes(&big);
    struct hm_record r = t_record((unsigned)db_log_size(log));
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    enum hm_err err = db_log_begin(log, why);
    if (err == HM_OK)
        err = db_log_append(log, 1, &r, &blob, hm_bytes_of(NULL, 0), why);
    if (err == HM_OK)
        err = db_log_commit(log, why);
    if (err != HM_OK)
        db_log_rollback(log);
    return err;
}

/* Fills the disk; returns the size that was acknowledged last. */
static uint64_t fill(struct db_log *log)
{
    struct hm_why why = {.text = ""};
    enum hm_err err = HM_OK;
    uint64_t size = 0;
    for (unsigned i = 0; err == HM_OK && i < 10000; i++) {
        size = db_log_size(log);
        err = append_one(log, 200000, &why);
        db_log_maintain(log);
    }
    if (err != HM_E_FULL)
        (void)fprintf(stderr, "expected full, got %s: %s\n", hm_err_name(err), why.text);
    CHECK(err == HM_E_FULL);
    return size;
}

static void check_closed_for_writing(struct db_log *log)
{
    CHECK(!db_log_reserved(log));
    CHECK(db_log_begin(log, NULL) == HM_E_FULL);
    CHECK(db_log_commit(log, NULL) == HM_E_FULL);
    CHECK(db_state_class_get(log, &(struct hm_uuid){{0}}, &(uint64_t){0}, NULL) == HM_E_FULL);
}

static void scenario(const char *dir, bool results_fit)
{
    char path[128];
    struct db_log *log = NULL;
    (void)snprintf(path, sizeof path, "%s/log.db", dir);
    CHECK(db_log_create(path, T_ORIGIN, NULL) == HM_OK);
    CHECK(db_log_open(path, T_ORIGIN, &log, NULL) == HM_OK);
    CHECK(db_log_reserved(log) == results_fit);
    struct db_reader *reader =
        NULL; /* keeps the WAL from being folded in, and its space from coming back, at close */
    CHECK(db_reader_open(path, &reader, NULL) == HM_OK);
    uint64_t size = fill(log);
    check_closed_for_writing(log);
    db_log_close(log);
    log = NULL;
    struct hm_why why = {.text = ""};
    if (db_log_open(path, T_ORIGIN, &log, &why) != HM_OK)
        (void)fprintf(stderr, "reopen: %s\n", why.text);
    CHECK(log != NULL);
    CHECK(db_log_size(log) >= size && db_log_size(log) <= size + 1);
    CHECK(!db_log_reserved(log)); /* what was given back is not taken again */
    for (unsigned i = 0; results_fit && i < 64; i++)
        CHECK(append_one(log, 16000, NULL) == HM_OK);
    db_log_close(log);
    db_reader_close(reader);
    log = NULL;
    CHECK(db_log_open(path, T_ORIGIN, &log, NULL) == HM_OK);
    db_log_close(log);
}

static int in_child(void (*f)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        f();
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void on_tmpfs(void)
{
    char dir[] = "/tmp/hm-full-XXXXXX";
    CHECK(mkdtemp(dir) != NULL);
    bool mounted = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
                   mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                   mount("hm", dir, "tmpfs", 0, "size=32m") == 0;
    if (mounted)
        scenario(dir, true);
    if (mounted)
        (void)umount2(dir, MNT_DETACH);
    (void)rmdir(dir);
    if (!mounted)
        _exit(SKIPPED);
}

static void test_tmpfs(void **state)
{
    (void)state;
    int rc = in_child(on_tmpfs);
    if (rc == SKIPPED)
        skip();
    assert_int_equal(rc, 0);
}

static void under_limit(void)
{
    struct t_dir d;
    const struct rlimit limit = {4 << 20, 4 << 20};
    t_dir_make(&d, "log.db");
    (void)signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    scenario(d.dir, false);
    t_dir_remove(&d);
}

static void test_file_size_limit(void **state)
{
    (void)state;
    assert_int_equal(in_child(under_limit), 0);
}

/* The reserve is there, has its size, and comes back when there is room. */
static void test_reserve(void **state)
{
    struct t_log *t = *state;
    char name[128];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s-reserve", t->d.path);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_size, DB_LOG_RESERVE);
    assert_true((size_t)st.st_blocks * 512 >= DB_LOG_RESERVE); /* real blocks, no hole */
    db_log_release_reserve(t->log);
    assert_false(db_log_reserved(t->log));
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_size, 0);
    db_log_maintain(t->log);
    assert_true(db_log_reserved(t->log));
    t_append(t->log, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_file_size_limit),
        cmocka_unit_test_setup_teardown(test_reserve, t_log_setup, t_log_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
