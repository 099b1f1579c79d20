/* Read models for measurements, filled from a made-up history (bench_history.h) through
 * db_query_apply as the door fills its own. Every failure ends the program. */
#ifndef TESTS_BENCH_BENCH_MODEL_H
#define TESTS_BENCH_BENCH_MODEL_H

#include "tests/bench/bench_history.h"

#include "db/query/db_query.h"

#include <openssl/evp.h>

/* A read model, its record stream, and the key that signs its checkpoints. */
struct bench_model {
    char path[512];
    struct db_query_writer *w;
    struct bench_history h;
    EVP_PKEY *secret;
    struct hm_vkey key;
};
void bench_model_open(struct bench_model *m, const char *dir, const char *name);
void bench_model_close(struct bench_model *m);
/* Makes and applies a batch with its checkpoint; returns the seconds of applying it. */
double bench_model_apply(struct bench_model *m, size_t count);
/* Until it has so many records; tell: progress on stderr. */
void bench_model_fill(struct bench_model *m, uint64_t records, bool tell);

double bench_now_s(void);
void bench_must(enum hm_err err, const struct hm_why *why);
/* A JSON line with the medians of both and their ratio; sorts them. */
void bench_ratio(const char *name, double *value, double *bare, size_t count, const char *unit);

#endif
