/* Tokens of the CI system that the job runs in (docs/formats/oidc.md): in place of a signature on a
 * request, and in place of a client certificate where none is configured. From a file, or from
 * GitHub Actions' own address. Thread: main. */
#ifndef CLIENT_CLI_OIDC_H
#define CLIENT_CLI_OIDC_H

#include "client/cli.h"

/* Is a token to be used? */
bool cli_oidc_wanted(const struct cli *c);
/* Is it all that we can show the server? */
bool cli_oidc_alone(const struct cli *c);
/* The request as a document with a token made for it in place of a signature. The token is the
 * bearer from now on too, where it is alone. HM_E_CONFIG, HM_E_UNAVAILABLE, HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_oidc_document(struct cli *c, struct hm_bytes payload,
                                          struct hm_buf *document);
/* The request was submitted: its token is good for nothing else. */
void cli_oidc_spent(struct cli *c);
/* The bearer for the next call: the request's token, or one for access. Borrowed from c. */
enum hm_err HM_MUST_USE cli_oidc_bearer(struct cli *c, const char **out);
/* The audience that a token for this request needs. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_oidc_audience(struct cli *c, struct hm_bytes payload,
                                          struct hm_buf *out);

#endif
