/* COSE_Sign1 with a detached payload (RFC 9052 §4.2, §4.4): one encoding, written and taken.
 * Thread: any. */
#include "schema/cose/hm_cose.h"

#include <string.h>

#define COSE_SIGN1_TAG 18
#define HEADER_ALG 1
#define HEADER_KID 4
#define PROTECTED_MAX 16 /* bytes of {1: alg} */

/* The protected header's bytes: {1: alg}. */
static struct hm_bytes protected_header(int alg, struct hm_buf *b)
{
    hm_cbor_map(b, 1);
    hm_cbor_uint(b, HEADER_ALG);
    hm_cbor_int(b, alg);
    return hm_buf_bytes(b);
}

void hm_cose_tbs(struct hm_buf *out, int alg, struct hm_bytes payload)
{
    HM_BUF_AUTO header = {.limit = PROTECTED_MAX};
    hm_cbor_array(out, 4);
    hm_cbor_tstr(out, "Signature1");
    hm_cbor_bstr(out, protected_header(alg, &header));
    hm_cbor_bstr(out, hm_bytes_of(NULL, 0));
    hm_cbor_bstr(out, payload);
    if (hm_buf_err(&header) != HM_OK && out->err == HM_OK)
        out->err = header.err;
}

void hm_cose_sign1(struct hm_buf *out, int alg, struct hm_bytes kid, const uint8_t sig[static 64])
{
    HM_BUF_AUTO header = {.limit = PROTECTED_MAX};
    hm_cbor_tag(out, COSE_SIGN1_TAG);
    hm_cbor_array(out, 4);
    hm_cbor_bstr(out, protected_header(alg, &header));
    hm_cbor_map(out, 1);
    hm_cbor_uint(out, HEADER_KID);
    hm_cbor_bstr(out, kid);
    hm_cbor_null(out);
    hm_cbor_bstr(out, hm_bytes_of(sig, 64));
    if (hm_buf_err(&header) != HM_OK && out->err == HM_OK)
        out->err = header.err;
}

/* The algorithm of a protected header that holds nothing else; 0 if it is not of that form. */
static int parse_protected(struct hm_bytes header)
{
    struct hm_cbor_in in;
    hm_cbor_begin(&in, header);
    size_t n = hm_cbor_get_map(&in, 1);
    uint64_t label = hm_cbor_get_uint(&in);
    int64_t alg = hm_cbor_get_int(&in);
    if (hm_cbor_done(&in) != HM_OK || n != 1 || label != HEADER_ALG || alg < INT16_MIN ||
        alg > INT16_MAX)
        return 0;
    return (int)alg;
}

static bool parse_unprotected(struct hm_cbor_in *in, struct hm_bytes *kid)
{
    if (hm_cbor_get_map(in, 1) != 1 || hm_cbor_get_uint(in) != HEADER_KID)
        return false;
    *kid = hm_cbor_get_bstr(in);
    return kid->len == HM_KID_LEN;
}

enum hm_err hm_cose_sign1_parse(struct hm_bytes data, struct hm_cose_sign1_view *out,
                                struct hm_why *why)
{
    struct hm_cbor_in in;
    struct hm_cose_sign1_view v;
    hm_cbor_begin(&in, data);
    if (hm_cbor_get_tag(&in) != COSE_SIGN1_TAG || hm_cbor_get_array(&in, 4) != 4)
        return hm_fail(why, HM_E_MALFORMED, "COSE_Sign1: expected tag 18 and an array of 4");
    v.alg = parse_protected(hm_cbor_get_bstr(&in));
    if (in.err != HM_OK || v.alg == 0)
        return hm_fail(why, HM_E_MALFORMED, "COSE_Sign1: expected the protected header {1: alg}");
    if (!parse_unprotected(&in, &v.kid))
        return hm_fail(why, HM_E_MALFORMED,
                       "COSE_Sign1: expected the unprotected header {4: kid of %d bytes}",
                       HM_KID_LEN);
    hm_cbor_get_null(&in);
    v.sig = hm_cbor_get_bstr(&in);
    if (hm_cbor_done(&in) != HM_OK || v.sig.len != 64)
        return hm_fail(why, HM_E_MALFORMED,
                       "COSE_Sign1: expected payload nil and a signature of 64 bytes");
    if (v.alg != HM_COSE_ESP256 && v.alg != HM_COSE_ED25519)
        return hm_fail(why, HM_E_UNSUPPORTED, "COSE_Sign1: algorithm %d is not accepted", v.alg);
    *out = v;
    return HM_OK;
}
