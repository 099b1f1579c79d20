/* The member `oidc` of the configuration: whose tokens are believed, and by which keys. */
#include "server/registrar/reg_config_priv.h"

#include "schema/core/hm_text.h"
#include "schema/oidc/hm_oidc.h"

#include <stdlib.h>
#include <string.h>

#define ALGS_MAX 4

static unsigned read_algs(struct hm_json_in *in)
{
    const json_t *list = hm_json_array_or_null(in, "algorithms", ALGS_MAX);
    unsigned algs = list == NULL ? HM_OIDC_RS256 | HM_OIDC_ES256 : 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        unsigned bit = name != NULL ? hm_oidc_alg(name) : 0;
        if (bit == 0 || (algs & bit) != 0)
            hm_json_bad(in, HM_E_CONFIG, "algorithms",
                        "expected each of RS256, PS256, ES256 and ES384 at most once");
        algs |= bit;
    }
    if (algs == 0)
        hm_json_bad(in, HM_E_CONFIG, "algorithms", "expected at least one");
    return algs;
}

static bool known(const struct reg_config *c, const char *issuer)
{
    for (size_t i = 0; i < c->oidc.issuer_count; i++)
        if (strcmp(c->oidc.issuers[i].issuer, issuer) == 0)
            return true;
    return false;
}

static void read_issuer(struct proc_config *c, const struct hm_json_in *outer, const json_t *item,
                        size_t i, struct reg_config *out)
{
    char path[160];
    struct hm_json_in in;
    hm_json_path(outer, "issuers", (long)i, path);
    hm_json_begin(&in, item, path, c->why);
    const char *issuer = hm_json_str(&in, "issuer");
    const char *jwks = hm_json_str(&in, "jwks");
    unsigned algs = read_algs(&in);
    if (issuer != NULL && (strncmp(issuer, "https://", 8) != 0 || !hm_uri_ok(issuer)))
        hm_json_bad(&in, HM_E_CONFIG, "issuer", "expected an https URI, exactly as in the tokens");
    if (issuer != NULL && known(out, issuer))
        hm_json_bad(&in, HM_E_CONFIG, "issuer", "expected each issuer once");
    if (jwks != NULL && jwks[0] == '\0')
        hm_json_bad(&in, HM_E_CONFIG, "jwks", "expected a path");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK && c->in.err == HM_OK)
        c->in.err = err;
    if (err != HM_OK)
        return;
    out->oidc.issuers[i].issuer = strdup(issuer);
    out->oidc.issuers[i].jwks = proc_config_resolve(c, jwks);
    out->oidc.issuers[i].algs = algs;
    out->oidc.issuer_count = i + 1;
    if (out->oidc.issuers[i].issuer == NULL || out->oidc.issuers[i].jwks == NULL)
        hm_json_bad(&c->in, HM_E_MEMORY, "oidc", "no memory");
}

void reg_config_read_oidc(struct proc_config *c, struct reg_config *out)
{
    const json_t *v = hm_json_object_or_null(&c->in, "oidc");
    char path[160];
    struct hm_json_in in;
    out->oidc.leeway_s = HM_OIDC_LEEWAY_DEFAULT_S;
    if (v == NULL)
        return;
    hm_json_path(&c->in, "oidc", -1, path);
    hm_json_begin(&in, v, path, c->why);
    out->oidc.leeway_s =
        hm_json_uint_or(&in, "leeway_s", 0, HM_OIDC_LEEWAY_MAX_S, HM_OIDC_LEEWAY_DEFAULT_S);
    const json_t *list = hm_json_array(&in, "issuers", 1, REG_OIDC_ISSUERS_MAX);
    for (size_t i = 0; c->in.err == HM_OK && i < json_array_size(list); i++)
        read_issuer(c, &in, json_array_get(list, i), i, out);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK && c->in.err == HM_OK)
        c->in.err = err;
}

void reg_config_free_oidc(struct reg_config *c)
{
    for (size_t i = 0; i < REG_OIDC_ISSUERS_MAX; i++) {
        free(c->oidc.issuers[i].issuer);
        free(c->oidc.issuers[i].jwks);
    }
}
