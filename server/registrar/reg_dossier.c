#include "server/registrar/reg_dossier.h"
#include "server/registrar/reg_approval.h"
#include "server/registrar/reg_facts.h"
#include "server/registrar/reg_policy_log.h"
#include "server/registrar/reg_who.h"

#include "db/log/db_state.h"
#include "schema/io/hm_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVIDENCE_REQUEST 0
#define EVIDENCE_MANIFEST 1
#define EVIDENCE_ATTESTATIONS 2

void reg_claim_facts(const struct reg_claim *c, enum policy_stage stage,
                     struct hm_digest artifacts[static HM_ARTIFACTS_MAX], struct policy_facts *out)
{
    const struct hm_request *r = &c->request;
    for (size_t i = 0; i < r->artifact_count; i++)
        artifacts[i] = r->artifacts[i].digest;
    *out = (struct policy_facts){
        .stage = stage,
        .product = r->product,
        .version = r->version,
        .channel = r->channel,
        .environment = r->environment,
        .hardware = r->hardware,
        .hardware_count = r->hardware_count,
        .break_glass = r->break_glass[0] != '\0' ? r->break_glass : NULL,
        .submitter = c->submitter->id,
        .artifacts = artifacts,
        .artifact_count = r->artifact_count,
        .provenance = c->provenance,
        .provenance_count = c->provenance_count,
        .attestations = c->attestations,
        .attestation_count = c->attestation_count,
        .size = reg_facts_size(r),
        .rollback_floor = r->rollback_floor,
    };
}

