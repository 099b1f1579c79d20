#include "tests/bench/append/append_bare.h"

#include "db/log/db_log.h"
#include "tests/bench/append/append_files.h"
#include "tests/bench/append/append_rows.h"
#include "tests/bench/bench_clock.h"
#include "tests/bench/log/bench_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_MAX 9

struct round {
    double ours, bare; /* seconds */
    uint64_t records;
};

static enum hm_err fill_ours(const char *path, uint64_t records, unsigned batch, struct round *r,
                             struct hm_why *why)
{
    struct hm_vkey key;
    struct bench_log *b = NULL;
    enum hm_err err = bench_log_create(path, batch, &key, &b, why);
    double t = bench_wall_s();
    while (err == HM_OK && bench_log_size(b).records < records)
        err = bench_log_batch(b, why);
    r->ours = bench_wall_s() - t;
    if (err == HM_OK)
        r->records = bench_log_size(b).records;
    bench_log_close(b);
    return err;
}

static enum hm_err fill_bare(const char *from, const char *to, unsigned batch, struct round *r,
                             struct hm_why *why)
{
    struct append_copy *c = NULL;
    enum hm_err err = append_copy_open(from, to, &c, why);
    r->bare = 0;
    for (uint64_t end = batch; err == HM_OK && end < r->records + batch; end += batch) {
        err = append_copy_read(c, end, why);
        double t = bench_wall_s();
        if (err == HM_OK)
            err = append_copy_write(c, end, why);
        r->bare += bench_wall_s() - t;
    }
    append_copy_close(c);
    return err;
}

static int by_ratio(const void *a, const void *b)
{
    const struct round *x = a;
    const struct round *y = b;
    double d = x->bare / x->ours - y->bare / y->ours;
    return (d > 0) - (d < 0);
}

static void print(struct round *rounds, size_t count, unsigned batch)
{
    qsort(rounds, count, sizeof rounds[0], by_ratio);
    const struct round *m = &rounds[count / 2];
    double n = (double)m->records;
    (void)printf("{\"bench\":\"append-%u\",\"value\":%.0f,\"unit\":\"1/s\",\"bare\":%.0f,\"ratio\":"
                 "%.4f,\"records\":%" PRIu64 ",\"ratios\":[",
                 batch, n / m->ours, n / m->bare, m->bare / m->ours, m->records);
    for (size_t i = 0; i < count; i++)
        (void)printf("%s%.3f", i > 0 ? "," : "", rounds[i].bare / rounds[i].ours);
    (void)printf("]}\n");
}

enum hm_err append_bare(const char *folder, uint64_t records, unsigned batch, size_t rounds,
                        struct hm_why *why)
{
    struct round r[ROUNDS_MAX];
    char ours[APPEND_PATH_MAX];
    char bare[APPEND_PATH_MAX];
    if (rounds == 0 || rounds > ROUNDS_MAX)
        return hm_fail(why, HM_E_LIMIT, "ROUNDS is a number from 1 to %d", ROUNDS_MAX);
    enum hm_err err = append_path(folder, "log.db", ours, why);
    if (err == HM_OK)
        err = append_path(folder, "bare.db", bare, why);
    for (size_t i = 0; err == HM_OK && i < rounds; i++) {
        err = fill_ours(ours, records, batch, &r[i], why);
        if (err == HM_OK)
            err = fill_bare(ours, bare, batch, &r[i], why);
        append_remove(ours);
        append_remove(bare);
    }
    if (err == HM_OK)
        print(r, rounds, batch);
    return err;
}
