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
    l->list[l->count++] = (struct db_list){.kind = LIST_KEY, .key = db_posting(k, id)};
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

/* The nearest of what a statement finds at or beyond `at`, and of *idx where *found. */
static enum hm_err seek_single(struct walk *w, struct db_q *s, bool *found, uint64_t *idx,
                               struct hm_why *why)
{
    w->seeks++;
    if (db_q_row(s)) {
        uint64_t got = db_q_get_u64(s, 0);
        if (!*found || (w->r->descending ? got > *idx : got < *idx))
            *idx = got;
        *found = true;
    }
    return db_q_err(s, why);
}

static enum hm_err seek_prefix(struct walk *w, const struct db_list *l, uint64_t at, bool *found,
                               uint64_t *idx, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    *found = false;
    for (uint64_t age = 0; err == HM_OK && age < DB_QUERY_AGES; age++) {
        DB_Q_AUTO s = db_q_begin(&w->q->sql, w->r->descending ? R_ARTIFACT_DOWN : R_ARTIFACT_UP);
        db_q_u64(&s, age);
        db_q_u64(&s, db_query_prefix(&l->digest));
        db_q_u64(&s, at);
        err = seek_single(w, &s, found, idx, why);
    }
    return err;
}

/* Two artifacts may begin alike: only the record says which one it names. */
static enum hm_err names(struct walk *w, uint64_t idx, const struct hm_digest *artifact, bool *yes,
                         struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct hm_record r;
    enum hm_err err = db_query_record(w->q, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &r, why);
    *yes = false;
    for (size_t i = 0; err == HM_OK && i < r.artifact_count; i++)
        *yes = *yes || hm_digest_eq(&r.artifacts[i], artifact);
    return err;
}

static enum hm_err seek_artifact(struct walk *w, const struct db_list *l, bool *found,
                                 uint64_t *idx, struct hm_why *why)
{
    bool down = w->r->descending;
    bool yes = false;
    for (uint64_t at = w->at;; at = down ? *idx - 1 : *idx + 1) {
        enum hm_err err = seek_prefix(w, l, at, found, idx, why);
        if (err == HM_OK && *found)
            err = names(w, *idx, &l->digest, &yes, why);
        if (err != HM_OK || !*found || yes)
            return err;
        if (down && *idx == 0)
            *found = false;
        if (!*found)
            return HM_OK;
    }
}

static enum hm_err seek_all(struct walk *w, enum db_query_read_stmt which, bool *found,
                            uint64_t *idx, struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&w->q->sql, which);
    db_q_u64(&s, w->at);
    *found = false;
    return seek_single(w, &s, found, idx, why);
}

/* The first index of the list at or beyond w->at. */
static enum hm_err seek(struct walk *w, struct db_list *l, bool *found, uint64_t *idx,
                        struct hm_why *why)
{
    switch (l->kind) {
    case LIST_KEY:
        return seek_key(w, l, found, idx, why);
    case LIST_ARTIFACT:
        return seek_artifact(w, l, found, idx, why);
    case LIST_RECORDS:
        return seek_all(w, w->r->descending ? R_ALL_DOWN : R_ALL_UP, found, idx, why);
    case LIST_RELEASES:
        break;
    }
    return seek_all(w, R_RALL_DOWN, found, idx, why); /* releases are walked downwards only */
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
