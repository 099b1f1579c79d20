/* Filtered pages of records. The matching indexes are found in one snapshot; records never change,
 * so their bytes are copied out afterwards, and no slow consumer holds a snapshot. */
#include "db/query/db_query_priv.h"

#define BATCH_BYTES ((size_t)1024 * 1024)

static enum hm_err add_words(struct db_query *q, const struct db_query_filter *f,
                             struct db_lists *l, struct hm_why *why)
{
    char key[HM_SHA256_HEX];
    if (f->key != NULL)
        hm_digest_hex(f->key, key);
    const struct {
        enum db_kind kind;
        const char *text;
    } list[] = {
        {KIND_EVENT, f->event},     {KIND_PRODUCT, f->product},
        {KIND_VERSION, f->version}, {KIND_CHANNEL, f->channel},
        {KIND_ACTOR, f->actor},     {KIND_ENVIRONMENT, f->environment},
        {KIND_OUTCOME, f->outcome}, {KIND_KEY, f->key != NULL ? key : NULL},
    };
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < sizeof list / sizeof list[0]; i++)
        err = db_lists_word(q, l, list[i].kind, list[i].text, why);
    return err;
}

static enum hm_err make_lists(struct db_query *q, const struct db_query_filter *f,
                              struct db_lists *l, struct hm_why *why)
{
    enum hm_err err = add_words(q, f, l, why);
    if (err != HM_OK)
        return err;
    if (f->has_release && f->release > DB_QUERY_ID_MAX)
        l->empty = true;
    else if (f->has_release)
        db_lists_id(l, KIND_RELEASE, f->release);
    if (f->artifact != NULL)
        l->list[l->count++] = (struct db_list){.kind = LIST_ARTIFACT, .digest = *f->artifact};
    if (l->count == 0)
        l->list[l->count++] = (struct db_list){.kind = LIST_RECORDS};
    return HM_OK;
}

/* First index whose t_ms is not below ms, `size` where there is none. Times never fall along the
 * log. */
static enum hm_err index_at(struct db_query *q, uint64_t ms, uint64_t size, uint64_t *out,
                            struct hm_why *why)
{
    *out = size;
    if (ms > INT64_MAX)
        return HM_OK;
    DB_Q_AUTO s = db_q_begin(&q->sql, R_TIME);
    db_q_u64(&s, ms);
    if (db_q_row(&s))
        *out = db_q_get_u64(&s, 0);
    return db_q_err(&s, why);
}

static enum hm_err make_range(struct db_query *q, const struct db_query_filter *f,
                              struct db_range *r, struct hm_why *why)
{
    uint64_t size = 0;
    uint64_t end = 0; /* exclusive */
    enum hm_err err = db_query_size(q, &size, why);
    end = size;
    r->lo = 0;
    r->descending = f->descending;
    if (err == HM_OK && f->since_ms > 0)
        err = index_at(q, f->since_ms, size, &r->lo, why);
    if (err == HM_OK && f->until_ms > 0)
        err = index_at(q, f->until_ms, size, &end, why);
    if (err != HM_OK)
        return err;
    if (f->after != UINT64_MAX && f->descending && f->after < end)
        end = f->after;
    if (f->after != UINT64_MAX && !f->descending && f->after >= r->lo)
        r->lo = f->after + 1;
    if (end == 0) { /* an inclusive range cannot say "nothing" at its lower end */
        r->lo = 1;
        end = 1;
    }
    r->hi = end - 1;
    return HM_OK;
}

static enum hm_err find(struct db_query *q, const struct db_query_filter *f, uint64_t *idx,
                        size_t *count, struct hm_why *why)
{
    struct db_lists l = {.count = 0};
    struct db_range r;
    enum hm_err err = make_lists(q, f, &l, why);
    if (err == HM_OK)
        err = make_range(q, f, &r, why);
    return err == HM_OK ? db_lists_walk(q, &l, &r, idx, f->limit, count, why) : err;
}

struct page {
    struct hm_buf bytes;
    size_t len[DB_QUERY_LIMIT_MAX];
};

/* Copies records from idx[from] on until a batch is full; *to is behind the last. */
static enum hm_err copy(struct db_query *q, const uint64_t *idx, size_t count, size_t from,
                        size_t *to, struct page *p, struct hm_why *why)
{
    hm_buf_reset(&p->bytes);
    enum hm_err err = db_query_step(&q->sql, R_BEGIN, why);
    if (err != HM_OK)
        return err;
    size_t i = from;
    while (err == HM_OK && i < count && p->bytes.len < BATCH_BYTES) {
        size_t before = p->bytes.len;
        err = db_query_record(q, idx[i], &p->bytes, why);
        p->len[i++] = p->bytes.len - before;
    }
    enum hm_err end = db_query_step(&q->sql, R_COMMIT, err == HM_OK ? why : NULL);
    *to = i;
    return err == HM_OK ? end : err;
}

static enum hm_err hand_out(struct db_query *q, const uint64_t *idx, size_t count,
                            db_query_row_fn fn, void *ctx, struct hm_why *why)
{
    struct page p = {.bytes = {.limit = 2 * BATCH_BYTES}};
    enum hm_err err = HM_OK;
    size_t to = 0;
    for (size_t from = 0; err == HM_OK && from < count; from = to) {
        err = copy(q, idx, count, from, &to, &p, why);
        const uint8_t *at = p.bytes.data;
        for (size_t i = from; err == HM_OK && i < to; i++) {
            err = fn(ctx, idx[i], hm_bytes_of(at, p.len[i]), why);
            at += p.len[i];
        }
    }
    hm_buf_free(&p.bytes);
    return err;
}

enum hm_err db_query_entries(struct db_query *q, const struct db_query_filter *f,
                             db_query_row_fn fn, void *ctx, struct hm_why *why)
{
    uint64_t idx[DB_QUERY_LIMIT_MAX];
    size_t count = 0;
    if (f->limit == 0 || f->limit > DB_QUERY_LIMIT_MAX)
        return hm_fail(why, HM_E_LIMIT, "limit: expected 1 to %d", DB_QUERY_LIMIT_MAX);
    enum hm_err err = db_query_step(&q->sql, R_BEGIN, why);
    if (err != HM_OK)
        return err;
    err = find(q, f, idx, &count, why);
    enum hm_err end = db_query_step(&q->sql, R_COMMIT, err == HM_OK ? why : NULL);
    if (err == HM_OK)
        err = end;
    return err == HM_OK ? hand_out(q, idx, count, fn, ctx, why) : err;
}

enum hm_err db_query_release_records(struct db_query *q, uint64_t id, uint64_t *idx, size_t max,
                                     size_t *count, struct hm_why *why)
{
    struct db_lists l = {.empty = id > DB_QUERY_ID_MAX};
    const struct db_range r = {.lo = 0, .hi = INT64_MAX};
    if (!l.empty)
        db_lists_id(&l, KIND_RELEASE, id);
    enum hm_err err = db_query_step(&q->sql, R_BEGIN, why);
    if (err != HM_OK)
        return err;
    err = db_lists_walk(q, &l, &r, idx, max, count, why);
    enum hm_err end = db_query_step(&q->sql, R_COMMIT, err == HM_OK ? why : NULL);
    return err == HM_OK ? end : err;
}
