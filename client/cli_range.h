/* A run of a server's records without gaps (a period, or everything behind a cursor), proven to be
 * just that without reading the rest of the log: the Merkle tree up to its first record comes out
 * of the proof of the record before it, the records are added one by one, and the tree that they
 * make is the one that the record behind the run is proven in. Times never fall along the log, so
 * that the records on both sides also prove where the period ends. Thread: main. */
#ifndef CLIENT_CLI_RANGE_H
#define CLIENT_CLI_RANGE_H

#include "client/cli_source.h"

struct cli_ranged {
    uint64_t first, end; /* records first..end-1 */
};
/* cli_filter_is_range(f), ascending, source of a server. s->checkpoint and s->note are set.
 * HM_E_HISTORY, HM_E_DENIED: the records are not the log's run; errors of the way there, of fn. */
enum hm_err HM_MUST_USE cli_range_walk(struct cli_source *s, const struct cli_filter *f,
                                       cli_source_fn fn, void *ctx, struct cli_ranged *out);

#endif
