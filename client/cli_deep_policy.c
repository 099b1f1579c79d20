/* Policies that the log put into force: the first one by the genesis, which the root signed; each
 * further one by the administrators of the one before it, or by the root. */
#include "client/cli_deep_priv.h"

#include "client/cli_grow.h"
#include "schema/attest/hm_policy_statement.h"
#include "schema/trust/hm_policy_root.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GENESIS_DOCUMENT 0u
#define GENESIS_POLICY 2u
#define GENESIS_ACTIVATION 1u

void deep_policies_free(struct deep_policies *p)
{
    for (size_t i = 0; i < p->count; i++) {
        policy_free(p->list[i]->policy);
        free(p->list[i]->fault);
        free(p->list[i]);
    }
    free(p->list);
    free(p->proposals);
    free(p->approvals);
    hm_buf_free(&p->genesis);
}

const struct deep_policy *deep_in_force(const struct cli_deep *d)
{
    return d->policies.count > 0 ? d->policies.list[d->policies.count - 1] : NULL;
}

/* ---- genesis ---- */

static enum hm_err take_created(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    struct deep_policies *p = &d->policies;
    p->created = *r;
    p->genesis.limit = HM_GUARDS_MAX;
    return deep_fetch(d, r, GENESIS_DOCUMENT, HM_GUARDS_MAX, &p->genesis, why);
}

bool deep_root_pinned(const struct cli_pins *pins, const struct hm_root *root)
{
    if (root->threshold < pins->threshold)
        return false;
    for (size_t i = 0; i < root->count; i++) {
        struct hm_digest id = hm_key_id(&root->keys[i]);
        bool found = false;
        for (size_t k = 0; k < pins->count; k++)
            found = found || memcmp(id.b, pins->kids[k], HM_KID_LEN) == 0;
        if (!found)
            return false;
    }
    return root->count > 0;
}

static enum hm_err check_genesis(const struct cli_deep *d, const struct hm_genesis *g,
                                 const struct hm_record *store, struct hm_why *why)
{
    const struct hm_record *zero = &d->policies.created;
    const struct deep_policy *first = d->policies.count > 0 ? d->policies.list[0] : NULL;
    if (strcmp(g->origin, d->in.log_key->name) != 0 ||
        !hm_key_eq(&g->log_key.key, &d->in.log_key->key))
        return hm_fail(why, HM_E_DENIED, "the genesis is of another log or log key");
    if (zero->evidence_count <= GENESIS_POLICY ||
        !hm_digest_eq(&zero->evidence[GENESIS_POLICY], &g->policy) || first == NULL ||
        !hm_digest_eq(&first->digest, &g->policy))
        return hm_fail(why, HM_E_DENIED, "the first policy is not the one that the genesis names");
    for (size_t i = 0; i < g->trust_store_count; i++)
        if (strcmp(g->trust_stores[i].environment, store->environment) == 0 &&
            hm_digest_eq(&g->trust_stores[i].sha256, &store->evidence[0]))
            return HM_OK;
    return hm_fail(why, HM_E_DENIED, "the trust store of %s is not the one that the genesis names",
                   store->environment);
}

