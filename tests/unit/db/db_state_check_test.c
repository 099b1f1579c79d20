/* What is stored of releases against what the records say: every way through a release fits, and
 * each thing that was changed beside the records is found. */
#include "db_test_util.h"

static void step(struct db_log *log, struct db_release *rel, enum hm_event event,
                 enum hm_release_state state)
{
    struct hm_record r = t_record(1);
    r.event = event;
    r.state = state;
    r.has_release = true;
    T_OK(db_log_begin(log, why));
    r.release = rel->state == HM_RELEASE_NONE ? db_log_pending_size(log) : rel->id;
    memcpy(r.product, rel->product, sizeof r.product);
    memcpy(r.version, rel->version, sizeof r.version);
    memcpy(r.channel, rel->channel, sizeof r.channel);
    memcpy(r.environment, rel->environment, sizeof r.environment);
    memcpy(r.actor, rel->submitter, sizeof r.actor);
    r.sequence = event == HM_EV_RELEASE_SUBMITTED ? rel->sequence : 0;
    r.expires_s = event == HM_EV_RELEASE_SUBMITTED ? (uint64_t)rel->expires_s : 0;
    r.has_policy = true;
    r.policy = rel->policy;
    r.has_manifest = true;
    r.manifest = rel->manifest;
    T_OK(db_log_append(log, 1000 + db_log_pending_size(log), &r, NULL, hm_bytes_str(""), why));
    bool first = rel->state == HM_RELEASE_NONE;
    rel->id = r.release;
    rel->state = state != HM_RELEASE_NONE ? state : rel->state;
    rel->last_idx = r.idx;
    rel->intent = event == HM_EV_SIGN_INTENDED ? r.idx : 0;
    if (event == HM_EV_SIGN_UNKNOWN)
        rel->unknown = r.idx;
    if (event == HM_EV_RELEASE_SIGNED) {
        rel->signed_idx = r.idx;
        rel->unknown = 0;
    }
    T_OK(first ? db_state_release_insert(log, rel, why) : db_state_release_update(log, rel, why));
    T_OK(db_log_commit(log, why));
}

static struct db_release submit(struct db_log *log, const char *version)
{
    struct db_release r = {.sequence = db_log_size(log) + 1, .expires_s = 2000};
    (void)snprintf(r.product, sizeof r.product, "router");
    (void)snprintf(r.version, sizeof r.version, "%s", version);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    (void)snprintf(r.submitter, sizeof r.submitter, "ci");
    r.manifest = t_digest("manifest");
    r.policy = t_digest("policy");
    step(log, &r, HM_EV_RELEASE_SUBMITTED, HM_RELEASE_SUBMITTED);
    return r;
}

static void fill(struct db_log *log)
{
    struct db_release made = submit(log, "1.0");
    step(log, &made, HM_EV_APPROVAL_RECORDED, HM_RELEASE_APPROVED);
    struct db_release rejected = submit(log, "1.1");
    step(log, &rejected, HM_EV_RELEASE_REJECTED, HM_RELEASE_REJECTED);
    step(log, &made, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    step(log, &made, HM_EV_SIGN_UNKNOWN, HM_RELEASE_APPROVED);
    step(log, &made, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    step(log, &made, HM_EV_RELEASE_SIGNED, HM_RELEASE_SIGNED);
    struct db_release open = submit(log, "1.2");
    step(log, &open, HM_EV_SIGN_REFUSED, HM_RELEASE_NONE);
    struct db_release unknown = submit(log, "1.3");
    step(log, &unknown, HM_EV_APPROVAL_RECORDED, HM_RELEASE_APPROVED);
    step(log, &unknown, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    step(log, &unknown, HM_EV_SIGN_UNKNOWN, HM_RELEASE_APPROVED);
    struct db_release signing = submit(log, "1.4");
    step(log, &signing, HM_EV_APPROVAL_RECORDED, HM_RELEASE_APPROVED);
    step(log, &signing, HM_EV_SIGN_INTENDED, HM_RELEASE_SIGNING);
    t_append(log, 3); /* records about no release */
}

static void test_fits(void **state)
{
    struct t_log *t = *state;
    T_OK(db_state_check(t->d.path, why)); /* nothing yet */
    fill(t->log);
    T_OK(db_state_check(t->d.path, why));
    T_FAILS(HM_E_NOT_FOUND, db_state_check("/nonexistent/log.db", why));
}

/* Each in a log of its own. */
static void changed(struct t_log *t, const char *sql)
{
    db_log_close(t->log);
    t->log = NULL;
    assert_int_equal(t_raw(t->d.path, sql), SQLITE_OK);
    T_FAILS(HM_E_HISTORY, db_state_check(t->d.path, why));
    t_reopen(t);
}

static void test_changed(void **state)
{
    struct t_log *t = *state;
    static const char *const both[][2] = {
        {"UPDATE progress SET state=2 WHERE state=6", "UPDATE progress SET state=6 WHERE id=2"},
        {"UPDATE progress SET state=2 WHERE state=4", "UPDATE progress SET state=4 WHERE id=0"},
        {"UPDATE progress SET signed_idx=0 WHERE id=0",
         "UPDATE progress SET signed_idx=7 WHERE id=0"},
        {"UPDATE progress SET intent=intent-1 WHERE state=3",
         "UPDATE progress SET intent=intent+1 WHERE state=3"},
        {"UPDATE progress SET unknown=0 WHERE unknown>0",
         "UPDATE progress SET unknown=13 WHERE id=10"},
        {"UPDATE release SET channel='beta' WHERE id=2",
         "UPDATE release SET channel='stable' WHERE id=2"},
        {"UPDATE release SET environment='development' WHERE id=2",
         "UPDATE release SET environment='production' WHERE id=2"},
        {"UPDATE release SET expires_s=expires_s+1 WHERE id=2",
         "UPDATE release SET expires_s=expires_s-1 WHERE id=2"},
        {"UPDATE release SET sequence=sequence+1 WHERE id=2",
         "UPDATE release SET sequence=sequence-1 WHERE id=2"},
        {"UPDATE release SET policy=manifest WHERE id=2", NULL},
        {"DELETE FROM progress WHERE id=2", NULL},
    };
    fill(t->log);
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++) {
        changed(t, both[i][0]);
        if (both[i][1] == NULL)
            continue;
        db_log_close(t->log);
        t->log = NULL;
        assert_int_equal(t_raw(t->d.path, both[i][1]), SQLITE_OK);
        T_OK(db_state_check(t->d.path, why));
        t_reopen(t);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, t_log_setup, t_log_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {T(test_fits), T(test_changed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
