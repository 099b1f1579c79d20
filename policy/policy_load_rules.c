/* The section `rules`. */
#include "policy/policy_read_priv.h"

#include <string.h>

/* True where the member says "none" and the environment allows that. */
static bool is_none(struct hm_json_in *in, const char *member, const json_t *v,
                    const char *environment, const char *form)
{
    const char *text = json_string_value(v);
    if (v == NULL || json_is_object(v))
        return false;
    if (text == NULL || strcmp(text, "none") != 0)
        hm_json_bad(in, HM_E_MALFORMED, member, "expected %s, or \"none\"", form);
    else if (environment == NULL || strcmp(environment, "development") != 0)
        hm_json_bad(in, HM_E_MALFORMED, member,
                    "\"none\" is for environment development only; expected %s", form);
    return true;
}

struct rule_members {
    const char *id, *key;
    const json_t *products, *channels, *hardware, *submitters, *approvals, *provenance;
    const json_t *keys, *separate, *attestations, *limits, *freeze, *promotion;
    bool no_approvals, no_provenance;
};

/* A list that may be missing, but not empty: that would be a rule for nothing. */
static const json_t *list_or_null(struct hm_json_in *in, const char *member, size_t max)
{
    return hm_json_has(in, member) ? hm_json_array(in, member, 1, max) : NULL;
}

static enum hm_err read_rule_members(struct hm_json_in *in, struct rule_members *m,
                                     struct policy_rule *out)
{
    m->id = hm_json_name(in, "id");
    m->products = list_or_null(in, "products", POLICY_PRODUCTS_MAX);
    m->channels = list_or_null(in, "channels", POLICY_CHANNELS_MAX);
    m->hardware = list_or_null(in, "hardware", POLICY_HARDWARE_MAX);
    out->environment = policy_read_environment(in);
    m->keys = hm_json_object_or_null(in, "keys");
    m->key = m->keys == NULL ? hm_json_name(in, "key") : NULL;
    m->submitters = hm_json_array(in, "submitters", 1, HM_PRINCIPALS_MAX);
    m->attestations = list_or_null(in, "attestations", POLICY_ATTESTATIONS_MAX);
    m->limits = hm_json_object_or_null(in, "limits");
    m->freeze = hm_json_object_or_null(in, "freeze");
    m->promotion = hm_json_object_or_null(in, "promotion");
    m->separate = hm_json_has(in, "separate") ? hm_json_array(in, "separate", 2, 4) : NULL;
    out->break_glass = hm_json_bool_or(in, "break_glass", false);
    out->witnessed = hm_json_bool_or(in, "witnessed", false);
    m->approvals = hm_json_any(in, "approvals");
    m->provenance = hm_json_any(in, "provenance");
    out->approval_ttl_s = (int64_t)hm_json_uint_or(in, "approval_ttl_s", POLICY_TTL_MIN_S,
                                                   POLICY_TTL_MAX_S, POLICY_TTL_DEFAULT_S);
    m->no_approvals =
        is_none(in, "approvals", m->approvals, out->environment, "{\"group\", \"count\"}");
    m->no_provenance = is_none(in, "provenance", m->provenance, out->environment, "{\"builders\"}");
    return hm_json_end(in);
}

/* What a rule does not name is all that its key signs; naming it makes the rule more specific. */
static enum hm_err read_scope(struct policy *p, const struct hm_json_in *in,
                              const struct rule_members *m, struct policy_rule_full *r)
{
    enum hm_err err = HM_OK;
    r->products = r->key->products;
    r->channels = r->key->channels;
    r->specificity =
        (m->hardware != NULL ? 4u : 0) + (m->products != NULL ? 2u : 0) + (m->channels != NULL);
    if (m->products != NULL)
        err = policy_read_member(p, in, "products", m->products, &r->products);
    if (err == HM_OK && m->channels != NULL)
        err = policy_read_member(p, in, "channels", m->channels, &r->channels);
    if (err == HM_OK && m->hardware != NULL)
        err = policy_read_member(p, in, "hardware", m->hardware, &r->hardware);
    return err == HM_OK ? policy_split_hardware(p, r, in->why) : err;
}

