/* Decision state: artifacts, classes, sequence numbers, requests, answers, named values, inside and
 * outside of a transaction, with what they must refuse. */
#include "db_test_util.h"

static struct db_release release(uint64_t id, const char *version)
{
    struct db_release r = {.id = id,
                           .state = HM_RELEASE_SUBMITTED,
                           .version_tag = 1,
                           .sequence = id,
                           .expires_s = 1000};
    (void)snprintf(r.product, sizeof r.product, "router");
    (void)snprintf(r.version, sizeof r.version, "%s", version);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    (void)snprintf(r.submitter, sizeof r.submitter, "ci");
    r.submitted_leaf = t_digest("leaf");
    r.manifest = t_digest("manifest");
    r.statement = t_digest("statement");
    r.policy = t_digest("policy");
    r.last_idx = id;
    return r;
}

static void insert(struct db_log *log, struct db_release *r)
{
    T_OK(db_log_begin(log, why));
    T_OK(db_state_release_insert(log, r, why));
    T_OK(db_log_commit(log, why));
}

static void test_artifacts(void **state)
{
    struct t_log *t = *state;
    char product[HM_NAME_MAX + 1] = "untouched";
    char version[HM_NAME_MAX + 1] = "untouched";
    struct hm_digest a = t_digest("artifact");
    struct hm_digest b = t_digest("another");
    struct db_release r1 = release(1, "1.0");
    struct db_release r2 = release(2, "2.0");
    insert(t->log, &r1);
    insert(t->log, &r2);
    T_FAILS(HM_E_NOT_FOUND, db_state_artifact_get(t->log, &a, product, version, why));
    assert_string_equal(product, "untouched");
    T_FAILS(HM_E_STATE, db_state_artifact_put(t->log, &a, 1, why));
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_artifact_put(t->log, &a, 3, why));
    T_OK(db_state_artifact_put(t->log, &a, 1, why));
    T_OK(db_state_artifact_put(t->log, &a, 2, why)); /* the first one stays */
    T_OK(db_log_commit(t->log, why));
    T_OK(db_state_artifact_get(t->log, &a, product, version, why));
    assert_string_equal(product, "router");
    assert_string_equal(version, "1.0");
    T_FAILS(HM_E_NOT_FOUND, db_state_artifact_get(t->log, &b, product, version, why));
}

static void test_classes(void **state)
{
    struct t_log *t = *state;
    const struct hm_uuid a = {{1}};
    const struct hm_uuid b = {{2}};
    uint64_t seq = 9;
    T_FAILS(HM_E_STATE, db_state_class_put(t->log, &a, 1, why));
    T_OK(db_state_class_get(t->log, &a, &seq, why));
    assert_int_equal(seq, 0);
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_INTERNAL, db_state_class_put(t->log, &a, 0, why));
    T_FAILS(HM_E_INTERNAL, db_state_class_put(t->log, &a, UINT64_MAX, why));
    T_OK(db_state_class_put(t->log, &a, 7, why));
    T_OK(db_state_class_put(t->log, &a, 5, why)); /* the highest stays */
    T_OK(db_log_commit(t->log, why));
    T_OK(db_state_class_get(t->log, &a, &seq, why));
    assert_int_equal(seq, 7);
    T_OK(db_state_class_get(t->log, &b, &seq, why));
    assert_int_equal(seq, 0);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_class_put(t->log, &a, 8, why));
    db_log_rollback(t->log);
    T_OK(db_state_class_get(t->log, &a, &seq, why));
    assert_int_equal(seq, 7);
}

static void test_sequence(void **state)
{
    struct t_log *t = *state;
    uint64_t n = 0;
    T_FAILS(HM_E_STATE, db_state_next_sequence(t->log, &n, why));
    T_OK(db_log_begin(t->log, why));
    for (uint64_t want = 1; want <= 3; want++) {
        T_OK(db_state_next_sequence(t->log, &n, why));
        assert_int_equal(n, want);
    }
    T_OK(db_log_commit(t->log, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_next_sequence(t->log, &n, why));
    db_log_rollback(t->log);
    t_reopen(t);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_next_sequence(t->log, &n, why));
    assert_int_equal(n, 4);
    T_OK(db_log_commit(t->log, why));
}

