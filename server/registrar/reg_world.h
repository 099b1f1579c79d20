/* What the registrar stands on: genesis, guards, trust stores, client CA, read once at start and
 * immutable afterwards; and the policies, of which one is in force (reg_policies.h). */
#ifndef SERVER_REGISTRAR_REG_WORLD_H
#define SERVER_REGISTRAR_REG_WORLD_H

#include "device/hm_device_store.h"
#include "policy/policy.h"
#include "schema/log/hm_cosignature.h"
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_trust_store.h"
#include "server/registrar/reg_config.h"
#include "server/registrar/reg_policies.h"

struct reg_trust_store {
    char environment[HM_NAME_MAX + 1];
    struct hm_buf bytes;
    struct hm_digest digest;
    struct hmd_store device; /* borrows bytes */
    struct hm_cosigners witnesses;
    size_t witness_quorum; /* 0: it names none */
};
struct reg_world {
    struct hm_genesis genesis;
    struct hm_buf genesis_bytes;
    struct hm_guards guards;
    struct hm_buf guards_bytes;
    /* In force; read it once where several steps must see the same. Changes on the sequencer. */
    reg_policy_ptr policy;
    struct reg_policies *policies; /* owned */
    struct hm_buf client_ca;
    struct reg_trust_store stores[HM_TRUST_STORES_MAX];
    size_t store_count;
    struct hm_uuid vendor;
};
/* Reads every file, verifies genesis, guards and trust stores with the configured root, and holds
 * them against each other: trust stores are those that the genesis names, a production
 * trust store lists no development key. The policy in force is the file's until reg_init_check()
 * has asked the log. Caller reg_world_free()s, also after an error. */
enum hm_err HM_MUST_USE reg_world_load(const struct reg_config *c, struct reg_world *w,
                                       struct hm_why *why);
/* Could this policy be in force here? It is no weaker than the guards (policy_check_guards;
 * with the lists of approvers that hold: reg_roster.h), and devices derive the same vendor id from
 * it. HM_E_CONFIG with a path into the document. */
enum hm_err HM_MUST_USE reg_world_fits(const struct reg_world *w, const struct hm_guards *guards,
                                       const struct policy *p, struct hm_why *why);
/* No trust store lists a release key of another environment. HM_E_CONFIG. */
enum hm_err HM_MUST_USE reg_world_check_development(const struct reg_world *w,
                                                    const struct hm_guards *guards,
                                                    struct hm_why *why);
/* reg_policies_verify. */
enum hm_err HM_MUST_USE reg_world_verify(const struct reg_world *w, struct hm_bytes pub,
                                         struct hm_bytes msg, struct hm_bytes sig);
void reg_world_free(struct reg_world *w);
const struct reg_trust_store *reg_world_store(const struct reg_world *w, const char *environment);

#endif
