/* Posting lists alone, over indexes up to the largest: what is put on them and taken off again is
 * what a walk finds, in both directions, from anywhere, alone and several side by side; and `span`
 * says no more and no less than `post` holds. */
#include "db_query_test_util.h"

#include <stdlib.h>

#define LISTS 4
#define ITEMS 3000

/* What must be on each list: indexes in order. */
struct model {
    uint64_t idx[LISTS][ITEMS];
    size_t count[LISTS];
};

static uint64_t noise(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return (*x > *y) - (*x < *y);
}

static bool has(const struct model *m, size_t list, uint64_t idx)
{
    return bsearch(&idx, m->idx[list], m->count[list], sizeof idx, by_value) != NULL;
}

static void put(struct t_query *t, struct model *m, size_t list, uint64_t idx)
{
    T_OK(db_query_post(t->w, db_posting(KIND_PRODUCT, list), idx, why));
    if (has(m, list, idx))
        return;
    m->idx[list][m->count[list]++] = idx;
    qsort(m->idx[list], m->count[list], sizeof idx, by_value);
}

static void take_off(struct t_query *t, struct model *m, size_t list, uint64_t idx)
{
    T_OK(db_query_unpost(t->w, db_posting(KIND_PRODUCT, list), idx, why));
    size_t n = 0;
    for (size_t i = 0; i < m->count[list]; i++)
        if (m->idx[list][i] != idx)
            m->idx[list][n++] = m->idx[list][i];
    m->count[list] = n;
}

static void flush(struct t_query *t)
{
    assert_int_equal(sqlite3_exec(t->w->sql.db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    T_OK(db_query_post_flush(t->w, why));
    assert_int_equal(sqlite3_exec(t->w->sql.db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM post WHERE bits=0"), 0);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM span WHERE bits=0"), 0);
    assert_int_equal(t_raw_int(t->d.path,
                               "SELECT count(*) FROM post p WHERE NOT EXISTS(SELECT 1 FROM span s"
                               " WHERE s.key=p.key AND s.spans=p.span/64"
                               " AND s.bits>>(p.span%64)&1)"),
                     0);
    assert_int_equal(t_raw_int(t->d.path, "WITH RECURSIVE n(b) AS (VALUES(0) UNION ALL SELECT b+1"
                                          " FROM n WHERE b<63) SELECT count(*) FROM span s, n"
                                          " WHERE s.bits>>b&1 AND NOT EXISTS(SELECT 1 FROM post p"
                                          " WHERE p.key=s.key AND p.span=64*s.spans+b)"),
                     0);
}

/* Does the walk over these lists (a bit mask) give what the model says? */
static void check_walk(struct t_query *t, const struct model *m, unsigned mask, struct db_range r)
{
    static uint64_t got[ITEMS];
    struct db_lists l = {.count = 0};
    size_t n = 0;
    size_t first = (size_t)__builtin_ctz(mask);
    for (size_t i = 0; i < LISTS; i++)
        if ((mask >> i & 1) != 0)
            db_lists_id(&l, KIND_PRODUCT, i);
    T_OK(db_query_begin(t->q, why));
    T_OK(db_lists_walk(t->q, &l, &r, got, ITEMS, &n, why));
    db_query_end(t->q);
    size_t at = 0;
    for (size_t i = 0; i < m->count[first]; i++) {
        uint64_t idx = m->idx[first][r.descending ? m->count[first] - 1 - i : i];
        bool all = idx >= r.lo && idx <= r.hi;
        for (size_t k = 0; k < LISTS; k++)
            all = all && ((mask >> k & 1) == 0 || has(m, k, idx));
        if (!all)
            continue;
        assert_true(at < n);
        assert_int_equal(got[at], idx);
        at++;
    }
    assert_int_equal(at, n);
}

static void check(struct t_query *t, const struct model *m, uint64_t *seed, uint64_t top)
{
    for (unsigned mask = 1; mask < 1u << LISTS; mask++) {
        for (unsigned down = 0; down < 2; down++) {
            check_walk(t, m, mask, (struct db_range){0, top, down == 1});
            uint64_t a = noise(seed) * noise(seed) % (top + 1);
            uint64_t b = noise(seed) * noise(seed) % (top + 1);
            check_walk(t, m, mask, (struct db_range){a < b ? a : b, a < b ? b : a, down == 1});
            check_walk(t, m, mask, (struct db_range){a, a, down == 1});
        }
    }
}

/* Where the next index is: dense, sparse, in clusters; around the edges of rows and spans. */
static uint64_t choose(uint64_t *seed, uint64_t top)
{
    static const uint64_t edges[] = {0, 63, 64, 4095, 4096, 8191, 8192, 262143, 262144, 262145};
    switch (noise(seed) % 4) {
    case 0:
        return edges[noise(seed) % (sizeof edges / sizeof edges[0])] % (top + 1);
    case 1:
        return noise(seed) % 200;
    case 2:
        return noise(seed) % 50000 % (top + 1);
    default:
        return noise(seed) * noise(seed) % (top + 1);
    }
}

static void churn(struct t_query *t, uint64_t seed, uint64_t top)
{
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned i = 0; i < 150; i++) {
            size_t list = noise(&seed) % LISTS;
            uint64_t idx = choose(&seed, top);
            if (noise(&seed) % 3 == 0 && m->count[list] > 0)
                take_off(t, m, list, m->idx[list][noise(&seed) % m->count[list]]);
            else
                put(t, m, list, idx);
            if (list > 0 && noise(&seed) % 2 == 0) /* so that they meet */
                put(t, m, 0, idx);
        }
        flush(t);
        check(t, m, &seed, top);
    }
    for (size_t list = 0; list < LISTS; list++)
        while (m->count[list] > 0)
            take_off(t, m, list, m->idx[list][m->count[list] / 2]);
    flush(t);
    check(t, m, &seed, top);
    assert_int_equal(
        t_raw_int(t->d.path, "SELECT (SELECT count(*) FROM post)+(SELECT count(*) FROM span)"), 0);
    free(m);
}

static void test_short(void **state)
{
    churn(*state, 1, 9000);
}

static void test_long(void **state)
{
    churn(*state, 2, 3000000);
}

static void test_longest(void **state)
{
    churn(*state, 3, (UINT64_C(1) << 53) - 1);
}

/* Within a batch the last word counts. */
static void test_back_and_forth(void **state)
{
    struct t_query *t = *state;
    struct model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    put(t, m, 0, 5000);
    take_off(t, m, 0, 5000);
    put(t, m, 1, 5000);
    put(t, m, 1, 5000);
    take_off(t, m, 2, 5000); /* what is not on it */
    flush(t);
    uint64_t seed = 4;
    check(t, m, &seed, 9000);
    take_off(t, m, 1, 5000);
    put(t, m, 1, 5000);
    flush(t);
    check(t, m, &seed, 9000);
    take_off(t, m, 1, 5000);
    put(t, m, 1, 5001);
    flush(t);
    check(t, m, &seed, 9000);
    free(m);
}

static int setup(void **state)
{
    if (t_query_setup_empty(state) != 0)
        return -1;
    struct t_query *t = *state;
    T_OK(db_query_open(t->d.path, &t->q, why));
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, t_query_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {T(test_short), T(test_long), T(test_longest),
                                       T(test_back_and_forth)};
    return cmocka_run_group_tests_name("db_query_post", tests, NULL, NULL);
}
