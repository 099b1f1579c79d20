/* Releases and their approvals, as the sequencer needs them to decide. Writer's thread. */
#include "db/log/db_log_priv.h"
#include "db/log/db_state.h"

#define ULL(v) ((unsigned long long)(v))

/* Ends after which the same product, version and channel may be asked for again. */
static bool is_dead(enum hm_release_state s)
{
    return s == HM_RELEASE_REFUSED || s == HM_RELEASE_REJECTED || s == HM_RELEASE_CANCELLED ||
           s == HM_RELEASE_EXPIRED;
}

static bool state_ok(int64_t s)
{
    return s > HM_RELEASE_NONE && s < HM_RELEASE_STATE_COUNT;
}

static void take(struct db_q *q, struct db_release *r)
{
    int64_t state = db_q_get_i64(q, 1);
    if (!state_ok(state))
        q->rc = SQLITE_CORRUPT;
    r->id = db_q_get_u64(q, 0);
    r->state = (enum hm_release_state)state;
    r->stored = r->state;
    r->version_tag = db_q_get_u64(q, 2);
    db_q_get_text(q, 3, r->product, sizeof r->product);
    db_q_get_text(q, 4, r->version, sizeof r->version);
    db_q_get_text(q, 5, r->channel, sizeof r->channel);
    db_q_get_text(q, 6, r->environment, sizeof r->environment);
    db_q_get_text(q, 7, r->submitter, sizeof r->submitter);
    r->sequence = db_q_get_u64(q, 8);
    r->expires_s = db_q_get_i64(q, 9);
    db_q_get_digest(q, 10, &r->submitted_leaf);
    db_q_get_digest(q, 11, &r->manifest);
    db_q_get_digest(q, 12, &r->statement);
    db_q_get_digest(q, 13, &r->policy);
    r->intent = db_q_get_u64(q, 14);
    r->unknown = db_q_get_u64(q, 15);
    r->signed_idx = db_q_get_u64(q, 16);
    r->last_idx = db_q_get_u64(q, 17);
}

enum hm_err db_state_take_release(struct db_q *q, uint64_t id, struct db_release *out,
                                  struct hm_why *why)
{
    struct db_release r = {0};
    bool found = db_q_row(q);
    if (found)
        take(q, &r);
    enum hm_err err = db_q_err(q, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "release r%llu does not exist", ULL(id));
    if (err == HM_OK)
        *out = r;
    return err;
}

enum hm_err db_state_release_get(struct db_log *log, uint64_t id, struct db_release *out,
                                 struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_RELEASE_GET);
    db_q_u64(&q, id);
    return db_state_take_release(&q, id, out, why);
}

static void bind_release(struct db_q *q, const struct db_release *r)
{
    db_q_u64(q, r->id);
    db_q_text(q, r->product);
    db_q_text(q, r->version);
    db_q_text(q, r->channel);
    db_q_text(q, r->environment);
    db_q_text(q, r->submitter);
    db_q_u64(q, r->sequence);
    db_q_i64(q, r->expires_s);
    db_q_digest(q, &r->submitted_leaf);
    db_q_digest(q, &r->manifest);
    db_q_digest(q, &r->statement);
    db_q_digest(q, &r->policy);
    db_q_i64(q, is_dead(r->state));
}

static enum hm_err insert_progress(struct db_log *log, const struct db_release *r,
                                   struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_PROGRESS_INSERT);
    db_q_u64(&q, r->id);
    db_q_i64(&q, (int64_t)r->state);
    db_q_u64(&q, r->version_tag);
    db_q_u64(&q, r->intent);
    db_q_u64(&q, r->unknown);
    db_q_u64(&q, r->signed_idx);
    db_q_u64(&q, r->last_idx);
    return db_log_change(log, &q, why);
}

static enum hm_err change_open(struct db_log *log, unsigned which, const struct db_release *r,
                               struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, which);
    db_q_i64(&q, r->expires_s);
    db_q_u64(&q, r->id);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_release_insert(struct db_log *log, struct db_release *r, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    if (!state_ok(r->state) || r->id > INT64_MAX || r->sequence > INT64_MAX)
        return hm_fail(why, HM_E_INTERNAL, "release r%llu: state, id or sequence out of range",
                       ULL(r->id));
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_RELEASE_INSERT);
    bind_release(&q, r);
    err = db_log_change(log, &q, why);
    if (err == HM_E_CONFLICT)
        return hm_fail(why, err, "release r%llu exists", ULL(r->id));
    if (err == HM_OK)
        err = insert_progress(log, r, why);
    if (err == HM_OK && !hm_release_is_end(r->state))
        err = change_open(log, STATE_OPEN, r, why);
    if (err == HM_OK)
        r->stored = r->state;
    return err;
}

enum hm_err db_state_release_there(struct db_log *log, uint64_t id, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_PROGRESS_THERE);
    db_q_u64(&q, id);
    bool found = db_q_row(&q);
    enum hm_err err = db_q_err(&q, why);
    return err != HM_OK || found
               ? err
               : hm_fail(why, HM_E_NOT_FOUND, "release r%llu does not exist", ULL(id));
}

/* No row was changed: because there is none, or because it is not the one that was read. */
static enum hm_err stale(struct db_log *log, const struct db_release *r, struct hm_why *why)
{
    enum hm_err err = db_state_release_there(log, r->id, why);
    return err != HM_OK
               ? err
               : hm_fail(why, HM_E_CONFLICT, "release r%llu: changed since it was read (%s, %llu)",
                         ULL(r->id), hm_release_state_name(r->stored), ULL(r->version_tag));
}

