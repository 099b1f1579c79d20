/* The steps of the ceremony and what they share. Thread: one. */
#ifndef HSM_CEREMONY_CER_PRIV_H
#define HSM_CEREMONY_CER_PRIV_H

#include "hsm/ceremony/cer_config.h"
#include "hsm/ceremony/cer_out.h"
#include "schema/trust/hm_trust_store.h"

struct ceremony {
    struct cer_config config;
    struct cer_out out;
    const char *policy_file;   /* --policy, else the configuration's; NULL: none */
    const char *in_force_file; /* --in-force, step "policy" */
    uint64_t record;           /* --record, step "policy"; 0: none */
    /* Labels of the root tokens that sign (--root); none given: all of them. */
    const char *signers[HM_ROOT_KEYS_MAX];
    size_t signer_count;
};

typedef enum hm_err (*cer_step_fn)(struct ceremony *c, struct hm_why *why);
/* Generates or checks every key; writes public keys, root-keys.json, policy-keys.json. Opens all
 * tokens. */
enum hm_err HM_MUST_USE cer_step_keys(struct ceremony *c, struct hm_why *why);
/* These three take the public keys from OUT/keys and open root tokens only. */
enum hm_err HM_MUST_USE cer_step_guards(struct ceremony *c, struct hm_why *why);
enum hm_err HM_MUST_USE cer_step_trust_store(struct ceremony *c, struct hm_why *why);
enum hm_err HM_MUST_USE cer_step_genesis(struct ceremony *c, struct hm_why *why);
/* Not part of a run: a later change of the policy. */
enum hm_err HM_MUST_USE cer_step_policy(struct ceremony *c, struct hm_why *why);
/* Reads everything back and holds it against each other and the configuration. No token. */
enum hm_err HM_MUST_USE cer_step_check(struct ceremony *c, struct hm_why *why);

/* Public keys out of OUT/keys. */
enum hm_err HM_MUST_USE cer_public_key(const struct ceremony *c, const struct cer_place *p,
                                       struct hm_key *out, struct hm_why *why);
enum hm_err HM_MUST_USE cer_log_key(const struct ceremony *c, struct hm_vkey *out,
                                    struct hm_why *why);
enum hm_err HM_MUST_USE cer_root(const struct ceremony *c, struct hm_root *out, struct hm_why *why);

/* Root-signed document over payload, signed by the chosen root tokens. */
enum hm_err HM_MUST_USE cer_root_sign(struct ceremony *c, struct hm_bytes payload,
                                      struct hm_buf *document, struct hm_why *why);
/* Opens tokens (indexes into config.tokens) for a person who is there. */
enum hm_err HM_MUST_USE cer_open(const struct ceremony *c, const size_t *tokens, size_t count,
                                 bool read_write, struct hsm **out, struct hm_why *why);

void cer_close_hsm(struct hsm **h); /* cleanup helper */

/* File name of an environment's trust store: "trust-store-<environment>.cbor". */
#define CER_STORE_NAME_MAX (HM_NAME_MAX + 32)
void cer_store_name(const char *environment, char out[static CER_STORE_NAME_MAX]);

#endif
