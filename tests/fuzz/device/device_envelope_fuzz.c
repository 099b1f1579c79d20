/* Envelopes, and what stands inside them: the input as envelope, and as manifest. */
#include "tests/fuzz/device/device_fuzz_util.h"

#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_suit_priv.h"

#include <string.h>

static void as_envelope(const struct hmd_crypto *crypto, struct hmd_bytes input)
{
    static const uint8_t pub[HMD_P256_LEN] = {4};
    struct hmd_envelope env;
    (void)hmd_envelope_open(crypto, input, HMD_CLOTHES_MANIFEST, &env);
    enum hmd_reason reason =
        hmd_accept_vector(crypto, HM_COSE_ESP256, (struct hmd_bytes){pub, sizeof pub}, input);
    (void)reason;
}

static void as_manifest(struct hmd_bytes input, bool profile)
{
    struct hmd_suit suit;
    struct hmd_manifest out;
    const struct hmd_rules rules = {1, {(const uint8_t *)"1.0", 3}};
    struct hmd_identity id;
    memset(&id, 0, sizeof id);
    memset(&out, 0, sizeof out);
    if (hmd_suit_open(input, profile, &suit) != HMD_OK || hmd_suit_decode(&suit, &out) != HMD_OK)
        return;
    for (unsigned slot = 0; slot < HMD_SLOTS; slot++)
        (void)hmd_suit_evaluate(&suit, &id, &rules, slot, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hmd_crypto crypto = fuzz_crypto();
    const struct hmd_bytes input = {data, size};
    as_envelope(&crypto, input);
    as_manifest(input, true);
    as_manifest(input, false);
    return 0;
}
