#include "server/door/door_registrar.h"

#include "schema/core/hm_text.h"
#include "server/door/door_conn.h"
#include "server/door/door_model.h"

#include <string.h>

enum hm_err door_call(struct door_req *r, uint16_t op)
{
    if (hm_buf_err(&r->conn->frame) != HM_OK)
        return hm_fail(&r->why, HM_E_MEMORY, "no memory for a message to the registrar");
    return ipc_pool_call(r->door->registrar, op, hm_buf_bytes(&r->conn->frame), -1, &r->conn->reply,
                         NULL, (int64_t)r->door->config->registrar_timeout_ms, &r->why);
}

void door_frame_begin(struct door_req *r)
{
    struct hm_buf *f = &r->conn->frame;
    hm_buf_reset(f);
    hm_buf_put(f, r->conn->client.caller.data, r->conn->client.caller.len);
    ipc_put_str(f, r->heads.idempotency_key != NULL ? r->heads.idempotency_key : "");
}

bool door_frame_body(struct door_req *r)
{
    struct hm_buf *f = &r->conn->frame;
    uint64_t n = r->body_len;
    if (n > HM_SMALL_BODY_MAX && !door_req_body_place(r))
        return false;
    const uint8_t len[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    hm_buf_put(f, len, sizeof len);
    /* Room for the whole body at once, so that the buffer does not grow by copying. */
    if (hm_buf_room(f, (size_t)n) != NULL)
        f->len -= (size_t)n;
    if (hm_buf_err(f) == HM_OK)
        return true;
    door_problem(r, DOOR_UNAVAILABLE, "no memory for a request of this size");
    return false;
}

/* A status that the registrar may name: nothing that changes how the body is framed. */
static bool status_ok(uint64_t s)
{
    return s >= 200 && s <= 599 && s != 204 && s != 304;
}

static void take_missing(struct ipc_in *in, struct door_missing *out)
{
    struct door_missing none;
    struct door_missing *m = out != NULL ? out : &none;
    m->count = ipc_get_digests(in, m->digest, HM_ARTIFACTS_MAX);
}

static enum hm_err read_answer(struct door_req *r, struct door_missing *missing)
{
    struct door_answer *a = &r->answer;
    struct ipc_in in;
    char type[sizeof a->type];
    char etag[sizeof a->etag];
    ipc_in_begin(&in, hm_buf_bytes(&r->conn->reply));
    uint64_t status = ipc_get_u64(&in);
    ipc_get_str(&in, type, sizeof type);
    ipc_get_str(&in, etag, sizeof etag);
    uint64_t retry = ipc_get_u64(&in);
    uint64_t size = ipc_get_u64(&in);
    struct hm_bytes body = ipc_get_bytes(&in, IPC_FRAME_MAX);
    take_missing(&in, missing);
    if (ipc_in_end(&in, &r->why) != HM_OK)
        return hm_fail_in(&r->why, HM_E_INTERNAL, "the registrar's answer");
    if (status == 0 && missing != NULL)
        return HM_OK;
    if (!status_ok(status))
        return hm_fail(&r->why, HM_E_MALFORMED, "the registrar answered with status %llu",
                       (unsigned long long)status);
    door_ok(r, type, body);
    memcpy(a->etag, etag, sizeof etag);
    a->status = (unsigned)status;
    a->retry_after_s = retry;
    door_model_acknowledged(r->door->model, size);
    return HM_OK;
}

void door_forward(struct door_req *r, uint16_t op, struct door_missing *missing)
{
    enum hm_err err = door_call(r, op);
    if (err == HM_OK)
        err = read_answer(r, missing);
    if (err != HM_OK)
        door_problem_of(r, err, &r->why);
}

bool door_release_id(struct door_req *r, uint64_t *id)
{
    const char *text = r->match.capture[0];
    if (text[0] == 'r' && hm_decimal(hm_bytes_str(text + 1), INT64_MAX, id) == HM_OK)
        return true;
    door_problem(r, DOOR_NOT_FOUND, "a release is named r and a number");
    return false;
}

bool door_fetch(struct door_req *r, uint16_t op, size_t max, struct hm_bytes *out)
{
    struct ipc_in in;
    enum hm_err err = door_call(r, op);
    if (err == HM_OK) {
        ipc_in_begin(&in, hm_buf_bytes(&r->conn->reply));
        *out = ipc_get_bytes(&in, max);
        err = ipc_in_end(&in, &r->why);
        if (err != HM_OK)
            err = hm_fail_in(&r->why, HM_E_INTERNAL, "the registrar's reply to operation %u", op);
    }
    if (err == HM_E_TIMEOUT)
        door_problem(r, DOOR_UNAVAILABLE, "%s", r->why.text);
    else if (err != HM_OK)
        door_problem_of(r, err, &r->why);
    return err == HM_OK;
}
