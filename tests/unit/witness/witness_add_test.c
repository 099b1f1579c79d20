/* A witness's decisions where its socket does not lead: the clock, write errors, many threads. */
#include "tests/unit/test_rows.h"

#include "tests/unit/log/log_test_keys.h"

#include "schema/log/hm_add_checkpoint.h"
#include "server/witness/witness_add.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORIGIN "log.example/one"
#define NAME "witness.example/w1"
#define NOW UINT64_C(1795000000)
#define LEAVES 32
#define LEVELS 6

/* Every complete node of a small tree; `salt` makes another history from leaf `fork` on. */
struct tree {
    struct hm_digest node[LEVELS][LEAVES];
    struct hm_digest root[LEAVES + 1];
};

static void grow(struct tree *t, size_t fork, const char *salt)
{
    struct hm_frontier f = {0};
    t->root[0] = hm_merkle_empty();
    for (size_t i = 0; i < LEAVES; i++) {
        char record[64];
        struct hm_digest done[64];
        (void)snprintf(record, sizeof record, "%s %zu", i < fork ? "entry" : salt, i);
        struct hm_digest leaf = hm_merkle_leaf(hm_bytes_str(record));
        unsigned n = hm_frontier_add(&f, &leaf, done);
        for (unsigned l = 0; l < n; l++)
            t->node[l][i >> l] = done[l];
        t->root[i + 1] = hm_frontier_root(&f);
    }
}

static enum hm_err read_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    const struct tree *t = ctx;
    (void)why;
    *out = t->node[level][k];
    return HM_OK;
}

struct fixture {
    char dir[64];
    char key[96];
    struct log_test_key log_key;
    struct witness_log_config log_config;
    struct witness_config config;
    struct witness_log log;
    struct witness w;
    struct tree honest;
    struct tree fork; /* leaves the honest one after 8 entries */
};

static void open_log(struct fixture *f)
{
    bool mended = true;
    struct hm_why why = {""};
    assert_int_equal(witness_log_open(f->dir, &f->log_config, f->w.key, &f->log, &mended, &why),
                     HM_OK);
    assert_false(mended);
}

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct hm_why why = {""};
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/hallmark-witness-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->key, sizeof f->key, "%s/key", f->dir);
    log_test_key_make(ORIGIN, 1, &f->log_key);
    f->log_config =
        (struct witness_log_config){.origin = ORIGIN, .keys = {f->log_key.vkey}, .key_count = 1};
    f->config = (struct witness_config){.state_dir = f->dir};
    assert_int_equal(witness_key_make(f->key, &why), HM_OK);
    assert_int_equal(witness_key_open(f->key, NAME, &f->w.key, &why), HM_OK);
    assert_int_equal(witness_log_init(f->dir, &f->log_config, hm_bytes_of(NULL, 0), &why), HM_OK);
    open_log(f);
    f->w.config = &f->config;
    f->w.logs = &f->log;
    f->w.log_count = 1;
    grow(&f->honest, LEAVES, "");
    grow(&f->fork, 8, "fork");
    *state = f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    char path[160];
    witness_log_close(&f->log);
    witness_key_close(f->w.key);
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, f->log.hex);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/%s.fork", f->dir, f->log.hex);
    (void)unlink(path);
    (void)unlink(f->key);
    (void)rmdir(f->dir);
    free(f);
    return 0;
}

static void request_of(const struct fixture *f, const struct tree *t, uint64_t old, uint64_t size,
                       struct hm_buf *out)
{
    HM_BUF_AUTO note = {0};
    struct hm_path path = {.count = 0};
    struct hm_checkpoint c = {.origin = ORIGIN, .size = size, .root = t->root[size]};
    union {
        const struct tree *in;
        void *out;
    } ctx = {.in = t};
    log_test_note(&f->log_key, &c, &note);
    if (old <= size)
        assert_int_equal(hm_merkle_consistency(old, size, read_node, ctx.out, &path, NULL), HM_OK);
    hm_add_checkpoint_write(old, &path, hm_buf_bytes(&note), out);
}

static enum witness_verdict add(struct fixture *f, const struct tree *t, uint64_t old,
                                uint64_t size, uint64_t now_s, struct hm_buf *body)
{
    HM_BUF_AUTO request = {0};
    request_of(f, t, old, size, &request);
    hm_buf_reset(body);
    return witness_add(&f->w, hm_buf_bytes(&request), now_s, body);
}

