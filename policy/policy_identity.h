/* Who somebody is by other means than a certificate: tokens of CI systems. Part of a loaded policy;
 * docs/formats/policy.md. Thread: as policy.h. */
#ifndef POLICY_POLICY_IDENTITY_H
#define POLICY_POLICY_IDENTITY_H

#include "policy/policy.h"

#define POLICY_CLAIMS_MAX 16 /* of one credential */
#define POLICY_OIDC_MAX 1024 /* credentials of this kind in one policy */

/* The text of a claim of a token, NULL if it has none of that name. */
typedef const char *(*policy_claim_fn)(void *ctx, const char *name);
/* Whose token this is: the one principal with a credential for this issuer all of whose claims the
 * token has, byte by byte. NULL if nobody, or if it fits two. */
const struct policy_principal *policy_by_oidc(const struct policy *p, const char *issuer,
                                              policy_claim_fn claim, void *ctx);

/* The certificate (PEM, its intermediates behind it) that an approval key was named by, NULL for
 * one that was named by itself. Borrowed. */
const char *policy_key_certificate(const struct policy *p, const struct hm_key *k);

#endif
