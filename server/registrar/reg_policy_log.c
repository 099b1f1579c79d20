#include "server/registrar/reg_policy_log.h"

#include "server/registrar/reg_roster.h"

#define GENESIS_ACTIVATION 1u /* the record that "init" writes behind it */

static enum hm_err read_record(struct db_reader *r, uint64_t idx, struct hm_record *out,
                               struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_reader_record(r, idx, &bytes, why);
    return err == HM_OK ? hm_record_parse(hm_buf_bytes(&bytes), out, why) : err;
}

/* The decision state only says where to look; the record must be what it is said to be. */
static enum hm_err locate(struct db_reader *r, const struct reg_world *w,
                          const struct hm_digest *digest, struct reg_activation *how,
                          struct hm_why *why)
{
    struct hm_record record;
    uint64_t idx = GENESIS_ACTIVATION;
    enum hm_err err = db_reader_policy(r, digest, &idx, why);
    if (err == HM_E_NOT_FOUND && hm_digest_eq(digest, &w->genesis.policy))
        err = HM_OK;
    if (err == HM_E_NOT_FOUND)
        return hm_fail(why, HM_E_NOT_FOUND, "this policy was never activated in this log");
    if (err == HM_OK)
        err = read_record(r, idx, &record, why);
    if (err != HM_OK)
        return err;
    if (record.event != HM_EV_POLICY_ACTIVATED || record.evidence_count < 1 ||
        !hm_digest_eq(&record.evidence[0], digest))
        return hm_fail(why, HM_E_HISTORY,
                       "record %llu did not activate the policy that is looked for",
                       (unsigned long long)idx);
    *how = (struct reg_activation){idx, record.has_proposal, record.proposal};
    return HM_OK;
}

static enum hm_err load(struct db_reader *r, const struct reg_world *w, uint64_t idx,
                        const struct policy **out, struct hm_why *why)
{
    HM_BUF_AUTO document = {.limit = HM_POLICY_MAX};
    enum hm_err err = db_reader_evidence(r, idx, 0, HM_POLICY_MAX, &document, why);
    if (err == HM_OK)
        err = reg_policies_add(w->policies, hm_buf_bytes(&document), out, why);
    return err == HM_OK ? HM_OK
                        : hm_fail_in(why, err, "policy of record %llu", (unsigned long long)idx);
}

enum hm_err reg_policy_fetch(struct db_reader *r, const struct reg_world *w,
                             const struct hm_digest *digest, const struct policy **out,
                             struct reg_activation *how, struct hm_why *why)
{
    struct reg_activation found;
    const struct policy *p = reg_policies_find(w->policies, digest);
    if (p != NULL && how == NULL) {
        *out = p;
        return HM_OK;
    }
    enum hm_err err = locate(r, w, digest, &found, why);
    if (err == HM_OK && p == NULL)
        err = load(r, w, found.record, &p, why);
    if (err != HM_OK)
        return err;
    *out = p;
    if (how != NULL)
        *how = found;
    return HM_OK;
}

enum hm_err reg_policy_check_file(const struct reg_config *c, struct db_reader *r,
                                  const struct reg_world *w, struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    const struct policy *p = NULL;
    struct reg_activation how;
    const struct hm_digest *digest = policy_digest(w->policy);
    enum hm_err err = reg_policy_fetch(r, w, digest, &p, &how, why);
    if (err != HM_E_NOT_FOUND)
        return err;
    hm_digest_hex(digest, hex);
    return hm_fail(why, HM_E_CONFIG,
                   "%s (sha256 %s) was never activated in this log; put back the policy that the "
                   "genesis names, or one that was activated since",
                   c->policy, hex);
}

static enum hm_err resume(struct db_reader *r, const struct reg_world *w, struct hm_why *why)
{
    struct hm_record last;
    struct reg_activation how;
    const struct policy *p = NULL;
    uint64_t size = 0;
    enum hm_err err = db_reader_size(r, &size, why);
    if (err == HM_OK && size <= GENESIS_ACTIVATION)
        err = hm_fail(why, HM_E_HISTORY, "the log holds no policy");
    if (err == HM_OK)
        err = read_record(r, size - 1, &last, why);
    if (err == HM_OK && !last.has_policy)
        err = hm_fail(why, HM_E_HISTORY, "record %llu does not say which policy is in force",
                      (unsigned long long)last.idx);
    if (err == HM_OK)
        err = reg_policy_fetch(r, w, &last.policy, &p, &how, why);
    if (err == HM_OK)
        err = reg_roster_holds(r, w, p, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "the policy in force");
    reg_policies_use(w->policies, p, how);
    reg_policies_settle(w->policies, true);
    return HM_OK;
}

enum hm_err reg_policy_resume(const struct reg_config *c, const struct reg_world *w,
                              struct hm_why *why)
{
    struct db_reader *r = NULL;
    enum hm_err err = db_reader_open(c->database, &r, why);
    if (err == HM_OK)
        err = resume(r, w, why);
    db_reader_close(r);
    return err;
}
