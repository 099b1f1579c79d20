/* A set of root keys with its threshold in JSON: {"keys": [key object...], "threshold": n}. Guards,
 * genesis and the configurations of programs hold one. Values, no ownership. Thread: any. */
#ifndef SCHEMA_TRUST_HM_ROOT_H
#define SCHEMA_TRUST_HM_ROOT_H

#include "schema/json/hm_json.h"
#include "schema/trust/hm_guards.h"

/* 1..HM_ROOT_KEYS_MAX distinct keys without FIDO application, threshold 1..count. HM_E_MALFORMED.
 */
enum hm_err HM_MUST_USE hm_root_check(const struct hm_root *r, struct hm_why *why);
bool hm_root_has(const struct hm_root *r, const struct hm_key *k);

enum hm_err HM_MUST_USE hm_root_read(const json_t *v, const char *path, struct hm_root *out,
                                     struct hm_why *why);
json_t *hm_root_write(const struct hm_root *r); /* new reference, NULL without memory */

#endif
