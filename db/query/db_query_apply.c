/* Filling the read model from the record stream, with the checks that any auditor makes: position,
 * chain, time. Writer's thread; all or nothing per batch. */
#include "db/query/db_query_priv.h"

#include <string.h>

#define ULL(v) ((unsigned long long)(v))

enum hm_err db_query_change(struct db_query_writer *w, struct db_q *q, struct hm_why *why)
{
    enum hm_err err = db_q_run(q, why);
    if (err != HM_OK && ((q->rc & 0xff) == SQLITE_CORRUPT || (q->rc & 0xff) == SQLITE_NOTADB))
        w->damaged = true;
    return err;
}

static enum hm_err run(struct db_query_writer *w, unsigned which, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, which);
    return db_query_change(w, &q, why);
}

static enum hm_err two(struct db_query_writer *w, unsigned which, uint64_t a, uint64_t b,
                       struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, which);
    db_q_u64(&q, a);
    db_q_u64(&q, b);
    return db_query_change(w, &q, why);
}

/* Posting of a word; absent words have none. */
static enum hm_err post(struct db_query_writer *w, enum db_kind kind, const char *text,
                        uint64_t idx, struct hm_why *why)
{
    uint64_t id = 0;
    if (text[0] == '\0')
        return HM_OK;
    enum hm_err err = db_query_intern(w, text, &id, why);
    return err == HM_OK ? db_query_post(w, db_posting(kind, id), idx, why) : err;
}

static enum hm_err post_key(struct db_query_writer *w, const struct hm_digest *key, uint64_t idx,
                            struct hm_why *why)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(key, hex);
    return post(w, KIND_KEY, hex, idx, why);
}

struct named {
    enum db_kind kind;
    const char *text;
};

static enum hm_err post_all(struct db_query_writer *w, const struct named *list, size_t count,
                            uint64_t idx, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < count; i++)
        err = post(w, list[i].kind, list[i].text, idx, why);
    return err;
}

static enum hm_err post_words(struct db_query_writer *w, const struct hm_record *r,
                              struct hm_why *why)
{
    const struct named list[] = {
        {KIND_EVENT, hm_event_name(r->event)},
        {KIND_PRODUCT, r->product},
        {KIND_VERSION, r->version},
        {KIND_CHANNEL, r->channel},
        {KIND_ENVIRONMENT, r->environment},
        {KIND_ACTOR, r->actor},
        {KIND_OUTCOME, r->outcome},
    };
    return post_all(w, list, sizeof list / sizeof list[0], r->idx, why);
}

static enum hm_err post_digests(struct db_query_writer *w, const struct hm_record *r,
                                struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < r->key_count; i++)
        err = post_key(w, &r->keys[i].spki, r->idx, why);
    if (err == HM_OK && r->has_guard)
        err = post_key(w, &r->guard, r->idx, why);
    if (err == HM_OK && r->has_approver_key)
        err = post_key(w, &r->approver_key, r->idx, why);
    for (size_t i = 0; err == HM_OK && i < r->artifact_count; i++)
        err = db_query_artifact(w, &r->artifacts[i], r->idx, why);
    return err;
}

/* Grows the tree by the record and stores it with the nodes that it completes. */
static enum hm_err insert_record(struct db_query_writer *w, const struct hm_record *r,
                                 struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_digest completed[64];
    w->leaf = hm_merkle_leaf(bytes);
    w->t_ms = r->t_ms;
    unsigned count = hm_frontier_add(&w->frontier, &w->leaf, completed);
    DB_Q_AUTO q = db_q_begin(&w->sql, W_RECORD);
    db_q_u64(&q, r->idx);
    db_q_u64(&q, r->t_ms);
    db_q_blob(&q, hm_bytes_of(completed, count * sizeof completed[0]));
    db_q_blob(&q, bytes);
    return db_query_change(w, &q, why);
}

static enum hm_err insert_release(struct db_query_writer *w, const struct hm_record *r,
                                  struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_RELEASE_NEW);
    db_q_u64(&q, r->idx);
    db_q_i64(&q, (int64_t)r->state);
    db_q_text(&q, r->product);
    db_q_text(&q, r->version);
    db_q_text(&q, r->channel);
    db_q_text(&q, r->environment);
    db_q_text(&q, r->actor);
    db_q_u64(&q, r->sequence);
    db_q_u64(&q, r->expires_s);
    db_q_u64(&q, r->t_ms);
    db_q_digest(&q, &r->manifest); /* zero where the record has none */
    return db_query_change(w, &q, why);
}

