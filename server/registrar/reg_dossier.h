/* One release, read back from the log: its release.submitted record and the evidence, everything
 * verified again under the policy of its submission. What the key is used on is decided from this,
 * never from the decision state alone. */
#ifndef SERVER_REGISTRAR_REG_DOSSIER_H
#define SERVER_REGISTRAR_REG_DOSSIER_H

#include "schema/attest/hm_approval.h"
#include "server/registrar/reg_claim.h"
#include "server/registrar/reg_desk.h"
#include "server/registrar/reg_format.h"
#include "server/registrar/reg_known.h"
#include "db/log/db_state.h"

struct reg_dossier {
    uint64_t id;
    struct reg_known *known;           /* what its evidence came to; a reference */
    const struct hm_record *submitted; /* in known */
    /* approvals, filled by reg_dossier_approvals */
    struct hm_buf approvals[HM_APPROVALS_MAX];
    struct policy_fact_approval approval_facts[HM_APPROVALS_MAX];
    size_t approval_count;
};
/* HM_E_NOT_FOUND: no such release. HM_E_HISTORY: what stands in the log does not verify. Caller
 * reg_dossier_free()s. */
enum hm_err HM_MUST_USE reg_dossier_open(struct reg_conn *c, uint64_t release,
                                         struct reg_dossier **out, struct hm_why *why);
/* Reads the approvals that the decision state names, verifies each signature over the statement,
 * and says whose it is. */
enum hm_err HM_MUST_USE reg_dossier_approvals(struct reg_conn *c, struct reg_dossier *d,
                                              struct hm_why *why);
void reg_dossier_free(struct reg_dossier *d);
#define REG_DOSSIER_AUTO __attribute__((cleanup(reg_dossier_cleanup))) struct reg_dossier
void reg_dossier_cleanup(struct reg_dossier **d);

/* Policy facts of a claim (approvals empty). artifacts: out array of HM_ARTIFACTS_MAX. */
void reg_claim_facts(const struct reg_claim *c, enum policy_stage stage,
                     struct hm_digest artifacts[static HM_ARTIFACTS_MAX], struct policy_facts *out);
/* The approval statement for a submitted record. Appended. */
enum hm_err HM_MUST_USE reg_statement(const char *origin, const struct hm_record *submitted,
                                      const struct hm_digest *leaf,
                                      const struct hm_request *request,
                                      const struct policy_verdict *verdict, struct hm_buf *out,
                                      struct hm_why *why);

#endif
