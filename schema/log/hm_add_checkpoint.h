/* C2SP tlog-witness, call add-checkpoint: the request as a log writes and a witness reads it, and
 * what a witness answers when it is elsewhere (docs/formats/witness.md). Cosignatures in an answer
 * are read by hm_cosignatures_take. Pure; any thread. */
#ifndef SCHEMA_LOG_HM_ADD_CHECKPOINT_H
#define SCHEMA_LOG_HM_ADD_CHECKPOINT_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"

#define HM_TREE_SIZE_TYPE "text/x.tlog.size" /* Content-Type of a 409 */
#define HM_TREE_SIZE_MAX 21                  /* bytes of its body */

/* Appends the request: the witness's size as we know it, the consistency proof from there to the
 * checkpoint (empty for old_size 0 and for the checkpoint's own size), the signed checkpoint. */
void hm_add_checkpoint_write(uint64_t old_size, const struct hm_path *path, struct hm_bytes note,
                             struct hm_buf *out);

struct hm_add_checkpoint {
    uint64_t old_size;
    struct hm_path path;
    struct hm_bytes note; /* borrowed from the request; not looked at yet */
};
/* Strict. HM_E_MALFORMED, HM_E_LIMIT (bytes, more than 63 hashes). */
enum hm_err HM_MUST_USE hm_add_checkpoint_parse(struct hm_bytes request,
                                                struct hm_add_checkpoint *out, struct hm_why *why);

/* Body of a 409: a decimal and a newline. HM_E_MALFORMED. It is not signed: a hint where to
 * continue, never proof of what a witness saw. */
enum hm_err HM_MUST_USE hm_tree_size_parse(struct hm_bytes body, uint64_t *size);

#endif
