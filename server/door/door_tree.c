#include "server/door/door_tree.h"

#include "schema/log/hm_tlog_proof.h"
#include "server/door/door_render.h"

#include <inttypes.h>

static bool failed(struct door_req *r, enum hm_err err)
{
    /* What is under the checkpoint is in the snapshot; where it is not, the file is damaged. */
    door_problem_of(r, err == HM_E_NOT_FOUND ? HM_E_HISTORY : err, &r->why);
    return false;
}

bool door_tree_begin(struct door_req *r, struct door_tree *t)
{
    struct door_tree mine = {.note = {.limit = HM_CHECKPOINT_MAX}};
    enum hm_err err = door_model_note(r->door->model, &mine.note, &mine.checkpoint, &r->why);
    if (err == HM_OK)
        err = door_model_key(r->door->model, &mine.key, &r->why);
    if (err != HM_OK)
        door_problem_of(r, err, &r->why);
    if (err != HM_OK || !door_read_begin(r, &mine.q)) {
        hm_buf_free(&mine.note);
        return false;
    }
    *t = mine;
    t->size = r->answer.log_size;
    r->answer.log_size = t->checkpoint.size;
    err = db_query_begin(t->q, &r->why);
    if (err == HM_OK)
        return true;
    door_tree_end(r, t);
    return failed(r, err);
}

void door_tree_end(struct door_req *r, struct door_tree *t)
{
    db_query_end(t->q);
    door_read_end(r, t->q);
    hm_buf_free(&t->note);
}

static enum hm_err no_checkpoint(const struct door_tree *t, uint64_t size, uint64_t next,
                                 struct hm_why *why)
{
    return hm_fail(why, HM_E_NOT_FOUND,
                   "no checkpoint was signed over %" PRIu64 " records; the %s is over %" PRIu64,
                   size, next > size ? "next one" : "newest",
                   next > size ? next : t->checkpoint.size);
}

static void stand_under(struct door_req *r, struct door_tree *t, struct hm_buf *note,
                        const struct hm_checkpoint *checkpoint)
{
    hm_buf_free(&t->note);
    t->note = *note;
    *note = (struct hm_buf){0};
    t->checkpoint = *checkpoint;
    r->answer.log_size = checkpoint->size;
}

bool door_tree_at(struct door_req *r, struct door_tree *t, uint64_t size)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    struct hm_checkpoint checkpoint;
    uint64_t found = 0;
    if (size == t->checkpoint.size)
        return true;
    enum hm_err err = db_query_checkpoint(t->q, size, &found, &note, &r->why);
    if (err == HM_E_NOT_FOUND || (err == HM_OK && found != size)) {
        door_problem_of(r, no_checkpoint(t, size, found, &r->why), &r->why);
        return false;
    }
    if (err == HM_OK &&
        hm_checkpoint_open(hm_buf_bytes(&note), &t->key, &checkpoint, &r->why) != HM_OK)
        err = hm_fail_in(&r->why, HM_E_HISTORY, "a checkpoint of the read model");
    if (err != HM_OK)
        return failed(r, err);
    stand_under(r, t, &note, &checkpoint);
    return true;
}

bool door_tree_cosigned(struct door_req *r, struct door_tree *t, uint64_t idx)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    struct hm_checkpoint checkpoint;
    if (door_model_cosigned(r->door->model, &note, &checkpoint, NULL) != HM_OK ||
        idx >= checkpoint.size || checkpoint.size > t->size)
        return false;
    stand_under(r, t, &note, &checkpoint);
    return true;
}

/* --- proofs --- */

static enum hm_err write_proof(const struct door_tree *t, uint64_t idx, struct hm_buf *out,
                               struct hm_why *why)
{
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    struct hm_path path;
    enum hm_err err = db_query_record(t->q, idx, &record, why);
    if (err == HM_OK)
        err = hm_merkle_inclusion(idx, t->checkpoint.size, db_query_node, t->q, &path, why);
    if (err != HM_OK)
        return err;
    hm_tlog_proof_write(hm_buf_bytes(&record), idx, &path, hm_buf_bytes(&t->note), out);
    return hm_buf_err(out);
}

static enum hm_err check_proof(const struct door_tree *t, struct hm_bytes proof, struct hm_why *why)
{
    struct hm_tlog_proof p = {.record = {.limit = HM_RECORD_MAX}};
    enum hm_err err = hm_tlog_proof_open(proof, &t->key, &p, why);
    hm_buf_free(&p.record);
    return err == HM_OK ? HM_OK : hm_fail_in(why, HM_E_HISTORY, "the read model");
}

