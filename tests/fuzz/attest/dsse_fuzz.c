/* DSSE envelopes: parsed, verified with a key that did not sign, written and parsed again. */
#include "schema/attest/hm_dsse.h"
#include "schema/core/hm_limits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct hm_dsse *d)
{
    HM_BUF_AUTO text = {0};
    struct hm_dsse back;
    if (hm_dsse_write(&text, d->payload_type, hm_buf_bytes(&d->payload), hm_buf_bytes(&d->sig),
                      d->certificate) != HM_OK ||
        hm_dsse_parse(hm_buf_bytes(&text), 4 * HM_ATTESTATION_MAX, &back, NULL) != HM_OK)
        abort();
    if (strcmp(back.payload_type, d->payload_type) != 0 ||
        !hm_bytes_eq(hm_buf_bytes(&back.payload), hm_buf_bytes(&d->payload)))
        abort();
    hm_dsse_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hm_key key = {.alg = HM_KEY_ED25519, .raw = {1}, .raw_len = 32};
    struct hm_dsse d;
    if (hm_dsse_parse(hm_bytes_of(data, size), HM_ATTESTATION_MAX, &d, NULL) != HM_OK)
        return 0;
    (void)!hm_dsse_verify(&d, &key);
    check_again(&d);
    hm_dsse_free(&d);
    return 0;
}
