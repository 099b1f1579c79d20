/* Certificate revocation lists (RFC 5280) of the client CA: which client certificates count no more
 * although they have not expired. Lists are read whole, then immutable; any thread may ask. */
#ifndef SCHEMA_ATTEST_HM_CRL_H
#define SCHEMA_ATTEST_HM_CRL_H

#include "schema/core/hm_bytes.h"

#include <stddef.h>

#define HM_CRL_FILE_MAX ((size_t)8 * 1024 * 1024) /* bytes */
#define HM_CRL_LISTS_MAX 64

struct hm_crls;
/* One list in DER, or one or more in PEM. Each names when the next one comes (nextUpdate); each
 * that a certificate of ca_pem issued is signed by it, and there is at least one such. HM_E_LIMIT,
 * HM_E_MALFORMED, HM_E_SIGNATURE, HM_E_DENIED (of another CA). Caller hm_crls_close()s. */
enum hm_err HM_MUST_USE hm_crls_open(struct hm_bytes file, struct hm_bytes ca_pem,
                                     struct hm_crls **out, struct hm_why *why);
void hm_crls_close(struct hm_crls *c); /* NULL allowed */
/* When the first of the lists is stale, seconds since 1970. */
int64_t hm_crls_until(const struct hm_crls *c);
/* The chain (first: the client's certificate, then its intermediates) leads to the CA at at_s, and
 * none of it below the CA is revoked; a list that is missing or stale at at_s is a refusal.
 * HM_E_DENIED, HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_crls_check_der(const struct hm_crls *c, const struct hm_bytes *chain,
                                          size_t count, int64_t at_s, struct hm_why *why);
enum hm_err HM_MUST_USE hm_crls_check_pem(const struct hm_crls *c, struct hm_bytes pem,
                                          int64_t at_s, struct hm_why *why);

#endif
