/* Walking posting lists side by side. Each step is one look-up in an index: the list that stands
 * lowest jumps to where the others are. No query ever reads rows that it does not need, whatever
 * filters it combines. */
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
    l->count++;
}

/* The first index of the list at or beyond `at`, in the direction of the walk. */
static enum hm_err seek(struct db_query *q, const struct db_list *l, bool down, uint64_t at,
                        bool *found, uint64_t *idx, struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&q->sql, down ? l->down : l->up);
    if (l->by_key)
        db_q_u64(&s, l->key);
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
    const struct db_lists *l;
    const struct db_range *r;
    uint64_t at;
    unsigned long seeks;
};

/* Moves w->at to the next index that every list has; *found is false when there is none in the
 * range. */
static enum hm_err align(struct walk *w, bool *found, struct hm_why *why)
{
    size_t agreed = 0;
    *found = true;
    for (size_t i = 0; *found && agreed < w->l->count; i = (i + 1) % w->l->count) {
        uint64_t idx = 0;
        if (++w->seeks > DB_QUERY_SEEKS_MAX)
            return hm_fail(why, HM_E_LIMIT,
                           "these filters rarely meet: narrow the query (since, until, after)");
        enum hm_err err = seek(w->q, &w->l->list[i], w->r->descending, w->at, found, &idx, why);
        if (err != HM_OK)
            return err;
        *found = *found && idx >= w->r->lo && idx <= w->r->hi;
        agreed = idx == w->at ? agreed + 1 : 1;
        w->at = idx;
    }
    return HM_OK;
}

enum hm_err db_lists_walk(struct db_query *q, const struct db_lists *l, const struct db_range *r,
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
