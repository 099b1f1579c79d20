/* Appending, committing, reading back: the chain, the tree, evidence, private detail, checkpoints.
 */
#include "db_test_util.h"

#include <stdlib.h>

static const struct hm_bytes nothing = {NULL, 0};

struct seen {
    struct hm_digest prev;
    uint64_t next;
    struct hm_frontier f;
    size_t stop_after;
};

static enum hm_err follow(void *ctx, uint64_t idx, struct hm_bytes bytes, struct hm_why *why)
{
    struct seen *s = ctx;
    struct hm_record r;
    enum hm_err err = hm_record_parse(bytes, &r, why);
    if (err != HM_OK)
        return err;
    assert_int_equal(idx, s->next);
    assert_int_equal(r.idx, idx);
    assert_memory_equal(&r.prev, &s->prev, sizeof r.prev);
    s->prev = hm_merkle_leaf(bytes);
    (void)hm_frontier_add(&s->f, &s->prev, NULL);
    s->next++;
    return s->stop_after != 0 && s->next == s->stop_after ? HM_E_STATE : HM_OK;
}

static void test_empty(void **state)
{
    struct t_log *t = *state;
    struct hm_digest empty = hm_merkle_empty();
    struct hm_digest root = db_log_root(t->log);
    assert_int_equal(db_log_size(t->log), 0);
    assert_int_equal(db_log_last_t_ms(t->log), 0);
    assert_memory_equal(&root, &empty, sizeof root);
    assert_true(db_log_reserved(t->log));
    HM_BUF_AUTO note = {0};
    uint64_t size = 7;
    T_FAILS(HM_E_NOT_FOUND, db_log_checkpoint(t->log, &size, &note, why));
    assert_int_equal(size, 7);
}

static void test_chain_and_tree(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 300);
    t_append(t->log, 333);
    struct seen s = {.prev = hm_sha256(hm_bytes_str(T_ORIGIN))};
    struct db_reader *r = NULL;
    T_OK(db_reader_open(t->d.path, &r, why));
    T_OK(db_reader_records(r, 0, SIZE_MAX, follow, &s, why));
    assert_int_equal(s.next, 633);
    struct hm_digest root = db_log_root(t->log);
    struct hm_digest want = hm_frontier_root(&s.f);
    assert_memory_equal(&root, &want, sizeof root);
    db_reader_close(r);
}

static void test_stop_and_bounds(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 20);
    struct db_reader *r = NULL;
    T_OK(db_reader_open(t->d.path, &r, why));
    struct seen s = {.prev = hm_sha256(hm_bytes_str(T_ORIGIN)), .stop_after = 5};
    assert_int_equal(db_reader_records(r, 0, 100, follow, &s, NULL), HM_E_STATE);
    assert_int_equal(s.next, 5);
    s.stop_after = 0;
    T_OK(db_reader_records(r, 5, 3, follow, &s, why));
    assert_int_equal(s.next, 8);
    T_OK(db_reader_records(r, 20, 3, follow, &s, why));
    T_OK(db_reader_records(r, UINT64_MAX, 3, follow, &s, why));
    T_OK(db_reader_records(r, 0, 0, follow, &s, why));
    assert_int_equal(s.next, 8);
    HM_BUF_AUTO out = {0};
    T_FAILS(HM_E_NOT_FOUND, db_reader_record(r, 20, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_record(r, UINT64_MAX, &out, why));
    assert_int_equal(out.len, 0);
    db_reader_close(r);
}

/* A row that is not there ends the reading with an error, not with the next row. */
static void test_gap(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 9);
    assert_int_equal(
        t_raw(t->d.path, "DROP TRIGGER record_no_delete; DELETE FROM record WHERE idx=4"),
        SQLITE_OK);
    struct db_reader *r = NULL;
    struct seen s = {.prev = hm_sha256(hm_bytes_str(T_ORIGIN))};
    T_OK(db_reader_open(t->d.path, &r, why));
    T_FAILS(HM_E_HISTORY, db_reader_records(r, 0, 100, follow, &s, why));
    db_reader_close(r);
}

/* Every node of a tree of 77 leaves, from the writer and from a reader, against a tree built here.
 */
