/* The public keys of a token issuer: a JSON Web Key Set (RFC 7517) as the issuer publishes it, of
 * which only signature keys of the accepted algorithms count. Immutable once read; any thread. */
#ifndef SCHEMA_OIDC_HM_JWKS_H
#define SCHEMA_OIDC_HM_JWKS_H

#include "schema/core/hm_bytes.h"

#define HM_JWKS_MAX ((size_t)256 * 1024) /* bytes of a file */
#define HM_JWKS_KEYS_MAX 64
#define HM_JWK_MAX ((size_t)4096) /* bytes of one key as hm_jwk_text gives it */
#define HM_JWK_KID_MAX 256

/* What a token may be signed with. Nothing symmetric, and never nothing. */
enum hm_oidc_alg {
    HM_OIDC_RS256 = 1,
    HM_OIDC_PS256 = 2,
    HM_OIDC_ES256 = 4,
    HM_OIDC_ES384 = 8,
};
#define HM_OIDC_ALGS_ALL (HM_OIDC_RS256 | HM_OIDC_PS256 | HM_OIDC_ES256 | HM_OIDC_ES384)
/* 0 for every other name. */
unsigned hm_oidc_alg(const char *name);

struct hm_jwk;
struct hm_jwks;
/* {"keys": [...]}: RSA keys of 2048 to 8192 bits and EC keys on P-256 and P-384 that are not for
 * encryption; others are left out. HM_E_MALFORMED: no such key, a key id twice, a private key. */
enum hm_err HM_MUST_USE hm_jwks_open(struct hm_bytes text, struct hm_jwks **out,
                                     struct hm_why *why);
void hm_jwks_close(struct hm_jwks *s); /* NULL allowed */
/* The key with this id, NULL if there is none. Borrowed. */
const struct hm_jwk *hm_jwks_find(const struct hm_jwks *s, const char *kid);

/* One key by itself, as hm_jwk_text gave it. Caller hm_jwk_free()s. */
enum hm_err HM_MUST_USE hm_jwk_open(struct hm_bytes text, struct hm_jwk **out, struct hm_why *why);
void hm_jwk_free(struct hm_jwk *k); /* NULL allowed */
/* The public key alone, canonical JSON: kid, kty, n, e or crv, x, y. */
struct hm_bytes hm_jwk_text(const struct hm_jwk *k);
/* The algorithms that this key can be used with. */
unsigned hm_jwk_algs(const struct hm_jwk *k);

#endif
