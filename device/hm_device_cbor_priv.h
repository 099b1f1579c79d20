/* Strict CBOR reader (RFC 8949 4.2.1, deterministic encoding): shortest heads, definite lengths,
 * ascending map keys, bounded depth. Reads in place; a function that returns false leaves its
 * outputs untouched and the reader unusable. */
#ifndef DEVICE_HM_DEVICE_CBOR_PRIV_H
#define DEVICE_HM_DEVICE_CBOR_PRIV_H

#include "device/hm_device_crypto.h"

#define HMD_CBOR_DEPTH_MAX 8 /* nested arrays, maps and tags inside one skipped item */

enum hmd_cbor_major {
    HMD_CBOR_UINT = 0,
    HMD_CBOR_NINT = 1,
    HMD_CBOR_BSTR = 2,
    HMD_CBOR_TSTR = 3,
    HMD_CBOR_ARRAY = 4,
    HMD_CBOR_MAP = 5,
    HMD_CBOR_TAG = 6,
    HMD_CBOR_SIMPLE = 7,
};

struct hmd_cbor {
    const uint8_t *p;
    size_t len;
    size_t pos;
};

static inline struct hmd_cbor hmd_cbor_over(struct hmd_bytes b)
{
    return (struct hmd_cbor){b.p, b.len, 0};
}

static inline bool hmd_cbor_done(const struct hmd_cbor *r)
{
    return r->pos == r->len;
}

bool hmd_cbor_head(struct hmd_cbor *r, unsigned *major, uint64_t *value);
/* Major type of the next item without consuming it. */
bool hmd_cbor_peek(const struct hmd_cbor *r, unsigned *major);
bool hmd_cbor_uint(struct hmd_cbor *r, uint64_t *value);
bool hmd_cbor_int(struct hmd_cbor *r, int64_t *value); /* either sign, within int64_t */
bool hmd_cbor_bstr(struct hmd_cbor *r, struct hmd_bytes *out);
bool hmd_cbor_tstr(struct hmd_cbor *r, struct hmd_bytes *out);            /* valid UTF-8 only */
bool hmd_cbor_fixed(struct hmd_cbor *r, size_t len, const uint8_t **out); /* bstr of this length */
bool hmd_cbor_array(struct hmd_cbor *r, uint64_t *count);
bool hmd_cbor_map(struct hmd_cbor *r, uint64_t *pairs);
/* The next map key must be exactly this unsigned number. */
bool hmd_cbor_key(struct hmd_cbor *r, uint64_t key);
/* Skips one well-formed deterministic item; its encoding is returned in *out. */
bool hmd_cbor_skip(struct hmd_cbor *r, struct hmd_bytes *out);
/* [-16, bstr .size 32] that fills the whole slice (SUIT_Digest). */
bool hmd_cbor_digest(struct hmd_bytes encoded, const uint8_t **digest);
/* The same as the next item of a reader. */
bool hmd_cbor_read_digest(struct hmd_cbor *r, const uint8_t **digest);

#endif
