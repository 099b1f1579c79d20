/* COSE_Sign1 with detached payload (RFC 9052 §4.2), exactly as manifests and root-signed documents
 * use it. */
#ifndef SCHEMA_COSE_HM_COSE_H
#define SCHEMA_COSE_HM_COSE_H

#include "schema/cbor/hm_cbor.h"
#include "schema/core/hm_wire.h"
#include "schema/key/hm_key.h"

/* Sig_structure("Signature1", protected {1: alg}, external_aad h'', payload), appended: the bytes
 * that a key signs. */
void hm_cose_tbs(struct hm_buf *out, int alg, struct hm_bytes payload);
/* COSE_Sign1 (tag 18): [bstr {1: alg}, {4: kid}, nil, sig 64 bytes]. */
void hm_cose_sign1(struct hm_buf *out, int alg, struct hm_bytes kid, const uint8_t sig[static 64]);

struct hm_cose_sign1_view {
    int alg;
    struct hm_bytes kid; /* exactly 16 bytes */
    struct hm_bytes sig; /* exactly 64 bytes */
};
/* Strict; HM_E_MALFORMED, HM_E_UNSUPPORTED (neither ESP256 nor Ed25519). */
enum hm_err HM_MUST_USE hm_cose_sign1_parse(struct hm_bytes data, struct hm_cose_sign1_view *out,
                                            struct hm_why *why);

#endif
