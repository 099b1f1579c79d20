/* Walking posting lists side by side. The list that stands lowest jumps to where the others are:
 * over spans that it has nothing in, to a span, to a block in it; each of these steps is a look-up
 * in an index, and none where the row is kept from the step before. No query ever reads rows that
 * it does not need, whatever filters it combines. */
#include "db/query/db_query_priv.h"

enum hm_err db_lists_word(struct db_query *q, struct db_lists *l, enum db_kind k, const char *text,
                          struct hm_why *why)
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
        db_lists_id(l, k, id);
    return HM_OK;
}

void db_lists_id(struct db_lists *l, enum db_kind k, uint64_t id)
{
    if (l->count == DB_QUERY_FILTERS_MAX) {
        l->empty = true; /* cannot happen: there are fewer filters */
        return;
    }
    l->list[l->count++] = (struct db_list){.by_key = true, .key = db_posting(k, id)};
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

struct walk {
    struct db_query *q;
    struct db_lists *l;
    const struct db_range *r;
    uint64_t at;
    unsigned long seeks;
};

/* Keeps the first row at or beyond the given one: of `span`, or of `post` in l->span. *found: there
 * is one. */
static enum hm_err fetch(struct walk *w, const struct db_list *l, struct db_bits *b, uint64_t row,
                         bool *found, struct hm_why *why)
{
    bool down = w->r->descending;
    bool spans = b == &l->spans;
    w->seeks++;
    DB_Q_AUTO s = db_q_begin(&w->q->sql, spans ? (down ? R_SPAN_DOWN : R_SPAN_UP)
                                               : (down ? R_POST_DOWN : R_POST_UP));
    if (!spans)
        db_q_u64(&s, l->span);
    db_q_u64(&s, l->key);
    db_q_u64(&s, row);
    *found = db_q_row(&s);
    b->row = *found ? db_q_get_u64(&s, 0) : 0;
    b->bits = *found ? db_q_get_u64(&s, 1) : 0;
    return db_q_err(&s, why);
}

/* Those of the kept row at or beyond `at`. */
static uint64_t beyond(const struct db_bits *b, bool down, uint64_t at)
{
    uint64_t row = at / DB_QUERY_ROW;
    unsigned n = (unsigned)(at % DB_QUERY_ROW);
    if (b->row != row)
        return (b->row < row) == down ? b->bits : 0;
    return b->bits & (down ? UINT64_MAX >> (DB_QUERY_ROW - 1 - n) : UINT64_MAX << n);
}

static uint64_t nearest(const struct db_bits *b, bool down, uint64_t bits)
{
    unsigned n =
        down ? DB_QUERY_ROW - 1 - (unsigned)__builtin_clzll(bits) : (unsigned)__builtin_ctzll(bits);
    return b->row * DB_QUERY_ROW + n;
}

/* The first one of a list's spans, or of its indexes in l->span, at or beyond `at`. At most two
 * look-ups: the row of `at` may hold only some on its other side. */
static enum hm_err next(struct walk *w, const struct db_list *l, struct db_bits *b, uint64_t at,
                        bool *found, uint64_t *out, struct hm_why *why)
{
    bool down = w->r->descending;
    uint64_t row = at / DB_QUERY_ROW;
    enum hm_err err = HM_OK;
    *found = true;
    /* What was found beyond `at` from further back stays the first that is beyond it. */
    if (b->bits == 0 || (down ? b->row > row : b->row < row))
        err = fetch(w, l, b, row, found, why);
    if (err == HM_OK && *found && beyond(b, down, at) == 0) {
        *found = !(down && row == 0);
        if (*found)
            err = fetch(w, l, b, down ? row - 1 : row + 1, found, why);
    }
    if (err == HM_OK && *found && b->bits == 0)
        return hm_fail(why, HM_E_IO, "read model: a posting without an index");
    if (err == HM_OK && *found)
        *out = nearest(b, down, beyond(b, down, at));
    return err;
}

/* Begins at the edge of another span. */
static void enter(struct db_list *l, uint64_t span, bool down, uint64_t *at)
{
    if (span != *at / DB_QUERY_SPAN)
        *at = span * DB_QUERY_SPAN + (down ? DB_QUERY_SPAN - 1 : 0);
    if (span != l->span)
        l->blocks.bits = 0;
    l->span = span;
}

static enum hm_err seek_key(struct walk *w, struct db_list *l, bool *found, uint64_t *idx,
                            struct hm_why *why)
{
    bool down = w->r->descending;
    uint64_t at = w->at;
    for (;;) {
        uint64_t span = 0;
        enum hm_err err = next(w, l, &l->spans, at / DB_QUERY_SPAN, found, &span, why);
        if (err != HM_OK || !*found)
            return err;
        enter(l, span, down, &at);
        err = next(w, l, &l->blocks, at % DB_QUERY_SPAN, found, idx, why);
        *idx += span * DB_QUERY_SPAN;
        if (err != HM_OK || *found)
            return err;
        if (down && span == 0)
            return HM_OK;
        at = down ? span * DB_QUERY_SPAN - 1 : (span + 1) * DB_QUERY_SPAN;
    }
}

/* The first index of the list at or beyond w->at. */
static enum hm_err seek(struct walk *w, struct db_list *l, bool *found, uint64_t *idx,
                        struct hm_why *why)
{
    if (l->by_key)
        return seek_key(w, l, found, idx, why);
    w->seeks++;
    return seek_index(w->q, l, w->r->descending, w->at, found, idx, why);
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
