/* The manifest of one release (docs/formats/manifest.md): built deterministically from a
 * description, and read back into a description for people. The device has a parser of its own. */
#ifndef SCHEMA_SUIT_HM_SUIT_H
#define SCHEMA_SUIT_HM_SUIT_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

struct hm_suit_image {
    struct hm_digest digest;
    uint64_t size;
    char uri[HM_URI_MAX + 1];
    int slot; /* -1: one image for whichever slot is inactive; else 0 or 1, in any order */
};

struct hm_suit_release {
    uint64_t sequence;
    struct hm_uuid vendor;
    struct hm_uuid classes[HM_CLASSES_MAX];
    size_t class_count;
    struct hm_suit_image images[HM_ARTIFACTS_MAX];
    size_t image_count;      /* 1, or one per slot */
    uint64_t use_before;     /* Unix seconds, 0 = none */
    uint64_t rollback_floor; /* 0 = none */
    uint32_t at_least[4];    /* installed version, see at_least_count */
    size_t at_least_count;   /* 0 = no condition */
};

/* Appends the manifest (not the envelope). The same description always gives the same bytes.
 * HM_E_MALFORMED for a description that the profile cannot express, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_suit_build(const struct hm_suit_release *r, struct hm_buf *out,
                                      struct hm_why *why);
/* The reverse, strict: reads a manifest of this profile, then builds it again and demands the same
 * bytes. So whatever it returns says everything that the manifest says. HM_E_MALFORMED otherwise.
 */
enum hm_err HM_MUST_USE hm_suit_describe(struct hm_bytes manifest, struct hm_suit_release *out,
                                         struct hm_why *why);

#endif
