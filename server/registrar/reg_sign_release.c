/* POST /v1/releases/{id}/signature: intention (durable, under a checkpoint) -> the signer signs ->
 * the result is checked as a device would -> result (durable, under a checkpoint) -> the whole
 * device verification, proof included -> only then the answer. */
#include "server/registrar/reg_cosign.h"
#include "server/registrar/reg_signing_priv.h"

#include "schema/log/hm_tlog_proof.h"
#include "server/ipc/proc_log.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_RETRY_MS 500 /* pause before a result that could not be written is tried again */

static void fail(struct reg_signing *s, enum reg_ending ending, const char *outcome,
                 enum hm_err err, const struct hm_why *why)
{
    bool refused = err == HM_E_DENIED || err == HM_E_SIGNATURE || err == HM_E_HISTORY ||
                   err == HM_E_MALFORMED || err == HM_E_EXPIRED;
    s->ending = ending;
    s->problem = refused            ? REG_PROBLEM_POLICY
                 : err == HM_E_FULL ? REG_PROBLEM_DISK_FULL
                                    : REG_PROBLEM_UNAVAILABLE;
    s->why = *why;
    (void)snprintf(s->outcome, sizeof s->outcome, "%s", outcome);
    proc_log("hallmark-registrar", PROC_WARNING, "release r%llu: not signed: %s",
             (unsigned long long)s->d->id, why->text);
}

/* Would devices of every class of this release take the envelope? */
static enum hm_err check_result(const struct reg_signing *s, struct hm_bytes proof,
                                struct hm_why *why)
{
    const struct reg_desk *desk = s->conn->desk;
    struct reg_check c = {
        .world = desk->world,
        .memo = desk->memo,
        .store = reg_world_store(desk->world, s->d->submitted->environment),
        .classes = s->d->known->classes,
        .class_count = s->d->known->class_count,
        .at_least = s->d->known->at_least,
        .file = hm_buf_bytes(&s->envelope),
        .proof = proof,
    };
    return reg_format_suit()->check(&c, why);
}

/* ---- from hand to hand ---- */

static void hand_to_connection(struct reg_signing *s)
{
    (void)sem_post(&s->finished);
}

/* What the path is for is known here; without this the connection reads a path of its own. */
static void keep_proof(struct reg_signing *s, const struct reg_head *head)
{
    struct reg_conn *c = s->conn;
    if (!c->has_fresh || !s->job.has_path || c->fresh.idx != s->job.result.record ||
        s->job.result.log_size != head->size)
        return;
    hm_buf_reset(&c->proof);
    hm_tlog_proof_write(hm_buf_bytes(&c->fresh_record), c->fresh.idx, &s->path,
                        hm_bytes_of(head->note, head->note_len), &c->proof);
    c->has_proof = hm_buf_err(&c->proof) == HM_OK;
    c->proof_idx = c->fresh.idx;
}

static void after_result(struct reg_job *job, struct reg_seq *seq, const struct reg_head *head)
{
    struct reg_signing *s = job->arg;
    (void)seq;
    if (job->err == HM_OK)
        keep_proof(s, head);
    hand_to_connection(s);
}

static void hand_to_sequencer(struct reg_signing *s)
{
    s->job.decide = reg_signing_record;
    s->job.done = after_result;
    if (!reg_seq_push(s->conn->desk->seq, &s->job))
        hand_to_connection(s); /* job.err says that the registrar is stopping */
}

/* Of all policies that have to allow the release, the one that asks for most. */
static size_t threshold(const struct reg_signing *s)
{
    size_t n = s->d->known->rule->key_threshold;
    size_t now = s->verdict.matched != NULL ? s->verdict.matched->key_threshold : n;
    return now > n ? now : n;
}

static size_t collect(struct reg_signing *s, struct hm_auth_signature sigs[static HM_SIGN_KEYS_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < s->key_count; i++) {
        const struct reg_signing_key *k = &s->keys[i];
        if (!k->signed_)
            continue;
        sigs[n].key = k->key->key;
        memcpy(sigs[n].sig, k->job.item.sig, sizeof sigs[n].sig);
        n++;
    }
    return n;
}

/* Too few of the keys have signed. */
static void not_enough(struct reg_signing *s, size_t have)
{
    struct hm_why why = {""};
    enum hm_err err = HM_E_INTERNAL;
    bool maybe = false;
    for (size_t i = 0; i < s->key_count; i++) {
        const struct reg_sign_job *job = &s->keys[i].job;
        maybe = maybe || job->maybe;
        if (s->keys[i].signed_)
            continue;
        err = job->err != HM_OK ? job->err : job->item.err;
        why = job->err != HM_OK ? job->why : job->item.why;
    }
    if (s->key_count > 1)
        err = hm_fail_in(&why, err, "%zu of %zu keys have signed, %zu must", have, s->key_count,
                         threshold(s));
    fail(s, maybe ? REG_ENDING_UNKNOWN : REG_ENDING_FAILED, maybe ? "unknown" : hm_err_name(err),
         err, &why);
}

