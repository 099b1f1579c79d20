/* A connection's phases: reading under one snapshot, then waiting without holding anything. */
#include "server/registrar/reg_desk.h"

enum hm_err reg_conn_reader(struct reg_conn *c, struct db_reader **out, struct hm_why *why)
{
    if (c->reader == NULL) {
        enum hm_err err = reg_readers_take(c->desk->readers, &c->reader, why);
        if (err != HM_OK)
            return err;
    }
    *out = c->reader;
    return HM_OK;
}

void reg_conn_rest(struct reg_conn *c)
{
    if (c->reader != NULL)
        reg_readers_give(c->desk->readers, c->reader);
    c->reader = NULL;
}

enum hm_err reg_conn_decide(struct reg_conn *c, reg_decide_fn decide, void *arg,
                            struct reg_result *out, struct hm_why *why)
{
    reg_conn_rest(c);
    return reg_seq_run(c->desk->seq, decide, arg, out, why);
}

enum hm_err reg_conn_path(struct reg_conn *c, uint64_t idx, uint64_t size, struct hm_path *out,
                          struct hm_why *why)
{
    struct reg_nodes nodes = {c->desk->readers, NULL};
    enum hm_err err = reg_conn_reader(c, &nodes.reader, why);
    return err == HM_OK ? hm_merkle_inclusion(idx, size, reg_nodes_read, &nodes, out, why) : err;
}

enum hm_err reg_conn_record(struct reg_conn *c, uint64_t idx, struct hm_buf *out,
                            struct hm_why *why)
{
    struct db_reader *reader;
    if (c->has_fresh && c->fresh.idx == idx) {
        hm_buf_put(out, c->fresh_record.data, c->fresh_record.len);
        return hm_buf_err(out);
    }
    enum hm_err err = reg_conn_reader(c, &reader, why);
    return err == HM_OK ? db_reader_record(reader, idx, out, why) : err;
}

enum hm_err reg_conn_evidence(struct reg_conn *c, uint64_t idx, size_t max, struct hm_buf *out,
                              struct hm_why *why)
{
    struct db_reader *reader;
    if (c->has_fresh && c->fresh.idx == idx) {
        hm_buf_put(out, c->fresh_evidence.data, c->fresh_evidence.len);
        return hm_buf_err(out);
    }
    enum hm_err err = reg_conn_reader(c, &reader, why);
    return err == HM_OK ? db_reader_evidence(reader, idx, 0, max, out, why) : err;
}
