/* What reject and cancel share: a signed decision about a release. */
#ifndef CLIENT_CLI_DECIDE_H
#define CLIENT_CLI_DECIDE_H

#include "client/cli_proof.h"
#include "schema/attest/hm_decision.h"

/* Fetches the proven record of the submission, writes and signs the decision, sends it to
 * /v1/releases/ID/<resource>, and reports the proven record of `event`. */
int cli_decide(struct cli *c, enum hm_signed_kind kind, const char *resource, enum hm_event event);

extern const struct cli_opt cli_decide_opts[];

#endif
