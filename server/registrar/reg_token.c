#include "server/registrar/reg_token.h"

#include "db/log/db_state.h"

#include <stdio.h>

enum hm_err reg_token_check(struct reg_tx *tx, const struct reg_oidc_proof *p, int64_t now_s,
                            enum reg_problem *problem, char detail[static HM_WHY_MAX],
                            struct hm_why *why)
{
    uint64_t record = 0;
    *problem = REG_PROBLEM_NONE;
    if (!p->used)
        return HM_OK;
    enum hm_err err = db_state_token_spent(tx->log, &p->id, &record, why);
    if (err == HM_OK) {
        *problem = REG_PROBLEM_CONFLICT;
        (void)snprintf(detail, HM_WHY_MAX, "this token was used before, by record %llu",
                       (unsigned long long)record);
        return HM_OK;
    }
    if (err != HM_E_NOT_FOUND)
        return err;
    if (now_s >= p->expires_s) {
        *problem = REG_PROBLEM_EXPIRED;
        (void)snprintf(detail, HM_WHY_MAX, "the token has expired");
    }
    return HM_OK;
}

enum hm_err reg_token_spend(struct reg_tx *tx, const struct reg_oidc_proof *p, uint64_t record,
                            struct hm_why *why)
{
    if (!p->used)
        return HM_OK;
    enum hm_err err = db_state_token_spend(tx->log, &p->id, p->forget_s, record, why);
    return err == HM_E_CONFLICT ? HM_OK : err;
}
