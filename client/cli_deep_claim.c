/* What the evidence of a submission says by itself: who asked for what, which manifest that gives,
 * which attestations came with it, and the statement that people then approve. */
#include "client/cli_deep_priv.h"

#include "schema/cose/hm_authwrap.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVIDENCE_REQUEST 0u
#define EVIDENCE_MANIFEST 1u
#define EVIDENCE_ATTESTATIONS 2u

void deep_claim_free(struct deep_claim *k)
{
    cli_explain_free(&k->e);
    hm_buf_free(&k->manifest);
    hm_buf_free(&k->statement);
    *k = (struct deep_claim){.release = 0};
}

/* The record tells what the request asks for, in the same order. */
static enum hm_err check_request(const struct cli_deep *d, const struct deep_claim *k,
                                 struct hm_why *why)
{
    const struct hm_request *q = &k->e->request;
    const struct hm_record *r = &k->submitted;
    bool same = strcmp(q->product, r->product) == 0 && strcmp(q->version, r->version) == 0 &&
                strcmp(q->channel, r->channel) == 0 && q->artifact_count == r->artifact_count;
    for (size_t i = 0; same && i < q->artifact_count; i++)
        same = hm_digest_eq(&q->artifacts[i].digest, &r->artifacts[i]);
    if (strcmp(q->origin, d->in.log_key->name) != 0)
        return hm_fail(why, HM_E_DENIED, "the request is for log %s", q->origin);
    return same ? HM_OK
                : hm_fail(why, HM_E_DENIED,
                          "the request is for %s %s in %s, the record says %s %s "
                          "in %s, or other artifacts",
                          q->product, q->version, q->channel, r->product, r->version, r->channel);
}

static enum hm_err read_request(struct cli_deep *d, struct deep_claim *k, size_t *attestations,
                                struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = 2 * HM_REQUEST_MAX + 1};
    HM_BUF_AUTO jwk = {.limit = (size_t)64 * 1024};
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    const struct hm_record *r = &k->submitted;
    if (r->evidence_count < EVIDENCE_ATTESTATIONS)
        return hm_fail(why, HM_E_NOT_FOUND, "the record names no request or no manifest");
    *attestations = r->evidence_count - EVIDENCE_ATTESTATIONS;
    enum hm_err err = deep_fetch(d, r, EVIDENCE_REQUEST, 2 * HM_REQUEST_MAX, &doc, why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_SUBMITTER;
    err = hm_signed_parse(hm_buf_bytes(&doc), 2 * HM_REQUEST_MAX, &s, why);
    if (err == HM_OK && hm_signed_token(&s) != NULL) {
        if (*attestations == 0)
            return hm_fail(why, HM_E_NOT_FOUND, "a token without the key that signed it");
        *attestations -= 1;
        err = deep_fetch(d, r, r->evidence_count - 1, (size_t)32 * 1024, &jwk, why);
    }
    if (err == HM_OK)
        err = deep_who(d, k, &s, hm_buf_bytes(&jwk), why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_REQUEST;
    k->payload = hm_sha256(hm_signed_payload(&s));
    err = hm_request_parse(hm_signed_payload(&s), &k->e->request, why);
    return err == HM_OK ? check_request(d, k, why) : err;
}

/* A statement writes "-" for what is absent, so nothing may be called that. */
static bool is_dash(const struct hm_provenance *p)
{
    bool yes = strcmp(p->builder, "-") == 0;
    for (size_t i = 0; i < p->source_count; i++)
        yes = yes || strcmp(p->sources[i].repository, "-") == 0 ||
              strcmp(p->sources[i].ref, "-") == 0;
    return yes;
}

static enum hm_err read_attestations(struct cli_deep *d, struct deep_claim *k, size_t count,
                                     struct hm_why *why)
{
    const struct hm_record *r = &k->submitted;
    const struct hm_request *q = &k->e->request;
    enum hm_err err = HM_OK;
    d->step = CLI_DEEP_ATTESTATION;
    if (count != q->attestation_count)
        return hm_fail(why, HM_E_DENIED, "%zu attestations, the request names %zu", count,
                       q->attestation_count);
    for (size_t i = 0; err == HM_OK && i < count; i++) {
        HM_BUF_AUTO text = {.limit = HM_ATTESTATION_MAX + 1};
        bool used = false;
        if (!hm_digest_eq(&q->attestations[i], &r->evidence[EVIDENCE_ATTESTATIONS + i]))
            return hm_fail(why, HM_E_DENIED,
                           "attestation %zu is not the one that the request names", i);
        d->step = CLI_DEEP_EVIDENCE;
        err = deep_fetch(d, r, EVIDENCE_ATTESTATIONS + i, HM_ATTESTATION_MAX, &text, why);
        if (err != HM_OK)
            return err;
        d->step = CLI_DEEP_ATTESTATION;
        err = cli_explain_attestation(k->e, k->policy, hm_buf_bytes(&text), &used, why);
    }
    for (size_t i = 0; err == HM_OK && i < k->e->facts.provenance_count; i++)
        if (is_dash(k->e->provenance[i].statement))
            err = hm_fail(why, HM_E_DENIED, "a builder, repository or ref is called \"-\"");
    return err;
}

static enum hm_err check_manifest(struct cli_deep *d, struct deep_claim *k, struct hm_why *why)
{
    HM_BUF_AUTO again = {.limit = HM_MANIFEST_MAX};
    const struct hm_record *r = &k->submitted;
    d->step = CLI_DEEP_EVIDENCE;
    enum hm_err err = deep_fetch(d, r, EVIDENCE_MANIFEST, HM_MANIFEST_MAX, &k->manifest, why);
    if (err != HM_OK)
        return err;
    d->step = CLI_DEEP_MANIFEST;
    deep_classes(k);
    err = deep_build_manifest(k, &again, why);
    if (err != HM_OK)
        return err;
    struct hm_digest digest = hm_auth_digest(hm_buf_bytes(&again));
    if (!hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&k->manifest)) || !r->has_manifest ||
        !hm_digest_eq(&digest, &r->manifest))
        return hm_fail(why, HM_E_DENIED, "the manifest is not the one that the request gives");
    return HM_OK;
}

