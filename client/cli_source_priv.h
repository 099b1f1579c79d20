/* The parts of a source: the walks, and the tree of an export. */
#ifndef CLIENT_CLI_SOURCE_PRIV_H
#define CLIENT_CLI_SOURCE_PRIV_H

#include "client/cli_source.h"

/* cli_source_tree.c: every complete node of a tree, in memory: 64 bytes for each record. */
struct cli_source_tree *source_tree_new(void); /* NULL without memory */
void source_tree_free(struct cli_source_tree *t);
void source_tree_reset(struct cli_source_tree *t);
/* The nodes that a leaf completes, as hm_frontier_add gives them. */
enum hm_err HM_MUST_USE source_tree_add(struct cli_source_tree *t, const struct hm_digest *nodes,
                                        unsigned count, struct hm_why *why);
enum hm_err source_tree_node(void *tree, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why); /* hm_node_fn */

#endif
