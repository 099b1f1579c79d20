/* What the files of the trust store share. */
#ifndef SCHEMA_TRUST_HM_TRUST_STORE_PRIV_H
#define SCHEMA_TRUST_HM_TRUST_STORE_PRIV_H

#include "schema/trust/hm_trust_store.h"

#define HM_TS_FORMAT_VERSION 1
#define HM_TS_UINT_MAX HM_NUMBER_MAX
#define HM_TS_TIME_MAX UINT64_C(253402300799) /* end of the year 9999 */

/* Every count is within its array. */
bool hm_ts_fits(const struct hm_trust_store *t);
/* Everything that the format forbids and a struct can still hold: thresholds, order, roles, unknown
 * kids. HM_E_MALFORMED. */
enum hm_err HM_MUST_USE hm_ts_check(const struct hm_trust_store *t, struct hm_why *why);
/* Payload bytes of a store that has been checked. */
void hm_ts_encode(const struct hm_trust_store *t, struct hm_buf *out);
/* The reverse: structure and sizes only; hm_ts_check must follow. *out is overwritten either way.
 */
enum hm_err HM_MUST_USE hm_ts_decode(struct hm_bytes payload, struct hm_trust_store *out,
                                     struct hm_why *why);

void hm_ts_kid(const struct hm_key *k, uint8_t kid[static HM_KID_LEN]);
/* Place in keys, or -1. */
int hm_ts_find_kid(const struct hm_trust_store *t, const uint8_t kid[static HM_KID_LEN]);

#endif
