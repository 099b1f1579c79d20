/* The manifest itself: strict decoding of every sequence, and evaluation for one slot of this
 * device (draft-ietf-suit-manifest-37 8.4, docs/formats/manifest.md). Only called once the
 * signatures hold. */
#ifndef DEVICE_HM_DEVICE_SUIT_PRIV_H
#define DEVICE_HM_DEVICE_SUIT_PRIV_H

#include "device/hm_device_cbor_priv.h"
#include "device/hm_device_verify.h"

/* The sequences of a manifest, one bit each. */
enum hmd_section {
    HMD_IN_SHARED = 1,
    HMD_IN_VALIDATE = 2,
    HMD_IN_LOAD = 4,
    HMD_IN_INVOKE = 8,
    HMD_IN_FETCH = 16,
    HMD_IN_INSTALL = 32,
};

/* A manifest taken apart; slices borrow the envelope. A severed member is a digest here. */
struct hmd_suit {
    bool profile; /* our own profile, not only what the vectors need */
    uint64_t sequence;
    uint64_t components;
    struct hmd_bytes shared;
    struct hmd_bytes validate;
    struct hmd_bytes load;
    struct hmd_bytes invoke;
    struct hmd_bytes fetch;
    struct hmd_bytes install;
    struct hmd_bytes text;
    const uint8_t *fetch_digest;
    const uint8_t *install_digest;
    const uint8_t *text_digest;
};

/* Parameters and what has been checked so far while a sequence runs. */
struct hmd_run {
    const struct hmd_suit *suit;
    const struct hmd_identity *id; /* NULL: decode only, every condition holds */
    const struct hmd_rules *rules;
    unsigned slot;
    enum hmd_section section;
    bool in_branch;
    bool vendor_checked;
    bool class_checked;
    bool fetched;
    bool image_checked; /* in install: after the fetch */
    bool invoked;
    const uint8_t *vendor;
    const uint8_t *class_id;
    const uint8_t *digest;
    bool has_size;
    bool has_slot;
    bool has_use_before;
    uint64_t size;
    uint64_t slot_wanted;
    uint64_t use_before_s;
    struct hmd_bytes uri;
    struct hmd_version version;
    struct hmd_manifest *out; /* use_before, floor and version are collected here */
};

/* Takes the manifest apart. Reasons: HMD_MANIFEST_MALFORMED, HMD_COMPONENT_UNSUPPORTED,
 * HMD_SEVERED_UNSUPPORTED (profile). */
enum hmd_reason hmd_suit_open(struct hmd_bytes manifest, bool profile, struct hmd_suit *out);

/* Decodes every sequence strictly, all branches; in the profile also collects use-before, rollback
 * floor and version into *out. Reasons: HMD_MANIFEST_MALFORMED, HMD_COMMAND_UNSUPPORTED,
 * HMD_PARAMETER_UNSUPPORTED, HMD_FLOOR_ABOVE_SEQUENCE. */
enum hmd_reason hmd_suit_decode(const struct hmd_suit *s, struct hmd_manifest *out);

/* Check 5 for one slot: runs shared, validate, install and invoke. Fills out->image[slot].
 * Reasons: HMD_VENDOR_MISMATCH, HMD_CLASS_MISMATCH, HMD_VERSION_TOO_LOW, HMD_USE_BEFORE_PASSED,
 * HMD_NO_IMAGE_FOR_SLOT, HMD_MANIFEST_INCOMPLETE, HMD_MANIFEST_MALFORMED. */
enum hmd_reason hmd_suit_evaluate(const struct hmd_suit *s, const struct hmd_identity *id,
                                  const struct hmd_rules *rules, unsigned slot,
                                  struct hmd_manifest *out);

/* Runs one sequence; run->section says which. */
enum hmd_reason hmd_suit_run(struct hmd_run *run, struct hmd_bytes sequence);

#endif
