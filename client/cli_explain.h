/* What the policy says about one release, without doing anything: every check, and which people
 * could still complete the quorum. The facts come from files or from the server and its log. */
#ifndef CLIENT_CLI_EXPLAIN_H
#define CLIENT_CLI_EXPLAIN_H

#include "client/cli_policy.h"
#include "policy/policy_verdict.h"

#define CLI_EXPLAIN_PRIOR_MAX 64 /* earlier records about the same bytes that are looked at */
#define CLI_EXPLAIN_SIGNATURES_MAX 1000

/* A release that was signed before, as its record says. */
struct cli_explain_signed {
    uint64_t idx, release;
    int64_t signed_s;
    char product[HM_NAME_MAX + 1], version[HM_NAME_MAX + 1];
    char channel[HM_NAME_MAX + 1], environment[HM_NAME_MAX + 1];
    char submitter[HM_NAME_MAX + 1];
    struct hm_digest artifacts[HM_ARTIFACTS_MAX];
    size_t artifact_count;
    bool taken; /* stands among the facts' earlier releases */
};

/* Earlier signatures by the key that would sign under a policy. */
struct cli_explain_times {
    const struct policy *policy; /* NULL: not in use */
    int64_t at[CLI_EXPLAIN_SIGNATURES_MAX];
    size_t count;
};

struct cli_explain {
    struct policy_facts facts; /* borrows from this struct */
    struct hm_request request;
    struct hm_digest artifacts[HM_ARTIFACTS_MAX];
    char submitter[HM_NAME_MAX + 1];
    const char *ended; /* name of the state in which the release has ended, or NULL; static */
    struct hm_digest keys[HM_SIGN_KEYS_MAX]; /* that would sign, where a record names them */
    struct hm_provenance statements[HM_ATTESTATIONS_MAX];
    struct policy_fact_provenance provenance[HM_ATTESTATIONS_MAX];
    struct hm_statement others[HM_ATTESTATIONS_MAX];
    struct policy_fact_attestation attestations[HM_ATTESTATIONS_MAX];
    char approvers[HM_APPROVALS_MAX][HM_NAME_MAX + 1];
    struct policy_fact_approval approvals[HM_APPROVALS_MAX];
    char vetoers[HM_APPROVALS_MAX][HM_NAME_MAX + 1];
    const char *vetoes[HM_APPROVALS_MAX];
    struct cli_explain_signed signeds[CLI_EXPLAIN_PRIOR_MAX];
    size_t signed_count;
    struct policy_fact_prior prior[CLI_EXPLAIN_PRIOR_MAX];
    struct policy_fact_earlier earlier[CLI_EXPLAIN_PRIOR_MAX];
    struct hm_digest same_artifacts[CLI_EXPLAIN_PRIOR_MAX][HM_ARTIFACTS_MAX];
    struct policy_fact_set same_version[CLI_EXPLAIN_PRIOR_MAX];
    struct policy_fact_last last;
    uint64_t last_release;
    char last_version[HM_NAME_MAX + 1];
    struct cli_explain_times times[2]; /* of the policy of the submission and the one in force */
};
struct cli_explain *cli_explain_new(void); /* large; NULL without memory */
void cli_explain_free(struct cli_explain **e);
#define CLI_EXPLAIN_AUTO __attribute__((cleanup(cli_explain_free))) struct cli_explain

/* What the request itself says; `e->request` is set. */
void cli_explain_request(struct cli_explain *e);
/* A DSSE envelope: a fact if a builder of the policy signed it, else nothing. *used says which.
 * HM_E_MALFORMED. */
enum hm_err HM_MUST_USE cli_explain_attestation(struct cli_explain *e, const struct policy *p,
                                                struct hm_bytes text, bool *used,
                                                struct hm_why *why);
/* An approval by the person with this id, HM_E_LIMIT beyond HM_APPROVALS_MAX. */
enum hm_err HM_MUST_USE cli_explain_approval(struct cli_explain *e, const char *principal,
                                             const struct hm_digest *key, uint64_t record,
                                             bool user_verified, struct hm_why *why);
/* Everything that the server and its log say about a release; *in_force is the policy of now where
 * it is another one than that of the submission, else empty. */
enum hm_err HM_MUST_USE cli_explain_release(struct cli *c, uint64_t release, struct cli_explain *e,
                                            struct cli_policy *submitted,
                                            struct cli_policy *in_force);

/* What the log knows of earlier releases, as far as a policy's rule asks. */
enum hm_err HM_MUST_USE cli_explain_log(struct cli *c, uint64_t release, const struct policy *p,
                                        struct cli_explain *e);

/* One policy's answer. */
struct cli_answered {
    struct policy_verdict submission, signing;
};
void cli_explain_ask(const struct cli_explain *e, const struct policy *p, struct cli_answered *out);
/* heading: which policy this is. */
void cli_explain_print(const struct cli *c, const struct cli_explain *e, const struct policy *p,
                       const struct cli_answered *a, const char *heading);
json_t *cli_explain_json(const struct cli_explain *e, const struct policy *p,
                         const struct cli_answered *a); /* new reference */

/* The approval key by which somebody counts wherever they do: one that verifies its user, else the
 * first. NULL: they have none. */
const struct hm_key *cli_explain_key(const struct policy_principal *who);
/* cli_explain_quorum.c: people who could still complete a stage. */
struct cli_missing {
    size_t stage;  /* from 0 */
    size_t people; /* how many more; 0: not known */
    json_t *able;  /* owned: ids of those of whom any brings it further */
};
#define CLI_STAGES_MAX 8
/* Stages that do not stand yet, the waiting one first. Caller json_decref()s each able. */
size_t cli_explain_missing(const struct policy *p, const struct policy_rule *rule,
                           const struct policy_facts *f,
                           struct cli_missing out[static CLI_STAGES_MAX]);

#endif
