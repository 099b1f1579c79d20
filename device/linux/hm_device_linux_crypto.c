/* The crypto table over OpenSSL 3. Thread: any. */
/* The one-shot hash objects live in the caller's memory and need no release, as the table demands;
 * EVP contexts are heap objects. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "device/linux/hm_device_linux.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/sha.h>
#include <string.h>

#define DER_SIG_MAX 80 /* bytes of a DER ECDSA-Sig-Value on P-256 */

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct hmd_sha256), "hash context fits");

static bool start(void *ctx, struct hmd_sha256 *h)
{
    SHA256_CTX c;
    (void)ctx;
    if (SHA256_Init(&c) != 1)
        return false;
    memcpy(h->opaque, &c, sizeof c);
    return true;
}

static bool update(void *ctx, struct hmd_sha256 *h, const uint8_t *data, size_t len)
{
    (void)ctx;
    return SHA256_Update((SHA256_CTX *)(void *)h->opaque, data, len) == 1;
}

static bool finish(void *ctx, struct hmd_sha256 *h, uint8_t out[HMD_DIGEST_LEN])
{
    (void)ctx;
    return SHA256_Final(out, (SHA256_CTX *)(void *)h->opaque) == 1;
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_key_ctx(EVP_PKEY_CTX **ctx)
{
    EVP_PKEY_CTX_free(*ctx);
}

static void free_md_ctx(EVP_MD_CTX **ctx)
{
    EVP_MD_CTX_free(*ctx);
}

static void free_sig(ECDSA_SIG **sig)
{
    ECDSA_SIG_free(*sig);
}

#define CLEANUP(f) __attribute__((cleanup(f)))

/* OpenSSL checks that the point is on the curve. */
static EVP_PKEY *p256_key(struct hmd_bytes pub)
{
    char group[] = "P-256";
    uint8_t point[HMD_P256_LEN];
    EVP_PKEY *key = NULL;
    CLEANUP(free_key_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || pub.len != sizeof point || pub.p[0] != 4)
        return NULL;
    memcpy(point, pub.p, sizeof point);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return NULL;
    return key;
}

/* r||s as the DER that EVP wants; its length, 0 on failure. */
static size_t to_der(struct hmd_bytes sig, uint8_t der[DER_SIG_MAX])
{
    CLEANUP(free_sig) ECDSA_SIG *s = ECDSA_SIG_new();
    BIGNUM *r_value = BN_bin2bn(sig.p, HMD_SIG_LEN / 2, NULL);
    BIGNUM *s_value = BN_bin2bn(sig.p + HMD_SIG_LEN / 2, HMD_SIG_LEN / 2, NULL);
    if (s == NULL || r_value == NULL || s_value == NULL ||
        ECDSA_SIG_set0(s, r_value, s_value) != 1) {
        BN_free(r_value);
        BN_free(s_value);
        return 0;
    }
    uint8_t *end = der;
    int len = i2d_ECDSA_SIG(s, NULL);
    if (len <= 0 || len > DER_SIG_MAX || i2d_ECDSA_SIG(s, &end) != len)
        return 0;
    return (size_t)len;
}

static enum hmd_sig verify_with(EVP_PKEY *key, const EVP_MD *md, struct hmd_bytes msg,
                                const uint8_t *sig, size_t sig_len)
{
    CLEANUP(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (key == NULL || ctx == NULL || EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) != 1)
        return HMD_SIG_BAD;
    return EVP_DigestVerify(ctx, sig, sig_len, msg.p, msg.len) == 1 ? HMD_SIG_VALID : HMD_SIG_BAD;
}

static enum hmd_sig verify_p256(struct hmd_bytes pub, struct hmd_bytes msg, struct hmd_bytes sig)
{
    uint8_t der[DER_SIG_MAX];
    CLEANUP(free_key) EVP_PKEY *key = p256_key(pub);
    size_t len = to_der(sig, der);
    return len == 0 ? HMD_SIG_BAD : verify_with(key, EVP_sha256(), msg, der, len);
}

static enum hmd_sig verify_ed25519(struct hmd_bytes pub, struct hmd_bytes msg, struct hmd_bytes sig)
{
    if (pub.len != HMD_ED25519_LEN)
        return HMD_SIG_BAD;
    CLEANUP(free_key)
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, pub.p, pub.len);
    return verify_with(key, NULL, msg, sig.p, sig.len);
}

static enum hmd_sig verify(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                           struct hmd_bytes sig)
{
    (void)ctx;
    if (sig.len != HMD_SIG_LEN)
        return HMD_SIG_BAD;
    switch (alg) {
    case HM_COSE_ESP256:
    case HM_COSE_ES256:
        return verify_p256(pub, msg, sig);
    case HM_COSE_ED25519:
        return verify_ed25519(pub, msg, sig);
    default:
        return HMD_SIG_UNSUPPORTED;
    }
}

struct hmd_crypto hmd_openssl_crypto(void)
{
    return (struct hmd_crypto){NULL, start, update, finish, verify};
}
