#include "tests/bench/bench_model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double bench_now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_must(enum hm_err err, const struct hm_why *why)
{
    if (err == HM_OK)
        return;
    (void)fprintf(stderr, "bench: %s: %s\n", hm_err_name(err), why->text);
    exit(1);
}

static void make_key(struct bench_model *m)
{
    struct hm_why why = {.text = ""};
    struct hm_key key;
    uint8_t raw[32];
    size_t len = sizeof raw;
    m->secret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (m->secret == NULL || EVP_PKEY_get_raw_public_key(m->secret, raw, &len) != 1)
        bench_must(HM_E_INTERNAL, &why);
    bench_must(hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &key, &why), &why);
    bench_must(hm_vkey_make(BENCH_ORIGIN, &key, &m->key), &why);
}

void bench_model_open(struct bench_model *m, const char *dir, const char *name)
{
    struct hm_why why = {.text = ""};
    (void)snprintf(m->path, sizeof m->path, "%s/%s", dir, name);
    (void)unlink(m->path);
    make_key(m);
    bench_history_begin(&m->h);
    bench_must(db_query_writer_open(m->path, BENCH_ORIGIN, &m->w, &why), &why);
}

void bench_model_close(struct bench_model *m)
{
    db_query_writer_close(m->w);
    bench_history_free(&m->h);
    EVP_PKEY_free(m->secret);
    memset(m, 0, sizeof *m);
}

/* The signed checkpoint over what was made so far. */
static void sign_note(const struct bench_model *m, struct hm_buf *note)
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
        bench_must(HM_E_INTERNAL, &why);
    EVP_MD_CTX_free(ctx);
    hm_checkpoint_note(hm_buf_bytes(&body), &m->key, sig, note);
}

double bench_model_apply(struct bench_model *m, size_t count)
{
    struct hm_why why = {.text = ""};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    bench_must(bench_history_next(&m->h, count, &why), &why);
    sign_note(m, &note);
    const struct hm_bytes bytes = hm_buf_bytes(&note);
    const struct db_query_batch b = {
        .records = m->h.record, .count = count, .notes = &bytes, .note_count = 1};
    double t = bench_now_s();
    bench_must(db_query_apply(m->w, &b, &why), &why);
    return bench_now_s() - t;
}

void bench_model_fill(struct bench_model *m, uint64_t records, bool tell)
{
    uint64_t told = 0;
    double t = 0;
    while (m->h.idx < records) {
        uint64_t left = records - m->h.idx;
        t += bench_model_apply(m, left < BENCH_BATCH_MAX ? (size_t)left : BENCH_BATCH_MAX);
        if (!tell || m->h.idx - told < 500000)
            continue;
        (void)fprintf(stderr, "bench: %" PRIu64 " records, the last %" PRIu64 " at %.1f us each\n",
                      m->h.idx, m->h.idx - told, t * 1e6 / (double)(m->h.idx - told));
        told = m->h.idx;
        t = 0;
    }
}

static int by_size(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

void bench_ratio(const char *name, double *value, double *bare, size_t count, const char *unit)
{
    qsort(value, count, sizeof *value, by_size);
    qsort(bare, count, sizeof *bare, by_size);
    double v = value[count / 2];
    double b = bare[count / 2];
    (void)printf("{\"bench\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"bare\":%.3f,\"ratio\":%.4f}\n",
                 name, v, unit, b, v / b);
}
