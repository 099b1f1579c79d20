/* POST /v1/releases/{id}/approvals. */
#include "server/registrar/reg_change.h"

#include "server/registrar/reg_facts.h"
#include "server/registrar/reg_who.h"

#include "schema/io/hm_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct approval {
    const struct reg_ask *ask;
    const struct reg_dossier *dossier;
    const struct policy_principal *who; /* NULL: the signature names nobody */
    struct hm_key key;
    enum reg_problem problem; /* what the stateless checks found wrong; NONE: nothing */
    char detail[HM_WHY_MAX];
};

static enum hm_err refuse(struct reg_tx *tx, const struct approval *a, struct db_release *rel,
                          enum reg_problem problem, const char *outcome, const char *detail,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_APPROVAL_REFUSED, .evidence_count = 1};
    struct hm_bytes evidence[1] = {a->ask->body};
    reg_about(&r, rel);
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = a->who != NULL ? a->who->id : a->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence,
                            .release = rel};
    return reg_refuse(tx, a->ask, &f, out, why);
}

/* Why this person may not approve, or NULL. An approval before its stage would never count, and
 * nobody approves twice: it is refused, so that the person can come back. */
static const char *not_allowed(const struct approval *a, const struct policy_quorum *q,
                               const char **outcome)
{
    const struct policy_rule *rule = a->dossier->known->rule;
    *outcome = "approvals.count";
    if (rule->approvals == 0)
        return "this release needs no approval";
    if (!policy_rule_asks(rule, POLICY_ANY_STAGE, a->who))
        return "the approver is not in the group that the rule names";
    if (rule->user_verification && !a->key.verify_user)
        return "the rule asks for an approval by a key that verifies its user";
    *outcome = "approvals.submitter";
    if (strcmp(a->dossier->submitted->actor, a->who->id) == 0)
        return "the submitter never approves";
    *outcome = "approvals.count";
    return !q->stands && !policy_rule_asks(rule, q->stage, a->who)
               ? "an earlier stage of the approvals has to stand first, or this one is over"
               : NULL;
}

struct approved {
    struct db_approval all[HM_APPROVALS_MAX]; /* in order of record */
    size_t all_count;
    struct db_approval list[HM_APPROVALS_MAX]; /* the ones that are not void */
    size_t count;
    struct policy_quorum quorum; /* of these */
};

/* The rule that the policy in force has for this release; NULL if none. */
static const struct policy_rule *rule_in_force(const struct reg_tx *tx, const struct reg_dossier *d)
{
    const struct policy_subject subject = reg_known_subject(d->known);
    return policy_match(tx->world->policy, &subject);
}

/* Void is what was signed by a key that the policy in force has taken away, or by somebody whom it
 * asks no more: it would not count at signing, so it must not keep others from approving. */
static bool is_void(const struct reg_tx *tx, const struct policy_rule *rule, const char *who,
                    const struct hm_digest *key)
{
    const struct policy_principal *p = policy_principal(tx->world->policy, who);
    const struct hm_key *held = policy_approval_key(tx->world->policy, who, key);
    if (p == NULL || (p->roles & POLICY_ROLE_APPROVER) == 0 || held == NULL)
        return true;
    return rule != NULL && (!policy_rule_asks(rule, POLICY_ANY_STAGE, p) ||
                            (rule->user_verification && !held->verify_user));
}

static void leave_out_void(const struct reg_tx *tx, const struct approval *a, struct approved *out)
{
    const struct policy_rule *rule = rule_in_force(tx, a->dossier);
    bool same = a->dossier->known->policy == tx->world->policy;
    for (size_t i = 0; i < out->all_count; i++)
        if (same || !is_void(tx, rule, out->all[i].principal, &out->all[i].key))
            out->list[out->count++] = out->all[i];
}

/* The approvals so far. */
static enum hm_err read_approved(struct reg_tx *tx, const struct approval *a, struct approved *out,
                                 struct hm_why *why)
{
    enum hm_err err = db_state_approvals(tx->log, a->dossier->id, out->all, &out->all_count, why);
    if (err != HM_OK)
        return err;
    leave_out_void(tx, a, out);
    return reg_facts_quorum(tx, a->dossier, out->list, out->count, &out->quorum, why);
}

static enum hm_err record(struct reg_tx *tx, const struct approval *a, struct db_release *rel,
                          struct approved *so_far, struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_APPROVAL_RECORDED,
                          .evidence_count = 1,
                          .has_approver_key = true,
                          .has_statement = true,
                          .has_manifest = true,
                          .manifest = rel->manifest,
                          .statement = rel->statement};
    struct hm_bytes evidence[1] = {a->ask->body};
    struct db_approval *row =
        &so_far->list[so_far->count]; /* judge() has seen that there is room */
    reg_about(&r, rel);
    r.approver_key = hm_key_id(&a->key);
    *row = (struct db_approval){.record = db_log_pending_size(tx->log), .key = r.approver_key};
    (void)snprintf(row->principal, sizeof row->principal, "%s", a->who->id);
    enum hm_err err =
        reg_facts_quorum(tx, a->dossier, so_far->list, so_far->count + 1, &so_far->quorum, why);
    if (err != HM_OK)
        return err;
    r.state = so_far->quorum.stands || rel->state == HM_RELEASE_APPROVED ? HM_RELEASE_APPROVED
                                                                         : HM_RELEASE_SUBMITTED;
    err = db_state_approval_insert(tx->log, rel->id, row, why);
    if (err == HM_E_CONFLICT)
        return refuse(tx, a, rel, REG_PROBLEM_CONFLICT, NULL,
                      "this person, or this key, has approved the release already", out, why);
    if (err == HM_OK)
        err = reg_record(tx, a->ask, a->who->id, &r, evidence, out, why);
    if (err != HM_OK)
        return err;
    rel->state = r.state;
    rel->last_idx = r.idx;
    err = db_state_release_update(tx->log, rel, why);
    return err == HM_OK ? reg_stored_put(tx, a->ask, out, why) : err;
}

