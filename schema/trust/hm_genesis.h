/* Genesis document (docs/formats/guards.md): what record 0 stands on. */
#ifndef SCHEMA_TRUST_HM_GENESIS_H
#define SCHEMA_TRUST_HM_GENESIS_H

#include "schema/trust/hm_guards.h"

#define HM_TRUST_STORES_MAX 8
struct hm_genesis {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey log_key;
    struct hm_root root;
    struct hm_digest guards; /* SHA-256 of the guards document */
    struct hm_digest policy;
    struct {
        char environment[HM_NAME_MAX + 1];
        struct hm_digest sha256;
    } trust_stores[HM_TRUST_STORES_MAX];
    size_t trust_store_count;
};
enum hm_err HM_MUST_USE hm_genesis_open(struct hm_bytes document, const struct hm_root *trusted,
                                        struct hm_genesis *out, struct hm_why *why);
enum hm_err HM_MUST_USE hm_genesis_payload(const struct hm_genesis *g, struct hm_buf *out,
                                           struct hm_why *why);

#endif
