/* Approval keys: plain ones, FIDO keys that ask for user verification, and keys of smart cards that
 * are named by their certificate. */
#include "policy/policy_identity.h"

#include "policy/policy_read_priv.h"
#include "schema/attest/hm_cert.h"
#include "schema/trust/hm_keydoc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum hm_err read_certificate(struct policy *p, const json_t *v, const char *path,
                                    struct hm_key *out, struct hm_why *why)
{
    struct hm_json_in in;
    struct hm_why inner = {""};
    HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
    struct policy_certified *c = policy_alloc(&p->arena, 1, sizeof *c);
    if (cert == NULL || c == NULL)
        return policy_no_memory(why);
    hm_json_begin(&in, v, path, why);
    const char *pem = hm_json_str(&in, "certificate");
    if (pem != NULL && hm_cert_parse_pem(hm_bytes_str(pem), cert, &inner) != HM_OK)
        hm_json_bad(&in, HM_E_MALFORMED, "certificate", "%.300s", inner.text);
    else if (pem != NULL && cert->key.alg == HM_KEY_NONE)
        hm_json_bad(&in, HM_E_UNSUPPORTED, "certificate",
                    "expected a certificate for a P-256 or Ed25519 key");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    c->pem = policy_dup(&p->arena, pem);
    if (c->pem == NULL)
        return policy_no_memory(why);
    c->key = hm_key_id(&cert->key);
    c->next = p->certified;
    p->certified = c;
    *out = cert->key;
    return HM_OK;
}

/* {"ssh": "sk-…", "user_verification": true}: what is left without that member is any key. */
static enum hm_err read_key(const json_t *v, const char *path, struct hm_key *out,
                            struct hm_why *why)
{
    const json_t *asked = json_object_get(v, "user_verification");
    if (asked == NULL)
        return hm_keydoc_read(v, path, out, why);
    HM_JSON_AUTO *rest = json_copy((json_t *)(uintptr_t)v);
    if (rest == NULL)
        return policy_no_memory(why);
    (void)json_object_del(rest, "user_verification");
    enum hm_err err = hm_keydoc_read(rest, path, out, why);
    if (err != HM_OK)
        return err;
    if (!json_is_boolean(asked))
        return hm_fail(why, HM_E_MALFORMED, "%s.user_verification: expected true or false", path);
    if (!hm_key_is_sk(out))
        return hm_fail(why, HM_E_MALFORMED,
                       "%s.user_verification: expected an sk- key; others cannot tell", path);
    out->verify_user = json_is_true(asked);
    return HM_OK;
}

enum hm_err policy_read_approval_keys(struct policy *p, const json_t *list, const char *path,
                                      const struct hm_key **out, size_t *count, struct hm_why *why)
{
    size_t n = json_array_size(list);
    struct hm_key *keys = policy_alloc(&p->arena, n, sizeof keys[0]);
    if (keys == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        char at[POLICY_PATH_MAX + 24];
        const json_t *v = json_array_get(list, i);
        (void)snprintf(at, sizeof at, "%s[%zu]", path, i);
        enum hm_err err = json_object_get(v, "certificate") != NULL
                              ? read_certificate(p, v, at, &keys[i], why)
                              : read_key(v, at, &keys[i], why);
        if (err != HM_OK)
            return err;
    }
    *out = keys;
    *count = n;
    return HM_OK;
}

const char *policy_key_certificate(const struct policy *p, const struct hm_key *k)
{
    if (p->certified == NULL)
        return NULL;
    struct hm_digest id = hm_key_id(k);
    for (const struct policy_certified *c = p->certified; c != NULL; c = c->next)
        if (hm_digest_eq(&c->key, &id))
            return c->pem;
    return NULL;
}
