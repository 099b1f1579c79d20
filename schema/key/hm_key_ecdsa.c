/* ECDSA-Sig-Value (RFC 3279 §2.2.3) in DER and as r||s of 64 bytes. One encoding each way, nothing
 * else is taken. */
#include "schema/key/hm_key.h"

#include <string.h>

/* One INTEGER, positive, shortest, at most 32 significant bytes; written right-aligned into out. */
static bool take_integer(struct hm_bytes *der, uint8_t out[static 32])
{
    if (der->len < 3 || der->data[0] != 0x02)
        return false;
    size_t n = der->data[1];
    const uint8_t *v = der->data + 2;
    if (n == 0 || n > 33 || n > der->len - 2 || (v[0] & 0x80) != 0)
        return false;
    *der = hm_bytes_of(v + n, der->len - 2 - n);
    if (v[0] == 0) {
        if (n == 1 || (v[1] & 0x80) == 0)
            return false; /* zero is no signature value; a needless leading zero is not DER */
        v++;
        n--;
    }
    if (n > 32)
        return false;
    memset(out, 0, 32);
    memcpy(out + 32 - n, v, n);
    return true;
}

enum hm_err hm_ecdsa_der_to_raw(struct hm_bytes der, uint8_t raw[static 64])
{
    uint8_t both[64];
    if (der.len < 2 || der.data[0] != 0x30 || der.data[1] != der.len - 2 || der.len > 72)
        return HM_E_MALFORMED;
    struct hm_bytes left = hm_bytes_of(der.data + 2, der.len - 2);
    if (!take_integer(&left, both) || !take_integer(&left, both + 32) || left.len != 0)
        return HM_E_MALFORMED;
    memcpy(raw, both, sizeof both);
    return HM_OK;
}

/* Number of content bytes of an INTEGER; *skip leading bytes of v are not written. 0 for the value
 * zero. */
static size_t integer_len(const uint8_t v[static 32], size_t *skip)
{
    size_t i = 0;
    while (i < 32 && v[i] == 0)
        i++;
    *skip = i;
    return i == 32 ? 0 : 32 - i + (v[i] >> 7);
}

static void put_integer(struct hm_buf *b, const uint8_t v[static 32], size_t len, size_t skip)
{
    hm_buf_putc(b, 0x02);
    hm_buf_putc(b, (uint8_t)len);
    if (len > 32 - skip)
        hm_buf_putc(b, 0);
    hm_buf_put(b, v + skip, 32 - skip);
}

enum hm_err hm_ecdsa_raw_to_der(const uint8_t raw[static 64], struct hm_buf *der)
{
    size_t skip_r = 0;
    size_t skip_s = 0;
    size_t len_r = integer_len(raw, &skip_r);
    size_t len_s = integer_len(raw + 32, &skip_s);
    if (len_r == 0 || len_s == 0)
        return HM_E_MALFORMED;
    hm_buf_putc(der, 0x30);
    hm_buf_putc(der, (uint8_t)(4 + len_r + len_s));
    put_integer(der, raw, len_r, skip_r);
    put_integer(der, raw + 32, len_s, skip_s);
    return hm_buf_err(der);
}
