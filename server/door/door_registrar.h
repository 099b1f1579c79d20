/* Calls to the registrar on behalf of a request, and its ANSWER as an HTTP answer. */
#ifndef SERVER_DOOR_DOOR_REGISTRAR_H
#define SERVER_DOOR_DOOR_REGISTRAR_H

#include "server/door/door_request.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"

#include "schema/core/hm_limits.h"

struct door_missing {
    struct hm_digest digest[HM_ARTIFACTS_MAX];
    size_t count;
};
/* Sends the connection's frame buffer as request and reads the reply into its reply buffer. */
enum hm_err HM_MUST_USE door_call(struct door_req *r, uint16_t op);
/* Begins the frame with CALLER and Idempotency-Key. */
void door_frame_begin(struct door_req *r);
/* Ends the frame with the length of a body that is received behind it. False: answered already. */
bool door_frame_body(struct door_req *r);
/* Sends the frame as op and turns the ANSWER that comes back into the request's answer. Status 0
 * (send the artifacts, ask again) leaves the request unanswered and fills *missing; where missing
 * is NULL it is an error. */
void door_forward(struct door_req *r, uint16_t op, struct door_missing *missing);
/* "r17" -> 17. Answers 404 itself otherwise. */
bool door_release_id(struct door_req *r, uint64_t *id);

/* Fetches one item with a frame that is already written: reply is `bytes`. *out is borrowed from
 * the reply buffer. Answers itself on failure. */
bool door_fetch(struct door_req *r, uint16_t op, size_t max, struct hm_bytes *out);

#endif