static enum hm_err check_key(const struct deep_claim *k, const struct hm_record_key *named,
                             const struct policy_release_key *key, struct hm_why *why)
{
    HM_BUF_AUTO tbs = {.limit = 4096};
    if (!hm_digest_eq(&named->spki, &key->key_id) ||
        strcmp(named->mechanism, hm_key_mechanism(&key->key)) != 0)
        return hm_fail(why, HM_E_DENIED, "the key is not %s, which rule %s names", key->id,
                       k->rule->id);
    hm_auth_tbs(&tbs, &key->key, hm_buf_bytes(&k->manifest));
    struct hm_digest digest = hm_sha256(hm_buf_bytes(&tbs));
    if (hm_buf_err(&tbs) != HM_OK)
        return hm_fail(why, hm_buf_err(&tbs), "out of memory");
    return hm_digest_eq(&digest, &named->tbs)
               ? HM_OK
               : hm_fail(why, HM_E_DENIED, "the bytes to sign are not those over the manifest");
}

/* The keys are the rule's, and what they are to sign is this manifest. */
static enum hm_err check_keys(struct cli_deep *d, const struct deep_claim *k, struct hm_why *why)
{
    const struct hm_record *r = &k->submitted;
    enum hm_err err = HM_OK;
    d->step = CLI_DEEP_KEYS;
    if (r->key_count != k->rule->key_count)
        return hm_fail(why, HM_E_DENIED, "%zu keys, rule %s names %zu", r->key_count, k->rule->id,
                       k->rule->key_count);
    for (size_t i = 0; err == HM_OK && i < r->key_count; i++)
        err = check_key(k, &r->keys[i], k->rule->keys[i], why);
    return err;
}

