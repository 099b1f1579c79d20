/* X.509 client certificates as identity. Pure apart from OpenSSL's tables; any thread. The common
 * name is never looked at. */
#include "schema/attest/hm_cert.h"

#include "schema/attest/hm_cert_priv.h"
#include "schema/core/hm_text.h"

#include <limits.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#define AUTH_LEVEL 2 /* OpenSSL's security level: 112 bits, no SHA-1 */

static void free_x509(X509 **c)
{
    X509_free(*c);
}
static void free_names(GENERAL_NAMES **n)
{
    GENERAL_NAMES_free(*n);
}
void hm_cert_free_bio(BIO **b)
{
    BIO_free_all(*b);
}
void hm_cert_free_stack(STACK_OF(X509) * *s)
{
    sk_X509_pop_free(*s, X509_free);
}
void hm_cert_free_store(X509_STORE **s)
{
    X509_STORE_free(*s);
}
static void free_store_ctx(X509_STORE_CTX **c)
{
    X509_STORE_CTX_free(*c);
}
#define AUTO HM_CERT_AUTO

/* Encrypted PEM is refused rather than asked a password for. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

/* Every certificate of a PEM text, in its order. */
enum hm_err hm_cert_read_pem(struct hm_bytes pem, int max, STACK_OF(X509) * *out,
                             struct hm_why *why)
{
    if (pem.len == 0 || pem.len > HM_CERT_PEM_MAX)
        return hm_fail(why, HM_E_LIMIT, "certificate: expected 1 to %zu bytes of PEM",
                       HM_CERT_PEM_MAX);
    AUTO(hm_cert_free_bio) BIO *in = BIO_new_mem_buf(pem.data, (int)pem.len);
    AUTO(hm_cert_free_stack) STACK_OF(X509) *list = sk_X509_new_null();
    if (in == NULL || list == NULL)
        return hm_fail(why, HM_E_MEMORY, "certificate: out of memory");
    for (;;) {
        X509 *c = PEM_read_bio_X509(in, NULL, no_password, NULL);
        if (c == NULL)
            break;
        if (sk_X509_num(list) == max || sk_X509_push(list, c) == 0) {
            X509_free(c);
            return hm_fail(why, HM_E_LIMIT, "certificate: more than %d in one text", max);
        }
    }
    unsigned long reason = ERR_peek_last_error();
    ERR_clear_error();
    if (sk_X509_num(list) == 0 || ERR_GET_REASON(reason) != PEM_R_NO_START_LINE)
        return hm_fail(why, HM_E_MALFORMED, "certificate: not PEM, or cut off");
    *out = list;
    list = NULL;
    return HM_OK;
}

static enum hm_err add_uri(const ASN1_IA5STRING *uri, struct hm_cert *c, struct hm_why *why)
{
    int len = ASN1_STRING_length(uri);
    const unsigned char *text = ASN1_STRING_get0_data(uri);
    if (c->uri_count == HM_CERT_URIS_MAX)
        return hm_fail(why, HM_E_LIMIT, "certificate: more than %d SAN URIs", HM_CERT_URIS_MAX);
    char *out = c->uris[c->uri_count];
    if (len <= 0 || len > HM_URI_MAX || memchr(text, 0, (size_t)len) != NULL)
        return hm_fail(why, HM_E_MALFORMED,
                       "certificate: a SAN URI is empty, too long or holds NUL");
    memcpy(out, text, (size_t)len);
    out[len] = '\0';
    if (!hm_uri_ok(out))
        return hm_fail(why, HM_E_MALFORMED, "certificate: a SAN URI holds forbidden characters");
    c->uri_count++;
    return HM_OK;
}

static enum hm_err read_uris(const X509 *x, struct hm_cert *c, struct hm_why *why)
{
    int critical = -1;
    AUTO(free_names)
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
    if (names == NULL && critical != -1)
        return hm_fail(why, HM_E_MALFORMED, "certificate: bad or repeated subjectAltName");
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        enum hm_err e = HM_OK;
        if (n->type == GEN_URI)
            e = add_uri(n->d.uniformResourceIdentifier, c, why);
        if (e != HM_OK)
            return e;
    }
    return HM_OK;
}

bool hm_cert_time(const ASN1_TIME *t, int64_t *out)
{
    struct tm tm = {0};
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    *out = (int64_t)timegm(&tm);
    return true;
}

/* A key of another algorithm leaves alg HM_KEY_NONE: the certificate may still be somebody's
 * identity. */
static void read_key(const X509 *x, struct hm_key *out)
{
    struct hm_key key;
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    if (len > 0 && hm_key_from_spki(hm_bytes_of(der, (size_t)len), &key, NULL) == HM_OK)
        *out = key;
    OPENSSL_free(der);
}

