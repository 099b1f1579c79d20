/* What a rule holds against the releases before: the members `limits` and `promotion`. */
#include "policy/policy_read_priv.h"

#include <string.h>

static enum hm_err read_signatures(const struct hm_json_in *parent, const json_t *v,
                                   struct policy_limits *out, struct hm_why *why)
{
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(parent, "signatures", -1, path);
    hm_json_begin(&in, v, path, why);
    out->signatures = (size_t)hm_json_uint(&in, "count", 1, POLICY_SIGNATURES_MAX);
    out->window_s =
        (int64_t)hm_json_uint(&in, "window_s", POLICY_WINDOW_MIN_S, POLICY_WINDOW_MAX_S);
    return hm_json_end(&in);
}

/* Such a member says true or is not there: a false one would read as if it did something. */
static bool read_flag(struct hm_json_in *in, const char *member)
{
    bool there = hm_json_has(in, member);
    if (there && !hm_json_bool(in, member))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected true, or no such member");
    return there;
}

enum hm_err policy_load_limits(const struct hm_json_in *rule, const json_t *v,
                               struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_limits *l = &out->limits;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "limits", -1, path);
    hm_json_begin(&in, v, path, why);
    l->max_size = hm_json_uint_or(&in, "max_size", 1, POLICY_SIZE_MAX, 0);
    l->size_factor_percent =
        hm_json_uint_or(&in, "size_factor_percent", POLICY_FACTOR_MIN, POLICY_FACTOR_MAX, 0);
    l->no_downgrade = read_flag(&in, "no_downgrade");
    l->same_bytes = read_flag(&in, "same_bytes");
    const json_t *signatures = hm_json_object_or_null(&in, "signatures");
    enum hm_err err = hm_json_end(&in);
    if (err == HM_OK && signatures != NULL)
        err = read_signatures(&in, signatures, l, why);
    if (err != HM_OK)
        return err;
    if (json_object_size(v) == 0)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected at least one limit", path);
    if (l->size_factor_percent > 0 && out->quorum.stage_count == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.size_factor_percent: a change of size asks for one more approval; "
                       "expected a rule with approvals",
                       path);
    if (l->size_factor_percent > 0 && out->pub.approvals >= HM_APPROVALS_MAX)
        return hm_fail(
            why, HM_E_LIMIT,
            "%s.size_factor_percent: one more than %zu approvals; expected at most %d in "
            "all",
            path, out->pub.approvals, HM_APPROVALS_MAX);
    return HM_OK;
}

static int rank(const char *environment)
{
    return strcmp(environment, "production") == 0 ? 2 : strcmp(environment, "staging") == 0;
}

static enum hm_err read_promotion_lists(struct policy *p, const struct hm_json_in *in,
                                        const json_t *channels, const json_t *submitters,
                                        struct policy_promotion *out, struct hm_why *why)
{
    const struct policy_target people = {&p->principal_ids, p->principals, sizeof p->principals[0],
                                         "principals"};
    char path[POLICY_PATH_MAX];
    enum hm_err err = HM_OK;
    if (channels != NULL)
        err = policy_read_member(p, in, "channels", channels, &out->channels);
    hm_json_path(in, "submitters", -1, path);
    if (err == HM_OK && submitters != NULL)
        err = policy_read_refs(&p->arena, submitters, path, &people, &out->submitters, why);
    return err;
}

enum hm_err policy_load_promotion(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                                  struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_promotion *m = &out->promotion;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "promotion", -1, path);
    hm_json_begin(&in, v, path, why);
    m->environment = policy_read_environment(&in);
    m->soak_s = (int64_t)hm_json_uint_or(&in, "soak_s", 0, POLICY_SOAK_MAX_S, 0);
    const json_t *channels = hm_json_has(&in, "channels")
                                 ? hm_json_array(&in, "channels", 1, POLICY_CHANNELS_MAX)
                                 : NULL;
    const json_t *submitters = hm_json_has(&in, "submitters")
                                   ? hm_json_array(&in, "submitters", 1, HM_PRINCIPALS_MAX)
                                   : NULL;
    if (m->environment != NULL && rank(m->environment) >= rank(out->pub.environment))
        hm_json_bad(&in, HM_E_MALFORMED, "environment",
                    "expected one before %s: development, staging, production",
                    out->pub.environment);
    enum hm_err err = hm_json_end(&in);
    return err == HM_OK ? read_promotion_lists(p, &in, channels, submitters, m, why) : err;
}

bool policy_promotion_same(const struct policy_promotion *a, const struct policy_promotion *b)
{
    if (a->environment != b->environment || a->soak_s != b->soak_s)
        return false; /* environments are static texts */
    return policy_names_same(&a->channels, &b->channels) &&
           policy_ptrs_same(&a->submitters, &b->submitters);
}