static void test_requests(void **state)
{
    struct t_log *t = *state;
    struct hm_digest a = t_digest("request");
    struct hm_digest b = t_digest("other");
    uint64_t seen = 7;
    T_FAILS(HM_E_STATE, db_state_request_seen(t->log, &a, 100, 1, &seen, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_request_seen(t->log, &a, 100, 41, &seen, why));
    assert_int_equal(seen, 7);
    T_FAILS(HM_E_CONFLICT, db_state_request_seen(t->log, &a, 100, 42, &seen, why));
    assert_int_equal(seen, 41);
    T_FAILS(HM_E_CONFLICT, db_state_request_seen(t->log, &a, 200, 42, NULL, why));
    T_OK(db_state_request_seen(t->log, &b, 50, 43, &seen, why));
    T_OK(db_log_commit(t->log, why));
    T_FAILS(HM_E_STATE, db_state_forget(t->log, 0, 60, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_forget(t->log, 0, 50, why)); /* expires at 50: not before it */
    T_FAILS(HM_E_CONFLICT, db_state_request_seen(t->log, &b, 50, 44, &seen, why));
    T_OK(db_state_forget(t->log, 0, 51, why));
    T_OK(db_state_request_seen(t->log, &b, 50, 44, &seen, why));
    T_FAILS(HM_E_CONFLICT, db_state_request_seen(t->log, &a, 100, 44, &seen, why));
    T_OK(db_log_commit(t->log, why));
}

static void test_answers(void **state)
{
    struct t_log *t = *state;
    struct hm_digest k1 = t_digest("k1");
    struct hm_digest k2 = t_digest("k2");
    struct db_answer a = {
        .body = t_digest("body"), .status = 201, .release = 5, .record = 6, .at_s = 1000};
    struct db_answer none = {.body = t_digest("x"),
                             .status = 403,
                             .release = UINT64_MAX,
                             .record = UINT64_MAX,
                             .at_s = 2000};
    struct db_answer out = {.status = 1};
    T_FAILS(HM_E_STATE, db_state_answer_put(t->log, &k1, &a, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_answer_get(t->log, &k1, &out, why));
    assert_int_equal(out.status, 1);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_answer_put(t->log, &k1, &a, why));
    T_FAILS(HM_E_CONFLICT, db_state_answer_put(t->log, &k1, &none, why));
    T_OK(db_state_answer_put(t->log, &k2, &none, why));
    T_OK(db_log_commit(t->log, why));
    T_OK(db_state_answer_get(t->log, &k1, &out, why));
    assert_memory_equal(&out.body, &a.body, sizeof a.body);
    assert_true(out.status == 201 && out.release == 5 && out.record == 6 && out.at_s == 1000);
    T_OK(db_state_answer_get(t->log, &k2, &out, why));
    assert_true(out.status == 403 && out.release == UINT64_MAX && out.record == UINT64_MAX);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_forget(t->log, 1001, 0, why));
    T_OK(db_log_commit(t->log, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_answer_get(t->log, &k1, &out, why));
    T_OK(db_state_answer_get(t->log, &k2, &out, why));
}

static void test_meta(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO out = {0};
    HM_BUF_AUTO big = {0};
    char name[HM_NAME_MAX + 2];
    memset(name, 'n', sizeof name);
    name[HM_NAME_MAX + 1] = '\0';
    memset(hm_buf_room(&big, DB_LOG_DETAIL_MAX + 1), 'x', DB_LOG_DETAIL_MAX + 1);
    T_FAILS(HM_E_STATE, db_state_meta_put(t->log, "policy", hm_bytes_str("v"), why));
    T_FAILS(HM_E_NOT_FOUND, db_state_meta_get(t->log, "policy", &out, why));
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_LIMIT, db_state_meta_put(t->log, "", hm_bytes_str("v"), why));
    T_FAILS(HM_E_LIMIT, db_state_meta_put(t->log, name, hm_bytes_str("v"), why));
    T_FAILS(HM_E_LIMIT, db_state_meta_put(t->log, "policy", hm_buf_bytes(&big), why));
    T_OK(db_state_meta_put(t->log, "policy", hm_bytes_str("one"), why));
    T_OK(db_state_meta_put(t->log, "policy", hm_bytes_str("two"), why));
    T_OK(db_state_meta_put(t->log, "empty", hm_bytes_of(NULL, 0), why));
    T_OK(db_log_commit(t->log, why));
    t_reopen(t);
    T_OK(db_state_meta_get(t->log, "policy", &out, why));
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&out), "two"));
    hm_buf_reset(&out);
    T_OK(db_state_meta_get(t->log, "empty", &out, why));
    assert_int_equal(out.len, 0);
    struct hm_buf small = {.limit = 2};
    T_FAILS(HM_E_LIMIT, db_state_meta_get(t->log, "policy", &small, why));
    hm_buf_free(&small);
}

