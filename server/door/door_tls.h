/* The TLS client: is there a certificate, does it verify against the client CA now, and the facts
 * that the registrar maps to a principal. */
#ifndef SERVER_DOOR_DOOR_TLS_H
#define SERVER_DOOR_DOOR_TLS_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

#include "server/ident/ident_crl.h"

#include <gnutls/gnutls.h>

struct door_client {
    bool known; /* the certificate was looked at and verified */
    struct hm_digest fingerprint;
    struct hm_buf caller; /* CALLER as server/ipc/ipc_ops.h has it */
    int64_t not_after_s;
    uint64_t crl_generation; /* the lists that it does not stand on; 0: not looked */
};
/* Verifies chain, purpose and validity once per connection, and that it has not run out since. With
 * crl (NULL: none is configured) also that the lists are not stale and it stands on none of them,
 * anew whenever they were read anew. HM_E_DENIED: no certificate or one that does not verify; why
 * says which. */
enum hm_err HM_MUST_USE door_client_check(struct door_client *c, gnutls_session_t session,
                                          struct ident_crl *crl, struct hm_why *why);

#endif
