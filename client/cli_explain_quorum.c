/* Who could still complete the quorum: asked of the engine itself, by adding approvals that do not
 * exist and looking whether the waiting stage would stand. */
#include "client/cli_explain.h"

#include <stdlib.h>
#include <string.h>

/* The approvals there are, and room for those that are tried. */
struct trial {
    const struct policy *p;
    const struct policy_rule *rule;
    struct policy_facts facts;
    struct policy_fact_approval list[2 * HM_APPROVALS_MAX];
    size_t real;
    uint64_t next; /* record of an approval that would come now */
    size_t stage;  /* the one that waits */
};

static bool stands(struct trial *t, const struct policy_principal *const *who, const bool *in,
                   size_t n)
{
    struct policy_quorum q;
    size_t count = t->real;
    for (size_t i = 0; i < n; i++)
        if (in[i])
            t->list[count++] = (struct policy_fact_approval){
                who[i]->id, hm_key_id(cli_explain_key(who[i])), t->next + i, true};
    t->facts.approvals = t->list;
    t->facts.approval_count = count;
    policy_quorum(t->p, t->rule, &t->facts, &q);
    return q.stands || q.stage > t->stage;
}

static bool approved(const struct policy_facts *f, const char *id)
{
    for (size_t i = 0; i < f->approval_count; i++)
        if (f->approvals[i].principal != NULL && strcmp(f->approvals[i].principal, id) == 0)
            return true;
    return false;
}

const struct hm_key *cli_explain_key(const struct policy_principal *who)
{
    for (size_t i = 0; i < who->approval_key_count; i++)
        if (who->approval_keys[i].verify_user)
            return &who->approval_keys[i];
    return who->approval_key_count > 0 ? &who->approval_keys[0] : NULL;
}

static bool may_come(const struct policy_facts *f, const struct policy_rule *rule, size_t stage,
                     const struct policy_principal *who)
{
    const struct hm_key *key = cli_explain_key(who);
    return (who->roles & POLICY_ROLE_APPROVER) != 0 && key != NULL &&
           (!rule->user_verification || key->verify_user) && policy_rule_asks(rule, stage, who) &&
           !approved(f, who->id) && (f->submitter == NULL || strcmp(f->submitter, who->id) != 0);
}

/* Takes away one after the other whom the stage does not need, `last` at the end. True if `last` is
 * needed then: there is a smallest completion with that person. *left: how many people it has. */
static bool needed(struct trial *t, const struct policy_principal *const *who, size_t n,
                   size_t last, size_t *left)
{
    bool in[HM_APPROVALS_MAX];
    for (size_t i = 0; i < n; i++)
        in[i] = true;
    for (size_t k = 0; k < n; k++) {
        size_t i = k + 1 == n ? last : k < last ? k : k + 1;
        in[i] = false;
        in[i] = !stands(t, who, in, n);
    }
    *left = 0;
    for (size_t i = 0; i < n; i++)
        *left += in[i];
    return in[last];
}

/* So many people that not every combination can be tried: all of them are named. */
static void name_all(const struct policy_facts *f, const struct trial *t, size_t stage,
                     json_t *able)
{
    const struct policy_principal *who;
    for (size_t i = 0; (who = policy_principal_at(t->p, i)) != NULL; i++)
        if (may_come(f, t->rule, stage, who))
            (void)json_array_append_new(able, json_string(who->id));
}

static void waiting(const struct policy_facts *f, struct trial *t, struct cli_missing *out)
{
    const struct policy_principal *who[HM_APPROVALS_MAX], *w;
    bool all[HM_APPROVALS_MAX];
    size_t n = 0, left = 0;
    for (size_t i = 0; (w = policy_principal_at(t->p, i)) != NULL; i++)
        if (may_come(f, t->rule, t->stage, w)) {
            if (t->real + n == HM_APPROVALS_MAX) {
                name_all(f, t, t->stage, out->able);
                return;
            }
            all[n] = true;
            who[n++] = w;
        }
    if (!stands(t, who, all, n))
        return; /* nobody is left who could: an empty list */
    for (size_t i = 0; i < n; i++)
        if (needed(t, who, n, i, &left)) {
            (void)json_array_append_new(out->able, json_string(who[i]->id));
            out->people = out->people == 0 || left < out->people ? left : out->people;
        }
}

static bool stage_exists(const struct policy *p, const struct policy_rule *rule, size_t stage)
{
    const struct policy_principal *who;
    for (size_t i = 0; (who = policy_principal_at(p, i)) != NULL; i++)
        if (policy_rule_asks(rule, stage, who))
            return true;
    return false;
}

size_t cli_explain_missing(const struct policy *p, const struct policy_rule *rule,
                           const struct policy_facts *f,
                           struct cli_missing out[static CLI_STAGES_MAX])
{
    struct policy_quorum q;
    struct trial t = {.p = p, .rule = rule, .facts = *f, .real = f->approval_count};
    size_t n = 0;
    policy_quorum(p, rule, f, &q);
    if (q.stands || f->approval_count > HM_APPROVALS_MAX)
        return 0;
    for (size_t i = 0; i < f->approval_count; i++) {
        t.list[i] = f->approvals[i];
        if (t.next <= f->approvals[i].record)
            t.next = f->approvals[i].record + 1;
    }
    t.stage = q.stage;
    for (size_t s = q.stage; n < CLI_STAGES_MAX && stage_exists(p, rule, s); s++) {
        struct cli_missing *m = &out[n++];
        *m = (struct cli_missing){.stage = s, .able = json_array()};
        if (s == q.stage)
            waiting(f, &t, m);
        else
            name_all(f, &t, s, m->able);
    }
    return n;
}
