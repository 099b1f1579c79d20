/* Signed documents in their two forms. Thread: each object by one thread at a time. The kind that a
 * caller asks for decides which payload type or namespace must have been signed; what a document
 * says of itself is never enough. */
#include "schema/attest/hm_signed.h"

#include "schema/attest/hm_dsse_priv.h"
#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"

#include <string.h>

struct kind_names {
    const char *payload_type;
    const char *ns;
};

static const struct kind_names kinds[] = {
    [HM_SIGNED_REQUEST] = {"application/vnd.hallmark.release-request+json", "hallmark-submit"},
    [HM_SIGNED_REJECTION] = {"application/vnd.hallmark.release-rejection", "hallmark-submit"},
    [HM_SIGNED_CANCELLATION] = {"application/vnd.hallmark.release-cancellation", "hallmark-submit"},
    [HM_SIGNED_APPROVAL] = {"application/vnd.hallmark.release-approval", "hallmark-approval"},
    [HM_SIGNED_POLICY_PROPOSAL] = {"application/vnd.hallmark.policy-proposal", "hallmark-submit"},
    [HM_SIGNED_POLICY_APPROVAL] = {"application/vnd.hallmark.policy-approval", "hallmark-policy"},
    [HM_SIGNED_ROSTER] = {"application/vnd.hallmark.roster", "hallmark-roster"},
    [HM_SIGNED_ERASURE] = {"application/vnd.hallmark.detail-erasure", "hallmark-erasure"},
};

static bool kind_known(enum hm_signed_kind kind)
{
    return (unsigned)kind > 0 && (unsigned)kind < sizeof kinds / sizeof kinds[0];
}

const char *hm_signed_payload_type(enum hm_signed_kind kind)
{
    return kind_known(kind) ? kinds[kind].payload_type : "";
}

const char *hm_signed_namespace(enum hm_signed_kind kind)
{
    return kind_known(kind) ? kinds[kind].ns : "";
}

static enum hm_err read_ssh(const json_t *doc, struct hm_signed *s, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    const char *payload = hm_json_str(&in, "payload");
    const char *sshsig = hm_json_str(&in, "sshsig");
    enum hm_err e = hm_json_end(&in);
    if (e != HM_OK)
        return e;
    s->is_ssh = true;
    e = hm_unbase64(hm_bytes_str(payload), &s->payload_ssh);
    if (e != HM_OK)
        return hm_fail(why, e, "$.payload: expected standard base64");
    e = hm_sshsig_parse(hm_bytes_str(sshsig), &s->ssh, why);
    return e == HM_OK ? HM_OK : hm_fail_in(why, e, "$.sshsig");
}