bool door_tree_proof(struct door_req *r, const struct door_tree *t, uint64_t idx,
                     struct hm_buf *out)
{
    if (idx >= t->checkpoint.size) {
        door_problem(r, idx < t->size ? DOOR_UNAVAILABLE : DOOR_NOT_FOUND,
                     "no record %" PRIu64 " among the %" PRIu64 " under this checkpoint", idx,
                     t->checkpoint.size);
        return false;
    }
    size_t before = out->len;
    enum hm_err err = write_proof(t, idx, out, &r->why);
    if (err == HM_OK)
        err = check_proof(t, hm_bytes_of(out->data + before, out->len - before), &r->why);
    return err == HM_OK ? true : failed(r, err);
}

static enum hm_err root_at(const struct door_tree *t, uint64_t size, struct hm_digest *out,
                           struct hm_why *why)
{
    struct hm_frontier f;
    enum hm_err err = hm_merkle_frontier(size, db_query_node, t->q, &f, why);
    if (err == HM_OK)
        *out = hm_frontier_root(&f);
    return err;
}

/* The path from old to size, and whether it leads from the one root to the other. */
static enum hm_err extends(const struct door_tree *t, uint64_t old,
                           const struct hm_digest *old_root, uint64_t size,
                           const struct hm_digest *root, struct hm_path *out, struct hm_why *why)
{
    enum hm_err err = hm_merkle_consistency(old, size, db_query_node, t->q, out, why);
    if (err == HM_OK && hm_merkle_check_consistency(old, old_root, size, root, out) != HM_OK)
        err = hm_fail(why, HM_E_HISTORY,
                      "the read model's tree over %" PRIu64 " records does not extend the one over "
                      "%" PRIu64,
                      size, old);
    return err;
}

bool door_tree_consistency(struct door_req *r, const struct door_tree *t, uint64_t old,
                           uint64_t size, struct hm_path *out)
{
    struct hm_digest old_root;
    struct hm_digest root;
    struct hm_path on; /* to the checkpoint: so that both roots are the signed log's */
    enum hm_err err = root_at(t, old, &old_root, &r->why);
    if (err == HM_OK)
        err = root_at(t, size, &root, &r->why);
    if (err == HM_OK)
        err = extends(t, old, &old_root, size, &root, out, &r->why);
    if (err == HM_OK)
        err = extends(t, size, &root, t->checkpoint.size, &t->checkpoint.root, &on, &r->why);
    return err == HM_OK ? true : failed(r, err);
}

/* --- tiles --- */

/* All that the tree has of the tile, so that it can be checked, and of that `width` into out. */
static enum hm_err read_hashes(const struct door_tree *t, const struct hm_tile *tile,
                               struct hm_digest *hash, unsigned count, struct hm_buf *out,
                               struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (unsigned i = 0; err == HM_OK && i < count; i++)
        err = db_query_node(t->q, HM_TILE_HEIGHT * tile->level, hm_tile_first(tile) + i, &hash[i],
                            why);
    if (err == HM_OK)
        hm_buf_put(out, hash, tile->width * sizeof hash[0]);
    return err;
}

static enum hm_err read_records(const struct door_tree *t, const struct hm_tile *tile,
                                struct hm_digest *hash, unsigned count, struct hm_buf *out,
                                struct hm_why *why)
{
    HM_BUF_AUTO record = {.limit = HM_RECORD_MAX};
    for (unsigned i = 0; i < count; i++) {
        hm_buf_reset(&record);
        enum hm_err err = db_query_record(t->q, hm_tile_first(tile) + i, &record, why);
        if (err != HM_OK)
            return err;
        hash[i] = hm_merkle_leaf(hm_buf_bytes(&record));
        if (i >= tile->width)
            continue;
        hm_buf_putc(out, (uint8_t)(record.len >> 8));
        hm_buf_putc(out, (uint8_t)record.len);
        hm_buf_put(out, record.data, record.len);
    }
    return HM_OK;
}

bool door_tree_tile(struct door_req *r, const struct door_tree *t, const struct hm_tile *tile,
                    struct hm_buf *out)
{
    struct hm_digest hash[HM_TILE_WIDTH];
    unsigned count = hm_tile_available(tile, t->checkpoint.size);
    if (count < tile->width) {
        door_problem(r, DOOR_NOT_FOUND,
                     "at %" PRIu64 " records there are %u hashes of this tile, not %u",
                     t->checkpoint.size, count, tile->width);
        return false;
    }
    enum hm_err err = tile->entries ? read_records(t, tile, hash, count, out, &r->why)
                                    : read_hashes(t, tile, hash, count, out, &r->why);
    if (err == HM_OK)
        err = hm_tile_check(tile, hash, t->checkpoint.size, &t->checkpoint.root, db_query_node,
                            t->q, &r->why);
    if (err == HM_OK)
        err = hm_buf_err(out);
    return err == HM_OK ? true : failed(r, err);
}
