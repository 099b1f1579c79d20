/* What the bare INSERTs of a part of a stored log cost. */
#ifndef TESTS_BENCH_APPEND_APPEND_PART_H
#define TESTS_BENCH_APPEND_APPEND_PART_H

#include "schema/core/hm_err.h"

#include <stdint.h>

/* Copies the log at `from` into an empty folder, which is left empty again: its records below
 * `first` at first, then those below `end` in durable transactions of `batch` records. Prints a
 * line of JSON: processor time of the latter, in microseconds per record. */
enum hm_err HM_MUST_USE append_part(const char *from, const char *folder, uint64_t first,
                                    uint64_t end, unsigned batch, struct hm_why *why);

#endif
