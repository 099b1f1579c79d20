/* The part of DSSE parsing that signed documents share. */
#ifndef SCHEMA_ATTEST_HM_DSSE_PRIV_H
#define SCHEMA_ATTEST_HM_DSSE_PRIV_H

#include "schema/attest/hm_dsse.h"
#include "schema/json/hm_json.h"

/* From a parsed envelope; max: limit of the decoded payload. Caller hm_dsse_free()s. */
enum hm_err HM_MUST_USE hm_dsse_from_json(const json_t *envelope, size_t max, struct hm_dsse *out,
                                          struct hm_why *why);

#endif
