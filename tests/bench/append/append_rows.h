/* A stored log's rows, table by table and batch by batch, and another database that gets them by
 * plain INSERTs. */
#ifndef TESTS_BENCH_APPEND_APPEND_ROWS_H
#define TESTS_BENCH_APPEND_APPEND_ROWS_H

#include "schema/core/hm_err.h"

#include <stdint.h>

struct append_copy;

/* Makes `to`, with the tables and indexes of `from` and none of its triggers. */
enum hm_err HM_MUST_USE append_copy_open(const char *from, const char *to, struct append_copy **out,
                                         struct hm_why *why);
/* Reads the rows that belong to the records below `end` and were not read yet. */
enum hm_err HM_MUST_USE append_copy_read(struct append_copy *c, uint64_t end, struct hm_why *why);
/* Inserts those that were read and not written yet, up to the first that belongs to `end` or later,
 * in one durable transaction. */
enum hm_err HM_MUST_USE append_copy_write(struct append_copy *c, uint64_t end, struct hm_why *why);
void append_copy_close(struct append_copy *c); /* NULL allowed */

#endif
