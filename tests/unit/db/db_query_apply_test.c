/* Filling the read model: what an auditor would refuse is refused with nothing applied; what is
 * damaged is rebuilt; a kill in the middle leaves a watermark that is true. */
#include "db_query_test_util.h"

#include "schema/io/hm_file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void check_empty(struct t_query *t, uint64_t size)
{
    assert_int_equal(db_query_writer_size(t->w), size);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM record"), size);
    assert_int_equal(t_raw_int(t->d.path, "SELECT size FROM head"), size);
}

static void reopen(struct t_query *t)
{
    db_query_writer_close(t->w);
    t->w = NULL;
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
}

static void test_frontier(void **state)
{
    struct t_query *t = *state;
    struct hm_frontier want = {.size = 0};
    struct hm_frontier got;
    for (unsigned i = 0; i < 100; i++) {
        struct hm_digest leaf = hm_merkle_leaf(t->record[i]);
        (void)hm_frontier_add(&want, &leaf, NULL);
        T_OK(t_query_apply(t->w, &t->record[i], 1, why));
        if (i % 9 == 0)
            reopen(t);
        db_query_writer_frontier(t->w, &got);
        struct hm_digest a = hm_frontier_root(&want);
        struct hm_digest b = hm_frontier_root(&got);
        assert_int_equal(got.size, i + 1);
        assert_memory_equal(&a, &b, sizeof a);
    }
    T_OK(t_query_apply(t->w, NULL, 0, why));
}

/* Each byte of a record flipped, and the record cut at each byte, as the last of a batch. */
static void test_flips(void **state)
{
    struct t_query *t = *state;
    struct hm_bytes batch[4] = {t->record[0], t->record[1], t->record[2]};
    HM_BUF_AUTO b = {0};
    hm_buf_put(&b, t->record[2].data, t->record[2].len);
    for (size_t i = 0; i < b.len; i++) {
        batch[2] = hm_buf_bytes(&b);
        batch[3] = t->record[3];
        b.data[i] ^= 1;
        T_FAILS(HM_E_HISTORY, t_query_apply(t->w, batch, 4,
                                            why)); /* if it parses, the next one's prev is wrong */
        b.data[i] ^= 1;
        batch[2] = hm_bytes_of(b.data, i);
        T_FAILS(HM_E_HISTORY, t_query_apply(t->w, batch, 3, why));
    }
    check_empty(t, 0);
    T_OK(t_query_apply(t->w, t->record, 4, why));
    check_empty(t, 4);
}

static void test_order(void **state)
{
    struct t_query *t = *state;
    const struct hm_bytes skipped[] = {t->record[0], t->record[2]};
    const struct hm_bytes twice[] = {t->record[0], t->record[0]};
    const struct hm_bytes swapped[] = {t->record[1], t->record[0]};
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, skipped, 2, why));
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, twice, 2, why));
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, swapped, 2, why));
    check_empty(t, 0);
    T_OK(t_query_apply(t->w, t->record, 2, why));
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, t->record, 2, why));
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, t->record + 3, 2, why));
    T_OK(t_query_apply(t->w, t->record + 2, 2, why));
    check_empty(t, 4);
}

static void test_prev_and_time(void **state)
{
    struct t_query *t = *state;
    T_OK(t_query_apply(t->w, t->record, 8, why));
    struct hm_record r = t_record(8);
    HM_BUF_AUTO b = {0};
    r.idx = 8;
    r.t_ms = t->w->t_ms;
    r.prev = t_digest("fork");
    T_OK(hm_record_write(&r, &b, why));
    struct hm_bytes one = hm_buf_bytes(&b);
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, &one, 1, why));
    hm_buf_reset(&b);
    r.prev = t->w->leaf;
    r.t_ms--;
    T_OK(hm_record_write(&r, &b, why));
    one = hm_buf_bytes(&b);
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, &one, 1, why));
    check_empty(t, 8);
}

/* Words that were new in a refused batch must not be remembered under ids that were never stored.
 */
static void test_words_after_rollback(void **state)
{
    struct t_query *t = *state;
    const struct hm_bytes bad[] = {t->record[0], t->record[2]};
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, bad, 2, why));
    T_OK(t_query_apply(t->w, t->record, 16, why));
    assert_int_equal(t_raw_int(t->d.path,
                               "SELECT count(*) FROM post p WHERE p.key%32 NOT IN (9, 21)"
                               " AND NOT EXISTS"
                               "(SELECT 1 FROM word w WHERE w.id=p.key/32)"),
                     0);
    int64_t bits = t_raw_int(t->d.path, "SELECT bits FROM post p JOIN word w ON w.id=p.key/32 "
                                        "WHERE p.key%32=1 AND w.text='release.submitted'");
    assert_int_equal(__builtin_popcountll((unsigned long long)bits), 2);
}

