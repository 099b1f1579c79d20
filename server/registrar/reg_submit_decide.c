/* Submission, on the sequencer: may it be a release? Then it gets its number and its manifest. */
#include "server/registrar/reg_submitting_priv.h"

#include "server/registrar/reg_facts.h"
#include "server/registrar/reg_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_AHEAD_S 86400 /* a request may expire at most this far ahead */

static void describe(const struct reg_submission *s, struct hm_record *r)
{
    const struct hm_request *q = &s->claim->request;
    memcpy(r->product, q->product, sizeof r->product);
    memcpy(r->version, q->version, sizeof r->version);
    memcpy(r->channel, q->channel, sizeof r->channel);
    r->artifact_count = q->artifact_count;
    for (size_t i = 0; i < q->artifact_count; i++)
        r->artifacts[i] = q->artifacts[i].digest;
}

/* From now on this very request is answered by that record. */
static enum hm_err remember_request(struct reg_tx *tx, const struct reg_submission *s,
                                    uint64_t record, struct hm_why *why)
{
    uint64_t seen = 0;
    return db_state_request_seen(tx->log, &s->claim->request_payload, s->claim->request.expires_s,
                                 record, &seen, why);
}

static enum hm_err refuse(struct reg_tx *tx, const struct reg_submission *s,
                          enum reg_problem problem, const char *outcome, const char *detail,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {
        .event = HM_EV_RELEASE_REFUSED, .state = HM_RELEASE_REFUSED, .evidence_count = 2};
    HM_BUF_AUTO verdict = {.limit = HM_RECORD_MAX};
    describe(s, &r);
    enum hm_err err = policy_verdict_json(&s->verdict, &verdict, why);
    if (err != HM_OK)
        return err;
    struct hm_bytes evidence[3] = {s->request};
    size_t n = 1;
    if (s->claim->token.used)
        evidence[n++] = hm_buf_bytes(&s->claim->token.jwk);
    evidence[n++] = hm_buf_bytes(&verdict);
    r.evidence_count = n;
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = s->claim->submitter->id,
                            .record = &r,
                            .evidence = evidence};
    err = reg_refuse(tx, s->ask, &f, out, why);
    if (err == HM_OK && out->has_record)
        err = remember_request(tx, s, out->record, why);
    return err == HM_OK && out->has_record ? reg_token_spend(tx, &s->claim->token, out->record, why)
                                           : err;
}

static void add_finding(struct policy_verdict *v, const char *check, const char *required,
                        const char *found)
{
    v->allow = false;
    if (v->finding_count >= POLICY_FINDINGS_MAX)
        return;
    struct policy_finding *f = &v->findings[v->finding_count++];
    f->check = check;
    f->ok = false;
    (void)snprintf(f->required, sizeof f->required, "%s", required);
    (void)snprintf(f->found, sizeof f->found, "%s", found);
}

static enum hm_err check_dependencies(struct reg_tx *tx, struct reg_submission *s,
                                      struct hm_why *why)
{
    for (size_t i = 0; i < s->claim->request.dependency_count; i++) {
        const struct hm_dependency *d = &s->claim->request.dependencies[i];
        char what[2 * HM_NAME_MAX + 32];
        uint64_t id = 0;
        enum hm_err err = db_state_signed_version(tx->log, d->product, d->version, &id, why);
        if (err != HM_OK && err != HM_E_NOT_FOUND)
            return err;
        if (err == HM_OK)
            continue;
        (void)snprintf(what, sizeof what, "%s %s", d->product, d->version);
        add_finding(&s->verdict, "dependency.signed", "every dependency was signed by this log",
                    what);
    }
    return HM_OK;
}

/* A release that no device could take is refused before people spend time on it. */
static void check_classes(struct reg_tx *tx, struct reg_submission *s)
{
    struct hm_uuid classes[HM_CLASSES_MAX];
    size_t n = reg_format_classes(tx->world, &s->claim->request, classes);
    const struct reg_trust_store *store =
        reg_world_store(tx->world, s->verdict.matched->environment);
    for (size_t i = 0; i < n; i++) {
        struct hmd_bytes kids;
        uint64_t count;
        uint64_t threshold;
        if (store != NULL &&
            hmd_store_rule(&store->device, classes[i].b, &kids, &count, &threshold))
            continue;
        add_finding(&s->verdict, "device.class",
                    "every hardware class stands in the trust store of its environment",
                    store == NULL ? "no trust store of that environment"
                                  : "a class that the trust store does not list");
        return;
    }
}

static enum hm_err evaluate(struct reg_tx *tx, struct reg_submission *s, struct hm_why *why)
{
    struct hm_digest artifacts[HM_ARTIFACTS_MAX];
    struct policy_facts facts;
    struct reg_priors priors;
    reg_claim_facts(s->claim, POLICY_AT_SUBMISSION, artifacts, &facts);
    facts.submitted_s = (int64_t)(tx->now_ms / 1000);
    enum hm_err err = reg_priors_get(tx, &facts, &priors, why);
    if (err != HM_OK)
        return err;
    err = reg_facts_evaluate(tx, tx->world->policy, &facts, &s->verdict, why);
    if (err != HM_OK)
        return err;
    if (s->verdict.matched != NULL)
        check_classes(tx, s);
    return check_dependencies(tx, s, why);
}

