/* The member `approvals` of a rule: one group, several at once, or stages one after the other. */
#include "policy/policy_read_priv.h"

#include <string.h>

static enum hm_err read_requirement(struct policy *p, struct hm_json_in *in,
                                    struct policy_requirement *out, struct hm_why *why)
{
    char path[POLICY_PATH_MAX];
    const char *group = hm_json_name(in, "group");
    out->count = (size_t)hm_json_uint(in, "count", 1, HM_APPROVALS_MAX);
    if (in->err != HM_OK)
        return in->err;
    hm_json_path(in, "group", -1, path);
    const struct policy_target groups = {&p->group_ids, p->groups, sizeof p->groups[0], "groups"};
    out->group = policy_read_ref(group, path, &groups, why);
    out->path = policy_dup(&p->arena, in->path);
    if (out->path == NULL)
        return policy_no_memory(why);
    return out->group != NULL ? HM_OK : HM_E_MALFORMED;
}

static enum hm_err read_listed(struct policy *p, const struct hm_json_in *parent,
                               const json_t *list, struct policy_stage_of *out, struct hm_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct hm_json_in in;
        char path[POLICY_PATH_MAX];
        hm_json_path(parent, "of", (long)i, path);
        hm_json_begin(&in, json_array_get(list, i), path, why);
        enum hm_err err = read_requirement(p, &in, &out->v[i], why);
        if (err == HM_OK)
            err = hm_json_end(&in);
        if (err != HM_OK)
            return err;
        for (size_t k = 0; k < i; k++)
            if (out->v[k].group == out->v[i].group)
                return hm_fail(why, HM_E_MALFORMED,
                               "%s.group: \"%s\" stands twice in this list; expected it once", path,
                               out->v[i].group->id);
        out->count = i + 1;
    }
    return HM_OK;
}

/* One stage: `group` and `count`, or `of`. Does not end the reader. */
static enum hm_err read_stage(struct policy *p, struct hm_json_in *in, struct policy_stage_of *out,
                              struct hm_why *why)
{
    const json_t *of =
        hm_json_has(in, "of") ? hm_json_array(in, "of", 1, POLICY_REQUIREMENTS_MAX) : NULL;
    if (in->err != HM_OK)
        return in->err;
    out->v = policy_alloc(&p->arena, of != NULL ? json_array_size(of) : 1, sizeof out->v[0]);
    if (out->v == NULL)
        return policy_no_memory(why);
    if (of != NULL)
        return read_listed(p, in, of, out, why);
    out->count = 1;
    return read_requirement(p, in, &out->v[0], why);
}

static enum hm_err read_stages(struct policy *p, struct hm_json_in *in,
                               struct policy_quorum_rule *out, struct hm_why *why)
{
    const json_t *list = hm_json_array(in, "stages", 1, POLICY_STAGES_MAX);
    if (list == NULL)
        return in->err;
    out->stage_count = json_array_size(list);
    out->stages = policy_alloc(&p->arena, out->stage_count, sizeof out->stages[0]);
    if (out->stages == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < out->stage_count; i++) {
        struct hm_json_in stage;
        char path[POLICY_PATH_MAX];
        hm_json_path(in, "stages", (long)i, path);
        hm_json_begin(&stage, json_array_get(list, i), path, why);
        enum hm_err err = read_stage(p, &stage, &out->stages[i], why);
        if (err == HM_OK)
            err = hm_json_end(&stage);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

static enum hm_err read_quorum(struct policy *p, struct hm_json_in *in,
                               struct policy_quorum_rule *out, struct hm_why *why)
{
    if (hm_json_has(in, "stages"))
        return read_stages(p, in, out, why);
    out->stage_count = 1;
    out->stages = policy_alloc(&p->arena, 1, sizeof out->stages[0]);
    if (out->stages == NULL)
        return policy_no_memory(why);
    return read_stage(p, in, &out->stages[0], why);
}

static enum hm_err read_veto(struct policy *p, const struct hm_json_in *in, const json_t *list,
                             struct policy_ptrs *out, struct hm_why *why)
{
    char path[POLICY_PATH_MAX];
    const struct policy_target groups = {&p->group_ids, p->groups, sizeof p->groups[0], "groups"};
    hm_json_path(in, "veto", -1, path);
    return policy_read_refs(&p->arena, list, path, &groups, out, why);
}

static size_t people(const struct policy_quorum_rule *q)
{
    size_t n = 0;
    for (size_t i = 0; i < q->stage_count; i++)
        for (size_t k = 0; k < q->stages[i].count; k++)
            n += q->stages[i].v[k].count;
    return n;
}

enum hm_err policy_load_approvals(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                                  struct policy_rule_full *out, struct hm_why *why)
{
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "approvals", -1, path);
    hm_json_begin(&in, v, path, why);
    enum hm_err err = read_quorum(p, &in, &out->quorum, why);
    out->quorum.shared = hm_json_bool_or(&in, "shared", false);
    out->pub.user_verification = hm_json_bool_or(&in, "user_verification", false);
    const json_t *veto =
        hm_json_has(&in, "veto") ? hm_json_array(&in, "veto", 1, POLICY_REQUIREMENTS_MAX) : NULL;
    if (err == HM_OK)
        err = hm_json_end(&in);
    if (err == HM_OK && veto != NULL)
        err = read_veto(p, &in, veto, &out->quorum.veto, why);
    if (err != HM_OK)
        return err;
    out->pub.group = out->quorum.stages[0].v[0].group->id;
    out->pub.approvals = people(&out->quorum);
    if (out->pub.approvals > HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_LIMIT, "%s: %zu people in all; expected at most %d", path,
                       out->pub.approvals, HM_APPROVALS_MAX);
    return HM_OK;
}
