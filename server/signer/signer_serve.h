/* hallmark-signer at work: everything it holds, its start in order, its socket. */
#ifndef SERVER_SIGNER_SIGNER_SERVE_H
#define SERVER_SIGNER_SIGNER_SERVE_H

#include "server/signer/signer_config.h"

#define SIGNER_PROGRAM "hallmark-signer"

/* Becomes the configured user, then reads guards and PINs, logs in, checks the keys, shuts itself
 * in, listens, and serves until SIGTERM. Logs what it does. */
enum hm_err HM_MUST_USE signer_serve(const struct signer_config *c, struct hm_why *why);
/* The one-time step: an empty state for the log that the guards document names. No token is used.
 */
enum hm_err HM_MUST_USE signer_init(const struct signer_config *c, struct hm_why *why);
/* Reads what the configuration points to, as far as no secret and no token is needed. */
enum hm_err HM_MUST_USE signer_check(const struct signer_config *c, struct hm_why *why);

#endif
