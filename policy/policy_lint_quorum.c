/* Whether the people whom a rule asks can do what it asks, and whether one of them could do it
 * alone. Each error names the path and what was expected. */
#include "policy/policy_read_priv.h"

#include <stdlib.h>
#include <string.h>

static enum hm_err check_approver(const struct policy_requirement *q,
                                  const struct policy_principal *a, struct hm_why *why)
{
    if (!(a->roles & POLICY_ROLE_APPROVER))
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.group: \"%s\" of %s is no approver; expected that role", q->path, a->id,
                       q->group->id);
    if (a->approval_key_count == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.group: approver \"%s\" of %s has no approval key; expected at least one",
                       q->path, a->id, q->group->id);
    return HM_OK;
}

/* Whether an approval by them can count in the rule. */
static bool able(const struct policy_rule_full *r, const struct policy_principal *a)
{
    bool yes = !r->pub.user_verification;
    for (size_t i = 0; i < a->approval_key_count && !yes; i++)
        yes = a->approval_keys[i].verify_user;
    return yes;
}

/* Members of a group whose approvals can count, but for one of them. */
static size_t able_members(const struct policy_rule_full *r, const struct policy_group *g,
                           const struct policy_principal *without)
{
    size_t n = 0;
    for (size_t i = 0; i < g->members.count; i++)
        n += g->members.v[i] != without && able(r, g->members.v[i]);
    return n;
}

static enum hm_err check_requirement(const struct policy_rule_full *r,
                                     const struct policy_requirement *q, size_t extra,
                                     struct hm_why *why)
{
    for (size_t k = 0; k < q->group->members.count; k++) {
        enum hm_err err = check_approver(q, q->group->members.v[k], why);
        if (err != HM_OK)
            return err;
    }
    if (q->group->members.count < q->count + extra)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.count: %zu%s of a group with %zu members; expected at most that many",
                       q->path, q->count, extra > 0 ? " and one more where the size changes" : "",
                       q->group->members.count);
    size_t n = able_members(r, q->group, NULL);
    if (n < q->count + extra)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.count: %zu%s, but %zu of the group have a key with user_verification; "
                       "expected at most that many",
                       q->path, q->count, extra > 0 ? " and one more where the size changes" : "",
                       n);
    return HM_OK;
}

static enum hm_err check_veto(const struct policy_rule_full *r, size_t i, struct hm_why *why)
{
    for (size_t g = 0; g < r->quorum.veto.count; g++) {
        const struct policy_group *group = r->quorum.veto.v[g];
        for (size_t k = 0; k < group->members.count; k++) {
            const struct policy_principal *a = group->members.v[k];
            if (!(a->roles & POLICY_ROLE_APPROVER))
                return hm_fail(
                    why, HM_E_MALFORMED,
                    "$.rules[%zu].approvals.veto: \"%s\" of %s is no approver; expected that role",
                    i, a->id, group->id);
        }
    }
    return HM_OK;
}

/* A change of size asks for one more in the first requirement of the last stage. */
static size_t extra_of(const struct policy_rule_full *r, size_t stage, size_t requirement)
{
    return r->limits.size_factor_percent > 0 && stage + 1 == r->quorum.stage_count &&
           requirement == 0;
}

/* Everybody's place in `may` is their place among the principals. */
static void ask_everybody(const struct policy *p, const struct policy_rule_full *rule,
                          struct policy_places *places, uint64_t *may)
{
    const struct policy_quorum_rule *q = &rule->quorum;
    size_t bit = 0;
    for (size_t i = 0; i < q->stage_count; i++)
        for (size_t k = 0; k < q->stages[i].count; k++, bit++) {
            const struct policy_requirement *r = &q->stages[i].v[k];
            policy_places_add(places, bit, r->count + extra_of(rule, i, k));
            for (size_t m = 0; m < r->group->members.count; m++) {
                const struct policy_principal *a = r->group->members.v[m];
                if (able(rule, a))
                    may[a - p->principals] |= (uint64_t)1 << bit;
            }
        }
}