static enum hm_err step(struct db_log *log, const struct db_release *r, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_PROGRESS_UPDATE);
    db_q_i64(&q, (int64_t)r->state);
    db_q_u64(&q, r->intent);
    db_q_u64(&q, r->unknown);
    db_q_u64(&q, r->signed_idx);
    db_q_u64(&q, r->last_idx);
    db_q_u64(&q, r->id);
    db_q_u64(&q, r->version_tag);
    db_q_i64(&q, (int64_t)r->stored);
    enum hm_err err = db_log_change(log, &q, why);
    return err == HM_OK && sqlite3_changes(log->sql.db) != 1 ? stale(log, r, why) : err;
}

static enum hm_err kill(struct db_log *log, uint64_t id, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_DEAD);
    db_q_u64(&q, id);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_release_update(struct db_log *log, struct db_release *r, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    bool moves = r->state != r->stored;
    if (moves && !hm_release_may(r->stored, r->state))
        return hm_fail(why, HM_E_STATE, "release r%llu: cannot go from %s to %s", ULL(r->id),
                       hm_release_state_name(r->stored), hm_release_state_name(r->state));
    err = step(log, r, why);
    if (err == HM_OK && moves && hm_release_is_end(r->state))
        err = change_open(log, STATE_CLOSE, r, why);
    if (err == HM_OK && moves && is_dead(r->state))
        err = kill(log, r->id, why);
    if (err != HM_OK)
        return err;
    r->version_tag++;
    r->stored = r->state;
    return HM_OK;
}

static enum hm_err first_id(struct db_q *q, uint64_t *id, struct hm_why *why)
{
    if (db_q_row(q)) {
        *id = db_q_get_u64(q, 0);
        return HM_OK;
    }
    enum hm_err err = db_q_err(q, why);
    return err != HM_OK ? err : hm_fail(why, HM_E_NOT_FOUND, "no such release");
}

enum hm_err db_state_release_by_version(struct db_log *log, const char *product,
                                        const char *version, const char *channel, uint64_t *id,
                                        struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_RELEASE_BY_VERSION);
    db_q_text(&q, product);
    db_q_text(&q, version);
    db_q_text(&q, channel);
    return first_id(&q, id, why);
}

enum hm_err db_state_signed_version(struct db_log *log, const char *product, const char *version,
                                    uint64_t *id, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_SIGNED_VERSION);
    db_q_text(&q, product);
    db_q_text(&q, version);
    db_q_i64(&q, HM_RELEASE_SIGNED);
    return first_id(&q, id, why);
}

static enum hm_err collect(struct db_q *q, uint64_t *ids, size_t max, size_t *count,
                           struct hm_why *why)
{
    size_t n = 0;
    while (n < max && db_q_row(q))
        ids[n++] = db_q_get_u64(q, 0);
    enum hm_err err = db_q_err(q, why);
    if (err == HM_OK)
        *count = n;
    return err;
}

enum hm_err db_state_expired(struct db_log *log, int64_t now_s, uint64_t *ids, size_t max,
                             size_t *count, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_EXPIRED);
    db_q_i64(&q, now_s);
    db_q_i64(&q, HM_RELEASE_SUBMITTED);
    db_q_i64(&q, HM_RELEASE_APPROVED);
    db_q_u64(&q, max);
    return collect(&q, ids, max, count, why);
}

enum hm_err db_state_signing(struct db_log *log, uint64_t after, uint64_t *ids, size_t max,
                             size_t *count, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_SIGNING);
    db_q_u64(&q, after);
    db_q_u64(&q, max);
    return collect(&q, ids, max, count, why);
}

static enum hm_err check_approval(struct db_log *log, uint64_t release, const struct db_approval *a,
                                  struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_APPROVAL_CLASH);
    db_q_u64(&q, release);
    db_q_text(&q, a->principal);
    db_q_digest(&q, &a->key);
    (void)db_q_row(&q);
    uint64_t count = db_q_get_u64(&q, 0);
    uint64_t clashes = db_q_get_u64(&q, 1);
    enum hm_err err = db_q_err(&q, why);
    if (err != HM_OK)
        return err;
    if (clashes > 0)
        return hm_fail(why, HM_E_CONFLICT, "release r%llu: %s or this key has approved it already",
                       ULL(release), a->principal);
    if (count >= HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_LIMIT, "release r%llu has %d approvals, the most that are kept",
                       ULL(release), HM_APPROVALS_MAX);
    return HM_OK;
}

enum hm_err db_state_approval_insert(struct db_log *log, uint64_t release,
                                     const struct db_approval *a, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK)
        err = check_approval(log, release, a, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_APPROVAL_INSERT);
    db_q_u64(&q, release);
    db_q_u64(&q, a->record);
    db_q_text(&q, a->principal);
    db_q_digest(&q, &a->key);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_take_approvals(struct db_q *q, struct db_approval out[static HM_APPROVALS_MAX],
                                    size_t *count, struct hm_why *why)
{
    struct db_approval a[HM_APPROVALS_MAX] = {0};
    size_t n = 0;
    for (; n < HM_APPROVALS_MAX && db_q_row(q); n++) {
        a[n].record = db_q_get_u64(q, 0);
        db_q_get_text(q, 1, a[n].principal, sizeof a[n].principal);
        db_q_get_digest(q, 2, &a[n].key);
    }
    enum hm_err err = db_q_err(q, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < n; i++)
        out[i] = a[i];
    *count = n;
    return HM_OK;
}

enum hm_err db_state_approvals(struct db_log *log, uint64_t release,
                               struct db_approval out[static HM_APPROVALS_MAX], size_t *count,
                               struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_APPROVALS);
    db_q_u64(&q, release);
    return db_state_take_approvals(&q, out, count, why);
}
