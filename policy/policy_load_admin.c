/* The member `administration`: whose approvals put another policy into force. */
#include "policy/policy_read_priv.h"

#include <string.h>

struct admin_doc {
    const char *group;
    size_t count;
};

static enum hm_err read_members(const json_t *v, struct admin_doc *out, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, "$.administration", why);
    out->group = hm_json_name(&in, "group");
    out->count = (size_t)hm_json_uint(&in, "count", 1, POLICY_ADMIN_COUNT_MAX);
    return hm_json_end(&in);
}

static enum hm_err check_people(const struct policy_group *g, size_t count, struct hm_why *why)
{
    for (size_t i = 0; i < g->members.count; i++) {
        const struct policy_principal *a = g->members.v[i];
        if ((a->roles & POLICY_ROLE_ADMINISTRATOR) == 0)
            return hm_fail(
                why, HM_E_MALFORMED,
                "$.administration.group: \"%s\" of %s is no administrator; expected that role",
                a->id, g->id);
        if (a->approval_key_count == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.administration.group: administrator \"%s\" of %s has no approval "
                           "key; expected at least one",
                           a->id, g->id);
    }
    if (g->members.count < count)
        return hm_fail(why, HM_E_MALFORMED,
                       "$.administration.count: %zu of a group with %zu members; expected at most "
                       "that many",
                       count, g->members.count);
    return HM_OK;
}

/* Whoever changes the policy alone decides alone about everything in it. */
static enum hm_err check_alone(const struct policy *p, size_t count, struct hm_why *why)
{
    for (size_t i = 0; count < 2 && i < p->key_count; i++)
        if (strcmp(p->keys[i].pub.environment, "production") == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "$.administration.count: one person alone could change the rules of "
                           "production key \"%s\"; expected at least 2",
                           p->keys[i].pub.id);
    return HM_OK;
}

enum hm_err policy_load_administration(struct policy *p, const json_t *v, struct hm_why *why)
{
    const struct policy_target groups = {&p->group_ids, p->groups, sizeof p->groups[0], "groups"};
    struct admin_doc doc = {NULL, 0};
    if (v == NULL)
        return HM_OK;
    enum hm_err err = read_members(v, &doc, why);
    if (err != HM_OK)
        return err;
    const struct policy_group *g =
        policy_read_ref(doc.group, "$.administration.group", &groups, why);
    if (g == NULL)
        return HM_E_MALFORMED;
    err = check_people(g, doc.count, why);
    if (err == HM_OK)
        err = check_alone(p, doc.count, why);
    if (err != HM_OK)
        return err;
    p->admin_group = g;
    p->admin_count = doc.count;
    return HM_OK;
}

size_t policy_admin_count(const struct policy *p)
{
    return p->admin_count;
}

const char *policy_admin_group(const struct policy *p)
{
    return p->admin_group != NULL ? p->admin_group->id : NULL;
}

const struct policy_principal *policy_administrator_at(const struct policy *p, size_t i)
{
    return p->admin_group != NULL && i < p->admin_group->members.count
               ? p->admin_group->members.v[i]
               : NULL;
}

bool policy_is_administrator(const struct policy *p, const struct policy_principal *who)
{
    return p->admin_group != NULL && (who->roles & POLICY_ROLE_ADMINISTRATOR) != 0 &&
           policy_ptrs_has(&p->admin_group->members, who);
}