enum hm_err reg_statement(const char *origin, const struct hm_record *submitted,
                          const struct hm_digest *leaf, const struct hm_request *request,
                          const struct policy_verdict *verdict, struct hm_buf *out,
                          struct hm_why *why)
{
    struct hm_approval *a = calloc(1, sizeof *a);
    if (a == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    (void)snprintf(a->origin, sizeof a->origin, "%s", origin);
    a->submitted = *leaf;
    a->release = submitted->idx;
    hm_approval_of_request(request, a);
    memcpy(a->environment, submitted->environment, sizeof a->environment);
    a->sequence = submitted->sequence;
    if (verdict->source != NULL)
        a->source = *verdict->source;
    if (verdict->builder != NULL)
        (void)snprintf(a->builder, sizeof a->builder, "%s", verdict->builder);
    a->manifest = submitted->manifest;
    a->policy = submitted->policy;
    a->sign_count = submitted->key_count;
    for (size_t i = 0; i < submitted->key_count; i++) {
        a->sign[i].key = submitted->keys[i].spki;
        memcpy(a->sign[i].mechanism, submitted->keys[i].mechanism, sizeof a->sign[i].mechanism);
        a->sign[i].tbs = submitted->keys[i].tbs;
    }
    a->expires_s = (int64_t)submitted->expires_s;
    enum hm_err err = hm_approval_write(a, out, why);
    free(a);
    return err;
}

/* The cold path: the record and all its evidence, read and verified. */
struct evidence {
    struct hm_record submitted;
    struct hm_digest leaf;
    struct hm_buf request; /* signed document */
    struct hm_buf manifest;
    struct hm_buf attestations[HM_ATTESTATIONS_MAX];
    size_t attestation_count;
    struct hm_buf statement;
    struct hm_buf jwk; /* where a token stood in place of the signature: the key that signed it */
    struct reg_claim claim;
    bool claimed;
    struct policy_verdict verdict;
};

static void evidence_free(struct evidence **ep)
{
    struct evidence *e = *ep;
    if (e == NULL)
        return;
    hm_buf_free(&e->request);
    hm_buf_free(&e->manifest);
    hm_buf_free(&e->statement);
    hm_buf_free(&e->jwk);
    for (size_t i = 0; i < HM_ATTESTATIONS_MAX; i++)
        hm_buf_free(&e->attestations[i]);
    if (e->claimed)
        reg_claim_free(&e->claim);
    free(e);
}

static enum hm_err read_record(struct db_reader *reader, uint64_t release, struct evidence *e,
                               struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_reader_record(reader, release, &bytes, why);
    if (err != HM_OK)
        return err;
    err = hm_record_parse(hm_buf_bytes(&bytes), &e->submitted, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_HISTORY, "record %llu", (unsigned long long)release);
    if (e->submitted.event != HM_EV_RELEASE_SUBMITTED)
        return hm_fail(why, HM_E_NOT_FOUND, "release r%llu does not exist",
                       (unsigned long long)release);
    e->leaf = hm_merkle_leaf(hm_buf_bytes(&bytes));
    return HM_OK;
}

/* The last piece of evidence is the key of a token where there is one; *n counts the others. */
static enum hm_err read_jwk(struct db_reader *reader, struct evidence *e, size_t *n,
                            struct hm_why *why)
{
    struct hm_signed s;
    enum hm_err err = hm_signed_parse(hm_buf_bytes(&e->request), 2 * HM_REQUEST_MAX, &s, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_HISTORY, "evidence of release r%llu",
                          (unsigned long long)e->submitted.idx);
    bool token = hm_signed_token(&s) != NULL;
    hm_signed_free(&s);
    if (!token)
        return HM_OK;
    *n -= 1;
    return db_reader_evidence(reader, e->submitted.idx, (unsigned)*n, HM_JWK_MAX, &e->jwk, why);
}

static enum hm_err read_evidence(struct db_reader *reader, uint64_t id, struct evidence *e,
                                 struct hm_why *why)
{
    size_t n = e->submitted.evidence_count;
    if (n < EVIDENCE_ATTESTATIONS || n > EVIDENCE_ATTESTATIONS + HM_ATTESTATIONS_MAX + 1)
        return hm_fail(why, HM_E_HISTORY, "release r%llu: %zu pieces of evidence",
                       (unsigned long long)id, n);
    enum hm_err err =
        db_reader_evidence(reader, id, EVIDENCE_REQUEST, 2 * HM_REQUEST_MAX, &e->request, why);
    if (err == HM_OK)
        err = db_reader_evidence(reader, id, EVIDENCE_MANIFEST, HM_MANIFEST_MAX, &e->manifest, why);
    if (err == HM_OK)
        err = read_jwk(reader, e, &n, why);
    if (err == HM_OK && n > EVIDENCE_ATTESTATIONS + HM_ATTESTATIONS_MAX)
        err = hm_fail(why, HM_E_HISTORY, "release r%llu: %zu pieces of evidence",
                      (unsigned long long)id, n);
    for (size_t i = EVIDENCE_ATTESTATIONS; err == HM_OK && i < n; i++) {
        err = db_reader_evidence(reader, id, (unsigned)i, HM_ATTESTATION_MAX,
                                 &e->attestations[i - EVIDENCE_ATTESTATIONS], why);
        e->attestation_count = i - EVIDENCE_ATTESTATIONS + 1;
    }
    return err;
}

static enum hm_err verify_claim(struct reg_conn *c, const struct policy *policy, struct evidence *e,
                                struct hm_why *why)
{
    struct hm_bytes attestations[HM_ATTESTATIONS_MAX];
    for (size_t i = 0; i < e->attestation_count; i++)
        attestations[i] = hm_buf_bytes(&e->attestations[i]);
    struct reg_claim_input in = {
        .world = c->desk->world,
        .policy = policy,
        .memo = c->desk->memo,
        .certs = c->desk->certs,
        .document = hm_buf_bytes(&e->request),
        .hint = e->submitted.actor,
        .at_s = (int64_t)(e->submitted.t_ms / 1000),
        .past = true,
        .oidc = c->desk->oidc,
        .jwk = hm_buf_bytes(&e->jwk),
        .attestations = attestations,
        .attestation_count = e->attestation_count,
    };
    enum hm_err err = reg_claim_verify(&in, &e->claim, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_HISTORY, "evidence of release r%llu",
                          (unsigned long long)e->submitted.idx);
    e->claimed = true;
    if (strcmp(e->claim.submitter->id, e->submitted.actor) != 0)
        return hm_fail(
            why, HM_E_HISTORY, "release r%llu: submitted by %s, but the request is signed by %s",
            (unsigned long long)e->submitted.idx, e->submitted.actor, e->claim.submitter->id);
    return HM_OK;
}

/* The record says which manifest; the request says what must stand in it. Build it again and
 * compare. */
static enum hm_err check_manifest(struct reg_conn *c, const struct evidence *e, struct hm_why *why)
{
    HM_BUF_AUTO again = {.limit = HM_MANIFEST_MAX};
    const struct reg_format *f = reg_format_suit();
    enum hm_err err =
        f->build(c->desk->world, &e->claim.request, e->submitted.sequence, &again, why);
    if (err != HM_OK)
        return err;
    struct hm_digest digest = f->digest(hm_buf_bytes(&again));
    if (!hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&e->manifest)) ||
        !hm_digest_eq(&digest, &e->submitted.manifest))
        return hm_fail(why, HM_E_HISTORY,
                       "release r%llu: the manifest is not the one that its request gives",
                       (unsigned long long)e->submitted.idx);
    return HM_OK;
}

