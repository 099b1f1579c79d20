/* The HTTPS listener: libmicrohttpd with TLS 1.3, one thread per connection. */
#ifndef SERVER_DOOR_DOOR_HTTP_H
#define SERVER_DOOR_DOOR_HTTP_H

#include "server/door/door.h"

struct door_http;
/* TLS files as text; borrowed until close. */
struct door_tls_files {
    const char *certificate;
    const char *key;
    const char *client_ca;
};
/* Serves on listen_fd (taken over). HM_E_CONFIG if certificate, key or CA do not load. */
enum hm_err HM_MUST_USE door_http_start(struct door *d, int listen_fd,
                                        const struct door_tls_files *tls, struct door_http **out,
                                        struct hm_why *why);
/* Stops accepting, shuts connections down, joins their threads. */
void door_http_stop(struct door_http *h);

#endif
