/* One connection over a Unix stream socket: a request frame, then its reply frame, strictly in
 * turn. Frame: u32be body length, u16be code, body; at most one descriptor rides along
 * (SCM_RIGHTS). Thread: a connection belongs to one thread at a time. */
#ifndef SERVER_IPC_IPC_CONN_H
#define SERVER_IPC_IPC_CONN_H

#include "schema/core/hm_bytes.h"

#include <sys/types.h>

#define IPC_FRAME_MAX ((size_t)16 * 1024 * 1024) /* bytes of a body */
#define IPC_NO_DEADLINE INT64_MAX                /* wait until the peer goes */

/* Sends one frame. fd < 0: none. deadline: hm_clock_mono_ms() value. HM_E_UNAVAILABLE (peer gone),
 * HM_E_TIMEOUT. */
enum hm_err HM_MUST_USE ipc_send(int sock, uint16_t code, struct hm_bytes body, int fd,
                                 int64_t deadline_ms, struct hm_why *why);
/* Receives one frame; body is replaced. *fd becomes the passed descriptor or -1 (fd NULL: a passed
 * one is an error). HM_E_UNAVAILABLE (closed), HM_E_TIMEOUT, HM_E_LIMIT, HM_E_MALFORMED. */
enum hm_err HM_MUST_USE ipc_recv(int sock, uint16_t *code, struct hm_buf *body, int *fd,
                                 int64_t deadline_ms, struct hm_why *why);

/* Client side: connects, returns the socket. HM_E_UNAVAILABLE. */
enum hm_err HM_MUST_USE ipc_connect(const char *path, int *sock, struct hm_why *why);
/* One call: request frame out, reply frame in. A reply whose code is not 0 is the peer's hm_err
 * with its text: it is returned as such with the text in why. Errors of the transport itself are
 * HM_E_UNAVAILABLE or HM_E_TIMEOUT and set *broken, after which the socket must be closed. */
enum hm_err HM_MUST_USE ipc_call(int sock, uint16_t op, struct hm_bytes request, int fd_out,
                                 struct hm_buf *reply, int *fd_in, int64_t deadline_ms,
                                 bool *broken, struct hm_why *why);
/* Its second half, for a request that was sent before. */
enum hm_err HM_MUST_USE ipc_take_reply(int sock, struct hm_buf *reply, int *fd_in,
                                       int64_t deadline_ms, bool *broken, struct hm_why *why);
/* uid of the peer at the other end. */
enum hm_err HM_MUST_USE ipc_peer_uid(int sock, uid_t *uid, struct hm_why *why);

#endif
