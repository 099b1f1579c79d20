/* Check 6, the writing half: the inactive slot is marked empty, erased, written while it is hashed,
 * made durable, read back and hashed again; only then it may boot, once, on trial. */
#include "device/hm_device_boot_priv.h"
#include "device/hm_device_text_priv.h"

#define CHUNK 256 /* bytes read back at a time */

enum hmd_reason hmd_slot_verify(const struct hmd_ports *ports, unsigned slot, uint64_t size,
                                const uint8_t digest[HMD_DIGEST_LEN])
{
    const struct hmd_crypto *crypto = ports->crypto;
    struct hmd_sha256 hash;
    uint8_t chunk[CHUNK];
    if (size > ports->slots->capacity(ports->slots->ctx, slot))
        return HMD_IMAGE_DAMAGED;
    if (!crypto->sha256_start(crypto->ctx, &hash))
        return HMD_CRYPTO_FAILED;
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        if (!ports->slots->read(ports->slots->ctx, slot, at, chunk, n))
            return HMD_SLOT_FAULT;
        if (!crypto->sha256_update(crypto->ctx, &hash, chunk, n))
            return HMD_CRYPTO_FAILED;
        at += n;
    }
    if (!crypto->sha256_finish(crypto->ctx, &hash, chunk))
        return HMD_CRYPTO_FAILED;
    return hmd_equal(chunk, digest, HMD_DIGEST_LEN) ? HMD_OK : HMD_IMAGE_DAMAGED;
}

static void remember(struct hmd_slot_info *info, const struct hmd_release *release, unsigned slot)
{
    const struct hmd_image *image = &release->manifest.image[slot];
    hmd_clear(info, sizeof *info);
    info->status = HMD_STATUS_TRIAL;
    info->sequence = release->manifest.sequence;
    info->size = image->size;
    info->rollback_floor = release->manifest.rollback_floor;
    info->time_floor_s = release->time_floor_s;
    info->store_epoch = release->store_epoch;
    hmd_copy(info->image, image->digest, HMD_DIGEST_LEN);
    hmd_copy(info->manifest, release->manifest.digest, HMD_DIGEST_LEN);
    info->version_len = (unsigned)(release->version.len <= HMD_NAME_MAX ? release->version.len : 0);
    hmd_copy(info->version, release->version.p, info->version_len);
}

/* The state may have changed since the release was judged. */
static bool still_fresh(const struct hmd_state *s, const struct hmd_release *r)
{
    return r->manifest.sequence >= s->rollback_floor &&
           (!s->confirmed || r->manifest.sequence > s->sequence ||
            (r->manifest.sequence == s->sequence &&
             hmd_equal(r->manifest.digest, s->digest, HMD_DIGEST_LEN)));
}

static enum hmd_reason prepare(struct hmd_install *in, const struct hmd_release *release)
{
    const struct hmd_ports *ports = in->ports;
    enum hmd_reason reason = hmd_state_load(ports, &in->state);
    if (reason != HMD_OK)
        return reason;
    in->slot = hmd_state_target(&in->state);
    if (!still_fresh(&in->state, release))
        return HMD_SEQUENCE_TOO_LOW;
    /* It may be what runs right now. */
    for (unsigned i = 0; i < HMD_SLOTS; i++)
        if (in->state.slot[i].status == HMD_STATUS_TRIED)
            return HMD_TRIAL_RUNNING;
    reason = hmd_payload_begin(ports->crypto, &release->manifest.image[in->slot], &in->payload);
    if (reason != HMD_OK)
        return reason;
    if (release->manifest.image[in->slot].size >
        ports->slots->capacity(ports->slots->ctx, in->slot))
        return HMD_SLOT_TOO_SMALL;
    remember(&in->info, release, in->slot);
    hmd_clear(&in->state.slot[in->slot], sizeof in->state.slot[in->slot]);
    reason = hmd_state_save(ports, &in->state);
    if (reason != HMD_OK)
        return reason;
    return ports->slots->erase(ports->slots->ctx, in->slot) ? HMD_OK : HMD_SLOT_FAULT;
}

enum hmd_reason hmd_install_begin(const struct hmd_ports *ports, const struct hmd_release *release,
                                  struct hmd_install *in)
{
    hmd_clear(in, sizeof *in);
    in->ports = ports;
    in->failed = true;
    if (release->reason != HMD_OK)
        return HMD_NOT_CHECKED;
    enum hmd_reason reason = prepare(in, release);
    in->failed = reason != HMD_OK;
    return reason;
}

enum hmd_reason hmd_install_write(struct hmd_install *in, struct hmd_bytes piece)
{
    const struct hmd_slots *slots = in->ports->slots;
    if (in->failed)
        return HMD_SLOT_FAULT;
    enum hmd_reason reason = hmd_payload_update(in->ports->crypto, &in->payload, piece);
    if (reason == HMD_OK && piece.len > 0 &&
        !slots->write(slots->ctx, in->slot, in->written, piece.p, piece.len))
        reason = HMD_SLOT_FAULT;
    in->written += piece.len;
    in->failed = reason != HMD_OK;
    return reason;
}

enum hmd_reason hmd_install_end(struct hmd_install *in)
{
    const struct hmd_slots *slots = in->ports->slots;
    if (in->failed)
        return HMD_SLOT_FAULT;
    in->failed = true;
    enum hmd_reason reason = hmd_payload_end(in->ports->crypto, &in->payload);
    if (reason != HMD_OK)
        return reason;
    if (!slots->sync(slots->ctx, in->slot))
        return HMD_SLOT_FAULT;
    reason = hmd_slot_verify(in->ports, in->slot, in->info.size, in->info.image);
    if (reason != HMD_OK)
        return reason == HMD_IMAGE_DAMAGED ? HMD_SLOT_READBACK : reason;
    in->state.slot[in->slot] = in->info;
    return hmd_state_save(in->ports, &in->state);
}