/* The first trust store says which root the log was born with; whoever pinned one compares. */
static enum hm_err open_genesis(struct cli_deep *d, const struct hm_record *r,
                                const struct hm_root *root, struct hm_why *why)
{
    HM_FREE struct hm_genesis *g = calloc(1, sizeof *g);
    if (g == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (d->in.roots != NULL && !deep_root_pinned(d->in.roots, root))
        return hm_fail(why, HM_E_DENIED, "its root keys are not the pinned ones");
    enum hm_err err = hm_genesis_open(hm_buf_bytes(&d->policies.genesis), root, g, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "genesis");
    err = check_genesis(d, g, r, why);
    return err == HM_OK ? deep_guards_begin(d, &d->policies.created, g, root, why) : err;
}

static enum hm_err take_store(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_TRUST_STORE_MAX + 1};
    HM_FREE struct hm_trust_store *store = calloc(1, sizeof *store);
    struct hm_root root;
    if (store == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    enum hm_err err = deep_fetch(d, r, 0, HM_TRUST_STORE_MAX, &text, why);
    if (err == HM_OK)
        err = hm_trust_store_open(hm_buf_bytes(&text), store, why);
    if (err != HM_OK)
        return err;
    hm_trust_store_root(store, &root);
    if (d->policies.root.count > 0)
        return hm_root_same(&root, &d->policies.root)
                   ? HM_OK
                   : hm_fail(why, HM_E_DENIED, "a trust store of another root than the genesis");
    err = open_genesis(d, r, &root, why);
    if (err == HM_OK)
        d->policies.root = root;
    return err;
}

/* ---- changes ---- */

static enum hm_err take_proposal(struct cli_deep *d, const struct hm_record *r,
                                 struct hm_bytes bytes, struct hm_why *why)
{
    struct deep_policies *p = &d->policies;
    enum hm_err err = cli_grow((void *)&p->proposals, p->proposal_count, &p->proposal_cap,
                               sizeof *p->proposals, why);
    if (err == HM_OK && r->evidence_count < 2)
        err = hm_fail(why, HM_E_DENIED, "a proposal without its document");
    if (err != HM_OK)
        return err;
    p->proposals[p->proposal_count++] = (struct deep_proposal){
        r->idx, hm_merkle_leaf(bytes), r->policy, r->evidence[1], (int64_t)r->expires_s};
    return HM_OK;
}

static enum hm_err take_approval(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    struct deep_policies *p = &d->policies;
    enum hm_err err = cli_grow((void *)&p->approvals, p->approval_count, &p->approval_cap,
                               sizeof *p->approvals, why);
    if (err == HM_OK && (!r->has_proposal || r->evidence_count < 1))
        err = hm_fail(why, HM_E_DENIED, "an approval without its proposal or document");
    if (err != HM_OK)
        return err;
    struct deep_policy_approval *a = &p->approvals[p->approval_count++];
    *a = (struct deep_policy_approval){.proposal = r->proposal, .evidence = r->evidence[0]};
    memcpy(a->actor, r->actor, sizeof a->actor);
    return HM_OK;
}

static const struct deep_proposal *find_proposal(const struct deep_policies *p, uint64_t idx)
{
    for (size_t i = p->proposal_count; i > 0; i--)
        if (p->proposals[i - 1].idx == idx)
            return &p->proposals[i - 1];
    return NULL;
}

static const char *approved_by(const struct deep_policies *p, uint64_t proposal,
                               const struct hm_digest *evidence)
{
    for (size_t i = 0; i < p->approval_count; i++)
        if (p->approvals[i].proposal == proposal &&
            hm_digest_eq(&p->approvals[i].evidence, evidence))
            return p->approvals[i].actor;
    return NULL;
}

/* An administrator's signature over just this statement, by a key that the policy in force gives
 * to the person whom the record of the approval names. */
static enum hm_err check_administrator(struct cli_deep *d, const struct deep_policy *p,
                                       const struct hm_record *r, size_t n,
                                       const struct deep_proposal *proposal,
                                       struct hm_bytes statement,
                                       const struct policy_principal **who, struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    size_t key = 0;
    const char *actor = approved_by(&d->policies, proposal->idx, &r->evidence[n]);
    const struct policy_principal *found =
        actor != NULL ? policy_principal(p->policy, actor) : NULL;
    if (found == NULL || !policy_is_administrator(p->policy, found))
        return hm_fail(why, HM_E_DENIED, "approval %zu is by no administrator", n);
    enum hm_err err = deep_fetch(d, r, n, HM_SIGNED_MAX, &doc, why);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, why);
    if (err == HM_OK)
        err = hm_signed_find(&s, HM_SIGNED_POLICY_APPROVAL, found->approval_keys,
                             found->approval_key_count, &key, why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), statement))
        err = hm_fail(why, HM_E_DENIED, "approval %zu is over another statement", n);
    if (err == HM_OK)
        *who = found;
    return err;
}

static enum hm_err check_quorum(struct cli_deep *d, const struct deep_policy *p,
                                const struct hm_record *r, const struct deep_proposal *proposal,
                                struct hm_why *why)
{
    HM_BUF_AUTO statement = {.limit = HM_STATEMENT_MAX};
    const struct policy_principal *people[HM_RECORD_EVIDENCE_MAX];
    size_t count = 0;
    const struct hm_policy_approval a = {d->in.log_key->name, proposal->idx,
                                         &proposal->leaf,     &proposal->document,
                                         &proposal->in_force, proposal->expires_s};
    enum hm_err err = hm_policy_approval_write(&a, &statement, why);
    for (size_t n = 1; err == HM_OK && n < r->evidence_count; n++) {
        const struct policy_principal *who = NULL;
        err = check_administrator(d, p, r, n, proposal, hm_buf_bytes(&statement), &who, why);
        bool again = false;
        for (size_t i = 0; i < count; i++)
            again = again || people[i] == who;
        if (err == HM_OK && !again)
            people[count++] = who;
    }
    size_t asked = policy_admin_count(p->policy);
    if (err == HM_OK && (asked == 0 || count < asked))
        err = hm_fail(why, HM_E_DENIED, "%zu of %zu administrators approved it", count, asked);
    return err;
}

