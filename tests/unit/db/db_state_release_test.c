/* Decision state: releases and approvals, inside and outside of a transaction, with what they must
 * refuse. */
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

static void move(struct db_log *log, uint64_t id, enum hm_release_state to)
{
    struct db_release r;
    T_OK(db_state_release_get(log, id, &r, why));
    r.state = to;
    T_OK(db_log_begin(log, why));
    T_OK(db_state_release_update(log, &r, why));
    T_OK(db_log_commit(log, why));
}

static void test_release_round_trip(void **state)
{
    struct t_log *t = *state;
    struct db_release a = release(17, "1.0");
    struct db_release b;
    memset(a.product, 'p', HM_NAME_MAX);
    a.product[HM_NAME_MAX] = '\0';
    insert(t->log, &a);
    t_reopen(t);
    T_OK(db_state_release_get(t->log, 17, &b, why));
    assert_string_equal(a.product, b.product);
    assert_string_equal(a.version, b.version);
    assert_string_equal(a.channel, b.channel);
    assert_string_equal(a.environment, b.environment);
    assert_string_equal(a.submitter, b.submitter);
    assert_int_equal(a.state, b.state);
    assert_int_equal(a.version_tag, b.version_tag);
    assert_int_equal(a.sequence, b.sequence);
    assert_int_equal(a.expires_s, b.expires_s);
    assert_int_equal(a.last_idx, b.last_idx);
    assert_memory_equal(&a.submitted_leaf, &b.submitted_leaf, 4 * sizeof a.manifest);
}

