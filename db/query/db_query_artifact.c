/* Which records name an artifact: the one index whose keys come in no order. Put straight into one
 * large table, each row would touch a page of its own. So rows begin in a small table (age 0), and
 * each batch carries a slice of it, all digests between two values, on into the next larger one:
 * there a slice is a few neighbouring pages. A slice is as wide as the batch is long, so that every
 * row has moved on after AGE_RECORDS[age] records. Writer's thread. */
#include "db/query/db_query_priv.h"

static const uint64_t age_records[DB_QUERY_AGES - 1] = {16384, 524288}; /* in age 0, in age 1 */

#define PREFIX_BITS 47 /* what SQLite stores in 6 bytes; two artifacts may share it */

uint64_t db_query_prefix(const struct hm_digest *artifact)
{
    uint64_t v = 0;
    for (size_t i = 0; i < 6; i++)
        v = v << 8 | artifact->b[i];
    return v >> (48 - PREFIX_BITS);
}

enum hm_err db_query_artifact(struct db_query_writer *w, const struct hm_digest *artifact,
                              uint64_t idx, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_ARTIFACT);
    db_q_u64(&q, db_query_prefix(artifact));
    db_q_u64(&q, idx);
    return db_query_change(w, &q, why);
}

static enum hm_err run(struct db_query_writer *w, unsigned which, uint64_t age, uint64_t lo,
                       uint64_t hi, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, which);
    db_q_u64(&q, age);
    db_q_u64(&q, lo);
    db_q_u64(&q, hi);
    return db_query_change(w, &q, why);
}

/* Everything of this age whose prefix lies in [lo, hi). */
static enum hm_err move(struct db_query_writer *w, uint64_t age, uint64_t lo, uint64_t hi,
                        struct hm_why *why)
{
    enum hm_err err = run(w, W_ARTIFACT_COPY, age, lo, hi, why);
    return err == HM_OK ? run(w, W_ARTIFACT_DROP, age, lo, hi, why) : err;
}

/* The slice that belongs to records [from, to): the prefixes in turn, once in a cycle. */
static enum hm_err sweep(struct db_query_writer *w, uint64_t age, uint64_t from, uint64_t to,
                         struct hm_why *why)
{
    const uint64_t cycle = age_records[age];
    const uint64_t step = (UINT64_C(1) << PREFIX_BITS) / cycle;
    enum hm_err err = HM_OK;
    for (uint64_t end = from; err == HM_OK && from < to; from = end) {
        end = from - from % cycle + cycle;
        end = end < to ? end : to;
        uint64_t lo = from % cycle * step;
        err = move(w, age, lo, lo + (end - from) * step, why);
    }
    return err;
}

enum hm_err db_query_artifacts_age(struct db_query_writer *w, uint64_t from, uint64_t to,
                                   struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (uint64_t age = DB_QUERY_AGES - 1; err == HM_OK && age-- > 0;)
        err = sweep(w, age, from, to, why);
    return err;
}