static enum hm_err new_release(struct db_query_writer *w, const struct hm_record *r,
                               struct hm_why *why)
{
    const struct named list[] = {
        {KIND_RELEASES_PRODUCT, r->product}, {KIND_RELEASES_VERSION, r->version},
        {KIND_RELEASES_CHANNEL, r->channel}, {KIND_RELEASES_ENVIRONMENT, r->environment},
        {KIND_RELEASES_SUBMITTER, r->actor},
    };
    enum hm_err err = insert_release(w, r, why);
    if (err == HM_OK)
        err = post_all(w, list, sizeof list / sizeof list[0], r->idx, why);
    if (err == HM_OK)
        err = db_query_post(w, db_posting(KIND_RELEASES_STATE, (uint64_t)r->state), r->idx, why);
    return err;
}

static enum hm_err release_state(struct db_query_writer *w, uint64_t id, uint64_t *state,
                                 struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_RELEASE_STATE);
    db_q_u64(&q, id);
    *state = db_q_row(&q) ? db_q_get_u64(&q, 0) : HM_RELEASE_NONE;
    return db_q_err(&q, why);
}

static enum hm_err move_state(struct db_query_writer *w, uint64_t id, uint64_t from, uint64_t to,
                              struct hm_why *why)
{
    if (from == to)
        return HM_OK;
    enum hm_err err = db_query_unpost(w, db_posting(KIND_RELEASES_STATE, from), id, why);
    return err == HM_OK ? db_query_post(w, db_posting(KIND_RELEASES_STATE, to), id, why) : err;
}

static enum hm_err change_release(struct db_query_writer *w, const struct hm_record *r,
                                  struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_RELEASE_CHANGE);
    db_q_i64(&q, (int64_t)r->state);
    db_q_u64(&q, r->t_ms);
    db_q_i64(&q, r->event == HM_EV_APPROVAL_RECORDED);
    db_q_u64(&q, r->event == HM_EV_RELEASE_SIGNED ? r->idx : 0);
    db_q_u64(&q, r->idx);
    db_q_u64(&q, r->release);
    return db_query_change(w, &q, why);
}

/* A release begins with the record whose index is its id; what names another unknown one is about
 * no release. */
static enum hm_err apply_release(struct db_query_writer *w, const struct hm_record *r,
                                 struct hm_why *why)
{
    uint64_t from = HM_RELEASE_NONE;
    if (!r->has_release)
        return HM_OK;
    enum hm_err err = db_query_post(w, db_posting(KIND_RELEASE, r->release), r->idx, why);
    if (err == HM_OK && r->release == r->idx && r->state != HM_RELEASE_NONE)
        return new_release(w, r, why);
    if (err == HM_OK)
        err = release_state(w, r->release, &from, why);
    if (err != HM_OK || from == HM_RELEASE_NONE)
        return err;
    if (r->state == HM_RELEASE_NONE)
        return two(w, W_RELEASE_TOUCH, r->idx, r->release, why);
    err = move_state(w, r->release, from, (uint64_t)r->state, why);
    return err == HM_OK ? change_release(w, r, why) : err;
}

static enum hm_err check_chain(const struct db_query_writer *w, struct hm_bytes bytes,
                               struct hm_record *r, struct hm_why *why)
{
    struct hm_why inner = {.text = ""};
    uint64_t at = w->frontier.size;
    if (hm_record_parse(bytes, r, &inner) != HM_OK)
        return hm_fail(why, HM_E_HISTORY, "record %llu: malformed: %s", ULL(at), inner.text);
    if (r->idx != at)
        return hm_fail(why, HM_E_HISTORY, "record %llu: idx: it says %llu", ULL(at), ULL(r->idx));
    if (!hm_digest_eq(&r->prev, &w->leaf))
        return hm_fail(why, HM_E_HISTORY,
                       "record %llu: prev: not the leaf hash of the record before", ULL(at));
    if (r->t_ms < w->t_ms)
        return hm_fail(why, HM_E_HISTORY, "record %llu: t_ms: earlier than the record before",
                       ULL(at));
    return HM_OK;
}

