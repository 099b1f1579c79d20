/* What an append, and a proof, cost as the log grows; and what it takes on disk. */
#ifndef TESTS_BENCH_APPEND_APPEND_GROWTH_H
#define TESTS_BENCH_APPEND_APPEND_GROWTH_H

#include "schema/core/hm_err.h"

#include <stdint.h>

/* Prints figures at 100,000, 1,000,000, ... and at `records`, each against those at 10,000. */
enum hm_err HM_MUST_USE append_growth(const char *folder, uint64_t records, struct hm_why *why);

#endif