static void test_release_refusals(void **state)
{
    struct t_log *t = *state;
    struct db_release r = release(17, "1.0");
    struct db_release out = {.id = 99};
    T_FAILS(HM_E_STATE, db_state_release_insert(t->log, &r, why));
    T_FAILS(HM_E_STATE, db_state_release_update(t->log, &r, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_release_get(t->log, 17, &out, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_release_get(t->log, UINT64_MAX, &out, why));
    assert_int_equal(out.id, 99);
    T_OK(db_log_begin(t->log, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_release_update(t->log, &r, why));
    T_OK(db_state_release_insert(t->log, &r, why));
    T_FAILS(HM_E_CONFLICT, db_state_release_insert(t->log, &r, why));
    r.state = HM_RELEASE_NONE;
    r.id = 18;
    T_FAILS(HM_E_INTERNAL, db_state_release_insert(t->log, &r, why));
    r.state = HM_RELEASE_SUBMITTED;
    r.id = UINT64_MAX;
    T_FAILS(HM_E_INTERNAL, db_state_release_insert(t->log, &r, why));
    db_log_rollback(t->log);
    T_FAILS(HM_E_NOT_FOUND, db_state_release_get(t->log, 17, &out, why));
}

static void test_release_update(void **state)
{
    struct t_log *t = *state;
    struct db_release r = release(17, "1.0");
    struct db_release old = r;
    insert(t->log, &r);
    r.state = HM_RELEASE_APPROVED;
    r.intent = 20;
    r.unknown = 21;
    r.signed_idx = 22;
    r.last_idx = 23;
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_release_update(t->log, &r, why));
    assert_int_equal(r.version_tag, 2);
    T_FAILS(HM_E_CONFLICT, db_state_release_update(t->log, &old, why)); /* read before the change */
    assert_int_equal(old.version_tag, 1);
    T_OK(db_log_commit(t->log, why));
    struct db_release b;
    T_OK(db_state_release_get(t->log, 17, &b, why));
    assert_int_equal(b.state, HM_RELEASE_APPROVED);
    assert_int_equal(b.version_tag, 2);
    assert_int_equal(b.intent, 20);
    assert_int_equal(b.unknown, 21);
    assert_int_equal(b.signed_idx, 22);
    assert_int_equal(b.last_idx, 23);
}

/* Every pair of states: the update goes through exactly where the table of transitions says so. */
static void test_transitions(void **state)
{
    struct t_log *t = *state;
    uint64_t id = 1;
    for (int from = 1; from < HM_RELEASE_STATE_COUNT; from++) {
        for (int to = 0; to < HM_RELEASE_STATE_COUNT; to++, id++) {
            struct db_release r = release(id, "1.0");
            r.state = (enum hm_release_state)from;
            insert(t->log, &r);
            r.state = (enum hm_release_state)to;
            T_OK(db_log_begin(t->log, why));
            if (from == to ||
                hm_release_may((enum hm_release_state)from, (enum hm_release_state)to))
                T_OK(db_state_release_update(t->log, &r, why));
            else
                T_FAILS(HM_E_STATE, db_state_release_update(t->log, &r, why));
            T_OK(db_log_commit(t->log, why));
        }
    }
}

static void test_by_version(void **state)
{
    struct t_log *t = *state;
    uint64_t id = 0;
    static const enum hm_release_state dead[] = {HM_RELEASE_REFUSED, HM_RELEASE_REJECTED,
                                                 HM_RELEASE_CANCELLED, HM_RELEASE_EXPIRED};
    for (size_t i = 0; i < 4; i++) {
        struct db_release r = release(10 + i, "1.0");
        r.state = dead[i];
        insert(t->log, &r);
        T_FAILS(HM_E_NOT_FOUND,
                db_state_release_by_version(t->log, "router", "1.0", "stable", &id, why));
    }
    struct db_release r = release(20, "1.0");
    insert(t->log, &r);
    T_OK(db_state_release_by_version(t->log, "router", "1.0", "stable", &id, why));
    assert_int_equal(id, 20);
    T_FAILS(HM_E_NOT_FOUND, db_state_release_by_version(t->log, "router", "1.0", "beta", &id, why));
    T_FAILS(HM_E_NOT_FOUND,
            db_state_release_by_version(t->log, "router", "1.1", "stable", &id, why));
    T_FAILS(HM_E_NOT_FOUND,
            db_state_release_by_version(t->log, "Router", "1.0", "stable", &id, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_release_by_version(t->log, "", "", "", &id, why));
    move(t->log, 20, HM_RELEASE_CANCELLED);
    T_FAILS(HM_E_NOT_FOUND,
            db_state_release_by_version(t->log, "router", "1.0", "stable", &id, why));
    struct db_release s = release(21, "1.0");
    insert(t->log, &s);
    move(t->log, 21, HM_RELEASE_SUPERSEDED); /* overtaken, but its name stays taken */
    T_OK(db_state_release_by_version(t->log, "router", "1.0", "stable", &id, why));
    assert_int_equal(id, 21);
}

static void test_signed_version(void **state)
{
    struct t_log *t = *state;
    uint64_t id = 0;
    struct db_release r = release(5, "1.0");
    insert(t->log, &r);
    T_FAILS(HM_E_NOT_FOUND, db_state_signed_version(t->log, "router", "1.0", &id, why));
    move(t->log, 5, HM_RELEASE_APPROVED);
    move(t->log, 5, HM_RELEASE_SIGNING);
    T_FAILS(HM_E_NOT_FOUND, db_state_signed_version(t->log, "router", "1.0", &id, why));
    move(t->log, 5, HM_RELEASE_SIGNED);
    T_OK(db_state_signed_version(t->log, "router", "1.0", &id, why));
    assert_int_equal(id, 5);
    T_FAILS(HM_E_NOT_FOUND, db_state_signed_version(t->log, "router", "1.0.0", &id, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_signed_version(t->log, "switch", "1.0", &id, why));
}

static void test_expired(void **state)
{
    struct t_log *t = *state;
    uint64_t ids[8] = {0};
    size_t count = 9;
    for (uint64_t i = 1; i <= 6; i++) {
        struct db_release r = release(i, "1.0");
        r.expires_s = (int64_t)(1000 - i);
        r.state = i == 2 ? HM_RELEASE_APPROVED : i == 3 ? HM_RELEASE_SIGNING : HM_RELEASE_SUBMITTED;
        r.state = i == 4 ? HM_RELEASE_REJECTED : r.state;
        insert(t->log, &r);
    }
    T_OK(db_state_expired(t->log, 993, ids, 8, &count, why));
    assert_int_equal(count, 0);
    T_OK(db_state_expired(t->log, 994, ids, 8, &count, why)); /* at its second */
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 6);
    T_OK(db_state_expired(t->log, 5000, ids, 8, &count,
                          why)); /* not the one that is signing, nor the dead one */
    assert_int_equal(count, 4);
    assert_true(ids[0] == 6 && ids[1] == 5 && ids[2] == 2 && ids[3] == 1);
    T_OK(db_state_expired(t->log, 5000, ids, 2, &count, why));
    assert_int_equal(count, 2);
    move(t->log, 6, HM_RELEASE_EXPIRED);
    T_OK(db_state_expired(t->log, 994, ids, 8, &count, why));
    assert_int_equal(count, 0);
    T_OK(db_state_expired(t->log, 5000, ids, 0, &count, why));
    assert_int_equal(count, 0);
}

static void test_signing(void **state)
{
    struct t_log *t = *state;
    uint64_t ids[8] = {0};
    size_t count = 9;
    T_OK(db_state_signing(t->log, 0, ids, 8, &count, why));
    assert_int_equal(count, 0);
    for (uint64_t i = 1; i <= 5; i++) {
        struct db_release r = release(i, "1.0");
        r.state = i % 2 == 1 ? HM_RELEASE_SIGNING : HM_RELEASE_APPROVED;
        insert(t->log, &r);
    }
    T_OK(db_state_signing(t->log, 0, ids, 2, &count, why));
    assert_true(count == 2 && ids[0] == 1 && ids[1] == 3);
    T_OK(db_state_signing(t->log, 3, ids, 2, &count, why));
    assert_true(count == 1 && ids[0] == 5);
    move(t->log, 5, HM_RELEASE_SIGNED);
    move(t->log, 3, HM_RELEASE_APPROVED); /* failed or unknown */
    T_OK(db_state_signing(t->log, 0, ids, 8, &count, why));
    assert_true(count == 1 && ids[0] == 1);
}

static struct db_approval approval(uint64_t record, const char *who, const char *key)
{
    struct db_approval a = {.record = record, .key = t_digest(key)};
    (void)snprintf(a.principal, sizeof a.principal, "%s", who);
    return a;
}

static void test_approvals(void **state)
{
    struct t_log *t = *state;
    struct db_approval out[HM_APPROVALS_MAX];
    size_t count = 9;
    struct db_approval a = approval(5, "ada", "k1");
    T_FAILS(HM_E_STATE, db_state_approval_insert(t->log, 1, &a, why));
    T_OK(db_state_approvals(t->log, 1, out, &count, why));
    assert_int_equal(count, 0);
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_approval_insert(t->log, 1, &a, why));
    struct db_approval same_person = approval(6, "ada", "k2");
    struct db_approval same_key = approval(6, "bob", "k1");
    struct db_approval same_record = approval(5, "cyd", "k3");
    struct db_approval other = approval(6, "bob", "k2");
    T_FAILS(HM_E_CONFLICT, db_state_approval_insert(t->log, 1, &a, why));
    T_FAILS(HM_E_CONFLICT, db_state_approval_insert(t->log, 1, &same_person, why));
    T_FAILS(HM_E_CONFLICT, db_state_approval_insert(t->log, 1, &same_key, why));
    T_FAILS(HM_E_CONFLICT, db_state_approval_insert(t->log, 1, &same_record, why));
    T_OK(db_state_approval_insert(t->log, 1, &other, why));
    T_OK(db_state_approval_insert(t->log, 2, &a, why)); /* another release */
    T_OK(db_log_commit(t->log, why));
    T_OK(db_state_approvals(t->log, 1, out, &count, why));
    assert_int_equal(count, 2);
    assert_string_equal(out[0].principal, "ada");
    assert_int_equal(out[0].record, 5);
    assert_string_equal(out[1].principal, "bob");
    struct hm_digest k2 = t_digest("k2");
    assert_memory_equal(&out[1].key, &k2, sizeof k2);
}

static void test_approvals_limit(void **state)
{
    struct t_log *t = *state;
    struct db_approval out[HM_APPROVALS_MAX];
    size_t count = 0;
    T_OK(db_log_begin(t->log, why));
    for (unsigned i = 0; i <= HM_APPROVALS_MAX; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "p%u", i);
        struct db_approval a = approval(i, who, who);
        if (i < HM_APPROVALS_MAX)
            T_OK(db_state_approval_insert(t->log, 1, &a, why));
        else
            T_FAILS(HM_E_LIMIT, db_state_approval_insert(t->log, 1, &a, why));
    }
    T_OK(db_log_commit(t->log, why));
    T_OK(db_state_approvals(t->log, 1, out, &count, why));
    assert_int_equal(count, HM_APPROVALS_MAX);
}

/* Readers see what is committed, and refuse damaged rows like the writer. */
static void test_readers(void **state)
{
    struct t_log *t = *state;
    struct db_reader *rd = NULL;
    struct db_release r = release(17, "1.0");
    struct db_release out = {.id = 99};
    struct db_approval list[HM_APPROVALS_MAX];
    struct db_approval a = approval(18, "ada", "k1");
    size_t count = 9;
    T_OK(db_reader_open(t->d.path, &rd, why));
    T_OK(db_log_begin(t->log, why));
    T_OK(db_state_release_insert(t->log, &r, why));
    T_OK(db_state_approval_insert(t->log, 17, &a, why));
    T_FAILS(HM_E_NOT_FOUND, db_reader_release(rd, 17, &out, why)); /* not committed yet */
    assert_int_equal(out.id, 99);
    T_OK(db_reader_approvals(rd, 17, list, &count, why));
    assert_int_equal(count, 0);
    T_OK(db_log_commit(t->log, why));
    T_OK(db_reader_release(rd, 17, &out, why));
    assert_string_equal(out.version, "1.0");
    assert_memory_equal(&out.policy, &r.policy, sizeof r.policy);
    T_OK(db_reader_approvals(rd, 17, list, &count, why));
    assert_int_equal(count, 1);
    assert_string_equal(list[0].principal, "ada");
    T_FAILS(HM_E_NOT_FOUND, db_reader_release(rd, UINT64_MAX, &out, why));
    assert_int_equal(t_raw(t->d.path, "UPDATE release SET manifest=x'00'"), SQLITE_OK);
    T_FAILS(HM_E_IO, db_reader_release(rd, 17, &out, why));
    assert_int_equal(t_raw(t->d.path, "UPDATE approval SET key=x'00'"), SQLITE_OK);
    T_FAILS(HM_E_IO, db_reader_approvals(rd, 17, list, &count, why));
    assert_int_equal(count, 1);
    db_reader_close(rd);
}

/* Releases of a log of version 1 are what they were: states, what is open, what is dead. */
static void test_of_version_1(void **state)
{
    struct t_log *t = *state;
    struct db_reader *rd = NULL;
    struct db_release out;
    uint64_t ids[4];
    uint64_t id = 0;
    size_t n = 0;
    for (uint64_t i = 1; i <= 4; i++) {
        char version[8];
        (void)snprintf(version, sizeof version, "%u.0", (unsigned)i);
        struct db_release r = release(i, version);
        r.expires_s = (int64_t)(1000 + i);
        insert(t->log, &r);
    }
    move(t->log, 2, HM_RELEASE_APPROVED);
    move(t->log, 2, HM_RELEASE_SIGNING);
    move(t->log, 3, HM_RELEASE_CANCELLED);
    db_log_close(t->log);
    t_to_version_1(t->d.path);
    T_OK(db_reader_open(t->d.path, &rd, why)); /* an old backup can be read */
    db_reader_close(rd);
    assert_int_equal(t_raw_int(t->d.path, "PRAGMA user_version"), 1);
    T_OK(db_log_open(t->d.path, T_ORIGIN, &t->log, why));
    assert_int_equal(t_raw_int(t->d.path, "PRAGMA user_version"), DB_LOG_SCHEMA_VERSION);
    T_OK(db_state_release_get(t->log, 2, &out, why));
    assert_int_equal(out.state, HM_RELEASE_SIGNING);
    assert_int_equal(out.version_tag, 3);
    assert_string_equal(out.product, "router");
    T_OK(db_state_signing(t->log, 0, ids, 4, &n, why));
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], 2);
    T_OK(db_state_expired(t->log, 2000, ids, 4, &n, why));
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 4);
    T_OK(db_state_release_by_version(t->log, "router", "2.0", "stable", &id, why));
    T_FAILS(HM_E_NOT_FOUND,
            db_state_release_by_version(t->log, "router", "3.0", "stable", &id, why));
    move(t->log, 2, HM_RELEASE_SIGNED);
    move(t->log, 4, HM_RELEASE_EXPIRED);
    t_reopen(t);
    T_OK(db_state_expired(t->log, 2000, ids, 4, &n, why));
    assert_int_equal(n, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_release_round_trip),
        T(test_release_refusals),
        T(test_release_update),
        T(test_transitions),
        T(test_by_version),
        T(test_signed_version),
        T(test_expired),
        T(test_signing),
        T(test_approvals),
        T(test_approvals_limit),
        T(test_readers),
        T(test_of_version_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
