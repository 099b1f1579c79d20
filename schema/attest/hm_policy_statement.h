/* Statements about a change of the policy (docs/formats/approval-statement.md): a proposal of a new
 * document, and an administrator's approval of a recorded proposal. Pure; any thread. */
#ifndef SCHEMA_ATTEST_HM_POLICY_STATEMENT_H
#define SCHEMA_ATTEST_HM_POLICY_STATEMENT_H

#include "schema/core/hm_bytes.h"
#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

struct hm_policy_proposal {
    char origin[HM_ORIGIN_MAX + 1];
    struct hm_digest policy;   /* SHA-256 of the new document's bytes */
    struct hm_digest in_force; /* of the document that it shall replace */
    int64_t expires_s;
    char reason[HM_REASON_MAX + 1];
};
enum hm_err HM_MUST_USE hm_policy_proposal_write(const struct hm_policy_proposal *p,
                                                 struct hm_buf *out, struct hm_why *why);
enum hm_err HM_MUST_USE hm_policy_proposal_parse(struct hm_bytes text,
                                                 struct hm_policy_proposal *out,
                                                 struct hm_why *why);

/* What an administrator signs. Everything in it follows from the proposal's record, so whoever
 * checks one writes it again and compares the bytes. */
struct hm_policy_approval {
    const char *origin;
    uint64_t proposal;              /* index of the policy.proposed record */
    const struct hm_digest *leaf;   /* its leaf hash */
    const struct hm_digest *policy; /* the new document */
    const struct hm_digest *in_force;
    int64_t expires_s;
};
enum hm_err HM_MUST_USE hm_policy_approval_write(const struct hm_policy_approval *a,
                                                 struct hm_buf *out, struct hm_why *why);

#endif
