/* Records that are kept in memory while others are still read: at most CLI_KEPT_BYTES of them, so
 * that a question that is too wide ends with a message. Thread: main. */
#ifndef CLIENT_CLI_KEPT_H
#define CLIENT_CLI_KEPT_H

#include "schema/core/hm_bytes.h"

#define CLI_KEPT_BYTES ((size_t)512 * 1024 * 1024) /* rows of the list included */

struct cli_kept_row {
    uint64_t idx;
    uint8_t *bytes; /* owned */
    size_t len;
};
struct cli_kept {
    struct cli_kept_row *rows;
    size_t count, cap;
    size_t bytes; /* of all rows */
    size_t next;  /* cli_kept_last: the oldest row, which gives way */
};
/* Copies. HM_E_LIMIT, HM_E_MEMORY. */
enum hm_err HM_MUST_USE cli_kept_add(struct cli_kept *k, uint64_t idx, struct hm_bytes record,
                                     struct hm_why *why);
/* The same, but only the last `max` of all that were added stay. */
enum hm_err HM_MUST_USE cli_kept_last(struct cli_kept *k, uint64_t max, uint64_t idx,
                                      struct hm_bytes record, struct hm_why *why);
/* By ascending index, each once. HM_E_DENIED where one index has two records. */
enum hm_err HM_MUST_USE cli_kept_sort(struct cli_kept *k, struct hm_why *why);
void cli_kept_free(struct cli_kept *k);
#define CLI_KEPT_AUTO __attribute__((cleanup(cli_kept_free))) struct cli_kept

#endif
