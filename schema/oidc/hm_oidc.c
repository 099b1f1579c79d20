/* Parsing is done here, strictly; libcjose checks the signature over the same text. */
#include "schema/oidc/hm_oidc.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"
#include "schema/oidc/hm_jwk_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARTS 3
#define TIME_MAX HM_NUMBER_MAX

static enum hm_err split(struct hm_bytes text, struct hm_bytes part[static PARTS],
                         struct hm_why *why)
{
    size_t n = 0;
    size_t from = 0;
    if (text.len == 0 || text.len > HM_OIDC_TOKEN_MAX)
        return hm_fail(why, HM_E_LIMIT, "token: expected 1 to %zu bytes", HM_OIDC_TOKEN_MAX);
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != '.')
            continue;
        if (n == PARTS || i == from)
            return hm_fail(why, HM_E_MALFORMED, "token: expected three parts, none of them empty");
        part[n++] = hm_bytes_of(text.data + from, i - from);
        from = i + 1;
    }
    return n == PARTS ? HM_OK
                      : hm_fail(why, HM_E_MALFORMED, "token: expected three parts, found %zu", n);
}

static enum hm_err part_json(struct hm_bytes part, const char *name, json_t **out,
                             struct hm_why *why)
{
    HM_BUF_AUTO raw = {.limit = HM_OIDC_TOKEN_MAX};
    if (hm_jose_decode(part, &raw) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "token: its %s is not base64url", name);
    enum hm_err err =
        hm_json_parse(hm_buf_bytes(&raw), HM_JSON_FOREIGN(HM_OIDC_TOKEN_MAX), out, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "token: its %s", name);
    return HM_OK;
}

static void copy_text(struct hm_json_in *in, const char *member, char *out, size_t max)
{
    const char *v = hm_json_str(in, member);
    if (v == NULL)
        return;
    size_t n = strlen(v);
    if (n == 0 || n > max || !hm_printable_ok(hm_bytes_str(v)))
        hm_json_bad(in, HM_E_MALFORMED, member, "expected 1 to %zu printable bytes", max);
    else
        memcpy(out, v, n + 1);
}

