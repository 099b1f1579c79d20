/* Statements by which administrators have private detail erased (docs/formats/detail-erasure.md):
 * which records, and what exactly is to go. Pure; any thread. */
#ifndef SCHEMA_ATTEST_HM_ERASURE_H
#define SCHEMA_ATTEST_HM_ERASURE_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

#define HM_ERASURE_MAX 128 /* records of one statement */

struct hm_erasure_item {
    uint64_t idx;            /* of the record */
    struct hm_digest detail; /* as the record names it */
};
struct hm_erasure {
    char origin[HM_ORIGIN_MAX + 1];
    int64_t expires_s;
    char reason[HM_REASON_MAX + 1];
    struct hm_erasure_item items[HM_ERASURE_MAX]; /* ascending, each record once */
    size_t count;                                 /* at least 1 */
};
/* Strict: what is accepted is written again byte for byte. HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_erasure_parse(struct hm_bytes text, struct hm_erasure *out,
                                         struct hm_why *why);
enum hm_err HM_MUST_USE hm_erasure_write(const struct hm_erasure *e, struct hm_buf *out,
                                         struct hm_why *why);

#endif
