/* Policies out of the log: the evidence of the record that activated them. */
#ifndef SERVER_REGISTRAR_REG_POLICY_LOG_H
#define SERVER_REGISTRAR_REG_POLICY_LOG_H

#include "db/log/db_state.h"
#include "server/registrar/reg_world.h"

/* The policy of this digest, loaded from the log's evidence unless it is loaded already; where it
 * was last activated. how may be NULL. HM_E_NOT_FOUND: this log never activated it. HM_E_HISTORY:
 * what stands in the log does not fit. */
enum hm_err HM_MUST_USE reg_policy_fetch(struct db_reader *r, const struct reg_world *w,
                                         const struct hm_digest *digest, const struct policy **out,
                                         struct reg_activation *how, struct hm_why *why);
/* At start: a policy file that this log never activated is HM_E_CONFIG. */
enum hm_err HM_MUST_USE reg_policy_check_file(const struct reg_config *c, struct db_reader *r,
                                              const struct reg_world *w, struct hm_why *why);
/* Whenever the log has been opened: the last record says which policy is in force, and its bytes
 * come from the log. The sequencer's thread, or before there is one. */
enum hm_err HM_MUST_USE reg_policy_resume(const struct reg_config *c, const struct reg_world *w,
                                          struct hm_why *why);

#endif
