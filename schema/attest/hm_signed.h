/* A signed document: payload plus one signature, DSSE or SSH, or the token of a CI system in its
 * place (docs/formats/release-request.md). The one door through which requests, approvals,
 * rejections and cancellations come in. */
#ifndef SCHEMA_ATTEST_HM_SIGNED_H
#define SCHEMA_ATTEST_HM_SIGNED_H

#include "schema/attest/hm_dsse.h"
#include "schema/attest/hm_sshsig.h"

enum hm_signed_kind {
    HM_SIGNED_REQUEST = 1,
    HM_SIGNED_REJECTION,
    HM_SIGNED_CANCELLATION,
    HM_SIGNED_APPROVAL,
    HM_SIGNED_POLICY_PROPOSAL,
    HM_SIGNED_POLICY_APPROVAL,
    HM_SIGNED_ROSTER,
    HM_SIGNED_ERASURE,
};
const char *hm_signed_payload_type(enum hm_signed_kind kind);
const char *hm_signed_namespace(enum hm_signed_kind kind);

struct hm_signed {
    bool is_ssh;
    struct hm_dsse dsse;
    struct hm_sshsig ssh;
    struct hm_buf payload_ssh; /* decoded payload of the SSH form, and of the token's */
    struct hm_buf token;       /* empty: signed by a key */
};
/* Parses any form; max bytes of text. Nothing is verified. Caller hm_signed_free()s. */
enum hm_err HM_MUST_USE hm_signed_parse(struct hm_bytes text, size_t max, struct hm_signed *out,
                                        struct hm_why *why);
void hm_signed_free(struct hm_signed *s);
/* The payload; trust it only after hm_signed_verify. Borrowed from s. */
struct hm_bytes hm_signed_payload(const struct hm_signed *s);
/* PEM chain that came with a DSSE document, or NULL. */
const char *hm_signed_certificate(const struct hm_signed *s);
/* Whether the signature says that a security key verified its user (PROTOCOL.u2f, flag 0x04); trust
 * it only after hm_signed_verify. */
bool hm_signed_user_verified(const struct hm_signed *s);
/* The token that stands in place of a signature, or NULL. No key ever verifies such a document:
 * schema/oidc does. */
const char *hm_signed_token(const struct hm_signed *s);
/* HM_OK if key signed this payload as a document of this kind (payload type or namespace exact). */
enum hm_err HM_MUST_USE hm_signed_verify(const struct hm_signed *s, enum hm_signed_kind kind,
                                         const struct hm_key *key, struct hm_why *why);
/* ready: this key, imported before, or NULL. */
enum hm_err HM_MUST_USE hm_signed_verify_with(const struct hm_signed *s, enum hm_signed_kind kind,
                                              const struct hm_key *key,
                                              const struct hm_key_ready *ready, struct hm_why *why);
/* Index of the key that signed, among keys; SSH documents are matched by embedded key first.
 * HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE hm_signed_find(const struct hm_signed *s, enum hm_signed_kind kind,
                                       const struct hm_key *keys, size_t count, size_t *index,
                                       struct hm_why *why);
/* Writers, for clients and tests. */
enum hm_err HM_MUST_USE hm_signed_write_ssh(struct hm_buf *out, struct hm_bytes payload,
                                            struct hm_bytes armor);
enum hm_err HM_MUST_USE hm_signed_write_dsse(struct hm_buf *out, enum hm_signed_kind kind,
                                             struct hm_bytes payload, struct hm_bytes sig,
                                             const char *certificate_pem);
enum hm_err HM_MUST_USE hm_signed_write_token(struct hm_buf *out, struct hm_bytes payload,
                                              struct hm_bytes token);

#endif
