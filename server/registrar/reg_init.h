/* One-time creation of the log: record 0 and what else the genesis brings. */
#ifndef SERVER_REGISTRAR_REG_INIT_H
#define SERVER_REGISTRAR_REG_INIT_H

#include "server/registrar/reg_world.h"

/* Creates the database with log.created, policy.activated and a trust_store.published for each
 * trust store. The policy must be the one that the genesis names. HM_E_CONFLICT if the database
 * exists. */
enum hm_err HM_MUST_USE reg_init(const struct reg_config *c, const struct reg_world *w,
                                 struct hm_why *why);
/* At start: record 0 is that of this genesis, the policy file was activated in this log, and the
 * policy in force is the one that the log says. HM_E_HISTORY, HM_E_CONFIG. */
enum hm_err HM_MUST_USE reg_init_check(const struct reg_config *c, const struct reg_world *w,
                                       struct hm_why *why);

#endif
