/* The rows of a log's tables, wherever they stand, and how a replay takes them: this is what
 * cli_verify_database does with a file. */
#ifndef CLIENT_CLI_ROWS_H
#define CLIENT_CLI_ROWS_H

#include "client/cli_verify.h"
#include "db/log/db_scan.h"

/* As db_scan_next, db_scan_rewind, db_scan_head. */
struct cli_rows {
    void *ctx;
    enum hm_err (*next)(void *ctx, enum db_scan_table table, struct db_scan_row *row, bool *found,
                        struct hm_why *why);
    void (*rewind)(void *ctx, enum db_scan_table table);
    enum hm_err (*head)(void *ctx, struct db_scan_head *out, struct hm_why *why);
    uint64_t about; /* how many records, for progress */
    /* One blob of evidence, appended. HM_E_NOT_FOUND. */
    enum hm_err (*blob)(void *ctx, int64_t ref, struct hm_buf *out, struct hm_why *why);
};
/* `second` gives the same rows to a second thread; NULL: there is none. */
enum hm_err HM_MUST_USE cli_rows_verify(const struct cli_rows *rows, const struct cli_rows *second,
                                        const struct cli_verify_input *in,
                                        struct cli_verify_sums *out, struct cli_fault *f,
                                        struct hm_why *why);

/* Where evidence stands and what its SHA-256 is, in order; hashed by a thread of its own where one
 * was asked for. */
struct cli_blob {
    bool found; /* false: behind the last one */
    int64_t ref;
    struct hm_digest digest;
};
struct cli_blobs;
/* Borrows rows. HM_E_MEMORY, HM_E_INTERNAL (no thread). */
enum hm_err HM_MUST_USE cli_blobs_open(const struct cli_rows *rows, bool thread,
                                       struct cli_blobs **out, struct hm_why *why);
enum hm_err HM_MUST_USE cli_blobs_next(struct cli_blobs *b, struct cli_blob *out,
                                       struct hm_why *why);
void cli_blobs_close(struct cli_blobs *b); /* NULL allowed */

/* Signatures of all checkpoints that out->… counts, those that witnesses cosigned too; half of them
 * on a thread of its own where `second` is not NULL. The fault is the one of the smallest size. */
enum hm_err HM_MUST_USE cli_rows_signatures(const struct cli_rows *rows,
                                            const struct cli_rows *second,
                                            const struct cli_verify_input *in,
                                            struct cli_verify_sums *out, struct cli_fault *f,
                                            struct hm_why *why);

#endif
