/* Evaluation: (policy, facts) -> verdict with reasons. Everything in the facts was proven by
 * signatures or by the log before; absence of a fact is a refusal. */
#ifndef POLICY_POLICY_VERDICT_H
#define POLICY_POLICY_VERDICT_H

#include "policy/policy.h"
#include "schema/attest/hm_provenance.h"

struct policy_fact_approval {
    const char *principal; /* whom the policy gives the key to */
    struct hm_digest key;  /* key id */
    uint64_t record;       /* index of its record: stages count what came after them */
    bool user_verified;    /* its signature says that a security key verified its user */
};
struct policy_fact_provenance {
    const struct hm_provenance *statement; /* verified payload */
    struct hm_key key;                     /* the key that signed it */
};
struct policy_fact_attestation {
    const struct hm_statement *statement; /* verified payload */
    struct hm_key key;                    /* the key that signed it */
};
struct policy_fact_prior {
    struct hm_digest artifact;
    const char *product;
    const char *version; /* what these bytes were signed as before */
};
struct policy_fact_set {
    const struct hm_digest *v;
    size_t count;
};
struct policy_fact_last { /* a signed release */
    const char *version;
    uint64_t rollback_floor; /* 0 = none */
    uint64_t size;           /* bytes of all artifacts, 0 = unknown */
};
struct policy_fact_earlier { /* a signed release */
    const char *product, *environment, *channel, *submitter;
    int64_t signed_s;
    struct policy_fact_set artifacts;
};
enum policy_stage {
    POLICY_AT_SUBMISSION = 1, /* approvals are not asked yet */
    POLICY_AT_SIGNING,
    POLICY_OF_EVIDENCE, /* only what the evidence of a submission shows by itself, nothing that the
                           log knows: never a reason to sign */
};
struct policy_facts {
    enum policy_stage stage;
    const char *product, *version, *channel;
    const char *environment;            /* that the request names; NULL: none */
    const struct hm_hardware *hardware; /* that the release is for */
    size_t hardware_count;
    const char *break_glass;     /* reason in the request; NULL = none */
    const char *submitter;       /* principal proven by the request's signature; NULL = nobody */
    const struct hm_digest *key; /* ids of the keys that would sign; NULL = the rule's own */
    size_t more_keys;            /* after the first */
    const struct hm_digest *artifacts;
    size_t artifact_count;
    const struct policy_fact_provenance *provenance;
    size_t provenance_count;
    const struct policy_fact_attestation *attestations; /* of other kinds */
    size_t attestation_count;
    int64_t now_s;                       /* 0 = unknown: no check about time holds */
    uint64_t size;                       /* bytes of all artifacts together, 0 = unknown */
    uint64_t rollback_floor;             /* 0 = none */
    const struct policy_fact_last *last; /* of the same product and channel; NULL = there is none */
    const struct policy_fact_set *same_version; /* signed before as this product and version */
    size_t same_version_count;
    const int64_t *signed_at; /* Unix seconds of earlier signatures by the key that would sign */
    size_t signed_at_count;
    const struct policy_fact_earlier *earlier; /* signed releases that share an artifact */
    size_t earlier_count;
    int64_t submitted_s; /* when the release was submitted; 0 = unknown */
    const struct policy_fact_approval *approvals;
    size_t approval_count;
    const char *const *vetoes; /* principals who rejected the release */
    size_t veto_count;
    const struct policy_fact_prior *prior;
    size_t prior_count;
};

/* What policy_match() is asked for these facts. Borrowed. */
struct policy_subject policy_facts_subject(const struct policy_facts *f);

#define POLICY_FINDINGS_MAX 48
#define POLICY_TEXT_MAX 256
struct policy_finding {
    const char *check; /* static: "approvals.count" */
    bool ok;
    char required[POLICY_TEXT_MAX];
    char found[POLICY_TEXT_MAX];
};
struct policy_verdict {
    bool allow; /* zero value: no */
    struct hm_digest policy;
    char rule[HM_NAME_MAX + 1];        /* "" if none matched */
    const struct policy_rule *matched; /* borrowed from the policy, NULL if none */
    struct policy_finding findings[POLICY_FINDINGS_MAX];
    size_t finding_count;
    size_t approvals_counted; /* distinct people that counted */
    /* Source that satisfied provenance; NULL without provenance. Borrowed from the facts. */
    const struct hm_source *source;
    const char *builder;
};
/* Always fills *out; allow is true only if a rule matched and every check of its stage passed. */
void policy_evaluate(const struct policy *p, const struct policy_facts *f,
                     struct policy_verdict *out);
/* How far the approvals in the facts have come under the rule that matches them. */
struct policy_quorum {
    bool stands;
    size_t stage;  /* the one that still waits, from 0; their number where all stand */
    size_t people; /* distinct ones that counted */
};
void policy_quorum(const struct policy *p, const struct policy_rule *rule,
                   const struct policy_facts *f, struct policy_quorum *out);
/* What a rule asks of approvers, in words: "2 people of a and 1 person of b, then …", or "none". */
void policy_quorum_text(const struct policy_rule *r, char out[static POLICY_TEXT_MAX]);
/* Id of the first failed check, "" if none. */
const char *policy_first_failed(const struct policy_verdict *v);
/* Canonical JSON as in docs/formats/policy.md. */
enum hm_err HM_MUST_USE policy_verdict_json(const struct policy_verdict *v, struct hm_buf *out,
                                            struct hm_why *why);

#endif
