/* Certificates that were verified before. A chain's validity in time is an interval (each
 * certificate's is), so one that was found valid at two times is valid at every time between them:
 * an entry keeps that range and grows with each verification outside it. Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_CERTS_H
#define SERVER_REGISTRAR_REG_CERTS_H

#include "schema/attest/hm_cert.h"
#include "server/ident/ident_crl.h"

struct reg_certs;
/* ca_pem: the client CA, borrowed; empty: every certificate is refused. crl: its revocation lists,
 * borrowed; NULL: none are configured. */
enum hm_err HM_MUST_USE reg_certs_open(struct hm_bytes ca_pem, struct ident_crl *crl,
                                       struct reg_certs **out, struct hm_why *why);
void reg_certs_close(struct reg_certs *c);
/* The first certificate of pem, whose chain leads to the CA at time at_s. Errors as
 * hm_cert_verify_chain and hm_cert_parse_pem. */
enum hm_err HM_MUST_USE reg_certs_get(struct reg_certs *c, struct hm_bytes pem, int64_t at_s,
                                      struct hm_cert *out, struct hm_why *why);
/* Is this chain, found good before, on no revocation list now? HM_E_DENIED: revoked, or the list is
 * stale. */
enum hm_err HM_MUST_USE reg_certs_current(struct reg_certs *c, struct hm_bytes pem, int64_t now_s,
                                          struct hm_why *why);

#endif
