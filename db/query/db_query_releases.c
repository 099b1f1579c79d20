/* Filtered pages of releases, newest first. */
#include "db/query/db_query_priv.h"

#include <stdlib.h>

static void take(struct db_q *s, struct db_query_release *r)
{
    uint64_t state = db_q_get_u64(s, 1);
    if (state >= HM_RELEASE_STATE_COUNT)
        s->rc = SQLITE_CORRUPT;
    r->id = db_q_get_u64(s, 0);
    r->state = (enum hm_release_state)state;
    r->version_tag = db_q_get_u64(s, 2);
    db_q_get_text(s, 3, r->product, sizeof r->product);
    db_q_get_text(s, 4, r->version, sizeof r->version);
    db_q_get_text(s, 5, r->channel, sizeof r->channel);
    db_q_get_text(s, 6, r->environment, sizeof r->environment);
    db_q_get_text(s, 7, r->submitter, sizeof r->submitter);
    r->sequence = db_q_get_u64(s, 8);
    r->expires_s = db_q_get_u64(s, 9);
    r->submitted_ms = db_q_get_u64(s, 10);
    r->changed_ms = db_q_get_u64(s, 11);
    r->approvals = db_q_get_u64(s, 12);
    r->signed_idx = db_q_get_u64(s, 13);
    r->last_idx = db_q_get_u64(s, 14);
    db_q_get_digest(s, 15, &r->manifest);
}

enum hm_err db_query_release_get(struct db_query *q, uint64_t id, struct db_query_release *out,
                                 struct hm_why *why)
{
    struct db_query_release r = {0};
    DB_Q_AUTO s = db_q_begin(&q->sql, R_RELEASE);
    db_q_u64(&s, id);
    bool found = db_q_row(&s);
    if (found)
        take(&s, &r);
    enum hm_err err = db_q_err(&s, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "release r%llu is not in the read model",
                       (unsigned long long)id);
    if (err == HM_OK)
        *out = r;
    return err;
}

static enum hm_err make_lists(struct db_query *q, const struct db_query_release_filter *f,
                              struct db_lists *l, struct hm_why *why)
{
    const struct {
        enum db_kind kind;
        const char *text;
    } list[] = {
        {KIND_RELEASES_PRODUCT, f->product},     {KIND_RELEASES_VERSION, f->version},
        {KIND_RELEASES_CHANNEL, f->channel},     {KIND_RELEASES_ENVIRONMENT, f->environment},
        {KIND_RELEASES_SUBMITTER, f->submitter},
    };
    enum hm_release_state state = HM_RELEASE_NONE;
    if (f->state != NULL && (!hm_release_state_parse(f->state, &state) || state == HM_RELEASE_NONE))
        return hm_fail(why, HM_E_MALFORMED, "state: there is no state %.64s", f->state);
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < sizeof list / sizeof list[0]; i++)
        err = db_lists_word(q, l, list[i].kind, list[i].text, why);
    if (f->state != NULL)
        db_lists_id(l, KIND_RELEASES_STATE, (uint64_t)state);
    if (l->count == 0)
        l->list[l->count++] = (struct db_list){.kind = LIST_RELEASES};
    return err;
}

static enum hm_err collect(struct db_query *q, const struct db_query_release_filter *f,
                           struct db_query_release *out, size_t *count, struct hm_why *why)
{
    uint64_t id[DB_QUERY_LIMIT_MAX];
    size_t n = 0;
    struct db_lists l = {.count = 0};
    struct db_range r = {.lo = 0, .hi = INT64_MAX, .descending = true};
    if (f->after <= INT64_MAX)
        r.hi = f->after > 0 ? f->after - 1 : 0;
    enum hm_err err = make_lists(q, f, &l, why);
    if (err == HM_OK && f->after != 0)
        err = db_lists_walk(q, &l, &r, id, f->limit, &n, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = db_query_release_get(q, id[i], &out[i], why);
    *count = n;
    return err;
}

enum hm_err db_query_releases(struct db_query *q, const struct db_query_release_filter *f,
                              db_query_release_fn fn, void *ctx, struct hm_why *why)
{
    size_t count = 0;
    if (f->limit == 0 || f->limit > DB_QUERY_LIMIT_MAX)
        return hm_fail(why, HM_E_LIMIT, "limit: expected 1 to %d", DB_QUERY_LIMIT_MAX);
    HM_FREE struct db_query_release *rows = calloc(f->limit, sizeof *rows);
    if (rows == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for %zu releases", f->limit);
    enum hm_err err = db_query_step(&q->sql, R_BEGIN, why);
    if (err != HM_OK)
        return err;
    err = collect(q, f, rows, &count, why);
    enum hm_err end = db_query_step(&q->sql, R_COMMIT, err == HM_OK ? why : NULL);
    if (err == HM_OK)
        err = end;
    for (size_t i = 0; err == HM_OK && i < count; i++)
        err = fn(ctx, &rows[i], why);
    return err;
}
