#include "client/cli_source_priv.h"

#include <stdlib.h>
#include <string.h>

#define LEVELS 64
#define LEVEL_BYTES ((size_t)8 * 1024 * 1024 * 1024) /* 2^28 records */

struct cli_source_tree {
    struct hm_buf level[LEVELS]; /* digests, one behind the other */
};

struct cli_source_tree *source_tree_new(void)
{
    struct cli_source_tree *t = calloc(1, sizeof *t);
    for (size_t i = 0; t != NULL && i < LEVELS; i++)
        t->level[i].limit = LEVEL_BYTES;
    return t;
}

void source_tree_free(struct cli_source_tree *t)
{
    for (size_t i = 0; t != NULL && i < LEVELS; i++)
        hm_buf_free(&t->level[i]);
    free(t);
}

void source_tree_reset(struct cli_source_tree *t)
{
    for (size_t i = 0; i < LEVELS; i++)
        hm_buf_reset(&t->level[i]);
}

enum hm_err source_tree_add(struct cli_source_tree *t, const struct hm_digest *nodes,
                            unsigned count, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (unsigned i = 0; err == HM_OK && i < count && i < LEVELS; i++) {
        hm_buf_put(&t->level[i], nodes[i].b, sizeof nodes[i].b);
        err = hm_buf_err(&t->level[i]);
    }
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no memory for the tree of the export");
}

enum hm_err source_tree_node(void *tree, unsigned level, uint64_t k, struct hm_digest *out,
                             struct hm_why *why)
{
    const struct cli_source_tree *t = tree;
    if (level >= LEVELS || k >= t->level[level].len / sizeof out->b)
        return hm_fail(why, HM_E_INTERNAL, "a node of the tree is not there");
    memcpy(out->b, t->level[level].data + k * sizeof out->b, sizeof out->b);
    return HM_OK;
}
