/* The listening socket: numeric address, port 0 for any, the chosen port written to a file. */
#ifndef SERVER_IPC_PROC_LISTEN_H
#define SERVER_IPC_PROC_LISTEN_H

#include "schema/core/hm_err.h"

#include <stdint.h>
#include <sys/socket.h>

/* "127.0.0.1:8443", "[::1]:0". out and len may be NULL. HM_E_CONFIG. */
enum hm_err HM_MUST_USE proc_listen_parse(const char *text, struct sockaddr_storage *out,
                                          socklen_t *len);
/* Binds and listens; *port is the one in use. Caller closes *fd. */
enum hm_err HM_MUST_USE proc_listen_open(const char *text, int *fd, uint16_t *port,
                                         struct hm_why *why);

#endif
