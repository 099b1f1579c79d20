/* X.509 client certificates as identity: chain to a CA, SAN URIs, fingerprint, key. Never the
 * common name. */
#ifndef SCHEMA_ATTEST_HM_CERT_H
#define SCHEMA_ATTEST_HM_CERT_H

#include "schema/key/hm_key.h"
#include "schema/core/hm_limits.h"

#define HM_CERT_URIS_MAX 8
struct hm_cert {
    struct hm_digest fingerprint;                /* SHA-256 of the DER certificate */
    struct hm_key key;                           /* alg HM_KEY_NONE if not P-256 or Ed25519 */
    char uris[HM_CERT_URIS_MAX][HM_URI_MAX + 1]; /* no NUL inside: such a SAN is HM_E_MALFORMED */
    size_t uri_count;
    int64_t not_before_s;
    int64_t not_after_s;
};
/* First certificate of a PEM text. */
enum hm_err HM_MUST_USE hm_cert_parse_pem(struct hm_bytes pem, struct hm_cert *out,
                                          struct hm_why *why);
enum hm_err HM_MUST_USE hm_cert_parse_der(struct hm_bytes der, struct hm_cert *out,
                                          struct hm_why *why);
/* Chain of the first certificate in pem (the rest are intermediates) to one of the CA certificates
 * in ca_pem, for TLS client use, at time at_s. HM_E_DENIED with OpenSSL's reason. */
enum hm_err HM_MUST_USE hm_cert_verify_chain(struct hm_bytes pem, struct hm_bytes ca_pem,
                                             int64_t at_s, struct hm_why *why);

#endif
