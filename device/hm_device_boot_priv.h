/* Shared by the state, the installation and the boot selection. */
#ifndef DEVICE_HM_DEVICE_BOOT_PRIV_H
#define DEVICE_HM_DEVICE_BOOT_PRIV_H

#include "device/hm_device_boot.h"

/* Writes the state as the next generation over the older copy and reads it back. However often it
 * fails, the newer copy stays as it is.
 * Reasons: HMD_STORAGE_FAILED, HMD_CRYPTO_FAILED. */
enum hmd_reason hmd_state_save(const struct hmd_ports *ports, struct hmd_state *state);

/* Writes over the other copy where it is damaged, or from before the last confirmation: one copy
 * that goes bad then leaves one that is good enough. Reasons: those of hmd_state_save. */
enum hmd_reason hmd_state_mend(const struct hmd_ports *ports, struct hmd_state *state);

/* Hashes what stands in the slot. Reasons: HMD_IMAGE_DAMAGED, HMD_SLOT_FAULT, HMD_CRYPTO_FAILED.
 */
enum hmd_reason hmd_slot_verify(const struct hmd_ports *ports, unsigned slot, uint64_t size,
                                const uint8_t digest[HMD_DIGEST_LEN]);

#endif
