/* POST /v1/releases/{id}/signature: intention (durable, under a checkpoint) -> the signer signs ->
 * the result is checked as a device would
 * -> result (durable, under a checkpoint) -> the whole device verification, proof included -> only
 * then the answer. */
#include "server/registrar/reg_change.h"

#include "schema/log/hm_tlog_proof.h"
#include "server/ipc/proc_log.h"
#include "server/registrar/reg_dossier.h"
#include "server/registrar/reg_facts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESULT_RETRY_MS 500 /* pause before a result that could not be written is tried again */

enum ending { ENDING_FAILED = 0, ENDING_UNKNOWN, ENDING_SIGNED };

struct signing {
    const struct reg_ask *ask;
    struct reg_conn *conn;
    struct reg_dossier *d;
    const struct policy_release_key *key;
    char token[HM_TOKEN_SERIAL_MAX + 1];
    struct hm_provenance *statements; /* owned; provenance points into it */
    struct policy_fact_provenance provenance[HM_ATTESTATIONS_MAX];
    size_t provenance_count;
    struct policy_verdict verdict;
    /* the intention */
    bool intended;
    struct hm_record intent;
    struct hm_buf intent_bytes;
    struct hm_buf tbs;
    /* the result */
    enum ending ending;
    enum reg_problem problem;
    char outcome[HM_OUTCOME_MAX + 1];
    struct hm_why why;
    struct hm_buf envelope;
};

/* ---- on the sequencer: the intention ---- */

static enum hm_err refuse(struct reg_tx *tx, struct signing *s, struct db_release *rel,
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

static enum hm_err supersede(struct reg_tx *tx, struct signing *s, struct db_release *rel,
                             struct reg_result *out, struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_RELEASE_SUPERSEDED, .state = HM_RELEASE_SUPERSEDED};
    reg_about(&r, rel);
    enum hm_err err = reg_record(tx, s->ask, s->ask->caller.who->id, &r, NULL, out, why);
    if (err != HM_OK)
        return err;
    reg_no(out, REG_PROBLEM_SUPERSEDED,
           "a release with a higher sequence number than %llu was signed for the same hardware",
           (unsigned long long)rel->sequence);
    rel->state = HM_RELEASE_SUPERSEDED;
    rel->last_idx = r.idx;
    err = db_state_release_update(tx->log, rel, why);
    return err == HM_OK ? reg_stored_put(tx, s->ask, out, why) : err;
}

static enum hm_err is_overtaken(struct reg_tx *tx, const struct signing *s, bool *yes,
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
        *yes = highest > s->d->submitted.sequence;
    }
    return HM_OK;
}

static enum hm_err mark_classes(struct reg_tx *tx, const struct signing *s, struct hm_why *why)
{
    const struct hm_uuid *classes = s->d->known->classes;
    size_t n = s->d->known->class_count;
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < n && err == HM_OK; i++)
        err = db_state_class_put(tx->log, &classes[i], s->d->submitted.sequence, why);
    return err;
}

static enum hm_err evaluate(struct reg_tx *tx, struct signing *s, struct hm_why *why)
{
    const struct reg_facts_signing in = {s->d, s->provenance, s->provenance_count};
    return reg_facts_signing(tx, &in, &s->verdict, why);
}

static void describe(const struct signing *s, const struct db_release *rel, struct hm_record *r)
{
    reg_about(r, rel);
    r->sequence = rel->sequence;
    r->has_manifest = true;
    r->manifest = rel->manifest;
    r->store_epoch = reg_world_store(s->conn->desk->world, rel->environment)->device.epoch;
    r->key_count = s->d->submitted.key_count;
    memcpy(r->keys, s->d->submitted.keys, sizeof r->keys);
    (void)snprintf(r->keys[0].token, sizeof r->keys[0].token, "%s", s->token);
}

