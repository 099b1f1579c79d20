#include "device/bearssl/hm_device_bearssl_sodium.h"

#include "device/bearssl/hm_device_bearssl.h"

#include <sodium/crypto_sign_ed25519.h>

_Static_assert(crypto_sign_ed25519_PUBLICKEYBYTES == HMD_ED25519_LEN, "RFC 8032");
_Static_assert(crypto_sign_ed25519_BYTES == HMD_SIG_LEN, "RFC 8032");

static enum hmd_sig verify(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                           struct hmd_bytes sig)
{
    const struct hmd_crypto bearssl = hmd_bearssl_crypto();
    if (alg != HM_COSE_ED25519)
        return bearssl.verify(ctx, alg, pub, msg, sig);
    if (pub.len != HMD_ED25519_LEN || sig.len != HMD_SIG_LEN)
        return HMD_SIG_BAD;
    return crypto_sign_ed25519_verify_detached(sig.p, msg.p, msg.len, pub.p) == 0 ? HMD_SIG_VALID
                                                                                  : HMD_SIG_BAD;
}

struct hmd_crypto hmd_bearssl_sodium_crypto(void)
{
    struct hmd_crypto table = hmd_bearssl_crypto();
    table.verify = verify;
    return table;
}
