/* The index over artifacts: rows move from table to table as the log grows, and are found in each
 * of them; digests that begin alike are told apart. */
#include "db_query_test_util.h"

#include <stdlib.h>

#define YOUNG 16384u /* records after which a row has left age 0 */
#define OLD 524288u  /* and age 1 */

static void begin(struct t_query *t)
{
    assert_int_equal(sqlite3_exec(t->w->sql.db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void commit(struct t_query *t)
{
    assert_int_equal(sqlite3_exec(t->w->sql.db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

static int64_t of_age(const struct t_query *t, unsigned age)
{
    char sql[100];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM artifact WHERE age=%u", age);
    return t_raw_int(t->d.path, sql);
}

/* One artifact for each record, batches of odd lengths: every row stands once, and no longer than
 * its time in any table. */
static void test_ages(void **state)
{
    struct t_query *t = *state;
    uint64_t at = 0;
    const uint64_t end = OLD + 3 * YOUNG + 77;
    begin(t);
    for (uint64_t step = 1; at < end; step = step * 3 % 4001 + 1) {
        uint64_t to = at + step < end ? at + step : end;
        for (uint64_t idx = at; idx < to; idx += 40) {
            struct hm_digest d = hm_sha256(hm_bytes_of(&idx, sizeof idx));
            T_OK(db_query_artifact(t->w, &d, idx, why));
            T_OK(db_query_artifact(t->w, &d, idx, why)); /* twice is once */
        }
        T_OK(db_query_artifacts_age(t->w, at, to, why));
        at = to;
    }
    commit(t);
    int64_t all = of_age(t, 0) + of_age(t, 1) + of_age(t, 2);
    assert_int_equal(all, t_raw_int(t->d.path, "SELECT count(DISTINCT idx) FROM artifact"));
    assert_true(of_age(t, 0) > 0 && of_age(t, 1) > of_age(t, 0) && of_age(t, 2) > 0);
    char sql[200];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM artifact WHERE age=0 AND idx<%llu",
                   (unsigned long long)(end - YOUNG - 4001));
    assert_int_equal(t_raw_int(t->d.path, sql), 0);
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM artifact WHERE age<2 AND idx<%llu",
                   (unsigned long long)(end - YOUNG - OLD - 4001));
    assert_int_equal(t_raw_int(t->d.path, sql), 0);
    begin(t);
    T_OK(db_query_artifacts_age(t->w, end, end + 3 * OLD, why)); /* longer than any cycle */
    T_OK(db_query_artifacts_age(t->w, end + 3 * OLD, end + 4 * OLD, why));
    commit(t);
    assert_int_equal(of_age(t, 0), 0);
    assert_int_equal(of_age(t, 2), all);
}

/* --- queries --- */

static struct hm_digest alike(uint8_t tail)
{
    struct hm_digest d = t_digest("begins alike");
    d.b[31] = tail;
    return d;
}

static struct hm_digest named(unsigned i)
{
    return i % 3 == 2 ? t_digest("another") : alike((uint8_t)(i % 3));
}

static enum hm_err take(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct hm_buf *out = ctx;
    (void)record;
    (void)why;
    hm_buf_printf(out, "%llu ", (unsigned long long)idx);
    return HM_OK;
}

static void expect(struct t_query *t, struct hm_digest d, bool down, size_t limit, const char *want)
{
    HM_BUF_AUTO got = {.limit = 4096};
    struct db_query_filter f = {
        .artifact = &d, .after = UINT64_MAX, .descending = down, .limit = limit};
    T_OK(db_query_entries(t->q, &f, take, &got, why));
    assert_string_equal(got.len > 0 ? hm_buf_str(&got) : "", want);
}

static void expect_all(struct t_query *t)
{
    expect(t, alike(0), false, 100, "0 3 6 9 12 15 18 21 24 27 ");
    expect(t, alike(1), true, 100, "28 25 22 19 16 13 10 7 4 1 ");
    expect(t, alike(1), false, 2, "1 4 ");
    expect(t, alike(0), true, 1, "27 ");
    expect(t, t_digest("another"), false, 3, "2 5 8 ");
    expect(t, alike(2), false, 100, "");
    expect(t, alike(2), true, 100, "");
    expect(t, t_digest("unknown"), false, 100, "");
}

static void test_alike(void **state)
{
    struct t_query *t = *state;
    struct hm_digest a = alike(0);
    struct hm_digest b = alike(1);
    assert_int_equal(db_query_prefix(&a), db_query_prefix(&b));
    assert_true(db_query_prefix(&a) < UINT64_C(1) << 47);
    for (unsigned i = 0; i < 30; i++) {
        HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
        struct hm_record r = t_record(i);
        r.artifact_count = 1;
        r.artifacts[0] = named(i);
        t_query_next(t->w, r, &bytes);
        struct hm_bytes one = hm_buf_bytes(&bytes);
        T_OK(t_query_apply(t->w, &one, 1, why));
    }
    T_OK(db_query_open(t->d.path, &t->q, why));
    expect_all(t);
    /* Half of the first table moves on, then all, then half and all of the second. */
    static const uint64_t to[] = {YOUNG / 2, YOUNG, OLD / 2, OLD, 3 * OLD};
    uint64_t from = 0;
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        begin(t);
        T_OK(db_query_artifacts_age(t->w, from, to[i], why));
        commit(t);
        from = to[i];
        expect_all(t);
    }
    assert_int_equal(of_age(t, 2), 30);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_query_setup_empty, t_query_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {T(test_ages), T(test_alike)};
    return cmocka_run_group_tests_name("db_query_artifact", tests, NULL, NULL);
}
