/* POST /v1/policy/proposals and /v1/policy/proposals/{index}/approvals: a new policy is proposed by
 * an administrator and approved by administrators of the policy in force. */
#include "server/registrar/reg_policy_proposal.h"

#include "schema/attest/hm_policy_statement.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"
#include "server/registrar/reg_policy_change.h"
#include "server/registrar/reg_roster.h"
#include "server/registrar/reg_who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct proposing {
    const struct reg_ask *ask;
    struct hm_bytes signed_proposal;
    struct hm_bytes document;
    const struct policy *examined; /* in force when the evidence was verified */
    const struct policy_principal *who;
    struct hm_policy_proposal said;
    struct hm_digest payload; /* of who signed what: replay is judged by it */
    bool lint_ok;
    struct hm_why lint;
};

static enum hm_err refuse_proposal(struct reg_tx *tx, const struct proposing *p,
                                   enum reg_problem problem, const char *outcome,
                                   const char *detail, struct reg_result *out, struct hm_why *why)
{
    uint64_t seen = 0;
    struct hm_record r = {.event = HM_EV_POLICY_REFUSED, .evidence_count = 2};
    struct hm_bytes evidence[2] = {p->signed_proposal, p->document};
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = p->who->id,
                            .record = &r,
                            .evidence = evidence};
    enum hm_err err = reg_refuse(tx, p->ask, &f, out, why);
    if (err == HM_OK && out->has_record)
        err =
            db_state_request_seen(tx->log, &p->payload, p->said.expires_s, out->record, &seen, why);
    return err;
}

/* Why this proposal is refused, or NONE. */
static enum reg_problem judge_proposal(const struct reg_tx *tx, const struct proposing *p,
                                       const char **outcome, const char **detail)
{
    int64_t now_s = (int64_t)(tx->now_ms / 1000);
    *outcome = NULL;
    if (policy_admin_count(tx->world->policy) == 0) {
        *detail = "the policy in force names no administration: only the root keys replace it";
        return REG_PROBLEM_FORBIDDEN;
    }
    if (!policy_is_administrator(tx->world->policy, p->who)) {
        *detail = "only an administrator of the policy in force proposes another one";
        return REG_PROBLEM_FORBIDDEN;
    }
    if (!hm_digest_eq(&p->said.in_force, policy_digest(tx->world->policy))) {
        *detail = "the proposal is to replace another policy than the one in force";
        return REG_PROBLEM_STATE;
    }
    if (hm_digest_eq(&p->said.policy, &p->said.in_force)) {
        *detail = "this policy is in force";
        return REG_PROBLEM_CONFLICT;
    }
    if (p->said.expires_s <= now_s) {
        *detail = "the proposal has expired";
        return REG_PROBLEM_EXPIRED;
    }
    if (p->lint_ok)
        return REG_PROBLEM_NONE;
    *outcome = "policy.lint";
    *detail = p->lint.text;
    return REG_PROBLEM_POLICY;
}

static enum hm_err record_proposal(struct reg_tx *tx, const struct proposing *p,
                                   struct reg_result *out, struct hm_why *why)
{
    uint64_t seen = 0;
    struct hm_record r = {.event = HM_EV_POLICY_PROPOSED,
                          .expires_s = (uint64_t)p->said.expires_s,
                          .evidence_count = 2};
    struct hm_bytes evidence[2] = {p->signed_proposal, p->document};
    enum hm_err err = db_state_request_seen(tx->log, &p->payload, p->said.expires_s,
                                            db_log_pending_size(tx->log), &seen, why);
    if (err == HM_OK)
        err = reg_record(tx, p->ask, p->who->id, &r, evidence, out, why);
    return err == HM_OK ? reg_stored_put(tx, p->ask, out, why) : err;
}

