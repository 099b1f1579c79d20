/* The Linux port: OpenSSL for the crypto table, files for slots and storage. One directory holds
 * slot-a.img, slot-b.img, state-0.bin, state-1.bin, counter.bin and outcomes.jsonl. */
#ifndef DEVICE_LINUX_HM_DEVICE_LINUX_H
#define DEVICE_LINUX_HM_DEVICE_LINUX_H

#include "device/hm_device.h"

#define HMD_LINUX_SLOT_MAX ((uint64_t)4 << 30) /* bytes of one image */

/* The crypto table over OpenSSL 3: SHA-256, ECDSA P-256 (r||s of exactly 64 bytes), Ed25519.
 * Needs no closing; thread-safe. */
struct hmd_crypto hmd_openssl_crypto(void);

/* Where the files are. Opaque context of the two tables below; the caller owns it and keeps it
 * alive. */
struct hmd_linux {
    int dir;             /* directory descriptor, owned from open to close */
    int slot[HMD_SLOTS]; /* opened at first use, -1 before */
};

/* Opens the directory. False with errno set. */
HMD_MUST_USE bool hmd_linux_open(const char *path, struct hmd_linux *out);
void hmd_linux_close(struct hmd_linux *l); /* takes NULL and closed ones */

/* The tables; they borrow *l. On fault errno says why. State copies and the counter are replaced
 * atomically (write, fsync, rename, fsync of the directory). A plain file cannot keep a privileged
 * user from putting an old state and an old counter back together: real devices take a counter of
 * the hardware. */
struct hmd_slots hmd_linux_slots(struct hmd_linux *l);
struct hmd_storage hmd_linux_storage(struct hmd_linux *l);

/* Replaces a file in the directory atomically and durably. False with errno set. */
HMD_MUST_USE bool hmd_linux_replace(const struct hmd_linux *l, const char *name, const void *data,
                                    size_t len);

/* Reads a whole file of at most cap bytes. False with errno set (EFBIG where it is larger). */
HMD_MUST_USE bool hmd_linux_read(int dir, const char *name, uint8_t *data, size_t cap, size_t *len);

/* File name of a slot, static. */
const char *hmd_linux_slot_name(unsigned slot);

#endif
