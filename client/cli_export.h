/* What an export writes: rows as JSON Lines or CSV, into a file that gets its name only when
 * everything is over, and a proof beside each row. Constant memory. Thread: main. */
#ifndef CLIENT_CLI_EXPORT_H
#define CLIENT_CLI_EXPORT_H

#include "client/cli_out.h"
#include "client/cli_source.h"

struct cli_export {
    struct cli_source *source;
    bool csv;
    const char *path;   /* NULL: stdout, or what else is no file and gets rows as they come */
    const char *proofs; /* folder, NULL: none */
    char partial[CLI_PATH_MAX];
    struct cli_out to;
    FILE *out; /* of `partial`, or the stream */
    struct hm_buf row;
    uint64_t rows, last; /* written in this run; index of the last one */
    bool appended;       /* to what an earlier run has left */
};
/* "FILE.partial" is made, or with `resume` continued: *next is the index that comes next (0: from
 * the start). HM_E_IO where it cannot be had, also while another export writes it; HM_E_CONFIG
 * where it is none. */
enum hm_err HM_MUST_USE cli_export_begin(struct cli_export *e, bool resume, uint64_t *next,
                                         struct hm_why *why);
/* cli_source_fn with a struct cli_export. */
enum hm_err cli_export_row(void *export, const struct cli_source_record *x, struct hm_why *why);
/* All rows are on the disk; the file has not its name yet. */
enum hm_err HM_MUST_USE cli_export_sync(struct cli_export *e, struct hm_why *why);
enum hm_err HM_MUST_USE cli_export_name(struct cli_export *e, struct hm_why *why);
/* keep: what was written stays as FILE.partial, to be continued. */
void cli_export_end(struct cli_export *e, bool keep);

#endif
