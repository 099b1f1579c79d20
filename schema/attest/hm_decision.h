/* Rejection and cancellation statements (docs/formats/approval-statement.md). */
#ifndef SCHEMA_ATTEST_HM_DECISION_H
#define SCHEMA_ATTEST_HM_DECISION_H

#include "schema/attest/hm_signed.h"
#include "schema/core/hm_limits.h"

struct hm_decision {
    enum hm_signed_kind kind; /* HM_SIGNED_REJECTION or HM_SIGNED_CANCELLATION */
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_digest submitted;
    uint64_t release;
    char reason[HM_REASON_MAX + 1];
};
enum hm_err HM_MUST_USE hm_decision_write(const struct hm_decision *d, struct hm_buf *out,
                                          struct hm_why *why);
enum hm_err HM_MUST_USE hm_decision_parse(struct hm_bytes text, enum hm_signed_kind kind,
                                          struct hm_decision *out, struct hm_why *why);
/* "r17" <-> 17. */
enum hm_err HM_MUST_USE hm_release_id_parse(const char *text, uint64_t *idx);
void hm_release_id(uint64_t idx, char out[static 24]);

#endif
