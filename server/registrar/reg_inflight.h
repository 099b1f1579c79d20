/* Idempotency keys that are being worked on right now. Thread-safe. */
#ifndef SERVER_REGISTRAR_REG_INFLIGHT_H
#define SERVER_REGISTRAR_REG_INFLIGHT_H

#include "schema/core/hm_hash.h"

struct reg_inflight;
enum hm_err HM_MUST_USE reg_inflight_open(size_t max, struct reg_inflight **out,
                                          struct hm_why *why);
void reg_inflight_close(struct reg_inflight *f);
bool reg_inflight_enter(struct reg_inflight *f,
                        const struct hm_digest *key); /* false: somebody else is at it, or full */
void reg_inflight_leave(struct reg_inflight *f, const struct hm_digest *key);

#endif
