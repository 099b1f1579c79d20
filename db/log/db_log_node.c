/* Tree nodes out of the record table (hm_merkle_node_row): rows are only ever appended, and no node
 * needs an index of its own. */
#include "db/log/db_log_priv.h"

#include <string.h>

static void keep(struct db_log *log, unsigned level, uint64_t k, const struct hm_digest *hash)
{
    if (level < DB_LOG_NODE_LEVELS)
        log->cache[level][k % DB_LOG_NODE_WIDTH] = (struct db_node_slot){true, k, *hash};
}

void db_log_node_keep(struct db_log *log, uint64_t idx, const struct hm_digest *completed,
                      unsigned count)
{
    for (unsigned level = 0; level < count; level++)
        keep(log, level, idx >> level, &completed[level]);
}

void db_log_node_forget(struct db_log *log)
{
    memset(log->cache, 0, sizeof log->cache);
}

static enum hm_err read_node(struct db_log *log, unsigned level, uint64_t idx,
                             struct hm_digest *out, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, LOG_NODES);
    db_q_u64(&q, idx);
    if (db_q_row(&q))
        return hm_merkle_node_of(db_q_get_bytes(&q, 0), level, idx, out, why);
    enum hm_err err = db_q_err(&q, why);
    if (err != HM_OK)
        return err;
    return hm_fail(why, HM_E_HISTORY, "record %llu: idx: the row is missing",
                   (unsigned long long)idx);
}

enum hm_err db_log_node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                        struct hm_why *why)
{
    struct db_log *log = ctx;
    uint64_t idx = 0;
    enum hm_err err = hm_merkle_node_row(level, k, log->committed.frontier.size, &idx, why);
    if (err != HM_OK)
        return err;
    if (level < DB_LOG_NODE_LEVELS) {
        const struct db_node_slot *slot = &log->cache[level][k % DB_LOG_NODE_WIDTH];
        if (slot->full && slot->k == k) {
            *out = slot->hash;
            return HM_OK;
        }
    }
    err = read_node(log, level, idx, out, why);
    if (err == HM_OK)
        keep(log, level, k, out);
    return err;
}
