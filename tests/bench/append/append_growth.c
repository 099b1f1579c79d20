/* Beside each window of the large log one of a small log is measured, so that a machine that
 * changes its pace meanwhile changes both. */
#include "tests/bench/append/append_growth.h"

#include "db/log/db_log.h"
#include "tests/bench/append/append_files.h"
#include "tests/bench/bench_clock.h"
#include "tests/bench/log/bench_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALL 10000     /* records of the logs that everything is compared with */
#define WINDOW 20000    /* records whose cost is measured: several checkpoints of the WAL */
#define WINDOWS 5       /* at each size */
#define PROOFS 2000     /* in each window */
#define PROGRESS 500000 /* records between two lines of progress */

struct cost {
    double wall_us, cpu_us, written, read; /* of one record, or one proof; the last two in bytes */
};
/* Where a measurement begins. */
struct mark {
    double wall_s, cpu_s;
    uint64_t written, read;
};
struct costs {
    struct cost all[WINDOWS];
    size_t count;
};
struct size_costs {
    uint64_t records, bytes;
    struct costs append, proof;
};

/* Bytes that this process wrote and read through system calls: the same on every machine. */
static void system_bytes(uint64_t *written, uint64_t *read)
{
    FILE *f = fopen("/proc/self/io", "re");
    *written = *read = 0;
    if (f == NULL)
        return;
    if (fscanf(f, "rchar: %" SCNu64 " wchar: %" SCNu64, read, written) != 2)
        *written = *read = 0;
    (void)fclose(f);
}

static struct mark begin(void)
{
    struct mark m;
    system_bytes(&m.written, &m.read);
    m.cpu_s = bench_cpu_s();
    m.wall_s = bench_wall_s();
    return m;
}

static void end(const struct mark *m, double count, struct costs *to)
{
    struct mark now = {.wall_s = bench_wall_s(), .cpu_s = bench_cpu_s()};
    system_bytes(&now.written, &now.read);
    to->all[to->count++] = (struct cost){
        (now.wall_s - m->wall_s) * 1e6 / count, (now.cpu_s - m->cpu_s) * 1e6 / count,
        (double)(now.written - m->written) / count, (double)(now.read - m->read) / count};
}

static int by_wall(const void *a, const void *b)
{
    double d = ((const struct cost *)a)->wall_us - ((const struct cost *)b)->wall_us;
    return (d > 0) - (d < 0);
}

static struct cost median(struct costs *c)
{
    qsort(c->all, c->count, sizeof c->all[0], by_wall);
    return c->all[c->count / 2];
}

static enum hm_err fill_to(struct bench_log *b, uint64_t records, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    uint64_t next = bench_log_size(b).records + PROGRESS;
    while (err == HM_OK && bench_log_size(b).records < records) {
        err = bench_log_batch(b, why);
        if (bench_log_size(b).records < next)
            continue;
        (void)fprintf(stderr, "append-growth: %" PRIu64 " of %" PRIu64 " records\n",
                      bench_log_size(b).records, records);
        next += PROGRESS;
    }
    return err;
}

static enum hm_err window(struct bench_log *b, struct costs *out, struct hm_why *why)
{
    uint64_t first = bench_log_size(b).records;
    struct mark m = begin();
    enum hm_err err = fill_to(b, first + WINDOW, why);
    if (err == HM_OK)
        end(&m, (double)(bench_log_size(b).records - first), out);
    return err;
}

/* What a proof needs of the log: the record and its path, in one snapshot. */
static enum hm_err prove(struct db_reader *r, uint64_t idx, uint64_t size, struct hm_why *why)
{
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    struct hm_path path;
    enum hm_err err = db_reader_begin(r, why);
    if (err == HM_OK)
        err = db_reader_record(r, idx, &record, why);
    if (err == HM_OK)
        err = hm_merkle_inclusion(idx, size, db_reader_node, r, &path, why);
    db_reader_end(r);
    return err;
}

