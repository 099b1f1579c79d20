/* Why a request was answered with anything but success: stable names (docs/formats/http.md), their
 * HTTP status and the titles that people read. The name is also the `outcome` of refusal records.
 */
#ifndef SERVER_REGISTRAR_REG_PROBLEM_H
#define SERVER_REGISTRAR_REG_PROBLEM_H

#include "schema/core/hm_bytes.h"

enum reg_problem {
    REG_PROBLEM_NONE = 0,
    REG_PROBLEM_MALFORMED,
    REG_PROBLEM_UNAUTHENTICATED,
    REG_PROBLEM_FORBIDDEN,
    REG_PROBLEM_POLICY,
    REG_PROBLEM_SIGNATURE,
    REG_PROBLEM_NOT_FOUND,
    REG_PROBLEM_IN_FLIGHT,
    REG_PROBLEM_CONFLICT,
    REG_PROBLEM_STATE,
    REG_PROBLEM_SUPERSEDED,
    REG_PROBLEM_PRECONDITION,
    REG_PROBLEM_TOO_LARGE,
    REG_PROBLEM_IDEMPOTENCY,
    REG_PROBLEM_DIGEST,
    REG_PROBLEM_EXPIRED,
    REG_PROBLEM_INTERNAL,
    REG_PROBLEM_UNAVAILABLE,
    REG_PROBLEM_DISK_FULL,
};
struct reg_problem_info {
    const char *name;
    unsigned status;
    const char *title;
    unsigned retry_after_s; /* 0: none */
};
const struct reg_problem_info *reg_problem_info(enum reg_problem p);
/* The problem for an internal error. */
enum reg_problem reg_problem_of_err(enum hm_err err);

#endif
