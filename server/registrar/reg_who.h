/* Who signed a document: the one place where a signature becomes a principal. */
#ifndef SERVER_REGISTRAR_REG_WHO_H
#define SERVER_REGISTRAR_REG_WHO_H

#include "schema/attest/hm_signed.h"
#include "server/registrar/reg_certs.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_oidc.h"
#include "server/registrar/reg_world.h"

struct reg_who_input {
    struct reg_certs *certs;
    const struct policy *policy;
    struct reg_memo *memo;
    const struct hm_signed *s;
    struct hm_bytes document; /* its exact bytes */
    enum hm_signed_kind kind;
    const char *hint; /* principal whose keys to try for DSSE without a certificate; NULL: none */
    int64_t at_s;     /* when a certificate must be valid */
    bool past;        /* evidence of a record: what was revoked since does not count */
    const struct reg_oidc *oidc;  /* NULL: no token can stand in place of the signature */
    struct hm_bytes jwk;          /* past: the key that signed the token */
    struct reg_oidc_proof *proof; /* filled where a token did; NULL only if oidc is */
};
/* Requests: by submit key, certificate or token (which leaves *key untouched). Approvals (of
 * releases and policies) and erasures: by approval key only. Rejections, cancellations, proposals:
 * by either key, or certificate. The signature holds when this returns HM_OK. HM_E_SIGNATURE,
 * HM_E_DENIED (a good signature by nobody the policy knows), HM_E_UNSUPPORTED. */
enum hm_err HM_MUST_USE reg_who_signed(const struct reg_who_input *in,
                                       const struct policy_principal **who, struct hm_key *key,
                                       struct hm_why *why);

/* An approval key that the policy names by a certificate holds while the certificate does: at at_s,
 * and unless past, by the revocation lists of now. HM_OK for every other key. HM_E_DENIED. */
enum hm_err HM_MUST_USE reg_key_holds(struct reg_certs *certs, const struct policy *policy,
                                      const struct hm_key *key, int64_t at_s, bool past,
                                      struct hm_why *why);
/* Is this document signed by this key? Remembers yes. */
enum hm_err HM_MUST_USE reg_signed_verify(struct reg_memo *memo, const struct hm_signed *s,
                                          struct hm_bytes document, enum hm_signed_kind kind,
                                          const struct hm_key *key, struct hm_why *why);
/* ready: this key, imported before, or NULL. */
enum hm_err HM_MUST_USE reg_signed_verify_with(struct reg_memo *memo, const struct hm_signed *s,
                                               struct hm_bytes document, enum hm_signed_kind kind,
                                               const struct hm_key *key,
                                               const struct hm_key_ready *ready,
                                               struct hm_why *why);
/* What the memo remembers: that this key signed this document as that. */
struct hm_digest reg_memo_key(const char *what, const struct hm_key *key, struct hm_bytes document);

#endif
