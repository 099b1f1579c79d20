/* SHA-256, the one hash of the log, the manifest and key identities. Pure. */
#ifndef SCHEMA_CORE_HM_HASH_H
#define SCHEMA_CORE_HM_HASH_H

#include "schema/core/hm_bytes.h"

#define HM_SHA256_LEN 32
#define HM_SHA256_HEX 65 /* hex digits and NUL */

struct hm_digest {
    uint8_t b[HM_SHA256_LEN];
};

/* One-shot; aborts the process if libcrypto cannot hash (it cannot be meaningfully handled). */
struct hm_digest hm_sha256(struct hm_bytes data);
/* SHA-256(a || b || c); unused ones have len 0. */
struct hm_digest hm_sha256_3(struct hm_bytes a, struct hm_bytes b, struct hm_bytes c);
bool hm_digest_eq(const struct hm_digest *a, const struct hm_digest *b);
void hm_digest_hex(const struct hm_digest *d, char out[static HM_SHA256_HEX]);
enum hm_err HM_MUST_USE hm_digest_unhex(struct hm_bytes hex, struct hm_digest *out);

/* Streaming. */
struct hm_sha256_ctx;
struct hm_sha256_ctx *hm_sha256_new(void); /* never NULL: aborts when out of memory */
void hm_sha256_add(struct hm_sha256_ctx *c, const void *data, size_t len);
struct hm_digest
hm_sha256_end(struct hm_sha256_ctx *c); /* also makes it ready for the next message */
void hm_sha256_free(struct hm_sha256_ctx *c);

/* Version-5 UUID (RFC 9562 §5.5) in a name space; DNS name space below. */
struct hm_uuid {
    uint8_t b[16];
};
extern const struct hm_uuid HM_UUID_DNS;
struct hm_uuid hm_uuid5(const struct hm_uuid *space, const char *name);
/* Vendor id = UUIDv5(DNS, domain); class id = UUIDv5(vendor, product/model/revision/region). */
struct hm_uuid hm_vendor_id(const char *domain);
struct hm_uuid hm_class_id(const struct hm_uuid *vendor, const char *product, const char *model,
                           const char *revision, const char *region);

#endif
