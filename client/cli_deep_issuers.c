/* --jwks ISSUER=FILE: what an auditor brings along to check tokens by. */
#include "client/cli_deep.h"

#include "schema/oidc/hm_jwks.h"

#include <string.h>

static enum hm_err read_one(struct cli *c, const char *text, struct cli_deep_issuers *out)
{
    HM_BUF_AUTO set = {.limit = HM_JWKS_MAX + 1};
    const char *equals = strrchr(text, '='); /* a URI may have one, too */
    if (equals == NULL || equals == text || equals[1] == '\0')
        return hm_fail(&c->why, HM_E_CONFIG, "--jwks: '%.200s': expected ISSUER=FILE", text);
    if (out->count == CLI_DEEP_ISSUERS_MAX)
        return hm_fail(&c->why, HM_E_CONFIG, "--jwks: expected at most %d key sets",
                       CLI_DEEP_ISSUERS_MAX);
    enum hm_err err = cli_read(equals + 1, HM_JWKS_MAX, &set, &c->why);
    if (err == HM_OK)
        err = hm_jwks_open(hm_buf_bytes(&set), &out->v[out->count].keys, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "%.200s", equals + 1);
    out->v[out->count].issuer = text;
    out->v[out->count++].length = (size_t)(equals - text);
    return HM_OK;
}

enum hm_err cli_deep_issuers_read(struct cli *c, struct cli_deep_issuers *out)
{
    const char *text;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && (text = cli_args_at(&c->args, "jwks", i)) != NULL; i++)
        err = read_one(c, text, out);
    return err;
}

void cli_deep_issuers_free(struct cli_deep_issuers *s)
{
    for (size_t i = 0; i < s->count; i++)
        hm_jwks_close(s->v[i].keys);
    s->count = 0;
}
