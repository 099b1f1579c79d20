/* What reader and writer of release requests share. */
#ifndef SCHEMA_ATTEST_HM_REQUEST_PRIV_H
#define SCHEMA_ATTEST_HM_REQUEST_PRIV_H

#include "schema/attest/hm_request.h"

#define HM_REQUEST_TYPE "release-request/v1"
#define HM_REQUEST_UINT_MAX HM_NUMBER_MAX

/* Rules between members: unique lists, slots all or none, classes within their limit.
 * HM_E_MALFORMED, HM_E_LIMIT. */
enum hm_err HM_MUST_USE hm_request_check(const struct hm_request *r, struct hm_why *why);

#endif
