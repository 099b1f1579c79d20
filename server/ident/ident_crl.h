/* The revocation lists in force: one file, read again when it changes. A file that cannot be used
 * leaves the lists before it, which end at their own nextUpdate. Thread-safe. */
#ifndef SERVER_IDENT_IDENT_CRL_H
#define SERVER_IDENT_IDENT_CRL_H

#include "schema/core/hm_bytes.h"

struct ident_crl;
/* program: who logs that the file was read anew or cannot be, a literal. path and ca_pem are
 * borrowed. A file that cannot be used now is an error: HM_E_CONFIG. */
enum hm_err HM_MUST_USE ident_crl_open(const char *program, const char *path,
                                       struct hm_bytes ca_pem, struct ident_crl **out,
                                       struct hm_why *why);
void ident_crl_close(struct ident_crl *c); /* NULL allowed */
/* Looks whether the file changed, at most once a second. What was found of a certificate holds as
 * long as this number stays. */
uint64_t ident_crl_generation(struct ident_crl *c);
/* When the first of the lists is stale, seconds since 1970. */
int64_t ident_crl_until(struct ident_crl *c);
/* HM_E_DENIED where the lists are stale. Costs a clock. */
enum hm_err HM_MUST_USE ident_crl_fresh(struct ident_crl *c, int64_t now_s, struct hm_why *why);
/* Is any certificate of this chain revoked? HM_E_DENIED. */
enum hm_err HM_MUST_USE ident_crl_check_der(struct ident_crl *c, const struct hm_bytes *chain,
                                            size_t count, int64_t now_s, struct hm_why *why);
enum hm_err HM_MUST_USE ident_crl_check_pem(struct ident_crl *c, struct hm_bytes pem, int64_t now_s,
                                            struct hm_why *why);

#endif