static void test_nodes(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 77);
    struct db_reader *r = NULL;
    T_OK(db_reader_open(t->d.path, &r, why));
    struct hm_digest row[77];
    for (unsigned i = 0; i < 77; i++) {
        HM_BUF_AUTO b = {0};
        T_OK(db_reader_record(r, i, &b, why));
        row[i] = hm_merkle_leaf(hm_buf_bytes(&b));
    }
    for (unsigned level = 0, n = 77; n > 0; level++, n /= 2) {
        for (unsigned k = 0; k < n; k++) {
            struct hm_digest a;
            struct hm_digest b;
            for (int again = 0; again < 2; again++)
                T_OK(db_log_node(t->log, level, k, &a, why));
            T_OK(db_reader_node(r, level, k, &b, why));
            assert_memory_equal(&a, &row[k], sizeof a);
            assert_memory_equal(&b, &row[k], sizeof b);
        }
        struct hm_digest x;
        T_FAILS(HM_E_NOT_FOUND, db_log_node(t->log, level, n, &x, why));
        T_FAILS(HM_E_NOT_FOUND, db_reader_node(r, level, n, &x, why));
        for (unsigned k = 0; k < n / 2; k++)
            row[k] = hm_merkle_node(&row[2 * k], &row[2 * k + 1]);
    }
    struct hm_digest x;
    T_FAILS(HM_E_NOT_FOUND, db_log_node(t->log, 63, 0, &x, why));
    T_FAILS(HM_E_NOT_FOUND, db_log_node(t->log, 64, 0, &x, why));
    T_FAILS(HM_E_NOT_FOUND, db_log_node(t->log, 5, UINT64_MAX, &x, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_node(r, 64, UINT64_MAX, &x, why));
    db_reader_close(r);
}

static void test_proofs(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 130);
    struct hm_digest root = db_log_root(t->log);
    for (uint64_t i = 0; i < 130; i += 13) {
        struct hm_path p;
        struct hm_digest leaf;
        T_OK(db_log_node(t->log, 0, i, &leaf, why));
        T_OK(hm_merkle_inclusion(i, 130, db_log_node, t->log, &p, why));
        assert_int_equal(hm_merkle_check_inclusion(i, 130, &leaf, &p, &root), HM_OK);
        assert_int_not_equal(hm_merkle_check_inclusion(i + 1, 130, &leaf, &p, &root), HM_OK);
    }
}

static void test_pending_is_not_committed(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 3);
    struct hm_digest root = db_log_root(t->log);
    struct hm_digest x;
    T_OK(db_log_begin(t->log, why));
    struct hm_record r = t_record(9);
    T_OK(db_log_append(t->log, 5000, &r, NULL, nothing, why));
    assert_int_equal(r.idx, 3);
    assert_int_equal(db_log_size(t->log), 3);
    assert_int_equal(db_log_pending_size(t->log), 4);
    T_FAILS(HM_E_NOT_FOUND, db_log_node(t->log, 0, 3, &x, why));
    db_log_rollback(t->log);
    assert_int_equal(db_log_pending_size(t->log), 3);
    struct hm_digest again = db_log_root(t->log);
    assert_memory_equal(&root, &again, sizeof root);
    /* The frontier must be the old one, too: go on, and reopen, which verifies everything. */
    t_append(t->log, 6);
    t_reopen(t);
    assert_int_equal(db_log_size(t->log), 9);
}

static void test_time_never_falls(void **state)
{
    struct t_log *t = *state;
    static const uint64_t now[] = {5000, 4000, 0, 6000, 5999};
    static const uint64_t want[] = {5000, 5000, 5000, 6000, 6000};
    T_OK(db_log_begin(t->log, why));
    for (size_t i = 0; i < 5; i++) {
        struct hm_record r = t_record((unsigned)i);
        T_OK(db_log_append(t->log, now[i], &r, NULL, nothing, why));
        assert_int_equal(r.t_ms, want[i]);
    }
    T_OK(db_log_commit(t->log, why));
    assert_int_equal(db_log_last_t_ms(t->log), 6000);
    t_reopen(t);
    assert_int_equal(db_log_last_t_ms(t->log), 6000);
}

