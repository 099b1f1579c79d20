/* What guards and genesis share: the root in JSON, and opening a root-signed JSON document. */
#ifndef SCHEMA_TRUST_HM_ROOT_PRIV_H
#define SCHEMA_TRUST_HM_ROOT_PRIV_H

#include "schema/json/hm_json_canon.h"
#include "schema/trust/hm_guards.h"
#include "schema/trust/hm_root.h"

json_t *hm_vkey_json(const struct hm_vkey *v); /* new reference, NULL without memory */

/* Verifies the document with the trusted root, then demands a canonical payload and parses it.
 * Nothing of the payload is looked at before its signatures hold. HM_E_SIGNATURE, HM_E_MALFORMED,
 * HM_E_LIMIT. Caller json_decref()s *out. */
enum hm_err HM_MUST_USE hm_root_open_json(struct hm_bytes document, const struct hm_root *trusted,
                                          json_t **out, struct hm_why *why);

/* The members that guards and genesis begin with. */
struct hm_root_head {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_vkey log_key;
    struct hm_root root;
};
/* Reads type, origin, log_key and root; the log key's name must be the origin, its key none of the
 * root. Errors latch in the reader. */
void hm_root_head_read(struct hm_json_in *in, const char *type, struct hm_root_head *out);

#endif
