/* Fills a stopped registrar's log with records, through db/log:
 *   bench_fill DATABASE ORIGIN COUNT SHA-256-OF-THE-POLICY-IN-FORCE */
#include "db/log/db_log.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 1000

static enum hm_err append_batch(struct db_log *log, const struct hm_digest *policy, uint64_t count,
                                struct hm_why *why)
{
    enum hm_err err = db_log_begin(log, why);
    for (uint64_t i = 0; err == HM_OK && i < count; i++) {
        struct hm_record r = {.event = HM_EV_REGISTRAR_STARTED,
                              .has_random = true,
                              .has_policy = true,
                              .policy = *policy};
        hm_random(r.random.b, sizeof r.random.b);
        err = db_log_append(log, (uint64_t)hm_clock_unix_ms(), &r, NULL, hm_bytes_of(NULL, 0), why);
    }
    return err == HM_OK ? db_log_commit(log, why) : err;
}

int main(int argc, char **argv)
{
    struct db_log *log = NULL;
    struct hm_why why = {""};
    struct hm_digest policy;
    if (argc != 5 || strlen(argv[4]) != 2 * sizeof policy.b ||
        hm_unhex(hm_bytes_str(argv[4]), policy.b, sizeof policy.b) != HM_OK)
        return 2;
    uint64_t left = strtoull(argv[3], NULL, 10);
    enum hm_err err = db_log_open(argv[1], argv[2], &log, &why);
    while (err == HM_OK && left > 0) {
        uint64_t n = left < BATCH ? left : BATCH;
        err = append_batch(log, &policy, n, &why);
        left -= n;
    }
    db_log_close(log);
    if (err != HM_OK)
        (void)fprintf(stderr, "bench_fill: %s\n", why.text);
    return err == HM_OK ? 0 : 1;
}