/* Records about a release that was never submitted, and a release that begins with its refusal. */
static void test_odd_releases(void **state)
{
    struct t_query *t = *state;
    HM_BUF_AUTO a = {0};
    struct hm_record r = t_record(0);
    r.release = 77;
    r.state = HM_RELEASE_SIGNED;
    t_query_next(t->w, r, &a);
    struct hm_bytes one = hm_buf_bytes(&a);
    T_OK(t_query_apply(t->w, &one, 1, why));
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM release"), 0);
    HM_BUF_AUTO b = {0};
    r.event = HM_EV_RELEASE_REFUSED;
    r.release = 1;
    r.state = HM_RELEASE_REFUSED;
    t_query_next(t->w, r, &b);
    one = hm_buf_bytes(&b);
    T_OK(t_query_apply(t->w, &one, 1, why));
    T_OK(db_query_open(t->d.path, &t->q, why));
    struct db_query_release got;
    T_OK(db_query_release_get(t->q, 1, &got, why));
    assert_int_equal(got.state, HM_RELEASE_REFUSED);
    T_FAILS(HM_E_NOT_FOUND, db_query_release_get(t->q, 77, &got, why));
}

/* What makes a file be thrown away. */
struct harm {
    const char *name;
    const char *sql;
};
static const struct harm harms[] = {
    {"schema version", "PRAGMA user_version=99"},
    {"application id", "PRAGMA application_id=1"},
    {"no head", "DELETE FROM head"},
    {"no head table", "DROP TABLE head"},
    {"size of the head", "UPDATE head SET size=size+1"},
    {"leaf of the head", "UPDATE head SET leaf=zeroblob(32)"},
    {"leaf cut", "UPDATE head SET leaf=zeroblob(3)"},
    {"frontier cut", "UPDATE head SET frontier=x''"},
    {"last record gone", "DELETE FROM record WHERE idx=399"},
    {"last record changed", "UPDATE record SET bytes=x'7b7d' WHERE idx=399"},
    {"no records", "DELETE FROM record"},
    {"index that lies",
     "UPDATE head SET clean=0; PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage="
     "(SELECT rootpage FROM sqlite_schema WHERE name='word') WHERE name='record_time'"},
};
#define HARMS (sizeof harms / sizeof harms[0])

static void test_harm(void **state)
{
    const struct harm *h = *state;
    void *s = NULL;
    assert_int_equal(t_query_setup(&s), 0);
    struct t_query *t = s;
    db_query_close(t->q);
    t->q = NULL;
    db_query_writer_close(t->w);
    t->w = NULL;
    assert_int_equal(t_raw(t->d.path, h->sql), SQLITE_OK);
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
    check_empty(t, 0);
    T_OK(t_query_apply(t->w, t->record, T_HISTORY, why)); /* and filled again */
    reopen(t);
    check_empty(t, T_HISTORY);
    (void)t_query_teardown(&s);
}

static void test_other_origin(void **state)
{
    struct t_query *t = *state;
    T_OK(t_query_apply(t->w, t->record, 10, why));
    db_query_writer_close(t->w);
    t->w = NULL;
    T_FAILS(HM_E_MALFORMED, db_query_writer_open(t->d.path, "a b", &t->w, why));
    T_OK(db_query_writer_open(t->d.path, "other.example/log", &t->w, why));
    check_empty(t, 0);
    T_FAILS(HM_E_HISTORY, t_query_apply(t->w, t->record, 10, why)); /* prev of record 0 */
}

static void overwrite(const char *path, off_t at, size_t len)
{
    uint8_t junk[4096];
    memset(junk, 0x5a, sizeof junk);
    HM_FD_AUTO fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    while (len > 0) {
        size_t n = len < sizeof junk ? len : sizeof junk;
        assert_int_equal(pwrite(fd, junk, n, at), (ssize_t)n);
        at += (off_t)n;
        len -= n;
    }
}

static void test_not_a_database(void **state)
{
    struct t_query *t = *state;
    T_OK(t_query_apply(t->w, t->record, 10, why));
    db_query_writer_close(t->w);
    t->w = NULL;
    overwrite(t->d.path, 0, 4096);
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
    check_empty(t, 0);
    reopen(t);
    db_query_writer_close(t->w);
    t->w = NULL;
    HM_FD_AUTO fd = open(t->d.path, O_WRONLY | O_TRUNC);
    assert_true(fd >= 0);
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
    check_empty(t, 0);
    T_FAILS(HM_E_NOT_FOUND, db_query_writer_open("/nonexistent/query.db", T_ORIGIN,
                                                 &(struct db_query_writer *){NULL}, why));
    db_query_writer_close(NULL);
}

