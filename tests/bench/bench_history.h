/* A made-up history for the read model's measurements: a record stream as a vendor's year gives it,
 * made in memory and faster than it is applied. The same number gives the same records. */
#ifndef TESTS_BENCH_BENCH_HISTORY_H
#define TESTS_BENCH_BENCH_HISTORY_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"

#define BENCH_ORIGIN "hallmark.example/bench"
#define BENCH_BATCH_MAX 1024
#define BENCH_UNDER_WAY 64 /* releases that go on side by side */
#define BENCH_T0_MS UINT64_C(1790000000000)
#define BENCH_STEP_MS 500 /* between two records */

struct bench_release {
    uint64_t no, id, intent;
    unsigned step;
};
struct bench_history {
    uint64_t idx, releases;
    struct hm_digest prev;
    struct hm_frontier tree;
    struct bench_release under_way[BENCH_UNDER_WAY];
    struct hm_buf bytes;
    struct hm_bytes record[BENCH_BATCH_MAX]; /* of the batch made last */
};

void bench_history_begin(struct bench_history *h);
void bench_history_free(struct bench_history *h);
/* Makes the next count (at most BENCH_BATCH_MAX) records. */
enum hm_err HM_MUST_USE bench_history_next(struct bench_history *h, size_t count,
                                           struct hm_why *why);

/* What release number no is about; the same whether it was made yet or not. */
void bench_release_names(uint64_t no, struct hm_record *out);
struct hm_digest bench_artifact(uint64_t no, unsigned which); /* which: 0 or 1 */
struct hm_digest bench_release_key(unsigned n);               /* of 6 */
struct hm_digest bench_approver_key(unsigned n);              /* of 200 */

#endif
