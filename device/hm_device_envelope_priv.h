/* Check 1 and the signature half of check 2: the signed envelope that SUIT manifests (tag 107) and
 * trust stores (untagged) share. The content stays an opaque byte string until its signatures hold.
 */
#ifndef DEVICE_HM_DEVICE_ENVELOPE_PRIV_H
#define DEVICE_HM_DEVICE_ENVELOPE_PRIV_H

#include "device/hm_device_cbor_priv.h"
#include "device/hm_device_reason.h"
#include "device/hm_device_store.h"

enum hmd_clothes {
    HMD_CLOTHES_STORE,    /* untagged, members 2 and 3 */
    HMD_CLOTHES_MANIFEST, /* tag 107, members 2 and 3 */
    HMD_CLOTHES_VECTOR,   /* tag 107, severed members after them */
};

/* All slices borrow the envelope's bytes. */
struct hmd_envelope {
    struct hmd_bytes digest_item; /* 82 2f 58 20 digest: what the signatures cover */
    const uint8_t *digest;
    uint64_t signature_count;
    struct hmd_bytes signatures;   /* bstr(COSE_Sign1) items */
    struct hmd_bytes content;      /* inside the bstr */
    struct hmd_bytes content_bstr; /* with its header: what the digest covers */
    struct hmd_bytes severed;      /* key, bstr pairs */
    uint64_t severed_count;
};

/* One COSE_Sign1 with a nil payload. */
struct hmd_signature {
    int alg;
    struct hmd_bytes protected_header;
    const uint8_t *kid; /* HM_KID_LEN bytes, or NULL: empty unprotected header */
    struct hmd_bytes sig;
};

/* Parses and compares the digest. Reasons: HMD_ENVELOPE_MALFORMED, HMD_SEVERED_UNSUPPORTED,
 * HMD_DIGEST_MISMATCH, HMD_UNSIGNED, HMD_CRYPTO_FAILED. */
enum hmd_reason hmd_envelope_open(const struct hmd_crypto *crypto, struct hmd_bytes bytes,
                                  enum hmd_clothes clothes, struct hmd_envelope *out);

/* Next signature of a reader over env->signatures. */
bool hmd_envelope_next(struct hmd_cbor *r, struct hmd_signature *out);

/* Verifies one signature. Reasons: HMD_ALGORITHM_UNSUPPORTED, HMD_SIGNATURE_LENGTH,
 * HMD_SIGNATURE_INVALID. */
enum hmd_reason hmd_envelope_verify(const struct hmd_crypto *crypto, const struct hmd_envelope *env,
                                    const struct hmd_signature *s, struct hmd_bytes pub);

/* Which keys count, and how many must. */
struct hmd_quorum {
    const struct hmd_store *store;
    struct hmd_bytes kids; /* encoded bstr elements */
    uint64_t kid_count;
    uint64_t threshold;
    const struct hmd_pins *pins; /* NULL: no further restriction */
};

/* Counts distinct allowed, unrevoked keys with a verified signature. Signatures by keys that are
 * not allowed are passed over; a wrong one by an allowed key refuses the whole. signers (cap
 * entries) may be NULL. */
enum hmd_reason hmd_envelope_authenticate(const struct hmd_crypto *crypto,
                                          const struct hmd_envelope *env,
                                          const struct hmd_quorum *quorum,
                                          uint8_t (*signers)[HM_KID_LEN], unsigned *signer_count);

/* Whether kid is among count encoded bstr elements. */
bool hmd_kid_listed(struct hmd_bytes kids, uint64_t count, const uint8_t *kid);

/* One-shot SHA-256 over a and then b. */
bool hmd_sha256(const struct hmd_crypto *crypto, struct hmd_bytes a, struct hmd_bytes b,
                uint8_t out[HMD_DIGEST_LEN]);

#endif
