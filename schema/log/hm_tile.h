/* C2SP tlog-tiles: which tile a path names, how much of it a tree has, and whether its hashes are
 * those under a checkpoint. A tile is 256 nodes of level 8*L side by side; an entry bundle holds
 * the records under a tile of level 0. Pure; any thread. */
#ifndef SCHEMA_LOG_HM_TILE_H
#define SCHEMA_LOG_HM_TILE_H

#include "schema/log/hm_merkle.h"

#define HM_TILE_WIDTH 256u /* of a full tile */
#define HM_TILE_HEIGHT 8u  /* levels of the tree that a tile stands for */
#define HM_TILE_LEVEL_MAX 63u
#define HM_TILE_PATH_MAX 48 /* bytes */

struct hm_tile {
    bool entries;   /* an entry bundle; level is 0 */
    unsigned level; /* of tiles */
    uint64_t index;
    unsigned width; /* 1 to HM_TILE_WIDTH; below that a partial tile */
};

/* What stands behind "tile/": "<L>/<N>[.p/<W>]" or "entries/<N>[.p/<W>]", in the one form that
 * there is for each tile. HM_E_MALFORMED otherwise. */
enum hm_err HM_MUST_USE hm_tile_parse(struct hm_bytes path, struct hm_tile *out);
void hm_tile_write(const struct hm_tile *t, struct hm_buf *out);

/* Hashes (of a bundle: records) that the tile has in the tree of size leaves, whatever its width;
 * 0: none. size < 2^63. */
unsigned hm_tile_available(const struct hm_tile *t, uint64_t size);
/* First node of the tile in its level of the tree. */
uint64_t hm_tile_first(const struct hm_tile *t);
/* hash: all hm_tile_available(t, size) of them. HM_E_HISTORY: the tree with this root has others.
 */
enum hm_err HM_MUST_USE hm_tile_check(const struct hm_tile *t, const struct hm_digest *hash,
                                      uint64_t size, const struct hm_digest *root, hm_node_fn read,
                                      void *ctx, struct hm_why *why);

#endif
