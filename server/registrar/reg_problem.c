#include "server/registrar/reg_problem.h"

static const struct reg_problem_info table[] = {
    [REG_PROBLEM_NONE] = {"none", 200, "", 0},
    [REG_PROBLEM_MALFORMED] = {"malformed", 400, "The request is not well-formed", 0},
    [REG_PROBLEM_UNAUTHENTICATED] = {"unauthenticated", 401,
                                     "The client certificate names nobody in the policy", 0},
    [REG_PROBLEM_FORBIDDEN] = {"forbidden", 403, "The policy does not give this role", 0},
    [REG_PROBLEM_POLICY] = {"policy", 403, "The policy refuses this", 0},
    [REG_PROBLEM_SIGNATURE] = {"signature", 403, "The signature is not acceptable", 0},
    [REG_PROBLEM_NOT_FOUND] = {"not-found", 404, "There is no such thing", 0},
    [REG_PROBLEM_IN_FLIGHT] = {"in-flight", 409, "The same Idempotency-Key is being worked on", 1},
    [REG_PROBLEM_CONFLICT] = {"conflict", 409, "This clashes with what exists already", 0},
    [REG_PROBLEM_STATE] = {"state", 409, "The release is not in a state that allows this", 0},
    [REG_PROBLEM_SUPERSEDED] = {"superseded", 409, "A later release was signed for this hardware",
                                0},
    [REG_PROBLEM_PRECONDITION] = {"precondition-failed", 412, "The release has changed", 0},
    [REG_PROBLEM_TOO_LARGE] = {"too-large", 413, "The request exceeds a limit", 0},
    [REG_PROBLEM_IDEMPOTENCY] = {"idempotency-mismatch", 422,
                                 "The Idempotency-Key was used for another body", 0},
    [REG_PROBLEM_DIGEST] = {"digest-mismatch", 422, "The bytes do not match their digest", 0},
    [REG_PROBLEM_EXPIRED] = {"expired", 410, "The time for this has passed", 0},
    [REG_PROBLEM_INTERNAL] = {"internal", 500, "Hallmark failed", 0},
    [REG_PROBLEM_UNAVAILABLE] = {"unavailable", 503, "A part of Hallmark is not available", 2},
    [REG_PROBLEM_DISK_FULL] = {"disk-full", 507, "No space left for the log", 30},
};

const struct reg_problem_info *reg_problem_info(enum reg_problem p)
{
    /* Stored answers name theirs by number. */
    return &table[(size_t)p < sizeof table / sizeof table[0] ? p : REG_PROBLEM_INTERNAL];
}

enum reg_problem reg_problem_of_err(enum hm_err err)
{
    switch (err) {
    case HM_OK:
        return REG_PROBLEM_NONE;
    case HM_E_MALFORMED:
    case HM_E_UNSUPPORTED:
        return REG_PROBLEM_MALFORMED;
    case HM_E_LIMIT:
        return REG_PROBLEM_TOO_LARGE;
    case HM_E_SIGNATURE:
    case HM_E_DENIED:
        return REG_PROBLEM_SIGNATURE;
    case HM_E_NOT_FOUND:
        return REG_PROBLEM_NOT_FOUND;
    case HM_E_CONFLICT:
        return REG_PROBLEM_CONFLICT;
    case HM_E_STATE:
        return REG_PROBLEM_STATE;
    case HM_E_EXPIRED:
        return REG_PROBLEM_EXPIRED;
    case HM_E_FULL:
        return REG_PROBLEM_DISK_FULL;
    case HM_E_UNAVAILABLE:
    case HM_E_TIMEOUT:
    case HM_E_TOKEN:
    case HM_E_PIN:
    case HM_E_IO:
    case HM_E_HISTORY:
        return REG_PROBLEM_UNAVAILABLE;
    case HM_E_MEMORY:
    case HM_E_CONFIG:
    case HM_E_INTERNAL:
        return REG_PROBLEM_INTERNAL;
    }
    return REG_PROBLEM_INTERNAL;
}
