#include "server/registrar/reg_claim.h"

#include "server/registrar/reg_who.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool builder_signed(const struct reg_claim_input *in, const struct hm_dsse *d,
                           struct hm_bytes document, const struct hm_key *key)
{
    struct hm_digest m = reg_memo_key(HM_INTOTO_PAYLOAD_TYPE, key, document);
    if (reg_memo_has(in->memo, &m))
        return true;
    if (hm_dsse_verify(d, key) != HM_OK)
        return false;
    reg_memo_add(in->memo, &m);
    return true;
}

/* The builder key of the policy that signed it, if any. */
static const struct hm_key *find_builder(const struct reg_claim_input *in, const struct hm_dsse *d,
                                         struct hm_bytes document)
{
    for (size_t b = 0;; b++) {
        const struct hm_key *keys = NULL;
        size_t count = 0;
        if (policy_builder_at(in->policy, b, &keys, &count) == NULL)
            return NULL;
        for (size_t i = 0; i < count; i++)
            if (builder_signed(in, d, document, &keys[i]))
                return &keys[i];
    }
}

/* An approval statement writes "-" for what is absent, so nothing may be called that. */
static bool is_dash(const struct hm_provenance *p)
{
    bool yes = strcmp(p->builder, "-") == 0;
    for (size_t i = 0; i < p->source_count; i++)
        yes = yes || strcmp(p->sources[i].repository, "-") == 0 ||
              strcmp(p->sources[i].ref, "-") == 0;
    return yes;
}

/* What a builder of the policy signed: provenance, or a statement of another kind. */
static enum hm_err read_statement(size_t i, struct hm_bytes payload, const struct hm_key *key,
                                  struct reg_claim *out, struct hm_why *why)
{
    enum hm_statement_type type = HM_STATEMENT_OTHER;
    struct hm_provenance *p = &out->statements[out->provenance_count];
    struct hm_statement *other = &out->others[out->attestation_count];
    enum hm_err err = hm_provenance_parse(payload, &type, p, why);
    if (err == HM_OK && type == HM_STATEMENT_OTHER)
        err = hm_statement_parse(payload, other, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "attestation %zu", i);
    if (type == HM_STATEMENT_OTHER) {
        out->attestations[out->attestation_count++] = (struct policy_fact_attestation){other, *key};
        return HM_OK;
    }
    if (is_dash(p))
        return hm_fail(why, HM_E_MALFORMED,
                       "attestation %zu: a builder, repository or ref is called \"-\"", i);
    out->provenance[out->provenance_count++] = (struct policy_fact_provenance){p, *key};
    return HM_OK;
}

static enum hm_err read_attestation(const struct reg_claim_input *in, size_t i,
                                    struct reg_claim *out, struct hm_why *why)
{
    struct hm_dsse d = {0};
    struct hm_digest digest = hm_sha256(in->attestations[i]);
    if (!hm_digest_eq(&digest, &out->request.attestations[i]))
        return hm_fail(why, HM_E_SIGNATURE,
                       "attestation %zu is not the one that the signed request names", i);
    enum hm_err err = hm_dsse_parse(in->attestations[i], HM_ATTESTATION_MAX, &d, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "attestation %zu", i);
    const struct hm_key *key = NULL;
    if (strcmp(d.payload_type, HM_INTOTO_PAYLOAD_TYPE) == 0)
        key = find_builder(in, &d, in->attestations[i]);
    if (key != NULL)
        err = read_statement(i, hm_buf_bytes(&d.payload), key, out, why);
    hm_dsse_free(&d);
    return err;
}

static enum hm_err read_attestations(const struct reg_claim_input *in, struct reg_claim *out,
                                     struct hm_why *why)
{
    if (in->attestation_count != out->request.attestation_count)
        return hm_fail(why, HM_E_MALFORMED, "%zu attestations came with a request that names %zu",
                       in->attestation_count, out->request.attestation_count);
    if (in->attestation_count == 0)
        return HM_OK;
    out->statements = calloc(in->attestation_count, sizeof *out->statements);
    out->others = calloc(in->attestation_count, sizeof *out->others);
    if (out->statements == NULL || out->others == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    for (size_t i = 0; i < in->attestation_count; i++) {
        enum hm_err err = read_attestation(in, i, out, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err verify(const struct reg_claim_input *in, const struct hm_signed *s,
                          struct reg_claim *out, struct hm_why *why)
{
    struct reg_who_input who = {.certs = in->certs,
                                .policy = in->policy,
                                .memo = in->memo,
                                .s = s,
                                .document = in->document,
                                .kind = HM_SIGNED_REQUEST,
                                .hint = in->hint,
                                .at_s = in->at_s,
                                .past = in->past,
                                .oidc = in->oidc,
                                .jwk = in->jwk,
                                .proof = &out->token};
    struct hm_key key;
    enum hm_err err = reg_who_signed(&who, &out->submitter, &key, why);
    if (err == HM_OK && (out->submitter->roles & POLICY_ROLE_SUBMITTER) == 0)
        err = hm_fail(why, HM_E_DENIED, "%s does not have the role of a submitter",
                      out->submitter->id);
    if (err != HM_OK)
        return err;
    struct hm_bytes payload = hm_signed_payload(s);
    err = hm_request_parse(payload, &out->request, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "signed request");
    out->request_payload = hm_sha256(payload);
    if (strcmp(out->request.origin, in->world->genesis.origin) != 0)
        return hm_fail(why, HM_E_DENIED, "the request is for log %s, this is %s",
                       out->request.origin, in->world->genesis.origin);
    return read_attestations(in, out, why);
}

enum hm_err reg_claim_verify(const struct reg_claim_input *in, struct reg_claim *out,
                             struct hm_why *why)
{
    struct hm_signed s;
    memset(out, 0, sizeof *out);
    enum hm_err err = hm_signed_parse(in->document, HM_REQUEST_MAX * 2, &s, why);
    if (err != HM_OK)
        return err;
    err = verify(in, &s, out, why);
    hm_signed_free(&s);
    if (err != HM_OK)
        reg_claim_free(out);
    return err;
}

void reg_claim_free(struct reg_claim *c)
{
    if (c == NULL)
        return;
    reg_oidc_proof_free(&c->token);
    free(c->statements);
    free(c->others);
    c->statements = NULL;
    c->others = NULL;
    c->provenance_count = 0;
    c->attestation_count = 0;
}
