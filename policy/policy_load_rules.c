/* The sections `builders`, `keys` and `rules`. */
#include "policy/policy_read_priv.h"

#include "schema/trust/hm_keydoc.h"

#include <string.h>

/* Begins the reader of element i of a section. */
static void begin(struct hm_json_in *in, const char *section, const json_t *list, size_t i,
                  struct hm_why *why)
{
    const struct hm_json_in root = {.path = "$"};
    char path[POLICY_PATH_MAX];
    hm_json_path(&root, section, (long)i, path);
    hm_json_begin(in, json_array_get(list, i), path, why);
}

static enum hm_err read_member_names(struct policy *p, const struct hm_json_in *in,
                                     const char *member, const json_t *list,
                                     struct policy_names *out)
{
    const struct policy_names_spec *spec = strcmp(member, "repositories") == 0
                                               ? &POLICY_SPEC_REPOSITORY
                                           : strcmp(member, "hardware") == 0 ? &POLICY_SPEC_HARDWARE
                                                                             : &POLICY_SPEC_NAME;
    char path[POLICY_PATH_MAX];
    hm_json_path(in, member, -1, path);
    return policy_read_names(&p->arena, list, path, spec, out, in->why);
}

/* A hardware key's signature covers more than the payload: DSSE cannot carry it. */
static enum hm_err builder_keys_plain(const struct policy_builder *b, const char *path,
                                      struct hm_why *why)
{
    for (size_t j = 0; j < b->key_count; j++)
        if (hm_key_is_sk(&b->keys[j]))
            return hm_fail(why, HM_E_UNSUPPORTED,
                           "%s[%zu]: expected a key that signs DSSE envelopes; sk- keys cannot",
                           path, j);
    return HM_OK;
}