/* The release's row, and what the next requests about it need to know. */
static enum hm_err insert_release(struct reg_tx *tx, struct reg_submission *s,
                                  const struct hm_record *r, struct hm_bytes manifest,
                                  struct hm_why *why)
{
    struct db_release rel = {.id = r->idx,
                             .state = r->state,
                             .sequence = r->sequence,
                             .expires_s = (int64_t)r->expires_s,
                             .submitted_leaf = hm_merkle_leaf(db_log_appended(tx->log)),
                             .manifest = r->manifest,
                             .policy = r->policy,
                             .last_idx = r->idx};
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX};
    enum hm_err err = reg_statement(tx->world->genesis.origin, r, &rel.submitted_leaf,
                                    &s->claim->request, &s->verdict, &statement, why);
    if (err != HM_OK)
        return err;
    const struct reg_outcome o = {.world = tx->world,
                                  .submitted = r,
                                  .leaf = &rel.submitted_leaf,
                                  .policy = tx->world->policy,
                                  .rule = s->verdict.matched,
                                  .claim = s->claim,
                                  .manifest = manifest,
                                  .statement = hm_buf_bytes(&statement)};
    err = reg_known_make(&o, &s->known, why);
    if (err != HM_OK)
        return err;
    rel.statement = hm_sha256(hm_buf_bytes(&statement));
    memcpy(rel.product, r->product, sizeof rel.product);
    memcpy(rel.version, r->version, sizeof rel.version);
    memcpy(rel.channel, r->channel, sizeof rel.channel);
    memcpy(rel.environment, r->environment, sizeof rel.environment);
    memcpy(rel.submitter, r->actor, sizeof rel.submitter);
    return db_state_release_insert(tx->log, &rel, why);
}

/* What each key will sign over the manifest. */
static enum hm_err fill_keys(const struct reg_submission *s, struct hm_bytes manifest,
                             struct hm_record *r)
{
    const struct policy_rule *rule = s->verdict.matched;
    r->key_count = rule->key_count;
    for (size_t i = 0; i < rule->key_count; i++) {
        HM_BUF_AUTO tbs = {.limit = 4096};
        struct hm_record_key *k = &r->keys[i];
        reg_format_suit()->tbs(manifest, &rule->keys[i]->key, &tbs);
        if (hm_buf_err(&tbs) != HM_OK)
            return hm_buf_err(&tbs);
        k->spki = rule->keys[i]->key_id;
        k->tbs = hm_sha256(hm_buf_bytes(&tbs));
        (void)snprintf(k->mechanism, sizeof k->mechanism, "%s",
                       hm_key_mechanism(&rule->keys[i]->key));
        (void)snprintf(k->token, sizeof k->token, "%s", s->tokens[i]);
    }
    return HM_OK;
}

/* The manifest, what the key will sign over it, and the record that names both. HM_E_MALFORMED,
 * HM_E_LIMIT: the request asks for what no manifest can say. */
static enum hm_err fill_record(struct reg_tx *tx, struct reg_submission *s, struct hm_buf *manifest,
                               struct hm_record *r, struct hm_why *why)
{
    const struct policy_rule *rule = s->verdict.matched;
    const struct reg_format *f = reg_format_suit();
    uint64_t sequence = 0;
    enum hm_err err = db_state_next_sequence(tx->log, &sequence, why);
    if (err == HM_OK)
        err = f->build(tx->world, &s->claim->request, sequence, manifest, why);
    if (err != HM_OK)
        return err;
    describe(s, r);
    (void)snprintf(r->environment, sizeof r->environment, "%s", rule->environment);
    r->event = HM_EV_RELEASE_SUBMITTED;
    r->has_release = true;
    r->release = db_log_pending_size(tx->log);
    r->sequence = sequence;
    r->state = rule->approvals > 0 ? HM_RELEASE_SUBMITTED : HM_RELEASE_APPROVED;
    r->has_manifest = true;
    r->manifest = f->digest(hm_buf_bytes(manifest));
    r->policy = s->verdict.policy;
    if (rule->break_glass) /* to be found by everybody who reads the log */
        (void)snprintf(r->outcome, sizeof r->outcome, "break-glass");
    r->expires_s = tx->now_ms / 1000 + (uint64_t)rule->approval_ttl_s;
    return fill_keys(s, hm_buf_bytes(manifest), r);
}