/* Is this the witness's cosignature of that size, made at that time? */
static bool cosigned(const struct fixture *f, const struct tree *t, uint64_t size, uint64_t now_s,
                     const struct hm_buf *body)
{
    HM_BUF_AUTO text = {0};
    struct hm_cosigners known = {.of = {*witness_key_cosigner(f->w.key)}, .count = 1};
    struct hm_cosignatures s = {0};
    struct hm_checkpoint c = {.origin = ORIGIN, .size = size, .root = t->root[size]};
    hm_checkpoint_body(&c, &text);
    return hm_cosignatures_take(&s, &known, hm_buf_bytes(&text), hm_buf_bytes(body), UINT64_MAX,
                                NULL) == HM_OK &&
           s.of[0].time_s == now_s;
}

static void grows_and_remembers(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO body = {0};
    uint64_t old = 0;
    for (uint64_t size = 0; size <= LEAVES; size += 1 + size % 3) {
        assert_int_equal(add(f, &f->honest, old, size, NOW + size, &body), WITNESS_COSIGNED);
        assert_true(cosigned(f, &f->honest, size, NOW + size, &body));
        witness_log_close(&f->log);
        memset(&f->log, 0, sizeof f->log);
        open_log(f);
        assert_int_equal(f->log.last.size, size);
        assert_int_equal(f->log.last_time_s, NOW + size);
        assert_true(hm_digest_eq(&f->log.last.root, &f->honest.root[size]));
        old = size;
    }
}

/* Every pair of sizes, with the fork and with the honest history: only what extends the last. */
static void every_pair_of_sizes(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO body = {0};
    assert_int_equal(add(f, &f->honest, 0, 12, NOW, &body), WITNESS_COSIGNED);
    for (uint64_t old = 0; old <= LEAVES; old++)
        for (uint64_t size = 0; size <= LEAVES; size++) {
            enum witness_verdict v = add(f, &f->fork, old, size, NOW, &body);
            enum witness_verdict want = old > size   ? WITNESS_BEYOND
                                        : old != 12  ? WITNESS_ELSEWHERE
                                        : size == 12 ? WITNESS_FORKED
                                                     : WITNESS_INCONSISTENT;
            assert_int_equal(v, want);
            if (v == WITNESS_ELSEWHERE)
                assert_true(hm_bytes_eq_str(hm_buf_bytes(&body), "12\n"));
            else
                assert_true(body.len > 10 && body.data[body.len - 1] == '\n');
            if (old != 12 && old <= size)
                assert_int_equal(add(f, &f->honest, old, size, NOW, &body), WITNESS_ELSEWHERE);
        }
    assert_int_equal(add(f, &f->honest, 12, LEAVES, NOW, &body), WITNESS_COSIGNED);
}

struct clock_row {
    const char *name;
    uint64_t now_s;
    enum witness_verdict want;
};
static const struct clock_row clocks[] = {
    {"clock: unset", 0, WITNESS_FAILED},
    {"clock: before the epoch", UINT64_MAX - 5, WITNESS_FAILED},
    {"clock: 2^63", HM_COSIGNATURE_TIME_MAX + 1, WITNESS_FAILED},
    {"clock: a second back", NOW - 1, WITNESS_FAILED},
    {"clock: back to the beginning", 1, WITNESS_FAILED},
    {"clock: standing", NOW, WITNESS_COSIGNED},
    {"clock: going", NOW + 1, WITNESS_COSIGNED},
    {"clock: the latest time there is", HM_COSIGNATURE_TIME_MAX, WITNESS_COSIGNED},
};

