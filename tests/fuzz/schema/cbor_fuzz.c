/* The CBOR cursor: a walk by types over any input, against a skip over the same bytes. */
#include "schema/cbor/hm_cbor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes one head or string, whatever it is; writes it back. */
static void copy_one(struct hm_cbor_in *in, struct hm_buf *out)
{
    switch (hm_cbor_peek(in)) {
    case HM_CBOR_UINT:
        hm_cbor_uint(out, hm_cbor_get_uint(in));
        break;
    case HM_CBOR_NINT:
        hm_cbor_int(out, hm_cbor_get_int(in));
        break;
    case HM_CBOR_BSTR:
        hm_cbor_bstr(out, hm_cbor_get_bstr(in));
        break;
    case HM_CBOR_TSTR: {
        struct hm_bytes v = hm_cbor_get_tstr(in);
        HM_BUF_AUTO text = {.limit = 0};
        hm_buf_put(&text, v.data, v.len);
        const char *s = hm_buf_str(&text);
        hm_cbor_tstr(out, s != NULL ? s : "");
        break;
    }
    case HM_CBOR_ARRAY:
        hm_cbor_array(out, hm_cbor_get_array(in, SIZE_MAX));
        break;
    case HM_CBOR_MAP:
        hm_cbor_map(out, hm_cbor_get_map(in, SIZE_MAX));
        break;
    case HM_CBOR_TAG:
        hm_cbor_tag(out, hm_cbor_get_tag(in));
        break;
    case HM_CBOR_SIMPLE:
        hm_cbor_get_null(in);
        hm_cbor_null(out);
        break;
    case HM_CBOR_END:
    case HM_CBOR_BAD:
        (void)hm_cbor_get_uint(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes input = hm_bytes_of(data, size);
    struct hm_cbor_in in;
    HM_BUF_AUTO out = {.limit = 0};
    hm_cbor_begin(&in, input);
    struct hm_bytes item = hm_cbor_skip(&in);
    if (in.err == HM_OK && (item.data != data || item.len > size || item.len == 0))
        abort();
    hm_cbor_begin(&in, input);
    while (in.err == HM_OK && in.left > 0)
        copy_one(&in, &out);
    /* what could be read whole is what the writer writes */
    if (hm_cbor_done(&in) == HM_OK && !hm_bytes_eq(hm_buf_bytes(&out), input))
        abort();
    return 0;
}
