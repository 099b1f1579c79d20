/* The witness's own Ed25519 key: a PEM file (PKCS#8, RFC 8410) that only its user can read. Thread:
 * signing by any; the rest at start. */
#ifndef SERVER_WITNESS_WITNESS_KEY_H
#define SERVER_WITNESS_WITNESS_KEY_H

#include "schema/log/hm_cosignature.h"

struct witness_key;

/* Makes a key and its file (mode 0400), durably. HM_E_CONFLICT where the file exists; HM_E_IO. */
enum hm_err HM_MUST_USE witness_key_make(const char *path, struct hm_why *why);
/* HM_E_NOT_FOUND; HM_E_DENIED (others may read it, it is somebody else's), HM_E_MALFORMED,
 * HM_E_UNSUPPORTED (encrypted, no Ed25519 key). Caller witness_key_close()s. */
enum hm_err HM_MUST_USE witness_key_open(const char *path, const char *name,
                                         struct witness_key **out, struct hm_why *why);
const struct hm_cosigner *witness_key_cosigner(const struct witness_key *k); /* borrowed */
/* Appends the cosignature line of this checkpoint text. HM_E_INTERNAL. */
enum hm_err HM_MUST_USE witness_key_cosign(const struct witness_key *k, uint64_t time_s,
                                           struct hm_bytes body, struct hm_buf *out,
                                           struct hm_why *why);
void witness_key_close(struct witness_key *k); /* wipes it; NULL allowed */

#endif
