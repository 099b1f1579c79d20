/* Approvals, rejections, cancellations, signatures: forwarded as they are. The registrar judges
 * the documents; here is only measured and framed. */
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_registrar.h"

static void begin(struct door_req *r)
{
    uint64_t id = 0;
    if (!door_release_id(r, &id))
        return;
    door_frame_begin(r);
    ipc_put_str(&r->conn->frame, r->heads.if_match != NULL ? r->heads.if_match : "");
    ipc_put_u64(&r->conn->frame, id);
    (void)door_frame_body(r);
}

void door_approve_begin(struct door_req *r)
{
    r->op = REG_APPROVE;
    begin(r);
}

void door_reject_begin(struct door_req *r)
{
    r->op = REG_REJECT;
    begin(r);
}

void door_cancel_begin(struct door_req *r)
{
    r->op = REG_CANCEL;
    begin(r);
}

void door_change_end(struct door_req *r)
{
    door_forward(r, r->op, NULL);
}

void door_sign_begin(struct door_req *r)
{
    r->op = REG_SIGN;
    begin(r);
}

void door_empty_end(struct door_req *r)
{
    /* The message has an empty body; what a client may send is only `{}`. */
    struct hm_buf *f = &r->conn->frame;
    size_t n = (size_t)r->body_len;
    if (n > 0 && !hm_bytes_eq_str(hm_bytes_of(f->data + f->len - n, n), "{}")) {
        door_problem(r, DOOR_MALFORMED, "this takes no body, or {}");
        return;
    }
    f->len -= n + 4;
    ipc_put_bytes(f, hm_bytes_of(NULL, 0));
    door_forward(r, r->op, NULL);
}
