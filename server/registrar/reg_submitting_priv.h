/* One submission on its way: the connection's thread examines it, the sequencer decides. */
#ifndef SERVER_REGISTRAR_REG_SUBMITTING_PRIV_H
#define SERVER_REGISTRAR_REG_SUBMITTING_PRIV_H

#include "server/registrar/reg_change.h"
#include "server/registrar/reg_claim.h"
#include "server/registrar/reg_known.h"

struct reg_submission {
    const struct reg_ask *ask;
    struct reg_conn *conn;
    json_t *body; /* holds the strings that the slices point into */
    struct hm_bytes request;
    struct hm_bytes attestations[HM_ATTESTATIONS_MAX];
    size_t attestation_count;
    struct reg_claim *claim;
    const struct policy *examined; /* in force when the claim was verified */
    char tokens[HM_SIGN_KEYS_MAX][HM_TOKEN_SERIAL_MAX + 1]; /* of the rule's keys */
    struct policy_verdict verdict;
    struct reg_known *known; /* what it came to, if it was accepted */
};

/* On the sequencer: the decision, the sequence number, the manifest and the record. `arg` is the
 * submission. */
enum hm_err HM_MUST_USE reg_submission_decide(struct reg_tx *tx, void *arg, struct reg_result *out,
                                              struct hm_why *why);

#endif
