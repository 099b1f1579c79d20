/* Reading and writing the SSH wire types of RFC 4251 §5 that signatures are made of. Borrowed bytes
 * only. */
#ifndef SCHEMA_ATTEST_HM_SSH_WIRE_PRIV_H
#define SCHEMA_ATTEST_HM_SSH_WIRE_PRIV_H

#include "schema/core/hm_bytes.h"

/* Each takes its value off *in, or leaves false. */
bool hm_ssh_take(struct hm_bytes *in, void *out, size_t len);
bool hm_ssh_take_u32(struct hm_bytes *in, uint32_t *out);
bool hm_ssh_take_string(struct hm_bytes *in, struct hm_bytes *out);
/* A positive mpint in its shortest form, left-padded to 32 bytes. */
bool hm_ssh_take_mpint32(struct hm_bytes *in, uint8_t out[static 32]);

void hm_ssh_put_u32(struct hm_buf *out, uint32_t v);
void hm_ssh_put_string(struct hm_buf *out, struct hm_bytes text);

#endif
