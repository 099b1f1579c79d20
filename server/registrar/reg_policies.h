/* Every policy that this process has loaded, with its exact bytes and its release keys imported for
 * verification. None is freed before the process ends (there are as many as were activated), so
 * other threads may keep pointers into them. One is in force; only the sequencer's thread changes
 * which, inside its transaction, and says afterwards whether that held. */
#ifndef SERVER_REGISTRAR_REG_POLICIES_H
#define SERVER_REGISTRAR_REG_POLICIES_H

#include "policy/policy.h"

#include <stdatomic.h>

typedef _Atomic(const struct policy *) reg_policy_ptr;

/* How the policy in force came into force. */
struct reg_activation {
    uint64_t record; /* its policy.activated record */
    bool has_proposal;
    uint64_t proposal; /* the policy.proposed record that it followed */
};
struct reg_policies;
/* in_force: where others read which one is; borrowed. */
enum hm_err HM_MUST_USE reg_policies_open(reg_policy_ptr *in_force, struct reg_policies **out,
                                          struct hm_why *why);
void reg_policies_close(struct reg_policies *s); /* NULL allowed; no other thread may run */
/* Loads a document, or finds it loaded. Any thread. */
enum hm_err HM_MUST_USE reg_policies_add(struct reg_policies *s, struct hm_bytes document,
                                         const struct policy **out, struct hm_why *why);
/* NULL: not loaded. Any thread. */
const struct policy *reg_policies_find(const struct reg_policies *s,
                                       const struct hm_digest *digest);
/* The exact bytes of a loaded one. Any thread. */
struct hm_bytes reg_policies_document(const struct reg_policies *s, const struct policy *p);
/* ECDSA P-256 with SHA-256 by a release key of any loaded policy. sig: r||s, 64 bytes. Any thread.
 * HM_E_NOT_FOUND: no policy names this key. HM_E_SIGNATURE. */
enum hm_err HM_MUST_USE reg_policies_verify(const struct reg_policies *s, struct hm_bytes pub,
                                            struct hm_bytes msg, struct hm_bytes sig);

/* Puts a loaded policy into force. The sequencer's thread, or before there is one. */
void reg_policies_use(struct reg_policies *s, const struct policy *p, struct reg_activation how);
/* The transaction in which that happened was committed, or it was not and the one before is in
 * force again. Harmless where nothing happened. The sequencer's thread. */
void reg_policies_settle(struct reg_policies *s, bool committed);
/* The sequencer's thread. */
struct reg_activation reg_policies_activation(const struct reg_policies *s);

#endif
