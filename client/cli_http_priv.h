/* What cli_http.c lends to a transfer that goes on beside the others. */
#ifndef CLIENT_CLI_HTTP_PRIV_H
#define CLIENT_CLI_HTTP_PRIV_H

#include "client/cli_http.h"

#include <curl/curl.h>

/* A handle of the caller's own with everything that holds for each request: TLS, certificate, CA.
 * HM_E_CONFIG where settings are missing. */
enum hm_err HM_MUST_USE cli_http_handle(struct cli *c, CURL **out);
/* Headers of a call; the caller frees the list. */
struct curl_slist *cli_http_headers(const struct cli_call *call, const char *bearer);
/* The error that a failed transfer stands for; text may be "". */
enum hm_err cli_http_failed(struct cli *c, CURLcode code, const char *text);

#endif
