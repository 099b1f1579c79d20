#include "schema/oidc/hm_jwks.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"
#include "schema/oidc/hm_jwk_priv.h"

#include <stdlib.h>
#include <string.h>

#define RSA_BYTES_MIN 256
#define RSA_BYTES_MAX 1024
#define EXPONENT_BYTES_MAX 8

struct hm_jwks {
    size_t count;
    struct hm_jwk *keys[HM_JWKS_KEYS_MAX];
};

unsigned hm_oidc_alg(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } all[] = {{"RS256", HM_OIDC_RS256},
               {"PS256", HM_OIDC_PS256},
               {"ES256", HM_OIDC_ES256},
               {"ES384", HM_OIDC_ES384}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(name, all[i].name) == 0)
            return all[i].bit;
    return 0;
}

enum hm_err hm_jose_decode(struct hm_bytes text, struct hm_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return HM_E_MALFORMED;
    }
    return hm_unbase64_any(text, out);
}

/* A member as unsigned big-endian bytes of which there are from min to max; false otherwise. */
static bool number_ok(const json_t *v, const char *name, size_t min, size_t max)
{
    HM_BUF_AUTO raw = {.limit = RSA_BYTES_MAX + 1};
    const char *text = json_string_value(json_object_get(v, name));
    if (text == NULL || hm_jose_decode(hm_bytes_str(text), &raw) != HM_OK)
        return false;
    return raw.len >= min && raw.len <= max && (raw.data[0] != 0 || max == min);
}

/* An odd exponent from 3 on: with 1 every message would be its own signature (RFC 8017 §3.1). */
static bool exponent_ok(const json_t *v)
{
    HM_BUF_AUTO raw = {.limit = RSA_BYTES_MAX + 1};
    const char *text = json_string_value(json_object_get(v, "e"));
    if (!number_ok(v, "e", 1, EXPONENT_BYTES_MAX) ||
        hm_jose_decode(hm_bytes_str(text), &raw) != HM_OK)
        return false;
    uint8_t last = raw.data[raw.len - 1];
    return (last & 1) != 0 && (raw.len > 1 || last >= 3);
}

/* The algorithms that the key's kind has; 0: of no use here. */
static unsigned algs_of(const json_t *v)
{
    const char *kty = json_string_value(json_object_get(v, "kty"));
    const char *crv = json_string_value(json_object_get(v, "crv"));
    if (kty != NULL && strcmp(kty, "RSA") == 0)
        return number_ok(v, "n", RSA_BYTES_MIN, RSA_BYTES_MAX) && exponent_ok(v)
                   ? HM_OIDC_RS256 | HM_OIDC_PS256
                   : 0;
    if (kty == NULL || crv == NULL || strcmp(kty, "EC") != 0)
        return 0;
    size_t n = strcmp(crv, "P-256") == 0 ? 32 : strcmp(crv, "P-384") == 0 ? 48 : 0;
    if (n == 0 || !number_ok(v, "x", n, n) || !number_ok(v, "y", n, n))
        return 0;
    return n == 32 ? HM_OIDC_ES256 : HM_OIDC_ES384;
}

/* What the issuer says that it is for narrows it. */
static unsigned algs_said(const json_t *v)
{
    const char *use = json_string_value(json_object_get(v, "use"));
    const char *alg = json_string_value(json_object_get(v, "alg"));
    if (use != NULL && strcmp(use, "sig") != 0)
        return 0;
    return alg != NULL ? hm_oidc_alg(alg) : HM_OIDC_ALGS_ALL;
}

static void put_text(const json_t *v, struct hm_buf *out)
{
    /* In order of names, as canonical JSON has them. */
    static const char *const names[] = {"alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"};
    char before = '{';
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *m = json_object_get(v, names[i]);
        if (!json_is_string(m))
            continue;
        hm_buf_putc(out, (uint8_t)before);
        hm_json_canon_str(out, hm_bytes_str(names[i]));
        hm_buf_putc(out, ':');
        hm_json_canon_str(out, hm_bytes_of(json_string_value(m), json_string_length(m)));
        before = ',';
    }
    hm_buf_putc(out, '}');
}

