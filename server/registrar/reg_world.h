/* What the registrar stands on, read once at start and immutable afterwards: genesis, guards, trust
 * stores, client CA, policies. */
#ifndef SERVER_REGISTRAR_REG_WORLD_H
#define SERVER_REGISTRAR_REG_WORLD_H

#include "device/hm_device_store.h"
#include "policy/policy.h"
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_trust_store.h"
#include "server/registrar/reg_config.h"

struct reg_trust_store {
    char environment[HM_NAME_MAX + 1];
    struct hm_buf bytes;
    struct hm_digest digest;
    struct hmd_store device; /* borrows bytes */
};
struct reg_world {
    struct hm_genesis genesis;
    struct hm_buf genesis_bytes;
    struct hm_guards guards;
    struct hm_buf guards_bytes;
    struct hm_buf policy_bytes;
    struct policy *policy; /* in force */
    struct hm_buf client_ca;
    struct reg_trust_store stores[HM_TRUST_STORES_MAX];
    size_t store_count;
    struct hm_uuid vendor;
    struct reg_release_key *release_keys; /* imported for verification; owned */
    size_t release_key_count;
};
/* Reads every file, verifies genesis, guards and trust stores with the configured root, and holds
 * them against each other: guards and trust stores are those that the genesis names, the policy's
 * release keys have a guard of the same environment, a production trust store lists no development
 * key. Caller reg_world_free()s, also after an error. */
enum hm_err HM_MUST_USE reg_world_load(const struct reg_config *c, struct reg_world *w,
                                       struct hm_why *why);
/* ECDSA P-256 with SHA-256 by one of the policy's release keys, imported once. sig: r||s, 64 bytes.
 * HM_E_NOT_FOUND: not a release key of the policy. HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE reg_world_verify(const struct reg_world *w, struct hm_bytes pub,
                                         struct hm_bytes msg, struct hm_bytes sig);
void reg_world_free(struct reg_world *w);
const struct reg_trust_store *reg_world_store(const struct reg_world *w, const char *environment);
/* The policy with this digest, NULL if it is not the one in force. (Policies change only with a
 * later version of this program.) */
const struct policy *reg_world_policy(const struct reg_world *w, const struct hm_digest *digest);

#endif
