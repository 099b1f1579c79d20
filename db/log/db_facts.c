#include "db/log/db_facts.h"

#include "db/log/db_log_priv.h"

static enum hm_err put_latest(struct db_log *log, const struct hm_record *r, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_LATEST_PUT);
    db_q_text(&q, r->product);
    db_q_text(&q, r->channel);
    db_q_u64(&q, r->release);
    return db_log_change(log, &q, why);
}

enum hm_err db_facts_note(struct db_log *log, const struct hm_record *r, struct hm_why *why)
{
    if (r->event != HM_EV_RELEASE_SIGNED || !r->has_release)
        return HM_OK;
    enum hm_err err = put_latest(log, r, why);
    for (size_t i = 0; err == HM_OK && i < r->key_count; i++) {
        DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_SIGNED_PUT);
        db_q_digest(&q, &r->keys[i].spki);
        db_q_u64(&q, r->t_ms / 1000);
        db_q_u64(&q, r->idx);
        err = db_log_change(log, &q, why);
    }
    return err;
}

enum hm_err db_facts_again(struct db_log *log, const struct hm_digest *artifact, uint64_t release,
                           struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_AGAIN_PUT);
    db_q_digest(&q, artifact);
    db_q_u64(&q, release);
    return db_log_change(log, &q, why);
}

enum hm_err db_facts_last(struct db_log *log, const char *product, const char *channel,
                          uint64_t *release, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_LATEST_GET);
    db_q_text(&q, product);
    db_q_text(&q, channel);
    bool found = db_q_row(&q);
    uint64_t id = found ? db_q_get_u64(&q, 0) : 0;
    err = db_q_err(&q, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "nothing was signed for this product and channel");
    if (err == HM_OK)
        *release = id;
    return err;
}

enum hm_err db_facts_signed_at(struct db_log *log, const struct hm_digest *key, int64_t since_s,
                               size_t max, int64_t *out, size_t *count, struct hm_why *why)
{
    size_t n = 0;
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_SIGNED_GET);
    db_q_digest(&q, key);
    db_q_i64(&q, since_s);
    db_q_u64(&q, max);
    while (n < max && db_q_row(&q))
        out[n++] = db_q_get_i64(&q, 0);
    err = db_q_err(&q, why);
    if (err == HM_OK)
        *count = n;
    return err;
}

enum hm_err db_facts_earlier(struct db_log *log, const struct hm_digest *artifact,
                             const char *environment, uint64_t out[static DB_FACTS_EARLIER_MAX],
                             size_t *count, struct hm_why *why)
{
    size_t n = 0;
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_EARLIER);
    db_q_digest(&q, artifact);
    db_q_text(&q, environment);
    db_q_u64(&q, DB_FACTS_EARLIER_MAX);
    while (n < DB_FACTS_EARLIER_MAX && db_q_row(&q))
        out[n++] = db_q_get_u64(&q, 0);
    err = db_q_err(&q, why);
    if (err == HM_OK)
        *count = n;
    return err;
}

static enum hm_err take_bytes(struct db_q *q, int column, const char *what, struct hm_buf *out,
                              struct hm_why *why)
{
    bool found = db_q_row(q);
    if (found) {
        struct hm_bytes b = db_q_get_bytes(q, column);
        hm_buf_put(out, b.data, b.len);
    }
    enum hm_err err = db_q_err(q, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_HISTORY, "%s of an earlier release is not in the log", what);
    if (err == HM_OK && (err = hm_buf_err(out)) != HM_OK)
        return hm_fail(why, err, "no room for the %s of an earlier release", what);
    return err;
}

enum hm_err db_facts_record(struct db_log *log, uint64_t idx, struct hm_buf *out,
                            struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_RECORD_ROW);
    db_q_u64(&q, idx);
    return take_bytes(&q, 1, "the record", out, why);
}

enum hm_err db_facts_evidence(struct db_log *log, uint64_t idx, unsigned n, struct hm_buf *out,
                              struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, FACTS_EVIDENCE);
    db_q_u64(&q, idx * DB_LOG_EVIDENCE_SLOTS + n);
    return take_bytes(&q, 0, "evidence", out, why);
}
