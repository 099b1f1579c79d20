/* Trust stores: the input as the whole file, and as the content of one that is wrapped correctly.
 */
#include "tests/fuzz/device/device_fuzz_util.h"

#include "device/hm_device_envelope_priv.h"

#include <stdlib.h>
#include <string.h>

#define WRAPPER_MAX 64

/* {2: [digest], 3: content} without signatures, digest right: opening it gets as far as counting
 * keys. */
static size_t wrap(const struct hmd_crypto *crypto, const uint8_t *content, size_t size,
                   uint8_t *out)
{
    static const uint8_t sign1[] = {0x58, 92, 0xd2, 0x84, 0x43, 0xa1, 0x01, 0x28, 0xa1, 0x04, 0x50};
    uint8_t head[5] = {0x5a, (uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                       (uint8_t)size};
    size_t head_len = sizeof head;
    size_t n = 0;
    if (size < 0x10000) {
        head[2] = 0x59;
        head_len = 3;
    }
    const uint8_t *from = head + sizeof head - head_len;
    const uint8_t start[] = {0xa2, 0x02, 0x58, 1 + 38 + 2 + 92, 0x82, 0x58, 0x24, 0x82,
                             0x2f, 0x58, 0x20};
    memcpy(out, start, sizeof start);
    n += sizeof start;
    if (!hmd_sha256(crypto, (struct hmd_bytes){from, head_len}, (struct hmd_bytes){content, size},
                    out + n))
        abort();
    n += HMD_DIGEST_LEN;
    memcpy(out + n, sign1, sizeof sign1);
    n += sizeof sign1;
    /* the first bytes of the content serve as kid, so that the fuzzer can choose it */
    memset(out + n, 0, HM_KID_LEN);
    memcpy(out + n, content, size < HM_KID_LEN ? size : HM_KID_LEN);
    n += HM_KID_LEN;
    out[n++] = 0xf6;
    out[n++] = 0x58;
    out[n++] = HMD_SIG_LEN;
    memset(out + n, 1, HMD_SIG_LEN);
    n += HMD_SIG_LEN;
    out[n++] = 0x03;
    memcpy(out + n, from, head_len);
    memcpy(out + n + head_len, content, size);
    return n + head_len + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hmd_crypto crypto = fuzz_crypto();
    struct hmd_store store;
    enum hmd_reason reason = hmd_store_open(&crypto, (struct hmd_bytes){data, size}, NULL, &store);
    (void)reason;
    if (size < 0x100 || size > HMD_STORE_MAX) /* the short heads are not written here */
        return 0;
    uint8_t *whole = malloc(size + 4 * WRAPPER_MAX);
    if (whole == NULL)
        return 0;
    size_t len = wrap(&crypto, data, size, whole);
    reason = hmd_store_open(&crypto, (struct hmd_bytes){whole, len}, NULL, &store);
    if (reason == HMD_DIGEST_MISMATCH)
        abort(); /* the wrapper is meant to be right */
    free(whole);
    return 0;
}