static enum hm_err apply_one(struct db_query_writer *w, struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_record r;
    enum hm_err err = check_chain(w, bytes, &r, why);
    if (err == HM_OK)
        err = insert_record(w, &r, bytes, why);
    if (err == HM_OK)
        err = post_words(w, &r, why);
    if (err == HM_OK)
        err = post_digests(w, &r, why);
    return err == HM_OK ? apply_release(w, &r, why) : err;
}

static enum hm_err insert_note(struct db_query_writer *w, struct hm_bytes note, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_CHECKPOINT);
    db_q_u64(&q, w->frontier.size);
    db_q_blob(&q, note);
    return db_query_change(w, &q, why);
}

/* The checkpoints of a batch, one after the other. */
struct notes {
    const struct hm_bytes *note;
    size_t left;
    struct hm_checkpoint next; /* what note[0] says, while there is one */
};

static enum hm_err next_note(struct notes *n, struct hm_why *why)
{
    struct hm_checkpoint_parts p;
    if (n->left == 0)
        return HM_OK;
    if (hm_checkpoint_split(n->note[0], false, &p, why) != HM_OK)
        return hm_fail_in(why, HM_E_HISTORY, "a checkpoint that came with the records");
    n->next = p.checkpoint;
    return HM_OK;
}

/* Keeps the checkpoint that is over what is applied now, where there is one. */
static enum hm_err apply_note(struct db_query_writer *w, struct notes *n, struct hm_why *why)
{
    if (n->left == 0 || n->next.size > w->frontier.size)
        return HM_OK;
    struct hm_digest root = hm_frontier_root(&w->frontier);
    if (n->next.size < w->frontier.size || strcmp(n->next.origin, w->origin) != 0 ||
        !hm_digest_eq(&n->next.root, &root))
        return hm_fail(why, HM_E_HISTORY,
                       "a checkpoint over %llu records of %s is not the one of these records",
                       ULL(n->next.size), n->next.origin);
    enum hm_err err = insert_note(w, n->note[0], why);
    n->note++;
    n->left--;
    return err == HM_OK ? next_note(n, why) : err;
}

static enum hm_err put_head(struct db_query_writer *w, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&w->sql, W_HEAD_PUT);
    db_q_u64(&q, w->frontier.size);
    db_q_digest(&q, &w->leaf);
    db_q_u64(&q, w->t_ms);
    db_q_blob(&q, hm_bytes_of(w->frontier.node, w->frontier.count * sizeof w->frontier.node[0]));
    return db_query_change(w, &q, why);
}

static enum hm_err apply_all(struct db_query_writer *w, const struct db_query_batch *b,
                             struct hm_why *why)
{
    struct notes n = {.note = b->notes, .left = b->note_count};
    const uint64_t first = w->frontier.size;
    enum hm_err err = run(w, W_BEGIN, why);
    if (err == HM_OK)
        err = next_note(&n, why);
    for (size_t i = 0; err == HM_OK && i < b->count; i++) {
        err = apply_one(w, b->records[i], why);
        if (err == HM_OK)
            err = apply_note(w, &n, why);
    }
    if (err == HM_OK && n.left > 0)
        err = hm_fail(why, HM_E_HISTORY, "a checkpoint beyond the records that came with it");
    if (err == HM_OK)
        err = db_query_post_flush(w, why);
    if (err == HM_OK)
        err = db_query_artifacts_age(w, first, w->frontier.size, why);
    if (err == HM_OK)
        err = put_head(w, why);
    return err == HM_OK ? run(w, W_COMMIT, why) : err;
}

enum hm_err db_query_apply(struct db_query_writer *w, const struct db_query_batch *b,
                           struct hm_why *why)
{
    const struct hm_frontier frontier = w->frontier;
    const struct hm_digest leaf = w->leaf;
    const uint64_t t_ms = w->t_ms;
    if (b->count == 0 && b->note_count == 0)
        return HM_OK;
    enum hm_err err = apply_all(w, b, why);
    if (err == HM_OK)
        return HM_OK;
    if (sqlite3_get_autocommit(w->sql.db) == 0 && run(w, W_ROLLBACK, NULL) != HM_OK)
        w->damaged = true;
    w->frontier = frontier;
    w->leaf = leaf;
    w->t_ms = t_ms;
    db_query_forget_words(w);
    db_query_post_forget(w);
    return err;
}

uint64_t db_query_writer_size(const struct db_query_writer *w)
{
    return w->frontier.size;
}

void db_query_writer_frontier(const struct db_query_writer *w, struct hm_frontier *out)
{
    *out = w->frontier;
}
