/* The sections `principals` and `groups`. */
#include "policy/policy_read_priv.h"

#include <string.h>

enum hm_err policy_read_roles(const json_t *list, const char *path, unsigned *out,
                              struct hm_why *why)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"submitter", POLICY_ROLE_SUBMITTER},
                 {"approver", POLICY_ROLE_APPROVER},
                 {"auditor", POLICY_ROLE_AUDITOR},
                 {"administrator", POLICY_ROLE_ADMINISTRATOR},
                 {"key-custodian", POLICY_ROLE_CUSTODIAN}};
    unsigned roles = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        unsigned bit = 0;
        for (size_t k = 0; text != NULL && k < sizeof known / sizeof known[0]; k++)
            if (strcmp(text, known[k].name) == 0)
                bit = known[k].bit;
        if (bit == 0)
            return hm_fail(why, HM_E_MALFORMED,
                           "%s[%zu]: expected \"submitter\", \"approver\", \"auditor\", "
                           "\"administrator\" or \"key-custodian\"",
                           path, i);
        if (roles & bit)
            return hm_fail(why, HM_E_MALFORMED, "%s[%zu]: this role stands twice; expected it once",
                           path, i);
        roles |= bit;
    }
    *out = roles;
    return HM_OK;
}

/* "sha256:<64 hex>". */
static bool read_fingerprint(const char *text, struct hm_digest *out)
{
    return strncmp(text, "sha256:", 7) == 0 &&
           hm_digest_unhex(hm_bytes_str(text + 7), out) == HM_OK;
}

static enum hm_err read_credential(struct policy *p, const json_t *v, const char *path,
                                   const struct policy_where *where, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, v, path, why);
    const char *uri = hm_json_str_or(&in, "san_uri", NULL);
    const char *print = hm_json_str_or(&in, "fingerprint", NULL);
    const json_t *oidc = hm_json_object_or_null(&in, "oidc");
    struct policy_digest_at d = {.where = *where};
    if (uri != NULL && !policy_uri_ok(uri))
        hm_json_bad(&in, HM_E_MALFORMED, "san_uri", "expected a URI without spaces or wildcards");
    if (print != NULL && !read_fingerprint(print, &d.digest))
        hm_json_bad(&in, HM_E_MALFORMED, "fingerprint", "expected \"sha256:\" and 64 hex digits");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    if ((uri != NULL) + (print != NULL) + (oidc != NULL) != 1)
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: expected exactly one of \"san_uri\", \"fingerprint\" and \"oidc\"",
                       path);
    if (oidc != NULL)
        return policy_read_oidc(p, oidc, path, where, why);
    if (uri == NULL) {
        p->fingerprints.v[p->fingerprints.count++] = d;
        return HM_OK;
    }
    const char *copy = policy_dup(&p->arena, uri);
    if (copy == NULL)
        return policy_no_memory(why);
    p->san_uris.v[p->san_uris.count++] = (struct policy_entry){copy, *where};
    return HM_OK;
}