static enum hm_err make_statement(struct reg_conn *c, const struct policy *policy,
                                  struct evidence *e, struct hm_why *why)
{
    struct hm_digest artifacts[HM_ARTIFACTS_MAX];
    struct policy_facts facts;
    reg_claim_facts(&e->claim, POLICY_OF_EVIDENCE, artifacts, &facts);
    facts.submitted_s = (int64_t)(e->submitted.t_ms / 1000);
    policy_evaluate(policy, &facts, &e->verdict);
    if (!e->verdict.allow)
        return hm_fail(why, HM_E_HISTORY, "release r%llu: its own policy does not allow it (%s)",
                       (unsigned long long)e->submitted.idx, policy_first_failed(&e->verdict));
    return reg_statement(c->desk->world->genesis.origin, &e->submitted, &e->leaf, &e->claim.request,
                         &e->verdict, &e->statement, why);
}

static enum hm_err verify_evidence(struct reg_conn *c, const struct policy *policy,
                                   struct evidence *e, struct reg_known **out, struct hm_why *why)
{
    enum hm_err err = verify_claim(c, policy, e, why);
    if (err == HM_OK)
        err = check_manifest(c, e, why);
    if (err == HM_OK)
        err = make_statement(c, policy, e, why);
    if (err != HM_OK)
        return err;
    const struct reg_outcome o = {.world = c->desk->world,
                                  .submitted = &e->submitted,
                                  .leaf = &e->leaf,
                                  .policy = policy,
                                  .rule = e->verdict.matched,
                                  .claim = &e->claim,
                                  .manifest = hm_buf_bytes(&e->manifest),
                                  .statement = hm_buf_bytes(&e->statement)};
    return reg_known_make(&o, out, why);
}

/* A record that stands in the log, but not yet under a checkpoint, is used and not remembered. */
static void remember(struct reg_conn *c, struct reg_known *k)
{
    struct reg_status st;
    reg_seq_status(c->desk->seq, &st);
    if (k->id < st.published)
        reg_knowns_put(c->desk->knowns, k);
}

