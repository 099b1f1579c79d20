/* A writer that is killed at any moment: nothing that it acknowledged is lost, the tail verifies,
 * and it goes on. */
#include "db_test_util.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 40

/* The child's life: append batches of changing size, commit, acknowledge the size through the pipe;
 * now and then a checkpoint and maintenance, so that the kill falls into those, too. */
static void write_on(const char *path, int ack)
{
    struct db_log *log = NULL;
    if (db_log_open(path, T_ORIGIN, &log, NULL) != HM_OK)
        _exit(1);
    for (unsigned round = 0;; round++) {
        if (db_log_begin(log, NULL) != HM_OK)
            _exit(2);
        for (unsigned i = 0; i <= round % 9; i++) {
            const struct hm_bytes blob = hm_bytes_str("evidence");
            struct hm_record r = t_record(i);
            r.evidence_count = 1;
            r.evidence[0] = hm_sha256(blob);
            if (db_log_append(log, 1, &r, &blob, hm_bytes_of(NULL, 0), NULL) != HM_OK)
                _exit(3);
        }
        uint64_t size = db_log_pending_size(log);
        if (db_state_meta_put(log, "size", hm_bytes_of(&size, sizeof size), NULL) != HM_OK ||
            db_log_commit(log, NULL) != HM_OK)
            _exit(4);
        if (write(ack, &size, sizeof size) != (ssize_t)sizeof size)
            _exit(5);
        if (round % 5 == 0)
            t_put_checkpoint(log);
        db_log_maintain(log);
    }
}

static uint64_t last_acknowledged(int fd, uint64_t before)
{
    uint64_t size = before;
    uint64_t n;
    while (read(fd, &n, sizeof n) == (ssize_t)sizeof n)
        size = n;
    return size;
}

static uint64_t run_and_kill(const char *path, uint64_t before, unsigned round)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fd[0]);
        write_on(path, fd[1]);
    }
    (void)close(fd[1]);
    uint64_t first = before;
    if (read(fd[0], &first, sizeof first) != (ssize_t)sizeof first)
        fail_msg("the writer did not start");
    const struct timespec pause = {.tv_nsec = (long)(round * 7919 % 23) * 700000L +
                                              (long)(round * 104729 % 997) * 1000L};
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    uint64_t size = last_acknowledged(fd[0], first);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    (void)close(fd[0]);
    return size;
}

static void test_kill(void **state)
{
    struct t_log *t = *state;
    uint64_t acknowledged = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        db_log_close(t->log);
        t->log = NULL;
        acknowledged = run_and_kill(t->d.path, acknowledged, round);
        T_OK(db_log_open(t->d.path, T_ORIGIN, &t->log, why)); /* verifies the tail */
        uint64_t size = db_log_size(t->log);
        assert_true(size >= acknowledged);
        HM_BUF_AUTO b = {0};
        T_OK(db_state_meta_get(t->log, "size", &b, why)); /* state and records in step */
        assert_memory_equal(b.data, &size, sizeof size);
        assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM evidence"), size);
    }
    assert_int_equal(
        t_raw_int(t->d.path,
                  "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check='ok'"),
        1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill, t_log_setup, t_log_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
