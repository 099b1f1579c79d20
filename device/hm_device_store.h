/* The trust store: which keys a device believes (docs/formats/trust-store.md). Opened in place: the
 * struct only points into the caller's bytes and looks things up there. */
#ifndef DEVICE_HM_DEVICE_STORE_H
#define DEVICE_HM_DEVICE_STORE_H

#include "device/hm_device_crypto.h"
#include "device/hm_device_reason.h"

#define HMD_STORE_MAX ((size_t)64 * 1024) /* bytes */
#define HMD_ORIGIN_MAX 128                /* bytes */
#define HMD_WITNESSES_MAX 8

/* An opened store. All slices borrow the bytes given to hmd_store_open; those of arrays hold the
 * encoded elements after the array header. */
struct hmd_store {
    uint64_t epoch;        /* from 1 */
    uint64_t issued_s;     /* Unix seconds */
    const uint8_t *vendor; /* HMD_ID_LEN bytes */
    struct hmd_bytes root_kids;
    uint64_t root_count;
    uint64_t root_threshold;
    struct hmd_bytes rules;
    uint64_t rule_count;
    struct hmd_bytes keys;
    uint64_t key_count;
    struct hmd_bytes revoked;
    uint64_t revoked_count;
    struct hmd_bytes origin;
    const uint8_t *log_key; /* HMD_ED25519_LEN bytes */
    struct hmd_bytes witnesses;
    uint64_t witness_count; /* at most HMD_WITNESSES_MAX */
    uint64_t quorum;        /* 0 exactly where there is no witness: say so to people */
    struct hmd_bytes floors;
    uint64_t floor_count;
};

struct hmd_key {
    int alg;            /* HM_COSE_ESP256 or HM_COSE_ED25519 */
    const uint8_t *kid; /* HM_KID_LEN bytes */
    struct hmd_bytes pub;
    uint64_t not_before_s;
    uint64_t not_after_s; /* 0: no end */
};

/* Key ids of root keys that somebody knows by another way, count entries of HM_KID_LEN bytes,
 * borrowed; and how many of them must have signed, even where a store asks for fewer (0: only as
 * many as the store asks for, so that one pinned key can make a store that asks for one). */
struct hmd_pins {
    const uint8_t *kids;
    size_t count;
    uint64_t threshold;
};

/* Parses `bytes` strictly (deterministic CBOR, all members, thresholds, one role per key, each kid
 * recomputed from its key) and verifies that the store's own root threshold signed it. With pins,
 * only signatures of pinned root keys count, and pins->threshold of them are needed at least; pins
 * may be NULL (provisioning over a trusted path).
 * On success *out borrows `bytes`; otherwise *out is untouched.
 * Reasons: HMD_STORE_TOO_LARGE, HMD_STORE_MALFORMED, HMD_STORE_INCONSISTENT, HMD_DIGEST_MISMATCH,
 * HMD_UNSIGNED, HMD_ROOT_NOT_PINNED, the HMD_KEY_* and HMD_SIGNATURE_* ones, HMD_THRESHOLD,
 * HMD_CRYPTO_FAILED. */
HMD_MUST_USE enum hmd_reason hmd_store_open(const struct hmd_crypto *crypto, struct hmd_bytes bytes,
                                            const struct hmd_pins *pins, struct hmd_store *out);

/* Finds the key with this kid. False, *out untouched, where the store has none. */
HMD_MUST_USE bool hmd_store_key(const struct hmd_store *store, const uint8_t kid[HM_KID_LEN],
                                struct hmd_key *out);

/* Whether the store lists kid as revoked. */
bool hmd_store_revoked(const struct hmd_store *store, const uint8_t kid[HM_KID_LEN]);

/* The release rule of a class: its kids (encoded elements), their number and the threshold.
 * False where no rule lists the class. */
HMD_MUST_USE bool hmd_store_rule(const struct hmd_store *store, const uint8_t class_id[HMD_ID_LEN],
                                 struct hmd_bytes *kids, uint64_t *count, uint64_t *threshold);

/* Lowest acceptable sequence number of a class (member 10); 0 where the store names none. */
uint64_t hmd_store_floor(const struct hmd_store *store, const uint8_t class_id[HMD_ID_LEN]);

/* Witness `index` of the store (name borrowed from it), for people. False at the end. */
HMD_MUST_USE bool hmd_store_witness(const struct hmd_store *store, uint64_t index,
                                    struct hmd_bytes *name);

/* Key id of a public key: first HM_KID_LEN bytes of SHA-256(DER SubjectPublicKeyInfo).
 * alg HM_COSE_ESP256 or HM_COSE_ED25519 with the matching length, else HMD_ALGORITHM_UNSUPPORTED.
 */
HMD_MUST_USE enum hmd_reason hmd_key_id(const struct hmd_crypto *crypto, int alg,
                                        struct hmd_bytes pub, uint8_t out[HM_KID_LEN]);

#endif