static enum hm_err decide_proposal(struct reg_tx *tx, void *arg, struct reg_result *out,
                                   struct hm_why *why)
{
    const struct proposing *p = arg;
    const char *outcome = NULL;
    const char *detail = "";
    uint64_t record = 0;
    bool done = false;
    enum hm_err err = reg_stored_get(tx, p->ask, out, &done, why);
    if (err != HM_OK || done || !reg_has_room(tx, out))
        return err;
    err = db_state_request_find(tx->log, &p->payload, &record, why);
    if (err == HM_OK) {
        reg_no(out, REG_PROBLEM_CONFLICT,
               "this very proposal was answered before by record %llu; sign a new one",
               (unsigned long long)record);
        return HM_OK;
    }
    if (err != HM_E_NOT_FOUND)
        return err;
    if (p->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "the policy in force changed while this was examined; ask again");
        return HM_OK;
    }
    if (p->said.expires_s > (int64_t)(tx->now_ms / 1000) + REG_PROPOSAL_AHEAD_S) {
        reg_no(out, REG_PROBLEM_MALFORMED, "expires: expected at most 90 days ahead");
        return HM_OK;
    }
    enum reg_problem problem = judge_proposal(tx, p, &outcome, &detail);
    return problem != REG_PROBLEM_NONE ? refuse_proposal(tx, p, problem, outcome, detail, out, why)
                                       : record_proposal(tx, p, out, why);
}

/* Whose signature it is; only then what it says. */
static enum hm_err read_proposal(struct reg_conn *c, struct proposing *p, struct hm_why *why)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    struct hm_key key;
    enum hm_err err = hm_signed_parse(p->signed_proposal, HM_SIGNED_MAX, &s, why);
    if (err != HM_OK)
        return err;
    const struct reg_who_input in = {.certs = c->desk->certs,
                                     .policy = p->examined,
                                     .memo = c->desk->memo,
                                     .s = &s,
                                     .document = p->signed_proposal,
                                     .kind = HM_SIGNED_POLICY_PROPOSAL,
                                     .hint = p->ask->caller.who->id,
                                     .at_s = hm_clock_unix_s()};
    err = reg_who_signed(&in, &p->who, &key, why);
    if (err == HM_OK)
        err = hm_policy_proposal_parse(hm_signed_payload(&s), &p->said, why);
    if (err != HM_OK)
        return err;
    struct hm_digest document = hm_sha256(p->document);
    p->payload = hm_sha256_3(hm_bytes_str(p->who->id), hm_bytes_str("\n"), hm_signed_payload(&s));
    if (strcmp(p->said.origin, c->desk->world->genesis.origin) != 0)
        return hm_fail(why, HM_E_SIGNATURE, "the signed proposal is for another log");
    if (!hm_digest_eq(&p->said.policy, &document))
        return hm_fail(
            why, HM_E_SIGNATURE,
            "the signed proposal is about another document than the one that came with it");
    return HM_OK;
}

/* Everything that a start with this policy would refuse. */
static bool lint(struct reg_conn *c, struct hm_bytes document, struct hm_why *why)
{
    struct policy *p = NULL;
    struct db_reader *reader;
    enum hm_err err = policy_load(document, &p, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = reg_roster_fits(reader, c->desk->world, p, why);
    policy_free(p);
    return err == HM_OK;
}

enum hm_err reg_policy_propose(struct reg_conn *c, const struct reg_ask *ask,
                               struct reg_result *out, struct hm_why *why)
{
    HM_JSON_AUTO *body = NULL;
    struct hm_json_in in;
    struct proposing p = {.ask = ask, .examined = c->desk->world->policy};
    enum hm_err err = hm_json_parse(ask->body, HM_JSON_OURS(HM_BODY_MAX), &body, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, body, "$", why);
    const char *proposal = hm_json_str(&in, "proposal");
    const char *document = hm_json_str(&in, "policy");
    err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    p.signed_proposal = hm_bytes_str(proposal);
    p.document = hm_bytes_str(document);
    if (p.signed_proposal.len > HM_SIGNED_MAX || p.document.len > HM_POLICY_MAX)
        return hm_fail(why, HM_E_LIMIT, "a signed proposal has at most %zu bytes, a policy %zu",
                       HM_SIGNED_MAX, HM_POLICY_MAX);
    err = read_proposal(c, &p, why);
    if (err != HM_OK)
        return err;
    p.lint_ok = lint(c, p.document, &p.lint);
    return reg_conn_decide(c, decide_proposal, &p, out, why);
}

/* --- an administrator's approval --- */

struct approving {
    const struct reg_ask *ask;
    const struct reg_proposal *proposal;
    const struct policy *examined;
    const struct policy_principal *who; /* NULL: the signature names nobody */
    struct hm_key key;
    enum reg_problem problem;
    struct hm_why detail;
};

static enum hm_err refuse_approval(struct reg_tx *tx, const struct approving *a,
                                   enum reg_problem problem, const char *detail,
                                   struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_POLICY_REFUSED,
                          .has_proposal = true,
                          .proposal = a->proposal->idx,
                          .evidence_count = 1};
    struct hm_bytes evidence[1] = {a->ask->body};
    struct reg_refusal f = {.problem = problem,
                            .detail = detail,
                            .actor = a->who != NULL ? a->who->id : a->ask->caller.who->id,
                            .record = &r,
                            .evidence = evidence};
    return reg_refuse(tx, a->ask, &f, out, why);
}

