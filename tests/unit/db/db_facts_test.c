/* What policies ask about earlier releases: kept with the records, in their transaction, and made
 * for logs of before. */
#include "db/log/db_facts.h"

#include "db_test_util.h"

static struct hm_record signed_record(uint64_t release, const char *channel, const char *key)
{
    struct hm_record r = {.event = HM_EV_RELEASE_SIGNED, .has_release = true, .release = release};
    (void)snprintf(r.product, sizeof r.product, "router");
    (void)snprintf(r.version, sizeof r.version, "1.%llu", (unsigned long long)release);
    (void)snprintf(r.channel, sizeof r.channel, "%s", channel);
    (void)snprintf(r.environment, sizeof r.environment, "%s",
                   strcmp(channel, "beta") == 0 ? "staging" : "production");
    (void)snprintf(r.outcome, sizeof r.outcome, "ok");
    r.state = HM_RELEASE_SIGNED;
    r.sequence = release;
    r.store_epoch = 1;
    r.has_manifest = r.has_policy = r.has_intent = true;
    r.manifest = t_digest("manifest");
    r.policy = t_digest("policy");
    r.artifact_count = 1;
    r.artifacts[0] = t_digest("artifact");
    r.key_count = 1;
    r.keys[0].spki = t_digest(key);
    r.keys[0].tbs = t_digest("tbs");
    (void)snprintf(r.keys[0].mechanism, sizeof r.keys[0].mechanism, "ESP256");
    return r;
}

/* A release that was signed at t_ms. */
static void sign(struct db_log *log, uint64_t id, const char *channel, const char *key,
                 uint64_t t_ms)
{
    struct hm_record r = signed_record(id, channel, key);
    if (log->committed.frontier.size == 0)
        t_append(log, 1); /* record 0 is never a signature */
    struct db_release row = {.id = id, .state = HM_RELEASE_SIGNED, .sequence = id};
    memcpy(row.product, r.product, sizeof row.product);
    memcpy(row.version, r.version, sizeof row.version);
    memcpy(row.channel, r.channel, sizeof row.channel);
    memcpy(row.environment, r.environment, sizeof row.environment);
    (void)snprintf(row.submitter, sizeof row.submitter, "ci");
    T_OK(db_log_begin(log, why));
    T_OK(db_log_append(log, t_ms, &r, NULL, hm_bytes_of(NULL, 0), why));
    row.signed_idx = r.idx;
    row.last_idx = r.idx;
    T_OK(db_state_release_insert(log, &row, why));
    T_OK(db_state_artifact_put(log, &r.artifacts[0], id, why));
    T_OK(db_log_commit(log, why));
}

static void test_last(void **state)
{
    struct t_log *t = *state;
    uint64_t id = 99;
    T_FAILS(HM_E_NOT_FOUND, db_facts_last(t->log, "router", "stable", &id, why));
    assert_int_equal(id, 99);
    sign(t->log, 1001, "stable", "k", 1000);
    sign(t->log, 1000, "stable", "k", 2000); /* signed later, though submitted before */
    sign(t->log, 1002, "beta", "k", 3000);
    T_OK(db_facts_last(t->log, "router", "stable", &id, why));
    assert_int_equal(id, 1000);
    T_OK(db_facts_last(t->log, "router", "beta", &id, why));
    assert_int_equal(id, 1002);
    T_FAILS(HM_E_NOT_FOUND, db_facts_last(t->log, "router", "Stable", &id, why));
    T_FAILS(HM_E_NOT_FOUND, db_facts_last(t->log, "rout", "stable", &id, why));
}

static void test_signed_at(void **state)
{
    struct t_log *t = *state;
    struct hm_digest k = t_digest("k");
    struct hm_digest other = t_digest("other");
    int64_t at[4] = {-1, -1, -1, -1};
    size_t n = 9;
    sign(t->log, 1001, "stable", "k", 10000);
    sign(t->log, 1002, "stable", "other", 20000);
    sign(t->log, 1003, "stable", "k", 30999);
    sign(t->log, 1004, "stable", "k", 30999);
    T_OK(db_facts_signed_at(t->log, &k, 9, 4, at, &n, why));
    assert_int_equal(n, 3);
    assert_true(at[0] == 30 && at[1] == 30 && at[2] == 10);
    T_OK(db_facts_signed_at(t->log, &k, 10, 4, at, &n, why));
    assert_int_equal(n, 2);
    T_OK(db_facts_signed_at(t->log, &k, -1, 1, at, &n, why));
    assert_int_equal(n, 1);
    T_OK(db_facts_signed_at(t->log, &other, 20, 4, at, &n, why));
    assert_int_equal(n, 0);
}