static enum hm_err accept(struct reg_tx *tx, struct reg_submission *s, struct reg_result *out,
                          struct hm_why *why)
{
    HM_BUF_AUTO manifest = {.limit = HM_MANIFEST_MAX};
    HM_FREE struct hm_record *r = calloc(1, sizeof *r);
    struct hm_bytes evidence[HM_RECORD_EVIDENCE_MAX];
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = fill_record(tx, s, &manifest, r, why);
    if (err == HM_E_MALFORMED || err == HM_E_LIMIT) {
        /* The request's own fault; as the machine's it would cost everybody in this batch. */
        reg_no(out, reg_problem_of_err(err), "%s", why->text);
        return HM_OK;
    }
    if (err == HM_OK)
        err = remember_request(tx, s, db_log_pending_size(tx->log), why);
    if (err == HM_OK)
        err = reg_token_spend(tx, &s->claim->token, db_log_pending_size(tx->log), why);
    if (err != HM_OK)
        return err;
    evidence[r->evidence_count++] = s->request;
    evidence[r->evidence_count++] = hm_buf_bytes(&manifest);
    for (size_t i = 0; i < s->attestation_count; i++)
        evidence[r->evidence_count++] = s->attestations[i];
    if (s->claim->token.used)
        evidence[r->evidence_count++] = hm_buf_bytes(&s->claim->token.jwk);
    err = reg_record(tx, s->ask, s->claim->submitter->id, r, evidence, out, why);
    if (err == HM_OK)
        err = insert_release(tx, s, r, hm_buf_bytes(&manifest), why);
    return err == HM_OK ? reg_stored_put(tx, s->ask, out, why) : err;
}

/* Was this very request recorded before? Requests are single-use. */
static enum hm_err check_replay(struct reg_tx *tx, const struct reg_submission *s,
                                struct reg_result *out, bool *go, struct hm_why *why)
{
    uint64_t record = 0;
    enum hm_err err = db_state_request_find(tx->log, &s->claim->request_payload, &record, why);
    *go = err == HM_E_NOT_FOUND;
    if (err == HM_OK)
        reg_no(out, REG_PROBLEM_CONFLICT,
               "this very request was answered before by record %llu; sign a new one",
               (unsigned long long)record);
    return err == HM_E_NOT_FOUND ? HM_OK : err;
}

/* *go: neither the request has run out nor the token that came with it, which is not spent. */
static enum hm_err check_times(struct reg_tx *tx, const struct reg_submission *s, int64_t now_s,
                               struct reg_result *out, bool *go, struct hm_why *why)
{
    char trouble[HM_WHY_MAX] = "the request has expired";
    enum reg_problem problem = REG_PROBLEM_EXPIRED;
    enum hm_err err = HM_OK;
    if (s->claim->request.expires_s > now_s)
        err = reg_token_check(tx, &s->claim->token, now_s, &problem, trouble, why);
    *go = problem == REG_PROBLEM_NONE;
    return err == HM_OK && !*go ? refuse(tx, s, problem, NULL, trouble, out, why) : err;
}

enum hm_err reg_submission_decide(struct reg_tx *tx, void *arg, struct reg_result *out,
                                  struct hm_why *why)
{
    struct reg_submission *s = arg;
    const struct hm_request *q = &s->claim->request;
    bool done = false;
    bool go = false;
    uint64_t id = 0;
    reg_known_drop(s->known); /* an earlier try of this decision was rolled back */
    s->known = NULL;
    enum hm_err err = reg_stored_get(tx, s->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = check_replay(tx, s, out, &go, why);
    if (err != HM_OK || !go || !reg_has_room(tx, out))
        return err;
    if (s->examined != tx->world->policy) {
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "the policy in force changed while the request was examined; ask again");
        return HM_OK;
    }
    int64_t now_s = (int64_t)(tx->now_ms / 1000);
    memset(&s->verdict, 0, sizeof s->verdict);
    s->verdict.policy = *policy_digest(tx->world->policy);
    err = check_times(tx, s, now_s, out, &go, why);
    if (err != HM_OK || !go)
        return err;
    if (q->expires_s > now_s + REQUEST_AHEAD_S) {
        reg_no(out, REG_PROBLEM_MALFORMED, "$.expires: expected at most 24 hours ahead");
        return HM_OK;
    }
    err = db_state_release_by_version(tx->log, q->product, q->version, q->channel, &id, why);
    if (err == HM_OK) {
        char text[256];
        (void)snprintf(text, sizeof text, "%s %s in channel %s is release r%llu already",
                       q->product, q->version, q->channel, (unsigned long long)id);
        return refuse(tx, s, REG_PROBLEM_CONFLICT, NULL, text, out, why);
    }
    if (err != HM_E_NOT_FOUND)
        return err;
    err = evaluate(tx, s, why);
    if (err != HM_OK)
        return err;
    if (!s->verdict.allow)
        return refuse(tx, s, REG_PROBLEM_POLICY, policy_first_failed(&s->verdict),
                      "the policy does not allow this release", out, why);
    return accept(tx, s, out, why);
}
