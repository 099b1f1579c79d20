/* The listener: libmicrohttpd, one thread per connection; TLS 1.3 where it is configured. */
#ifndef SERVER_WITNESS_WITNESS_HTTP_H
#define SERVER_WITNESS_WITNESS_HTTP_H

#include "server/witness/witness.h"

struct witness_http;
/* TLS files as text, both NULL: plain HTTP. Borrowed until stop. */
struct witness_tls_files {
    const char *certificate;
    const char *key;
};
/* Serves on listen_fd (taken over). HM_E_CONFIG if certificate and key do not load. */
enum hm_err HM_MUST_USE witness_http_start(struct witness *w, int listen_fd,
                                           const struct witness_tls_files *tls,
                                           struct witness_http **out, struct hm_why *why);
/* Stops accepting, shuts connections down, joins their threads. NULL allowed. */
void witness_http_stop(struct witness_http *h);

#endif
