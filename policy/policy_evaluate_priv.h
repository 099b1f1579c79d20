/* One evaluation on its way: what the checks share. All borrowed, nothing allocated. */
#ifndef POLICY_POLICY_EVALUATE_PRIV_H
#define POLICY_POLICY_EVALUATE_PRIV_H

#include "policy/policy_priv.h"
#include "policy/policy_verdict.h"

/* Appends to a finding's text: printable whatever comes in, whole code points, "…" at its end where
 * it was cut. */
struct policy_text {
    char *out; /* POLICY_TEXT_MAX bytes, NUL-terminated */
    size_t len;
    bool full;
};
void policy_say(struct policy_text *t, ...) __attribute__((sentinel)); /* const char *…, NULL */
void policy_say_number(struct policy_text *t, size_t n);
void policy_say_count(struct policy_text *t, size_t n, const char *one, const char *many);
void policy_say_digest(struct policy_text *t, const struct hm_digest *d); /* "sha256:<64 hex>" */

struct policy_eval {
    const struct policy *p;
    const struct policy_facts *f;
    struct policy_verdict *v;
    const struct policy_rule_full *rule;
};
/* A finding that says no until its check says otherwise, and where its two texts go. */
struct policy_said {
    struct policy_finding *finding;
    struct policy_text required;
    struct policy_text found;
};
struct policy_said policy_finding_new(struct policy_verdict *v, const char *check);

/* Whether these bytes are an artifact of the release. */
bool policy_is_artifact(const struct policy_facts *f, const struct hm_digest *d);

/* policy_provenance.c: adds `provenance.builder` and `provenance.subjects`, and the verdict's
 * source and builder. */
void policy_check_provenance(const struct policy_eval *e);
/* policy_attestation.c: one `attestation.present` for each that the rule demands. */
void policy_check_attestations(const struct policy_eval *e);
/* policy_limits.c: `version.bytes`, `version.order`, `size.max`, `promotion.released`, each where
 * the rule asks it; before a signature `signatures.window` and `freeze.window`. */
void policy_check_history(const struct policy_eval *e);
void policy_check_clock(const struct policy_eval *e);
/* Whether the size differs so much from the last release's that one more has to approve. */
bool policy_size_changed(const struct policy_eval *e);
/* policy_approvals.c: adds `approvals.count` and, where there is reason to, `approvals.veto` and
 * `approvals.submitter`. */
void policy_check_approvals(const struct policy_eval *e);

#endif
