/* Walking posting lists side by side. The list that stands lowest jumps to where the others are;
 * each jump out of the 64 indexes that it knows is one look-up in an index. No query ever reads
 * rows that it does not need, whatever filters it combines. */
#include "db/query/db_query_priv.h"

enum hm_err db_lists_word(struct db_query *q, struct db_lists *l, const struct db_list *kind,
                          enum db_kind k, const char *text, struct hm_why *why)
{
    if (text == NULL)
        return HM_OK;
    DB_Q_AUTO s = db_q_begin(&q->sql, R_WORD);
    db_q_text(&s, text);
    uint64_t id = db_q_row(&s) ? db_q_get_u64(&s, 0) : 0;
    enum hm_err err = db_q_err(&s, why);
    if (err != HM_OK)
        return err;
    if (id == 0)
        l->empty = true;
    else
        db_lists_id(l, kind, k, id);
    return HM_OK;
}

void db_lists_id(struct db_lists *l, const struct db_list *kind, enum db_kind k, uint64_t id)
{
    if (l->count == DB_QUERY_FILTERS_MAX) {
        l->empty = true; /* cannot happen: there are fewer filters */
        return;
    }
    l->list[l->count] = *kind;
    l->list[l->count].by_key = true;
    l->list[l->count].key = db_posting(k, id);
    l->list[l->count].bits = 0;
    l->count++;
}

/* Of a list of single indexes: the first one at or beyond `at`, in the direction of the walk. */
static enum hm_err seek_index(struct db_query *q, const struct db_list *l, bool down, uint64_t at,
                              bool *found, uint64_t *idx, struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&q->sql, down ? l->down : l->up);
    if (l->by_digest)
        db_q_digest(&s, &l->digest);
    db_q_u64(&s, at);
    *found = db_q_row(&s);
    if (*found)
        *idx = db_q_get_u64(&s, 0);
    return db_q_err(&s, why);
}

/* Keeps the first block at or beyond the given one; *found: there is one. */
static enum hm_err seek_block(struct db_query *q, struct db_list *l, bool down, uint64_t block,
                              bool *found, struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&q->sql, down ? l->down : l->up);
    db_q_u64(&s, l->key);
    db_q_u64(&s, block);
    *found = db_q_row(&s);
    l->block = *found ? db_q_get_u64(&s, 0) : 0;
    l->bits = *found ? db_q_get_u64(&s, 1) : 0;
    return db_q_err(&s, why);
}

/* Indexes of the kept block at or beyond `at`. */
static uint64_t beyond(const struct db_list *l, bool down, uint64_t at)
{
    uint64_t block = at / DB_QUERY_BLOCK;
    unsigned n = (unsigned)(at % DB_QUERY_BLOCK);
    if (l->block != block)
        return (l->block < block) == down ? l->bits : 0;
    return l->bits & (down ? UINT64_MAX >> (DB_QUERY_BLOCK - 1 - n) : UINT64_MAX << n);
}

static uint64_t nearest(const struct db_list *l, bool down, uint64_t bits)
{
    unsigned n = down ? DB_QUERY_BLOCK - 1 - (unsigned)__builtin_clzll(bits)
                      : (unsigned)__builtin_ctzll(bits);
    return l->block * DB_QUERY_BLOCK + n;
}

struct walk {
    struct db_query *q;
    struct db_lists *l;
    const struct db_range *r;
    uint64_t at;
    unsigned long seeks;
};

/* The first index of the list at or beyond w->at. At most two look-ups: the block of w->at may hold
 * only indexes on its other side. */
static enum hm_err seek(struct walk *w, struct db_list *l, bool *found, uint64_t *idx,
                        struct hm_why *why)
{
    bool down = w->r->descending;
    uint64_t block = w->at / DB_QUERY_BLOCK;
    enum hm_err err = HM_OK;
    w->seeks++;
    if (!l->by_key)
        return seek_index(w->q, l, down, w->at, found, idx, why);
    *found = true;
    /* What was found beyond `at` from further back stays the first that is beyond it. */
    if (l->bits == 0 || (down ? l->block > block : l->block < block))
        err = seek_block(w->q, l, down, block, found, why);
    if (err == HM_OK && *found && beyond(l, down, w->at) == 0) {
        *found = !(down && block == 0);
        if (*found)
            err = seek_block(w->q, l, down, down ? block - 1 : block + 1, found, why);
    }
    if (err == HM_OK && *found && l->bits == 0)
        return hm_fail(why, HM_E_IO, "read model: a posting without an index");
    if (err == HM_OK && *found)
        *idx = nearest(l, down, beyond(l, down, w->at));
    return err;
}

/* Moves w->at to the next index that every list has; *found is false when there is none in the
 * range. */
static enum hm_err align(struct walk *w, bool *found, struct hm_why *why)
{
    size_t agreed = 0;
    *found = true;
    for (size_t i = 0; *found && agreed < w->l->count; i = (i + 1) % w->l->count) {
        uint64_t idx = 0;
        if (w->seeks > DB_QUERY_SEEKS_MAX)
            return hm_fail(why, HM_E_LIMIT,
                           "these filters rarely meet: narrow the query (since, until, after)");
        enum hm_err err = seek(w, &w->l->list[i], found, &idx, why);
        if (err != HM_OK)
            return err;
        *found = *found && idx >= w->r->lo && idx <= w->r->hi;
        agreed = idx == w->at ? agreed + 1 : 1;
        w->at = idx;
    }
    return HM_OK;
}

enum hm_err db_lists_walk(struct db_query *q, struct db_lists *l, const struct db_range *r,
                          uint64_t *out, size_t max, size_t *count, struct hm_why *why)
{
    struct walk w = {.q = q, .l = l, .r = r, .at = r->descending ? r->hi : r->lo};
    size_t n = 0;
    while (n < max && r->lo <= r->hi && !l->empty && w.at >= r->lo && w.at <= r->hi) {
        bool found = false;
        enum hm_err err = align(&w, &found, why);
        if (err != HM_OK)
            return err;
        if (!found)
            break;
        out[n++] = w.at;
        if (r->descending && w.at == 0)
            break;
        w.at = r->descending ? w.at - 1 : w.at + 1;
    }
    *count = n;
    return HM_OK;
}