static enum hm_err proofs(const char *path, uint64_t size, struct costs *out, struct hm_why *why)
{
    struct db_reader *r = NULL;
    uint64_t random = 88172645463325252U + out->count; /* xorshift64: the same in every run */
    enum hm_err err = db_reader_open(path, &r, why);
    struct mark m = begin();
    for (size_t i = 0; err == HM_OK && i < PROOFS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        err = prove(r, random % size, size, why);
    }
    if (err == HM_OK)
        end(&m, PROOFS, out);
    db_reader_close(r);
    return err;
}

static enum hm_err measure(struct bench_log *b, const char *path, struct size_costs *out,
                           struct hm_why *why)
{
    enum hm_err err = window(b, &out->append, why);
    out->records = bench_log_size(b).records;
    if (err == HM_OK)
        err = proofs(path, out->records, &out->proof, why);
    return err == HM_OK ? append_bytes(path, &out->bytes, why) : err;
}

static enum hm_err measure_small(const char *path, struct size_costs *out, struct hm_why *why)
{
    struct hm_vkey key;
    struct bench_log *b = NULL;
    enum hm_err err = bench_log_create(path, BENCH_LOG_BATCH, &key, &b, why);
    if (err == HM_OK)
        err = fill_to(b, SMALL, why);
    if (err == HM_OK)
        err = measure(b, path, out, why);
    bench_log_close(b);
    append_remove(path);
    return err;
}

static void print_one(const char *name, uint64_t size, struct costs *large, struct costs *small)
{
    struct cost l = median(large);
    struct cost s = median(small);
    (void)printf("{\"bench\":\"%s\",\"value\":%.2f,\"unit\":\"us\",\"bare\":%.2f,\"ratio\":%.4f,"
                 "\"records\":%" PRIu64 ",\"cpu_us\":%.2f,\"cpu_ratio\":%.3f,\"written\":%.0f,"
                 "\"written_ratio\":%.3f,\"read\":%.0f}\n",
                 name, l.wall_us, s.wall_us, l.wall_us / s.wall_us, size, l.cpu_us,
                 l.cpu_us / s.cpu_us, l.written, l.written / (s.written + 1e-9), l.read);
}

static void print(struct size_costs *large, struct size_costs *small)
{
    print_one("append-growth", large->records, &large->append, &small->append);
    print_one("proof-growth", large->records, &large->proof, &small->proof);
    (void)printf(
        "{\"bench\":\"append-storage\",\"value\":%.0f,\"unit\":\"bytes\",\"records\":%" PRIu64
        ",\"file_gib\":%.2f}\n",
        (double)large->bytes / (double)large->records, large->records,
        (double)large->bytes / (1024.0 * 1024.0 * 1024.0));
}

static enum hm_err grow(struct bench_log *b, const char *path, const char *small_path,
                        uint64_t records, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    uint64_t at = SMALL;
    while (err == HM_OK && at < records) {
        struct size_costs large = {0};
        struct size_costs small = {0};
        at = at * 10 < records ? at * 10 : records;
        err = fill_to(b, at, why);
        for (size_t i = 0; err == HM_OK && i < WINDOWS; i++) {
            err = measure_small(small_path, &small, why);
            if (err == HM_OK)
                err = measure(b, path, &large, why);
        }
        if (err == HM_OK)
            print(&large, &small);
    }
    return err;
}

enum hm_err append_growth(const char *folder, uint64_t records, struct hm_why *why)
{
    struct hm_vkey key;
    struct bench_log *b = NULL;
    char path[APPEND_PATH_MAX];
    char small[APPEND_PATH_MAX];
    enum hm_err err = append_path(folder, "log.db", path, why);
    if (err == HM_OK)
        err = append_path(folder, "small.db", small, why);
    if (err == HM_OK && records <= SMALL)
        err = hm_fail(why, HM_E_LIMIT, "RECORDS is a number above %d", SMALL);
    if (err == HM_OK)
        err = bench_log_create(path, BENCH_LOG_BATCH, &key, &b, why);
    if (err == HM_OK)
        err = grow(b, path, small, records, why);
    bench_log_close(b);
    append_remove(path);
    return err;
}
