/* RFC 3339 UTC times with whole seconds ("2026-11-21T01:02:03Z"). Reads no clock. */
#ifndef SCHEMA_CORE_HM_TIME_H
#define SCHEMA_CORE_HM_TIME_H

#include "schema/core/hm_bytes.h"

#define HM_TIME_TEXT 21 /* with NUL */

/* Unix seconds 0..253402300799 (year 9999). */
void hm_time_format(int64_t unix_s, char out[static HM_TIME_TEXT]);
/* Exactly the form above. HM_E_MALFORMED otherwise. */
enum hm_err HM_MUST_USE hm_time_parse(struct hm_bytes text, int64_t *unix_s);

#endif
