/* OpenID Connect ID tokens of CI systems (JWT, RFC 7519; JWS, RFC 7515) in place of a signature: a
 * token whose audience names a log and the digest of one request says that the issuer's job asked
 * for just that. docs/formats/oidc.md. Pure; each token by one thread at a time. */
#ifndef SCHEMA_OIDC_HM_OIDC_H
#define SCHEMA_OIDC_HM_OIDC_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"
#include "schema/oidc/hm_jwks.h"

#include <jansson.h>

#define HM_OIDC_TOKEN_MAX ((size_t)8192) /* bytes of a token */
#define HM_OIDC_JTI_MAX 256
#define HM_OIDC_CLAIM_MAX 512       /* bytes of a claim's value that a policy names */
#define HM_OIDC_LIFE_MAX_S 86400    /* from issue to expiry */
#define HM_OIDC_LEEWAY_DEFAULT_S 30 /* clocks differ */
#define HM_OIDC_LEEWAY_MAX_S 300
#define HM_OIDC_AUDIENCE_MAX (HM_ORIGIN_MAX + 8 + 64)

struct hm_oidc_token {
    struct hm_buf text;
    json_t *claims;
    enum hm_oidc_alg alg;
    char kid[HM_JWK_KID_MAX + 1];
    char issuer[HM_URI_MAX + 1];
    char audience[HM_OIDC_AUDIENCE_MAX + 1];
    char jti[HM_OIDC_JTI_MAX + 1];
    int64_t issued_s, not_before_s, expires_s; /* not_before_s: issued_s where it is missing */
};
/* Nothing is verified. Refused: any other algorithm; a header with crit, b64, zip, or with a key or
 * the address of one (jwk, jku, x5u, x5c); members twice; no kid, iss, jti, iat or exp; not exactly
 * one audience; a longer life than a day. HM_E_LIMIT, HM_E_MALFORMED, HM_E_UNSUPPORTED. Caller
 * hm_oidc_free()s. */
enum hm_err HM_MUST_USE hm_oidc_parse(struct hm_bytes text, struct hm_oidc_token *out,
                                      struct hm_why *why);
void hm_oidc_free(struct hm_oidc_token *t);
/* HM_OK if this key signed the token, by the token's algorithm, which is one of algs and one of the
 * key's. HM_E_SIGNATURE, HM_E_DENIED. */
enum hm_err HM_MUST_USE hm_oidc_verify(const struct hm_oidc_token *t, const struct hm_jwk *key,
                                       unsigned algs, struct hm_why *why);
/* Is it for this audience, and does it hold at at_s? HM_E_DENIED, HM_E_EXPIRED. */
enum hm_err HM_MUST_USE hm_oidc_check(const struct hm_oidc_token *t, const char *audience,
                                      int64_t at_s, int64_t leeway_s, struct hm_why *why);
/* A claim that is a text; NULL: missing or something else. Borrowed. */
const char *hm_oidc_claim(const struct hm_oidc_token *t, const char *name);
/* What is spent when the token is used: issuer and jti. */
struct hm_digest hm_oidc_id(const struct hm_oidc_token *t);
/* "<origin>#sha256:<hex>": for the request with these bytes, and for nothing else. */
void hm_oidc_audience(const char *origin, const struct hm_digest *request,
                      char out[static HM_OIDC_AUDIENCE_MAX + 1]);

#endif
