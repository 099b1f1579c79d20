#include "client/cli_ssh_priv.h"

bool cli_ssh_take_u32(struct hm_bytes *in, uint32_t *out)
{
    if (in->len < 4)
        return false;
    *out = (uint32_t)in->data[0] << 24 | (uint32_t)in->data[1] << 16 | (uint32_t)in->data[2] << 8 |
           in->data[3];
    in->data += 4;
    in->len -= 4;
    return true;
}

bool cli_ssh_take_string(struct hm_bytes *in, struct hm_bytes *out)
{
    struct hm_bytes rest = *in;
    uint32_t len;
    if (!cli_ssh_take_u32(&rest, &len) || rest.len < len)
        return false;
    *out = hm_bytes_of(rest.data, len);
    *in = hm_bytes_of(rest.data + len, rest.len - len);
    return true;
}

void cli_ssh_put_u32(struct hm_buf *out, uint32_t v)
{
    uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    hm_buf_put(out, b, sizeof b);
}

void cli_ssh_put_string(struct hm_buf *out, struct hm_bytes text)
{
    cli_ssh_put_u32(out, (uint32_t)text.len);
    hm_buf_put(out, text.data, text.len);
}

void cli_ssh_put_mpint(struct hm_buf *out, struct hm_bytes number)
{
    while (number.len > 0 && number.data[0] == 0) {
        number.data++;
        number.len--;
    }
    bool pad = number.len > 0 && (number.data[0] & 0x80) != 0;
    cli_ssh_put_u32(out, (uint32_t)number.len + (pad ? 1 : 0));
    if (pad)
        hm_buf_putc(out, 0);
    hm_buf_put(out, number.data, number.len);
}
