/* Inside of the log for measurements. */
#ifndef TESTS_BENCH_LOG_BENCH_LOG_PRIV_H
#define TESTS_BENCH_LOG_BENCH_LOG_PRIV_H

#include "db/log/db_state.h"
#include "tests/bench/log/bench_log.h"

#include <openssl/evp.h>

#define STEPS 5                                       /* of a release: one record each */
#define GROUP_MAX ((BENCH_LOG_BATCH_MAX - 1) / STEPS) /* releases that are submitted in a batch */
#define BLOB_MAX 4096

struct bench_release {
    uint64_t id, no;
    struct hm_digest manifest, artifact, statement, tbs;
    struct db_release row;
};
struct bench_log {
    struct db_log *db;
    EVP_PKEY *secret;
    struct hm_vkey *key;
    unsigned records_per_batch, group;
    struct bench_release groups[STEPS][GROUP_MAX];
    uint64_t batch, releases, blobs, checkpoints, now_ms;
    uint8_t blob[BLOB_MAX];
    struct hm_digest policy, release_key;
};

/* One step of a release: its record and what follows from it in the decision state. 0: submitted, 1
 * and 2: approved, 3: intended, 4: signed. In a transaction. */
enum hm_err HM_MUST_USE bench_release_step(struct bench_log *b, unsigned step,
                                           struct bench_release *x, struct hm_why *why);
struct hm_digest bench_digest(const char *what, uint64_t n);

#endif
