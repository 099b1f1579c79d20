/* What writer and reader of approval statements share. */
#ifndef SCHEMA_ATTEST_HM_APPROVAL_PRIV_H
#define SCHEMA_ATTEST_HM_APPROVAL_PRIV_H

#include "schema/attest/hm_approval.h"

#define HM_APPROVAL_TYPE "release-approval/v1"
#define HM_APPROVAL_UINT_MAX HM_NUMBER_MAX
#define HM_MECHANISM_MAX 15

bool hm_approval_commit_ok(const char *text);    /* 40 or 64 hex digits */
bool hm_approval_mechanism_ok(const char *text); /* a short name */

#endif
