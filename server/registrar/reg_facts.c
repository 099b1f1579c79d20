#include "server/registrar/reg_facts.h"

#include "server/registrar/reg_change.h"

/* What the submission itself says. */
static void of_release(const struct reg_dossier *d, struct policy_facts *out)
{
    const struct hm_record *r = d->submitted;
    *out = (struct policy_facts){
        .product = r->product,
        .version = r->version,
        .channel = r->channel,
        .hardware = d->known->hardware,
        .hardware_count = d->known->hardware_count,
        .break_glass = d->known->break_glass,
        .submitter = d->known->submitter->id,
        .key = &r->keys[0].spki,
        .artifacts = r->artifacts,
        .artifact_count = r->artifact_count,
        .attestations = d->known->attestations,
        .attestation_count = d->known->attestation_count,
        .submitted_s = (int64_t)(r->t_ms / 1000),
    };
}

enum hm_err reg_facts_signing(struct reg_tx *tx, const struct reg_facts_signing *in,
                              struct policy_verdict *out, struct hm_why *why)
{
    const struct reg_dossier *d = in->dossier;
    struct policy_facts facts;
    struct reg_priors priors;
    of_release(d, &facts);
    facts.stage = POLICY_AT_SIGNING;
    facts.provenance = in->provenance;
    facts.provenance_count = in->provenance_count;
    facts.approvals = d->approval_facts;
    facts.approval_count = d->approval_count;
    enum hm_err err = reg_priors_get(tx, &facts, &priors, why);
    if (err != HM_OK)
        return err;
    policy_evaluate(d->known->policy, &facts, out);
    if (out->allow && d->known->policy != tx->world->policy)
        policy_evaluate(tx->world->policy, &facts, out);
    return HM_OK;
}

enum hm_err reg_facts_quorum(struct reg_tx *tx, const struct reg_dossier *d,
                             const struct db_approval *list, size_t count,
                             struct policy_quorum *out, struct hm_why *why)
{
    struct policy_fact_approval approvals[HM_APPROVALS_MAX];
    struct policy_facts facts;
    (void)tx;
    if (count > HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_INTERNAL, "release r%llu: %zu approvals",
                       (unsigned long long)d->id, count);
    for (size_t i = 0; i < count; i++)
        approvals[i] =
            (struct policy_fact_approval){list[i].principal, list[i].key, list[i].record};
    of_release(d, &facts);
    facts.approvals = approvals;
    facts.approval_count = count;
    policy_quorum(d->known->policy, d->known->rule, &facts, out);
    return HM_OK;
}
