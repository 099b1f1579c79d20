/* What is wrong with a log, and where: the first thing that does not hold when it is replayed.
 * Kinds have stable names, which scripts may rely on; docs/auditor.md explains them. Pure. */
#ifndef CLIENT_CLI_FAULT_H
#define CLIENT_CLI_FAULT_H

#include "schema/core/hm_hash.h"

#include <stdio.h>

enum cli_fault_kind {
    CLI_FAULT_NONE = 0,
    /* of a record; the index is its position */
    CLI_FAULT_RECORD_MISSING,
    CLI_FAULT_MALFORMED,
    CLI_FAULT_IDX,
    CLI_FAULT_PREV,
    CLI_FAULT_T_MS,
    CLI_FAULT_CREATED,
    CLI_FAULT_HASHES,
    CLI_FAULT_RELEASE,
    CLI_FAULT_INTENTION,
    CLI_FAULT_RESULT,
    CLI_FAULT_STATE,
    CLI_FAULT_SEQUENCE,
    CLI_FAULT_EARLY_SIGNATURE,
    CLI_FAULT_EVIDENCE_MISSING,
    CLI_FAULT_EVIDENCE,
    CLI_FAULT_EVIDENCE_EXTRA,
    CLI_FAULT_DETAIL,
    CLI_FAULT_DETAIL_EXTRA,
    CLI_FAULT_DETAIL_MISSING,
    CLI_FAULT_DETAIL_KEPT,
    CLI_FAULT_ERASURE,
    CLI_FAULT_UNCOVERED,
    /* of a checkpoint; the index is its size */
    CLI_FAULT_CHECKPOINT_MISSING,
    CLI_FAULT_CHECKPOINT_MALFORMED,
    CLI_FAULT_CHECKPOINT_ORIGIN,
    CLI_FAULT_CHECKPOINT_SIZE,
    CLI_FAULT_CHECKPOINT_ROOT,
    CLI_FAULT_CHECKPOINT_SIGNATURE,
    CLI_FAULT_COSIGNED,
    CLI_FAULT_COSIGNATURE,
    CLI_FAULT_WITNESSES,
    CLI_FAULT_FORK,
    CLI_FAULT_ROLLBACK,
    /* of the file; the index is how many records were read */
    CLI_FAULT_HEAD,
    CLI_FAULT_DATABASE,
    /* of a proof; the index is the record's */
    CLI_FAULT_PROOF_MALFORMED,
    CLI_FAULT_INCLUSION,
};
#define CLI_FAULT_KINDS (CLI_FAULT_INCLUSION + 1)
const char *cli_fault_name(enum cli_fault_kind k); /* "checkpoint-root" */

struct cli_fault {
    enum cli_fault_kind kind; /* NONE: nothing was found */
    uint64_t index;
    char expected[192];
    char found[192];
};
/* Sets *f and the text: what does not hold, what was expected, what was found. Returns the kind's
 * error: HM_E_MALFORMED, HM_E_SIGNATURE, HM_E_HISTORY (chain, tree, checkpoints) or HM_E_DENIED (a
 * rule of the log). */
enum hm_err cli_fault(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                      const char *expected, const char *found, struct hm_why *why);
/* The same with digests. */
enum hm_err cli_fault_digest(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                             const struct hm_digest *expected, const struct hm_digest *found,
                             struct hm_why *why);
/* The same with numbers. */
enum hm_err cli_fault_number(struct cli_fault *f, enum cli_fault_kind kind, uint64_t index,
                             uint64_t expected, uint64_t found, struct hm_why *why);
/* Puts "record 17: " or "checkpoint of size 17: " before the text; returns the kind's error. */
enum hm_err cli_fault_place(const struct cli_fault *f, struct hm_why *why);
/* {"index":17,"kind":"prev","expected":"…","found":"…"} */
void cli_fault_json(const struct cli_fault *f, FILE *out);

#endif
