/* Credentials of kind `oidc`: an issuer and the exact values of some of its claims. */
#include "policy/policy_identity.h"

#include "policy/policy_read_priv.h"
#include "schema/core/hm_text.h"

#include <stdio.h>
#include <string.h>

static bool claim_name_ok(const char *name)
{
    /* What says when, for whom and by whom a token is valid says nothing about who somebody is. */
    static const char *const never[] = {"iss", "aud", "exp", "nbf", "iat", "jti"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (strcmp(name, never[i]) == 0)
            return false;
    return hm_name_ok(name);
}

static bool claim_value_ok(const json_t *v)
{
    const char *text = json_string_value(v);
    return text != NULL && text[0] != '\0' && json_string_length(v) <= HM_URI_MAX &&
           hm_printable_ok(hm_bytes_of(text, json_string_length(v))) && strchr(text, '*') == NULL;
}

static enum hm_err read_claims(struct policy *p, const json_t *claims, const char *path,
                               struct policy_oidc *out, struct hm_why *why)
{
    size_t n = json_object_size(claims);
    const char *name;
    json_t *v;
    if (n == 0 || n > POLICY_CLAIMS_MAX)
        return hm_fail(why, HM_E_MALFORMED, "%s: expected 1 to %d claims", path, POLICY_CLAIMS_MAX);
    out->claims = policy_alloc(&p->arena, n, sizeof out->claims[0]);
    if (out->claims == NULL)
        return policy_no_memory(why);
    json_object_foreach((json_t *)(uintptr_t)claims, name, v)
    {
        if (!claim_name_ok(name) || !claim_value_ok(v))
            return hm_fail(why, HM_E_MALFORMED,
                           "%s.%.64s: expected a claim about the job and its exact text, 1 to %d "
                           "bytes, no wildcards",
                           path, name, HM_URI_MAX);
        struct policy_claim *c = &out->claims[out->claim_count++];
        c->name = policy_dup(&p->arena, name);
        c->value = policy_dup(&p->arena, json_string_value(v));
        if (c->name == NULL || c->value == NULL)
            return policy_no_memory(why);
    }
    return HM_OK;
}

enum hm_err policy_read_oidc(struct policy *p, const json_t *v, const char *path,
                             const struct policy_where *where, struct hm_why *why)
{
    struct hm_json_in in;
    char at[POLICY_PATH_MAX];
    struct policy_oidc *out = policy_alloc(&p->arena, 1, sizeof *out);
    if (out == NULL)
        return policy_no_memory(why);
    struct hm_json_in outer = {.path = ""};
    (void)snprintf(outer.path, sizeof outer.path, "%s", path);
    hm_json_path(&outer, "oidc", -1, at);
    hm_json_begin(&in, v, at, why);
    const char *issuer = hm_json_str(&in, "issuer");
    const json_t *claims = hm_json_object(&in, "claims");
    if (issuer != NULL && (!policy_uri_ok(issuer) || strncmp(issuer, "https://", 8) != 0))
        hm_json_bad(&in, HM_E_MALFORMED, "issuer", "expected an https URI without wildcards");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    out->where = *where;
    out->issuer = policy_dup(&p->arena, issuer);
    if (out->issuer == NULL)
        return policy_no_memory(why);
    hm_json_path(&in, "claims", -1, at);
    err = read_claims(p, claims, at, out, why);
    if (err != HM_OK)
        return err;
    out->next = p->oidc;
    p->oidc = out;
    return ++p->oidc_count <= POLICY_OIDC_MAX
               ? HM_OK
               : hm_fail(why, HM_E_LIMIT, "%s: more than %d credentials of this kind", path,
                         POLICY_OIDC_MAX);
}

static const struct policy_claim *claim_of(const struct policy_oidc *o, const char *name)
{
    for (size_t i = 0; i < o->claim_count; i++)
        if (strcmp(o->claims[i].name, name) == 0)
            return &o->claims[i];
    return NULL;
}

/* Is there a claim that keeps one token from being both? */
static bool apart(const struct policy_oidc *a, const struct policy_oidc *b)
{
    if (strcmp(a->issuer, b->issuer) != 0)
        return true;
    for (size_t i = 0; i < a->claim_count; i++) {
        const struct policy_claim *other = claim_of(b, a->claims[i].name);
        if (other != NULL && strcmp(other->value, a->claims[i].value) != 0)
            return true;
    }
    return false;
}

enum hm_err policy_seal_oidc(const struct policy *p, struct hm_why *why)
{
    for (const struct policy_oidc *a = p->oidc; a != NULL; a = a->next) {
        for (const struct policy_oidc *b = a->next; b != NULL; b = b->next) {
            char at_a[POLICY_PATH_MAX];
            char at_b[POLICY_PATH_MAX];
            if (a->where.i == b->where.i || apart(a, b))
                continue;
            policy_where_text(&a->where, at_a);
            policy_where_text(&b->where, at_b);
            return hm_fail(why, HM_E_MALFORMED,
                           "%s: one token could be this and also %s; expected a claim in which "
                           "they differ",
                           at_a, at_b);
        }
    }
    return HM_OK;
}

static bool fits(const struct policy_oidc *o, const char *issuer, policy_claim_fn claim, void *ctx)
{
    if (strcmp(o->issuer, issuer) != 0)
        return false;
    for (size_t i = 0; i < o->claim_count; i++) {
        const char *have = claim(ctx, o->claims[i].name);
        if (have == NULL || strcmp(have, o->claims[i].value) != 0)
            return false;
    }
    return o->claim_count > 0;
}

const struct policy_principal *policy_by_oidc(const struct policy *p, const char *issuer,
                                              policy_claim_fn claim, void *ctx)
{
    const struct policy_principal *who = NULL;
    for (const struct policy_oidc *o = p->oidc; o != NULL; o = o->next) {
        if (!fits(o, issuer, claim, ctx))
            continue;
        const struct policy_principal *other = &p->principals[o->where.i];
        if (who != NULL && who != other)
            return NULL;
        who = other;
    }
    return who;
}
