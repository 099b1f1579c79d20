/* Why something was refused, rejected or done in a hurry, in the words of whoever did it: these
 * stand in the evidence. Thread: main. */
#ifndef CLIENT_CLI_REASON_H
#define CLIENT_CLI_REASON_H

#include "client/cli_papers.h"

struct cli_reason {
    char text[HM_REASON_MAX + 1]; /* of a rejection, cancellation, break-glass release, proposal */
    json_t *findings; /* owned: the checks that failed: [{"check","required","found"}]; or NULL */
    bool unreadable;  /* there is evidence, and it could not be had or read */
};
void cli_reason_free(struct cli_reason *r);
#define CLI_REASON_AUTO __attribute__((cleanup(cli_reason_free))) struct cli_reason

/* Whether the evidence of such a record says why. */
bool cli_reason_has(const struct hm_record *r);
/* Nothing for records of which cli_reason_has is false. HM_E_SIGNATURE (evidence is not what the
 * record names), errors of the way there. */
enum hm_err HM_MUST_USE cli_reason_get(struct cli_papers *p, const struct hm_record *r,
                                       struct cli_reason *out, struct hm_why *why);

#endif
