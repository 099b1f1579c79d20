/* Keys, policy, trust stores, checkpoint, proofs: fetched from the registrar; what can be checked
 * against the log is checked before it is passed on. */
#include "server/door/door_conn.h"
#include "server/door/door_evidence.h"
#include "server/door/door_handlers.h"
#include "server/door/door_registrar.h"
#include "server/door/door_render.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_tlog_proof.h"

#include <inttypes.h>

#define KEYS_MAX ((size_t)1024 * 1024)

static void state_log_size(struct door_req *r)
{
    struct door_model_state s;
    door_model_state(r->door->model, &s);
    r->answer.has_log_size = s.ok;
    r->answer.log_size = s.size;
}

static void pass(struct door_req *r, uint16_t op, size_t max, const char *type)
{
    struct hm_bytes out;
    state_log_size(r);
    if (door_fetch(r, op, max, &out))
        door_ok(r, type, out);
}

void door_get_keys(struct door_req *r)
{
    pass(r, REG_KEYS, KEYS_MAX, "application/json");
}

void door_get_policy(struct door_req *r)
{
    pass(r, REG_POLICY, HM_POLICY_MAX, "application/json");
}

void door_get_trust_store(struct door_req *r)
{
    if (!hm_name_ok(r->match.capture[0])) {
        door_problem(r, DOOR_NOT_FOUND, "no such environment");
        return;
    }
    ipc_put_str(&r->conn->frame, r->match.capture[0]);
    pass(r, REG_TRUST_STORE, HM_TRUST_STORE_MAX, "application/cbor");
}

void door_get_checkpoint(struct door_req *r)
{
    struct hm_checkpoint cp;
    struct hm_vkey key;
    struct hm_buf *out = &r->conn->out;
    enum hm_err err = door_model_note(r->door->model, out, &r->why);
    if (err == HM_OK)
        err = door_model_key(r->door->model, &key, &r->why);
    if (err == HM_OK)
        err = hm_checkpoint_open(hm_buf_bytes(out), &key, &cp, &r->why);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return;
    }
    door_ok(r, "text/plain; charset=utf-8", hm_buf_bytes(out));
    r->answer.has_log_size = true;
    r->answer.log_size = cp.size;
}

static enum hm_err check_proof(struct door_req *r, uint64_t idx, struct hm_bytes proof)
{
    struct hm_vkey key;
    struct hm_tlog_proof p = {.record = {.limit = HM_RECORD_MAX}};
    enum hm_err err = door_model_key(r->door->model, &key, &r->why);
    if (err == HM_OK) {
        err = hm_tlog_proof_open(proof, &key, &p, &r->why);
        if (err != HM_OK)
            err = hm_fail_in(&r->why, HM_E_HISTORY, "the registrar's proof does not verify");
    }
    if (err == HM_OK && p.index != idx)
        err = hm_fail(&r->why, HM_E_HISTORY, "the registrar proved another record");
    if (err == HM_OK) {
        r->answer.has_log_size = true;
        r->answer.log_size = p.checkpoint.size;
    }
    hm_buf_free(&p.record);
    return err;
}

void door_get_proof(struct door_req *r)
{
    uint64_t idx = 0;
    struct hm_bytes out;
    if (!door_capture_number(r, 0, &idx))
        return;
    ipc_put_u64(&r->conn->frame, idx);
    if (!door_fetch(r, REG_PROOF, HM_TLOG_PROOF_MAX, &out))
        return;
    enum hm_err err = check_proof(r, idx, out);
    if (err == HM_OK)
        door_ok(r, "text/plain; charset=utf-8", out);
    else
        door_problem_of(r, err, &r->why);
}

void door_get_evidence(struct door_req *r)
{
    struct db_query *q = NULL;
    struct hm_record record;
    struct hm_bytes out;
    uint64_t idx = 0;
    uint64_t n = 0;
    if (!door_capture_number(r, 0, &idx) || !door_capture_number(r, 1, &n) ||
        !door_read_begin(r, &q))
        return;
    bool ok = door_record_read(r, q, idx, &record);
    door_read_end(r, q);
    if (ok && n >= record.evidence_count)
        door_problem(r, DOOR_NOT_FOUND, "record %" PRIu64 " has %zu pieces of evidence", idx,
                     record.evidence_count);
    else if (ok && door_evidence_fetch(r, &record, (size_t)n, &out))
        door_ok(r, "application/octet-stream", out);
}

void door_get_consistency(struct door_req *r)
{
    uint64_t old = UINT64_MAX;
    uint64_t size = UINT64_MAX;
    struct hm_buf *out = &r->conn->out;
    struct ipc_in in;
    if (!door_param_number(r, "old", 0, INT64_MAX, &old) ||
        !door_param_number(r, "size", 0, INT64_MAX, &size))
        return;
    if (old == UINT64_MAX || size == UINT64_MAX || old > size) {
        door_problem(r, DOOR_BAD_PARAMETER, "old and size are required, and old <= size");
        return;
    }
    state_log_size(r);
    ipc_put_u64(&r->conn->frame, old);
    ipc_put_u64(&r->conn->frame, size);
    enum hm_err err = door_call(r, REG_CONSISTENCY);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return;
    }
    ipc_in_begin(&in, hm_buf_bytes(&r->conn->reply));
    size_t count = ipc_get_count(&in, HM_PROOF_HASHES_MAX);
    hm_buf_printf(out, "{\"old\":%" PRIu64 ",\"size\":%" PRIu64 ",\"hashes\":[", old, size);
    for (size_t i = 0; i < count; i++) {
        struct hm_digest d;
        ipc_get_digest(&in, &d);
        hm_buf_puts(out, i > 0 ? ",\"" : "\"");
        hm_base64(out, hm_bytes_of(d.b, sizeof d.b));
        hm_buf_putc(out, '"');
    }
    hm_buf_printf(out, "],\"log_size\":%" PRIu64 "}\n", r->answer.log_size);
    if (ipc_in_end(&in, &r->why) == HM_OK)
        door_ok_json(r);
    else
        door_problem_of(r, HM_E_INTERNAL, &r->why);
}