/* What would change how the rest is read, or bring a key along, is refused rather than ignored. */
static void check_header(struct hm_json_in *in)
{
    static const char *const never[] = {"crit", "b64", "zip", "jwk", "jku", "x5u", "x5c"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (hm_json_has(in, never[i]))
            hm_json_bad(in, HM_E_UNSUPPORTED, never[i], "this header is not accepted");
    const char *typ = hm_json_str_or(in, "typ", "JWT");
    if (typ != NULL && strcasecmp(typ, "JWT") != 0)
        hm_json_bad(in, HM_E_UNSUPPORTED, "typ", "expected JWT");
}

static enum hm_err read_header(struct hm_bytes part, struct hm_oidc_token *t, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_json_in in;
    enum hm_err err = part_json(part, "header", &doc, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, doc, "token header", why);
    in.open = true;
    const char *alg = hm_json_str(&in, "alg");
    unsigned known = alg != NULL ? hm_oidc_alg(alg) : 0;
    if (alg != NULL && known == 0)
        hm_json_bad(&in, HM_E_UNSUPPORTED, "alg", "expected RS256, PS256, ES256 or ES384");
    t->alg = (enum hm_oidc_alg)known;
    check_header(&in);
    copy_text(&in, "kid", t->kid, HM_JWK_KID_MAX);
    return hm_json_end(&in);
}

/* One text, alone or alone in a list: whoever else a token is for could use it here. */
static void read_audience(struct hm_json_in *in, struct hm_oidc_token *t)
{
    const json_t *v = hm_json_any(in, "aud");
    if (json_is_array(v) && json_array_size(v) == 1)
        v = json_array_get(v, 0);
    const char *text = json_string_value(v);
    if (v == NULL)
        return;
    if (text == NULL || text[0] == '\0' || json_string_length(v) > HM_OIDC_AUDIENCE_MAX ||
        json_string_length(v) != strlen(text))
        hm_json_bad(in, HM_E_MALFORMED, "aud", "expected one audience, at most %d bytes",
                    HM_OIDC_AUDIENCE_MAX);
    else
        memcpy(t->audience, text, strlen(text) + 1);
}

static enum hm_err read_claims(struct hm_bytes part, struct hm_oidc_token *t, struct hm_why *why)
{
    struct hm_json_in in;
    enum hm_err err = part_json(part, "payload", &t->claims, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, t->claims, "token", why);
    in.open = true;
    copy_text(&in, "iss", t->issuer, HM_URI_MAX);
    copy_text(&in, "jti", t->jti, HM_OIDC_JTI_MAX);
    read_audience(&in, t);
    t->issued_s = (int64_t)hm_json_uint(&in, "iat", 1, TIME_MAX);
    t->expires_s = (int64_t)hm_json_uint(&in, "exp", 1, TIME_MAX);
    t->not_before_s = (int64_t)hm_json_uint_or(&in, "nbf", 0, TIME_MAX, (uint64_t)t->issued_s);
    if (in.err == HM_OK &&
        (t->expires_s <= t->issued_s || t->expires_s - t->issued_s > HM_OIDC_LIFE_MAX_S))
        hm_json_bad(&in, HM_E_MALFORMED, "exp", "expected at most a day after iat");
    return hm_json_end(&in);
}

enum hm_err hm_oidc_parse(struct hm_bytes text, struct hm_oidc_token *out, struct hm_why *why)
{
    struct hm_bytes part[PARTS];
    HM_BUF_AUTO signature = {.limit = HM_OIDC_TOKEN_MAX};
    struct hm_oidc_token *t = calloc(1, sizeof *t);
    if (t == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a token");
    t->text.limit = HM_OIDC_TOKEN_MAX + 1;
    enum hm_err err = split(text, part, why);
    if (err == HM_OK)
        err = read_header(part[0], t, why);
    if (err == HM_OK)
        err = read_claims(part[1], t, why);
    if (err == HM_OK && hm_jose_decode(part[2], &signature) != HM_OK)
        err = hm_fail(why, HM_E_MALFORMED, "token: its signature is not base64url");
    if (err == HM_OK) {
        hm_buf_put(&t->text, text.data, text.len);
        err = hm_buf_str(&t->text) != NULL ? HM_OK : HM_E_MEMORY;
    }
    if (err == HM_OK)
        *out = *t;
    else
        hm_oidc_free(t);
    free(t);
    return err;
}

void hm_oidc_free(struct hm_oidc_token *t)
{
    if (t == NULL)
        return;
    json_decref(t->claims);
    hm_buf_free(&t->text);
    memset(t, 0, sizeof *t);
}

static bool holds(const struct hm_oidc_token *t, const struct hm_jwk *key)
{
    cjose_err e;
    cjose_jws_t *jws = cjose_jws_import((const char *)t->text.data, t->text.len, &e);
    bool good = jws != NULL && cjose_jws_verify(jws, key->key, &e);
    cjose_jws_release(jws);
    return good;
}

enum hm_err hm_oidc_verify(const struct hm_oidc_token *t, const struct hm_jwk *key, unsigned algs,
                           struct hm_why *why)
{
    if (((unsigned)t->alg & algs) == 0)
        return hm_fail(why, HM_E_DENIED, "token: its algorithm is not accepted from this issuer");
    if (((unsigned)t->alg & key->algs) == 0 || strcmp(t->kid, key->kid) != 0)
        return hm_fail(why, HM_E_SIGNATURE, "token: key %.64s is not for it", key->kid);
    if (!holds(t, key))
        return hm_fail(why, HM_E_SIGNATURE, "token: not signed by key %.64s of its issuer",
                       key->kid);
    return HM_OK;
}

enum hm_err hm_oidc_check(const struct hm_oidc_token *t, const char *audience, int64_t at_s,
                          int64_t leeway_s, struct hm_why *why)
{
    if (strcmp(t->audience, audience) != 0)
        return hm_fail(why, HM_E_DENIED, "token: its audience is %.220s, expected %.220s",
                       t->audience, audience);
    if (at_s - leeway_s >= t->expires_s)
        return hm_fail(why, HM_E_EXPIRED, "token: it has expired");
    if (at_s + leeway_s < t->not_before_s || at_s + leeway_s < t->issued_s)
        return hm_fail(why, HM_E_DENIED, "token: it is not valid yet");
    return HM_OK;
}

const char *hm_oidc_claim(const struct hm_oidc_token *t, const char *name)
{
    const json_t *v = json_object_get(t->claims, name);
    const char *text = json_string_value(v);
    return text != NULL && strlen(text) == json_string_length(v) ? text : NULL;
}

struct hm_digest hm_oidc_id(const struct hm_oidc_token *t)
{
    /* The issuer with its NUL, so that no two pairs read the same. */
    return hm_sha256_3(hm_bytes_str("hallmark oidc token v1\n"),
                       hm_bytes_of(t->issuer, strlen(t->issuer) + 1), hm_bytes_str(t->jti));
}

void hm_oidc_audience(const char *origin, const struct hm_digest *request,
                      char out[static HM_OIDC_AUDIENCE_MAX + 1])
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(request, hex);
    (void)snprintf(out, HM_OIDC_AUDIENCE_MAX + 1, "%s#sha256:%s", origin, hex);
}