static void test_evidence(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO big = {0};
    memset(hm_buf_room(&big, 900000), 'x', 900000);
    const struct hm_bytes blobs[] = {hm_bytes_str("first"), hm_bytes_of("", 0), hm_buf_bytes(&big)};
    struct hm_record r = t_record(1);
    r.evidence_count = 3;
    for (size_t i = 0; i < 3; i++)
        r.evidence[i] = hm_sha256(blobs[i]);
    t_append(t->log, 2);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 9000, &r, blobs, nothing, why));
    T_OK(db_log_commit(t->log, why));
    struct db_reader *rd = NULL;
    T_OK(db_reader_open(t->d.path, &rd, why));
    for (unsigned i = 0; i < 3; i++) {
        HM_BUF_AUTO out = {0};
        T_OK(db_reader_evidence(rd, 2, i, 1000000, &out, why));
        assert_true(hm_bytes_eq(hm_buf_bytes(&out), blobs[i]));
    }
    HM_BUF_AUTO out = {0};
    T_FAILS(HM_E_LIMIT, db_reader_evidence(rd, 2, 2, 899999, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_evidence(rd, 2, 3, 100, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_evidence(rd, 2, UINT32_MAX, 100, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_evidence(rd, 1, 0, 100, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_evidence(rd, 3, 0, 100, &out, why));
    assert_int_equal(out.len, 0);
    db_reader_close(rd);
}

static void test_evidence_tampered(void **state)
{
    struct t_log *t = *state;
    const struct hm_bytes blob = hm_bytes_str("signed request");
    struct hm_record r = t_record(1);
    r.evidence_count = 1;
    r.evidence[0] = hm_sha256(blob);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 9000, &r, &blob, nothing, why));
    T_OK(db_log_commit(t->log, why));
    HM_BUF_AUTO out = {0};
    struct db_reader *rd = NULL;
    T_OK(db_reader_open(t->d.path, &rd, why));
    assert_int_equal(t_raw(t->d.path, "DROP TRIGGER evidence_no_update;"
                                      "UPDATE evidence SET bytes=x'00' WHERE ref=0"),
                     SQLITE_OK);
    T_FAILS(HM_E_SIGNATURE, db_reader_evidence(rd, 0, 0, 100, &out, why));
    assert_int_equal(
        t_raw(t->d.path, "DROP TRIGGER evidence_no_delete; DELETE FROM evidence WHERE ref=0"),
        SQLITE_OK);
    T_FAILS(HM_E_HISTORY, db_reader_evidence(rd, 0, 0, 100, &out, why));
    assert_int_equal(out.len, 0);
    db_reader_close(rd);
}

static void test_wrong_evidence_digest(void **state)
{
    struct t_log *t = *state;
    const struct hm_bytes blob = hm_bytes_str("b");
    struct hm_record r = t_record(1);
    r.evidence_count = 1;
    r.evidence[0] = t_digest("a");
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_INTERNAL, db_log_append(t->log, 9000, &r, &blob, nothing, why));
    r.evidence_count = HM_RECORD_EVIDENCE_MAX + 1;
    T_FAILS(HM_E_LIMIT, db_log_append(t->log, 9000, &r, &blob, nothing, why));
    assert_int_equal(db_log_pending_size(t->log), 0);
    T_OK(db_log_commit(t->log, why));
    assert_int_equal(db_log_size(t->log), 0);
}

static void test_detail(void **state)
{
    struct t_log *t = *state;
    const struct hm_bytes text = hm_bytes_str("{\"name\":\"Ada\"}");
    struct hm_record a = t_record(0);
    struct hm_record b = t_record(1);
    struct hm_record c = t_record(2);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &a, NULL, text, why));
    T_OK(db_log_append(t->log, 1, &b, NULL, text, why));
    T_OK(db_log_append(t->log, 1, &c, NULL, nothing, why));
    T_OK(db_log_commit(t->log, why));
    assert_true(a.has_detail && b.has_detail && !c.has_detail);
    assert_memory_not_equal(&a.detail, &b.detail, sizeof a.detail); /* salted */
    struct db_reader *rd = NULL;
    HM_BUF_AUTO out = {0};
    T_OK(db_reader_open(t->d.path, &rd, why));
    T_OK(db_reader_detail(rd, 1, &out, why));
    assert_true(hm_bytes_eq(hm_buf_bytes(&out), text));
    T_FAILS(HM_E_NOT_FOUND, db_reader_detail(rd, 2, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_detail(rd, 3, &out, why));
    assert_int_equal(t_raw(t->d.path, "UPDATE detail SET bytes=x'7b7d' WHERE idx=1"), SQLITE_OK);
    T_FAILS(HM_E_SIGNATURE, db_reader_detail(rd, 1, &out, why));
    db_reader_close(rd);
}

