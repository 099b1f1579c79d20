/* What certificates and revocation lists share: PEM into OpenSSL's objects, and their cleanup. */
#ifndef SCHEMA_ATTEST_HM_CERT_PRIV_H
#define SCHEMA_ATTEST_HM_CERT_PRIV_H

#include "schema/core/hm_bytes.h"

#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#define HM_CERT_PEM_MAX ((size_t)256 * 1024) /* bytes of a chain or a CA file */
#define HM_CERT_CHAIN_MAX 8                  /* intermediates that come with a certificate */
#define HM_CERT_CA_MAX 64

void hm_cert_free_bio(BIO **b);
void hm_cert_free_stack(STACK_OF(X509) * *s);
void hm_cert_free_store(X509_STORE **s);
#define HM_CERT_AUTO(f) __attribute__((cleanup(f)))

/* Every certificate of a PEM text, in its order; caller frees the stack. HM_E_LIMIT,
 * HM_E_MALFORMED. */
enum hm_err HM_MUST_USE hm_cert_read_pem(struct hm_bytes pem, int max, STACK_OF(X509) * *out,
                                         struct hm_why *why);
/* The CA certificates as anchors. Caller frees. */
enum hm_err HM_MUST_USE hm_cert_read_store(struct hm_bytes ca_pem, X509_STORE **out,
                                           struct hm_why *why);
/* chain[0] leads to an anchor of the store, for TLS client use, at at_s. With the store's CRL
 * flags, no certificate below the anchor may be revoked. HM_E_DENIED with OpenSSL's reason. */
enum hm_err HM_MUST_USE hm_cert_verify_store(X509_STORE *store, STACK_OF(X509) * chain,
                                             int64_t at_s, struct hm_why *why);
/* Seconds since 1970. */
bool hm_cert_time(const ASN1_TIME *t, int64_t *out);

#endif
