/* DSSE v1 envelopes with exactly one signature. Standard and URL-safe base64 both decode; ECDSA in
 * DER only; key ids are hints and ignored; members that we do not know are ignored, as the
 * specification asks. */
#ifndef SCHEMA_ATTEST_HM_DSSE_H
#define SCHEMA_ATTEST_HM_DSSE_H

#include "schema/key/hm_key.h"

struct hm_dsse {
    char *payload_type; /* owned */
    struct hm_buf payload;
    struct hm_buf sig;
    char *certificate; /* owned; NULL if absent: the extension member "certificate" (PEM), used by
                          signed documents */
};
/* text: the JSON envelope, at most max bytes. HM_E_MALFORMED, HM_E_LIMIT. Caller hm_dsse_free()s.
 */
enum hm_err HM_MUST_USE hm_dsse_parse(struct hm_bytes text, size_t max, struct hm_dsse *out,
                                      struct hm_why *why);
void hm_dsse_free(struct hm_dsse *d);
/* PAE(type, payload) appended: what is signed. */
void hm_dsse_pae(struct hm_buf *out, const char *payload_type, struct hm_bytes payload);
enum hm_err HM_MUST_USE hm_dsse_verify(const struct hm_dsse *d, const struct hm_key *key);
/* ready: this key, imported before, or NULL. */
enum hm_err HM_MUST_USE hm_dsse_verify_with(const struct hm_dsse *d, const struct hm_key *key,
                                            const struct hm_key_ready *ready);
/* The JSON envelope, appended. sig: DER for P-256, 64 bytes for Ed25519. certificate_pem may be
 * NULL. */
enum hm_err HM_MUST_USE hm_dsse_write(struct hm_buf *out, const char *payload_type,
                                      struct hm_bytes payload, struct hm_bytes sig,
                                      const char *certificate_pem);

#endif
