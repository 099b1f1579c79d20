/* Private detail that a replay has come by, and what the log says about detail that is gone: every
 * missing one must have a record that erased or retired it, and none of those may lie. Thread: each
 * object by one thread at a time. */
#ifndef CLIENT_CLI_DETAILS_H
#define CLIENT_CLI_DETAILS_H

#include "client/cli_fault.h"
#include "schema/log/hm_record.h"

#define CLI_DETAILS_NAMED 8
/* By which records detail went. */
struct cli_details_gone {
    struct {
        uint64_t record, count;
        bool retired;
    } by[CLI_DETAILS_NAMED]; /* the first ones */
    uint64_t records;        /* all of them */
};

struct cli_details;
enum hm_err HM_MUST_USE cli_details_open(struct cli_details **out, struct hm_why *why);
void cli_details_close(struct cli_details *d); /* NULL allowed */
/* A record that names private detail; is it there? In order of the log, as are the next two. */
enum hm_err HM_MUST_USE cli_details_add(struct cli_details *d, const struct hm_record *r,
                                        bool there, struct hm_why *why);
/* detail.erased; statement: its evidence 0, whose digest was compared. HM_E_DENIED, HM_E_MALFORMED:
 * *f is CLI_FAULT_ERASURE. */
enum hm_err HM_MUST_USE cli_details_erased(struct cli_details *d, const struct hm_record *r,
                                           struct hm_bytes statement, const char *origin,
                                           struct cli_fault *f, struct hm_why *why);
/* detail.retired. Likewise. */
enum hm_err HM_MUST_USE cli_details_retired(struct cli_details *d, const struct hm_record *r,
                                            struct cli_fault *f, struct hm_why *why);
/* At the end of the log. CLI_FAULT_DETAIL_MISSING, CLI_FAULT_DETAIL_KEPT. */
enum hm_err HM_MUST_USE cli_details_end(const struct cli_details *d, struct cli_fault *f,
                                        struct hm_why *why);
void cli_details_gone(const struct cli_details *d, struct cli_details_gone *out);

#endif
