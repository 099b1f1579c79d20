/* With which key a person approves (a release or a policy), and the last question before. */
#ifndef CLIENT_CLI_APPROVAL_KEY_H
#define CLIENT_CLI_APPROVAL_KEY_H

#include "client/cli_sign.h"

/* --key, --agent, --dsse, --signature, or the settings' approval_key or approval_agent.
 * HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_approval_key(struct cli *c, struct cli_sign_with *out);
/* Asks, unless --yes. HM_E_CONFIG without a terminal, HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_approval_confirm(struct cli *c, const char *question);
/* ["…","…"]: the signed documents in the files that --signature names. HM_E_CONFIG: none. */
enum hm_err HM_MUST_USE cli_put_signatures(struct cli *c, struct hm_buf *out);

#endif