static enum hm_err find_out(struct reg_conn *c, uint64_t release, struct reg_known **out,
                            struct hm_why *why)
{
    __attribute__((cleanup(evidence_free))) struct evidence *e = calloc(1, sizeof *e);
    struct db_reader *reader;
    if (e == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    const struct policy *policy = NULL;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = read_record(reader, release, e, why);
    if (err == HM_OK)
        err = reg_policy_fetch(reader, c->desk->world, &e->submitted.policy, &policy, NULL, why);
    if (err == HM_OK)
        err = read_evidence(reader, release, e, why);
    if (err == HM_OK)
        err = verify_evidence(c, policy, e, out, why);
    if (err == HM_OK)
        remember(c, *out);
    return err;
}

enum hm_err reg_dossier_open(struct reg_conn *c, uint64_t release, struct reg_dossier **out,
                             struct hm_why *why)
{
    struct reg_dossier *d = calloc(1, sizeof *d);
    if (d == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    d->id = release;
    d->known = reg_knowns_get(c->desk->knowns, release);
    enum hm_err err = d->known != NULL ? HM_OK : find_out(c, release, &d->known, why);
    if (err != HM_OK) {
        reg_dossier_free(d);
        return err;
    }
    d->submitted = &d->known->submitted;
    *out = d;
    return HM_OK;
}

/* What voids an approval that was recorded and not used yet: its certificate has run out or is
 * revoked. It is left out, like one by a key that the policy in force no longer has. */
static bool void_now(struct reg_conn *c, const struct reg_dossier *d, const struct hm_key *key)
{
    struct hm_why why = {""};
    int64_t now_s = hm_clock_unix_s();
    const struct policy *all[] = {d->known->policy, c->desk->world->policy};
    for (size_t i = 0; i < 2; i++)
        if (reg_key_holds(c->desk->certs, all[i], key, now_s, false, &why) != HM_OK)
            return true;
    return false;
}

static enum hm_err verify_approval(struct reg_conn *c, struct reg_dossier *d,
                                   const struct db_approval *a, struct hm_why *why)
{
    size_t n = d->approval_count;
    struct hm_signed s;
    struct db_reader *reader;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = reg_approval_read(reader, HM_EV_APPROVAL_RECORDED, d->id, a, &d->approvals[n], why);
    if (err != HM_OK)
        return err;
    const struct policy_principal *p = policy_principal(d->known->policy, a->principal);
    const struct hm_key *key = policy_approval_key(d->known->policy, a->principal, &a->key);
    if (key == NULL)
        return hm_fail(why, HM_E_HISTORY, "approval %llu: %s has no such key in the policy",
                       (unsigned long long)a->record, a->principal);
    struct hm_bytes document = hm_buf_bytes(&d->approvals[n]);
    err = hm_signed_parse(document, HM_SIGNED_MAX, &s, why);
    if (err != HM_OK)
        return err;
    err = reg_signed_verify_with(c->desk->memo, &s, document, HM_SIGNED_APPROVAL, key,
                                 policy_key_ready(d->known->policy, key), why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), hm_buf_bytes(&d->known->statement)))
        err = hm_fail(why, HM_E_HISTORY, "approval %llu is over another statement",
                      (unsigned long long)a->record);
    bool user_verified = hm_signed_user_verified(&s);
    hm_signed_free(&s);
    if (err != HM_OK)
        return err;
    if (void_now(c, d, key)) {
        hm_buf_free(&d->approvals[n]);
        return HM_OK;
    }
    d->approval_facts[n] = (struct policy_fact_approval){p->id, a->key, a->record, user_verified};
    d->approval_count = n + 1;
    return HM_OK;
}

enum hm_err reg_dossier_approvals(struct reg_conn *c, struct reg_dossier *d, struct hm_why *why)
{
    struct db_approval list[HM_APPROVALS_MAX];
    size_t count = 0;
    struct db_reader *reader;
    if (d->known->rule->approvals == 0) /* it takes none, ever */
        return HM_OK;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_approvals(reader, d->id, list, &count, why);
    for (size_t i = 0; err == HM_OK && i < count; i++)
        err = verify_approval(c, d, &list[i], why);
    return err;
}

void reg_dossier_free(struct reg_dossier *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < HM_APPROVALS_MAX; i++)
        hm_buf_free(&d->approvals[i]);
    reg_known_drop(d->known);
    free(d);
}

void reg_dossier_cleanup(struct reg_dossier **d)
{
    reg_dossier_free(*d);
}
