/* The facts that a decision is made from, gathered in one place: what the release's evidence
 * proves, and what the log knows about releases before it. On the sequencer, inside its
 * transaction. */
#ifndef SERVER_REGISTRAR_REG_FACTS_H
#define SERVER_REGISTRAR_REG_FACTS_H

#include "policy/policy_verdict.h"
#include "server/registrar/reg_dossier.h"
#include "server/registrar/reg_seq.h"

/* What a release that is about to be signed has proven. Borrowed. */
struct reg_facts_signing {
    const struct reg_dossier *dossier; /* with its approvals */
    const struct policy_fact_provenance *provenance;
    size_t provenance_count;
};
/* Asks the policy of submission and, if that allows it, the one in force: *out is the verdict of
 * the last one asked. Errors are the machine's. */
enum hm_err HM_MUST_USE reg_facts_signing(struct reg_tx *tx, const struct reg_facts_signing *in,
                                          struct policy_verdict *out, struct hm_why *why);
/* Adds what the log knows, as far as the rule that matches under this policy asks for it, and
 * evaluates. */
enum hm_err HM_MUST_USE reg_facts_evaluate(struct reg_tx *tx, const struct policy *p,
                                           struct policy_facts *f, struct policy_verdict *out,
                                           struct hm_why *why);
/* Bytes of all artifacts together. */
uint64_t reg_facts_size(const struct hm_request *r);
/* How far the approvals that the decision state lists have come, under the policy of submission.
 * `list`: in order of record. */
enum hm_err HM_MUST_USE reg_facts_quorum(struct reg_tx *tx, const struct reg_dossier *d,
                                         const struct db_approval *list, size_t count,
                                         struct policy_quorum *out, struct hm_why *why);

#endif
