/* A log for measurements: real events, real release states with the registrar's decision state,
 * real evidence, checkpoints signed by a key in software. Written through db/log like a
 * registrar's: each batch is one transaction, and is put under a checkpoint that is stored with the
 * next one. */
#ifndef TESTS_BENCH_LOG_BENCH_LOG_H
#define TESTS_BENCH_LOG_BENCH_LOG_H

#include "schema/log/hm_checkpoint.h"

#define BENCH_LOG_ORIGIN "hallmark.example/bench"
#define BENCH_LOG_BATCH 256 /* records per transaction and per checkpoint */
#define BENCH_LOG_BATCH_MIN 6
#define BENCH_LOG_BATCH_MAX 256

struct db_log;
struct bench_log;

struct bench_log_size {
    uint64_t records;
    uint64_t checkpoints;
    uint64_t evidence; /* blobs */
};
/* Creates path, which must not exist. *key gets the key of its checkpoints. */
enum hm_err HM_MUST_USE bench_log_create(const char *path, unsigned batch, struct hm_vkey *key,
                                         struct bench_log **out, struct hm_why *why);
/* Appends one batch, durable when it returns. */
enum hm_err HM_MUST_USE bench_log_batch(struct bench_log *b, struct hm_why *why);
/* Puts the last batch under a checkpoint, too. */
enum hm_err HM_MUST_USE bench_log_finish(struct bench_log *b, struct hm_why *why);
struct db_log *bench_log_writer(struct bench_log *b);
struct bench_log_size bench_log_size(const struct bench_log *b);
void bench_log_close(struct bench_log *b); /* NULL allowed */

/* All of it: at least `records` records, in whole batches of BENCH_LOG_BATCH. */
enum hm_err HM_MUST_USE bench_log_make(const char *path, uint64_t records, struct hm_vkey *key,
                                       struct bench_log_size *out, struct hm_why *why);

#endif
