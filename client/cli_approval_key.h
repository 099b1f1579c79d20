/* With which key a person approves (a release or a policy), the last question before, and the
 * signing and sending of the statement. Thread: main. */
#ifndef CLIENT_CLI_APPROVAL_KEY_H
#define CLIENT_CLI_APPROVAL_KEY_H

#include "client/cli_proof.h"
#include "client/cli_sign.h"

/* --key, --agent, --dsse, --signature, or the settings' approval_key or approval_agent.
 * HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_approval_key(struct cli *c, struct cli_sign_with *out);
/* Asks, unless --yes. HM_E_CONFIG without a terminal, HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_approval_confirm(struct cli *c, const char *question);
/* ["…","…"]: the signed documents in the files that --signature names. HM_E_CONFIG: none. */
enum hm_err HM_MUST_USE cli_put_signatures(struct cli *c, struct hm_buf *out);

struct cli_approval {
    enum hm_signed_kind kind;
    struct hm_bytes statement; /* exactly what is signed */
    const char *path;          /* where the approval is posted to */
    enum hm_event event;       /* what the log has then */
    uint64_t release;          /* or CLI_ANY_RELEASE */
};
/* The proven record in *ack is about this document, this statement and this key; what else it must
 * say is the caller's to check. */
enum hm_err HM_MUST_USE cli_approval_send(struct cli *c, const struct cli_sign_with *with,
                                          const struct cli_approval *a, struct cli_ack *ack);

#endif