static enum hm_err load_builder(struct policy *p, const json_t *list, size_t i, struct hm_why *why)
{
    struct policy_builder *b = &p->builders[i];
    struct hm_json_in in;
    begin(&in, "builders", list, i, why);
    const char *id = hm_json_str(&in, "id");
    if (id != NULL && !policy_uri_ok(id))
        hm_json_bad(&in, HM_E_MALFORMED, "id", "expected a URI without spaces or wildcards");
    const json_t *keys = hm_json_array(&in, "keys", 1, POLICY_BUILDER_KEYS_MAX);
    const json_t *products = hm_json_array(&in, "products", 1, POLICY_PRODUCTS_MAX);
    const json_t *repositories = hm_json_array(&in, "repositories", 1, POLICY_REPOSITORIES_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    b->id = policy_dup(&p->arena, id);
    if (b->id == NULL)
        return policy_no_memory(why);
    p->builder_ids.v[i] = (struct policy_entry){b->id, {"builders", i, "id", -1}};
    char path[POLICY_PATH_MAX];
    hm_json_path(&in, "keys", -1, path);
    err = policy_read_keys(&p->arena, keys, path, &b->keys, &b->key_count, why);
    if (err == HM_OK)
        err = builder_keys_plain(b, path, why);
    if (err == HM_OK)
        err = read_member_names(p, &in, "products", products, &b->products);
    return err == HM_OK ? read_member_names(p, &in, "repositories", repositories, &b->repositories)
                        : err;
}

enum hm_err policy_load_builders(struct policy *p, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    p->builders = policy_alloc(&p->arena, n, sizeof p->builders[0]);
    if (p->builders == NULL)
        return policy_no_memory(why);
    p->builder_count = n;
    enum hm_err err = policy_index_alloc(&p->arena, n, &p->builder_ids, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = load_builder(p, list, i, why);
    return err == HM_OK ? policy_index_seal(&p->builder_ids, POLICY_ONCE, "id", why) : err;
}

static const char *read_environment(struct hm_json_in *in)
{
    const char *text = hm_json_str(in, "environment");
    const char *known = policy_environment(text);
    if (text != NULL && known == NULL)
        hm_json_bad(in, HM_E_MALFORMED, "environment",
                    "expected \"development\", \"staging\" or \"production\"");
    return known;
}

/* The HSM signs with P-256, and its public half is written down as SubjectPublicKeyInfo. */
static enum hm_err read_public_key(const struct hm_json_in *in, const json_t *v, struct hm_key *out,
                                   struct hm_why *why)
{
    char path[POLICY_PATH_MAX];
    hm_json_path(in, "public_key", -1, path);
    enum hm_err err = hm_keydoc_read(v, path, out, why);
    if (err != HM_OK)
        return err;
    if (out->alg != HM_KEY_P256 || json_object_get(v, "pem") == NULL)
        return hm_fail(why, HM_E_UNSUPPORTED, "%s: expected a P-256 key as \"pem\"", path);
    return HM_OK;
}

static enum hm_err load_key(struct policy *p, const json_t *list, size_t i, struct hm_why *why)
{
    struct policy_signing_key *k = &p->keys[i];
    struct hm_json_in in;
    begin(&in, "keys", list, i, why);
    const char *id = hm_json_name(&in, "id");
    const json_t *public_key = hm_json_object(&in, "public_key");
    k->pub.environment = read_environment(&in);
    const json_t *products = hm_json_array(&in, "products", 1, POLICY_PRODUCTS_MAX);
    const json_t *channels = hm_json_array(&in, "channels", 1, POLICY_CHANNELS_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    k->pub.id = policy_dup(&p->arena, id);
    if (k->pub.id == NULL)
        return policy_no_memory(why);
    p->key_ids.v[i] = (struct policy_entry){k->pub.id, {"keys", i, "id", -1}};
    err = read_public_key(&in, public_key, &k->pub.key, why);
    if (err != HM_OK)
        return err;
    k->pub.key_id = hm_key_id(&k->pub.key);
    p->release_keys.v[i] = (struct policy_digest_at){k->pub.key_id, {"keys", i, "public_key", -1}};
    err = read_member_names(p, &in, "products", products, &k->products);
    return err == HM_OK ? read_member_names(p, &in, "channels", channels, &k->channels) : err;
}

enum hm_err policy_load_keys(struct policy *p, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    p->keys = policy_alloc(&p->arena, n, sizeof p->keys[0]);
    p->release_keys.v = policy_alloc(&p->arena, n, sizeof p->release_keys.v[0]);
    if (p->keys == NULL || p->release_keys.v == NULL)
        return policy_no_memory(why);
    p->key_count = n;
    p->release_keys.count = n;
    enum hm_err err = policy_index_alloc(&p->arena, n, &p->key_ids, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = load_key(p, list, i, why);
    if (err != HM_OK)
        return err;
    policy_digests_sort(&p->release_keys);
    return policy_index_seal(&p->key_ids, POLICY_ONCE, "id", why);
}

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

static enum hm_err read_provenance(struct policy *p, const struct hm_json_in *rule, const json_t *v,
                                   struct policy_rule_full *out, struct hm_why *why)
{
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(rule, "provenance", -1, path);
    hm_json_begin(&in, v, path, why);
    const json_t *builders = hm_json_array(&in, "builders", 1, POLICY_BUILDERS_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    hm_json_path(&in, "builders", -1, path);
    const struct policy_target target = {&p->builder_ids, p->builders, sizeof p->builders[0],
                                         "builders"};
    out->pub.provenance = true;
    return policy_read_refs(&p->arena, builders, path, &target, &out->builders, why);
}

struct rule_members {
    const char *id, *key;
    const json_t *products, *channels, *hardware, *submitters, *approvals, *provenance, *separate;
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
    out->environment = read_environment(in);
    m->key = hm_json_name(in, "key");
    m->submitters = hm_json_array(in, "submitters", 1, HM_PRINCIPALS_MAX);
    m->separate = hm_json_has(in, "separate") ? hm_json_array(in, "separate", 2, 4) : NULL;
    out->break_glass = hm_json_bool_or(in, "break_glass", false);
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
        err = read_member_names(p, in, "products", m->products, &r->products);
    if (err == HM_OK && m->channels != NULL)
        err = read_member_names(p, in, "channels", m->channels, &r->channels);
    if (err == HM_OK && m->hardware != NULL)
        err = read_member_names(p, in, "hardware", m->hardware, &r->hardware);
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
    const struct policy_target keys = {&p->key_ids, p->keys, sizeof p->keys[0], "keys"};
    const struct policy_target people = {&p->principal_ids, p->principals, sizeof p->principals[0],
                                         "principals"};
    char path[POLICY_PATH_MAX];
    hm_json_path(in, "key", -1, path);
    r->key = policy_read_ref(m->key, path, &keys, why);
    if (r->key == NULL)
        return HM_E_MALFORMED;
    r->pub.key = &r->key->pub;
    hm_json_path(in, "submitters", -1, path);
    enum hm_err err =
        policy_read_refs(&p->arena, m->submitters, path, &people, &r->submitters, why);
    if (err == HM_OK)
        err = read_scope(p, in, m, r);
    if (err == HM_OK && m->separate != NULL)
        err = read_separate(in, m->separate, &r->separate, why);
    if (err == HM_OK && !m->no_approvals)
        err = policy_load_approvals(p, in, m->approvals, r, why);
    if (err == HM_OK && !m->no_provenance)
        err = read_provenance(p, in, m->provenance, r, why);
    return err;
}

static enum hm_err load_rule(struct policy *p, const json_t *list, size_t i, struct hm_why *why)
{
    struct policy_rule_full *r = &p->rules[i];
    struct hm_json_in in;
    struct rule_members m = {0};
    begin(&in, "rules", list, i, why);
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
