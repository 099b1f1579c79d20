/* Check 6, the streaming half: exact size, digest. */
#include "device/hm_device_boot.h"
#include "device/hm_device_text_priv.h"

enum hmd_reason hmd_payload_begin(const struct hmd_crypto *crypto, const struct hmd_image *image,
                                  struct hmd_payload *out)
{
    hmd_clear(out, sizeof *out);
    if (!image->present)
        return HMD_NO_IMAGE_FOR_SLOT;
    if (!crypto->sha256_start(crypto->ctx, &out->hash))
        return HMD_CRYPTO_FAILED;
    out->left = image->size;
    hmd_copy(out->digest, image->digest, HMD_DIGEST_LEN);
    return HMD_OK;
}

enum hmd_reason hmd_payload_update(const struct hmd_crypto *crypto, struct hmd_payload *p,
                                   struct hmd_bytes piece)
{
    if (p->reason != HMD_NOT_CHECKED)
        return p->reason == HMD_OK ? HMD_PAYLOAD_SIZE : p->reason;
    if (piece.len > p->left)
        return p->reason = HMD_PAYLOAD_SIZE;
    if (piece.len > 0 && !crypto->sha256_update(crypto->ctx, &p->hash, piece.p, piece.len))
        return p->reason = HMD_CRYPTO_FAILED;
    p->left -= piece.len;
    return HMD_OK;
}

enum hmd_reason hmd_payload_end(const struct hmd_crypto *crypto, struct hmd_payload *p)
{
    uint8_t digest[HMD_DIGEST_LEN];
    if (p->reason != HMD_NOT_CHECKED)
        return p->reason;
    if (p->left != 0)
        return p->reason = HMD_PAYLOAD_SIZE;
    if (!crypto->sha256_finish(crypto->ctx, &p->hash, digest))
        return p->reason = HMD_CRYPTO_FAILED;
    p->reason = hmd_equal(digest, p->digest, HMD_DIGEST_LEN) ? HMD_OK : HMD_PAYLOAD_DIGEST;
    return p->reason;
}
