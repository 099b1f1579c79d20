/* Statements that have private detail erased, for people: the records that one names, proven under
 * the pinned log key and shown. Thread: main. */
#ifndef CLIENT_CLI_REDACT_H
#define CLIENT_CLI_REDACT_H

#include "client/cli_proof.h"
#include "schema/attest/hm_erasure.h"

/* Reads and parses the statement in a file. text: the exact bytes. */
enum hm_err HM_MUST_USE cli_redact_read(struct cli *c, const char *file, struct hm_buf *text,
                                        struct hm_erasure *out);
/* Fetches record idx with its proof and takes the digest of its detail. HM_E_STATE: it has none. */
enum hm_err HM_MUST_USE cli_redact_item(struct cli *c, uint64_t idx, struct cli_record *rec,
                                        struct hm_digest *detail);
/* The statement on stderr: each record with time, event and actor, each proven and held against the
 * digest; or with `offline` only what the statement itself says. HM_E_DENIED: it names another
 * detail than the log. */
enum hm_err HM_MUST_USE cli_redact_show(struct cli *c, const struct hm_erasure *e, bool offline);

#endif
