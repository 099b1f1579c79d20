/* The requests that change the policy. Handlers as in reg_change.h; ask->release is the index of
 * the proposal's record. */
#ifndef SERVER_REGISTRAR_REG_POLICY_CHANGE_H
#define SERVER_REGISTRAR_REG_POLICY_CHANGE_H

#include "server/registrar/reg_change.h"

enum hm_err HM_MUST_USE reg_policy_propose(struct reg_conn *c, const struct reg_ask *ask,
                                           struct reg_result *out, struct hm_why *why);
enum hm_err HM_MUST_USE reg_policy_approve(struct reg_conn *c, const struct reg_ask *ask,
                                           struct reg_result *out, struct hm_why *why);
/* With the quorum of administrators: the body is empty. */
enum hm_err HM_MUST_USE reg_policy_activate(struct reg_conn *c, const struct reg_ask *ask,
                                            struct reg_result *out, struct hm_why *why);
/* With a statement of the root keys, whatever the policy in force says of its administration. */
enum hm_err HM_MUST_USE reg_policy_replace(struct reg_conn *c, const struct reg_ask *ask,
                                           struct reg_result *out, struct hm_why *why);
/* Another list of approvers for a guard (reg_roster_change.c); ask->release means nothing. */
enum hm_err HM_MUST_USE reg_roster_change(struct reg_conn *c, const struct reg_ask *ask,
                                          struct reg_result *out, struct hm_why *why);
/* Another guards document, signed by the root (reg_guards.c); likewise. */
enum hm_err HM_MUST_USE reg_guards_change(struct reg_conn *c, const struct reg_ask *ask,
                                          struct reg_result *out, struct hm_why *why);
/* Private detail is erased, signed for by administrators (reg_erase.c); likewise. */
enum hm_err HM_MUST_USE reg_erase(struct reg_conn *c, const struct reg_ask *ask,
                                  struct reg_result *out, struct hm_why *why);

#endif