static enum hm_err intend(struct reg_tx *tx, struct signing *s, struct db_release *rel,
                          struct reg_result *out, struct hm_why *why)
{
    struct hm_record *r = &s->intent;
    r->event = HM_EV_SIGN_INTENDED;
    r->state = HM_RELEASE_SIGNING;
    r->has_statement = true;
    r->statement = rel->statement;
    r->has_retry_of = rel->unknown != 0;
    r->retry_of = rel->unknown;
    describe(s, rel, r);
    enum hm_err err = reg_record(tx, s->ask, s->ask->caller.who->id, r, NULL, out, why);
    if (err == HM_OK)
        err = mark_classes(tx, s, why);
    if (err != HM_OK)
        return err;
    rel->state = HM_RELEASE_SIGNING;
    rel->intent = r->idx;
    rel->last_idx = r->idx;
    s->intended = true;
    return db_state_release_update(tx->log, rel, why);
}

/* What stands in the way besides the policy; NONE if nothing does. */
static enum reg_problem obstacle(const struct reg_tx *tx, const struct signing *s,
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
        !hm_digest_eq(&s->d->leaf, &rel->submitted_leaf) ||
        reg_world_store(tx->world, rel->environment) == NULL) {
        *detail = "the evidence in the log does not give the statement that was approved";
        return REG_PROBLEM_POLICY;
    }
    return REG_PROBLEM_NONE;
}

static enum hm_err judge(struct reg_tx *tx, struct signing *s, struct db_release *rel,
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

static enum hm_err decide_intention(struct reg_tx *tx, void *arg, struct reg_result *out,
                                    struct hm_why *why)
{
    struct signing *s = arg;
    struct db_release rel;
    bool done = false;
    bool go = false;
    s->intended = false; /* an earlier try of this decision may have been rolled back */
    enum hm_err err = reg_stored_get(tx, s->ask, out, &done, why);
    if (err == HM_OK && !done)
        err = reg_release_for(tx, s->ask, &rel, &go, out, why);
    if (err != HM_OK || !go)
        return err;
    if (rel.state == HM_RELEASE_SIGNED) { /* asking twice is harmless: the same record answers */
        out->has_record = true;
        out->record = rel.signed_idx;
        return HM_OK;
    }
    return judge(tx, s, &rel, out, why);
}

/* ---- on the sequencer: the result ---- */

static enum hm_err put_artifacts(struct reg_tx *tx, const struct signing *s, uint64_t release,
                                 struct hm_why *why)
{
    const struct hm_record *r = &s->d->submitted;
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < r->artifact_count && err == HM_OK; i++)
        err = db_state_artifact_put(tx->log, &r->artifacts[i], release, why);
    return err;
}

static void result_record(const struct signing *s, const struct db_release *rel,
                          struct hm_record *r)
{
    static const enum hm_event event[] = {[ENDING_FAILED] = HM_EV_SIGN_FAILED,
                                          [ENDING_UNKNOWN] = HM_EV_SIGN_UNKNOWN,
                                          [ENDING_SIGNED] = HM_EV_RELEASE_SIGNED};
    bool ok = s->ending == ENDING_SIGNED;
    reg_about(r, rel);
    r->event = event[s->ending];
    r->state = ok ? HM_RELEASE_SIGNED : HM_RELEASE_APPROVED;
    r->has_intent = true;
    r->intent = s->intent.idx;
    (void)snprintf(r->outcome, sizeof r->outcome, "%s", ok ? "ok" : s->outcome);
    if (!ok)
        return;
    describe(s, rel, r);
    r->artifact_count = s->d->submitted.artifact_count;
    memcpy(r->artifacts, s->d->submitted.artifacts, sizeof r->artifacts);
    r->evidence_count = 1;
}

/* The answer is made from the very bytes that were written; reading them back would only cost time.
 */