static enum hm_err check_proposal(struct cli_deep *d, const struct deep_policy *p,
                                  const struct hm_record *r, struct hm_why *why)
{
    const struct deep_proposal *proposal = find_proposal(&d->policies, r->proposal);
    if (proposal == NULL || !hm_digest_eq(&proposal->document, &r->evidence[0]))
        return hm_fail(why, HM_E_DENIED, "record %" PRIu64 " did not propose this document",
                       r->proposal);
    if (proposal->idx < p->record || !hm_digest_eq(&proposal->in_force, &p->digest))
        return hm_fail(why, HM_E_DENIED, "it was proposed to replace another policy");
    if (proposal->expires_s <= (int64_t)(r->t_ms / 1000))
        return hm_fail(why, HM_E_DENIED, "its proposal had expired");
    return check_quorum(d, p, r, proposal, why);
}

static enum hm_err check_root(struct cli_deep *d, const struct deep_policy *p,
                              const struct hm_record *r, struct hm_why *why)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
    HM_FREE struct hm_policy_root *said = calloc(1, sizeof *said);
    if (said == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (r->evidence_count != 2 || d->policies.root.count == 0)
        return hm_fail(why, HM_E_DENIED,
                       "nobody approved it: no proposal, and no word of the root");
    enum hm_err err = deep_fetch(d, r, 1, HM_SIGNED_MAX, &doc, why);
    if (err == HM_OK)
        err = hm_policy_root_open(hm_buf_bytes(&doc), &d->policies.root, said, why);
    if (err == HM_OK && (strcmp(said->origin, d->in.log_key->name) != 0 ||
                         !hm_digest_eq(&said->policy, &r->evidence[0]) ||
                         !hm_digest_eq(&said->in_force, &p->digest) || said->record != p->record))
        err = hm_fail(why, HM_E_DENIED, "the root's statement is about another change");
    return err;
}

/* Who put it into force? */
static enum hm_err check_change(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    const struct deep_policy *p = deep_in_force(d);
    if (p == NULL)
        return r->idx == GENESIS_ACTIVATION
                   ? HM_OK /* the genesis is held against it with the first trust store */
                   : hm_fail(why, HM_E_DENIED, "the first policy is not in record 1");
    if (p->fault != NULL)
        return hm_fail(why, HM_E_DENIED, "the policy before it does not hold: %.400s", p->fault);
    return r->has_proposal ? check_proposal(d, p, r, why) : check_root(d, p, r, why);
}

static enum hm_err load(struct cli_deep *d, const struct hm_record *r, struct policy **out,
                        struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    if (r->evidence_count < 1 || !r->has_policy || !hm_digest_eq(&r->policy, &r->evidence[0]))
        return hm_fail(why, HM_E_DENIED, "the record names no document, or another policy");
    enum hm_err err = deep_fetch(d, r, 0, HM_POLICY_MAX, &text, why);
    return err == HM_OK ? policy_load(hm_buf_bytes(&text), out, why) : err;
}

static enum hm_err take_activation(struct cli_deep *d, const struct hm_record *r,
                                   struct hm_why *why)
{
    struct deep_policies *all = &d->policies;
    struct hm_why fault = {""};
    struct deep_policy *p = calloc(1, sizeof *p);
    if (p == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    p->digest = r->policy;
    p->record = r->idx;
    enum hm_err err = load(d, r, &p->policy, &fault);
    if (err == HM_OK)
        err = check_change(d, r, &fault);
    if (err != HM_OK && !deep_is_machine(err)) {
        p->fault = strdup(fault.text);
        err = deep_fault(d, CLI_DEEP_NO_INTENTION, r->idx, CLI_DEEP_POLICY_CHANGE, fault.text, why);
    } else if (err != HM_OK) {
        *why = fault;
    }
    if (err == HM_OK)
        err = cli_grow((void *)&all->list, all->count, &all->cap, sizeof *all->list, why);
    if (err != HM_OK) {
        policy_free(p->policy);
        free(p->fault);
        free(p);
        return err;
    }
    all->list[all->count++] = p;
    d->sums.policies++;
    return HM_OK;
}

enum hm_err deep_policy_record(struct cli_deep *d, const struct hm_record *r, struct hm_bytes bytes,
                               struct hm_why *why)
{
    d->step = r->event == HM_EV_LOG_CREATED || r->event == HM_EV_TRUST_STORE_PUBLISHED
                  ? CLI_DEEP_GENESIS
                  : CLI_DEEP_POLICY_CHANGE;
    if (r->event == HM_EV_LOG_CREATED)
        return take_created(d, r, why);
    if (r->event == HM_EV_TRUST_STORE_PUBLISHED)
        return take_store(d, r, why);
    if (r->event == HM_EV_POLICY_PROPOSED)
        return take_proposal(d, r, bytes, why);
    if (r->event == HM_EV_POLICY_APPROVED)
        return take_approval(d, r, why);
    return r->event == HM_EV_POLICY_ACTIVATED ? take_activation(d, r, why) : HM_OK;
}