static enum hm_err check_rule(struct cli_deep *d, const struct deep_claim *k, struct hm_why *why)
{
    const struct hm_record *r = &k->submitted;
    enum hm_release_state state =
        k->rule->approvals > 0 ? HM_RELEASE_SUBMITTED : HM_RELEASE_APPROVED;
    d->step = CLI_DEEP_SUBMISSION;
    if (strcmp(r->environment, k->rule->environment) != 0 || r->state != state)
        return hm_fail(why, HM_E_DENIED,
                       "the record says environment %s and %s, rule %s gives %s and %s",
                       r->environment, hm_release_state_name(r->state), k->rule->id,
                       k->rule->environment, hm_release_state_name(state));
    if ((strcmp(r->outcome, "break-glass") == 0) != k->rule->break_glass)
        return hm_fail(why, HM_E_DENIED, "the record does not tell whether the glass was broken");
    if (r->expires_s != r->t_ms / 1000 + (uint64_t)k->rule->approval_ttl_s)
        return hm_fail(why, HM_E_DENIED, "it does not expire when rule %s says", k->rule->id);
    return HM_OK;
}

static enum hm_err make_statement(struct cli_deep *d, struct deep_claim *k, struct hm_why *why)
{
    HM_FREE struct policy_verdict *v = calloc(1, sizeof *v);
    struct policy_facts *f = &k->e->facts;
    if (v == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    d->step = CLI_DEEP_VERDICT_SUBMISSION;
    f->stage = POLICY_OF_EVIDENCE;
    policy_evaluate(k->policy, f, v);
    if (!v->allow || v->matched == NULL)
        return hm_fail(why, HM_E_DENIED, "the policy does not allow what was asked for: %s",
                       policy_first_failed(v));
    k->rule = v->matched;
    enum hm_err err = check_rule(d, k, why);
    if (err == HM_OK)
        err = check_keys(d, k, why);
    d->step = err == HM_OK ? CLI_DEEP_STATEMENT : d->step;
    return err == HM_OK ? deep_build_statement(d->in.log_key->name, k, v, &k->statement, why) : err;
}

static void set_facts(struct deep_claim *k)
{
    struct policy_facts *f = &k->e->facts;
    memcpy(k->e->submitter, k->submitted.actor, sizeof k->e->submitter);
    cli_explain_request(k->e);
    f->submitted_s = (int64_t)(k->submitted.t_ms / 1000);
    f->rollback_floor = k->e->request.rollback_floor;
    f->size = 0;
    for (size_t i = 0; i < k->e->request.artifact_count; i++)
        f->size += k->e->request.artifacts[i].size;
}

static enum hm_err load(struct cli_deep *d, const struct deep_release *r, struct deep_claim *k,
                        struct hm_why *why)
{
    size_t attestations = 0;
    struct hm_bytes bytes = hm_buf_bytes(&r->submitted);
    k->policy = d->policies.list[r->policy]->policy;
    k->leaf = hm_merkle_leaf(bytes);
    enum hm_err err = hm_record_parse(bytes, &k->submitted, why);
    d->step = CLI_DEEP_EVIDENCE;
    if (err == HM_OK)
        err = read_request(d, k, &attestations, why);
    if (err != HM_OK)
        return err;
    set_facts(k);
    err = read_attestations(d, k, attestations, why);
    if (err == HM_OK)
        err = check_manifest(d, k, why);
    return err == HM_OK ? make_statement(d, k, why) : err;
}

void deep_claim_drop(struct cli_deep *d, uint64_t release)
{
    for (size_t i = 0; i < DEEP_CLAIMS; i++)
        if (d->claims[i].e != NULL && d->claims[i].release == release)
            deep_claim_free(&d->claims[i]);
}

enum hm_err deep_claim_get(struct cli_deep *d, uint64_t release, const struct deep_release *r,
                           struct deep_claim **out, struct hm_why *why)
{
    struct deep_claim *k = &d->claims[0];
    for (size_t i = 0; i < DEEP_CLAIMS; i++) {
        if (d->claims[i].e != NULL && d->claims[i].release == release) {
            d->claims[i].used = ++d->clock;
            *out = &d->claims[i];
            return HM_OK;
        }
        if (d->claims[i].used < k->used)
            k = &d->claims[i];
    }
    deep_claim_free(k);
    k->manifest.limit = HM_MANIFEST_MAX + 1;
    k->statement.limit = HM_STATEMENT_MAX;
    k->e = cli_explain_new();
    if (k->e == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    enum hm_err err = load(d, r, k, why);
    if (err != HM_OK) {
        deep_claim_free(k);
        return err;
    }
    k->release = release;
    k->used = ++d->clock;
    *out = k;
    return HM_OK;
}
