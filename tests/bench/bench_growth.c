/* What a long log costs the read model, against a short one in the same run:
 *   bench_growth DIR RECORDS
 * fills a query.db through db_query_apply and prints a JSON line per figure: appending the same
 * number of records to it and to fresh models of 10,000; a proof in each; bytes per record. */
#include "tests/bench/bench_history.h"

#include "db/query/db_query.h"
#include "schema/log/hm_tlog_proof.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SMALL 10000u
#define WINDOW 10u /* batches measured at a time */
#define ROUNDS 5u
#define PROOFS 2000u

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum hm_err err, const struct hm_why *why)
{
    if (err == HM_OK)
        return;
    (void)fprintf(stderr, "bench_growth: %s: %s\n", hm_err_name(err), why->text);
    exit(1);
}

/* A read model, its record stream, and the key that signs its checkpoints. */
struct model {
    char path[512];
    struct db_query_writer *w;
    struct bench_history h;
    EVP_PKEY *secret;
    struct hm_vkey key;
};

static void make_key(struct model *m)
{
    struct hm_why why = {.text = ""};
    struct hm_key key;
    uint8_t raw[32];
    size_t len = sizeof raw;
    m->secret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (m->secret == NULL || EVP_PKEY_get_raw_public_key(m->secret, raw, &len) != 1)
        must(HM_E_INTERNAL, &why);
    must(hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &key, &why), &why);
    must(hm_vkey_make(BENCH_ORIGIN, &key, &m->key), &why);
}

static void open_model(struct model *m, const char *dir, const char *name)
{
    struct hm_why why = {.text = ""};
    (void)snprintf(m->path, sizeof m->path, "%s/%s", dir, name);
    (void)unlink(m->path);
    make_key(m);
    bench_history_begin(&m->h);
    must(db_query_writer_open(m->path, BENCH_ORIGIN, &m->w, &why), &why);
}

static void close_model(struct model *m)
{
    db_query_writer_close(m->w);
    bench_history_free(&m->h);
    EVP_PKEY_free(m->secret);
    memset(m, 0, sizeof *m);
}

/* The signed checkpoint over what was made so far. */
static void sign_note(const struct model *m, struct hm_buf *note)
{
    struct hm_why why = {.text = ""};
    struct hm_checkpoint c = {.size = m->h.idx, .root = hm_frontier_root(&m->h.tree)};
    HM_BUF_AUTO body = {.limit = HM_CHECKPOINT_MAX};
    uint8_t sig[64];
    size_t len = sizeof sig;
    (void)snprintf(c.origin, sizeof c.origin, "%s", BENCH_ORIGIN);
    hm_checkpoint_body(&c, &body);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, NULL, NULL, m->secret) != 1 ||
        EVP_DigestSign(ctx, sig, &len, body.data, body.len) != 1)
        must(HM_E_INTERNAL, &why);
    EVP_MD_CTX_free(ctx);
    hm_checkpoint_note(hm_buf_bytes(&body), &m->key, sig, note);
}

/* Makes and applies a batch with its checkpoint; returns the seconds of applying it. */
static double apply(struct model *m, size_t count)
{
    struct hm_why why = {.text = ""};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    must(bench_history_next(&m->h, count, &why), &why);
    sign_note(m, &note);
    const struct hm_bytes bytes = hm_buf_bytes(&note);
    const struct db_query_batch b = {
        .records = m->h.record, .count = count, .notes = &bytes, .note_count = 1};
    double t = now_s();
    must(db_query_apply(m->w, &b, &why), &why);
    return now_s() - t;
}

static void fill(struct model *m, uint64_t records, bool tell)
{
    uint64_t told = 0;
    double t = 0;
    while (m->h.idx < records) {
        uint64_t left = records - m->h.idx;
        t += apply(m, left < BENCH_BATCH_MAX ? (size_t)left : BENCH_BATCH_MAX);
        if (!tell || m->h.idx - told < 500000)
            continue;
        (void)fprintf(stderr, "growth: %" PRIu64 " records, the last %" PRIu64 " at %.1f us each\n",
                      m->h.idx, m->h.idx - told, t * 1e6 / (double)(m->h.idx - told));
        told = m->h.idx;
        t = 0;
    }
}