/* State is committed and rolled back with the records. */
static void test_together(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO out = {0};
    struct hm_record r = t_record(0);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
    T_OK(db_state_meta_put(t->log, "a", hm_bytes_str("b"), why));
    T_OK(db_state_meta_get(t->log, "a", &out, why)); /* visible inside */
    db_log_rollback(t->log);
    T_FAILS(HM_E_NOT_FOUND, db_state_meta_get(t->log, "a", &out, why));
    assert_int_equal(db_log_size(t->log), 0);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1, &r, NULL, hm_bytes_of(NULL, 0), why));
    T_OK(db_state_meta_put(t->log, "a", hm_bytes_str("b"), why));
    T_OK(db_log_commit(t->log, why));
    t_reopen(t);
    T_OK(db_state_meta_get(t->log, "a", &out, why));
    assert_int_equal(db_log_size(t->log), 1);
}

/* Rows that this program cannot have written are refused, not believed. */
static void test_damaged_rows(void **state)
{
    struct t_log *t = *state;
    struct db_release r = release(1, "1.0");
    struct db_release out;
    struct db_answer a;
    struct hm_digest k = t_digest("k");
    insert(t->log, &r);
    static const char *const sql[] = {
        "UPDATE progress SET state=0",
        "UPDATE progress SET state=10",
        "UPDATE progress SET state=1; UPDATE release SET manifest=x'00'",
        "UPDATE release SET manifest=zeroblob(33)",
        "UPDATE release SET manifest=zeroblob(32), product=printf('%.65c', 'x')",
    };
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++) {
        assert_int_equal(t_raw(t->d.path, sql[i]), SQLITE_OK);
        T_FAILS(HM_E_IO, db_state_release_get(t->log, 1, &out, why));
    }
    struct db_answer put = {.status = 200};
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_answer_put(t->log, &k, &put, why));
    T_OK(db_log_commit(t->log, why));
    assert_int_equal(t_raw(t->d.path, "UPDATE answer SET body=x''"), SQLITE_OK);
    T_FAILS(HM_E_IO, db_state_answer_get(t->log, &k, &a, why));
}

/* No statement of the writer scans a table: its cost must not grow with the log. */
static void test_plans(void **state)
{
    struct t_log *t = *state;
    static const unsigned small[] = {LOG_HEAD, LOG_HEAD_SWAP};
    T_OK(db_log_guard(t->log, false, why));
    for (unsigned i = LOG_HEAD; i < LOG_STMT_COUNT; i++) {
        sqlite3_stmt *st = NULL;
        char sql[1024];
        if (i == small[0] || i == small[1])
            continue;
        (void)snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", db_log_text[i]);
        assert_int_equal(sqlite3_prepare_v2(t->log->sql.db, sql, -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(st, 3);
            bool one_step = i == LOG_CHECKPOINT_LAST ||
                            i == LOG_COSIGNED_LAST; /* "SCAN" in key order, LIMIT 1 */
            if (strncmp(plan, "SCAN", 4) == 0 && strcmp(plan, "SCAN CONSTANT ROW") != 0 &&
                !one_step)
                fail_msg("%s: %s", db_log_text[i], plan);
        }
        (void)sqlite3_finalize(st);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_artifacts), T(test_classes),      T(test_sequence),
        T(test_requests),  T(test_answers),      T(test_meta),
        T(test_together),  T(test_damaged_rows), T(test_plans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
