/* SSHSIG (OpenSSH PROTOCOL.sshsig): what `ssh-keygen -Y sign` makes. */
#ifndef SCHEMA_ATTEST_HM_SSHSIG_H
#define SCHEMA_ATTEST_HM_SSHSIG_H

#include "schema/key/hm_key.h"

struct hm_sshsig {
    struct hm_key key;  /* the embedded public key: a claim, not a trust anchor */
    struct hm_buf blob; /* decoded; the views below point into it */
    struct hm_bytes ns;
    struct hm_bytes hash; /* "sha256" or "sha512" */
    struct hm_bytes sig;  /* Ed25519: 64 bytes; ECDSA: mpint r, mpint s as SSH strings */
    uint8_t sk_flags;
    uint32_t sk_counter;
};
/* armor: PEM-like text, at most HM_SSHSIG_MAX. Magic, version 1, empty reserved field, known hash,
 * signature type = key type, no trailing bytes. Caller hm_sshsig_free()s. */
enum hm_err HM_MUST_USE hm_sshsig_parse(struct hm_bytes armor, struct hm_sshsig *out,
                                        struct hm_why *why);
void hm_sshsig_free(struct hm_sshsig *s);
/* Embedded key = key (algorithm and raw value), namespace exact, message signed. For sk- keys: the
 * application that the enrolled key names is what was signed, user presence set, and user
 * verification where the enrolled key asks for it. An enrolled sk-
 * key does not take a plain signature, nor the reverse. HM_E_SIGNATURE, HM_E_DENIED with text. */
enum hm_err HM_MUST_USE hm_sshsig_verify(const struct hm_sshsig *s, const struct hm_key *key,
                                         const char *ns, struct hm_bytes message,
                                         struct hm_why *why);
/* ready: this key, imported before, or NULL. */
enum hm_err HM_MUST_USE hm_sshsig_verify_with(const struct hm_sshsig *s, const struct hm_key *key,
                                              const struct hm_key_ready *ready, const char *ns,
                                              struct hm_bytes message, struct hm_why *why);
/* Whether it is by an sk- key whose token says that it verified its user. */
bool hm_sshsig_user_verified(const struct hm_sshsig *s);
/* The bytes that an SSH agent signs for a message (sha512). */
void hm_sshsig_tbs(struct hm_buf *out, const char *ns, struct hm_bytes message);
/* Armoured signature from a public key blob and an SSH signature blob (as an agent returns it). */
void hm_sshsig_armor(struct hm_buf *out, struct hm_bytes key_blob, const char *ns,
                     struct hm_bytes sig_blob);

#endif