static enum hm_err read_credentials(struct policy *p, const json_t *list,
                                    const struct hm_json_in *in, size_t i, struct hm_why *why)
{
    for (size_t j = 0; j < json_array_size(list); j++) {
        char path[POLICY_PATH_MAX];
        struct policy_where where = {"principals", i, "credentials", (long)j};
        hm_json_path(in, "credentials", (long)j, path);
        enum hm_err err = read_credential(p, json_array_get(list, j), path, &where, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

struct principal_lists {
    const json_t *roles, *credentials, *submit_keys, *approval_keys;
};

static enum hm_err read_lists(struct policy *p, const struct principal_lists *l,
                              const struct hm_json_in *in, size_t i, struct hm_why *why)
{
    struct policy_principal *out = &p->principals[i];
    char path[POLICY_PATH_MAX];
    hm_json_path(in, "roles", -1, path);
    enum hm_err err = policy_read_roles(l->roles, path, &out->roles, why);
    if (err == HM_OK)
        err = read_credentials(p, l->credentials, in, i, why);
    hm_json_path(in, "submit_keys", -1, path);
    if (err == HM_OK)
        err = policy_read_keys(&p->arena, l->submit_keys, path, &out->submit_keys,
                               &out->submit_key_count, why);
    hm_json_path(in, "approval_keys", -1, path);
    if (err == HM_OK)
        err = policy_read_approval_keys(p, l->approval_keys, path, &out->approval_keys,
                                        &out->approval_key_count, why);
    return err;
}

static enum hm_err load_principal(struct policy *p, const json_t *v, size_t i, struct hm_why *why)
{
    struct hm_json_in root = {.path = "$"};
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(&root, "principals", (long)i, path);
    hm_json_begin(&in, v, path, why);
    const char *id = hm_json_name(&in, "id");
    const char *name = hm_json_str_or(&in, "name", NULL);
    policy_check_title(&in, "name", name);
    struct principal_lists l = {
        .roles = hm_json_array(&in, "roles", 1, 5),
        .credentials = hm_json_array_or_null(&in, "credentials", POLICY_CREDENTIALS_MAX),
        .submit_keys = hm_json_array_or_null(&in, "submit_keys", POLICY_PRINCIPAL_KEYS_MAX),
        .approval_keys = hm_json_array_or_null(&in, "approval_keys", POLICY_PRINCIPAL_KEYS_MAX),
    };
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    struct policy_principal *out = &p->principals[i];
    out->id = policy_dup(&p->arena, id);
    out->name = name != NULL ? policy_dup(&p->arena, name) : out->id;
    if (out->id == NULL || out->name == NULL)
        return policy_no_memory(why);
    p->principal_ids.v[i] = (struct policy_entry){out->id, {"principals", i, "id", -1}};
    return read_lists(p, &l, &in, i, why);
}

static size_t credential_total(const json_t *list)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        n += json_array_size(json_object_get(json_array_get(list, i), "credentials"));
    return n;
}

static enum hm_err seal_credentials(struct policy *p, struct hm_why *why)
{
    enum hm_err err = policy_index_seal(&p->san_uris, POLICY_ONCE, "credential", why);
    if (err == HM_OK)
        err = policy_seal_oidc(p, why);
    if (err != HM_OK)
        return err;
    policy_digests_sort(&p->fingerprints);
    for (size_t i = 1; i < p->fingerprints.count; i++) {
        const struct policy_digest_at *a = &p->fingerprints.v[i - 1];
        const struct policy_digest_at *b = &p->fingerprints.v[i];
        if (!hm_digest_eq(&a->digest, &b->digest))
            continue;
        char at_a[POLICY_PATH_MAX];
        char at_b[POLICY_PATH_MAX];
        policy_where_text(&a->where, at_a);
        policy_where_text(&b->where, at_b);
        return hm_fail(why, HM_E_MALFORMED,
                       "%s: this credential stands twice, also at %s; expected it once", at_b,
                       at_a);
    }
    return HM_OK;
}

enum hm_err policy_load_principals(struct policy *p, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    size_t credentials = credential_total(list);
    p->principals = policy_alloc(&p->arena, n, sizeof p->principals[0]);
    p->fingerprints.v = policy_alloc(&p->arena, credentials, sizeof p->fingerprints.v[0]);
    p->san_uris.v = policy_alloc(&p->arena, credentials, sizeof p->san_uris.v[0]);
    if (p->principals == NULL || p->fingerprints.v == NULL || p->san_uris.v == NULL)
        return policy_no_memory(why);
    p->principal_count = n;
    enum hm_err err = policy_index_alloc(&p->arena, n, &p->principal_ids, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = load_principal(p, json_array_get(list, i), i, why);
    if (err == HM_OK)
        err = policy_index_seal(&p->principal_ids, POLICY_ONCE, "id", why);
    return err == HM_OK ? seal_credentials(p, why) : err;
}

static enum hm_err load_group(struct policy *p, const json_t *v, size_t i, struct hm_why *why)
{
    struct hm_json_in root = {.path = "$"};
    struct hm_json_in in;
    char path[POLICY_PATH_MAX];
    hm_json_path(&root, "groups", (long)i, path);
    hm_json_begin(&in, v, path, why);
    const char *id = hm_json_name(&in, "id");
    const json_t *members = hm_json_array(&in, "members", 1, HM_PRINCIPALS_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    struct policy_group *g = &p->groups[i];
    g->id = policy_dup(&p->arena, id);
    if (g->id == NULL)
        return policy_no_memory(why);
    p->group_ids.v[i] = (struct policy_entry){g->id, {"groups", i, "id", -1}};
    hm_json_path(&in, "members", -1, path);
    const struct policy_target people = {&p->principal_ids, p->principals, sizeof p->principals[0],
                                         "principals"};
    return policy_read_refs(&p->arena, members, path, &people, &g->members, why);
}

enum hm_err policy_load_groups(struct policy *p, const json_t *list, struct hm_why *why)
{
    size_t n = json_array_size(list);
    p->groups = policy_alloc(&p->arena, n, sizeof p->groups[0]);
    if (p->groups == NULL)
        return policy_no_memory(why);
    p->group_count = n;
    enum hm_err err = policy_index_alloc(&p->arena, n, &p->group_ids, why);
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = load_group(p, json_array_get(list, i), i, why);
    return err == HM_OK ? policy_index_seal(&p->group_ids, POLICY_ONCE, "id", why) : err;
}