/* Moves the WAL into the file, as the writer does itself from time to time. */
static double checkpoint(const struct model *m)
{
    sqlite3 *db = NULL;
    double t = now_s();
    if (sqlite3_open_v2(m->path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != SQLITE_OK)
        must(HM_E_IO, &(struct hm_why){.text = "cannot checkpoint"});
    t = now_s() - t;
    (void)sqlite3_close(db);
    return t;
}

/* Microseconds per record of one window, with everything that reaches the file because of it. */
static double window_us(struct model *m)
{
    (void)checkpoint(m);
    double t = 0;
    for (unsigned i = 0; i < WINDOW; i++)
        t += apply(m, BENCH_BATCH_MAX);
    t += checkpoint(m);
    return t * 1e6 / (WINDOW * BENCH_BATCH_MAX);
}

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

static void print(const char *name, double *value, double *bare, const char *unit)
{
    qsort(value, ROUNDS, sizeof *value, by_size);
    qsort(bare, ROUNDS, sizeof *bare, by_size);
    double v = value[ROUNDS / 2];
    double b = bare[ROUNDS / 2];
    (void)printf("{\"bench\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"bare\":%.3f,\"ratio\":%.4f}\n",
                 name, v, unit, b, v / b);
}

static void bench_append(struct model *big, const char *dir)
{
    double value[ROUNDS];
    double bare[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct model small;
        open_model(&small, dir, "small.db");
        fill(&small, SMALL, false);
        bare[i] = window_us(&small);
        close_model(&small);
        value[i] = window_us(big);
        (void)fprintf(stderr, "growth: append %.1f us, %.1f us at %u\n", value[i], bare[i], SMALL);
    }
    print("growth-append", value, bare, "us");
}

/* Proofs of records all over the log. Seconds of each part, per proof. */
struct proving {
    double path_us; /* the tree's nodes alone */
    double all_us;  /* the file as it is served: record, path, checkpoint; checked */
};

static void prove(const struct model *m, struct db_query *q, uint64_t idx, struct proving *sum)
{
    struct hm_why why = {.text = ""};
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    HM_BUF_AUTO proof = {.limit = HM_TLOG_PROOF_MAX};
    struct hm_tlog_proof p = {.index = 0};
    struct hm_path path;
    uint64_t size = 0;
    double t0 = now_s();
    must(db_query_begin(q, &why), &why);
    must(db_query_checkpoint(q, m->h.idx, &size, &note, &why), &why);
    must(db_query_record(q, idx, &record, &why), &why);
    double t1 = now_s();
    must(hm_merkle_inclusion(idx, size, db_query_node, q, &path, &why), &why);
    double t2 = now_s();
    db_query_end(q);
    hm_tlog_proof_write(hm_buf_bytes(&record), idx, &path, hm_buf_bytes(&note), &proof);
    must(hm_tlog_proof_open(hm_buf_bytes(&proof), &m->key, &p, &why), &why);
    double t3 = now_s();
    sum->path_us += (t2 - t1) * 1e6;
    sum->all_us += (t3 - t0) * 1e6;
    hm_buf_free(&p.record);
}

static struct proving prove_some(const struct model *m)
{
    struct hm_why why = {.text = ""};
    struct db_query *q = NULL;
    struct proving sum = {0};
    must(db_query_open(m->path, &q, &why), &why);
    for (unsigned i = 0; i < PROOFS; i++) {
        uint64_t x = (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        prove(m, q, (x ^ x >> 31) % m->h.idx, &sum);
    }
    db_query_close(q);
    return (struct proving){sum.path_us / PROOFS, sum.all_us / PROOFS};
}

static void bench_proof(const struct model *big, const char *dir)
{
    double value[2][ROUNDS];
    double bare[2][ROUNDS];
    struct model small;
    open_model(&small, dir, "small.db");
    fill(&small, SMALL, false);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct proving s = prove_some(&small);
        struct proving b = prove_some(big);
        value[0][i] = b.all_us;
        bare[0][i] = s.all_us;
        value[1][i] = b.path_us;
        bare[1][i] = s.path_us;
    }
    close_model(&small);
    print("growth-proof", value[0], bare[0], "us");
    print("growth-proof-path", value[1], bare[1], "us");
}

static void bench_storage(const struct model *m)
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
        must(HM_E_IO, &(struct hm_why){.text = "cannot look at the file"});
    double record = sqlite3_column_double(s, 0);
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    double each = (double)st.st_size / (double)m->h.idx;
    (void)printf("{\"bench\":\"growth-storage\",\"value\":%.1f,\"unit\":\"B/record\",\"bare\":%.1f,"
                 "\"ratio\":%.4f,\"records\":%" PRIu64 ",\"gigabytes\":%.2f}\n",
                 each, record, each / record, m->h.idx, (double)st.st_size / 1e9);
}

int main(int argc, char **argv)
{
    struct model big;
    if (argc != 3) {
        (void)fprintf(stderr, "bench_growth DIR RECORDS\n");
        return 2;
    }
    open_model(&big, argv[1], "big.db");
    fill(&big, strtoull(argv[2], NULL, 10), true);
    bench_append(&big, argv[1]);
    bench_proof(&big, argv[1]);
    bench_storage(&big);
    close_model(&big);
    return 0;
}
