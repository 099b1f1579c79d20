/* The policy against the guards of its keys: a rule that asks for less than the signer does
 * collects approvals that the signer then finds too few. Pure. */
#include "policy/policy_guards.h"

#include "policy/policy_priv.h"

#include <string.h>

/* By a key that counts in the rule. */
static bool listed(const struct policy_rule *r, const struct hm_guard *g,
                   const struct policy_principal *a)
{
    for (size_t i = 0; i < a->approval_key_count; i++)
        for (size_t k = 0; k < g->approver_count; k++)
            if ((!r->user_verification || a->approval_keys[i].verify_user) &&
                policy_key_compare(&a->approval_keys[i], &g->approvers[k]) == 0)
                return true;
    return false;
}

/* People whom the rule asks and whose key the guard believes, up to `enough`. */
static size_t people_of_guard(const struct policy *p, const struct policy_rule *r,
                              const struct hm_guard *g, size_t enough)
{
    size_t n = 0;
    for (size_t i = 0; i < p->principal_count && n < enough; i++) {
        const struct policy_principal *a = &p->principals[i];
        if (a->approval_key_count > 0 && policy_rule_asks(r, POLICY_ANY_STAGE, a) &&
            listed(r, g, a))
            n++;
    }
    return n;
}

static enum hm_err check_key(const struct policy *p, size_t i, const struct hm_guards *guards,
                             struct hm_why *why)
{
    const struct policy_release_key *k = &p->keys[i].pub;
    const struct hm_guard *g = hm_guards_find(guards, &k->key_id);
    if (g == NULL)
        return hm_fail(why, HM_E_CONFIG, "$.keys[%zu]: release key %s has no guard", i, k->id);
    if (strcmp(g->environment, k->environment) != 0)
        return hm_fail(why, HM_E_CONFIG,
                       "$.keys[%zu].environment: release key %s is for %s, but its guard is for %s",
                       i, k->id, k->environment, g->environment);
    return HM_OK;
}

static enum hm_err check_rule_key(const struct policy *p, size_t i,
                                  const struct policy_release_key *key,
                                  const struct hm_guards *guards, struct hm_why *why)
{
    const struct policy_rule *r = &p->rules[i].pub;
    const struct hm_guard *g = hm_guards_find(guards, &key->key_id);
    size_t need = g != NULL ? g->approvals : 0;
    if (g == NULL || r->approvals < need)
        return hm_fail(why, HM_E_CONFIG,
                       "$.rules[%zu].approvals: rule %s asks for %zu approvals, the guard of its "
                       "key %s for %zu",
                       i, r->id, r->approvals, key->id, need);
    size_t people = people_of_guard(p, r, g, need);
    if (people < need)
        return hm_fail(
            why, HM_E_CONFIG,
            "$.rules[%zu].approvals: rule %s asks %zu people whose keys the guard of its "
            "key %s lists; expected at least %zu",
            i, r->id, people, key->id, need);
    return HM_OK;
}

static enum hm_err check_rule(const struct policy *p, size_t i, const struct hm_guards *guards,
                              struct hm_why *why)
{
    const struct policy_rule *r = &p->rules[i].pub;
    enum hm_err err = HM_OK;
    for (size_t n = 0; err == HM_OK && n < r->key_count; n++)
        err = check_rule_key(p, i, r->keys[n], guards, why);
    return err;
}

enum hm_err policy_check_guards(const struct policy *p, const struct hm_guards *guards,
                                struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < p->key_count; i++)
        err = check_key(p, i, guards, why);
    for (size_t i = 0; err == HM_OK && i < p->rule_count; i++)
        err = check_rule(p, i, guards, why);
    return err;
}
