/* Spent tokens lie among the digests of spent requests: both are used once, remembered until they
 * could not be used anyway, and made so that no digest is one of the other kind. */
#include "db/log/db_state.h"

enum hm_err db_state_token_spend(struct db_log *log, const struct hm_digest *token,
                                 int64_t forget_s, uint64_t record, struct hm_why *why)
{
    return db_state_request_seen(log, token, forget_s, record, NULL, why);
}

enum hm_err db_state_token_spent(struct db_log *log, const struct hm_digest *token,
                                 uint64_t *record, struct hm_why *why)
{
    return db_state_request_find(log, token, record, why);
}
