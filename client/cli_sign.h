/* Makes signed documents (docs/formats/release-request.md) with whichever key the user has, and
 * verifies each before it is used. Thread: main. */
#ifndef CLIENT_CLI_SIGN_H
#define CLIENT_CLI_SIGN_H

#include "client/cli.h"
#include "schema/attest/hm_signed.h"

enum cli_sign_how {
    CLI_SIGN_NONE = 0,
    CLI_SIGN_CERTIFICATE, /* the client certificate's key, DSSE, certificate enclosed */
    CLI_SIGN_DSSE,        /* a PEM key, DSSE */
    CLI_SIGN_SSH,         /* a private key file, SSHSIG */
    CLI_SIGN_AGENT,       /* SSH agent */
    CLI_SIGN_FILE         /* an SSH signature somebody made with ssh-keygen -Y sign */
};
struct cli_sign_with {
    enum cli_sign_how how;
    const char *path;        /* key or signature file; fingerprint (NULL: any) for the agent */
    const char *certificate; /* PEM file, for CLI_SIGN_CERTIFICATE */
};

/* How requests, rejections and cancellations are signed: --ssh-key or the setting, else the
 * certificate's key. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_sign_request_with(struct cli *c, struct cli_sign_with *out);
/* Appends the signed document; *key is the public half of what signed. */
enum hm_err HM_MUST_USE cli_sign(const struct cli_sign_with *with, enum hm_signed_kind kind,
                                 struct hm_bytes payload, struct hm_buf *document,
                                 struct hm_key *key, struct hm_why *why);

#endif
