/* The table of operations on the registrar's socket. */
#ifndef SERVER_REGISTRAR_REG_OPS_H
#define SERVER_REGISTRAR_REG_OPS_H

#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/ipc_server.h"
#include "server/registrar/reg_answer.h"

/* Rows for ipc_server_config; ctx is a struct reg_desk, the connection's state a struct reg_conn.
 */
extern const struct ipc_op reg_ops[];
extern const size_t reg_op_count;
void *reg_conn_open(void *desk);
void reg_conn_close(void *desk, void *conn);
void reg_conn_done(void *desk, void *conn); /* after each request */

/* Requests that change something (reg_ask.c). */
enum hm_err reg_op_submit(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_approve(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_reject(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_cancel(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_sign(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_policy_propose(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_policy_approve(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_policy_activate(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_policy_replace(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_roster(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_guards(void *ctx, struct ipc_request *r, struct hm_why *why);
enum hm_err reg_op_erase(void *ctx, struct ipc_request *r, struct hm_why *why);
/* CALLER off the front of a body; who is looked up in the policy in force. */
void reg_caller_get(struct ipc_in *in, const struct reg_desk *desk, struct reg_caller *out);

#endif
