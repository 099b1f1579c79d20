/* A proposed policy, read back from the log: its record, and what administrators sign about it. */
#ifndef SERVER_REGISTRAR_REG_POLICY_PROPOSAL_H
#define SERVER_REGISTRAR_REG_POLICY_PROPOSAL_H

#include "server/registrar/reg_change.h"

#define REG_PROPOSAL_AHEAD_S 7776000 /* a proposal may expire at most 90 days ahead */

struct reg_proposal {
    uint64_t idx;
    struct hm_record record; /* policy.proposed: evidence 0 the signed proposal, 1 the document */
    struct hm_digest leaf;
    struct hm_buf statement; /* the exact bytes of an approval's payload */
};
/* HM_E_NOT_FOUND: no proposal. Caller reg_proposal_free()s, also after an error. */
enum hm_err HM_MUST_USE reg_proposal_read(struct reg_conn *c, uint64_t idx,
                                          struct reg_proposal *out, struct hm_why *why);
void reg_proposal_free(struct reg_proposal *p);
#define REG_PROPOSAL_AUTO __attribute__((cleanup(reg_proposal_free))) struct reg_proposal

/* On the sequencer: why nothing can be done with the proposal any more, or NONE. examined: the
 * policy under which the evidence was verified. */
enum reg_problem reg_proposal_obstacle(const struct reg_tx *tx, const struct reg_proposal *p,
                                       const struct policy *examined, const char **detail);

/* The approvals that count: signed with an approval key of a member of the administration's group
 * of `policy`, over this statement, each person once. documents: their exact bytes, owned. */
struct reg_quorum {
    struct hm_buf documents[POLICY_ADMIN_COUNT_MAX];
    size_t count;
};
enum hm_err HM_MUST_USE reg_quorum_read(struct reg_conn *c, const struct reg_proposal *p,
                                        const struct policy *policy, struct reg_quorum *out,
                                        struct hm_why *why);
void reg_quorum_free(struct reg_quorum *q);

#endif
