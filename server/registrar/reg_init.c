#include "server/registrar/reg_init.h"

#include "server/registrar/reg_guards.h"
#include "server/registrar/reg_policy_log.h"

#include "db/log/db_log.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum hm_err check_guards(const struct reg_config *c, const struct reg_world *w,
                                struct hm_why *why)
{
    struct hm_digest guards = hm_sha256(hm_buf_bytes(&w->guards_bytes));
    if (hm_digest_eq(&guards, &w->genesis.guards))
        return HM_OK;
    return hm_fail(why, HM_E_CONFIG, "%s: not the guards document that the genesis names",
                   c->guards);
}

static enum hm_err check_policy(const struct reg_config *c, const struct reg_world *w,
                                struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    if (hm_digest_eq(policy_digest(w->policy), &w->genesis.policy))
        return HM_OK;
    hm_digest_hex(policy_digest(w->policy), hex);
    return hm_fail(why, HM_E_CONFIG, "%s (sha256 %s) is not the policy that the genesis names",
                   c->policy, hex);
}

static enum hm_err append(struct db_log *log, struct hm_record *r, const struct hm_bytes *evidence,
                          struct hm_why *why)
{
    for (size_t i = 0; i < r->evidence_count; i++)
        r->evidence[i] = hm_sha256(evidence[i]);
    return db_log_append(log, (uint64_t)hm_clock_unix_ms(), r, evidence, hm_bytes_of(NULL, 0), why);
}

static enum hm_err append_all(struct db_log *log, const struct reg_world *w, struct hm_why *why)
{
    const struct hm_digest *policy = policy_digest(w->policy);
    struct hm_record created = {
        .event = HM_EV_LOG_CREATED, .has_policy = true, .policy = *policy, .evidence_count = 3};
    struct hm_bytes three[3] = {hm_buf_bytes(&w->genesis_bytes), hm_buf_bytes(&w->guards_bytes),
                                reg_policies_document(w->policies, w->policy)};
    struct hm_record activated = {.event = HM_EV_POLICY_ACTIVATED,
                                  .has_policy = true,
                                  .policy = *policy,
                                  .evidence_count = 1};
    enum hm_err err = append(log, &created, three, why);
    if (err == HM_OK)
        err = append(log, &activated, &three[2], why);
    for (size_t i = 0; err == HM_OK && i < w->store_count; i++) {
        struct hm_record published = {.event = HM_EV_TRUST_STORE_PUBLISHED,
                                      .has_policy = true,
                                      .policy = *policy,
                                      .store_epoch = w->stores[i].device.epoch,
                                      .evidence_count = 1};
        struct hm_bytes store = hm_buf_bytes(&w->stores[i].bytes);
        (void)snprintf(published.environment, sizeof published.environment, "%s",
                       w->stores[i].environment);
        err = append(log, &published, &store, why);
    }
    return err;
}

static enum hm_err fill(const struct reg_config *c, const struct reg_world *w, struct hm_why *why)
{
    struct db_log *log = NULL;
    enum hm_err err = db_log_open(c->database, w->genesis.origin, &log, why);
    if (err == HM_OK)
        err = db_log_begin(log, why);
    if (err == HM_OK) {
        err = append_all(log, w, why);
        if (err == HM_OK)
            err = db_log_commit(log, why);
        else
            db_log_rollback(log);
    }
    db_log_close(log);
    return err;
}

enum hm_err reg_init(const struct reg_config *c, const struct reg_world *w, struct hm_why *why)
{
    enum hm_err err = check_guards(c, w, why);
    if (err == HM_OK)
        err = check_policy(c, w, why);
    if (err == HM_OK && reg_world_fits(w, &w->guards, w->policy, why) != HM_OK) {
        hm_json_locate(why, c->policy, reg_policies_document(w->policies, w->policy));
        return HM_E_CONFIG;
    }
    if (err == HM_OK)
        err = db_log_create(c->database, w->genesis.origin, why);
    if (err == HM_OK)
        err = fill(c, w, why);
    return err;
}

static enum hm_err read_one(struct db_reader *r, uint64_t idx, enum hm_event event,
                            struct hm_record *out, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_reader_record(r, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), out, why);
    if (err == HM_OK && out->event != event)
        err = hm_fail(why, HM_E_HISTORY,
                      "record %llu is not %s; the log was not made by \"hallmark-registrar init\"",
                      (unsigned long long)idx, hm_event_name(event));
    return err;
}

enum hm_err reg_init_check(const struct reg_config *c, const struct reg_world *w,
                           struct hm_why *why)
{
    struct db_reader *r = NULL;
    struct hm_record zero;
    struct hm_record one;
    struct hm_digest genesis = hm_sha256(hm_buf_bytes(&w->genesis_bytes));
    enum hm_err err = db_reader_open(c->database, &r, why);
    if (err != HM_OK)
        return err;
    err = read_one(r, 0, HM_EV_LOG_CREATED, &zero, why);
    if (err == HM_OK)
        err = read_one(r, 1, HM_EV_POLICY_ACTIVATED, &one, why);
    if (err == HM_OK && (zero.evidence_count < 1 || !hm_digest_eq(&zero.evidence[0], &genesis)))
        err = hm_fail(why, HM_E_CONFIG, "%s is not the genesis document that this log stands on",
                      c->genesis);
    if (err == HM_OK)
        err = reg_guards_check_file(c, r, w, why);
    if (err == HM_OK)
        err = reg_policy_check_file(c, r, w, why);
    db_reader_close(r);
    return err == HM_OK ? reg_policy_resume(c, w, why) : err;
}
