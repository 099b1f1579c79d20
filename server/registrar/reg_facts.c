#include "server/registrar/reg_facts.h"

#include "server/registrar/reg_change.h"

enum hm_err reg_facts_signing(struct reg_tx *tx, const struct reg_facts_signing *in,
                              struct policy_verdict *out, struct hm_why *why)
{
    const struct reg_dossier *d = in->dossier;
    const struct hm_record *r = &d->submitted;
    struct policy_facts facts = {
        .stage = POLICY_AT_SIGNING,
        .product = r->product,
        .version = r->version,
        .channel = r->channel,
        .hardware = d->known->hardware,
        .hardware_count = d->known->hardware_count,
        .submitter = d->known->submitter->id,
        .key = &r->keys[0].spki,
        .artifacts = r->artifacts,
        .artifact_count = r->artifact_count,
        .provenance = in->provenance,
        .provenance_count = in->provenance_count,
        .approvals = d->approval_facts,
        .approval_count = d->approval_count,
    };
    struct reg_priors priors;
    enum hm_err err = reg_priors_get(tx, &facts, &priors, why);
    if (err != HM_OK)
        return err;
    policy_evaluate(d->known->policy, &facts, out);
    if (out->allow && d->known->policy != tx->world->policy)
        policy_evaluate(tx->world->policy, &facts, out);
    return HM_OK;
}