static enum hm_err keep_fresh(struct signing *s, const struct hm_record *r, struct hm_why *why)
{
    struct reg_conn *c = s->conn; /* its thread waits for this decision */
    c->has_fresh = false;
    hm_buf_reset(&c->fresh_record);
    hm_buf_reset(&c->fresh_evidence);
    enum hm_err err = hm_record_write(r, &c->fresh_record, why);
    if (err != HM_OK || s->ending != ENDING_SIGNED)
        return err;
    hm_buf_put(&c->fresh_evidence, s->envelope.data, s->envelope.len);
    c->fresh_idx = r->idx;
    c->has_fresh = hm_buf_err(&c->fresh_evidence) == HM_OK;
    return HM_OK;
}

/* Two releases of the same bytes can be intended side by side, and neither finds the other signed.
 * The first result decides; the second's signature stays here. */
static enum hm_err check_still_fresh(struct reg_tx *tx, struct signing *s, struct hm_why *why)
{
    const struct hm_record *r = &s->d->submitted;
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    for (size_t i = 0; s->ending == ENDING_SIGNED && i < r->artifact_count; i++) {
        enum hm_err err = db_state_artifact_get(tx->log, &r->artifacts[i], product, version, why);
        if (err == HM_E_NOT_FOUND)
            continue;
        if (err != HM_OK)
            return err;
        if (strcmp(product, r->product) == 0 && strcmp(version, r->version) == 0)
            continue;
        s->ending = ENDING_FAILED;
        s->problem = REG_PROBLEM_POLICY;
        (void)snprintf(s->outcome, sizeof s->outcome, "artifact.fresh");
        (void)hm_fail(&s->why, HM_E_DENIED, "the same bytes were signed as %s %s meanwhile",
                      product, version);
    }
    return HM_OK;
}

static enum hm_err decide_result(struct reg_tx *tx, void *arg, struct reg_result *out,
                                 struct hm_why *why)
{
    struct signing *s = arg;
    struct db_release rel;
    struct hm_record r = {.event = HM_EV_NONE};
    struct hm_bytes evidence[1] = {hm_buf_bytes(&s->envelope)};
    enum hm_err err = db_state_release_get(tx->log, s->d->id, &rel, why);
    if (err == HM_OK)
        err = check_still_fresh(tx, s, why);
    if (err != HM_OK)
        return err;
    if (rel.state != HM_RELEASE_SIGNING || rel.intent != s->intent.idx) {
        reg_no(out, REG_PROBLEM_INTERNAL,
               "the release is not being signed under this intention any more");
        return HM_OK;
    }
    result_record(s, &rel, &r);
    err = reg_record(tx, s->ask, s->ask->caller.who->id, &r, evidence, out, why);
    if (err == HM_OK)
        err = keep_fresh(s, &r, why);
    if (err != HM_OK)
        return err;
    rel.state = r.state;
    rel.intent = 0;
    rel.last_idx = r.idx;
    rel.signed_idx = s->ending == ENDING_SIGNED ? r.idx : 0;
    rel.unknown = s->ending == ENDING_UNKNOWN ? r.idx : 0;
    err = db_state_release_update(tx->log, &rel, why);
    if (err == HM_OK && s->ending == ENDING_SIGNED) {
        err = put_artifacts(tx, s, rel.id, why);
        return err == HM_OK ? reg_stored_put(tx, s->ask, out, why) : err;
    }
    if (err == HM_OK) /* not kept as the answer: asking again may succeed */
        reg_no(out, s->problem, "%s", s->why.text);
    return err;
}

/* ---- on the connection's thread ---- */

static void fail(struct signing *s, enum ending ending, const char *outcome, enum hm_err err,
                 const struct hm_why *why)
{
    bool refused = err == HM_E_DENIED || err == HM_E_SIGNATURE || err == HM_E_HISTORY ||
                   err == HM_E_MALFORMED || err == HM_E_EXPIRED;
    s->ending = ending;
    s->problem = refused ? REG_PROBLEM_POLICY : REG_PROBLEM_UNAVAILABLE;
    s->why = *why;
    (void)snprintf(s->outcome, sizeof s->outcome, "%s", outcome);
    proc_log("hallmark-registrar", PROC_WARNING, "release r%llu: not signed: %s",
             (unsigned long long)s->d->id, why->text);
}

