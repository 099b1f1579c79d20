/* Inside of the trust store: readers of its elements, and the rules that its members must obey
 * together. */
#ifndef DEVICE_HM_DEVICE_STORE_PRIV_H
#define DEVICE_HM_DEVICE_STORE_PRIV_H

#include "device/hm_device_cbor_priv.h"
#include "device/hm_device_store.h"

struct hmd_store_rule {
    struct hmd_bytes classes;
    uint64_t class_count;
    struct hmd_bytes kids;
    uint64_t kid_count;
    uint64_t threshold;
};

struct hmd_witness {
    struct hmd_bytes name;
    const uint8_t *key; /* HMD_ED25519_LEN bytes */
};

/* Each reads one array element; false at the end or where it is malformed. */
bool hmd_store_read_key(struct hmd_cbor *r, struct hmd_key *out);
bool hmd_store_read_rule(struct hmd_cbor *r, struct hmd_store_rule *out);
bool hmd_store_read_witness(struct hmd_cbor *r, struct hmd_witness *out);
bool hmd_store_read_floor(struct hmd_cbor *r, const uint8_t **class_id, uint64_t *sequence);

/* Reasons: HMD_STORE_MALFORMED (an element), HMD_STORE_INCONSISTENT, HMD_CRYPTO_FAILED. */
enum hmd_reason hmd_store_check(const struct hmd_crypto *crypto, const struct hmd_store *s);

#endif
