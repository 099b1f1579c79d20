/* A token is spent by the submission that it stood for, in the same transaction. */
#ifndef SERVER_REGISTRAR_REG_TOKEN_H
#define SERVER_REGISTRAR_REG_TOKEN_H

#include "server/registrar/reg_oidc.h"
#include "server/registrar/reg_problem.h"
#include "server/registrar/reg_seq.h"

/* *problem: why the token (if one was used) does not stand for a submission now: it has expired
 * while it waited, or was spent before. Text for the answer in detail. */
enum hm_err HM_MUST_USE reg_token_check(struct reg_tx *tx, const struct reg_oidc_proof *p,
                                        int64_t now_s, enum reg_problem *problem,
                                        char detail[static HM_WHY_MAX], struct hm_why *why);
/* From now on it is spent by that record, or was by an earlier one. Nothing where none was used. */
enum hm_err HM_MUST_USE reg_token_spend(struct reg_tx *tx, const struct reg_oidc_proof *p,
                                        uint64_t record, struct hm_why *why);

#endif
