/* Lists of approvers that came after the guards' own, out of the log. The signer believes none of
 * it; here it decides what a policy may ask for. */
#ifndef SERVER_REGISTRAR_REG_ROSTER_H
#define SERVER_REGISTRAR_REG_ROSTER_H

#include "db/log/db_state.h"
#include "schema/trust/hm_roster_rules.h"
#include "server/registrar/reg_world.h"

/* The list that holds for a key under the guards document that holds: out, large, is filled where
 * serial > 0. */
enum hm_err HM_MUST_USE reg_roster_read(struct db_reader *r, const struct reg_world *w,
                                        const struct hm_guard *g, struct hm_roster *out,
                                        struct hm_roster_now *now, struct hm_why *why);
/* A copy of the guards with the lists that hold. Caller hm_guards_free()s. */
enum hm_err HM_MUST_USE reg_roster_guards(struct db_reader *r, const struct reg_world *w,
                                          struct hm_guards *out, struct hm_why *why);
/* reg_world_fits under the lists that hold. */
enum hm_err HM_MUST_USE reg_roster_holds(struct db_reader *r, const struct reg_world *w,
                                         const struct policy *p, struct hm_why *why);
/* The same for what shall come into force: there must be no guards document that is recorded and
 * not served yet. */
enum hm_err HM_MUST_USE reg_roster_fits(struct db_reader *r, const struct reg_world *w,
                                        const struct policy *p, struct hm_why *why);

#endif
