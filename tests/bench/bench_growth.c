/* What a long log costs the read model, against a short one in the same run:
 *   bench_growth DIR RECORDS
 * fills a query.db through db_query_apply and prints a JSON line per figure: appending the same
 * number of records to it and to fresh models of 10,000; a proof in each; bytes per record. */
#include "tests/bench/bench_model.h"

#include "schema/log/hm_tlog_proof.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL 10000u
#define WINDOW 10u /* batches measured at a time */
#define ROUNDS 5u
#define PROOFS 2000u

/* Moves the WAL into the file, as the writer does itself from time to time. */
static double checkpoint(const struct bench_model *m)
{
    sqlite3 *db = NULL;
    double t = bench_now_s();
    if (sqlite3_open_v2(m->path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
        bench_must(HM_E_IO, &(struct hm_why){.text = "cannot checkpoint"});
    t = bench_now_s() - t;
    (void)sqlite3_close(db);
    return t;
}

/* Microseconds per record of one window, with everything that reaches the file because of it. */
static double window_us(struct bench_model *m)
{
    (void)checkpoint(m);
    double t = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        t += bench_model_apply(m, BENCH_BATCH_MAX);
    t += checkpoint(m);
    return t * 1e6 / (WINDOW * BENCH_BATCH_MAX);
}

static void bench_append(struct bench_model *big, const char *dir)
{
    double value[ROUNDS];
    double bare[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct bench_model small;
        bench_model_open(&small, dir, "small.db");
        bench_model_fill(&small, SMALL, false);
        bare[i] = window_us(&small);
        bench_model_close(&small);
        value[i] = window_us(big);
        (void)fprintf(stderr, "growth: append %.1f us, %.1f us at %u\n", value[i], bare[i], SMALL);
    }
    bench_ratio("model-append", value, bare, ROUNDS, "us");
}

/* Proofs of records all over the log. Seconds of each part, per proof. */
struct proving {
    double path_us; /* the tree's nodes alone */
    double all_us;  /* the file as it is served: record, path, checkpoint; checked */
};

static void prove(const struct bench_model *m, struct db_query *q, uint64_t idx,
                  struct proving *sum)
{
    struct hm_why why = {.text = ""};
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    struct hm_tlog_proof p = {.index = 0};
    struct hm_path path;
    uint64_t size = 0;
    double t0 = bench_now_s();
    bench_must(db_query_begin(q, &why), &why);
    bench_must(db_query_checkpoint(q, m->h.idx, &size, &note, &why), &why);
    bench_must(db_query_record(q, idx, &record, &why), &why);
    double t1 = bench_now_s();
    bench_must(hm_merkle_inclusion(idx, size, db_query_node, q, &path, &why), &why);
    double t2 = bench_now_s();
    db_query_end(q);
    hm_tlog_proof_write(hm_buf_bytes(&record), idx, &path, hm_buf_bytes(&note), &proof);
    bench_must(hm_tlog_proof_open(hm_buf_bytes(&proof), &m->key, &p, &why), &why);
    double t3 = bench_now_s();
    sum->path_us += (t2 - t1) * 1e6;
    sum->all_us += (t3 - t0) * 1e6;
    hm_buf_free(&p.record);
}

static struct proving prove_some(const struct bench_model *m)
{
    struct hm_why why = {.text = ""};
    struct db_query *q = NULL;
    struct proving sum = {0};
    bench_must(db_query_open(m->path, &q, &why), &why);
    for (unsigned i = 0; i < PROOFS; i++) {
        uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        prove(m, q, (x ^ x >> 31) % m->h.idx, &sum);
    }
    db_query_close(q);
    return (struct proving){sum.path_us / PROOFS, sum.all_us / PROOFS};
}

static void bench_proof(const struct bench_model *big, const char *dir)
{
    double value[2][ROUNDS];
    double bare[2][ROUNDS];
    struct bench_model small;
    bench_model_open(&small, dir, "small.db");
    bench_model_fill(&small, SMALL, false);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct proving s = prove_some(&small);
        struct proving b = prove_some(big);
        value[0][i] = b.all_us;
        bare[0][i] = s.all_us;
        value[1][i] = b.path_us;
        bare[1][i] = s.path_us;
    }
    bench_model_close(&small);
    bench_ratio("model-proof", value[0], bare[0], ROUNDS, "us");
    bench_ratio("model-proof-path", value[1], bare[1], ROUNDS, "us");
}

static void bench_storage(const struct bench_model *m)
{
    struct stat st;
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    (void)checkpoint(m);
    if (stat(m->path, &st) != 0 ||
        sqlite3_open_v2(m->path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(
            db, "SELECT avg(length(bytes)) FROM record WHERE idx>=(SELECT size-100000 FROM head)",
            -1, &s, NULL) != SQLITE_OK ||
        sqlite3_step(s) != SQLITE_ROW)
        bench_must(HM_E_IO, &(struct hm_why){.text = "cannot look at the file"});
    double record = sqlite3_column_double(s, 0);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    double each = (double)st.st_size / (double)m->h.idx;
    (void)printf("{\"bench\":\"model-storage\",\"value\":%.1f,\"unit\":\"B/record\",\"bare\":%.1f,"
                 "\"ratio\":%.4f,\"records\":%" PRIu64 ",\"gigabytes\":%.2f}\n",
                 each, record, each / record, m->h.idx, (double)st.st_size / 1e9);
}

int main(int argc, char **argv)
{
    struct bench_model big;
    if (argc != 3) {
        (void)fprintf(stderr, "bench_growth DIR RECORDS\n");
        return 2;
    }
    bench_model_open(&big, argv[1], "big.db");
    bench_model_fill(&big, strtoull(argv[2], NULL, 10), true);
    bench_append(&big, argv[1]);
    bench_proof(&big, argv[1]);
    bench_storage(&big);
    bench_model_close(&big);
    return 0;
}
