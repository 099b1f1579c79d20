/* The client's side of a connection. */
#include "server/ipc/ipc_conn.h"

#include "schema/io/hm_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum hm_err ipc_connect(const char *path, int *sock, struct hm_why *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        return hm_fail(why, HM_E_CONFIG, "%s: socket path longer than %zu bytes", path,
                       sizeof a.sun_path - 1);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    HM_FD_AUTO fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return hm_fail_errno(why, errno, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        (void)hm_fail_errno(why, errno, "%s: nobody answers", path);
        return HM_E_UNAVAILABLE;
    }
    *sock = fd;
    fd = -1;
    return HM_OK;
}

/* What the transport itself does is one of two things to a caller. */
static enum hm_err of_transport(enum hm_err err)
{
    return err == HM_OK || err == HM_E_TIMEOUT ? err : HM_E_UNAVAILABLE;
}

enum hm_err ipc_call(int sock, uint16_t op, struct hm_bytes request, int fd_out,
                     struct hm_buf *reply, int *fd_in, int64_t deadline_ms, bool *broken,
                     struct hm_why *why)
{
    *broken = true;
    enum hm_err err = of_transport(ipc_send(sock, op, request, fd_out, deadline_ms, why));
    return err == HM_OK ? ipc_take_reply(sock, reply, fd_in, deadline_ms, broken, why) : err;
}

enum hm_err ipc_take_reply(int sock, struct hm_buf *reply, int *fd_in, int64_t deadline_ms,
                           bool *broken, struct hm_why *why)
{
    uint16_t code = 0;
    *broken = true;
    enum hm_err err = of_transport(ipc_recv(sock, &code, reply, fd_in, deadline_ms, why));
    if (err != HM_OK)
        return err;
    *broken = false;
    if (code == 0)
        return HM_OK;
    err = code <= HM_E_INTERNAL ? (enum hm_err)code : HM_E_INTERNAL;
    return hm_fail(why, err, "%.*s", (int)(reply->len < HM_WHY_MAX ? reply->len : HM_WHY_MAX - 1),
                   reply->len > 0 ? (const char *)reply->data : "");
}

enum hm_err ipc_peer_uid(int sock, uid_t *uid, struct hm_why *why)
{
    struct ucred c;
    socklen_t len = sizeof c;
    if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &len) != 0)
        return hm_fail_errno(why, errno, "cannot read the peer's credentials");
    *uid = c.uid;
    return HM_OK;
}
