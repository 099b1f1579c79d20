/* The SUIT authentication wrapper and the two envelopes that carry it: the manifest's (tag 107) and
 * the root-signed document's (untagged). docs/formats/guards.md, manifest.md. */
#ifndef SCHEMA_COSE_HM_AUTHWRAP_H
#define SCHEMA_COSE_HM_AUTHWRAP_H

#include "schema/cose/hm_cose.h"

#define HM_AUTH_SIGNATURES_MAX 8

/* SUIT_Digest over the payload bstr including its CBOR header. */
struct hm_digest hm_auth_digest(struct hm_bytes payload);
/* The 36 bytes [-16, digest], appended. */
void hm_auth_suit_digest(struct hm_buf *out, const struct hm_digest *digest);
/* What each key signs over this payload: hm_cose_tbs of the SUIT_Digest. 55 bytes with ESP256. */
void hm_auth_tbs(struct hm_buf *out, const struct hm_key *key, struct hm_bytes payload);

struct hm_auth_signature {
    struct hm_key key;
    uint8_t sig[64];
};
/* A whole envelope: tagged 107 (manifest) or untagged (root-signed). Order of signatures as given.
 */
void hm_auth_envelope(struct hm_buf *out, bool tagged, struct hm_bytes payload,
                      const struct hm_auth_signature *sigs, size_t count);

struct hm_auth_view {
    struct hm_bytes payload;
    struct hm_digest digest; /* recomputed over the payload; it matched the one in the wrapper */
    size_t count;
    struct hm_cose_sign1_view sigs[HM_AUTH_SIGNATURES_MAX];
};
/* Strict parse, digest compared, signatures not yet verified. Views borrow data. */
enum hm_err HM_MUST_USE hm_auth_parse(struct hm_bytes data, bool tagged, struct hm_auth_view *out,
                                      struct hm_why *why);
/* HM_OK if at least threshold distinct keys of the list signed. threshold 0 is HM_E_DENIED. Any
 * block by a key in the list that does not verify is HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE hm_auth_verify(const struct hm_auth_view *v, const struct hm_key *keys,
                                       size_t key_count, size_t threshold, struct hm_why *why);

#endif
