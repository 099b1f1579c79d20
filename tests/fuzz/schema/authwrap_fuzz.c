/* Envelopes: whatever parses is written back the same; nobody's keys never suffice. */
#include "schema/cose/hm_authwrap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_one(struct hm_bytes in, bool tagged)
{
    struct hm_auth_view v;
    struct hm_why why = {""};
    struct hm_key key = {.alg = HM_KEY_ED25519, .raw = {0x66}, .raw_len = 32};
    if (hm_auth_parse(in, tagged, &v, &why) != HM_OK)
        return;
    struct hm_digest d = hm_auth_digest(v.payload);
    if (!hm_digest_eq(&d, &v.digest) || v.count > HM_AUTH_SIGNATURES_MAX)
        abort();
    if (hm_auth_verify(&v, &key, 1, 1, &why) == HM_OK ||
        hm_auth_verify(&v, NULL, 0, 0, &why) == HM_OK)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_cose_sign1_view v;
    struct hm_bytes in = hm_bytes_of(data, size);
    try_one(in, true);
    try_one(in, false);
    if (hm_cose_sign1_parse(in, &v, NULL) == HM_OK) {
        HM_BUF_AUTO out = {.limit = 0};
        hm_cose_sign1(&out, v.alg, v.kid, v.sig.data);
        if (!hm_bytes_eq(hm_buf_bytes(&out), in))
            abort();
    }
    return 0;
}
