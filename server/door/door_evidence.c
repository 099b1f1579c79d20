#include "server/door/door_evidence.h"

#include "server/door/door_conn.h"
#include "server/door/door_registrar.h"

#include <inttypes.h>

bool door_record_read(struct door_req *r, struct db_query *q, uint64_t idx, struct hm_record *out)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = db_query_record(q, idx, &bytes, &r->why);
    if (err == HM_E_NOT_FOUND) {
        door_problem(r, DOOR_NOT_FOUND, "no record %" PRIu64 " among %" PRIu64, idx,
                     r->answer.log_size);
        return false;
    }
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), out, &r->why);
    if (err != HM_OK)
        door_problem_of(r, err == HM_E_LIMIT ? HM_E_INTERNAL : err, &r->why);
    return err == HM_OK;
}

bool door_evidence_fetch(struct door_req *r, const struct hm_record *record, size_t n,
                         struct hm_bytes *out)
{
    struct hm_buf *frame = &r->conn->frame;
    if (n >= record->evidence_count) {
        door_problem(r, DOOR_NOT_FOUND, "record %" PRIu64 " has no evidence %zu", record->idx, n);
        return false;
    }
    hm_buf_reset(frame);
    ipc_put_u64(frame, record->idx);
    ipc_put_u64(frame, n);
    if (!door_fetch(r, REG_EVIDENCE, IPC_FRAME_MAX, out))
        return false;
    struct hm_digest have = hm_sha256(*out);
    if (hm_digest_eq(&have, &record->evidence[n]))
        return true;
    door_problem(r, DOOR_UNAVAILABLE,
                 "the registrar's evidence %zu of record %" PRIu64
                 " is not what the record names; it is not shown",
                 n, record->idx);
    return false;
}
