#include "server/door/door_proof.h"

#include "schema/log/hm_tlog_proof.h"
#include "server/door/door.h"
#include "server/door/door_conn.h"
#include "server/door/door_registrar.h"
#include "server/door/door_tree.h"

bool door_checkpoint(struct door_req *r, bool cosigned)
{
    struct hm_checkpoint cp;
    struct hm_buf *out = &r->conn->out;
    enum hm_err err = cosigned ? door_model_cosigned(r->door->model, out, &cp, &r->why)
                               : door_model_note(r->door->model, out, &cp, &r->why);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return false;
    }
    r->answer.has_log_size = true;
    r->answer.log_size = cp.size;
    return true;
}

static enum hm_err check(struct door_req *r, uint64_t idx, struct hm_bytes proof)
{
    struct hm_vkey key;
    struct hm_tlog_proof p = {.record = {.limit = HM_RECORD_MAX}};
    enum hm_err err = door_model_key(r->door->model, &key, &r->why);
    if (err == HM_OK && hm_tlog_proof_open(proof, &key, &p, &r->why) != HM_OK)
        err = hm_fail_in(&r->why, HM_E_HISTORY, "the registrar's proof does not verify");
    if (err == HM_OK && p.index != idx)
        err = hm_fail(&r->why, HM_E_HISTORY, "the registrar proved another record");
    r->answer.log_size = p.checkpoint.size;
    hm_buf_free(&p.record);
    return err;
}

static bool registrars_proof(struct door_req *r, uint64_t idx, struct hm_buf *out)
{
    struct hm_bytes proof;
    hm_buf_reset(&r->conn->frame);
    ipc_put_u64(&r->conn->frame, idx);
    if (!door_fetch(r, REG_PROOF, HM_TLOG_PROOF_MAX, &proof))
        return false;
    enum hm_err err = check(r, idx, proof);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return false;
    }
    hm_buf_put(out, proof.data, proof.len);
    return true;
}

bool door_release_proof(struct door_req *r, uint64_t idx, struct hm_buf *out)
{
    return r->door->witnesses != NULL ? registrars_proof(r, idx, out) : door_proof(r, idx, out);
}

bool door_proof(struct door_req *r, uint64_t idx, struct hm_buf *out)
{
    struct door_tree t;
    if (!door_tree_begin(r, &t))
        return false;
    bool ask =
        !door_tree_cosigned(r, &t, idx) && r->door->witnesses != NULL && idx < t.checkpoint.size;
    bool ok = ask || door_tree_proof(r, &t, idx, out);
    door_tree_end(r, &t);
    return ask ? registrars_proof(r, idx, out) : ok;
}