/* A release that was approved takes further approvals only where the quorum does not stand any
 * more, since what it is held against has changed. */
static bool is_open(const struct db_release *rel, const struct approved *so_far)
{
    return (rel->state == HM_RELEASE_SUBMITTED ||
            (rel->state == HM_RELEASE_APPROVED && !so_far->quorum.stands)) &&
           so_far->all_count < HM_APPROVALS_MAX;
}

static enum hm_err judge(struct reg_tx *tx, const struct approval *a, struct db_release *rel,
                         struct reg_result *out, struct hm_why *why)
{
    struct approved so_far = {.all_count = 0};
    char text[160];
    const char *outcome = NULL;
    if (a->problem != REG_PROBLEM_NONE)
        return refuse(tx, a, rel, a->problem, NULL, a->detail, out, why);
    enum hm_err err = read_approved(tx, a, &so_far, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < so_far.all_count; i++)
        if (strcmp(so_far.all[i].principal, a->who->id) == 0)
            return refuse(tx, a, rel, REG_PROBLEM_CONFLICT, NULL,
                          "this person has approved the release already", out, why);
    const char *no = not_allowed(a, &so_far.quorum, &outcome);
    if (no != NULL)
        return refuse(tx, a, rel, REG_PROBLEM_POLICY, outcome, no, out, why);
    struct hm_digest key = hm_key_id(&a->key);
    if (is_void(tx, rule_in_force(tx, a->dossier), a->who->id, &key))
        return refuse(tx, a, rel, REG_PROBLEM_POLICY, "approvals.count",
                      "the policy in force asks this person, or this key, no more", out, why);
    if (rel->expires_s <= (int64_t)(tx->now_ms / 1000))
        return refuse(tx, a, rel, REG_PROBLEM_EXPIRED, NULL, "the approval statement has expired",
                      out, why);
    if (!is_open(rel, &so_far)) {
        (void)snprintf(text, sizeof text, "the release is %s; only a submitted one takes approvals",
                       hm_release_state_name(rel->state));
        return refuse(tx, a, rel, REG_PROBLEM_STATE, NULL, text, out, why);
    }
    return record(tx, a, rel, &so_far, out, why);
}

static enum hm_err decide(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct approval *a = arg;
    struct db_release rel;
    bool done = false;
    bool go = false;
    enum hm_err err = reg_stored_get(tx, a->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = reg_release_for(tx, a->ask, &rel, &go, out, why);
    return err == HM_OK && go ? judge(tx, a, &rel, out, why) : err;
}

/* Signature first; then the bytes must be the statement of this very release. */
static void examine(struct reg_conn *c, const struct hm_signed *s, struct approval *a)
{
    struct hm_why why = {""};
    struct reg_who_input in = {.certs = c->desk->certs,
                               .policy = a->dossier->known->policy,
                               .memo = c->desk->memo,
                               .s = s,
                               .document = a->ask->body,
                               .kind = HM_SIGNED_APPROVAL,
                               .hint = a->ask->caller.who->id,
                               .at_s = hm_clock_unix_s()};
    enum hm_err err = reg_who_signed(&in, &a->who, &a->key, &why);
    if (err == HM_OK &&
        !hm_bytes_eq(hm_signed_payload(s), hm_buf_bytes(&a->dossier->known->statement)))
        err =
            hm_fail(&why, HM_E_SIGNATURE,
                    "the signature holds, but over other bytes than the statement of release r%llu",
                    (unsigned long long)a->dossier->id);
    if (err == HM_OK)
        return;
    a->problem = REG_PROBLEM_SIGNATURE;
    (void)snprintf(a->detail, sizeof a->detail, "%s", why.text);
}

enum hm_err reg_approve(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                        struct hm_why *why)
{
    REG_DOSSIER_AUTO *d = NULL;
    struct hm_signed s;
    if (ask->body.len > HM_SIGNED_MAX)
        return hm_fail(why, HM_E_LIMIT, "a signed approval has at most %zu bytes", HM_SIGNED_MAX);
    enum hm_err err = hm_signed_parse(ask->body, HM_SIGNED_MAX, &s, why);
    if (err != HM_OK)
        return err;
    err = reg_dossier_open(c, ask->release, &d, why);
    if (err == HM_OK) {
        struct approval a = {.ask = ask, .dossier = d};
        examine(c, &s, &a);
        err = reg_conn_decide(c, decide, &a, out, why);
    }
    hm_signed_free(&s);
    return err;
}