static enum hm_err ask_signer(struct signing *s, uint64_t size, uint8_t sig[static 64], bool *maybe,
                              struct hm_why *why)
{
    struct hm_path path;
    struct hm_bytes approvals[HM_APPROVALS_MAX];
    enum hm_err err = reg_conn_path(s->conn, s->intent.idx, size, &path, why);
    if (err != HM_OK)
        return err;
    reg_conn_rest(s->conn);
    for (size_t i = 0; i < s->d->approval_count; i++)
        approvals[i] = hm_buf_bytes(&s->d->approvals[i]);
    struct reg_sign_item item = {
        .key = s->d->submitted.keys[0].spki,
        .tbs = hm_buf_bytes(&s->tbs),
        .record = hm_buf_bytes(&s->intent_bytes),
        .index = s->intent.idx,
        .size = size,
        .path = &path,
        .statement = hm_buf_bytes(&s->d->known->statement),
        .approvals = approvals,
        .approval_count = s->d->approval_count,
    };
    err = reg_signq_run(s->conn->desk->signq, &item, maybe, why);
    if (err == HM_OK && item.err != HM_OK)
        err = hm_fail(why, item.err, "%s", item.why.text);
    if (err == HM_OK)
        memcpy(sig, item.sig, sizeof item.sig);
    return err;
}

/* Would devices of every class of this release take the envelope? */
static enum hm_err check_result(const struct signing *s, struct hm_bytes proof, struct hm_why *why)
{
    const struct reg_desk *desk = s->conn->desk;
    struct reg_check c = {
        .world = desk->world,
        .memo = desk->memo,
        .store = reg_world_store(desk->world, s->d->submitted.environment),
        .classes = s->d->known->classes,
        .class_count = s->d->known->class_count,
        .at_least = s->d->known->at_least,
        .file = hm_buf_bytes(&s->envelope),
        .proof = proof,
    };
    return reg_format_suit()->check(&c, why);
}

/* Asks the signer and checks what comes back as a device would (checks 1, 2 and 5). */
static void make_envelope(struct signing *s, uint64_t size)
{
    const struct reg_format *f = reg_format_suit();
    struct hm_auth_signature sig = {.key = s->key->key};
    struct hm_why why = {""};
    bool maybe = false;
    enum hm_err err = hm_record_write(&s->intent, &s->intent_bytes, &why);
    if (err == HM_OK)
        err = ask_signer(s, size, sig.sig, &maybe, &why);
    if (err != HM_OK) {
        fail(s, maybe ? ENDING_UNKNOWN : ENDING_FAILED, maybe ? "unknown" : hm_err_name(err), err,
             &why);
        return;
    }
    f->assemble(hm_buf_bytes(&s->d->known->manifest), &sig, 1, &s->envelope);
    err = hm_buf_err(&s->envelope);
    if (err == HM_OK)
        err = check_result(s, hm_bytes_of(NULL, 0), &why);
    if (err == HM_OK)
        s->ending = ENDING_SIGNED;
    else
        fail(s, ENDING_FAILED, "result-refused", HM_E_INTERNAL, &why);
}

static bool stops_within(const struct signing *s, int ms)
{
    struct pollfd f = {.fd = s->conn->desk->stop_fd, .events = POLLIN};
    return poll(&f, 1, ms) > 0;
}

/* Space for the results of running intentions is kept in reserve, so a failure here passes; until
 * then the release cannot leave `signing`. What is recorded but not confirmed (HM_E_TIMEOUT) is not
 * tried again. */
static enum hm_err write_result(struct signing *s, struct reg_result *out, struct hm_why *why)
{
    enum hm_err err = reg_conn_decide(s->conn, decide_result, s, out, why);
    while (err != HM_OK && err != HM_E_TIMEOUT && !stops_within(s, RESULT_RETRY_MS))
        err = reg_conn_decide(s->conn, decide_result, s, out, why);
    return err;
}

