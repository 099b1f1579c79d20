/* Cases for a policy: facts in plain words, and the verdict that is expected. The customer's own CI
 * runs them (`hallmark policy test`). schema/policy-test.schema.json describes the file. */
#ifndef CLIENT_CLI_CASE_H
#define CLIENT_CLI_CASE_H

#include "client/cli_policy.h"
#include "policy/policy_verdict.h"

#define CLI_CASES_MAX 10000
#define CLI_CASE_TITLE_MAX 256 /* bytes of a case's name */
#define CLI_CASE_LIST_MAX 64   /* elements of a list of facts */
#define CLI_CASE_NUMBER_MAX HM_NUMBER_MAX

struct cli_case {
    const char *name;
    const json_t *facts;   /* defaults and case together */
    bool allow;            /* expected */
    const char *rule;      /* expected rule, NULL: any */
    const json_t *failing; /* exactly the checks that fail, NULL: any */
};
struct cli_cases {
    json_t *doc;
    const char *policy;     /* file named by the document, NULL if none */
    const json_t *defaults; /* NULL if there are none */
    struct cli_case *list;
    size_t count;
    json_t *merged; /* owns the facts */
};
/* Reads the file's form; what the facts say is read by cli_case_facts_read. Errors begin with a
 * path. */
enum hm_err HM_MUST_USE cli_cases_read(struct hm_bytes text, struct cli_cases *out,
                                       struct hm_why *why);
void cli_cases_free(struct cli_cases *c);
#define CLI_CASES_AUTO __attribute__((cleanup(cli_cases_free))) struct cli_cases

/* Facts of one case under a policy. A name that the policy does not know is an error, so that a
 * spelling mistake is no reason to deny; strangers are written as {"stranger": "name"}. */
struct cli_case_facts {
    struct policy_facts facts; /* borrows from this struct and from the JSON */
    struct hm_digest keys[HM_SIGN_KEYS_MAX];
    struct hm_hardware hardware[HM_HARDWARE_MAX];
    struct hm_digest artifacts[CLI_CASE_LIST_MAX];
    struct hm_provenance *statements;
    struct policy_fact_provenance provenance[HM_ATTESTATIONS_MAX];
    struct hm_statement *others;
    struct policy_fact_attestation attestations[HM_ATTESTATIONS_MAX];
    struct policy_fact_approval approvals[CLI_CASE_LIST_MAX];
    const char *vetoes[CLI_CASE_LIST_MAX];
    struct policy_fact_prior prior[CLI_CASE_LIST_MAX];
    struct policy_fact_last last;
    struct policy_fact_set same_version[CLI_CASE_LIST_MAX];
    int64_t signed_at[CLI_CASE_LIST_MAX];
    struct policy_fact_earlier earlier[CLI_CASE_LIST_MAX];
    struct hm_digest *sets; /* artifacts of earlier releases */
    size_t set_count;
};
/* path: of the facts, for errors. Caller cli_case_facts_free()s. */
enum hm_err HM_MUST_USE cli_case_facts_read(const struct policy *p, const json_t *facts,
                                            const char *path, struct cli_case_facts **out,
                                            struct hm_why *why);
void cli_case_facts_free(struct cli_case_facts **f);
#define CLI_CASE_FACTS_AUTO __attribute__((cleanup(cli_case_facts_free))) struct cli_case_facts

/* Whether a verdict is what the case expects. */
bool cli_case_holds(const struct cli_case *c, const struct policy_verdict *v);

#endif
