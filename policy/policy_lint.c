/* What only the whole document shows: keys in two roles, rules that contradict each other or their
 * key, groups that cannot do what a rule asks of them. Each error names the path and what was
 * expected. */
#include "policy/policy_read_priv.h"

#include <stdlib.h>
#include <string.h>

static int key_ref_compare(const void *pa, const void *pb)
{
    const struct policy_key_ref *a = pa;
    const struct policy_key_ref *b = pb;
    int c = policy_key_compare(a->key, b->key);
    if (c != 0)
        return c;
    if (a->role != b->role)
        return a->role < b->role ? -1 : 1;
    if (a->where.i != b->where.i)
        return a->where.i < b->where.i ? -1 : 1;
    return a->where.j < b->where.j ? -1 : a->where.j > b->where.j;
}

static size_t key_total(const struct policy *p)
{
    size_t n = p->key_count;
    for (size_t i = 0; i < p->principal_count; i++)
        n += p->principals[i].submit_key_count + p->principals[i].approval_key_count;
    for (size_t i = 0; i < p->builder_count; i++)
        n += p->builders[i].key_count;
    return n + (p->witnesses != NULL ? p->witnesses->known.count : 0);
}

static void add_keys(struct policy *p, const struct hm_key *keys, size_t n,
                     enum policy_key_role role, struct policy_where where)
{
    for (size_t j = 0; j < n; j++) {
        where.j = where.j < 0 ? -1 : (long)j;
        p->all_keys[p->all_key_count++] = (struct policy_key_ref){&keys[j], role, where, NULL};
        if (role == POLICY_KEY_APPROVE)
            p->approval_keys.v[p->approval_keys.count++] =
                (struct policy_digest_at){hm_key_id(&keys[j]), where};
    }
}

static void collect_keys(struct policy *p)
{
    for (size_t i = 0; i < p->principal_count; i++) {
        const struct policy_principal *a = &p->principals[i];
        add_keys(p, a->submit_keys, a->submit_key_count, POLICY_KEY_SUBMIT,
                 (struct policy_where){"principals", i, "submit_keys", 0});
        add_keys(p, a->approval_keys, a->approval_key_count, POLICY_KEY_APPROVE,
                 (struct policy_where){"principals", i, "approval_keys", 0});
    }
    for (size_t i = 0; i < p->builder_count; i++)
        add_keys(p, p->builders[i].keys, p->builders[i].key_count, POLICY_KEY_BUILD,
                 (struct policy_where){"builders", i, "keys", 0});
    for (size_t i = 0; i < p->key_count; i++)
        add_keys(p, &p->keys[i].pub.key, 1, POLICY_KEY_RELEASE,
                 (struct policy_where){"keys", i, "public_key", -1});
    for (size_t i = 0; p->witnesses != NULL && i < p->witnesses->known.count; i++)
        add_keys(p, &p->witnesses->known.of[i].v.key, 1, POLICY_KEY_WITNESS,
                 (struct policy_where){"witnesses", i, "key", -1});
}

/* Importing a P-256 key costs a third of a verification and more, so it is done once. */
static enum hm_err keep_ready(struct policy *p, struct hm_why *why)
{
    size_t left = POLICY_READY_MAX;
    for (size_t i = 0; i < p->all_key_count && left > 0; i++) {
        struct policy_key_ref *r = &p->all_keys[i];
        if (r->role != POLICY_KEY_APPROVE)
            continue;
        if (hm_key_ready_make(r->key, &r->ready) != HM_OK)
            return policy_no_memory(why);
        left--;
    }
    return HM_OK;
}

/* By algorithm and raw value: neither an encoding nor a FIDO application makes it another key. */
static enum hm_err lint_keys(struct policy *p, struct hm_why *why)
{
    size_t n = key_total(p);
    p->all_keys = policy_alloc(&p->arena, n, sizeof p->all_keys[0]);
    p->approval_keys.v = policy_alloc(&p->arena, n, sizeof p->approval_keys.v[0]);
    if (p->all_keys == NULL || p->approval_keys.v == NULL)
        return policy_no_memory(why);
    collect_keys(p);
    policy_digests_sort(&p->approval_keys);
    qsort(p->all_keys, n, sizeof p->all_keys[0], key_ref_compare);
    for (size_t i = 1; i < n; i++) {
        if (policy_key_compare(p->all_keys[i - 1].key, p->all_keys[i].key) != 0)
            continue;
        char a[POLICY_PATH_MAX];
        char b[POLICY_PATH_MAX];
        policy_where_text(&p->all_keys[i - 1].where, a);
        policy_where_text(&p->all_keys[i].where, b);
        return hm_fail(
            why, HM_E_MALFORMED,
            "%s: this key stands twice, also at %s; expected one holder and one role for each key",
            b, a);
    }
    return keep_ready(p, why);
}

