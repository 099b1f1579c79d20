/* Fills a stopped registrar's log with records, through db/log:
 *   bench_fill DATABASE ORIGIN COUNT SHA-256-OF-THE-POLICY-IN-FORCE [history]
 * of restarts, or with `history` of releases under way (bench_history.h), without their evidence.
 */
#include "tests/bench/bench_history.h"

#include "db/log/db_log.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1000

static enum hm_err append_one(struct db_log *log, struct hm_record *r, struct hm_why *why)
{
    return db_log_append(log, (uint64_t)hm_clock_unix_ms(), r, NULL, hm_bytes_of(NULL, 0), why);
}

static enum hm_err append_history(struct db_log *log, const struct hm_digest *policy,
                                  struct bench_history *h, size_t count, struct hm_why *why)
{
    enum hm_err err = bench_history_next(h, count, why);
    for (size_t i = 0; err == HM_OK && i < count; i++) {
        struct hm_record r;
        err = hm_record_parse(h->record[i], &r, why);
        r.evidence_count = 0;
        r.policy = *policy;
        if (err == HM_OK)
            err = append_one(log, &r, why);
    }
    return err;
}

static enum hm_err append_starts(struct db_log *log, const struct hm_digest *policy, size_t count,
                                 struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < count; i++) {
        struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED,
                              .has_random = true,
                              .has_policy = true,
                              .policy = *policy};
        hm_random(r.random.b, sizeof r.random.b);
        err = append_one(log, &r, why);
    }
    return err;
}

/* h NULL: starts. */
static enum hm_err append_batch(struct db_log *log, const struct hm_digest *policy,
                                struct bench_history *h, size_t count, struct hm_why *why)
{
    enum hm_err err = db_log_begin(log, why);
    if (err == HM_OK)
        err = h != NULL ? append_history(log, policy, h, count, why)
                        : append_starts(log, policy, count, why);
    return err == HM_OK ? db_log_commit(log, why) : err;
}

int main(int argc, char **argv)
{
    struct db_log *log = NULL;
    struct hm_why why = {""};
    struct hm_digest policy;
    struct bench_history h;
    bool history = argc == 6 && strcmp(argv[5], "history") == 0;
    if ((argc != 5 && !history) || strlen(argv[4]) != 2 * sizeof policy.b ||
        hm_unhex(hm_bytes_str(argv[4]), policy.b, sizeof policy.b) != HM_OK)
        return 2;
    uint64_t left = strtoull(argv[3], NULL, 10);
    bench_history_begin(&h);
    enum hm_err err = db_log_open(argv[1], argv[2], &log, &why);
    if (err == HM_OK)
        h.idx = db_log_size(log); /* releases are called after their records */
    while (err == HM_OK && left > 0) {
        size_t n = left < BATCH ? (size_t)left : BATCH;
        err = append_batch(log, &policy, history ? &h : NULL, n, &why);
        left -= n;
    }
    db_log_close(log);
    bench_history_free(&h);
    if (err != HM_OK)
        (void)fprintf(stderr, "bench_fill: %s\n", why.text);
    return err == HM_OK ? 0 : 1;
}
