/* Deterministic CBOR, writing: shortest heads (RFC 8949 §4.2.1). Errors latch in the buffer. */
#include "schema/cbor/hm_cbor.h"

#include <string.h>

enum { MAJOR_UINT, MAJOR_NINT, MAJOR_BSTR, MAJOR_TSTR, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TAG };

static void head(struct hm_buf *b, unsigned major, uint64_t v)
{
    uint8_t out[9];
    size_t n = v < 24 ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    unsigned low = n == 0 ? (unsigned)v : n == 1 ? 24 : n == 2 ? 25 : n == 4 ? 26 : 27;
    out[0] = (uint8_t)(major << 5 | low);
    for (size_t i = 0; i < n; i++)
        out[1 + i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    hm_buf_put(b, out, 1 + n);
}

void hm_cbor_uint(struct hm_buf *b, uint64_t v)
{
    head(b, MAJOR_UINT, v);
}

void hm_cbor_int(struct hm_buf *b, int64_t v)
{
    if (v >= 0)
        head(b, MAJOR_UINT, (uint64_t)v);
    else
        head(b, MAJOR_NINT, (uint64_t)(-(v + 1)));
}

void hm_cbor_bstr_head(struct hm_buf *b, uint64_t len)
{
    head(b, MAJOR_BSTR, len);
}

void hm_cbor_bstr(struct hm_buf *b, struct hm_bytes v)
{
    hm_cbor_bstr_head(b, v.len);
    hm_buf_put(b, v.data, v.len);
}

void hm_cbor_tstr(struct hm_buf *b, const char *v)
{
    size_t n = strlen(v);
    head(b, MAJOR_TSTR, n);
    hm_buf_put(b, v, n);
}

void hm_cbor_array(struct hm_buf *b, uint64_t count)
{
    head(b, MAJOR_ARRAY, count);
}

void hm_cbor_map(struct hm_buf *b, uint64_t count)
{
    head(b, MAJOR_MAP, count);
}

void hm_cbor_tag(struct hm_buf *b, uint64_t tag)
{
    head(b, MAJOR_TAG, tag);
}

void hm_cbor_null(struct hm_buf *b)
{
    hm_buf_putc(b, 0xf6);
}
