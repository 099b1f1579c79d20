/* Changing the policy and the lists of approvers: forwarded as it is. The registrar judges the
 * documents; here is only measured and framed. */
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_registrar.h"
#include "server/door/door_render.h"

static void begin(struct door_req *r, uint16_t op, uint64_t record)
{
    r->op = op;
    door_frame_begin(r);
    ipc_put_str(&r->conn->frame, "");
    ipc_put_u64(&r->conn->frame, record);
    (void)door_frame_body(r);
}

static void begin_about(struct door_req *r, uint16_t op)
{
    uint64_t proposal = 0;
    if (door_capture_number(r, 0, &proposal))
        begin(r, op, proposal);
}

void door_policy_propose_begin(struct door_req *r)
{
    begin(r, REG_POLICY_PROPOSE, 0);
}

void door_policy_replace_begin(struct door_req *r)
{
    begin(r, REG_POLICY_REPLACE, 0);
}

void door_policy_approve_begin(struct door_req *r)
{
    begin_about(r, REG_POLICY_APPROVE);
}

void door_policy_activate_begin(struct door_req *r)
{
    begin_about(r, REG_POLICY_ACTIVATE);
}

void door_roster_begin(struct door_req *r)
{
    begin(r, REG_ROSTER, 0);
}

void door_erase_begin(struct door_req *r)
{
    begin(r, REG_ERASE, 0);
}

void door_guards_begin(struct door_req *r)
{
    begin(r, REG_GUARDS, 0);
}