/* On the signing stage, once every key was asked: checked as a device would (checks 1, 2 and 5). */
static void conclude(struct reg_signing *s)
{
    struct hm_auth_signature sigs[HM_SIGN_KEYS_MAX];
    struct hm_why why = {""};
    size_t n = collect(s, sigs);
    if (n == 0 || n < threshold(s)) {
        not_enough(s, n);
        hand_to_sequencer(s);
        return;
    }
    reg_format_suit()->assemble(hm_buf_bytes(&s->d->known->manifest), sigs, n, &s->envelope);
    enum hm_err err = hm_buf_err(&s->envelope);
    if (err == HM_OK)
        err = check_result(s, hm_bytes_of(NULL, 0), &why);
    if (err == HM_OK)
        s->ending = REG_ENDING_SIGNED;
    else
        fail(s, REG_ENDING_FAILED, "result-refused", HM_E_INTERNAL, &why);
    hand_to_sequencer(s);
}

static void after_signer(struct reg_sign_job *job)
{
    struct reg_signing_key *k = job->arg;
    k->signed_ = job->err == HM_OK && job->item.err == HM_OK;
    if (!k->signed_ && k->of->key_count > 1)
        proc_log("hallmark-registrar", PROC_WARNING, "release r%llu: key %s did not sign: %s",
                 (unsigned long long)k->of->d->id, k->key->id,
                 job->err != HM_OK ? job->why.text : job->item.why.text);
    if (atomic_fetch_sub(&k->of->asked, 1) == 1)
        conclude(k->of);
}

/* Each key is one question; the answers may come on different threads. */
static void hand_to_signer(struct reg_signing *s, uint64_t size)
{
    for (size_t i = 0; i < s->d->approval_count; i++)
        s->approvals[i] = hm_buf_bytes(&s->d->approvals[i]);
    const size_t count = s->key_count; /* after the last push, s may be gone */
    atomic_store(&s->asked, count);
    for (size_t i = 0; i < count; i++) {
        struct reg_signing_key *k = &s->keys[i];
        k->job = (struct reg_sign_job){
            .item = {.key = k->key->key_id,
                     .tbs = hm_buf_bytes(&k->tbs),
                     .record = hm_buf_bytes(&s->intent_bytes),
                     .index = s->intent.idx,
                     .size = size,
                     .path = &s->path,
                     .statement = hm_buf_bytes(&s->d->known->statement),
                     .approvals = s->approvals,
                     .approval_count = s->d->approval_count},
            .done = after_signer,
            .arg = k,
        };
        if (reg_signq_push(s->conn->desk->signq, &k->job))
            continue;
        k->job.err = hm_fail(&k->job.why, HM_E_UNAVAILABLE, "the registrar is stopping");
        after_signer(&k->job);
    }
}

/* The intention is under a checkpoint, or never will be. */
static void after_intention(struct reg_job *job, struct reg_seq *seq, const struct reg_head *head)
{
    struct reg_signing *s = job->arg;
    struct hm_why why = job->why;
    enum hm_err err = job->err;
    (void)seq;
    (void)head;
    if (!s->intended) {
        hand_to_connection(s);
        return;
    }
    if (err != HM_OK && err != HM_E_TIMEOUT) {
        /* Rolled back, or on the disk all the same: try_again() finds out, and gives it an end. */
        fail(s, REG_ENDING_FAILED, hm_err_name(err), err, &why);
        hand_to_connection(s);
        return;
    }
    if (err == HM_OK && !job->has_path)
        err = hm_fail(&why, HM_E_INTERNAL, "no path from the intention to its checkpoint");
    if (err == HM_OK) {
        hand_to_signer(s, job->result.log_size);
        return;
    }
    fail(s, REG_ENDING_FAILED, hm_err_name(err), err, &why); /* the key was not used */
    hand_to_sequencer(s);
}

/* ---- on the connection's thread ---- */

static bool stops_within(const struct reg_signing *s, int ms)
{
    struct pollfd f = {.fd = s->conn->desk->stop_fd, .events = POLLIN};
    return poll(&f, 1, ms) > 0;
}

/* Space for the results of running intentions is kept in reserve, so a failure to write one passes;
 * until then the release cannot leave `signing`. What is recorded but not confirmed (HM_E_TIMEOUT)
 * is not tried again. */
static enum hm_err try_again(struct reg_signing *s, struct reg_result *out, struct hm_why *why)
{
    enum hm_err err = s->job.err;
    while (err != HM_OK && err != HM_E_TIMEOUT && !stops_within(s, RESULT_RETRY_MS))
        err = reg_conn_decide(s->conn, reg_signing_record, s, out, why);
    return err;
}

/* The last look, with the eyes of a device that has nothing but the trust store. */
static enum hm_err verify_whole(struct reg_signing *s, uint64_t record, struct hm_why *why)
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