static enum hm_err read_separate(const struct hm_json_in *in, const json_t *list, unsigned *out,
                                 struct hm_why *why)
{
    char path[POLICY_PATH_MAX];
    unsigned roles = 0;
    hm_json_path(in, "separate", -1, path);
    enum hm_err err = policy_read_roles(list, path, &roles, why);
    if (err != HM_OK)
        return err;
    if ((roles & POLICY_ROLE_AUDITOR) != 0 ||
        (roles & (POLICY_ROLE_SUBMITTER | POLICY_ROLE_APPROVER)) == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: expected \"submitter\" or \"approver\", and no \"auditor\": those who "
                       "act for a release",
                       path);
    *out = roles;
    return HM_OK;
}

static enum hm_err resolve_rule(struct policy *p, const struct hm_json_in *in,
                                const struct rule_members *m, struct policy_rule_full *r,
                                struct hm_why *why)
{
    const struct policy_target people = {&p->principal_ids, p->principals, sizeof p->principals[0],
                                         "principals"};
    char path[POLICY_PATH_MAX];
    enum hm_err err = policy_load_signing(p, in, m->key, m->keys, r, why);
    if (err != HM_OK)
        return err;
    hm_json_path(in, "witnessed", -1, path);
    if (r->pub.witnessed && p->witnesses == NULL)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected $.witnesses, which says who they are",
                       path);
    hm_json_path(in, "submitters", -1, path);
    err = policy_read_refs(&p->arena, m->submitters, path, &people, &r->submitters, why);
    if (err == HM_OK)
        err = read_scope(p, in, m, r);
    if (err == HM_OK && m->separate != NULL)
        err = read_separate(in, m->separate, &r->separate, why);
    if (err == HM_OK && !m->no_approvals)
        err = policy_load_approvals(p, in, m->approvals, r, why);
    if (err == HM_OK && !m->no_provenance)
        err = policy_load_provenance(p, in, m->provenance, r, why);
    if (err == HM_OK && m->attestations != NULL)
        err = policy_load_attestations(p, in, m->attestations, r, why);
    if (err == HM_OK && m->limits != NULL)
        err = policy_load_limits(in, m->limits, r, why);
    if (err == HM_OK && m->freeze != NULL)
        err = policy_load_freeze(p, in, m->freeze, r, why);
    if (err == HM_OK && m->promotion != NULL)
        err = policy_load_promotion(p, in, m->promotion, r, why);
    return err;
}

static enum hm_err load_rule(struct policy *p, const json_t *list, size_t i, struct hm_why *why)
{
    struct policy_rule_full *r = &p->rules[i];
    struct hm_json_in in;
    struct rule_members m = {0};
    policy_begin(&in, "rules", list, i, why);
    enum hm_err err = read_rule_members(&in, &m, &r->pub);
    if (err != HM_OK)
        return err;
    r->pub.id = policy_dup(&p->arena, m.id);
    if (r->pub.id == NULL)
        return policy_no_memory(why);
    p->rule_ids.v[i] = (struct policy_entry){r->pub.id, {"rules", i, "id", -1}};
    return resolve_rule(p, &in, &m, r, why);
}

enum hm_err policy_load_rules(struct policy *p, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    p->rules = policy_alloc(&p->arena, n, sizeof p->rules[0]);
    if (p->rules == NULL)
        return policy_no_memory(why);
    p->rule_count = n;
    enum hm_err err = policy_index_alloc(&p->arena, n, &p->rule_ids, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = load_rule(p, list, i, why);
    return err == HM_OK ? policy_index_seal(&p->rule_ids, POLICY_ONCE, "id", why) : err;
}
