/* The tree in the read model: nodes stand in the rows of the records that complete them
 * (hm_merkle_node_row), so each is one look-up however long the log is; and the checkpoints that
 * have been signed over it. */
#include "db/query/db_query_priv.h"

enum hm_err db_query_begin(struct db_query *q, struct hm_why *why)
{
    return db_query_step(&q->sql, R_BEGIN, why);
}

void db_query_end(struct db_query *q)
{
    /* A snapshot that cannot be ended would be the next begin's error. */
    if (sqlite3_get_autocommit(q->sql.db) == 0)
        (void)!db_query_step(&q->sql, R_COMMIT, NULL);
}

enum hm_err db_query_node(void *query, unsigned level, uint64_t k, struct hm_digest *out,
                          struct hm_why *why)
{
    struct db_query *q = query;
    uint64_t idx = 0;
    enum hm_err err = hm_merkle_node_row(level, k, INT64_MAX, &idx, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO s = db_q_begin(&q->sql, R_NODES);
    db_q_u64(&s, idx);
    if (db_q_row(&s))
        return hm_merkle_node_of(db_q_get_bytes(&s, 0), level, idx, out, why);
    err = db_q_err(&s, why);
    return err != HM_OK ? err
                        : hm_fail(why, HM_E_NOT_FOUND, "record %llu is not in the read model",
                                  (unsigned long long)idx);
}

enum hm_err db_query_checkpoint(struct db_query *q, uint64_t at_least, uint64_t *size,
                                struct hm_buf *note, struct hm_why *why)
{
    if (at_least > INT64_MAX)
        return hm_fail(why, HM_E_NOT_FOUND, "no checkpoint is that large");
    DB_Q_AUTO s = db_q_begin(&q->sql, R_CHECKPOINT);
    db_q_u64(&s, at_least);
    if (!db_q_row(&s)) {
        enum hm_err err = db_q_err(&s, why);
        return err != HM_OK
                   ? err
                   : hm_fail(why, HM_E_NOT_FOUND, "no checkpoint over %llu records or more",
                             (unsigned long long)at_least);
    }
    struct hm_bytes b = db_q_get_bytes(&s, 1);
    *size = db_q_get_u64(&s, 0);
    hm_buf_put(note, b.data, b.len);
    enum hm_err err = hm_buf_err(note);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no room for a checkpoint of %zu bytes", b.len);
}