/* The signature leaves now, or it waits for witnesses. */
static enum hm_err release_it(struct reg_signing *s, uint64_t record, struct hm_why *why)
{
    enum hm_err err = reg_cosign_await(s->conn, s->d, record, why);
    return err == HM_OK ? verify_whole(s, record, why) : err;
}

/* An answer of before is looked at as well: the last look may have been what failed then. */
static enum hm_err verify_again(struct reg_signing *s, const struct reg_result *out,
                                struct hm_why *why)
{
    if (!out->has_record || out->problem != REG_PROBLEM_NONE)
        return HM_OK;
    enum hm_err err = reg_conn_evidence(s->conn, out->record, HM_ENVELOPE_MAX, &s->envelope, why);
    return err == HM_OK ? release_it(s, out->record, why) : err;
}

static const struct policy_release_key *find_key(const struct policy *p, const struct hm_digest *id)
{
    for (size_t i = 0;; i++) {
        const struct policy_release_key *k = policy_key_at(p, i);
        if (k == NULL || hm_digest_eq(&k->key_id, id))
            return k;
    }
}

/* The keys that the record names must be in force, and sign what it says. */
static enum hm_err prepare_keys(struct reg_signing *s, struct hm_why *why)
{
    const struct hm_record *r = s->d->submitted;
    if (r->key_count == 0)
        return hm_fail(why, HM_E_HISTORY, "the record names no key");
    for (size_t i = 0; i < r->key_count; i++) {
        struct reg_signing_key *k = &s->keys[i];
        k->of = s;
        k->key = find_key(s->conn->desk->world->policy, &r->keys[i].spki);
        if (k->key == NULL)
            return hm_fail(why, HM_E_STATE,
                           "the policy in force does not know the key of this release");
        reg_format_suit()->tbs(hm_buf_bytes(&s->d->known->manifest), &k->key->key, &k->tbs);
        struct hm_digest tbs = hm_sha256(hm_buf_bytes(&k->tbs));
        if (!hm_digest_eq(&tbs, &r->keys[i].tbs))
            return hm_fail(why, HM_E_HISTORY, "the bytes to be signed are not those of the record");
        enum hm_err err = reg_seq_key_token(s->conn->desk->seq, &r->keys[i].spki, k->token, why);
        if (err == HM_E_NOT_FOUND && r->key_count > 1) /* the others may be enough */
            (void)snprintf(k->token, sizeof k->token, "%s", r->keys[i].token);
        else if (err != HM_OK)
            return err;
    }
    s->key_count = r->key_count;
    return HM_OK;
}

static enum hm_err prepare(struct reg_signing *s, struct hm_why *why)
{
    enum hm_err err = reg_witness_ready(s->conn->desk->witness, why);
    if (err == HM_OK)
        err = reg_dossier_open(s->conn, s->ask->release, &s->d, why);
    if (err == HM_OK)
        err = reg_dossier_approvals(s->conn, s->d, why);
    if (err == HM_OK)
        err = reg_known_provenance(s->d->known, &s->statements, s->provenance, &s->provenance_count,
                                   why);
    return err == HM_OK ? prepare_keys(s, why) : err;
}

/* Gives the request to the sequencer and takes it back when everything is done, whoever did it. */
static void pass_round(struct reg_signing *s)
{
    reg_conn_rest(s->conn);
    s->job.decide = reg_signing_intend;
    s->job.arg = s;
    s->job.path = &s->path;
    s->job.done = after_intention;
    if (!reg_seq_push(s->conn->desk->seq, &s->job))
        return;
    while (sem_wait(&s->finished) != 0)
        continue; /* interrupted */
}

static enum hm_err run(struct reg_signing *s, struct reg_result *out, struct hm_why *why)
{
    enum hm_err err = prepare(s, why);
    if (err != HM_OK)
        return err;
    pass_round(s);
    err = s->job.err;
    *out = s->job.result;
    if (err != HM_OK)
        *why = s->job.why;
    if (!s->intended)
        return err == HM_OK ? verify_again(s, out, why) : err;
    err = try_again(s, out, why);
    if (err == HM_OK && s->ending == REG_ENDING_SIGNED && out->has_record)
        err = release_it(s, out->record, why);
    return err;
}

enum hm_err reg_sign_release(struct reg_conn *c, const struct reg_ask *ask, struct reg_result *out,
                             struct hm_why *why)
{
    HM_FREE struct reg_signing *s = calloc(1, sizeof *s);
    if (s == NULL || sem_init(&s->finished, 0, 0) != 0)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    s->ask = ask;
    s->conn = c;
    s->envelope.limit = HM_ENVELOPE_MAX;
    enum hm_err err = ask->body.len == 0
                          ? run(s, out, why)
                          : hm_fail(why, HM_E_MALFORMED, "a signature request has no body");
    reg_dossier_free(s->d);
    free(s->statements);
    hm_buf_free(&s->intent_bytes);
    for (size_t i = 0; i < HM_SIGN_KEYS_MAX; i++)
        hm_buf_free(&s->keys[i].tbs);
    hm_buf_free(&s->envelope);
    (void)sem_destroy(&s->finished);
    return err;
}
