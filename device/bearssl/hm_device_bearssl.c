/* The crypto table over BearSSL. */
#include "device/bearssl/hm_device_bearssl.h"

#include <bearssl.h>

_Static_assert(sizeof(br_sha256_context) <= sizeof(struct hmd_sha256), "hash context fits");

static br_sha256_context *of(struct hmd_sha256 *h)
{
    return (br_sha256_context *)(void *)h->opaque;
}

static bool start(void *ctx, struct hmd_sha256 *h)
{
    (void)ctx;
    br_sha256_init(of(h));
    return true;
}

static bool update(void *ctx, struct hmd_sha256 *h, const uint8_t *data, size_t len)
{
    (void)ctx;
    br_sha256_update(of(h), data, len);
    return true;
}

static bool finish(void *ctx, struct hmd_sha256 *h, uint8_t out[HMD_DIGEST_LEN])
{
    (void)ctx;
    br_sha256_out(of(h), out);
    return true;
}

/* BearSSL accepts shorter r||s: the length is enforced here (Wycheproof has the cases). */
static enum hmd_sig verify_p256(struct hmd_bytes pub, struct hmd_bytes msg, struct hmd_bytes sig)
{
    uint8_t point[HMD_P256_LEN];
    uint8_t digest[HMD_DIGEST_LEN];
    br_sha256_context h;
    if (pub.len != sizeof point || pub.p[0] != 4 || sig.len != HMD_SIG_LEN)
        return HMD_SIG_BAD;
    for (size_t i = 0; i < sizeof point; i++)
        point[i] = pub.p[i];
    br_sha256_init(&h);
    br_sha256_update(&h, msg.p, msg.len);
    br_sha256_out(&h, digest);
    br_ec_public_key key = {BR_EC_secp256r1, point, sizeof point};
    return br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, digest, sizeof digest, &key, sig.p, sig.len) == 1
               ? HMD_SIG_VALID
               : HMD_SIG_BAD;
}

static enum hmd_sig verify(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                           struct hmd_bytes sig)
{
    (void)ctx;
    if (alg != HM_COSE_ESP256 && alg != HM_COSE_ES256)
        return HMD_SIG_UNSUPPORTED;
    return verify_p256(pub, msg, sig);
}

struct hmd_crypto hmd_bearssl_crypto(void)
{
    return (struct hmd_crypto){NULL, start, update, finish, verify};
}
