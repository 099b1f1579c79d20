/* Message bodies: a row of typed fields in a fixed order, big-endian. u64 = 8 bytes; bytes and text
 * = u32 length + content. docs/formats/ipc.md. Reading latches the first error. */
#ifndef SERVER_IPC_IPC_MSG_H
#define SERVER_IPC_IPC_MSG_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"

void ipc_put_u64(struct hm_buf *b, uint64_t v);
void ipc_put_bytes(struct hm_buf *b, struct hm_bytes v);
void ipc_put_str(struct hm_buf *b, const char *v);
void ipc_put_digest(struct hm_buf *b, const struct hm_digest *d); /* 32 bytes, no length */
void ipc_put_digests(struct hm_buf *b, const struct hm_digest *list, size_t count); /* u64, list */

struct ipc_in {
    const uint8_t *p;
    size_t left;
    enum hm_err err;
};
void ipc_in_begin(struct ipc_in *in, struct hm_bytes body);
uint64_t ipc_get_u64(struct ipc_in *in);
/* A count of things that follow; more than max is HM_E_LIMIT. */
size_t ipc_get_count(struct ipc_in *in, size_t max);
struct hm_bytes ipc_get_bytes(struct ipc_in *in, size_t max); /* borrowed from the body */
/* Copies into out (cap bytes with NUL); refuses NUL inside and longer text. "" on error. */
void ipc_get_str(struct ipc_in *in, char *out, size_t cap);
void ipc_get_digest(struct ipc_in *in, struct hm_digest *out);
/* What ipc_put_digests wrote, into list (room for max): how many; more than max is HM_E_LIMIT. */
size_t ipc_get_digests(struct ipc_in *in, struct hm_digest *list, size_t max);
/* HM_OK if nothing failed and nothing is left. */
enum hm_err HM_MUST_USE ipc_in_end(const struct ipc_in *in, struct hm_why *why);

#endif
