/* The root's statement that a policy replaces the one in force (docs/formats/guards.md): for
 * policies without an administration, and where its people are gone. Values. Thread: any. */
#ifndef SCHEMA_TRUST_HM_POLICY_ROOT_H
#define SCHEMA_TRUST_HM_POLICY_ROOT_H

#include "schema/trust/hm_guards.h"

struct hm_policy_root {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey log_key;
    struct hm_root root;
    struct hm_digest policy;   /* SHA-256 of the new document */
    struct hm_digest in_force; /* of the one that it replaces */
    uint64_t record; /* the policy.activated record of that one: a statement serves once */
};
/* As hm_guards_open(). */
enum hm_err HM_MUST_USE hm_policy_root_open(struct hm_bytes document, const struct hm_root *trusted,
                                            struct hm_policy_root *out, struct hm_why *why);
/* The payload (canonical JSON), for the ceremony. */
enum hm_err HM_MUST_USE hm_policy_root_payload(const struct hm_policy_root *p, struct hm_buf *out,
                                               struct hm_why *why);

#endif
