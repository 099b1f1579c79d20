/* A proposed policy: its proven record, the exact document, and what an administrator signs about
 * it. Nothing here is the server's word alone. Thread: main. */
#ifndef CLIENT_CLI_PROPOSAL_H
#define CLIENT_CLI_PROPOSAL_H

#include "client/cli_proof.h"
#include "client/cli_sign.h"
#include "policy/policy.h"
#include "schema/attest/hm_policy_statement.h"

struct cli_proposal {
    struct cli_record rec;
    struct hm_policy_proposal said; /* by the proposer; see below */
    struct hm_buf document;
    struct policy *policy;   /* the document, loaded */
    struct hm_buf in_force;  /* the document that it shall replace */
    struct hm_buf statement; /* what an approval signs */
};
void cli_proposal_free(struct cli_proposal *p);
#define CLI_PROPOSAL_AUTO __attribute__((cleanup(cli_proposal_free))) struct cli_proposal

/* The operand: an index of a record. HM_E_CONFIG. */
enum hm_err HM_MUST_USE cli_proposal_operand(struct cli *c, uint64_t *idx);
/* Fetches and verifies everything; the new document passes every check of the loader. The
 * proposer's statement is read for people (its reason); whose it is was the registrar's to check.
 * HM_E_NOT_FOUND: that record is no proposal. */
enum hm_err HM_MUST_USE cli_proposal_load(struct cli *c, uint64_t idx, struct cli_proposal *out);
/* Shows it to somebody who is about to decide: what it is on stderr, what it changes on stdout. */
enum hm_err HM_MUST_USE cli_proposal_show(struct cli *c, const struct cli_proposal *p);

#endif
