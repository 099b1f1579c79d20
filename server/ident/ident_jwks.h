/* The public keys of one token issuer: a file that the operator refreshes, read again when it
 * changes. A file that cannot be used leaves the keys before it. Thread-safe. */
#ifndef SERVER_IDENT_IDENT_JWKS_H
#define SERVER_IDENT_IDENT_JWKS_H

#include "schema/oidc/hm_oidc.h"

struct ident_jwks;
/* program: who logs, a literal. path is borrowed. A file that cannot be used now is HM_E_CONFIG. */
enum hm_err HM_MUST_USE ident_jwks_open(const char *program, const char *path,
                                        struct ident_jwks **out, struct hm_why *why);
void ident_jwks_close(struct ident_jwks *j); /* NULL allowed */
/* Did one of these keys sign the token? Its text is appended to jwk (NULL: not wanted).
 * HM_E_DENIED: no such key, or an algorithm that is not among algs. HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE ident_jwks_verify(struct ident_jwks *j, const struct hm_oidc_token *t,
                                          unsigned algs, struct hm_buf *jwk, struct hm_why *why);

#endif