static enum hm_err read_token(const json_t *doc, struct hm_signed *s, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    const char *payload = hm_json_str(&in, "payload");
    const char *token = hm_json_str(&in, "oidc");
    if (token != NULL && token[0] == '\0')
        hm_json_bad(&in, HM_E_MALFORMED, "oidc", "expected a token");
    enum hm_err e = hm_json_end(&in);
    if (e != HM_OK)
        return e;
    hm_buf_puts(&s->token, token);
    if (hm_buf_str(&s->token) == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a token");
    e = hm_unbase64(hm_bytes_str(payload), &s->payload_ssh);
    return e == HM_OK ? HM_OK : hm_fail(why, e, "$.payload: expected standard base64");
}

static enum hm_err read_any(const json_t *doc, size_t max, struct hm_signed *s, struct hm_why *why)
{
    if (json_object_get(doc, "sshsig") != NULL)
        return read_ssh(doc, s, why);
    if (json_object_get(doc, "oidc") != NULL)
        return read_token(doc, s, why);
    return hm_dsse_from_json(doc, max, &s->dsse, why);
}

enum hm_err hm_signed_parse(struct hm_bytes text, size_t max, struct hm_signed *out,
                            struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_signed s = {.payload_ssh = {.limit = max}, .token = {.limit = max}};
    enum hm_err e = hm_json_parse(text, HM_JSON_FOREIGN(max), &doc, why);
    if (e != HM_OK)
        return e;
    e = read_any(doc, max, &s, why);
    if (e != HM_OK) {
        hm_signed_free(&s);
        return e;
    }
    *out = s;
    return HM_OK;
}

void hm_signed_free(struct hm_signed *s)
{
    if (s == NULL)
        return;
    hm_dsse_free(&s->dsse);
    hm_sshsig_free(&s->ssh);
    hm_buf_free(&s->payload_ssh);
    hm_buf_free(&s->token);
    *s = (struct hm_signed){0};
}

struct hm_bytes hm_signed_payload(const struct hm_signed *s)
{
    bool own = s->is_ssh || s->token.len > 0;
    return hm_buf_bytes(own ? &s->payload_ssh : &s->dsse.payload);
}

bool hm_signed_user_verified(const struct hm_signed *s)
{
    return s->is_ssh && hm_sshsig_user_verified(&s->ssh);
}

const char *hm_signed_token(const struct hm_signed *s)
{
    return s->token.len > 0 ? (const char *)s->token.data : NULL;
}

const char *hm_signed_certificate(const struct hm_signed *s)
{
    return s->is_ssh ? NULL : s->dsse.certificate;
}

static enum hm_err check_type(const struct hm_signed *s, enum hm_signed_kind kind,
                              struct hm_why *why)
{
    if (!kind_known(kind))
        return hm_fail(why, HM_E_DENIED, "signed document: unknown kind");
    if (s->token.len > 0)
        return hm_fail(why, HM_E_DENIED, "signed document: a token stands in place of a signature");
    if (!s->is_ssh && strcmp(s->dsse.payload_type, kinds[kind].payload_type) != 0)
        return hm_fail(why, HM_E_DENIED, "signed document: its payload type is not %s",
                       kinds[kind].payload_type);
    return HM_OK;
}

enum hm_err hm_signed_verify(const struct hm_signed *s, enum hm_signed_kind kind,
                             const struct hm_key *key, struct hm_why *why)
{
    return hm_signed_verify_with(s, kind, key, NULL, why);
}

enum hm_err hm_signed_verify_with(const struct hm_signed *s, enum hm_signed_kind kind,
                                  const struct hm_key *key, const struct hm_key_ready *ready,
                                  struct hm_why *why)
{
    enum hm_err e = check_type(s, kind, why);
    if (e != HM_OK)
        return e;
    if (s->is_ssh)
        return hm_sshsig_verify_with(&s->ssh, key, ready, kinds[kind].ns,
                                     hm_buf_bytes(&s->payload_ssh), why);
    e = hm_dsse_verify_with(&s->dsse, key, ready);
    return e == HM_OK ? HM_OK : hm_fail(why, e, "signed document: not signed by this key");
}

enum hm_err hm_signed_find(const struct hm_signed *s, enum hm_signed_kind kind,
                           const struct hm_key *keys, size_t count, size_t *index,
                           struct hm_why *why)
{
    enum hm_err e = check_type(s, kind, why);
    if (e != HM_OK)
        return e;
    for (size_t i = 0; i < count; i++) {
        if (s->is_ssh && !hm_key_eq(&s->ssh.key, &keys[i]))
            continue;
        e = hm_signed_verify(s, kind, &keys[i], why);
        if (e == HM_OK) {
            *index = i;
            return HM_OK;
        }
        /* The key was found and refused for a reason of its own; a key stands in one place only. */
        if (s->is_ssh || e != HM_E_SIGNATURE)
            return e;
    }
    return hm_fail(why, HM_E_SIGNATURE, "signed document: signed by none of %zu known keys", count);
}

enum hm_err hm_signed_write_ssh(struct hm_buf *out, struct hm_bytes payload, struct hm_bytes armor)
{
    hm_buf_puts(out, "{\"payload\":\"");
    hm_base64(out, payload);
    hm_buf_puts(out, "\",\"sshsig\":");
    hm_json_canon_str(out, armor);
    hm_buf_putc(out, '}');
    return hm_buf_err(out);
}

enum hm_err hm_signed_write_dsse(struct hm_buf *out, enum hm_signed_kind kind,
                                 struct hm_bytes payload, struct hm_bytes sig,
                                 const char *certificate_pem)
{
    if (!kind_known(kind))
        return HM_E_MALFORMED;
    return hm_dsse_write(out, kinds[kind].payload_type, payload, sig, certificate_pem);
}

enum hm_err hm_signed_write_token(struct hm_buf *out, struct hm_bytes payload,
                                  struct hm_bytes token)
{
    hm_buf_puts(out, "{\"oidc\":");
    hm_json_canon_str(out, token);
    hm_buf_puts(out, ",\"payload\":\"");
    hm_base64(out, payload);
    hm_buf_puts(out, "\"}");
    return hm_buf_err(out);
}
