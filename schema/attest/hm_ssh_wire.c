/* SSH wire types (RFC 4251 §5). Pure; any thread. */
#include "schema/attest/hm_ssh_wire_priv.h"

#include <string.h>

static void skip(struct hm_bytes *in, size_t n)
{
    in->data += n;
    in->len -= n;
}

bool hm_ssh_take(struct hm_bytes *in, void *out, size_t len)
{
    if (in->len < len)
        return false;
    memcpy(out, in->data, len);
    skip(in, len);
    return true;
}

bool hm_ssh_take_u32(struct hm_bytes *in, uint32_t *out)
{
    uint8_t b[4];
    if (!hm_ssh_take(in, b, sizeof b))
        return false;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

bool hm_ssh_take_string(struct hm_bytes *in, struct hm_bytes *out)
{
    uint32_t len;
    if (!hm_ssh_take_u32(in, &len) || in->len < len)
        return false;
    *out = hm_bytes_of(in->data, len);
    skip(in, len);
    return true;
}

bool hm_ssh_take_mpint32(struct hm_bytes *in, uint8_t out[static 32])
{
    struct hm_bytes n;
    if (!hm_ssh_take_string(in, &n) || n.len == 0 || (n.data[0] & 0x80) != 0)
        return false;
    if (n.data[0] == 0) {
        /* A zero byte only keeps the number positive; the number zero itself has no bytes at all.
         */
        if (n.len < 2 || (n.data[1] & 0x80) == 0)
            return false;
        skip(&n, 1);
    }
    if (n.len > 32)
        return false;
    memset(out, 0, 32 - n.len);
    memcpy(out + 32 - n.len, n.data, n.len);
    return true;
}

void hm_ssh_put_u32(struct hm_buf *out, uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    hm_buf_put(out, b, sizeof b);
}

void hm_ssh_put_string(struct hm_buf *out, struct hm_bytes text)
{
    hm_ssh_put_u32(out, (uint32_t)text.len);
    hm_buf_put(out, text.data, text.len);
}
