#include "server/ipc/proc_listen.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG 512

enum hm_err proc_listen_parse(const char *text, struct sockaddr_storage *out, socklen_t *len)
{
    char host[64];
    struct sockaddr_storage a;
    uint64_t port = 0;
    const char *colon = strrchr(text, ':');
    memset(&a, 0, sizeof a);
    if (colon == NULL || (size_t)(colon - text) >= sizeof host ||
        hm_decimal(hm_bytes_str(colon + 1), 65535, &port) != HM_OK)
        return HM_E_CONFIG;
    size_t n = (size_t)(colon - text);
    bool v6 = n > 2 && text[0] == '[' && text[n - 1] == ']';
    (void)snprintf(host, sizeof host, "%.*s", (int)(v6 ? n - 2 : n), v6 ? text + 1 : text);
    struct sockaddr_in *a4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)&a;
    if (v6 && inet_pton(AF_INET6, host, &a6->sin6_addr) == 1) {
        a6->sin6_family = AF_INET6;
        a6->sin6_port = htons((uint16_t)port);
    } else if (!v6 && inet_pton(AF_INET, host, &a4->sin_addr) == 1) {
        a4->sin_family = AF_INET;
        a4->sin_port = htons((uint16_t)port);
    } else {
        return HM_E_CONFIG;
    }
    if (out != NULL)
        *out = a;
    if (len != NULL)
        *len = v6 ? (socklen_t)sizeof *a6 : (socklen_t)sizeof *a4;
    return HM_OK;
}

enum hm_err proc_listen_open(const char *text, int *fd, uint16_t *port, struct hm_why *why)
{
    struct sockaddr_storage a;
    socklen_t len = 0;
    int one = 1;
    if (proc_listen_parse(text, &a, &len) != HM_OK)
        return hm_fail(why, HM_E_CONFIG, "listen: \"%s\" is no numeric ADDRESS:PORT", text);
    HM_FD_AUTO s = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0)
        return hm_fail_errno(why, errno, "listen %s: cannot make a socket", text);
    (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /* Inherited by every accepted connection. */
    (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(s, (const struct sockaddr *)&a, len) != 0 || listen(s, BACKLOG) != 0 ||
        getsockname(s, (struct sockaddr *)&a, &len) != 0)
        return hm_fail_errno(why, errno, "listen %s: cannot listen", text);
    *port = ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                          : ((struct sockaddr_in *)&a)->sin_port);
    *fd = s;
    s = -1;
    return HM_OK;
}
