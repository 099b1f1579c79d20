#include "server/registrar/reg_oidc.h"

#include "server/ident/ident_jwks.h"
#include "server/ident/ident_token.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM "hallmark-registrar"

struct reg_oidc {
    const struct reg_config *config;
    const char *origin;
    struct ident_jwks *keys[REG_OIDC_ISSUERS_MAX]; /* of config->oidc.issuers */
};

enum hm_err reg_oidc_open(const struct reg_config *config, const char *origin,
                          struct reg_oidc **out, struct hm_why *why)
{
    struct reg_oidc *o = calloc(1, sizeof *o);
    if (o == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the issuers of tokens");
    o->config = config;
    o->origin = origin;
    for (size_t i = 0; i < config->oidc.issuer_count; i++) {
        enum hm_err err = ident_jwks_open(PROGRAM, config->oidc.issuers[i].jwks, &o->keys[i], why);
        if (err != HM_OK) {
            reg_oidc_close(o);
            return hm_fail_in(why, err, "oidc issuer %s", config->oidc.issuers[i].issuer);
        }
    }
    *out = o;
    return HM_OK;
}

void reg_oidc_close(struct reg_oidc *o)
{
    if (o == NULL)
        return;
    for (size_t i = 0; i < REG_OIDC_ISSUERS_MAX; i++)
        ident_jwks_close(o->keys[i]);
    free(o);
}

void reg_oidc_proof_free(struct reg_oidc_proof *p)
{
    hm_buf_free(&p->jwk);
    *p = (struct reg_oidc_proof){.used = false};
}

/* By a key of this very issuer, whatever other issuers call theirs. */
static enum hm_err by_issuer(const struct reg_oidc *o, const struct hm_oidc_token *t,
                             struct hm_buf *jwk, struct hm_why *why)
{
    for (size_t i = 0; i < o->config->oidc.issuer_count; i++)
        if (strcmp(o->config->oidc.issuers[i].issuer, t->issuer) == 0)
            return ident_jwks_verify(o->keys[i], t, o->config->oidc.issuers[i].algs, jwk, why);
    return hm_fail(why, HM_E_DENIED, "token: no issuer %.200s is configured", t->issuer);
}

static enum hm_err by_evidence(const struct hm_oidc_token *t, struct hm_bytes text,
                               struct hm_why *why)
{
    struct hm_jwk *key = NULL;
    enum hm_err err = hm_jwk_open(text, &key, why);
    if (err == HM_OK)
        err = hm_oidc_verify(t, key, HM_OIDC_ALGS_ALL, why);
    hm_jwk_free(key);
    return err;
}

static const char *claim_of(void *ctx, const char *name)
{
    return hm_oidc_claim(ctx, name);
}

static enum hm_err holder(const struct policy *policy, struct hm_oidc_token *t,
                          const struct policy_principal **who, struct hm_why *why)
{
    *who = policy_by_oidc(policy, t->issuer, claim_of, t);
    return *who != NULL
               ? HM_OK
               : hm_fail(why, HM_E_DENIED, "token: the policy names nobody with its claims");
}

static enum hm_err judge(const struct reg_oidc_input *in, struct hm_oidc_token *t,
                         const struct policy_principal **who, struct reg_oidc_proof *proof,
                         struct hm_why *why)
{
    char audience[HM_OIDC_AUDIENCE_MAX + 1];
    struct hm_digest digest = hm_sha256(in->payload);
    bool past = in->jwk.len > 0;
    /* What was accepted then stands, also after the leeway was made smaller. */
    int64_t leeway_s = past ? HM_OIDC_LEEWAY_MAX_S : (int64_t)in->oidc->config->oidc.leeway_s;
    hm_oidc_audience(in->oidc->origin, &digest, audience);
    enum hm_err err =
        past ? by_evidence(t, in->jwk, why) : by_issuer(in->oidc, t, &proof->jwk, why);
    if (err == HM_OK)
        err = hm_oidc_check(t, audience, in->at_s, leeway_s, why);
    if (err == HM_OK)
        err = holder(in->policy, t, who, why);
    if (err != HM_OK)
        return err;
    proof->used = true;
    proof->id = hm_oidc_id(t);
    proof->expires_s = t->expires_s + leeway_s;
    proof->forget_s = t->expires_s + HM_OIDC_LEEWAY_MAX_S + 1;
    return HM_OK;
}

enum hm_err reg_oidc_signed(const struct reg_oidc_input *in, const struct policy_principal **who,
                            struct reg_oidc_proof *proof, struct hm_why *why)
{
    struct hm_oidc_token t;
    const struct policy_principal *found = NULL;
    struct reg_oidc_proof p = {.jwk = {.limit = HM_JWK_MAX}};
    enum hm_err err = hm_oidc_parse(hm_bytes_str(in->token), &t, why);
    if (err != HM_OK)
        return err;
    err = judge(in, &t, &found, &p, why);
    hm_oidc_free(&t);
    if (err != HM_OK) {
        reg_oidc_proof_free(&p);
        return err;
    }
    *who = found;
    *proof = p;
    return HM_OK;
}

/* Made for one request of this log, or for the log as such? 0: for something else. */
static unsigned kind_of(const char *audience, const char *origin, struct hm_digest *request)
{
    size_t n = strlen(origin);
    static const char mark[] = "#sha256:";
    if (strncmp(audience, origin, n) != 0)
        return 0;
    if (audience[n] == '\0')
        return IDENT_TOKEN_ACCESS;
    if (strncmp(audience + n, mark, sizeof mark - 1) != 0 ||
        hm_digest_unhex(hm_bytes_str(audience + n + sizeof mark - 1), request) != HM_OK)
        return 0;
    return IDENT_TOKEN_BOUND;
}

static enum hm_err judge_bearer(const struct reg_oidc *o, const struct policy *policy,
                                struct hm_oidc_token *t, int64_t now_s, struct reg_bearer *b,
                                struct hm_why *why)
{
    b->kind = kind_of(t->audience, o->origin, &b->request);
    b->id = hm_oidc_id(t);
    enum hm_err err = by_issuer(o, t, NULL, why);
    if (err == HM_OK && b->kind == 0)
        err = hm_fail(why, HM_E_DENIED,
                      "token: its audience is %.220s, expected %s or that with #sha256: and the "
                      "digest of a request",
                      t->audience, o->origin);
    if (err == HM_OK)
        err = hm_oidc_check(t, t->audience, now_s, (int64_t)o->config->oidc.leeway_s, why);
    return err == HM_OK ? holder(policy, t, &b->who, why) : err;
}

enum hm_err reg_oidc_bearer(const struct reg_oidc *o, const struct policy *policy,
                            struct hm_bytes token, int64_t now_s, struct reg_bearer *out,
                            struct hm_why *why)
{
    struct hm_oidc_token t;
    struct reg_bearer b = {.who = NULL};
    enum hm_err err = hm_oidc_parse(token, &t, why);
    if (err != HM_OK)
        return err;
    err = judge_bearer(o, policy, &t, now_s, &b, why);
    hm_oidc_free(&t);
    if (err == HM_OK)
        *out = b;
    return err;
}
