/* Appends through db/log against the bare primitive: prepared INSERTs of the very same rows into
 * the same tables and indexes, in as many transactions, with the same SQLite settings; without
 * triggers, authorizer, hashing, tree, compare-and-swap, or any change of a row after its
 * insertion. */
#ifndef TESTS_BENCH_APPEND_APPEND_BARE_H
#define TESTS_BENCH_APPEND_APPEND_BARE_H

#include "schema/core/hm_err.h"

#include <stddef.h>
#include <stdint.h>

/* Prints the figure of the round with the median ratio. */
enum hm_err HM_MUST_USE append_bare(const char *folder, uint64_t records, unsigned batch,
                                    size_t rounds, struct hm_why *why);

#endif