static void clock_of(void **state)
{
    const struct clock_row *row = *state;
    void *made = NULL;
    HM_BUF_AUTO body = {0};
    assert_int_equal(make(&made), 0);
    struct fixture *f = made;
    assert_int_equal(add(f, &f->honest, 0, 5, NOW, &body), WITNESS_COSIGNED);
    assert_int_equal(add(f, &f->honest, 5, 9, row->now_s, &body), row->want);
    assert_int_equal(cosigned(f, &f->honest, 9, row->now_s, &body), row->want == WITNESS_COSIGNED);
    assert_int_equal(f->log.last.size, row->want == WITNESS_COSIGNED ? 9 : 5);
    assert_int_equal(atomic_load(&f->log.failing), row->want == WITNESS_FAILED);
    (void)drop(&made);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit r = {bytes, RLIM_INFINITY};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A write that fails: nothing leaves, nothing is forgotten, the next one works. */
static void a_failed_write(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO body = {0};
    assert_int_equal(add(f, &f->honest, 0, 5, NOW, &body), WITNESS_COSIGNED);
    static const rlim_t limits[] = {0, 4096, 8192, 8292};
    for (size_t i = 0; i < ROWS(limits); i++) {
        limit_file_size(limits[i]);
        assert_int_equal(add(f, &f->honest, 5, 9, NOW, &body), WITNESS_FAILED);
        limit_file_size(RLIM_INFINITY);
        assert_true(hm_bytes_eq_str(hm_buf_bytes(&body), "this witness cannot cosign now\n"));
        assert_int_equal(f->log.last.size, 5);
        assert_int_equal(add(f, &f->fork, 5, 5, NOW, &body),
                         WITNESS_COSIGNED); /* the same prefix */
    }
    assert_int_equal(add(f, &f->honest, 5, 9, NOW, &body), WITNESS_COSIGNED);
    assert_true(cosigned(f, &f->honest, 9, NOW, &body));
    assert_int_equal(add(f, &f->fork, 9, 12, NOW, &body), WITNESS_INCONSISTENT);
}

/* The same checkpoint again costs no write, so that nobody can wear the disk out. */
static void the_same_again_is_not_written(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO body = {0};
    assert_int_equal(add(f, &f->honest, 0, 5, NOW, &body), WITNESS_COSIGNED);
    limit_file_size(0);
    assert_int_equal(add(f, &f->honest, 5, 5, NOW + 7, &body), WITNESS_COSIGNED);
    limit_file_size(RLIM_INFINITY);
    assert_true(cosigned(f, &f->honest, 5, NOW + 7, &body));
}

/* --- many at once --- */

#define THREADS 8

struct racer {
    struct fixture *f;
    const struct tree *tree;
    uint64_t old;
    uint64_t size;
    enum witness_verdict verdict;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    HM_BUF_AUTO body = {0};
    r->verdict = add(r->f, r->tree, r->old, r->size, NOW, &body);
    return NULL;
}

/* All from the same old size, to different ones, honest and forked: one wins. */
static void one_wins(void **state)
{
    struct fixture *f = *state;
    HM_BUF_AUTO body = {0};
    assert_int_equal(add(f, &f->honest, 0, 8, NOW, &body), WITNESS_COSIGNED);
    pthread_t threads[THREADS];
    struct racer racers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        racers[i] = (struct racer){f, i % 2 ? &f->honest : &f->fork, 8, 9 + i, WITNESS_FAILED};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    size_t won = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(racers[i].verdict == WITNESS_COSIGNED ||
                    racers[i].verdict == WITNESS_ELSEWHERE);
        if (racers[i].verdict != WITNESS_COSIGNED)
            continue;
        won++;
        assert_int_equal(f->log.last.size, racers[i].size);
        assert_true(hm_digest_eq(&f->log.last.root, &racers[i].tree->root[racers[i].size]));
    }
    assert_int_equal(won, 1);
    assert_int_equal(atomic_load(&f->log.count[WITNESS_ELSEWHERE]), THREADS - 1);
}

static void no_key_is_left_readable(void **state)
{
    struct fixture *f = *state;
    struct witness_key *k = NULL;
    struct hm_why why = {""};
    assert_int_equal(witness_key_make(f->key, &why), HM_E_CONFLICT);
    assert_int_equal(chmod(f->key, 0444), 0);
    assert_int_equal(witness_key_open(f->key, NAME, &k, &why), HM_E_DENIED);
    assert_int_equal(chmod(f->key, 0400), 0);
    assert_int_equal(witness_key_open(f->key, "a+b", &k, &why), HM_E_MALFORMED);
    assert_int_equal(witness_key_open("/nonexistent", NAME, &k, &why), HM_E_NOT_FOUND);
    assert_int_equal(witness_key_open("/tmp", NAME, &k, &why), HM_E_DENIED);
    assert_null(k);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, make, drop)

int main(void)
{
    const struct CMUnitTest fixed[] = {
        WITH(grows_and_remembers),
        WITH(every_pair_of_sizes),
        WITH(a_failed_write),
        WITH(the_same_again_is_not_written),
        WITH(one_wins),
        WITH(no_key_is_left_readable),
    };
    struct CMUnitTest tests[ROWS(fixed) + ROWS(clocks)];
    memcpy(tests, fixed, sizeof fixed);
    size_t n = ADD_ROWS(tests, ROWS(fixed), clock_of, clocks);
    return _cmocka_run_group_tests("witness_add", tests, n, NULL, NULL);
}
