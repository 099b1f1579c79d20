/* One line of an archive of retired private detail (docs/formats/detail-erasure.md). Pure; any
 * thread. */
#ifndef SCHEMA_LOG_HM_DETAIL_LINE_H
#define SCHEMA_LOG_HM_DETAIL_LINE_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

#define HM_DETAIL_SALT 32                                    /* bytes */
#define HM_DETAIL_MAX ((size_t)64 * 1024)                    /* bytes of one private detail */
#define HM_DETAIL_LINE_MAX ((size_t)6 * HM_DETAIL_MAX + 256) /* bytes of a line, LF included */

struct hm_detail_line {
    uint64_t idx;
    uint8_t salt[HM_DETAIL_SALT];
    struct hm_buf text; /* the detail; owned */
};
/* Appends {"detail":…,"idx":…,"salt":…} and LF. HM_E_MALFORMED: the detail is no UTF-8. */
enum hm_err HM_MUST_USE hm_detail_line_write(uint64_t idx,
                                             const uint8_t salt[static HM_DETAIL_SALT],
                                             struct hm_bytes detail, struct hm_buf *out,
                                             struct hm_why *why);
/* The line without its LF; strict: what it accepts is written again byte for byte. out->text is
 * replaced. HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_detail_line_parse(struct hm_bytes line, struct hm_detail_line *out,
                                             struct hm_why *why);
/* SHA-256(salt || text): what the record names. */
struct hm_digest hm_detail_line_digest(const struct hm_detail_line *l);
void hm_detail_line_free(struct hm_detail_line *l);

#endif
