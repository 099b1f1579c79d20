/* DSSE v1 envelopes. Thread: each object by one thread at a time. Nothing in an envelope is
 * believed before hm_dsse_verify. */
#include "schema/attest/hm_dsse_priv.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_TYPE_MAX 256
#define SIGNATURE_MAX 512
#define CERTIFICATE_MAX ((size_t)64 * 1024)

static enum hm_err copy_string(const char *text, size_t max, const char *member, char **out,
                               struct hm_why *why)
{
    if (strnlen(text, max + 1) > max)
        return hm_fail(why, HM_E_LIMIT, "$.%s: more than %zu bytes", member, max);
    *out = strdup(text);
    return *out != NULL ? HM_OK : hm_fail(why, HM_E_MEMORY, "$.%s: out of memory", member);
}

static enum hm_err decode(const char *text, const char *member, struct hm_buf *out,
                          struct hm_why *why)
{
    enum hm_err e = hm_unbase64_any(hm_bytes_str(text), out);
    if (e == HM_OK)
        return HM_OK;
    return hm_fail(why, e, "$.%s: expected the base64 of at most %zu bytes", member, out->limit);
}

/* The one signature; its key id is a hint that nobody here takes. */
static enum hm_err read_signature(const json_t *signatures, struct hm_dsse *d, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, json_array_get(signatures, 0), "$.signatures[0]", why);
    in.open = true;
    const char *sig = hm_json_str(&in, "sig");
    enum hm_err e = hm_json_end(&in);
    if (e != HM_OK)
        return e;
    e = decode(sig, "signatures[0].sig", &d->sig, why);
    if (e == HM_OK && d->sig.len == 0)
        e = hm_fail(why, HM_E_MALFORMED, "$.signatures[0].sig: empty");
    return e;
}

static enum hm_err read_envelope(const json_t *envelope, struct hm_dsse *d, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, envelope, "$", why);
    in.open = true;
    const char *type = hm_json_str(&in, "payloadType");
    const char *payload = hm_json_str(&in, "payload");
    const json_t *signatures = hm_json_array(&in, "signatures", 1, 1);
    const char *certificate = hm_json_str_or(&in, "certificate", NULL);
    enum hm_err e = hm_json_end(&in);
    if (e == HM_OK && type[0] == '\0')
        e = hm_fail(why, HM_E_MALFORMED, "$.payloadType: empty");
    if (e == HM_OK)
        e = copy_string(type, PAYLOAD_TYPE_MAX, "payloadType", &d->payload_type, why);
    if (e == HM_OK && certificate != NULL)
        e = copy_string(certificate, CERTIFICATE_MAX, "certificate", &d->certificate, why);
    if (e == HM_OK)
        e = decode(payload, "payload", &d->payload, why);
    if (e == HM_OK)
        e = read_signature(signatures, d, why);
    return e;
}

enum hm_err hm_dsse_from_json(const json_t *envelope, size_t max, struct hm_dsse *out,
                              struct hm_why *why)
{
    struct hm_dsse d = {.payload = {.limit = max}, .sig = {.limit = SIGNATURE_MAX}};
    enum hm_err e = read_envelope(envelope, &d, why);
    if (e != HM_OK) {
        hm_dsse_free(&d);
        return e;
    }
    *out = d;
    return HM_OK;
}

enum hm_err hm_dsse_parse(struct hm_bytes text, size_t max, struct hm_dsse *out, struct hm_why *why)
{
    HM_JSON_AUTO *envelope = NULL;
    enum hm_err e = hm_json_parse(text, HM_JSON_FOREIGN(max), &envelope, why);
    return e == HM_OK ? hm_dsse_from_json(envelope, max, out, why) : e;
}

void hm_dsse_free(struct hm_dsse *d)
{
    if (d == NULL)
        return;
    free(d->payload_type);
    free(d->certificate);
    hm_buf_free(&d->payload);
    hm_buf_free(&d->sig);
    *d = (struct hm_dsse){0};
}

void hm_dsse_pae(struct hm_buf *out, const char *payload_type, struct hm_bytes payload)
{
    hm_buf_printf(out, "DSSEv1 %zu %s %zu ", strlen(payload_type), payload_type, payload.len);
    hm_buf_put(out, payload.data, payload.len);
}

enum hm_err hm_dsse_verify(const struct hm_dsse *d, const struct hm_key *key)
{
    return hm_dsse_verify_with(d, key, NULL);
}

enum hm_err hm_dsse_verify_with(const struct hm_dsse *d, const struct hm_key *key,
                                const struct hm_key_ready *ready)
{
    HM_BUF_AUTO pae = {0};
    hm_dsse_pae(&pae, d->payload_type, hm_buf_bytes(&d->payload));
    enum hm_err e = hm_buf_err(&pae);
    if (e != HM_OK)
        return e;
    /* A FIDO key cannot make these: its signatures cover flags and a counter too. */
    if (hm_key_is_sk(key))
        return HM_E_SIGNATURE;
    return hm_key_verify_der_with(key, ready, hm_buf_bytes(&pae), hm_buf_bytes(&d->sig));
}

static void put_member(struct hm_buf *out, const char *name, struct hm_bytes text)
{
    hm_buf_printf(out, "\"%s\":", name);
    hm_json_canon_str(out, text);
}

static void put_base64_member(struct hm_buf *out, const char *name, struct hm_bytes data)
{
    hm_buf_printf(out, "\"%s\":\"", name);
    hm_base64(out, data);
    hm_buf_putc(out, '"');
}

enum hm_err hm_dsse_write(struct hm_buf *out, const char *payload_type, struct hm_bytes payload,
                          struct hm_bytes sig, const char *certificate_pem)
{
    hm_buf_putc(out, '{');
    if (certificate_pem != NULL) {
        put_member(out, "certificate", hm_bytes_str(certificate_pem));
        hm_buf_putc(out, ',');
    }
    put_base64_member(out, "payload", payload);
    hm_buf_putc(out, ',');
    put_member(out, "payloadType", hm_bytes_str(payload_type));
    hm_buf_puts(out, ",\"signatures\":[{\"keyid\":\"\",");
    put_base64_member(out, "sig", sig);
    hm_buf_puts(out, "}]}");
    return hm_buf_err(out);
}
