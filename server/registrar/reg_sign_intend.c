/* Signing, on the sequencer: may this key be used? The intention says so before it is. */
#include "server/registrar/reg_signing_priv.h"

#include "policy/policy_verdict.h"
#include "server/registrar/reg_facts.h"

#include <stdio.h>
#include <string.h>

static enum hm_err refuse(struct reg_tx *tx, struct reg_signing *s, struct db_release *rel,
                          enum reg_problem problem, const char *outcome, const char *detail,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_SIGN_REFUSED, .evidence_count = 1};
    HM_BUF_AUTO verdict = {.limit = HM_RECORD_MAX};
    reg_about(&r, rel);
    enum hm_err err = policy_verdict_json(&s->verdict, &verdict, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes evidence[1] = {hm_buf_bytes(&verdict)};
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = s->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence,
                            .release = rel};
    return reg_refuse(tx, s->ask, &f, out, why);
}

static enum hm_err supersede(struct reg_tx *tx, struct reg_signing *s, struct db_release *rel,
                             struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_RELEASE_SUPERSEDED, .state = HM_RELEASE_SUPERSEDED};
    reg_about(&r, rel);
    enum hm_err err = reg_record(tx, s->ask, s->ask->caller.who->id, &r, NULL, out, why);
    if (err != HM_OK)
        return err;
    reg_no(out, REG_PROBLEM_SUPERSEDED,
           "a signature was begun for the same hardware with a higher sequence number than %llu",
           (unsigned long long)rel->sequence);
    rel->state = HM_RELEASE_SUPERSEDED;
    rel->last_idx = r.idx;
    err = db_state_release_update(tx->log, rel, why);
    return err == HM_OK ? reg_stored_put(tx, s->ask, out, why) : err;
}

static enum hm_err is_overtaken(struct reg_tx *tx, const struct reg_signing *s, bool *yes,
                                struct hm_why *why)
{
    const struct hm_uuid *classes = s->d->known->classes;
    size_t n = s->d->known->class_count;
    *yes = false;
    for (size_t i = 0; i < n && !*yes; i++) {
        uint64_t highest = 0;
        enum hm_err err = db_state_class_get(tx->log, &classes[i], &highest, why);
        if (err != HM_OK)
            return err;
        *yes = highest > s->d->submitted->sequence;
    }
    return HM_OK;
}

static enum hm_err mark_classes(struct reg_tx *tx, const struct reg_signing *s, struct hm_why *why)
{
    const struct hm_uuid *classes = s->d->known->classes;
    size_t n = s->d->known->class_count;
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < n && err == HM_OK; i++)
        err = db_state_class_put(tx->log, &classes[i], s->d->submitted->sequence, why);
    return err;
}

static enum hm_err evaluate(struct reg_tx *tx, struct reg_signing *s, struct hm_why *why)
{
    const struct reg_facts_signing in = {s->d, s->provenance, s->provenance_count};
    return reg_facts_signing(tx, &in, &s->verdict, why);
}

static enum hm_err keep(struct hm_buf *to, struct hm_bytes bytes)
{
    hm_buf_reset(to);
    hm_buf_put(to, bytes.data, bytes.len);
    return hm_buf_err(to);
}

static enum hm_err intend(struct reg_tx *tx, struct reg_signing *s, struct db_release *rel,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record *r = &s->intent;
    r->event = HM_EV_SIGN_INTENDED;
    r->state = HM_RELEASE_SIGNING;
    r->has_statement = true;
    r->statement = rel->statement;
    r->has_retry_of = rel->unknown != 0;
    r->retry_of = rel->unknown;
    reg_signing_describe(s, rel, r);
    enum hm_err err = reg_record(tx, s->ask, s->ask->caller.who->id, r, NULL, out, why);
    if (err == HM_OK)
        err = mark_classes(tx, s, why);
    if (err == HM_OK)
        err = keep(&s->intent_bytes, db_log_appended(tx->log));
    if (err != HM_OK)
        return err;
    rel->state = HM_RELEASE_SIGNING;
    rel->intent = r->idx;
    rel->last_idx = r->idx;
    s->intended = true;
    return db_state_release_update(tx->log, rel, why);
}

/* What stands in the way besides the policy; NONE if nothing does. */
static enum reg_problem obstacle(const struct reg_tx *tx, const struct reg_signing *s,
                                 const struct db_release *rel, const char **detail)
{
    struct hm_digest statement = hm_sha256(hm_buf_bytes(&s->d->known->statement));
    *detail = "";
    bool open = rel->state == HM_RELEASE_SUBMITTED || rel->state == HM_RELEASE_APPROVED;
    if (rel->state == HM_RELEASE_EXPIRED ||
        (open && rel->expires_s <= (int64_t)(tx->now_ms / 1000))) {
        *detail = "the release has expired";
        return REG_PROBLEM_EXPIRED;
    }
    if (!open) {
        *detail = "only an approved release can be signed";
        return REG_PROBLEM_STATE;
    }
    if (!hm_digest_eq(&statement, &rel->statement) ||
        !hm_digest_eq(&s->d->known->leaf, &rel->submitted_leaf) ||
        reg_world_store(tx->world, rel->environment) == NULL) {
        *detail = "the evidence in the log does not give the statement that was approved";
        return REG_PROBLEM_POLICY;
    }
    return REG_PROBLEM_NONE;
}

static enum hm_err judge(struct reg_tx *tx, struct reg_signing *s, struct db_release *rel,
                         struct reg_result *out, struct hm_why *why)
{
    const char *detail = "";
    bool overtaken = false;
    enum hm_err err = evaluate(tx, s, why);
    if (err != HM_OK)
        return err;
    enum reg_problem p = obstacle(tx, s, rel, &detail);
    if (p != REG_PROBLEM_NONE)
        return refuse(tx, s, rel, p, NULL, detail, out, why);
    err = is_overtaken(tx, s, &overtaken, why);
    if (err == HM_OK && overtaken)
        return supersede(tx, s, rel, out, why);
    if (err != HM_OK)
        return err;
    if (!s->verdict.allow)
        return refuse(tx, s, rel, REG_PROBLEM_POLICY, policy_first_failed(&s->verdict),
                      "the policy does not allow a signature", out, why);
    if (rel->state != HM_RELEASE_APPROVED)
        return refuse(tx, s, rel, REG_PROBLEM_STATE, NULL,
                      "the release changed while it was examined; ask again", out, why);
    return intend(tx, s, rel, out, why);
}

enum hm_err reg_signing_intend(struct reg_tx *tx, void *arg, struct reg_result *out,
                               struct hm_why *why)
{
    struct reg_signing *s = arg;
    struct db_release rel = {.state = HM_RELEASE_NONE};
    bool done = false;
    bool go = false;
    s->intended = false; /* an earlier try of this decision may have been rolled back */
    enum hm_err err = reg_stored_get(tx, s->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = reg_release_for(tx, s->ask, &rel, &go, out, why);
    if (err != HM_OK || done)
        return err;
    /* Asking twice is harmless, the same record answers. A repeated request named the state before
     * its own success: what it asked for is there, and that is no failed precondition (RFC 9110
     * §13.1.1). So a signature needs no stored answer. */
    if (rel.state == HM_RELEASE_SIGNED && (go || s->ask->idempotency[0] != '\0')) {
        out->problem = REG_PROBLEM_NONE;
        out->detail[0] = '\0';
        out->has_record = true;
        out->record = rel.signed_idx;
        return HM_OK;
    }
    return go ? judge(tx, s, &rel, out, why) : HM_OK;
}
