/* Readers beside a writer, one thread each: what a reader sees always chains, never goes back, and
 * no writer fails. */
#include "db_query_test_util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define READERS 3
#define BATCHES 200

struct shared {
    const char *path;
    atomic_bool done;
    atomic_int failures;
};

struct chain {
    struct hm_digest prev;
    uint64_t next;
};

static enum hm_err follow(void *ctx, uint64_t idx, struct hm_bytes bytes, struct hm_why *why)
{
    struct chain *c = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(bytes, &r, why);
    if (err != HM_OK)
        return err;
    if (idx != c->next || !hm_digest_eq(&r.prev, &c->prev))
        return HM_E_HISTORY;
    c->prev = hm_merkle_leaf(bytes);
    c->next++;
    return HM_OK;
}

/* Follows the log to where it stands, and proves its last record against its root, again and again.
 */
static enum hm_err follow_log(struct shared *s, struct db_reader *r, struct hm_why *why)
{
    struct chain c = {.prev = db_tip_genesis(T_ORIGIN)};
    for (bool last = false; !last;) {
        last = atomic_load(&s->done);
        uint64_t size = 0;
        enum hm_err err = db_reader_size(r, &size, why);
        if (err == HM_OK)
            err = db_reader_records(r, c.next, SIZE_MAX, follow, &c, why);
        struct hm_frontier f;
        if (err == HM_OK)
            err = hm_merkle_frontier(size, db_reader_node, r, &f, why);
        if (err != HM_OK)
            return err;
        if (c.next < size)
            return hm_fail(why, HM_E_HISTORY, "saw %llu of %llu", (unsigned long long)c.next,
                           (unsigned long long)size);
    }
    return HM_OK;
}

static void *read_log(void *ctx)
{
    struct shared *s = ctx;
    struct db_reader *r = NULL;
    struct hm_why why = {.text = ""};
    enum hm_err err = db_reader_open(s->path, &r, &why);
    if (err == HM_OK)
        err = follow_log(s, r, &why);
    db_reader_close(r);
    if (err != HM_OK) {
        (void)fprintf(stderr, "reader: %s: %s\n", hm_err_name(err), why.text);
        (void)atomic_fetch_add(&s->failures, 1);
    }
    return NULL;
}

static void start(pthread_t thread[READERS], void *(*f)(void *), struct shared *s)
{
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, f, s), 0);
}

static void finish(pthread_t thread[READERS], struct shared *s)
{
    atomic_store(&s->done, true);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(atomic_load(&s->failures), 0);
}

static void test_log(void **state)
{
    struct t_log *t = *state;
    struct shared s = {.path = t->d.path};
    pthread_t thread[READERS];
    start(thread, read_log, &s);
    for (int i = 0; i < BATCHES; i++) {
        t_append(t->log, 17);
        if (i % 10 == 0)
            t_put_checkpoint(t->log);
        db_log_maintain(t->log);
    }
    finish(thread, &s);
    assert_int_equal(db_log_size(t->log), 17 * BATCHES);
}

static enum hm_err count(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    (void)idx;
    (void)record;
    (void)why;
    ++*(uint64_t *)ctx;
    return HM_OK;
}

static enum hm_err ask(struct shared *s, struct db_query *q, struct hm_why *why)
{
    uint64_t before = 0;
    for (bool last = false; !last;) {
        last = atomic_load(&s->done);
        uint64_t size = 0;
        uint64_t rows = 0;
        const struct db_query_filter f = {.after = UINT64_MAX, .limit = 1000};
        enum hm_err err = db_query_size(q, &size, why);
        if (err == HM_OK)
            err = db_query_entries(q, &f, count, &rows, why);
        if (err != HM_OK)
            return err;
        if (rows < size || size < before)
            return hm_fail(why, HM_E_HISTORY, "%llu rows at %llu", (unsigned long long)rows,
                           (unsigned long long)size);
        before = size;
    }
    return HM_OK;
}

static void *read_query(void *ctx)
{
    struct shared *s = ctx;
    struct db_query *q = NULL;
    struct hm_why why = {.text = ""};
    enum hm_err err = db_query_open(s->path, &q, &why);
    if (err == HM_OK)
        err = ask(s, q, &why);
    db_query_close(q);
    if (err != HM_OK) {
        (void)fprintf(stderr, "query: %s: %s\n", hm_err_name(err), why.text);
        (void)atomic_fetch_add(&s->failures, 1);
    }
    return NULL;
}

static void test_query(void **state)
{
    struct t_query *t = *state;
    struct shared s = {.path = t->d.path};
    pthread_t thread[READERS];
    start(thread, read_query, &s);
    for (unsigned i = 0; i < T_HISTORY; i += 2)
        T_OK(t_query_apply(t->w, &t->record[i], 2, why));
    finish(thread, &s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_log, t_log_setup, t_log_teardown),
        cmocka_unit_test_setup_teardown(test_query, t_query_setup_empty, t_query_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