/* Erased detail is gone from the file's bytes, and the log still verifies. */
static void test_erase(void **state)
{
    struct t_log *t = *state;
    const struct hm_bytes text = hm_bytes_str("{\"name\":\"Grace Brewster Murray Hopper\"}");
    struct hm_record r = t_record(0);
    T_FAILS(HM_E_STATE, db_log_erase(t->log, 0, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, text, why));
    T_OK(db_log_commit(t->log, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_erase(t->log, 0, why));
    T_FAILS(HM_E_NOT_FOUND, db_log_erase(t->log, 0, why));
    T_FAILS(HM_E_NOT_FOUND, db_log_erase(t->log, 1, why));
    T_OK(db_log_commit(t->log, why));
    struct db_reader *rd = NULL;
    HM_BUF_AUTO out = {0};
    T_OK(db_reader_open(t->d.path, &rd, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_detail(rd, 0, &out, why));
    db_reader_close(rd);
    t_reopen(t); /* closing empties the WAL */
    char cmd[200];
    (void)snprintf(cmd, sizeof cmd, "grep -q 'Brewster' %s", t->d.path);
    assert_int_not_equal(system(cmd), 0);
}

static void test_detail_limit(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO big = {0};
    memset(hm_buf_room(&big, DB_LOG_DETAIL_MAX + 1), 'x', DB_LOG_DETAIL_MAX + 1);
    struct hm_record r = t_record(0);
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_LIMIT, db_log_append(t->log, 1, &r, NULL, hm_buf_bytes(&big), why));
    T_OK(db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_OK(db_log_commit(t->log, why));
    assert_int_equal(db_log_size(t->log), 1);
}

/* A record that does not fit leaves the transaction as it was. */
static void test_record_limit(void **state)
{
    struct t_log *t = *state;
    struct hm_record big = t_record(0);
    big.event = HM_EV_RELEASE_SIGNED;
    big.artifact_count = HM_ARTIFACTS_MAX;
    big.evidence_count = HM_RECORD_EVIDENCE_MAX;
    struct hm_bytes blobs[HM_RECORD_EVIDENCE_MAX];
    for (size_t i = 0; i < HM_RECORD_EVIDENCE_MAX; i++) {
        blobs[i] = hm_bytes_str("x");
        big.evidence[i] = hm_sha256(blobs[i]);
    }
    const struct hm_record copy = big;
    struct hm_record r = t_record(0);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_FAILS(HM_E_LIMIT, db_log_append(t->log, 1, &big, blobs, nothing, why));
    assert_int_equal(big.idx, copy.idx);
    T_OK(db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_OK(db_log_commit(t->log, why));
    t_reopen(t);
    assert_int_equal(db_log_size(t->log), 2);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM evidence"), 0);
}

static void test_malformed_record(void **state)
{
    struct t_log *t = *state;
    struct hm_record r = t_record(0);
    (void)snprintf(r.product, sizeof r.product, "not a name");
    T_OK(db_log_begin(t->log, why));
    assert_int_not_equal(db_log_append(t->log, 1, &r, NULL, nothing, NULL), HM_OK);
    assert_int_equal(db_log_pending_size(t->log), 0);
    db_log_rollback(t->log);
}

static void test_no_transaction(void **state)
{
    struct t_log *t = *state;
    struct hm_record r = t_record(0);
    T_FAILS(HM_E_STATE, db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_FAILS(HM_E_STATE, db_log_commit(t->log, why));
    db_log_rollback(t->log); /* harmless */
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_STATE, db_log_begin(t->log, why));
    T_OK(db_log_commit(t->log, why));
    T_FAILS(HM_E_STATE, db_log_commit(t->log, why));
}

/* Somebody else appends between two of our transactions: the commit must not go through. */
static void test_head_moved(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    assert_int_equal(t_raw(t->d.path, "BEGIN IMMEDIATE;"
                                      "INSERT INTO record VALUES(2, zeroblob(32), x'7b7d');"
                                      "UPDATE head SET size=3, leaf=zeroblob(32); COMMIT"),
                     SQLITE_OK);
    T_OK(db_log_begin(t->log, why));
    struct hm_record r = t_record(2);
    T_FAILS(HM_E_CONFLICT, db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_FAILS(HM_E_STATE, db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_FAILS(HM_E_STATE, db_log_commit(t->log, why));
    db_log_rollback(t->log);
    /* Without a record of ours, only the head shows it. */
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_meta_put(t->log, "a", hm_bytes_str("b"), why));
    T_FAILS(HM_E_CONFLICT, db_log_commit(t->log, why));
    T_FAILS(HM_E_CONFLICT, db_log_begin(t->log, why)); /* nothing more until it is opened again */
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM meta"), 0);
}

/* Same number of records, another history: only the comparison of the leaf hash sees it. */
static void test_head_swapped(void **state)
{
    struct t_log *t = *state;
    t_append(t->log, 2);
    assert_int_equal(t_raw(t->d.path, "UPDATE head SET leaf=zeroblob(32)"), SQLITE_OK);
    struct hm_record r = t_record(2);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, nothing, why));
    T_FAILS(HM_E_CONFLICT, db_log_commit(t->log, why));
    assert_int_equal(db_log_size(t->log), 2);
    assert_int_equal(t_raw_int(t->d.path, "SELECT count(*) FROM record"), 2);
}

static void test_busy(void **state)
{
    struct t_log *t = *state;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(t->d.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    T_FAILS(HM_E_UNAVAILABLE, db_log_begin(t->log, why));
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    t_append(t->log, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_empty),
        T(test_chain_and_tree),
        T(test_stop_and_bounds),
        T(test_gap),
        T(test_nodes),
        T(test_proofs),
        T(test_pending_is_not_committed),
        T(test_time_never_falls),
        T(test_evidence),
        T(test_evidence_tampered),
        T(test_wrong_evidence_digest),
        T(test_detail),
        T(test_erase),
        T(test_detail_limit),
        T(test_record_limit),
        T(test_malformed_record),
        T(test_no_transaction),
        T(test_head_moved),
        T(test_head_swapped),
        T(test_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
