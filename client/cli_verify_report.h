/* What hallmark log verify shows: progress, the sums, a fault. Thread: main. */
#ifndef CLIENT_CLI_VERIFY_REPORT_H
#define CLIENT_CLI_VERIFY_REPORT_H

#include "client/cli_count.h"
#include "client/cli_verify.h"

struct cli;
struct cli_deep;
struct cli_record;

struct cli_verify_report {
    const char *origin;
    size_t witnesses; /* named by the caller */
    struct cli_verify_sums sums;
    struct cli_fault fault;
    const struct cli_deep *deep; /* NULL: not asked for */
    struct cli_count count;
};

/* Draws a line on a terminal; the report must stay where it is. */
struct cli_verify_progress cli_verify_progress(struct cli_verify_report *r, const struct cli *c);
void cli_verify_progressed(struct cli_verify_report *r); /* clears the line */

/* All of it holds, apart perhaps from what --deep found: then HM_E_DENIED and a text. */
enum hm_err HM_MUST_USE cli_verify_report(struct cli *c, const struct cli_verify_report *r);
void cli_verify_report_proof(const struct cli *c, const struct cli_verify_report *r,
                             const struct cli_record *record);
/* The fault: JSON on stdout, or one line on stderr that names its kind. */
void cli_verify_report_fault(const struct cli *c, const struct cli_verify_report *r);

#endif
