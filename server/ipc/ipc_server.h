/* A Unix socket server: one thread per connection, small stacks, a connection cap, one permitted
 * peer user. A table of handlers; an operation that is not in it ends the connection. */
#ifndef SERVER_IPC_IPC_SERVER_H
#define SERVER_IPC_IPC_SERVER_H

#include "server/ipc/ipc_conn.h"

struct ipc_request {
    uint16_t op;
    struct hm_bytes body; /* borrowed for the call */
    int fd;               /* passed descriptor or -1; closed after the call */
    struct hm_buf *reply; /* empty; what is put in is the reply's body */
    int reply_fd;         /* set to a descriptor to pass back; closed after sending */
    void *conn_state;     /* what on_open returned */
};
/* HM_OK sends the reply; an error sends code and text, and the connection goes on. */
typedef enum hm_err (*ipc_handler_fn)(void *ctx, struct ipc_request *r, struct hm_why *why);
struct ipc_op {
    uint16_t op;
    ipc_handler_fn handle;
    const char *name;
};
struct ipc_server_config {
    const char *path; /* socket; a stale one is replaced */
    uid_t peer;       /* the only user who may connect (besides nobody) */
    size_t max_connections;
    size_t stack_bytes;
    const struct ipc_op *ops; /* op_count rows, borrowed */
    size_t op_count;
    void *ctx;
    void *(*on_open)(void *ctx); /* per-connection state, may be NULL */
    void (*on_close)(void *ctx, void *state);
    void (*on_done)(void *ctx, void *state); /* after each request was answered; may be NULL */
    void (*on_refused)(
        void *ctx,
        const char *text); /* a connection or request that was turned away; for the log */
};
struct ipc_server;
/* Binds and listens (mode 0666: the peer check decides, and the directory). */
enum hm_err HM_MUST_USE ipc_server_open(const struct ipc_server_config *c, struct ipc_server **out,
                                        struct hm_why *why);
/* Serves until stop_fd becomes readable; then stops accepting, shuts connections down and joins
 * their threads. */
enum hm_err HM_MUST_USE ipc_server_run(struct ipc_server *s, int stop_fd, struct hm_why *why);
void ipc_server_close(struct ipc_server *s);

#endif
