/* A key as libcjose has it, and what hm_jwks.c shares with hm_oidc.c. */
#ifndef SCHEMA_OIDC_HM_JWK_PRIV_H
#define SCHEMA_OIDC_HM_JWK_PRIV_H

#include "schema/oidc/hm_jwks.h"

#include <cjose/cjose.h>

struct hm_jwk {
    char kid[HM_JWK_KID_MAX + 1];
    unsigned algs;
    struct hm_buf text;
    cjose_jwk_t *key;
};
/* Standard base64url without padding (RFC 7515 §2), the only spelling that JOSE has. Appended. */
enum hm_err HM_MUST_USE hm_jose_decode(struct hm_bytes text, struct hm_buf *out);

#endif
