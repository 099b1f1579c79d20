/* A pool of connections to one peer, for programs with many threads. A call takes an idle
 * connection or opens one. */
#ifndef SERVER_IPC_IPC_POOL_H
#define SERVER_IPC_IPC_POOL_H

#include "server/ipc/ipc_conn.h"

struct ipc_pool;

/* path: borrowed for the pool's life. max_idle connections are kept open. */
enum hm_err HM_MUST_USE ipc_pool_open(const char *path, size_t max_idle, struct ipc_pool **out,
                                      struct hm_why *why);
void ipc_pool_close(struct ipc_pool *p); /* when no call is running; NULL allowed */
/* As ipc_call. A connection that had gone stale while idle (peer restarted) is replaced once,
 * before anything was sent on it. timeout_ms from now. Thread-safe. */
enum hm_err HM_MUST_USE ipc_pool_call(struct ipc_pool *p, uint16_t op, struct hm_bytes request,
                                      int fd_out, struct hm_buf *reply, int *fd_in,
                                      int64_t timeout_ms, struct hm_why *why);

/* The same in two halves, for a caller with something to do in between. */
struct ipc_asked {
    int sock; /* -1: nothing is under way */
    int64_t deadline_ms;
};
enum hm_err HM_MUST_USE ipc_pool_ask(struct ipc_pool *p, uint16_t op, struct hm_bytes request,
                                     int64_t timeout_ms, struct ipc_asked *asked,
                                     struct hm_why *why);
/* Any thread; ends what was begun, whatever it returns. */
enum hm_err HM_MUST_USE ipc_pool_take(struct ipc_pool *p, struct ipc_asked *asked,
                                      struct hm_buf *reply, struct hm_why *why);

#endif