/* Pages overwritten while the file was not closed cleanly: the quick check sees it. */
static void test_damaged_pages(void **state)
{
    struct t_query *t = *state;
    T_OK(t_query_apply(t->w, t->record, T_HISTORY, why));
    db_query_writer_close(t->w);
    t->w = NULL;
    assert_int_equal(t_raw(t->d.path, "UPDATE head SET clean=0; PRAGMA wal_checkpoint(TRUNCATE)"),
                     SQLITE_OK);
    int64_t root = t_raw_int(t->d.path, "SELECT rootpage FROM sqlite_schema WHERE name='post'");
    overwrite(t->d.path, (off_t)(root - 1) * 4096, 4096);
    T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
    check_empty(t, 0);
}

/* The child applies the history in small batches and says how far it is. */
static void apply_on(const struct t_query *t, int ack)
{
    struct db_query_writer *w = NULL;
    if (db_query_writer_open(t->d.path, T_ORIGIN, &w, NULL) != HM_OK)
        _exit(1);
    for (uint64_t at = db_query_writer_size(w);; at = db_query_writer_size(w)) {
        size_t n = at + 3 <= T_HISTORY ? 3 : (size_t)(T_HISTORY - at);
        if (t_query_apply(w, t->record + at, n, NULL) != HM_OK)
            _exit(2);
        at = db_query_writer_size(w);
        if (write(ack, &at, sizeof at) != (ssize_t)sizeof at)
            _exit(3);
        if (at == T_HISTORY)
            (void)pause();
    }
}

static uint64_t run_and_kill(const struct t_query *t, unsigned round)
{
    int fd[2];
    uint64_t at = 0;
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(fd[0]);
        apply_on(t, fd[1]);
    }
    (void)close(fd[1]);
    if (read(fd[0], &at, sizeof at) != (ssize_t)sizeof at)
        fail_msg("the writer did not start");
    const struct timespec nap = {.tv_nsec = (long)(round * 7919 % 31) * 100000L};
    (void)nanosleep(&nap, NULL);
    assert_int_equal(kill(pid, SIGKILL), 0);
    uint64_t n;
    while (read(fd[0], &n, sizeof n) == (ssize_t)sizeof n)
        at = n;
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(fd[0]);
    return at;
}

static void test_kill(void **state)
{
    struct t_query *t = *state;
    for (unsigned round = 0; round < 30; round++) {
        db_query_writer_close(t->w);
        t->w = NULL;
        uint64_t at = run_and_kill(t, round);
        T_OK(db_query_writer_open(t->d.path, T_ORIGIN, &t->w, why));
        uint64_t size = db_query_writer_size(t->w);
        assert_true(size >= at && size <= T_HISTORY);
        check_empty(t, size);
        struct hm_frontier f = {.size = 0};
        for (uint64_t i = 0; i < size; i++) {
            struct hm_digest leaf = hm_merkle_leaf(t->record[i]);
            (void)hm_frontier_add(&f, &leaf, NULL);
        }
        struct hm_frontier got;
        db_query_writer_frontier(t->w, &got);
        struct hm_digest a = hm_frontier_root(&f);
        struct hm_digest b = hm_frontier_root(&got);
        assert_memory_equal(&a, &b, sizeof a);
        if (size == T_HISTORY) { /* begin again */
            assert_int_equal(t_raw(t->d.path, "PRAGMA user_version=99"), SQLITE_OK);
            reopen(t);
        }
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_query_setup_empty, t_query_teardown)
int main(void)
{
    static struct CMUnitTest tests[HARMS + 12] = {
        T(test_frontier),
        T(test_flips),
        T(test_order),
        T(test_prev_and_time),
        T(test_words_after_rollback),
        T(test_odd_releases),
        T(test_other_origin),
        T(test_not_a_database),
        T(test_damaged_pages),
        T(test_kill),
    };
    size_t n = 10;
    for (size_t i = 0; i < HARMS; i++)
        tests[n++] =
            (struct CMUnitTest){harms[i].name, test_harm, NULL, NULL, (void *)(uintptr_t)&harms[i]};
    return _cmocka_run_group_tests("db_query_apply", tests, n, NULL, NULL);
}
