/* The sections `builders` and `keys`. */
#include "policy/policy_read_priv.h"

#include "schema/trust/hm_keydoc.h"

#include <string.h>

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
    policy_begin(&in, "builders", list, i, why);
    const char *id = hm_json_str(&in, "id");
    if (id != NULL && !policy_uri_ok(id))
        hm_json_bad(&in, HM_E_MALFORMED, "id", "expected a URI without spaces or wildcards");
    const json_t *keys = hm_json_array(&in, "keys", 1, POLICY_BUILDER_KEYS_MAX);
    const json_t *products = hm_json_array(&in, "products", 1, POLICY_PRODUCTS_MAX);
    const json_t *repositories =
        hm_json_has(&in, "repositories")
            ? hm_json_array(&in, "repositories", 1, POLICY_REPOSITORIES_MAX)
            : NULL;
    b->level = (unsigned)hm_json_uint_or(&in, "level", 0, POLICY_LEVEL_MAX, 0);
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
        err = policy_read_member(p, &in, "products", products, &b->products);
    return err == HM_OK ? policy_read_member(p, &in, "repositories", repositories, &b->repositories)
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
    policy_begin(&in, "keys", list, i, why);
    const char *id = hm_json_name(&in, "id");
    const json_t *public_key = hm_json_object(&in, "public_key");
    k->pub.environment = policy_read_environment(&in);
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
    err = policy_read_member(p, &in, "products", products, &k->products);
    return err == HM_OK ? policy_read_member(p, &in, "channels", channels, &k->channels) : err;
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
