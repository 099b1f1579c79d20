/* Check 7: which slot starts, and confirmation. */
#include "device/hm_device_boot_priv.h"
#include "device/hm_device_text_priv.h"

static void fill(struct hmd_boot *out, const struct hmd_state *s, unsigned slot, bool trial)
{
    out->slot = slot;
    out->trial = trial;
    out->sequence = s->slot[slot].sequence;
    hmd_copy(out->image, s->slot[slot].image, HMD_DIGEST_LEN);
    hmd_copy(out->manifest, s->slot[slot].manifest, HMD_DIGEST_LEN);
    out->reason = HMD_OK;
}

static enum hmd_reason bootable(const struct hmd_ports *ports, const struct hmd_state *s,
                                unsigned slot)
{
    const struct hmd_slot_info *info = &s->slot[slot];
    if (info->sequence < s->rollback_floor)
        return HMD_BELOW_ROLLBACK_FLOOR;
    return hmd_slot_verify(ports, slot, info->size, info->image);
}

/* A slot on trial gets one start. True if it is to be started now. */
static bool try_trial(const struct hmd_ports *ports, struct hmd_state *s, unsigned slot,
                      struct hmd_boot *out)
{
    struct hmd_slot_info *info = &s->slot[slot];
    if (info->status == HMD_STATUS_TRIED) {
        out->fallback = HMD_TRIAL_NOT_CONFIRMED;
    } else if (info->status == HMD_STATUS_TRIAL) {
        /* Written down before it starts: a crash must not give it a second start. */
        info->status = HMD_STATUS_TRIED;
        out->fallback = hmd_state_save(ports, s);
        if (out->fallback == HMD_OK)
            out->fallback = bootable(ports, s, slot);
        if (out->fallback == HMD_OK) {
            fill(out, s, slot, true);
            return true;
        }
    } else {
        return false;
    }
    /* If this cannot be written, the next start comes here again. */
    info->status = HMD_STATUS_FAILED;
    (void)hmd_state_save(ports, s);
    return false;
}

/* The active slot, else the other one if it was confirmed once. */
static enum hmd_reason start_good(const struct hmd_ports *ports, struct hmd_state *s,
                                  struct hmd_boot *out)
{
    if (s->active == HMD_NO_SLOT)
        return HMD_NO_BOOTABLE_SLOT;
    enum hmd_reason reason = bootable(ports, s, s->active);
    if (reason == HMD_OK) {
        fill(out, s, s->active, false);
        return HMD_OK;
    }
    out->fallback = reason;
    unsigned other = s->active == 0 ? 1 : 0;
    if (s->slot[other].status != HMD_STATUS_GOOD || bootable(ports, s, other) != HMD_OK)
        return HMD_NO_BOOTABLE_SLOT;
    /* An installation must overwrite the damaged slot now, not the one that still starts. */
    s->slot[s->active].status = HMD_STATUS_FAILED;
    s->active = other;
    s->version_len = s->slot[other].version_len;
    hmd_copy(s->version, s->slot[other].version, sizeof s->version);
    (void)hmd_state_save(ports, s);
    fill(out, s, other, false);
    return HMD_OK;
}

/* Power may have failed in the middle of a copy, between the copies, or before the counter: which
 * rises only when both copies may be believed, as in a confirmation. */
static void catch_up(const struct hmd_ports *ports, struct hmd_state *s)
{
    uint64_t counter;
    if (hmd_state_mend(ports, s) == HMD_OK && s->confirmed &&
        ports->storage->counter_read(ports->storage->ctx, &counter) && counter < s->sequence)
        (void)ports->storage->counter_raise(ports->storage->ctx, s->sequence);
}

enum hmd_reason hmd_boot_select(const struct hmd_ports *ports, struct hmd_boot *out)
{
    struct hmd_state s;
    hmd_clear(out, sizeof *out);
    out->slot = HMD_NO_SLOT;
    out->fallback = HMD_OK;
    enum hmd_reason reason = hmd_state_load(ports, &s);
    if (reason != HMD_OK)
        return out->reason = reason;
    catch_up(ports, &s);
    for (unsigned slot = 0; slot < HMD_SLOTS; slot++)
        if (try_trial(ports, &s, slot, out))
            return HMD_OK;
    out->reason = start_good(ports, &s, out);
    return out->reason;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void adopt(struct hmd_state *s, unsigned slot)
{
    struct hmd_slot_info *info = &s->slot[slot];
    info->status = HMD_STATUS_GOOD;
    s->active = slot;
    s->confirmed = true;
    s->sequence = larger(s->sequence, info->sequence);
    hmd_copy(s->digest, info->manifest, HMD_DIGEST_LEN);
    s->rollback_floor = larger(s->rollback_floor, info->rollback_floor);
    s->time_floor_s = larger(s->time_floor_s, info->time_floor_s);
    s->store_epoch = larger(s->store_epoch, info->store_epoch);
    s->version_len = info->version_len;
    hmd_copy(s->version, info->version, sizeof s->version);
}

enum hmd_reason hmd_boot_confirm(const struct hmd_ports *ports, unsigned running)
{
    struct hmd_state s;
    enum hmd_reason reason = hmd_state_load(ports, &s);
    if (reason != HMD_OK)
        return reason;
    /* A slot may stand as tried although another one runs: where its failure could not be written.
     */
    if (running >= HMD_SLOTS || s.slot[running].status != HMD_STATUS_TRIED)
        return HMD_NOTHING_TO_CONFIRM;
    adopt(&s, running);
    /* Both copies before the counter: a damaged copy must not look like a state that was put back.
     */
    for (unsigned copy = 0; copy < HMD_STATE_COPIES; copy++) {
        reason = hmd_state_save(ports, &s);
        if (reason != HMD_OK)
            return reason;
    }
    if (!ports->storage->counter_raise(ports->storage->ctx, s.sequence))
        return HMD_STORAGE_FAILED;
    return HMD_OK;
}
