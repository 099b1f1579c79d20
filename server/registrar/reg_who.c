#include "server/registrar/reg_who.h"

#include "policy/policy_identity.h"

#include <stdlib.h>
#include <string.h>

struct hm_digest reg_memo_key(const char *what, const struct hm_key *key, struct hm_bytes document)
{
    struct hm_digest id = hm_key_id(key);
    struct hm_digest doc = hm_sha256(document);
    uint8_t both[2 * HM_SHA256_LEN + 1];
    memcpy(both, id.b, sizeof id.b);
    memcpy(both + HM_SHA256_LEN, doc.b, sizeof doc.b);
    both[sizeof both - 1] = (uint8_t)((hm_key_is_sk(key) ? 1 : 0) | (key->verify_user ? 2 : 0));
    return hm_sha256_3(hm_bytes_str(what), hm_bytes_of(both, sizeof both),
                       hm_bytes_str(key->application));
}

enum hm_err reg_signed_verify(struct reg_memo *memo, const struct hm_signed *s,
                              struct hm_bytes document, enum hm_signed_kind kind,
                              const struct hm_key *key, struct hm_why *why)
{
    return reg_signed_verify_with(memo, s, document, kind, key, NULL, why);
}

enum hm_err reg_signed_verify_with(struct reg_memo *memo, const struct hm_signed *s,
                                   struct hm_bytes document, enum hm_signed_kind kind,
                                   const struct hm_key *key, const struct hm_key_ready *ready,
                                   struct hm_why *why)
{
    struct hm_digest m = reg_memo_key(hm_signed_payload_type(kind), key, document);
    if (reg_memo_has(memo, &m))
        return HM_OK;
    enum hm_err err = hm_signed_verify_with(s, kind, key, ready, why);
    if (err == HM_OK)
        reg_memo_add(memo, &m);
    return err;
}

static enum hm_err principal_of(const struct reg_who_input *in, const struct hm_cert *cert,
                                const struct policy_principal **who, struct hm_why *why)
{
    const char *uris[HM_CERT_URIS_MAX];
    if (cert->key.alg == HM_KEY_NONE)
        return hm_fail(why, HM_E_UNSUPPORTED, "the certificate's key is neither P-256 nor Ed25519");
    enum hm_err err = reg_signed_verify(in->memo, in->s, in->document, in->kind, &cert->key, why);
    if (err != HM_OK)
        return err;
    for (size_t i = 0; i < cert->uri_count; i++)
        uris[i] = cert->uris[i];
    const struct policy_principal *p =
        policy_by_certificate(in->policy, &cert->fingerprint, uris, cert->uri_count);
    if (p == NULL)
        return hm_fail(why, HM_E_DENIED,
                       "the policy names nobody with the certificate that signed this");
    *who = p;
    return HM_OK;
}

static enum hm_err by_certificate(const struct reg_who_input *in,
                                  const struct policy_principal **who, struct hm_key *key,
                                  struct hm_why *why)
{
    HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
    if (cert == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    struct hm_bytes pem = hm_bytes_str(hm_signed_certificate(in->s));
    enum hm_err err = reg_certs_get(in->certs, pem, in->at_s, cert, why);
    if (err == HM_OK && !in->past)
        err = reg_certs_current(in->certs, pem, in->at_s, why);
    if (err == HM_OK)
        err = principal_of(in, cert, who, why);
    if (err == HM_OK)
        *key = cert->key;
    return err;
}

enum hm_err reg_key_holds(struct reg_certs *certs, const struct policy *policy,
                          const struct hm_key *key, int64_t at_s, bool past, struct hm_why *why)
{
    const char *text = policy_key_certificate(policy, key);
    if (text == NULL)
        return HM_OK;
    struct hm_bytes pem = hm_bytes_str(text);
    HM_FREE struct hm_cert *cert = calloc(1, sizeof *cert);
    if (cert == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    enum hm_err err = reg_certs_get(certs, pem, at_s, cert, why);
    return err == HM_OK && !past ? reg_certs_current(certs, pem, at_s, why) : err;
}

static const struct policy_principal *candidate(const struct reg_who_input *in, bool approval_keys)
{
    if (!in->s->is_ssh)
        return in->hint != NULL ? policy_principal(in->policy, in->hint) : NULL;
    return approval_keys ? policy_by_approval_key(in->policy, &in->s->ssh.key)
                         : policy_by_submit_key(in->policy, &in->s->ssh.key);
}

static bool by_keys(const struct reg_who_input *in, bool approval_keys,
                    const struct policy_principal **who, struct hm_key *key, bool *known,
                    struct hm_why *why)
{
    const struct policy_principal *p = candidate(in, approval_keys);
    const struct hm_key *keys = p == NULL       ? NULL
                                : approval_keys ? p->approval_keys
                                                : p->submit_keys;
    size_t count = p == NULL ? 0 : approval_keys ? p->approval_key_count : p->submit_key_count;
    *known = *known || count > 0;
    for (size_t i = 0; i < count; i++) {
        if (in->s->is_ssh && !hm_key_eq(&keys[i], &in->s->ssh.key))
            continue;
        if (reg_signed_verify_with(in->memo, in->s, in->document, in->kind, &keys[i],
                                   policy_key_ready(in->policy, &keys[i]), why) != HM_OK)
            continue;
        if (approval_keys &&
            reg_key_holds(in->certs, in->policy, &keys[i], in->at_s, in->past, why) != HM_OK)
            continue;
        *who = p;
        *key = keys[i];
        return true;
    }
    return false;
}

static enum hm_err by_token(const struct reg_who_input *in, const struct policy_principal **who,
                            struct hm_why *why)
{
    const struct reg_oidc_input token = {.oidc = in->oidc,
                                         .policy = in->policy,
                                         .token = hm_signed_token(in->s),
                                         .payload = hm_signed_payload(in->s),
                                         .jwk = in->jwk,
                                         .at_s = in->at_s};
    if (in->kind != HM_SIGNED_REQUEST || in->oidc == NULL || in->past != (in->jwk.len > 0))
        return hm_fail(why, HM_E_DENIED, "a token cannot stand in place of this signature");
    return reg_oidc_signed(&token, who, in->proof, why);
}

enum hm_err reg_who_signed(const struct reg_who_input *in, const struct policy_principal **who,
                           struct hm_key *key, struct hm_why *why)
{
    struct hm_why inner = {""};
    bool known = false;
    bool approval = in->kind == HM_SIGNED_APPROVAL || in->kind == HM_SIGNED_POLICY_APPROVAL ||
                    in->kind == HM_SIGNED_ERASURE;
    if (hm_signed_token(in->s) != NULL)
        return by_token(in, who, why);
    if (!approval && hm_signed_certificate(in->s) != NULL)
        return by_certificate(in, who, key, why);
    if (!approval && by_keys(in, false, who, key, &known, &inner))
        return HM_OK;
    if (in->kind != HM_SIGNED_REQUEST && by_keys(in, true, who, key, &known, &inner))
        return HM_OK;
    if (!known)
        return hm_fail(why, HM_E_DENIED, "the policy knows no key that could have signed this");
    return hm_fail(why, HM_E_SIGNATURE,
                   "the signature does not hold (namespace %s, payload type %s): %s",
                   hm_signed_namespace(in->kind), hm_signed_payload_type(in->kind), inner.text);
}
