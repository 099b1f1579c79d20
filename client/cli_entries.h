/* Reads log records page by page, exact bytes. */
#ifndef CLIENT_CLI_ENTRIES_H
#define CLIENT_CLI_ENTRIES_H

#include "client/cli.h"

/* One record's exact bytes, borrowed for the call. HM_E_NOT_FOUND stops without an error. */
typedef enum hm_err (*cli_entry_fn)(void *ctx, struct hm_bytes record, struct hm_why *why);

/* GET `path` (a query may already stand in it) as JSON Lines, page by page, until the last page,
 * `max` records, or fn stops it. Every line is at most HM_RECORD_MAX bytes. */
enum hm_err HM_MUST_USE cli_entries(struct cli *c, const char *path, uint64_t max, cli_entry_fn fn,
                                    void *ctx);
/* The same, with what the server says about its answer. HM_E_MALFORMED where it does not. */
struct cli_entries_said {
    uint64_t log_size; /* when the answer began */
    bool more;         /* `max` records were taken, and there may be others */
};
enum hm_err HM_MUST_USE cli_entries_said(struct cli *c, const char *path, uint64_t max,
                                         cli_entry_fn fn, void *ctx, struct cli_entries_said *out);
/* All records of a log of this size, oldest first. */
enum hm_err HM_MUST_USE cli_entries_all(struct cli *c, uint64_t size, cli_entry_fn fn, void *ctx);
/* The same lines from a file, as they are: an empty one is given too, and of one that is longer
 * than a record may be, as much as shows that. HM_E_IO; HM_E_MALFORMED behind a last line that is
 * not ended. */
enum hm_err HM_MUST_USE cli_entries_file(FILE *in, cli_entry_fn fn, void *ctx, struct hm_why *why);

#endif
