/* A log for measurements: real events, real release states, real evidence, checkpoints signed by a
 * key in software. Written through db/log like a registrar's. */
#ifndef TESTS_BENCH_LOG_BENCH_LOG_H
#define TESTS_BENCH_LOG_BENCH_LOG_H

#include "schema/log/hm_checkpoint.h"

#define BENCH_LOG_ORIGIN "hallmark.example/bench"
#define BENCH_LOG_BATCH 256 /* records per transaction and per checkpoint */

struct bench_log_size {
    uint64_t records;
    uint64_t checkpoints;
    uint64_t evidence; /* blobs */
};
/* Creates path, which must not exist, with at least `records` records: whole batches. The last one
 * is under a checkpoint, too. */
enum hm_err HM_MUST_USE bench_log_make(const char *path, uint64_t records, struct hm_vkey *key,
                                       struct bench_log_size *out, struct hm_why *why);

#endif
