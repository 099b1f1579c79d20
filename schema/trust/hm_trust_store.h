/* The trust store (docs/formats/trust-store.md): which keys a device believes. The device has a
 * parser of its own. */
#ifndef SCHEMA_TRUST_HM_TRUST_STORE_H
#define SCHEMA_TRUST_HM_TRUST_STORE_H

#include "schema/trust/hm_guards.h"

#define HM_TS_KEYS_MAX 32
#define HM_TS_RULES_MAX 64
#define HM_TS_CLASSES_MAX 1024 /* in all rules together */
#define HM_TS_WITNESSES_MAX HM_WITNESSES_MAX

struct hm_ts_key {
    struct hm_key key;
    uint64_t not_before_s;
    uint64_t not_after_s; /* 0 = no end */
};
struct hm_ts_rule {
    size_t class_first, class_count; /* range of struct hm_trust_store.classes */
    uint8_t kids[HM_TS_KEYS_MAX][HM_KID_LEN];
    size_t kid_count;
    size_t threshold;
};
struct hm_trust_store {
    uint64_t epoch;
    struct hm_uuid vendor;
    uint64_t issued_s;
    uint8_t root_kids[HM_ROOT_KEYS_MAX][HM_KID_LEN];
    size_t root_count;
    size_t root_threshold;
    struct hm_uuid classes[HM_TS_CLASSES_MAX];
    size_t class_count;
    struct hm_ts_rule rules[HM_TS_RULES_MAX];
    size_t rule_count;
    struct hm_ts_key keys[HM_TS_KEYS_MAX];
    size_t key_count;
    uint8_t revoked[HM_TS_KEYS_MAX][HM_KID_LEN];
    size_t revoked_count;
    struct hm_vkey log_key; /* name = origin */
    struct {
        char name[HM_ORIGIN_MAX + 1];
        uint8_t key[32];
    } witnesses[HM_TS_WITNESSES_MAX];
    size_t witness_count;
    size_t witness_quorum;
    struct {
        struct hm_uuid class_id;
        uint64_t sequence;
    } floors[HM_TS_CLASSES_MAX];
    size_t floor_count;
};
/* Payload bytes (deterministic CBOR). HM_E_MALFORMED for a store that the format forbids. */
enum hm_err HM_MUST_USE hm_trust_store_payload(const struct hm_trust_store *t, struct hm_buf *out,
                                               struct hm_why *why);
/* Parses the root-signed document and verifies it with its own root threshold; the caller compares
 * the root with what it trusts (hm_trust_store_root). Strict; HM_E_MALFORMED, HM_E_SIGNATURE. The
 * struct is large: allocate it. */
enum hm_err HM_MUST_USE hm_trust_store_open(struct hm_bytes document, struct hm_trust_store *out,
                                            struct hm_why *why);
void hm_trust_store_root(const struct hm_trust_store *t, struct hm_root *out);

#endif
