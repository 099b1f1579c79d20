/* Loading: parse, read section by section, lint; a policy exists only if all of it held. */
#include "policy/policy_read_priv.h"

#include <stdlib.h>
#include <string.h>

static void policy_free_at(struct policy **p)
{
    policy_free(*p);
}

void policy_free(struct policy *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->all_key_count; i++)
        hm_key_ready_free(p->all_keys[i].ready);
    policy_arena_free(&p->arena);
    free(p);
}

/* A DNS name in lower case: labels of letters, digits and inner hyphens. Devices hash it, so that
 * one spelling is allowed. */
static bool domain_ok(const char *s)
{
    size_t n = strlen(s);
    size_t label = 0;
    if (n == 0 || n > POLICY_DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '.') {
            if (label == 0 || s[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        bool alnum = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9');
        if (!alnum && !(s[i] == '-' && label > 0))
            return false;
        if (++label > 63)
            return false;
    }
    return label > 0 && s[n - 1] != '-';
}

struct sections {
    const json_t *principals, *groups, *builders, *keys, *rules, *administration, *witnesses;
};

static enum hm_err load_head(struct policy *p, const json_t *doc, struct sections *s,
                             struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    (void)hm_json_uint(&in, "version", 1, 1);
    const char *name = hm_json_str(&in, "name");
    const char *domain = hm_json_str(&in, "vendor_domain");
    policy_check_title(&in, "name", name);
    if (domain != NULL && !domain_ok(domain))
        hm_json_bad(&in, HM_E_MALFORMED, "vendor_domain",
                    "expected a domain name in lower case, at most %d bytes", POLICY_DOMAIN_MAX);
    s->principals = hm_json_array(&in, "principals", 1, HM_PRINCIPALS_MAX);
    s->groups = hm_json_array_or_null(&in, "groups", POLICY_GROUPS_MAX);
    s->builders = hm_json_array_or_null(&in, "builders", POLICY_BUILDERS_MAX);
    s->keys = hm_json_array(&in, "keys", 0, POLICY_KEYS_MAX);
    s->rules = hm_json_array(&in, "rules", 0, POLICY_RULES_MAX);
    s->administration = hm_json_object_or_null(&in, "administration");
    s->witnesses = hm_json_object_or_null(&in, "witnesses");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    p->name = policy_dup(&p->arena, name);
    p->vendor_domain = policy_dup(&p->arena, domain);
    return p->name != NULL && p->vendor_domain != NULL ? HM_OK : policy_no_memory(why);
}

static enum hm_err load_sections(struct policy *p, const json_t *doc, struct hm_why *why)
{
    struct sections s = {0};
    enum hm_err err = load_head(p, doc, &s, why);
    if (err == HM_OK)
        err = policy_load_principals(p, s.principals, why);
    if (err == HM_OK)
        err = policy_load_groups(p, s.groups, why);
    if (err == HM_OK)
        err = policy_load_builders(p, s.builders, why);
    if (err == HM_OK)
        err = policy_load_keys(p, s.keys, why);
    if (err == HM_OK)
        err = policy_load_witnesses(p, s.witnesses, why);
    if (err == HM_OK)
        err = policy_load_rules(p, s.rules, why);
    if (err == HM_OK)
        err = policy_load_administration(p, s.administration, why);
    return err == HM_OK ? policy_lint(p, why) : err;
}

enum hm_err policy_load(struct hm_bytes json, struct policy **out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    enum hm_err err = hm_json_parse(json, HM_JSON_OURS(HM_POLICY_MAX), &doc, why);
    if (err != HM_OK)
        return err;
    __attribute__((cleanup(policy_free_at))) struct policy *p = calloc(1, sizeof *p);
    if (p == NULL)
        return policy_no_memory(why);
    p->digest = hm_sha256(json);
    err = load_sections(p, doc, why);
    if (err != HM_OK)
        return err;
    *out = p;
    p = NULL;
    return HM_OK;
}

const struct hm_digest *policy_digest(const struct policy *p)
{
    return &p->digest;
}

const char *policy_name(const struct policy *p)
{
    return p->name;
}

const char *policy_vendor_domain(const struct policy *p)
{
    return p->vendor_domain;
}
