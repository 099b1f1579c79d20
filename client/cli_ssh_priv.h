/* SSH wire types (RFC 4251 §5) as private key files and agents use them. Borrowed bytes. */
#ifndef CLIENT_CLI_SSH_PRIV_H
#define CLIENT_CLI_SSH_PRIV_H

#include "schema/core/hm_bytes.h"

/* Takes a value off *in, or returns false and leaves *in where it was. */
bool cli_ssh_take_u32(struct hm_bytes *in, uint32_t *out);
bool cli_ssh_take_string(struct hm_bytes *in, struct hm_bytes *out);
void cli_ssh_put_u32(struct hm_buf *out, uint32_t v);
void cli_ssh_put_string(struct hm_buf *out, struct hm_bytes text);
/* A positive number as mpint: no leading zeros, one zero byte before a set top bit. */
void cli_ssh_put_mpint(struct hm_buf *out, struct hm_bytes number);

#endif