/* The last look, with the eyes of a device that has nothing but the trust store. */
static enum hm_err verify_whole(struct signing *s, uint64_t record, struct hm_why *why)
{
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    enum hm_err err = reg_proof(s->conn, record, &proof, why);
    if (err == HM_OK)
        err = check_result(s, hm_buf_bytes(&proof), why);
    if (err != HM_OK)
        proc_log("hallmark-registrar", PROC_ERROR,
                 "release r%llu was signed, but a device would refuse it: %s",
                 (unsigned long long)s->d->id, why->text);
    return err == HM_OK ? HM_OK : HM_E_INTERNAL;
}

/* An answer of before is looked at as well: the last look may have been what failed then. */
static enum hm_err verify_again(struct signing *s, const struct reg_result *out, struct hm_why *why)
{
    if (!out->has_record || out->problem != REG_PROBLEM_NONE)
        return HM_OK;
    enum hm_err err = reg_conn_evidence(s->conn, out->record, HM_ENVELOPE_MAX, &s->envelope, why);
    return err == HM_OK ? verify_whole(s, out->record, why) : err;
}

static const struct policy_release_key *find_key(const struct policy *p, const struct hm_digest *id)
{
    for (size_t i = 0;; i++) {
        const struct policy_release_key *k = policy_key_at(p, i);
        if (k == NULL || hm_digest_eq(&k->key_id, id))
            return k;
    }
}

static enum hm_err prepare(struct signing *s, struct hm_why *why)
{
    enum hm_err err = reg_dossier_open(s->conn, s->ask->release, &s->d, why);
    if (err == HM_OK)
        err = reg_dossier_approvals(s->conn, s->d, why);
    if (err == HM_OK)
        err = reg_known_provenance(s->d->known, &s->statements, s->provenance, &s->provenance_count,
                                   why);
    if (err != HM_OK)
        return err;
    const struct hm_digest *id = &s->d->submitted.keys[0].spki;
    s->key = s->d->submitted.key_count == 1 ? find_key(s->conn->desk->world->policy, id) : NULL;
    if (s->key == NULL)
        return hm_fail(why, HM_E_STATE,
                       "the policy in force does not know the key of this release");
    reg_format_suit()->tbs(hm_buf_bytes(&s->d->known->manifest), &s->key->key, &s->tbs);
    struct hm_digest tbs = hm_sha256(hm_buf_bytes(&s->tbs));
    if (!hm_digest_eq(&tbs, &s->d->submitted.keys[0].tbs))
        return hm_fail(why, HM_E_HISTORY, "the bytes to be signed are not those of the record");
    return reg_seq_key_token(s->conn->desk->seq, id, s->token, why);
}

static enum hm_err run(struct signing *s, struct reg_result *out, struct hm_why *why)
{
    enum hm_err err = prepare(s, why);
    if (err == HM_OK)
        err = reg_conn_decide(s->conn, decide_intention, s, out, why);
    if (err == HM_OK && !s->intended)
        return verify_again(s, out, why);
    if (!s->intended || (err != HM_OK && err != HM_E_TIMEOUT))
        return err;
    if (err == HM_OK)
        make_envelope(s, out->log_size);
    else /* recorded, but under no checkpoint: the key was not used */
        fail(s, ENDING_FAILED, hm_err_name(err), err, why);
    err = write_result(s, out, why);
    if (err == HM_OK && s->ending == ENDING_SIGNED && out->has_record)
        err = verify_whole(s, out->record, why);
    return err;
}

enum hm_err reg_sign_release(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                             struct hm_why *why)
{
    HM_FREE struct signing *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    if (ask->body.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "a signature request has no body");
    s->ask = ask;
    s->conn = c;
    s->envelope.limit = HM_ENVELOPE_MAX;
    enum hm_err err = run(s, out, why);
    reg_dossier_free(s->d);
    free(s->statements);
    hm_buf_free(&s->intent_bytes);
    hm_buf_free(&s->tbs);
    hm_buf_free(&s->envelope);
    return err;
}
