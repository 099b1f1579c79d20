/* POST /v1/releases/{id}/rejection and /cancellation. */
#include "server/registrar/reg_change.h"

#include "schema/attest/hm_decision.h"
#include "schema/io/hm_clock.h"
#include "server/registrar/reg_dossier.h"
#include "server/registrar/reg_who.h"

#include <stdio.h>
#include <string.h>

struct decision {
    const struct reg_ask *ask;
    const struct reg_dossier *dossier;
    enum hm_signed_kind kind;
    enum hm_release_state target;
    const struct policy *examined;       /* in force when the signature was looked at */
    const struct policy_principal *who;  /* by the policy of submission, or else by that one; NULL:
                                            the signature names nobody */
    const struct policy_principal *then; /* by the policy of submission */
    const struct policy_principal *now;  /* by the examined one */
    enum reg_problem problem;
    char detail[HM_WHY_MAX];
};

static enum hm_err refuse(struct reg_tx *tx, const struct decision *d, struct db_release *rel,
                          enum reg_problem problem, const char *detail, struct reg_result *out,
                          struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_REQUEST_REFUSED, .evidence_count = 1};
    struct hm_bytes evidence[1] = {d->ask->body};
    reg_about(&r, rel);
    struct reg_refusal f = {.problem = problem,
                            .detail = detail,
                            .actor = d->who != NULL ? d->who->id : d->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence,
                            .release = rel};
    return reg_refuse(tx, d->ask, &f, out, why);
}

/* Somebody whom the policy in force has taken the role or the key from ends nothing; whoever it
 * gives a veto may use it, also on what was submitted before. */
static bool may(const struct decision *d)
{
    const struct reg_known *k = d->dossier->known;
    const struct hm_record *r = d->dossier->submitted;
    const struct policy_subject subject = reg_known_subject(k);
    const struct policy_rule *now = policy_match(d->examined, &subject);
    if (d->kind == HM_SIGNED_CANCELLATION && d->then != NULL && strcmp(r->actor, d->then->id) == 0)
        return true;
    if (d->now == NULL || (d->now->roles & POLICY_ROLE_APPROVER) == 0)
        return false;
    if (now != NULL && policy_rule_may_reject(now, d->now))
        return true;
    return d->then != NULL && strcmp(d->then->id, d->now->id) == 0 &&
           policy_rule_may_reject(k->rule, d->then);
}

static enum hm_err record(struct reg_tx *tx, const struct decision *d, struct db_release *rel,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {
        .event =
            d->target == HM_RELEASE_REJECTED ? HM_EV_RELEASE_REJECTED : HM_EV_RELEASE_CANCELLED,
        .state = d->target,
        .evidence_count = 1,
    };
    struct hm_bytes evidence[1] = {d->ask->body};
    reg_about(&r, rel);
    enum hm_err err = reg_record(tx, d->ask, d->who->id, &r, evidence, out, why);
    if (err != HM_OK)
        return err;
    rel->state = d->target;
    rel->last_idx = r.idx;
    err = db_state_release_update(tx->log, rel, why);
    return err == HM_OK ? reg_stored_put(tx, d->ask, out, why) : err;
}

static enum hm_err decide(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct decision *d = arg;
    struct db_release rel;
    bool done = false;
    bool go = false;
    char text[160];
    enum hm_err err = reg_stored_get(tx, d->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = reg_release_for(tx, d->ask, &rel, &go, out, why);
    if (err != HM_OK || !go)
        return err;
    if (d->problem != REG_PROBLEM_NONE)
        return refuse(tx, d, &rel, d->problem, d->detail, out, why);
    if (d->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "the policy in force changed while this was examined; ask again");
        return HM_OK;
    }
    if (!may(d))
        return refuse(
            tx, d, &rel, REG_PROBLEM_FORBIDDEN,
            "only an approver of the rule, somebody who may veto or, to cancel, the submitter "
            "may do this",
            out, why);
    if (hm_release_may(rel.state, d->target))
        return record(tx, d, &rel, out, why);
    (void)snprintf(text, sizeof text, "the release is %s", hm_release_state_name(rel.state));
    return refuse(tx, d, &rel,
                  rel.state == HM_RELEASE_SIGNING ? REG_PROBLEM_PRECONDITION : REG_PROBLEM_STATE,
                  text, out, why);
}

static enum hm_err check_statement(const struct reg_dossier *dossier, const struct hm_signed *s,
                                   enum hm_signed_kind kind, const char *origin, struct hm_why *why)
{
    struct hm_decision said;
    enum hm_err err = hm_decision_parse(hm_signed_payload(s), kind, &said, why);
    if (err != HM_OK)
        return err;
    if (strcmp(said.origin, origin) != 0 || said.release != dossier->id ||
        !hm_digest_eq(&said.submitted, &dossier->known->leaf))
        return hm_fail(why, HM_E_SIGNATURE,
                       "the signed statement is about another release or another log");
    return HM_OK;
}

static void examine(struct reg_conn *c, const struct hm_signed *s, struct decision *d)
{
    struct hm_why why = {""};
    struct hm_key key;
    d->examined = c->desk->world->policy;
    struct reg_who_input in = {.certs = c->desk->certs,
                               .policy = d->dossier->known->policy,
                               .memo = c->desk->memo,
                               .s = s,
                               .document = d->ask->body,
                               .kind = d->kind,
                               .hint = d->ask->caller.who->id,
                               .at_s = hm_clock_unix_s()};
    enum hm_err err = reg_who_signed(&in, &d->then, &key, &why);
    in.policy = d->examined;
    if (d->examined == d->dossier->known->policy)
        d->now = d->then;
    else if (reg_who_signed(&in, &d->now, &key, NULL) == HM_OK)
        err = HM_OK;
    d->who = d->then != NULL ? d->then : d->now;
    if (err == HM_OK)
        err = check_statement(d->dossier, s, d->kind, c->desk->world->genesis.origin, &why);
    if (err == HM_OK)
        return;
    d->problem = REG_PROBLEM_SIGNATURE;
    (void)snprintf(d->detail, sizeof d->detail, "%s", why.text);
}

static enum hm_err run(struct reg_conn *c, const struct reg_ask *ask, enum hm_signed_kind kind,
                       enum hm_release_state target, struct reg_result *out, struct hm_why *why)
{
    REG_DOSSIER_AUTO *dossier = NULL;
    struct hm_signed s;
    enum hm_err err = hm_signed_parse(ask->body, HM_SIGNED_MAX, &s, why);
    if (err != HM_OK)
        return err;
    err = reg_dossier_open(c, ask->release, &dossier, why);
    if (err == HM_OK) {
        struct decision d = {.ask = ask, .dossier = dossier, .kind = kind, .target = target};
        examine(c, &s, &d);
        err = reg_conn_decide(c, decide, &d, out, why);
    }
    hm_signed_free(&s);
    return err;
}

enum hm_err reg_reject(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                       struct hm_why *why)
{
    return run(c, ask, HM_SIGNED_REJECTION, HM_RELEASE_REJECTED, out, why);
}

enum hm_err reg_cancel(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                       struct hm_why *why)
{
    return run(c, ask, HM_SIGNED_CANCELLATION, HM_RELEASE_CANCELLED, out, why);
}
