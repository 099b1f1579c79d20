/* What a submission proves: who asked (by signature), for what, and with which provenance. The same
 * checks run over a fresh request and over the evidence that is read back before the key is used.
 * Pure but for the memo. */
#ifndef SERVER_REGISTRAR_REG_CLAIM_H
#define SERVER_REGISTRAR_REG_CLAIM_H

#include "policy/policy_verdict.h"
#include "schema/attest/hm_request.h"
#include "schema/attest/hm_signed.h"
#include "server/registrar/reg_certs.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_oidc.h"
#include "server/registrar/reg_world.h"

struct reg_claim {
    struct hm_request request;
    struct hm_digest request_payload; /* SHA-256 of the signed payload: replay is judged by it */
    const struct policy_principal *submitter; /* of the policy it was verified under */
    struct hm_provenance *statements;         /* owned, provenance_count */
    struct policy_fact_provenance provenance[HM_ATTESTATIONS_MAX];
    size_t provenance_count;
    struct hm_statement *others; /* owned, attestation_count */
    struct policy_fact_attestation attestations[HM_ATTESTATIONS_MAX];
    size_t attestation_count;
    struct reg_oidc_proof token; /* owned; used: the request came with a token, not a signature */
};
struct reg_claim_input {
    const struct reg_world *world;
    const struct policy *policy;
    struct reg_memo *memo;
    struct reg_certs *certs;
    struct hm_bytes document; /* signed request */
    const char
        *hint; /* principal whose submit keys to try for DSSE without a certificate; NULL: none */
    int64_t at_s; /* when the certificate must be valid */
    bool past;    /* evidence of a record: what was revoked since does not count */
    const struct reg_oidc *oidc;
    struct hm_bytes jwk; /* past: the last evidence of a request with a token; else empty */
    const struct hm_bytes *attestations;
    size_t attestation_count;
};
/* HM_E_SIGNATURE, HM_E_DENIED: not signed by a submitter. HM_E_MALFORMED, HM_E_LIMIT: what was
 * signed is not a request. Attestations that no trusted builder signed are left out (the policy
 * then refuses for want of provenance); broken ones are errors. The struct is large: allocate it.
 * Caller reg_claim_free()s after success. */
enum hm_err HM_MUST_USE reg_claim_verify(const struct reg_claim_input *in, struct reg_claim *out,
                                         struct hm_why *why);
void reg_claim_free(struct reg_claim *c);

#endif
