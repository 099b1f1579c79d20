/* What the writer verifies when it opens a log: the head row, the last checkpoint against the
 * stored nodes, and every record after it. The cost depends on the records since the last
 * checkpoint, not on the length of the log. */
#include "db/log/db_log_priv.h"

#include <string.h>

struct head {
    uint64_t size;
    struct hm_digest leaf;
    uint64_t t_ms;
};

#define ULL(v) ((unsigned long long)(v))

static enum hm_err read_head(struct db_log *log, struct head *out, struct hm_why *why)
{
    char origin[HM_ORIGIN_MAX + 1] = "";
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_HEAD);
    if (db_q_row(&q)) {
        db_q_get_text(&q, 0, origin, sizeof origin);
        out->size = db_q_get_u64(&q, 1);
        db_q_get_digest(&q, 2, &out->leaf);
        out->t_ms = db_q_get_u64(&q, 3);
    }
    enum hm_err err = db_q_err(&q, why);
    if (err != HM_OK)
        return err;
    if (origin[0] == '\0')
        return hm_fail(why, HM_E_HISTORY, "head: the row is missing");
    if (strcmp(origin, log->origin) != 0)
        return hm_fail(why, HM_E_CONFIG, "this log's origin is %s, expected %s", origin,
                       log->origin);
    return HM_OK;
}

/* The records must end where the head says. */
static enum hm_err check_count(struct db_log *log, const struct head *head, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_RECORD_LAST);
    bool any = db_q_row(&q) && sqlite3_column_type(q.st, 0) != SQLITE_NULL;
    uint64_t stored = any ? db_q_get_u64(&q, 0) + 1 : 0;
    enum hm_err err = db_q_err(&q, why);
    if (err == HM_OK && stored != head->size)
        return hm_fail(
            why, HM_E_HISTORY, "record %llu: head: %llu records are stored, the head names %llu",
            ULL(stored < head->size ? stored : head->size), ULL(stored), ULL(head->size));
    return err;
}

/* The stored nodes must give the root that the signed note names. The note's signature is for
 * whoever holds the log's key; here its text is compared with the one that the nodes would give. */
static enum hm_err check_root(struct db_log *log, uint64_t size, struct hm_bytes note,
                              struct hm_frontier *out, struct hm_why *why)
{
    enum hm_err err = hm_merkle_frontier(size, db_log_node, log, out, why);
    if (err == HM_OK)
        err = db_log_note_matches(log, size, hm_frontier_root(out), note, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "checkpoint %llu", ULL(size));
}

static enum hm_err bad(struct hm_why *why, uint64_t idx, const char *kind)
{
    return hm_fail(why, HM_E_HISTORY, "record %llu: %s: does not follow from the records before it",
                   ULL(idx), kind);
}

/* Loads row idx and checks its own content; the leaf hash is computed from the bytes. */
static enum hm_err check_row(struct db_q *q, uint64_t idx, struct hm_record *rec,
                             struct hm_digest *leaf, struct hm_why *why)
{
    if (!db_q_row(q)) {
        enum hm_err err = db_q_err(q, why);
        return err != HM_OK
                   ? err
                   : hm_fail(why, HM_E_HISTORY, "record %llu: idx: the row is missing", ULL(idx));
    }
    struct hm_bytes bytes = db_q_get_bytes(q, 1);
    struct hm_why inner = {.text = ""};
    if (hm_record_parse(bytes, rec, &inner) != HM_OK)
        return hm_fail(why, HM_E_HISTORY, "record %llu: malformed: %s", ULL(idx), inner.text);
    if (rec->idx != idx)
        return bad(why, idx, "idx");
    *leaf = hm_merkle_leaf(bytes);
    struct hm_bytes hashes = db_q_get_bytes(q, 0);
    if (hashes.len < sizeof leaf->b || memcmp(hashes.data, leaf->b, sizeof leaf->b) != 0)
        return bad(why, idx, "hashes");
    return HM_OK;
}

/* The record under the checkpoint's edge: the chain goes on from its leaf hash and time. */
static enum hm_err start_after(struct db_log *log, struct db_tip *tip, struct hm_why *why)
{
    uint64_t idx = tip->frontier.size - 1;
    struct hm_record rec;
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_RECORD_ROW);
    db_q_u64(&q, idx);
    enum hm_err err = check_row(&q, idx, &rec, &tip->leaf, why);
    if (err == HM_OK)
        tip->t_ms = rec.t_ms;
    return err;
}

static enum hm_err replay(struct db_log *log, struct db_tip *tip, struct hm_why *why)
{
    uint64_t idx = tip->frontier.size;
    struct hm_record rec;
    struct hm_digest leaf;
    struct hm_digest completed[64];
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_RECORD_ROW);
    db_q_u64(&q, idx);
    enum hm_err err = check_row(&q, idx, &rec, &leaf, why);
    if (err != HM_OK)
        return err;
    if (!hm_digest_eq(&rec.prev, &tip->leaf))
        return bad(why, idx, "prev");
    if (rec.t_ms < tip->t_ms)
        return bad(why, idx, "t_ms");
    unsigned n = hm_frontier_add(&tip->frontier, &leaf, completed);
    if (!hm_bytes_eq(db_q_get_bytes(&q, 0), hm_bytes_of(completed, n * sizeof completed[0])))
        return bad(why, idx, "hashes");
    tip->leaf = leaf;
    tip->t_ms = rec.t_ms;
    return HM_OK;
}

/* Where the replay begins: behind the last checkpoint, or at the beginning of a log without one. */
static enum hm_err start(struct db_log *log, const struct head *head, struct db_tip *tip,
                         struct hm_why *why)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    uint64_t size = 0;
    *tip = (struct db_tip){.leaf = db_tip_genesis(log->origin)};
    enum hm_err err = db_log_checkpoint(log, &size, &note, why);
    if (err == HM_E_NOT_FOUND)
        return HM_OK;
    if (err != HM_OK)
        return err;
    if (size > head->size)
        return hm_fail(why, HM_E_HISTORY,
                       "record %llu: checkpoint: one names %llu records, %llu are stored",
                       ULL(head->size), ULL(size), ULL(head->size));
    log->has_checkpoint = true;
    log->checkpoint_size = size;
    err = check_root(log, size, hm_buf_bytes(&note), &tip->frontier, why);
    return err == HM_OK && size > 0 ? start_after(log, tip, why) : err;
}

enum hm_err db_log_tail(struct db_log *log, struct hm_why *why)
{
    struct head head = {0};
    struct db_tip tip;
    enum hm_err err = read_head(log, &head, why);
    if (err == HM_OK)
        err = check_count(log, &head, why);
    log->committed.frontier.size = head.size; /* db_log_node's bound */
    if (err == HM_OK)
        err = start(log, &head, &tip, why);
    while (err == HM_OK && tip.frontier.size < head.size)
        err = replay(log, &tip, why);
    if (err == HM_OK && (!hm_digest_eq(&tip.leaf, &head.leaf) || tip.t_ms != head.t_ms))
        err = bad(why, head.size, "head");
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", log->path);
    log->committed = tip;
    log->pending = tip;
    return HM_OK;
}
