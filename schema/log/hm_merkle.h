/* RFC 6962 Merkle tree: hashes, a frontier that grows leaf by leaf, proofs made through a node
 * reader, proofs checked from hashes alone. A node (level, k) is the perfect subtree over leaves
 * [k*2^level, (k+1)*2^level). */
#ifndef SCHEMA_LOG_HM_MERKLE_H
#define SCHEMA_LOG_HM_MERKLE_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

struct hm_digest hm_merkle_leaf(struct hm_bytes record);
struct hm_digest hm_merkle_node(const struct hm_digest *left, const struct hm_digest *right);
struct hm_digest hm_merkle_empty(void);

/* Perfect subtrees of the tree of `size` leaves, largest first. */
struct hm_frontier {
    uint64_t size;
    struct hm_digest node[64];
    unsigned count;
};
/* Appends a leaf. `completed`, where not NULL, gets the hashes of the perfect subtrees that this
 * leaf completes, from level 0 (the leaf itself) upwards; returns how many (1 + trailing ones of
 * the leaf's index). */
unsigned hm_frontier_add(struct hm_frontier *f, const struct hm_digest *leaf,
                         struct hm_digest completed[64]);
struct hm_digest hm_frontier_root(const struct hm_frontier *f);

/* Reads node (level, k); the node must be complete. */
typedef enum hm_err (*hm_node_fn)(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                                  struct hm_why *why);
enum hm_err HM_MUST_USE hm_merkle_frontier(uint64_t size, hm_node_fn read, void *ctx,
                                           struct hm_frontier *out, struct hm_why *why);
/* How trees are stored: with each leaf the hashes that hm_frontier_add says it completes, one after
 * the other. So node (level, k) stands with leaf (k+1)*2^level - 1, at 32*level. HM_E_NOT_FOUND:
 * not complete in a tree of size leaves (< 2^63). */
enum hm_err HM_MUST_USE hm_merkle_node_row(unsigned level, uint64_t k, uint64_t size,
                                           uint64_t *leaf, struct hm_why *why);
/* The node of this level among the hashes of leaf. HM_E_HISTORY: it is not there. */
enum hm_err HM_MUST_USE hm_merkle_node_of(struct hm_bytes hashes, unsigned level, uint64_t leaf,
                                          struct hm_digest *out, struct hm_why *why);

/* Nodes of a level in the tree of size leaves, the last one ragged where 2^level does not divide
 * size. Above any level the tree is one over that many leaves. */
uint64_t hm_merkle_width(unsigned level, uint64_t size);
/* The hash over the leaves of node (level, k) that the tree has: the node, or its ragged rest at
 * the right edge. k < hm_merkle_width(level, size). */
enum hm_err HM_MUST_USE hm_merkle_subtree(unsigned level, uint64_t k, uint64_t size,
                                          hm_node_fn read, void *ctx, struct hm_digest *out,
                                          struct hm_why *why);
struct hm_path {
    struct hm_digest hash[HM_PROOF_HASHES_MAX];
    size_t count;
};
/* Inclusion of leaf index in the tree of size leaves (RFC 6962 §2.1.1), sibling first. index <
 * size. */
enum hm_err HM_MUST_USE hm_merkle_inclusion(uint64_t index, uint64_t size, hm_node_fn read,
                                            void *ctx, struct hm_path *out, struct hm_why *why);
/* The same for the hash of hm_merkle_subtree(level, k): hm_merkle_check_inclusion takes the path
 * with index k and size hm_merkle_width(level, size). */
enum hm_err HM_MUST_USE hm_merkle_subtree_inclusion(unsigned level, uint64_t k, uint64_t size,
                                                    hm_node_fn read, void *ctx, struct hm_path *out,
                                                    struct hm_why *why);
/* Consistency from old to size (RFC 6962 §2.1.2), 0 <= old <= size; empty for old 0 or old == size.
 */
enum hm_err HM_MUST_USE hm_merkle_consistency(uint64_t old, uint64_t size, hm_node_fn read,
                                              void *ctx, struct hm_path *out, struct hm_why *why);
/* HM_E_SIGNATURE when the proof does not hold. */
enum hm_err HM_MUST_USE hm_merkle_check_inclusion(uint64_t index, uint64_t size,
                                                  const struct hm_digest *leaf,
                                                  const struct hm_path *path,
                                                  const struct hm_digest *root);
/* The frontier of the tree that ends with leaf `index`, out of a proof of its inclusion that held:
 * what stands left of the leaf is in it. So whoever trusts a checkpoint can take a log up anywhere
 * with one proof. HM_E_SIGNATURE where the path cannot be one for this index and size. */
enum hm_err HM_MUST_USE hm_merkle_frontier_of_leaf(uint64_t index, uint64_t size,
                                                   const struct hm_digest *leaf,
                                                   const struct hm_path *path,
                                                   struct hm_frontier *out);
enum hm_err HM_MUST_USE hm_merkle_check_consistency(uint64_t old, const struct hm_digest *old_root,
                                                    uint64_t size, const struct hm_digest *root,
                                                    const struct hm_path *path);

#endif
