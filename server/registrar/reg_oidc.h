/* Tokens of CI systems (docs/formats/oidc.md): in place of a signature on a request, and as a
 * bearer at the door. Immutable but for the key files, which are read again when they change.
 * Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_OIDC_H
#define SERVER_REGISTRAR_REG_OIDC_H

#include "policy/policy_identity.h"
#include "schema/oidc/hm_oidc.h"
#include "server/registrar/reg_config.h"

struct reg_oidc;
/* origin: of the log, borrowed like config. HM_E_CONFIG: a key file that cannot be used. */
enum hm_err HM_MUST_USE reg_oidc_open(const struct reg_config *config, const char *origin,
                                      struct reg_oidc **out, struct hm_why *why);
void reg_oidc_close(struct reg_oidc *o); /* NULL allowed */

/* What a token that stood in place of a signature leaves behind. */
struct reg_oidc_proof {
    bool used;
    struct hm_digest id; /* spent with the submission */
    int64_t expires_s;   /* of the token, leeway included */
    int64_t forget_s;    /* when it need not be remembered any more */
    struct hm_buf jwk;   /* the key that signed it: evidence */
};
void reg_oidc_proof_free(struct reg_oidc_proof *p);

struct reg_oidc_input {
    const struct reg_oidc *oidc;
    const struct policy *policy;
    const char *token;
    struct hm_bytes payload; /* what it stands for */
    struct hm_bytes jwk; /* evidence of a record: the key that was the issuer's then; empty: now */
    int64_t at_s;
};
/* The token is for this payload in this log, by a key of its issuer, in time, and the policy names
 * somebody with its claims. HM_E_DENIED, HM_E_SIGNATURE, HM_E_EXPIRED, HM_E_MALFORMED, … */
enum hm_err HM_MUST_USE reg_oidc_signed(const struct reg_oidc_input *in,
                                        const struct policy_principal **who,
                                        struct reg_oidc_proof *proof, struct hm_why *why);

/* A token that somebody brings along to the door. */
struct reg_bearer {
    const struct policy_principal *who;
    unsigned kind; /* IDENT_TOKEN_BOUND or IDENT_TOKEN_ACCESS */
    struct hm_digest id;
    struct hm_digest request; /* IDENT_TOKEN_BOUND: the one that it was made for */
};
enum hm_err HM_MUST_USE reg_oidc_bearer(const struct reg_oidc *o, const struct policy *policy,
                                        struct hm_bytes token, int64_t now_s,
                                        struct reg_bearer *out, struct hm_why *why);

#endif
