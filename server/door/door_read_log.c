/* Keys, policy, trust stores, evidence: fetched from the registrar; checkpoint and proofs: out of
 * the read model. What can be checked against the log is checked before it is passed on. */
#include "server/door/door_conn.h"
#include "server/door/door_evidence.h"
#include "server/door/door_handlers.h"
#include "server/door/door_proof.h"
#include "server/door/door_registrar.h"
#include "server/door/door_render.h"
#include "server/door/door_tree.h"

#include "schema/core/hm_text.h"

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
    bool cosigned = false;
    if (door_param_flag(r, "cosigned", &cosigned) && door_checkpoint(r, cosigned))
        door_ok(r, "text/plain; charset=utf-8", hm_buf_bytes(&r->conn->out));
}

/* Under the checkpoint that the caller names. */
static bool proof_at(struct door_req *r, uint64_t idx, uint64_t size, struct hm_buf *out)
{
    struct door_tree t;
    if (!door_tree_begin(r, &t))
        return false;
    bool ok = door_tree_at(r, &t, size) && door_tree_proof(r, &t, idx, out);
    door_tree_end(r, &t);
    return ok;
}

void door_get_proof(struct door_req *r)
{
    uint64_t idx = 0;
    uint64_t size = UINT64_MAX;
    struct hm_buf *out = &r->conn->out;
    if (door_capture_number(r, 0, &idx) && door_param_number(r, "size", 1, INT64_MAX, &size) &&
        (size == UINT64_MAX ? door_proof(r, idx, out) : proof_at(r, idx, size, out)))
        door_ok(r, "text/plain; charset=utf-8", hm_buf_bytes(out));
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

static void write_hashes(const struct hm_path *path, struct hm_buf *out)
{
    for (size_t i = 0; i < path->count; i++) {
        hm_buf_puts(out, i > 0 ? ",\"" : "\"");
        hm_base64(out, hm_bytes_of(path->hash[i].b, sizeof path->hash[i].b));
        hm_buf_putc(out, '"');
    }
}

void door_get_consistency(struct door_req *r)
{
    struct door_tree t;
    struct hm_path path;
    uint64_t old = UINT64_MAX;
    uint64_t size = UINT64_MAX;
    struct hm_buf *out = &r->conn->out;
    if (!door_param_number(r, "old", 0, INT64_MAX, &old) ||
        !door_param_number(r, "size", 0, INT64_MAX, &size))
        return;
    if (old == UINT64_MAX || size == UINT64_MAX || old > size) {
        door_problem(r, DOOR_BAD_PARAMETER, "old and size are required, and old <= size");
        return;
    }
    if (!door_tree_begin(r, &t))
        return;
    bool ok = size <= t.checkpoint.size;
    if (!ok)
        door_problem(r, DOOR_NOT_FOUND, "the newest checkpoint is over %" PRIu64 " records",
                     t.checkpoint.size);
    ok = ok && door_tree_consistency(r, &t, old, size, &path);
    door_tree_end(r, &t);
    if (!ok)
        return;
    hm_buf_printf(out, "{\"old\":%" PRIu64 ",\"size\":%" PRIu64 ",\"hashes\":[", old, size);
    write_hashes(&path, out);
    hm_buf_printf(out, "],\"log_size\":%" PRIu64 "}\n", r->answer.log_size);
    door_ok_json(r);
}
