/* Who asked for a release: the principal that the record names, proven by a key, a certificate or
 * a token that the policy of the submission gives to that very principal. */
#include "client/cli_deep_priv.h"

#include "policy/policy_identity.h"
#include "schema/attest/hm_cert.h"
#include "schema/oidc/hm_oidc.h"

#include <stdlib.h>
#include <string.h>

static const char *claim_of(void *ctx, const char *name)
{
    return hm_oidc_claim(ctx, name);
}

/* By the keys that the auditor got from the issuer. One that is in none of its sets says nothing:
 * it may have been given out and taken back since. */
static enum hm_err ask_issuer(const struct cli_deep *d, struct deep_claim *k,
                              const struct hm_oidc_token *t, struct hm_why *why)
{
    const struct cli_deep_issuers *all = d->in.issuers;
    bool seen = false;
    k->token_known = false;
    for (size_t i = 0; all != NULL && i < all->count && !k->token_known; i++) {
        if (strlen(t->issuer) != all->v[i].length ||
            strncmp(t->issuer, all->v[i].issuer, all->v[i].length) != 0)
            continue;
        const struct hm_jwk *key = hm_jwks_find(all->v[i].keys, t->kid);
        seen = seen || key != NULL;
        k->token_known = key != NULL && hm_oidc_verify(t, key, HM_OIDC_ALGS_ALL, NULL) == HM_OK;
    }
    return !seen || k->token_known
               ? HM_OK
               : hm_fail(why, HM_E_DENIED,
                         "the token is not by the key that its issuer calls %.100s", t->kid);
}

/* The key in the evidence is the registrar's word for the issuer's. */
static enum hm_err check_token(struct cli_deep *d, struct deep_claim *k, const struct hm_signed *s,
                               struct hm_oidc_token *t, struct hm_bytes jwk, struct hm_why *why)
{
    char audience[HM_OIDC_AUDIENCE_MAX + 1];
    struct hm_jwk *key = NULL;
    struct hm_digest payload = hm_sha256(hm_signed_payload(s));
    hm_oidc_audience(d->in.log_key->name, &payload, audience);
    enum hm_err err = hm_jwk_open(jwk, &key, why);
    if (err == HM_OK)
        err = hm_oidc_verify(t, key, HM_OIDC_ALGS_ALL, why);
    hm_jwk_free(key);
    if (err == HM_OK)
        err = ask_issuer(d, k, t, why);
    if (err == HM_OK)
        err = hm_oidc_check(t, audience, (int64_t)(k->submitted.t_ms / 1000), HM_OIDC_LEEWAY_MAX_S,
                            why);
    if (err == HM_OK && policy_by_oidc(k->policy, t->issuer, claim_of, t) != k->submitter)
        err = hm_fail(why, HM_E_DENIED, "the token's claims are not those of %s", k->submitter->id);
    if (err == HM_OK) {
        k->token = true;
        k->token_id = hm_oidc_id(t);
    }
    return err;
}

static enum hm_err by_token(struct cli_deep *d, struct deep_claim *k, const struct hm_signed *s,
                            struct hm_bytes jwk, struct hm_why *why)
{
    struct hm_oidc_token t;
    enum hm_err err = hm_oidc_parse(hm_bytes_str(hm_signed_token(s)), &t, why);
    if (err != HM_OK)
        return err;
    err = check_token(d, k, s, &t, jwk, why);
    hm_oidc_free(&t);
    return err;
}

static enum hm_err by_certificate(struct cli_deep *d, const struct deep_claim *k,
                                  const struct hm_signed *s, struct hm_why *why)
{
    HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
    const char *uris[HM_CERT_URIS_MAX];
    struct hm_bytes pem = hm_bytes_str(hm_signed_certificate(s));
    if (cert == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    if (d->in.client_ca.len == 0) {
        d->step = CLI_DEEP_NOT_CHECKED;
        return hm_fail(why, HM_E_DENIED,
                       "signed by a certificate: --client-ca says who issues those");
    }
    enum hm_err err =
        hm_cert_verify_chain(pem, d->in.client_ca, (int64_t)(k->submitted.t_ms / 1000), why);
    if (err == HM_OK)
        err = hm_cert_parse_pem(pem, cert, why);
    if (err == HM_OK)
        err = hm_signed_verify(s, HM_SIGNED_REQUEST, &cert->key, why);
    for (size_t i = 0; err == HM_OK && i < cert->uri_count; i++)
        uris[i] = cert->uris[i];
    if (err == HM_OK &&
        policy_by_certificate(k->policy, &cert->fingerprint, uris, cert->uri_count) != k->submitter)
        err =
            hm_fail(why, HM_E_DENIED, "signed by a certificate that is not %s's", k->submitter->id);
    return err;
}

enum hm_err deep_who(struct cli_deep *d, struct deep_claim *k, const struct hm_signed *s,
                     struct hm_bytes jwk, struct hm_why *why)
{
    size_t key = 0;
    d->step = CLI_DEEP_SUBMITTER;
    k->submitter = policy_principal(k->policy, k->submitted.actor);
    if (k->submitter == NULL || (k->submitter->roles & POLICY_ROLE_SUBMITTER) == 0)
        return hm_fail(why, HM_E_DENIED, "%s is no submitter of the policy", k->submitted.actor);
    if (hm_signed_token(s) != NULL)
        return by_token(d, k, s, jwk, why);
    if (hm_signed_certificate(s) != NULL)
        return by_certificate(d, k, s, why);
    enum hm_err err = hm_signed_find(s, HM_SIGNED_REQUEST, k->submitter->submit_keys,
                                     k->submitter->submit_key_count, &key, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "not signed by %s", k->submitter->id);
}