static void test_earlier(void **state)
{
    struct t_log *t = *state;
    struct hm_digest a = t_digest("artifact");
    struct hm_digest b = t_digest("another");
    uint64_t ids[DB_FACTS_EARLIER_MAX];
    size_t n = 9;
    sign(t->log, 1001, "stable", "k", 1000);
    sign(t->log, 1002, "beta", "k", 2000);
    sign(t->log, 1003, "beta", "k", 3000);
    T_OK(db_facts_earlier(t->log, &a, "staging", ids, &n, why));
    assert_int_equal(n, 2);
    assert_true(ids[0] == 1002 && ids[1] == 1003);
    T_OK(db_facts_earlier(t->log, &a, "production", ids, &n, why));
    assert_int_equal(n, 1);
    T_OK(db_facts_earlier(t->log, &a, "development", ids, &n, why));
    assert_int_equal(n, 0);
    T_OK(db_facts_earlier(t->log, &b, "staging", ids, &n, why));
    assert_int_equal(n, 0);
}

static void test_earlier_are_bounded(void **state)
{
    struct t_log *t = *state;
    struct hm_digest a = t_digest("artifact");
    uint64_t ids[DB_FACTS_EARLIER_MAX];
    size_t n = 0;
    for (uint64_t i = 0; i < DB_FACTS_EARLIER_MAX + 5; i++)
        sign(t->log, 1000 + i, "beta", "k", 1000);
    T_OK(db_facts_earlier(t->log, &a, "staging", ids, &n, why));
    assert_int_equal(n, DB_FACTS_EARLIER_MAX);
    assert_true(ids[0] == 1000); /* the oldest: they have soaked longest */
}

static void test_bytes(void **state)
{
    struct t_log *t = *state;
    HM_BUF_AUTO bytes = {0};
    struct hm_record r;
    sign(t->log, 1001, "stable", "k", 1000);
    T_OK(db_facts_record(t->log, 1, &bytes, why));
    T_OK(hm_record_parse(hm_buf_bytes(&bytes), &r, why));
    assert_int_equal(r.event, HM_EV_RELEASE_SIGNED);
    T_FAILS(HM_E_HISTORY, db_facts_record(t->log, 2, &bytes, why));
    T_FAILS(HM_E_HISTORY, db_facts_evidence(t->log, 1, 0, &bytes, why));
}

/* What is not committed was never signed. */
static void test_rolled_back(void **state)
{
    struct t_log *t = *state;
    struct hm_record r = signed_record(1001, "stable", "k");
    struct hm_digest k = t_digest("k");
    uint64_t id = 0;
    int64_t at[1];
    size_t n = 9;
    T_OK(db_log_begin(t->log, why));
    T_OK(db_log_append(t->log, 1000, &r, NULL, hm_bytes_of(NULL, 0), why));
    T_OK(db_facts_last(t->log, "router", "stable", &id, why));
    db_log_rollback(t->log);
    T_FAILS(HM_E_NOT_FOUND, db_facts_last(t->log, "router", "stable", &id, why));
    T_OK(db_facts_signed_at(t->log, &k, -1, 1, at, &n, why));
    assert_int_equal(n, 0);
}

/* A log of before has no such tables; they come with the next opening, with what is still known. */
static void test_log_of_before(void **state)
{
    struct t_log *t = *state;
    uint64_t id = 0;
    sign(t->log, 1001, "stable", "k", 1000);
    sign(t->log, 1002, "stable", "k", 2000);
    db_log_close(t->log);
    t_to_version_1(t->d.path);
    assert_int_equal(
        t_raw(t->d.path, "DROP TABLE latest; DROP TABLE signed; DROP TABLE artifact_again"),
        SQLITE_OK);
    T_OK(db_log_open(t->d.path, T_ORIGIN, &t->log, why));
    T_OK(db_facts_last(t->log, "router", "stable", &id, why));
    assert_int_equal(id, 1002);
    t_reopen(t);
    sign(t->log, 1003, "stable", "k", 3000);
    T_OK(db_facts_last(t->log, "router", "stable", &id, why));
    assert_int_equal(id, 1003);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_last),  T(test_signed_at),   T(test_earlier),       T(test_earlier_are_bounded),
        T(test_bytes), T(test_rolled_back), T(test_log_of_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