static enum hm_err read_certificate(const X509 *x, struct hm_cert *out, struct hm_why *why)
{
    struct hm_cert c = {.key = {.alg = HM_KEY_NONE}};
    unsigned n = 0;
    if (X509_digest(x, EVP_sha256(), c.fingerprint.b, &n) != 1 || n != sizeof c.fingerprint.b)
        return hm_fail(why, HM_E_INTERNAL, "certificate: cannot hash it");
    if (!hm_cert_time(X509_get0_notBefore(x), &c.not_before_s) ||
        !hm_cert_time(X509_get0_notAfter(x), &c.not_after_s))
        return hm_fail(why, HM_E_MALFORMED, "certificate: bad validity times");
    enum hm_err e = read_uris(x, &c, why);
    if (e != HM_OK)
        return e;
    read_key(x, &c.key);
    *out = c;
    return HM_OK;
}

enum hm_err hm_cert_parse_der(struct hm_bytes der, struct hm_cert *out, struct hm_why *why)
{
    const unsigned char *p = der.data;
    if (der.len == 0 || der.len > HM_CERT_PEM_MAX)
        return hm_fail(why, HM_E_LIMIT, "certificate: expected 1 to %zu bytes", HM_CERT_PEM_MAX);
    AUTO(free_x509) X509 *x = d2i_X509(NULL, &p, (long)der.len);
    enum hm_err e = HM_OK;
    if (x == NULL || p != der.data + der.len)
        e = hm_fail(why, HM_E_MALFORMED, "certificate: not DER, or bytes behind it");
    else
        e = read_certificate(x, out, why);
    ERR_clear_error();
    return e;
}

enum hm_err hm_cert_parse_pem(struct hm_bytes pem, struct hm_cert *out, struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *list = NULL;
    enum hm_err e = hm_cert_read_pem(pem, 1 + HM_CERT_CHAIN_MAX, &list, why);
    if (e == HM_OK)
        e = read_certificate(sk_X509_value(list, 0), out, why);
    ERR_clear_error();
    return e;
}

enum hm_err hm_cert_read_store(struct hm_bytes ca_pem, X509_STORE **out, struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *list = NULL;
    enum hm_err e = hm_cert_read_pem(ca_pem, HM_CERT_CA_MAX, &list, why);
    if (e != HM_OK)
        return hm_fail_in(why, e, "CA");
    AUTO(hm_cert_free_store) X509_STORE *store = X509_STORE_new();
    if (store == NULL)
        return hm_fail(why, HM_E_MEMORY, "certificate: out of memory");
    for (int i = 0; i < sk_X509_num(list); i++)
        if (X509_STORE_add_cert(store, sk_X509_value(list, i)) != 1)
            return hm_fail(why, HM_E_INTERNAL, "CA: cannot use certificate %d", i + 1);
    *out = store;
    store = NULL;
    return HM_OK;
}

/* Nobody can revoke an anchor: the list of whoever issued it is not asked for. */
static int on_verify(int ok, X509_STORE_CTX *ctx)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    bool anchor = depth == sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
    if (ok == 0 && anchor && X509_STORE_CTX_get_error(ctx) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
        return 1;
    }
    return ok;
}

enum hm_err hm_cert_verify_store(X509_STORE *store, STACK_OF(X509) * chain, int64_t at_s,
                                 struct hm_why *why)
{
    AUTO(free_store_ctx) X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (ctx == NULL || X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain) != 1)
        return hm_fail(why, HM_E_MEMORY, "certificate: out of memory");
    X509_STORE_CTX_set_verify_cb(ctx, on_verify);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)at_s);
    X509_VERIFY_PARAM_set_depth(param, HM_CERT_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
    /* The operator's CA file is the anchor, whether or not its certificates are self-signed. */
    if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN) != 1 ||
        X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) != 1)
        return hm_fail(why, HM_E_INTERNAL, "certificate: cannot set the purpose");
    if (X509_verify_cert(ctx) == 1)
        return HM_OK;
    return hm_fail(why, HM_E_DENIED, "certificate: %s",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
}

enum hm_err hm_cert_verify_chain(struct hm_bytes pem, struct hm_bytes ca_pem, int64_t at_s,
                                 struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *chain = NULL;
    AUTO(hm_cert_free_store) X509_STORE *store = NULL;
    enum hm_err e = hm_cert_read_pem(pem, 1 + HM_CERT_CHAIN_MAX, &chain, why);
    if (e == HM_OK)
        e = hm_cert_read_store(ca_pem, &store, why);
    if (e == HM_OK)
        e = hm_cert_verify_store(store, chain, at_s, why);
    ERR_clear_error();
    return e;
}