static bool meets_shared(const struct policy_rule_full *rule,
                         const struct policy_principal *without)
{
    const struct policy_quorum_rule *q = &rule->quorum;
    for (size_t i = 0; i < q->stage_count; i++)
        for (size_t k = 0; k < q->stages[i].count; k++) {
            const struct policy_requirement *r = &q->stages[i].v[k];
            if (able_members(rule, r->group, without) < r->count + extra_of(rule, i, k))
                return false;
        }
    return true;
}

/* Who submits does not approve; one submitter who leaves enough others is enough. */
static enum hm_err check_possible(const struct policy *p, size_t i, struct hm_why *why)
{
    const struct policy_rule_full *r = &p->rules[i];
    HM_FREE uint64_t *may = calloc(p->principal_count, sizeof *may);
    struct policy_places places = {.count = 0};
    bool possible = false;
    if (may == NULL)
        return policy_no_memory(why);
    ask_everybody(p, r, &places, may);
    for (size_t k = 0; k < r->submitters.count && !possible; k++) {
        const struct policy_principal *s = r->submitters.v[k];
        uint64_t own = may[s - p->principals];
        may[s - p->principals] = 0;
        possible =
            r->quorum.shared ? meets_shared(r, s) : policy_assign(&places, may, p->principal_count);
        may[s - p->principals] = own;
    }
    if (possible)
        return HM_OK;
    return hm_fail(
        why, HM_E_MALFORMED,
        "$.rules[%zu].approvals: it cannot be met, whoever of the rule submits; expected "
        "groups with enough different people besides the submitter",
        i);
}

static bool in_all(const struct policy_stage_of *s, const struct policy_principal *a)
{
    bool all = true;
    for (size_t k = 0; k < s->count; k++)
        all = all && s->v[k].count == 1 && policy_ptrs_has(&s->v[k].group->members, a);
    return all;
}

/* A rule that plainly asks for one person says so with one requirement. */
static enum hm_err check_alone(const struct policy_rule_full *r, size_t i, struct hm_why *why)
{
    const struct policy_quorum_rule *q = &r->quorum;
    if (!q->shared || q->stage_count != 1 || q->stages[0].count < 2)
        return HM_OK;
    const struct policy_ptrs *first = &q->stages[0].v[0].group->members;
    for (size_t k = 0; k < first->count; k++) {
        const struct policy_principal *a = first->v[k];
        if (able(r, a) && in_all(&q->stages[0], a))
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].approvals: \"%s\" is in every group and could meet it "
                           "alone; expected at least two people",
                           i, a->id);
    }
    return HM_OK;
}

enum hm_err policy_lint_quorum(const struct policy *p, size_t i, struct hm_why *why)
{
    const struct policy_rule_full *r = &p->rules[i];
    enum hm_err err = HM_OK;
    if (r->quorum.stage_count == 0)
        return HM_OK;
    for (size_t s = 0; s < r->quorum.stage_count; s++)
        for (size_t k = 0; err == HM_OK && k < r->quorum.stages[s].count; k++)
            err = check_requirement(r, &r->quorum.stages[s].v[k], extra_of(r, s, k), why);
    if (err == HM_OK)
        err = check_veto(r, i, why);
    if (err == HM_OK)
        err = check_alone(r, i, why);
    return err == HM_OK ? check_possible(p, i, why) : err;
}

static bool stage_has(const struct policy_stage_of *s, const struct policy_requirement *q)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->v[i].group == q->group && s->v[i].count == q->count)
            return true;
    return false;
}

static bool stage_same(const struct policy_stage_of *a, const struct policy_stage_of *b)
{
    bool same = a->count == b->count; /* no group stands twice in a stage */
    for (size_t i = 0; same && i < a->count; i++)
        same = stage_has(b, &a->v[i]);
    return same;
}

bool policy_quorum_same(const struct policy_quorum_rule *a, const struct policy_quorum_rule *b)
{
    bool same = a->stage_count == b->stage_count && a->shared == b->shared &&
                a->veto.count == b->veto.count;
    for (size_t i = 0; same && i < a->stage_count; i++)
        same = stage_same(&a->stages[i], &b->stages[i]);
    for (size_t i = 0; same && i < a->veto.count; i++)
        same = a->veto.v[i] == b->veto.v[i];
    return same;
}
