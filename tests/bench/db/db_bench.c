/* Figures of db/log and db/query: records per second by batch size (each record with one change of
 * decision state), time to open by length of the log, filling the read model, cost of a page for
 * each filter. Usage: db_bench [DIR] [RECORDS] */
#include "db/log/db_log.h"
#include "db/log/db_state.h"
#include "db/query/db_query.h"
#include "schema/core/hm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ORIGIN "hallmark.example/bench"
#define RELEASES 64
#define PAGE 100

static struct hm_why why;

static void must(enum hm_err err)
{
    if (err == HM_OK)
        return;
    (void)fprintf(stderr, "db_bench: %s: %s\n", hm_err_name(err), why.text);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct hm_digest digest(unsigned n)
{
    return hm_sha256(hm_bytes_of(&n, sizeof n));
}

/* About 900 bytes, like a sign.intended record. */
static struct hm_record record(uint64_t at, uint64_t release)
{
    unsigned n = (unsigned)at;
    struct hm_record r = {.event = n % 3 == 0 ? HM_EV_SIGN_INTENDED : HM_EV_APPROVAL_RECORDED,
                          .has_release = true,
                          .release = release,
                          .state = HM_RELEASE_SUBMITTED,
                          .has_policy = true,
                          .has_manifest = true,
                          .has_approver_key = true,
                          .key_count = 1};
    if (release == at) {
        r.event = HM_EV_RELEASE_SUBMITTED;
        r.artifact_count = 1;
        r.artifacts[0] = digest(n);
    }
    (void)snprintf(r.req, sizeof r.req, "%032x", n);
    (void)snprintf(r.actor, sizeof r.actor, "person-%u", n % 50);
    (void)snprintf(r.product, sizeof r.product, "product-%u", (unsigned)release % 20);
    (void)snprintf(r.version, sizeof r.version, "1.%u.0", (unsigned)release);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    (void)snprintf(r.environment, sizeof r.environment, "production");
    r.policy = digest(1);
    r.manifest = digest((unsigned)release);
    r.approver_key = digest(n % 50);
    r.keys[0] = (struct hm_record_key){
        .spki = digest(n % 4), .mechanism = "ESP256", .token = "0123456789abcdef"};
    return r;
}

static struct db_release release_row(uint64_t id)
{
    struct db_release r = {
        .id = id, .state = HM_RELEASE_SUBMITTED, .version_tag = 1, .sequence = id + 1};
    (void)snprintf(r.product, sizeof r.product, "product");
    (void)snprintf(r.version, sizeof r.version, "1.%llu.0", (unsigned long long)id);
    (void)snprintf(r.channel, sizeof r.channel, "stable");
    return r;
}

static void append_batch(struct db_log *log, struct db_release *rel, unsigned batch)
{
    must(db_log_begin(log, &why));
    for (unsigned i = 0; i < batch; i++) {
        struct db_release *x = &rel[i % RELEASES];
        struct hm_record r = record(db_log_pending_size(log), x->id);
        must(db_log_append(log, 1000, &r, NULL, hm_bytes_of(NULL, 0), &why));
        x->last_idx = r.idx;
        must(db_state_release_update(log, x, &why));
    }
    must(db_log_commit(log, &why));
    db_log_maintain(log);
}

static void put_checkpoint(struct db_log *log)
{
    struct hm_checkpoint c = {.origin = ORIGIN, .size = db_log_size(log), .root = db_log_root(log)};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    hm_checkpoint_body(&c, &note);
    hm_buf_puts(&note, "\n\u2014 " ORIGIN " AAAAAAAA\n");
    must(db_log_put_checkpoint(log, c.size, hm_buf_bytes(&note), &why));
}

static void start_releases(struct db_log *log, struct db_release *rel)
{
    must(db_log_begin(log, &why));
    for (unsigned i = 0; i < RELEASES; i++) {
        rel[i] = release_row(db_log_pending_size(log));
        struct hm_record r = record(rel[i].id, rel[i].id);
        must(db_log_append(log, 1000, &r, NULL, hm_bytes_of(NULL, 0), &why));
        must(db_state_release_insert(log, &rel[i], &why));
    }
    must(db_log_commit(log, &why));
}

static void bench_append(const char *path, unsigned batch, uint64_t records)
{
    struct db_log *log = NULL;
    struct db_release rel[RELEASES];
    (void)unlink(path);
    must(db_log_create(path, ORIGIN, &why));
    must(db_log_open(path, ORIGIN, &log, &why));
    start_releases(log, rel);
    double t = now_s();
    for (uint64_t n = 0; n < records; n += batch)
        append_batch(log, rel, batch);
    t = now_s() - t;
    (void)printf("append, batches of %3u:  %8.0f records/s  (%.1f us per commit)\n", batch,
                 (double)records / t, t * 1e6 / ((double)records / batch));
    db_log_close(log);
}

static void bench_open(const char *path, uint64_t records)
{
    struct db_log *log = NULL;
    struct db_release rel[RELEASES];
    (void)unlink(path);
    must(db_log_create(path, ORIGIN, &why));
    must(db_log_open(path, ORIGIN, &log, &why));
    start_releases(log, rel);
    while (db_log_size(log) + 256 < records)
        append_batch(log, rel, 256);
    put_checkpoint(log);
    append_batch(log, rel, 32); /* a batch that no checkpoint covers yet */
    uint64_t size = db_log_size(log);
    db_log_close(log);
    double t = now_s();
    must(db_log_open(path, ORIGIN, &log, &why));
    t = now_s() - t;
    (void)printf("open at %8llu records: %6.2f ms\n", (unsigned long long)size, t * 1e3);
    db_log_close(log);
}

static void bench_fill(const char *path, uint64_t records)
{
    struct db_query_writer *w = NULL;
    struct hm_digest prev = hm_sha256(hm_bytes_str(ORIGIN));
    double t = 0;
    must(db_query_writer_open(path, ORIGIN, &w, &why));
    for (uint64_t n = 0; n < records;) {
        HM_BUF_AUTO bytes = {0};
        struct hm_bytes list[1024];
        size_t len[1024];
        size_t count = 0;
        for (; count < 1024 && n < records; count++, n++) {
            struct hm_record r = record(n, n - n % 5);
            size_t before = bytes.len;
            r.idx = n;
            r.prev = prev;
            r.t_ms = 1000 + n;
            must(hm_record_write(&r, &bytes, &why));
            len[count] = bytes.len - before;
            prev = hm_merkle_leaf(hm_bytes_of(bytes.data + before, len[count]));
        }
        const uint8_t *at = bytes.data;
        for (size_t i = 0; i < count; at += len[i++])
            list[i] = hm_bytes_of(at, len[i]);
        double t0 = now_s();
        must(db_query_apply(w, &(struct db_query_batch){.records = list, .count = count}, &why));
        t += now_s() - t0;
    }
    (void)printf("read model, batches of 1024: %8.0f records/s\n", (double)records / t);
    db_query_writer_close(w);
}

static enum hm_err count_row(void *ctx, uint64_t idx, struct hm_bytes record_bytes,
                             struct hm_why *w)
{
    (void)idx;
    (void)record_bytes;
    (void)w;
    ++*(size_t *)ctx;
    return HM_OK;
}

static enum hm_err count_release(void *ctx, const struct db_query_release *r, struct hm_why *w)
{
    (void)r;
    (void)w;
    ++*(size_t *)ctx;
    return HM_OK;
}

static void bench_page(struct db_query *q, const char *name, struct db_query_filter f)
{
    enum { ROUNDS = 50 };
    size_t rows = 0;
    f.limit = PAGE;
    f.descending = true;
    f.after = UINT64_MAX;
    double t = now_s();
    for (int i = 0; i < ROUNDS; i++)
        must(db_query_entries(q, &f, count_row, &rows, &why));
    t = now_s() - t;
    (void)printf("page, %-28s %4zu rows %8.0f us\n", name, rows / ROUNDS, t * 1e6 / ROUNDS);
}

static void bench_pages(const char *path, uint64_t records)
{
    struct db_query *q = NULL;
    struct hm_digest artifact = digest((unsigned)(records / 2 / 5 * 5));
    struct hm_digest key = digest(3);
    must(db_query_open(path, &q, &why));
    bench_page(q, "no filter", (struct db_query_filter){0});
    bench_page(q, "event", (struct db_query_filter){.event = "sign.intended"});
    bench_page(q, "product", (struct db_query_filter){.product = "product-5"});
    bench_page(q, "actor", (struct db_query_filter){.actor = "person-7"});
    bench_page(q, "key", (struct db_query_filter){.key = &key});
    bench_page(q, "artifact", (struct db_query_filter){.artifact = &artifact});
    bench_page(q, "release",
               (struct db_query_filter){.has_release = true, .release = records / 2 / 5 * 5});
    bench_page(q, "since, until",
               (struct db_query_filter){.since_ms = 1500, .until_ms = 900 + records});
    bench_page(q, "event + product + actor",
               (struct db_query_filter){
                   .event = "sign.intended", .product = "product-5", .actor = "person-7"});
    bench_page(q, "two that never meet",
               (struct db_query_filter){.event = "release.submitted", .actor = "person-7"});
    size_t rows = 0;
    double t = now_s();
    for (int i = 0; i < 50; i++)
        must(db_query_releases(
            q,
            &(struct db_query_release_filter){
                .product = "product-5", .state = "submitted", .after = UINT64_MAX, .limit = PAGE},
            count_release, &rows, &why));
    (void)printf("page, %-28s %4zu rows %8.0f us\n", "releases: product + state", rows / 50,
                 (now_s() - t) * 1e6 / 50);
    db_query_close(q);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/hm-bench-XXXXXX";
    const char *where = argc > 1 ? argv[1] : mkdtemp(dir);
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    char path[512];
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    static const unsigned batch[] = {1, 32, 256};
    for (size_t i = 0; i < sizeof batch / sizeof batch[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/batch-%u.db", where, batch[i]);
        bench_append(path, batch[i], batch[i] == 1 ? 10000 : records);
    }
    (void)snprintf(path, sizeof path, "%s/open-1000.db", where);
    bench_open(path, 1000);
    (void)snprintf(path, sizeof path, "%s/open.db", where);
    bench_open(path, records);
    (void)snprintf(path, sizeof path, "%s/query.db", where);
    bench_fill(path, records);
    bench_pages(path, records);
    (void)printf("files are in %s\n", where);
    return 0;
}
