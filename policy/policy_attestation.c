/* Attestations of other kinds: a bill of materials, a scan, a test. Each artifact has to be named
 * by one that a builder of the list signed. Pure. */
#include "policy/policy_evaluate_priv.h"

#include <string.h>

static bool is_trusted(const struct policy_eval *e, const struct policy_attestation_rule *a,
                       const struct hm_key *key)
{
    const struct policy_key_ref *r = policy_find_key(e->p, key);
    if (r == NULL || r->role != POLICY_KEY_BUILD)
        return false;
    const struct policy_builder *b = &e->p->builders[r->where.i];
    return policy_ptrs_has(&a->builders, b) && policy_names_has(&b->products, e->f->product);
}

static bool is_about(const struct hm_statement *s, const struct hm_digest *artifact)
{
    for (size_t i = 0; i < s->subject_count; i++)
        if (hm_digest_eq(&s->subjects[i], artifact))
            return true;
    return false;
}

static bool serves(const struct policy_eval *e, const struct policy_attestation_rule *a,
                   const struct policy_fact_attestation *f)
{
    return f->statement != NULL && policy_names_has(&a->predicates, f->statement->predicate) &&
           (a->result == NULL || strcmp(a->result, f->statement->result) == 0) &&
           is_trusted(e, a, &f->key);
}

/* The first artifact without such an attestation, NULL: none, and there are artifacts. */
static const struct hm_digest *without(const struct policy_eval *e,
                                       const struct policy_attestation_rule *a)
{
    const struct policy_facts *f = e->f;
    for (size_t i = 0; i < f->artifact_count; i++) {
        bool served = false;
        for (size_t k = 0; k < f->attestation_count && !served; k++)
            served = serves(e, a, &f->attestations[k]) &&
                     is_about(f->attestations[k].statement, &f->artifacts[i]);
        if (!served)
            return &f->artifacts[i];
    }
    return NULL;
}

static void find_one(const struct policy_eval *e, const struct policy_attestation_rule *a)
{
    struct policy_said s = policy_finding_new(e->v, "attestation.present");
    const struct hm_digest *missing = without(e, a);
    policy_say(&s.required, a->name, " of every artifact: ", a->predicates.v[0].text,
               a->predicates.count > 1 ? " or another of its list" : "",
               a->result != NULL ? " with result " : "", a->result != NULL ? a->result : "", NULL);
    if (e->f->artifact_count == 0) {
        policy_say(&s.found, "no artifact", NULL);
    } else if (missing != NULL) {
        policy_say(&s.found, "none that counts for ", NULL);
        policy_say_digest(&s.found, missing);
    } else {
        policy_say(&s.found, "there", NULL);
        s.finding->ok = true;
    }
}

void policy_check_attestations(const struct policy_eval *e)
{
    for (size_t i = 0; i < e->rule->attestation_count; i++)
        find_one(e, &e->rule->attestations[i]);
}