/* Names of one kind all over the document. Called with x->v NULL it only counts. */
static void add_names(struct policy_index *x, const struct policy_names *n,
                      struct policy_where where)
{
    for (size_t k = 0; x->v != NULL && k < n->count; k++) {
        where.j = (long)n->v[k].nth;
        x->v[x->count + k] = (struct policy_entry){n->v[k].text, where};
    }
    x->count += n->count;
}

static const struct policy_names *rule_names(const struct policy_rule_full *r, const char *what)
{
    return strcmp(what, "product") == 0   ? &r->products
           : strcmp(what, "channel") == 0 ? &r->channels
           : strcmp(what, "model") == 0   ? &r->models
                                          : &r->revisions;
}

static void collect_names(const struct policy *p, const char *member, const char *what,
                          struct policy_index *x)
{
    bool products = strcmp(what, "product") == 0;
    x->count = 0;
    for (size_t i = 0; products && i < p->builder_count; i++)
        add_names(x, &p->builders[i].products, (struct policy_where){"builders", i, member, 0});
    for (size_t i = 0; strcmp(member, "hardware") != 0 && i < p->key_count; i++)
        add_names(x, products ? &p->keys[i].products : &p->keys[i].channels,
                  (struct policy_where){"keys", i, member, 0});
    for (size_t i = 0; i < p->rule_count; i++)
        add_names(x, rule_names(&p->rules[i], what), (struct policy_where){"rules", i, member, 0});
}

static enum hm_err lint_case(struct policy *p, const char *member, const char *what,
                             struct hm_why *why)
{
    struct policy_index x = {0};
    collect_names(p, member, what, &x);
    x.v = policy_alloc(&p->arena, x.count, sizeof x.v[0]);
    if (x.v == NULL)
        return policy_no_memory(why);
    collect_names(p, member, what, &x);
    return policy_index_seal(&x, POLICY_ONE_CASE, what, why);
}

/* Who acts in a separated role and holds another one of them, or NULL. */
static const char *second_role(const struct policy_rule_full *r, const struct policy_principal *a,
                               unsigned acts_as)
{
    static const struct {
        unsigned bit;
        const char *name;
    } roles[] = {{POLICY_ROLE_SUBMITTER, "submitter"},
                 {POLICY_ROLE_APPROVER, "approver"},
                 {POLICY_ROLE_ADMINISTRATOR, "administrator"},
                 {POLICY_ROLE_CUSTODIAN, "key-custodian"}};
    unsigned others = (r->separate & acts_as) != 0 ? r->separate & a->roles & ~acts_as : 0;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (others & roles[i].bit)
            return roles[i].name;
    return NULL;
}

static enum hm_err lint_separate(const struct policy *p, size_t i, struct hm_why *why)
{
    const struct policy_rule_full *r = &p->rules[i];
    for (size_t k = 0; k < p->principal_count && r->separate != 0; k++) {
        const struct policy_principal *a = &p->principals[k];
        const char *role = NULL;
        if (policy_ptrs_has(&r->submitters, a))
            role = second_role(r, a, POLICY_ROLE_SUBMITTER);
        if (role != NULL)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].submitters: \"%s\" is %s, too, which the rule separates; "
                           "expected somebody else",
                           i, a->id, role);
        if (policy_rule_asks(&r->pub, POLICY_ANY_STAGE, a))
            role = second_role(r, a, POLICY_ROLE_APPROVER);
        if (role != NULL)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].approvals: approver \"%s\" is %s, too, which the rule "
                           "separates; expected somebody else",
                           i, a->id, role);
    }
    return HM_OK;
}

static enum hm_err lint_rule_people(const struct policy_rule_full *r, size_t i, struct hm_why *why)
{
    for (size_t k = 0; k < r->submitters.count; k++) {
        const struct policy_principal *a = r->submitters.v[k];
        if (!(a->roles & POLICY_ROLE_SUBMITTER))
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].submitters: \"%s\" is no submitter; expected that role", i,
                           a->id);
    }
    return HM_OK;
}

