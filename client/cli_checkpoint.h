/* Checkpoints as an auditor keeps them: fetched, verified, held against the last one seen (a fork,
 * a rollback or a cut tail shows here), kept in the state directory. */
#ifndef CLIENT_CLI_CHECKPOINT_H
#define CLIENT_CLI_CHECKPOINT_H

#include "client/cli.h"

/* Fetches and verifies the newest checkpoint; note gets its exact text. */
enum hm_err HM_MUST_USE cli_checkpoint_fetch(struct cli *c, const struct hm_vkey *key,
                                             struct hm_buf *note, struct hm_checkpoint *out);
/* The last one kept for this log. size 0 where there is none. HM_E_SIGNATURE where the kept one
 * does not verify. */
enum hm_err HM_MUST_USE cli_checkpoint_seen(struct cli *c, const struct hm_vkey *key,
                                            struct hm_checkpoint *out);
/* Demands a consistency proof between two checkpoints, in whichever order. HM_E_HISTORY. */
enum hm_err HM_MUST_USE cli_checkpoint_extends(struct cli *c, const struct hm_checkpoint *seen,
                                               const struct hm_checkpoint *now);
/* Keeps the note, unless the kept one is larger. */
enum hm_err HM_MUST_USE cli_checkpoint_keep(struct cli *c, const struct hm_checkpoint *seen,
                                            const struct hm_checkpoint *now, struct hm_bytes note);
/* All of that: the newest checkpoint, held against the last one kept (*seen, size 0: none), and
 * kept in its place. HM_E_HISTORY, also where it is an older one: nothing was rewritten then, but
 * the server is behind what it showed before. */
enum hm_err HM_MUST_USE cli_checkpoint_renew(struct cli *c, const struct hm_vkey *key,
                                             struct hm_buf *note, struct hm_checkpoint *now,
                                             struct hm_checkpoint *seen);
/* Where it is kept: <state_dir>/checkpoint-<first 16 hex digits of SHA-256(vkey name)>. */
enum hm_err HM_MUST_USE cli_checkpoint_path(struct cli *c, const struct hm_vkey *key, char *out,
                                            size_t size);
struct hm_path;
/* The proof that the log of size `old` begins the one of `size`, as the server gives it:
 * unverified. */
enum hm_err HM_MUST_USE cli_consistency_fetch(struct cli *c, uint64_t old, uint64_t size,
                                              struct hm_path *out);
/* Reads the answer of /v1/log/consistency: base64 hashes, one per line or a JSON array. */
enum hm_err HM_MUST_USE cli_consistency_parse(struct hm_bytes body, struct hm_path *out,
                                              struct hm_why *why);

#endif
