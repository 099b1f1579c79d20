/* Checks 6 to 8: streaming a payload into the inactive slot, A/B boot with a trial, confirmation,
 * and the outcome log. Pure logic over two more tables that a port fills in (flash slots, storage).
 * Power may fail at any call: storage then holds the old or the new state, and a slot boots. */
#ifndef DEVICE_HM_DEVICE_BOOT_H
#define DEVICE_HM_DEVICE_BOOT_H

#include "device/hm_device_verify.h"

#define HMD_STATE_LEN 512 /* bytes of one encoded copy of the state */
#define HMD_STATE_COPIES 2
#define HMD_OUTCOME_MAX 512 /* bytes of one outcome line, its newline included */
#define HMD_NO_SLOT 0xffu

/* Second table: the flash slots, numbered 0 and 1. All functions return false on a fault. */
struct hmd_slots {
    void *ctx;
    uint64_t (*capacity)(void *ctx, unsigned slot); /* bytes */
    bool (*erase)(void *ctx, unsigned slot);
    /* Appends at offset; offsets rise without gaps from 0. */
    bool (*write)(void *ctx, unsigned slot, uint64_t offset, const uint8_t *data, size_t len);
    /* Reads exactly len bytes from the medium. */
    bool (*read)(void *ctx, unsigned slot, uint64_t offset, uint8_t *data, size_t len);
    /* Returns only when everything written is durable. */
    bool (*sync)(void *ctx, unsigned slot);
};

/* Third table: storage. `write` of one copy must not touch the other one, and returns only when the
 * copy is durable; it need not be atomic. The counter never decreases: on hardware a monotonic
 * counter, which is what notices that the state was put back to an older one. */
struct hmd_storage {
    void *ctx;
    bool (*read)(void *ctx, unsigned copy, uint8_t data[HMD_STATE_LEN]);
    bool (*write)(void *ctx, unsigned copy, const uint8_t data[HMD_STATE_LEN]);
    bool (*counter_read)(void *ctx, uint64_t *value);
    bool (*counter_raise)(void *ctx, uint64_t value);
    /* Appends one line of the outcome log, newline included. */
    bool (*outcome)(void *ctx, const char *line, size_t len);
};

struct hmd_ports {
    const struct hmd_crypto *crypto;
    const struct hmd_slots *slots;
    const struct hmd_storage *storage;
};

enum hmd_slot_status {
    HMD_STATUS_EMPTY = 0,  /* nothing usable, or being written */
    HMD_STATUS_TRIAL = 1,  /* valid, not started yet */
    HMD_STATUS_TRIED = 2,  /* started once, not confirmed yet */
    HMD_STATUS_GOOD = 3,   /* confirmed */
    HMD_STATUS_FAILED = 4, /* its trial was not confirmed, or its image is damaged */
};

/* What was authenticated when a slot was installed. */
struct hmd_slot_info {
    enum hmd_slot_status status;
    uint64_t sequence;
    uint64_t size; /* bytes */
    uint64_t rollback_floor;
    uint64_t time_floor_s;
    uint64_t store_epoch;
    uint8_t image[HMD_DIGEST_LEN];
    uint8_t manifest[HMD_DIGEST_LEN];
    unsigned version_len;
    char version[HMD_NAME_MAX]; /* no NUL */
};

/* The whole memory of the device. */
struct hmd_state {
    uint64_t generation; /* rises with every write */
    unsigned active;     /* confirmed slot, HMD_NO_SLOT before the first confirmation */
    bool confirmed;
    uint64_t sequence; /* of the last confirmed release */
    uint8_t digest[HMD_DIGEST_LEN];
    uint64_t rollback_floor;
    uint64_t time_floor_s;
    uint64_t store_epoch;
    unsigned version_len;
    char version[HMD_NAME_MAX]; /* installed version */
    struct hmd_slot_info slot[HMD_SLOTS];
};

/* Streaming check of size and digest. */
struct hmd_payload {
    struct hmd_sha256 hash;
    uint64_t left; /* bytes still to come */
    uint8_t digest[HMD_DIGEST_LEN];
    enum hmd_reason reason; /* HMD_NOT_CHECKED while running */
};

/* Starts; copies the digest out of *image. Reasons: HMD_NO_IMAGE_FOR_SLOT, HMD_CRYPTO_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_payload_begin(const struct hmd_crypto *crypto,
                                               const struct hmd_image *image,
                                               struct hmd_payload *out);
/* One piece, borrowed. HMD_PAYLOAD_SIZE as soon as there is one byte too many: do not write it. */
HMD_MUST_USE enum hmd_reason hmd_payload_update(const struct hmd_crypto *crypto,
                                                struct hmd_payload *p, struct hmd_bytes piece);
/* HMD_OK only where size and digest are exact. */
HMD_MUST_USE enum hmd_reason hmd_payload_end(const struct hmd_crypto *crypto,
                                             struct hmd_payload *p);

