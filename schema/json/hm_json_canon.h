/* Canonical JSON (RFC 8785) without floats: writing, and strict checking of bytes that claim to be
 * canonical. */
#ifndef SCHEMA_JSON_HM_JSON_CANON_H
#define SCHEMA_JSON_HM_JSON_CANON_H

#include "schema/json/hm_json.h"

/* Appends the canonical form: members sorted by UTF-16 code units, no white space, escapes as RFC
 * 8785 §3.2.2.2 (\u001f lower case), integers within +-(2^53-1). A float is HM_E_UNSUPPORTED. */
enum hm_err HM_MUST_USE hm_json_canon(const json_t *v, struct hm_buf *out, struct hm_why *why);
/* Appends one string as canonical JSON with quotes; text must be UTF-8. */
void hm_json_canon_str(struct hm_buf *out, struct hm_bytes text);
/* HM_OK if text is exactly the canonical form of an object in the record profile (strings,
 * booleans, integers 0..2^53-1, arrays, objects; ASCII member names; no null, no floats).
 * Allocation-free scanner. */
enum hm_err HM_MUST_USE hm_json_canon_check(struct hm_bytes text, unsigned depth_max,
                                            struct hm_why *why);

#endif
