/* Progress of work that is counted in records or signatures: a line on a terminal, nothing
 * elsewhere. Thread: main. */
#ifndef CLIENT_CLI_COUNT_H
#define CLIENT_CLI_COUNT_H

#include "client/cli_term.h"

struct cli_count {
    const struct cli_term *term;
    const char *what; /* "verifying record" */
    uint64_t total;   /* 0: not known */
    int64_t began_ms, drawn_ms;
};
void cli_count_begin(struct cli_count *n, const struct cli_term *term, const char *what,
                     uint64_t total);
void cli_count_update(struct cli_count *n, uint64_t done);
void cli_count_clear(struct cli_count *n);

#endif