/* Writes the first state (no release, this installed version, this store epoch) into both copies.
 * Only at provisioning: it forgets everything. Reasons: HMD_STORAGE_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_state_init(const struct hmd_ports *ports, uint64_t store_epoch,
                                            struct hmd_bytes version);

/* Reads the newest intact copy. Reasons: HMD_STATE_DAMAGED, HMD_STATE_ROLLED_BACK (older than the
 * counter), HMD_STORAGE_FAILED. *out is of no use then. */
HMD_MUST_USE enum hmd_reason hmd_state_load(const struct hmd_ports *ports, struct hmd_state *out);

/* From now on no trust store of a lower epoch than this one is believed, whether a release is
 * confirmed under it or not. To be called once such a store was opened, for this device, and is in
 * its place. Reasons: HMD_STORE_ROLLED_BACK (a newer one was taken before), HMD_STORAGE_FAILED,
 * those of hmd_state_load. */
HMD_MUST_USE enum hmd_reason hmd_state_take_store(const struct hmd_ports *ports, uint64_t epoch);

/* What hmd_verify_release needs; borrows *state. */
void hmd_state_facts(const struct hmd_state *state, struct hmd_facts *out);

/* The slot that an installation would write: the one that is not active. */
unsigned hmd_state_target(const struct hmd_state *state);

/* A running installation; the caller owns it. */
struct hmd_install {
    const struct hmd_ports *ports;
    struct hmd_state state;
    struct hmd_slot_info info; /* what the slot becomes */
    unsigned slot;
    uint64_t written; /* bytes */
    struct hmd_payload payload;
    bool failed;
};

/* Begins to write the inactive slot: marks it empty, then erases it. `release` must hold HMD_OK.
 * *in keeps a pointer to ports. Reasons: HMD_NOT_CHECKED (the release was not accepted),
 * HMD_TRIAL_RUNNING, HMD_NO_IMAGE_FOR_SLOT, HMD_SLOT_TOO_SMALL, HMD_SLOT_FAULT, those of
 * hmd_state_load. */
HMD_MUST_USE enum hmd_reason hmd_install_begin(const struct hmd_ports *ports,
                                               const struct hmd_release *release,
                                               struct hmd_install *in);
/* One piece of the payload. Reasons: HMD_PAYLOAD_SIZE, HMD_SLOT_FAULT, HMD_CRYPTO_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_install_write(struct hmd_install *in, struct hmd_bytes piece);
/* Checks size and digest, makes the slot durable, reads it back and hashes it again; only then
 * marks it for one trial boot. Reasons: HMD_PAYLOAD_SIZE, HMD_PAYLOAD_DIGEST, HMD_SLOT_FAULT,
 * HMD_SLOT_READBACK, HMD_STORAGE_FAILED, HMD_CRYPTO_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_install_end(struct hmd_install *in);

/* What to start. */
struct hmd_boot {
    enum hmd_reason reason;   /* HMD_OK: start `slot` */
    unsigned slot;            /* HMD_NO_SLOT otherwise */
    bool trial;               /* must be confirmed, else the other slot comes back */
    enum hmd_reason fallback; /* HMD_OK, or why the slot that was meant to start did not */
    uint64_t sequence;
    uint8_t image[HMD_DIGEST_LEN];
    uint8_t manifest[HMD_DIGEST_LEN];
};

/* Selects the slot to start; hashes its image against the digest authenticated at installation. A
 * trial is recorded as started before it is returned. Reasons: HMD_NO_BOOTABLE_SLOT, those of
 * hmd_state_load. */
HMD_MUST_USE enum hmd_reason hmd_boot_select(const struct hmd_ports *ports, struct hmd_boot *out);

/* Confirms the running trial: it becomes the active slot, then the counters and floors rise.
 * `running` is the slot that hmd_boot_select gave at this start, handed on by the boot loader: a
 * firmware can confirm itself and nothing else. Reasons: HMD_NOTHING_TO_CONFIRM (that slot is not
 * on trial), HMD_STORAGE_FAILED, those of hmd_state_load. */
HMD_MUST_USE enum hmd_reason hmd_boot_confirm(const struct hmd_ports *ports, unsigned running);

/* One line of the outcome log. */
struct hmd_outcome {
    const char *step; /* "install", "verify", "boot", "confirm": no character that JSON escapes */
    enum hmd_reason reason;
    uint64_t time_s; /* 0: this device has no clock, member left out */
    uint64_t sequence;
    const uint8_t *digest; /* SUIT digest, NULL: member left out */
};

/* Writes the line as canonical JSON with its newline into out. Returns its length. */
size_t hmd_outcome_format(const struct hmd_outcome *o, char out[HMD_OUTCOME_MAX]);

/* Formats and appends. Reasons: HMD_STORAGE_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_outcome_append(const struct hmd_storage *storage,
                                                const struct hmd_outcome *o);

#endif
