/* The TLS client: is there a certificate, does it verify against the client CA now, and the facts
 * that the registrar maps to a principal. */
#ifndef SERVER_DOOR_DOOR_TLS_H
#define SERVER_DOOR_DOOR_TLS_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

#include <gnutls/gnutls.h>

struct door_client {
    bool known; /* the certificate was looked at and verified */
    struct hm_digest fingerprint;
    struct hm_buf caller; /* CALLER as server/ipc/ipc_ops.h has it */
    int64_t not_after_s;
};
/* Verifies chain, purpose and validity once per connection, and that it has not run out since.
 * HM_E_DENIED: no certificate or one that does not verify; why says which. */
enum hm_err HM_MUST_USE door_client_check(struct door_client *c, gnutls_session_t session,
                                          struct hm_why *why);

#endif