static bool same_requirements(const struct policy_rule_full *a, const struct policy_rule_full *b)
{
    return policy_quorum_same(&a->quorum, &b->quorum) && a->pub.witnessed == b->pub.witnessed &&
           a->pub.user_verification == b->pub.user_verification && a->separate == b->separate &&
           policy_provenance_same(a, b) && policy_promotion_same(&a->promotion, &b->promotion);
}

static bool same_signing(const struct policy_rule_full *a, const struct policy_rule_full *b)
{
    return a->pub.key_threshold == b->pub.key_threshold && policy_ptrs_same(&a->keys, &b->keys);
}

/* first[0]: the rule that reached the key first; first[1]: the first break-glass rule. */
static enum hm_err lint_shared_key(const struct policy *p, const struct policy_rule_full *first[2],
                                   const struct policy_signing_key *key,
                                   const struct policy_rule_full *r, struct hm_why *why)
{
    size_t i = (size_t)(r - p->rules);
    for (size_t n = 0; n < 2; n++)
        if (first[n] != NULL && !same_signing(first[n], r))
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].keys: \"%s\" signs beside other keys in $.rules[%zu]; "
                           "expected the same keys and threshold, or a key of its own",
                           i, key->pub.id, (size_t)(first[n] - p->rules));
    const struct policy_rule_full **mine = &first[r->pub.break_glass ? 1 : 0];
    if (*mine == NULL)
        *mine = r;
    else if (!same_requirements(*mine, r))
        return hm_fail(
            why, HM_E_MALFORMED,
            "$.rules[%zu].key: \"%s\" is also reached by $.rules[%zu] with other approvals or "
            "provenance; expected the same, or a key of its own",
            i, key->pub.id, (size_t)(*mine - p->rules));
    return HM_OK;
}

/* Else the weaker rule would set the price of the key. */
static enum hm_err lint_shared_keys(struct policy *p, struct hm_why *why)
{
    const struct policy_rule_full **first =
        policy_alloc(&p->arena, 2 * p->key_count, sizeof *first);
    enum hm_err err = first != NULL ? HM_OK : policy_no_memory(why);
    for (size_t i = 0; err == HM_OK && i < p->rule_count; i++) {
        const struct policy_rule_full *r = &p->rules[i];
        for (size_t n = 0; err == HM_OK && n < r->keys.count; n++) {
            const struct policy_signing_key *key = r->keys.v[n];
            err = lint_shared_key(p, &first[2 * (size_t)(key - p->keys)], key, r, why);
        }
    }
    return err;
}

/* Who breaks the glass is let off other things, so it takes more people. */
static enum hm_err lint_break_glass(const struct policy *p, size_t i, struct hm_why *why)
{
    const struct policy_rule_full *b = &p->rules[i];
    if (!b->pub.break_glass)
        return HM_OK;
    if (b->pub.approvals == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "$.rules[%zu].approvals: a break-glass rule asks for approvals; expected "
                       "{\"group\", \"count\"}",
                       i);
    for (size_t k = 0; k < p->rule_count; k++) {
        const struct policy_rule_full *r = &p->rules[k];
        if (!r->pub.break_glass && b->pub.approvals <= r->pub.approvals && policy_rules_meet(b, r))
            return hm_fail(why, HM_E_MALFORMED,
                           "$.rules[%zu].approvals: %zu people break the glass where $.rules[%zu] "
                           "asks for %zu; expected more",
                           i, b->pub.approvals, k, r->pub.approvals);
    }
    return HM_OK;
}

enum hm_err policy_lint(struct policy *p, struct hm_why *why)
{
    enum hm_err err = lint_keys(p, why);
    if (err == HM_OK)
        err = lint_case(p, "products", "product", why);
    if (err == HM_OK)
        err = lint_case(p, "channels", "channel", why);
    if (err == HM_OK)
        err = lint_case(p, "hardware", "model", why);
    if (err == HM_OK)
        err = lint_case(p, "hardware", "revision", why);
    for (size_t i = 0; err == HM_OK && i < p->rule_count; i++) {
        err = policy_lint_signing(&p->rules[i], i, why);
        if (err == HM_OK)
            err = lint_rule_people(&p->rules[i], i, why);
        if (err == HM_OK)
            err = policy_lint_quorum(p, i, why);
        if (err == HM_OK)
            err = lint_separate(p, i, why);
        if (err == HM_OK)
            err = lint_break_glass(p, i, why);
    }
    if (err == HM_OK)
        err = policy_index_rules(p, why);
    return err == HM_OK ? lint_shared_keys(p, why) : err;
}
