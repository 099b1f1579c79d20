/* How many refusal records a principal may cause: a token bucket each, and a count of what was left
 * out. Sequencer's thread only. */
#ifndef SERVER_REGISTRAR_REG_REFUSALS_H
#define SERVER_REGISTRAR_REG_REFUSALS_H

#include "db/log/db_log.h"

struct reg_refusals;
enum hm_err HM_MUST_USE reg_refusals_open(uint64_t per_minute, struct reg_refusals **out,
                                          struct hm_why *why);
void reg_refusals_close(struct reg_refusals *r);
/* True: write a record. False: only counted. One whose evidence is longer than a small body takes
 * the places of several, so that the rate bounds the bytes as well. */
bool reg_refusals_take(struct reg_refusals *r, const char *actor, size_t evidence_bytes,
                       uint64_t now_ms);
/* Appends one refusals.summarised record per actor whose minute is over; call inside a transaction.
 */
enum hm_err HM_MUST_USE reg_refusals_flush(struct reg_refusals *r, struct db_log *log,
                                           const struct hm_digest *policy, uint64_t now_ms,
                                           struct hm_why *why);
/* After each transaction: what one that was rolled back took, counted or summarised is as before.
 */
void reg_refusals_settle(struct reg_refusals *r, bool committed);
bool reg_refusals_due(const struct reg_refusals *r, uint64_t now_ms);

#endif
