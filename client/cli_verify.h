/* hallmark log verify without --deep: the whole log, replayed. What is wrong is found in this
 * order: records one after the other, each with what lies beside it and then with the checkpoint
 * over it; what is left over; then the signatures of the checkpoints. The first fault ends it. */
#ifndef CLIENT_CLI_VERIFY_H
#define CLIENT_CLI_VERIFY_H

#include "client/cli_details.h"
#include "client/cli_note.h"
#include "client/cli_replay.h"

struct cli_verify_progress {
    /* done of about `total` records, or of the checkpoints' signatures; called now and then */
    void (*fn)(void *ctx, bool signatures, uint64_t done, uint64_t total);
    void *ctx;
};
struct cli_verify_input {
    struct cli_note_keys keys;
    size_t witnesses_required;        /* cosignatures of the newest cosigned checkpoint */
    const struct hm_checkpoint *seen; /* one from elsewhere, whose signature holds; NULL: none */
    bool whole;                       /* records that no checkpoint covers are a fault */
    bool no_evidence;                 /* leave evidence and private detail alone */
    bool no_rules;                    /* somebody else looks at the rules of the log (--deep) */
    struct cli_verify_progress progress;
};
struct cli_verify_sums {
    uint64_t records, covered, releases, results, open_intentions;
    uint64_t checkpoints, evidence, details, details_erased;
    struct cli_details_gone gone;
    uint64_t cosigned_notes; /* checkpoints that are stored with cosignatures, */
    uint64_t cosigned_size;  /* and the size of the newest of them */
    size_t cosigned;         /* cosignatures of the newest one by witnesses that were named */
    bool seen_held;
    int64_t records_ms, signatures_ms;
};

/* A file of a log's database that nobody writes to. HM_OK: all of it holds. Else f->kind tells
 * whether something was found, or (NONE) the way to it failed: db_scan_open's errors, HM_E_IO,
 * HM_E_MEMORY. */
enum hm_err HM_MUST_USE cli_verify_database(const char *path, const struct cli_verify_input *in,
                                            struct cli_verify_sums *out, struct cli_fault *f,
                                            struct hm_why *why);
/* An export: one record per line, each line ended, and the checkpoint over exactly them. HM_E_IO.
 */
enum hm_err HM_MUST_USE cli_verify_export(FILE *records, struct hm_bytes note,
                                          const struct cli_verify_input *in,
                                          struct cli_verify_sums *out, struct cli_fault *f,
                                          struct hm_why *why);
/* What a replay has counted. */
void cli_verify_count(const struct cli_replay *r, struct cli_verify_sums *out);

#endif
