/* Witnesses that the policy names: whoever cosigns checkpoints of the log (docs/formats/policy.md,
 * docs/formats/witness.md). Thread: as policy.h. */
#ifndef POLICY_POLICY_WITNESS_H
#define POLICY_POLICY_WITNESS_H

#include "policy/policy.h"
#include "schema/log/hm_cosignature.h"

#define POLICY_WITNESS_TIMEOUT_MAX_S 600
#define POLICY_WITNESS_TIMEOUT_DEFAULT_S 20

struct policy_witnesses {
    struct hm_cosigners known;
    size_t quorum;     /* at least 1, at most known.count: so many distinct ones make a checkpoint
                          cosigned */
    int64_t timeout_s; /* how long an answer waits for them */
};
/* NULL: none; then nothing waits for witnesses. */
const struct policy_witnesses *policy_witnesses(const struct policy *p);

#endif