/* HM_OK with *out NULL: a key that is of no use here. */
static enum hm_err read_key(const json_t *v, struct hm_jwk **out, struct hm_why *why)
{
    const char *kid = json_string_value(json_object_get(v, "kid"));
    unsigned algs = json_is_object(v) ? algs_of(v) & algs_said(v) : 0;
    *out = NULL;
    if (json_object_get(v, "d") != NULL)
        return hm_fail(why, HM_E_MALFORMED, "a private key stands among the public ones");
    if (algs == 0 || kid == NULL || kid[0] == '\0' || strlen(kid) > HM_JWK_KID_MAX)
        return HM_OK;
    struct hm_jwk *k = calloc(1, sizeof *k);
    if (k == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for a key");
    memcpy(k->kid, kid, strlen(kid) + 1);
    k->algs = algs;
    k->text.limit = HM_JWK_MAX;
    put_text(v, &k->text);
    const char *text = hm_buf_str(&k->text);
    cjose_err e;
    k->key = text != NULL ? cjose_jwk_import(text, k->text.len, &e) : NULL;
    if (k->key == NULL) {
        hm_jwk_free(k);
        return HM_OK; /* a point that is not on its curve */
    }
    *out = k;
    return HM_OK;
}

void hm_jwk_free(struct hm_jwk *k)
{
    if (k == NULL)
        return;
    (void)cjose_jwk_release(k->key);
    hm_buf_free(&k->text);
    free(k);
}

void hm_jwks_close(struct hm_jwks *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        hm_jwk_free(s->keys[i]);
    free(s);
}

static enum hm_err read_keys(struct hm_jwks *s, const json_t *list, struct hm_why *why)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct hm_jwk *k = NULL;
        enum hm_err err = read_key(json_array_get(list, i), &k, why);
        if (err != HM_OK)
            return hm_fail_in(why, err, "$.keys[%zu]", i);
        if (k == NULL)
            continue;
        if (hm_jwks_find(s, k->kid) != NULL) {
            hm_jwk_free(k);
            return hm_fail(why, HM_E_MALFORMED, "$.keys[%zu].kid: expected each key id once", i);
        }
        s->keys[s->count++] = k;
    }
    if (s->count == 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "$.keys: expected a key with an id, RSA of 2048 to 8192 bits or EC on P-256 "
                       "or P-384");
    return HM_OK;
}

enum hm_err hm_jwks_open(struct hm_bytes text, struct hm_jwks **out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_json_in in;
    enum hm_err err = hm_json_parse(text, HM_JSON_FOREIGN(HM_JWKS_MAX), &doc, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, doc, "$", why);
    in.open = true;
    const json_t *list = hm_json_array(&in, "keys", 1, HM_JWKS_KEYS_MAX);
    err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    struct hm_jwks *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for keys");
    err = read_keys(s, list, why);
    if (err == HM_OK)
        *out = s;
    else
        hm_jwks_close(s);
    return err;
}

const struct hm_jwk *hm_jwks_find(const struct hm_jwks *s, const char *kid)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->keys[i]->kid, kid) == 0)
            return s->keys[i];
    return NULL;
}

enum hm_err hm_jwk_open(struct hm_bytes text, struct hm_jwk **out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_jwk *k = NULL;
    enum hm_err err = hm_json_parse(text, HM_JSON_FOREIGN(HM_JWK_MAX), &doc, why);
    if (err == HM_OK)
        err = read_key(doc, &k, why);
    if (err == HM_OK && k == NULL)
        err = hm_fail(why, HM_E_MALFORMED, "this is no public key that signs tokens");
    if (err == HM_OK)
        *out = k;
    return err;
}

struct hm_bytes hm_jwk_text(const struct hm_jwk *k)
{
    return hm_buf_bytes(&k->text);
}

unsigned hm_jwk_algs(const struct hm_jwk *k)
{
    return k->algs;
}
