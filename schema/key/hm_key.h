/* Key identity: what a public key is, for every role. Keys are equal when algorithm and raw public
 * value are; never by name, fingerprint text or encoding. Values, no ownership. Thread: any. */
#ifndef SCHEMA_KEY_HM_KEY_H
#define SCHEMA_KEY_HM_KEY_H

#include "schema/core/hm_hash.h"

enum hm_key_alg {
    HM_KEY_NONE = 0,
    HM_KEY_P256, /* ECDSA P-256 */
    HM_KEY_ED25519,
};

#define HM_KEY_RAW_MAX 65 /* P-256: 04 || x || y; Ed25519: 32 bytes */
#define HM_KEY_SPKI_MAX 91
#define HM_KEY_APPLICATION_MAX 64

struct hm_key {
    enum hm_key_alg alg;
    uint8_t raw[HM_KEY_RAW_MAX];
    size_t raw_len;
    /* For sk- keys only: the enrolled FIDO application ("ssh:"), else empty. Not part of the
     * identity. */
    char application[HM_KEY_APPLICATION_MAX];
    /* For enrolled sk- keys: the token must have verified who its user is, by PIN or biometrics.
     * Not part of the identity. */
    bool verify_user;
};

bool hm_key_eq(const struct hm_key *a, const struct hm_key *b);
bool hm_key_is_sk(const struct hm_key *k);
/* DER SubjectPublicKeyInfo (RFC 5480 / RFC 8410), uncompressed point. */
struct hm_bytes hm_key_spki(const struct hm_key *k, uint8_t buf[static HM_KEY_SPKI_MAX]);
/* Key id: SHA-256 of the SPKI. kid: its first 16 bytes. */
struct hm_digest hm_key_id(const struct hm_key *k);
/* "ESP256" or "Ed25519": the mechanism name in statements and records. */
const char *hm_key_mechanism(const struct hm_key *k);
/* COSE algorithm number (-9, -19). */
int hm_key_cose_alg(const struct hm_key *k);

/* Each of these checks that the point lies on the curve. HM_E_MALFORMED, HM_E_UNSUPPORTED. */
enum hm_err HM_MUST_USE hm_key_from_spki(struct hm_bytes der, struct hm_key *out,
                                         struct hm_why *why);
enum hm_err HM_MUST_USE hm_key_from_pem(struct hm_bytes pem, struct hm_key *out,
                                        struct hm_why *why);
enum hm_err HM_MUST_USE hm_key_from_raw(enum hm_key_alg alg, struct hm_bytes raw,
                                        struct hm_key *out, struct hm_why *why);
/* An authorized_keys line without options: "type base64 [comment]". */
enum hm_err HM_MUST_USE hm_key_from_ssh_line(const char *line, struct hm_key *out,
                                             struct hm_why *why);
/* What a foreign document says about the key of its signature, in the same form: only to be
 * compared with a known key, so that its point is not looked at. */
enum hm_err HM_MUST_USE hm_key_claim_from_ssh_blob(struct hm_bytes blob, struct hm_key *out,
                                                   struct hm_why *why);
/* The SSH wire blob (RFC 4253 §6.6, RFC 5656, RFC 8709, OpenSSH PROTOCOL.u2f). */
enum hm_err HM_MUST_USE hm_key_from_ssh_blob(struct hm_bytes blob, struct hm_key *out,
                                             struct hm_why *why);
void hm_key_pem(const struct hm_key *k, struct hm_buf *out);
void hm_key_ssh_blob(const struct hm_key *k, struct hm_buf *out);

/* Verify over the message (P-256: ECDSA with SHA-256). HM_E_SIGNATURE when it does not hold. */
enum hm_err HM_MUST_USE hm_key_verify_der(const struct hm_key *k, struct hm_bytes msg,
                                          struct hm_bytes sig); /* P-256: DER; Ed25519: 64 bytes */
enum hm_err HM_MUST_USE
hm_key_verify_raw(const struct hm_key *k, struct hm_bytes msg,
                  struct hm_bytes sig); /* exactly 64 bytes: r||s or Ed25519 */
/* A key that was imported into the crypto library once: then a check costs no more than the bare
 * verification. Immutable, any thread. HM_E_MALFORMED. */
struct hm_key_ready;
enum hm_err HM_MUST_USE hm_key_ready_make(const struct hm_key *k, struct hm_key_ready **out);
void hm_key_ready_free(struct hm_key_ready *r); /* NULL allowed */
/* The same checks. ready: of this very key, or NULL (it is imported for this check). */
enum hm_err HM_MUST_USE hm_key_verify_der_with(const struct hm_key *k,
                                               const struct hm_key_ready *ready,
                                               struct hm_bytes msg, struct hm_bytes sig);
enum hm_err HM_MUST_USE hm_key_verify_raw_with(const struct hm_key *k,
                                               const struct hm_key_ready *ready,
                                               struct hm_bytes msg, struct hm_bytes sig);
/* DER ECDSA-Sig-Value <-> r||s of 64 bytes, left-padded. */
enum hm_err HM_MUST_USE hm_ecdsa_der_to_raw(struct hm_bytes der, uint8_t raw[static 64]);
enum hm_err HM_MUST_USE hm_ecdsa_raw_to_der(const uint8_t raw[static 64], struct hm_buf *der);

#endif
