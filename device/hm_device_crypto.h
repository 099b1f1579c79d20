/* The first of the three tables that a port fills in: hashing and signature verification. The core
 * has no crypto of its own. Also the byte slice that every interface of the device uses. */
#ifndef DEVICE_HM_DEVICE_CRYPTO_H
#define DEVICE_HM_DEVICE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/core/hm_wire.h"

#define HMD_DIGEST_LEN 32 /* SHA-256 */
#define HMD_ID_LEN 16     /* vendor and class ids: UUIDs, RFC 9562 */
#define HMD_SIG_LEN 64    /* the only signature length: r||s on P-256, or Ed25519 */
#define HMD_P256_LEN 65   /* uncompressed point */
#define HMD_ED25519_LEN 32

/* Borrowed bytes: whoever holds a slice keeps what it points into alive and unchanged. */
struct hmd_bytes {
    const uint8_t *p;
    size_t len;
};

/* Storage for one running hash, owned by the caller of the table and opaque to the core. An adapter
 * whose context is larger does not compile (it asserts the size). */
struct hmd_sha256 {
    uint64_t opaque[16];
};

/* What `verify` answers. Anything but HMD_SIG_VALID is a refusal. */
enum hmd_sig {
    HMD_SIG_BAD = 0,
    HMD_SIG_UNSUPPORTED = 1, /* this adapter does not know the algorithm */
    HMD_SIG_VALID = 0x3c5ac3a5,
};

/* Crypto functions; all must be set. ctx is handed back untouched and may be NULL. The hash
 * functions return false only on a fault of the engine, and leave nothing to release: a hash that
 * was started may be abandoned. */
struct hmd_crypto {
    void *ctx;
    bool (*sha256_start)(void *ctx, struct hmd_sha256 *h);
    bool (*sha256_update)(void *ctx, struct hmd_sha256 *h, const uint8_t *data, size_t len);
    bool (*sha256_finish)(void *ctx, struct hmd_sha256 *h, uint8_t out[HMD_DIGEST_LEN]);
    /* Verifies sig over msg (the adapter hashes it where the algorithm asks for that).
     * alg: HM_COSE_ESP256 (and HM_COSE_ES256, the same curve and hash) with pub a 65-byte
     * uncompressed point and sig r||s of exactly 64 bytes (RFC 9053 2.1); HM_COSE_ED25519 with 32
     * and 64 bytes (RFC 8032). Every other length is HMD_SIG_BAD. */
    enum hmd_sig (*verify)(void *ctx, int alg, struct hmd_bytes pub, struct hmd_bytes msg,
                           struct hmd_bytes sig);
};

#endif
