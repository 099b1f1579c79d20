/* One release signature that is asked for: a row of SIGNER_SIGN (server/ipc/ipc_ops.h). */
#ifndef SERVER_SIGNER_SIGNER_ITEM_H
#define SERVER_SIGNER_SIGNER_ITEM_H

#include "schema/log/hm_merkle.h"
#include "server/ipc/ipc_msg.h"

#define SIGNER_TBS_MAX 1024 /* bytes that a release key is asked to sign */

/* Everything is borrowed from the message and believed by nobody yet. */
struct signer_item {
    struct hm_digest key; /* key id */
    struct hm_bytes tbs;
    struct hm_bytes record; /* sign.intended */
    uint64_t index;         /* of the record */
    uint64_t size;          /* of the checkpoint that path leads to */
    struct hm_path path;
    struct hm_bytes statement;
    struct hm_bytes approvals[HM_APPROVALS_MAX];
    size_t approval_count;
};

/* Reads a whole message; one that is malformed anywhere is refused as a whole. Caller free()s *out,
 * which borrows body. HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE signer_items_read(struct hm_bytes body, struct signer_item **out,
                                          size_t *count, struct hm_why *why);

#endif
