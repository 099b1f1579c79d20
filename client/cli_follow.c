#include "client/cli_follow.h"

#include "schema/log/hm_record.h"

#include <inttypes.h>
#include <string.h>

void cli_follow_begin(struct cli_follow *f, const struct hm_vkey *key,
                      const struct hm_frontier *tree)
{
    *f = (struct cli_follow){
        .key = key,
        .tree = *tree,
        .proven = tree->size,
        .held_note = {.limit = HM_CHECKPOINT_MAX + 1},
        .pending = {.limit = 2 * CLI_FOLLOW_PENDING},
    };
}

void cli_follow_free(struct cli_follow *f)
{
    hm_buf_free(&f->held_note);
    hm_buf_free(&f->pending);
}

static enum hm_err compare(const struct cli_follow *f, const struct hm_checkpoint *cp,
                           struct hm_why *why)
{
    struct hm_digest root = hm_frontier_root(&f->tree);
    if (hm_digest_eq(&root, &cp->root))
        return HM_OK;
    return hm_fail(why, HM_E_HISTORY,
                   "the records up to %" PRIu64 " that the server sent do not make the root of the "
                   "signed checkpoint of size %" PRIu64,
                   f->tree.size, cp->size);
}

enum hm_err cli_follow_record(struct cli_follow *f, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    uint64_t at = f->tree.size;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "record %" PRIu64, at);
    if (r.idx != at)
        return hm_fail(why, HM_E_HISTORY,
                       "record %" PRIu64 " was expected, the server sent %" PRIu64, at, r.idx);
    struct hm_digest leaf = hm_merkle_leaf(record);
    uint32_t len = (uint32_t)record.len;
    hm_buf_put(&f->pending, &len, sizeof len);
    hm_buf_put(&f->pending, record.data, record.len);
    err = hm_buf_err(&f->pending);
    if (err != HM_OK)
        return hm_fail(why, err, "too many records without a checkpoint");
    (void)hm_frontier_add(&f->tree, &leaf, NULL);
    if (f->tree.size != f->ahead.size)
        return HM_OK;
    err = compare(f, &f->ahead, why);
    if (err == HM_OK)
        f->proven = f->tree.size;
    return err;
}

enum hm_err cli_follow_note(struct cli_follow *f, struct hm_bytes note,
                            enum cli_follow_place *place, struct hm_checkpoint *out,
                            struct hm_why *why)
{
    struct hm_checkpoint cp;
    enum hm_err err = hm_checkpoint_open(note, f->key, &cp, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "checkpoint");
    f->server_size = cp.size;
    *out = cp;
    *place = cp.size > f->tree.size ? CLI_FOLLOW_AHEAD : CLI_FOLLOW_BEHIND;
    if (cp.size != f->tree.size)
        return HM_OK;
    err = compare(f, &cp, why);
    if (err != HM_OK)
        return err;
    *place = CLI_FOLLOW_HERE;
    f->proven = f->tree.size;
    f->held = cp;
    hm_buf_reset(&f->held_note);
    hm_buf_put(&f->held_note, note.data, note.len);
    return hm_buf_err(&f->held_note);
}

enum hm_err cli_follow_prove(struct cli_follow *f, const struct hm_checkpoint *ahead,
                             const struct hm_path *path, struct hm_why *why)
{
    struct hm_digest root = hm_frontier_root(&f->tree);
    if (hm_merkle_check_consistency(f->tree.size, &root, ahead->size, &ahead->root, path) != HM_OK)
        return hm_fail(why, HM_E_HISTORY,
                       "the %" PRIu64 " records that were seen are not the beginning of the log "
                       "under the signed checkpoint of size %" PRIu64,
                       f->tree.size, ahead->size);
    if (ahead->size > f->ahead.size)
        f->ahead = *ahead;
    f->proven = f->tree.size;
    return HM_OK;
}

enum hm_err cli_follow_hand_out(struct cli_follow *f, cli_follow_fn fn, void *ctx,
                                struct hm_why *why)
{
    const uint8_t *at = f->pending.data;
    size_t left = f->pending.len;
    enum hm_err err = HM_OK;
    if (f->proven < f->tree.size)
        return HM_OK;
    while (err == HM_OK && left > 0) {
        uint32_t len;
        memcpy(&len, at, sizeof len);
        err = fn(ctx, hm_bytes_of(at + sizeof len, len), why);
        at += sizeof len + len;
        left -= sizeof len + len;
    }
    hm_buf_reset(&f->pending);
    return err;
}
