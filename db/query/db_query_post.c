/* Postings of a batch, gathered in memory: a row of `post` stands for 64 indexes, so a batch of
 * records about a few products changes a few rows and not ten for each record; and a list's row of
 * `span` changes once in 4,096 indexes. Writer's thread. */
#include "db/query/db_query_priv.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 1024u /* a power of two */

static size_t hash(uint64_t key, uint64_t block)
{
    uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15) + block;
    h = (h ^ (h >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(h ^ (h >> 32));
}

static bool is_free(const struct db_posting_row *r)
{
    return (r->add | r->drop) == 0;
}

static struct db_posting_row *find(struct db_posting_row *rows, size_t cap, uint64_t key,
                                   uint64_t block)
{
    size_t i = hash(key, block) & (cap - 1);
    while (!is_free(&rows[i]) && (rows[i].key != key || rows[i].block != block))
        i = (i + 1) & (cap - 1);
    return &rows[i];
}

static enum hm_err grow(struct db_postings *p, struct hm_why *why)
{
    size_t cap = p->cap == 0 ? FIRST_CAP : p->cap * 2;
    struct db_posting_row *rows = calloc(cap, sizeof *rows);
    if (rows == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the postings of a batch");
    for (size_t i = 0; i < p->cap; i++)
        if (!is_free(&p->rows[i]))
            *find(rows, cap, p->rows[i].key, p->rows[i].block) = p->rows[i];
    free(p->rows);
    p->rows = rows;
    p->cap = cap;
    return HM_OK;
}

static enum hm_err change(struct db_postings *p, uint64_t key, uint64_t idx, bool add,
                          struct hm_why *why)
{
    uint64_t bit = UINT64_C(1) << (idx % DB_QUERY_ROW);
    uint64_t block = idx / DB_QUERY_ROW;
    enum hm_err err = p->count * 2 >= p->cap ? grow(p, why) : HM_OK;
    if (err != HM_OK)
        return err;
    struct db_posting_row *r = find(p->rows, p->cap, key, block);
    if (is_free(r)) {
        *r = (struct db_posting_row){.key = key, .block = block};
        p->count++;
    }
    r->add = add ? r->add | bit : r->add & ~bit;
    r->drop = add ? r->drop & ~bit : r->drop | bit;
    return HM_OK;
}

enum hm_err db_query_post(struct db_query_writer *w, uint64_t key, uint64_t idx, struct hm_why *why)
{
    return change(&w->postings, key, idx, true, why);
}

enum hm_err db_query_unpost(struct db_query_writer *w, uint64_t key, uint64_t idx,
                            struct hm_why *why)
{
    return change(&w->postings, key, idx, false, why);
}

static uint64_t span_of(const struct db_posting_row *r)
{
    return r->block / DB_QUERY_ROW;
}

/* The order of `post`. */
static int by_place(const void *a, const void *b)
{
    const struct db_posting_row *x = a;
    const struct db_posting_row *y = b;
    if (span_of(x) != span_of(y))
        return span_of(x) < span_of(y) ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->block < y->block ? -1 : x->block > y->block;
}

static enum hm_err run_post(struct db_query_writer *w, unsigned which,
                            const struct db_posting_row *r, uint64_t bits, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, which);
    db_q_u64(&q, span_of(r));
    db_q_u64(&q, r->key);
    db_q_u64(&q, r->block % DB_QUERY_ROW);
    if (which != W_POST_EMPTY)
        db_q_u64(&q, bits);
    return db_query_change(w, &q, why);
}

static enum hm_err write_row(struct db_query_writer *w, const struct db_posting_row *r,
                             struct hm_why *why)
{
    enum hm_err err = HM_OK;
    if (r->drop != 0)
        err = run_post(w, W_POST_DROP, r, r->drop, why);
    if (err == HM_OK && r->add != 0)
        err = run_post(w, W_POST, r, r->add, why);
    else if (err == HM_OK)
        err = run_post(w, W_POST_EMPTY, r, 0, why);
    return err;
}

static enum hm_err run_span(struct db_query_writer *w, unsigned which,
                            const struct db_posting_row *r, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, which);
    db_q_u64(&q, r->key);
    db_q_u64(&q, span_of(r) / DB_QUERY_ROW);
    if (which != W_SPAN_EMPTY)
        db_q_u64(&q, UINT64_C(1) << span_of(r) % DB_QUERY_ROW);
    if (which == W_SPAN_DROP)
        db_q_u64(&q, span_of(r));
    return db_query_change(w, &q, why);
}

/* Says whether the list has anything in the span of r, after its rows there were written. */
static enum hm_err write_span(struct db_query_writer *w, const struct db_posting_row *r, bool added,
                              struct hm_why *why)
{
    if (added)
        return run_span(w, W_SPAN, r, why);
    enum hm_err err = run_span(w, W_SPAN_DROP, r, why);
    return err == HM_OK ? run_span(w, W_SPAN_EMPTY, r, why) : err;
}

static enum hm_err write_all(struct db_query_writer *w, const struct db_posting_row *rows, size_t n,
                             struct hm_why *why)
{
    enum hm_err err = HM_OK;
    bool added = false;
    for (size_t i = 0; err == HM_OK && i < n; i++) {
        bool last = i + 1 == n || rows[i].key != rows[i + 1].key ||
                    span_of(&rows[i]) != span_of(&rows[i + 1]);
        added = added || rows[i].add != 0;
        err = write_row(w, &rows[i], why);
        if (err == HM_OK && last)
            err = write_span(w, &rows[i], added, why);
        added = added && !last;
    }
    return err;
}

enum hm_err db_query_post_flush(struct db_query_writer *w, struct hm_why *why)
{
    struct db_postings *p = &w->postings;
    size_t n = 0;
    for (size_t i = 0; i < p->cap; i++)
        if (!is_free(&p->rows[i]))
            p->rows[n++] = p->rows[i];
    if (n > 0)
        qsort(p->rows, n, sizeof p->rows[0], by_place);
    enum hm_err err = write_all(w, p->rows, n, why);
    db_query_post_forget(w);
    return err;
}

void db_query_post_forget(struct db_query_writer *w)
{
    if (w->postings.cap > 0)
        memset(w->postings.rows, 0, w->postings.cap * sizeof w->postings.rows[0]);
    w->postings.count = 0;
}
