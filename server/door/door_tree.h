/* The log's tree as the read model has it, under the checkpoint that is served: what goes out of
 * here was checked against a signed checkpoint. */
#ifndef SERVER_DOOR_DOOR_TREE_H
#define SERVER_DOOR_DOOR_TREE_H

#include "schema/log/hm_tile.h"
#include "server/door/door_model.h"
#include "server/door/door_request.h"

/* A reader with a snapshot that holds every record under the checkpoint. */
struct door_tree {
    struct db_query *q;
    uint64_t size; /* records in the read model: no fewer than under the checkpoint */
    struct hm_vkey key;
    struct hm_checkpoint checkpoint;
    struct hm_buf note; /* its text */
};
/* False: answered already. States the checkpoint's size in the answer. */
bool door_tree_begin(struct door_req *r, struct door_tree *t);
void door_tree_end(struct door_req *r, struct door_tree *t);

/* Goes to the checkpoint that was signed over exactly size records. False: answered already. */
bool door_tree_at(struct door_req *r, struct door_tree *t, uint64_t size);
/* Goes to the newest checkpoint that witnesses have cosigned. False: none covers record idx, and
 * the tree stays where it is. */
bool door_tree_cosigned(struct door_req *r, struct door_tree *t, uint64_t idx);
/* Appends the .tlog-proof of record idx under the tree's checkpoint. False: answered already. */
bool door_tree_proof(struct door_req *r, const struct door_tree *t, uint64_t idx,
                     struct hm_buf *out);
/* Consistency of the first `size` records with the first `old`, 0 <= old <= size <= the
 * checkpoint's. False: answered already. */
bool door_tree_consistency(struct door_req *r, const struct door_tree *t, uint64_t old,
                           uint64_t size, struct hm_path *out);
/* Appends the tile, as many hashes or records as its width says. False: answered already. */
bool door_tree_tile(struct door_req *r, const struct door_tree *t, const struct hm_tile *tile,
                    struct hm_buf *out);

#endif
