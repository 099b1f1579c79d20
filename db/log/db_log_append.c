/* Appending a record with what belongs to it. Writer's thread. */
#include "db/log/db_log_priv.h"

#include "schema/io/hm_random.h"

static enum hm_err check_evidence(const struct hm_record *r, const struct hm_bytes *evidence,
                                  struct hm_why *why)
{
    if (r->evidence_count > HM_RECORD_EVIDENCE_MAX)
        return hm_fail(why, HM_E_LIMIT, "record: %zu pieces of evidence, at most %d",
                       r->evidence_count, HM_RECORD_EVIDENCE_MAX);
    for (size_t i = 0; i < r->evidence_count; i++) {
        struct hm_digest d = hm_sha256(evidence[i]);
        if (!hm_digest_eq(&d, &r->evidence[i]))
            return hm_fail(why, HM_E_INTERNAL, "record: evidence %zu is not what its digest says",
                           i);
    }
    return HM_OK;
}

static enum hm_err insert_record(struct db_log *log, uint64_t idx, const struct hm_digest *leaf,
                                 struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_digest completed[64];
    unsigned n = hm_frontier_add(&log->pending.frontier, leaf, completed);
    db_log_node_keep(log, idx, completed, n);
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_RECORD_INSERT);
    db_q_u64(&q, idx);
    db_q_blob(&q, hm_bytes_of(completed, n * sizeof completed[0]));
    db_q_blob(&q, bytes);
    return db_log_change(log, &q, why);
}

static enum hm_err insert_evidence(struct db_log *log, uint64_t idx,
                                   const struct hm_bytes *evidence, size_t count,
                                   struct hm_why *why)
{
    for (size_t i = 0; i < count; i++) {
        DB_Q_AUTO q = db_q_begin(&log->sql, LOG_EVIDENCE_INSERT);
        db_q_u64(&q, idx * DB_LOG_EVIDENCE_SLOTS + i);
        db_q_blob(&q, evidence[i]);
        enum hm_err err = db_log_change(log, &q, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err insert_detail(struct db_log *log, uint64_t idx,
                                 const uint8_t salt[static DB_LOG_SALT], struct hm_bytes detail,
                                 struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_DETAIL_INSERT);
    db_q_u64(&q, idx);
    db_q_blob(&q, hm_bytes_of(salt, DB_LOG_SALT));
    db_q_blob(&q, detail);
    return db_log_change(log, &q, why);
}

/* Gives the record its place in the log and its bytes, in log->scratch; touches no table. */
static enum hm_err compose(struct db_log *log, uint64_t now_ms, struct hm_record *r,
                           struct hm_why *why)
{
    const struct db_tip *tip = &log->pending;
    r->idx = tip->frontier.size;
    r->prev = tip->leaf;
    r->t_ms = now_ms > tip->t_ms ? now_ms : tip->t_ms;
    hm_buf_reset(&log->scratch);
    return hm_record_write(r, &log->scratch, why);
}

static enum hm_err store(struct db_log *log, const struct hm_record *r,
                         const struct hm_bytes *evidence, struct hm_why *why)
{
    struct hm_bytes bytes = hm_buf_bytes(&log->scratch);
    struct hm_digest leaf = hm_merkle_leaf(bytes);
    enum hm_err err = insert_record(log, r->idx, &leaf, bytes, why);
    if (err == HM_OK)
        err = insert_evidence(log, r->idx, evidence, r->evidence_count, why);
    log->pending.leaf = leaf;
    log->pending.t_ms = r->t_ms;
    return err;
}

enum hm_err db_log_append(struct db_log *log, uint64_t now_ms, struct hm_record *r,
                          const struct hm_bytes *evidence, struct hm_bytes detail,
                          struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK)
        err = check_evidence(r, evidence, why);
    if (err != HM_OK)
        return err;
    if (detail.len > DB_LOG_DETAIL_MAX)
        return hm_fail(why, HM_E_LIMIT, "record: private detail of %zu bytes, at most %zu",
                       detail.len, DB_LOG_DETAIL_MAX);
    struct hm_record rec = *r;
    uint8_t salt[DB_LOG_SALT] = {0};
    rec.has_detail = detail.len > 0;
    if (rec.has_detail) {
        hm_random(salt, sizeof salt);
        rec.detail = hm_sha256_3(hm_bytes_of(salt, sizeof salt), detail, hm_bytes_of(NULL, 0));
    }
    err = compose(log, now_ms, &rec, why);
    if (err != HM_OK)
        return err;
    log->broken_tx = true; /* until every row stands */
    err = store(log, &rec, evidence, why);
    if (err == HM_OK && rec.has_detail)
        err = insert_detail(log, rec.idx, salt, detail, why);
    if (err == HM_OK)
        err = db_facts_note(log, &rec, why);
    if (err != HM_OK)
        return err;
    log->broken_tx = false;
    *r = rec;
    return HM_OK;
}

struct hm_bytes db_log_appended(const struct db_log *log)
{
    return hm_buf_bytes(&log->scratch);
}
