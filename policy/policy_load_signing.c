/* What signs the releases of a rule: one key, or so many of several on different tokens. */
#include "policy/policy_read_priv.h"

#include <string.h>

static const struct policy_target *target_of(const struct policy *p, struct policy_target *t)
{
    *t = (struct policy_target){&p->key_ids, p->keys, sizeof p->keys[0], "keys"};
    return t;
}

static enum hm_err load_one(struct policy *p, const struct hm_json_in *rule, const char *key,
                            struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_target t;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "key", -1, path);
    const void **v = policy_alloc(&p->arena, 1, sizeof *v);
    if (v == NULL)
        return policy_no_memory(why);
    v[0] = policy_read_ref(key, path, target_of(p, &t), why);
    out->keys = (struct policy_ptrs){v, 1};
    out->pub.key_threshold = 1;
    return v[0] != NULL ? HM_OK : HM_E_MALFORMED;
}

static enum hm_err load_several(struct policy *p, const struct hm_json_in *rule, const json_t *keys,
                                struct policy_rule_full *out, struct hm_why *why)
{
    struct policy_target t;
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "keys", -1, path);
    hm_json_begin(&in, keys, path, why);
    const json_t *of = hm_json_array(&in, "of", 2, HM_SIGN_KEYS_MAX);
    size_t n = json_array_size(of);
    out->pub.key_threshold = (size_t)hm_json_uint(&in, "threshold", 1, HM_SIGN_KEYS_MAX);
    if (in.err == HM_OK && out->pub.key_threshold > n)
        hm_json_bad(&in, HM_E_MALFORMED, "threshold", "expected at most %zu, the keys of `of`", n);
    hm_json_path(&in, "of", -1, path);
    enum hm_err err = hm_json_end(&in);
    return err == HM_OK ? policy_read_refs(&p->arena, of, path, target_of(p, &t), &out->keys, why)
                        : err;
}

enum hm_err policy_load_signing(struct policy *p, const struct hm_json_in *rule, const char *key,
                                const json_t *keys, struct policy_rule_full *out,
                                struct hm_why *why)
{
    enum hm_err err =
        keys != NULL ? load_several(p, rule, keys, out, why) : load_one(p, rule, key, out, why);
    if (err != HM_OK)
        return err;
    const struct policy_release_key **pub = policy_alloc(&p->arena, out->keys.count, sizeof *pub);
    if (pub == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < out->keys.count; i++)
        pub[i] = &((const struct policy_signing_key *)out->keys.v[i])->pub;
    out->key = out->keys.v[0];
    out->pub.key = pub[0];
    out->pub.keys = pub;
    out->pub.key_count = out->keys.count;
    return HM_OK;
}

static enum hm_err names_within(const struct policy_names *need, const struct policy_names *have,
                                size_t rule, const char *member, struct hm_why *why)
{
    for (size_t k = 0; k < need->count; k++)
        if (!policy_names_has(have, need->v[k].text))
            return hm_fail(
                why, HM_E_MALFORMED,
                "$.rules[%zu].%s[%zu]: the rule's key does not sign for \"%s\"; expected one of "
                "the key's %s",
                rule, member, need->v[k].nth, need->v[k].text, member);
    return HM_OK;
}

enum hm_err policy_lint_signing(const struct policy_rule_full *r, size_t i, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t n = 0; err == HM_OK && n < r->keys.count; n++) {
        const struct policy_signing_key *key = r->keys.v[n];
        if (strcmp(r->pub.environment, key->pub.environment) != 0)
            return hm_fail(
                why, HM_E_MALFORMED,
                "$.rules[%zu].environment: the rule's key \"%s\" is for %s; expected the same", i,
                key->pub.id, key->pub.environment);
        err = names_within(&r->products, &key->products, i, "products", why);
        if (err == HM_OK)
            err = names_within(&r->channels, &key->channels, i, "channels", why);
    }
    return err;
}