static enum hm_err record_approval(struct reg_tx *tx, const struct approving *a,
                                   struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_POLICY_APPROVED,
                          .has_proposal = true,
                          .proposal = a->proposal->idx,
                          .has_approver_key = true,
                          .approver_key = hm_key_id(&a->key),
                          .has_statement = true,
                          .statement = hm_sha256(hm_buf_bytes(&a->proposal->statement)),
                          .evidence_count = 1};
    struct hm_bytes evidence[1] = {a->ask->body};
    struct db_approval row = {.record = db_log_pending_size(tx->log), .key = r.approver_key};
    (void)snprintf(row.principal, sizeof row.principal, "%s", a->who->id);
    enum hm_err err = db_state_approval_insert(tx->log, a->proposal->idx, &row, why);
    if (err == HM_E_CONFLICT)
        return refuse_approval(tx, a, REG_PROBLEM_CONFLICT,
                               "this person, or this key, has approved the proposal already", out,
                               why);
    if (err == HM_OK)
        err = reg_record(tx, a->ask, a->who->id, &r, evidence, out, why);
    return err == HM_OK ? reg_stored_put(tx, a->ask, out, why) : err;
}

static enum hm_err decide_approval(struct reg_tx *tx, void *arg, struct reg_result *out,
                                   struct hm_why *why)
{
    const struct approving *a = arg;
    const char *detail = "";
    bool done = false;
    enum hm_err err = reg_stored_get(tx, a->ask, out, &done, why);
    if (err != HM_OK || done || !reg_has_room(tx, out))
        return err;
    if (a->problem != REG_PROBLEM_NONE)
        return refuse_approval(tx, a, a->problem, a->detail.text, out, why);
    enum reg_problem problem = reg_proposal_obstacle(tx, a->proposal, a->examined, &detail);
    if (problem == REG_PROBLEM_UNAVAILABLE) {
        reg_no(out, problem, "%s", detail);
        return HM_OK;
    }
    if (problem == REG_PROBLEM_NONE && !policy_is_administrator(a->examined, a->who)) {
        problem = REG_PROBLEM_FORBIDDEN;
        detail = "only an administrator of the policy in force approves another one";
    }
    return problem != REG_PROBLEM_NONE ? refuse_approval(tx, a, problem, detail, out, why)
                                       : record_approval(tx, a, out, why);
}

static void examine(struct reg_conn *c, const struct hm_signed *s, struct approving *a)
{
    struct reg_who_input in = {.certs = c->desk->certs,
                               .policy = a->examined,
                               .memo = c->desk->memo,
                               .s = s,
                               .document = a->ask->body,
                               .kind = HM_SIGNED_POLICY_APPROVAL,
                               .hint = a->ask->caller.who->id,
                               .at_s = hm_clock_unix_s()};
    enum hm_err err = reg_who_signed(&in, &a->who, &a->key, &a->detail);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(s), hm_buf_bytes(&a->proposal->statement)))
        err =
            hm_fail(&a->detail, HM_E_SIGNATURE,
                    "the signature holds, but over other bytes than the statement of proposal %llu",
                    (unsigned long long)a->proposal->idx);
    if (err != HM_OK)
        a->problem = REG_PROBLEM_SIGNATURE;
}

enum hm_err reg_policy_approve(struct reg_conn *c, const struct reg_ask *ask,
                               struct reg_result *out, struct hm_why *why)
{
    REG_PROPOSAL_AUTO proposal = {.statement = {.limit = HM_STATEMENT_MAX}};
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    struct approving a = {.ask = ask, .proposal = &proposal, .examined = c->desk->world->policy};
    if (ask->body.len > HM_SIGNED_MAX)
        return hm_fail(why, HM_E_LIMIT, "a signed approval has at most %zu bytes", HM_SIGNED_MAX);
    enum hm_err err = hm_signed_parse(ask->body, HM_SIGNED_MAX, &s, why);
    if (err == HM_OK)
        err = reg_proposal_read(c, ask->release, &proposal, why);
    if (err != HM_OK)
        return err;
    examine(c, &s, &a);
    return reg_conn_decide(c, decide_approval, &a, out, why);
}
