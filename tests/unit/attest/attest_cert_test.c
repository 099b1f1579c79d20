/* Client certificates made here with OpenSSL: identity, chain, purpose, time. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_cert.h"

#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define NOW INT64_C(1795224000)
#define DAY INT64_C(86400)
#define URI "spiffe://example.com/ci/edge"

struct plan {
    const char *uris[HM_CERT_URIS_MAX + 1];
    size_t uri_lens[HM_CERT_URIS_MAX + 1]; /* 0: strlen */
    const char *usage;                     /* extendedKeyUsage, NULL: none */
    int64_t from;
    int64_t to;
    bool ca;
    bool rsa1024;
};

struct issued {
    X509 *cert;
    EVP_PKEY *key;
};

static void need(int ok)
{
    assert_int_equal(ok, 1);
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    need(X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

static void add_uris(X509 *x, const struct plan *p)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    assert_non_null(names);
    for (size_t i = 0; i <= HM_CERT_URIS_MAX && p->uris[i] != NULL; i++) {
        GENERAL_NAME *n = GENERAL_NAME_new();
        ASN1_IA5STRING *s = ASN1_IA5STRING_new();
        size_t len = p->uri_lens[i] != 0 ? p->uri_lens[i] : strlen(p->uris[i]);
        assert_true(n != NULL && s != NULL);
        need(ASN1_STRING_set(s, p->uris[i], (int)len));
        GENERAL_NAME_set0_value(n, GEN_URI, s);
        assert_true(sk_GENERAL_NAME_push(names, n) > 0);
    }
    if (sk_GENERAL_NAME_num(names) > 0)
        need(X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0));
    GENERAL_NAMES_free(names);
}

static struct issued issue(const struct plan *p, const char *name, const struct issued *by)
{
    struct issued i = {X509_new(), p->rsa1024 ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256")};
    time_t from = (time_t)p->from;
    time_t to = (time_t)p->to;
    assert_true(i.cert != NULL && i.key != NULL);
    need(X509_set_version(i.cert, X509_VERSION_3));
    need(ASN1_INTEGER_set(X509_get_serialNumber(i.cert), 7));
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(i.cert), from));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(i.cert), to));
    X509_NAME *subject = X509_get_subject_name(i.cert);
    need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0));
    need(X509_set_issuer_name(i.cert, by != NULL ? X509_get_subject_name(by->cert) : subject));
    need(X509_set_pubkey(i.cert, i.key));
    if (p->ca)
        add_extension(i.cert, NID_basic_constraints, "critical,CA:TRUE");
    if (p->usage != NULL)
        add_extension(i.cert, NID_ext_key_usage, p->usage);
    add_uris(i.cert, p);
    assert_true(X509_sign(i.cert, by != NULL ? by->key : i.key, EVP_sha256()) > 0);
    return i;
}

static void put_pem(struct hm_buf *out, const struct issued *i)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *data = NULL;
    assert_non_null(b);
    need(PEM_write_bio_X509(b, i->cert));
    long len = BIO_get_mem_data(b, &data);
    hm_buf_put(out, data, (size_t)len);
    BIO_free(b);
}

static void free_issued(struct issued *i)
{
    X509_free(i->cert);
    EVP_PKEY_free(i->key);
}

static const struct plan ca_plan = {.ca = true, .from = NOW - DAY, .to = NOW + DAY};

static void test_identity(void **state)
{
    HM_BUF_AUTO pem = {0};
    struct plan p = {.uris = {URI, "https://example.com/x"}, .from = NOW - DAY, .to = NOW + DAY};
    struct issued i = issue(&p, "alice", NULL);
    struct hm_cert c;
    unsigned char *der = NULL;
    (void)state;
    put_pem(&pem, &i);
    assert_int_equal(hm_cert_parse_pem(hm_buf_bytes(&pem), &c, NULL), HM_OK);
    assert_int_equal(c.uri_count, 2);
    assert_string_equal(c.uris[0], URI);
    assert_string_equal(c.uris[1], "https://example.com/x");
    assert_int_equal(c.not_before_s, NOW - DAY);
    assert_int_equal(c.not_after_s, NOW + DAY);
    assert_int_equal(c.key.alg, HM_KEY_P256);
    int len = i2d_X509(i.cert, &der);
    assert_true(len > 0);
    struct hm_digest want = hm_sha256(hm_bytes_of(der, (size_t)len));
    assert_true(hm_digest_eq(&c.fingerprint, &want));
    struct hm_cert from_der;
    memset(&from_der, 0, sizeof from_der);
    assert_int_equal(hm_cert_parse_der(hm_bytes_of(der, (size_t)len), &from_der, NULL), HM_OK);
    assert_true(hm_digest_eq(&from_der.fingerprint, &want));
    for (int n = 0; n < len; n++)
        assert_int_not_equal(hm_cert_parse_der(hm_bytes_of(der, (size_t)n), &from_der, NULL),
                             HM_OK);
    uint8_t *longer = calloc(1, (size_t)len + 1);
    assert_non_null(longer);
    memcpy(longer, der, (size_t)len);
    assert_int_equal(hm_cert_parse_der(hm_bytes_of(longer, (size_t)len + 1), &from_der, NULL),
                     HM_E_MALFORMED);
    free(longer);
    for (size_t n = 0; n + 1 < pem.len; n++)
        assert_int_not_equal(hm_cert_parse_pem(hm_bytes_of(pem.data, n), &from_der, NULL), HM_OK);
    OPENSSL_free(der);
    free_issued(&i);
}

struct san_row {
    const char *name;
    struct plan plan;
    enum hm_err want;
};
#define TIMES .from = NOW - DAY, .to = NOW + DAY
#define U8 URI, URI, URI, URI, URI, URI, URI, URI
static const struct san_row sans[] = {
    {"san none", {TIMES}, HM_OK},
    {"san 8", {.uris = {U8}, TIMES}, HM_OK},
    {"san 9", {.uris = {U8, URI}, TIMES}, HM_E_LIMIT},
    {"san with NUL", {.uris = {URI "\0x"}, .uri_lens = {sizeof URI + 1}, TIMES}, HM_E_MALFORMED},
    {"san with NUL at its end", {.uris = {URI}, .uri_lens = {sizeof URI}, TIMES}, HM_E_MALFORMED},
    {"san second with NUL", {.uris = {URI, "a\0b"}, .uri_lens = {0, 3}, TIMES}, HM_E_MALFORMED},
    {"san empty", {.uris = {""}, TIMES}, HM_E_MALFORMED},
    {"san with space", {.uris = {"spiffe://a b"}, TIMES}, HM_E_MALFORMED},
    {"san with line feed", {.uris = {"spiffe://a\n"}, TIMES}, HM_E_MALFORMED},
    {"san not ASCII", {.uris = {"spiffe://\xc3\xa9"}, TIMES}, HM_E_MALFORMED},
    {"RSA key", {.uris = {URI}, .rsa1024 = true, TIMES}, HM_OK},
};

static void test_san(void **state)
{
    const struct san_row *row = *state;
    HM_BUF_AUTO pem = {0};
    struct issued i = issue(&row->plan, "alice", NULL);
    struct hm_cert c = {.uri_count = 99};
    put_pem(&pem, &i);
    enum hm_err e = hm_cert_parse_pem(hm_buf_bytes(&pem), &c, NULL);
    assert_int_equal(e, row->want);
    if (e == HM_OK)
        assert_int_equal(c.key.alg, row->plan.rsa1024 ? HM_KEY_NONE : HM_KEY_P256);
    else
        assert_int_equal(c.uri_count, 99);
    free_issued(&i);
}

struct chain_row {
    const char *name;
    struct plan plan;
    int64_t at;
    enum hm_err want;
};
static const struct chain_row chains[] = {
    {"chain client", {.usage = "clientAuth", TIMES}, NOW, HM_OK},
    {"chain without usage", {TIMES}, NOW, HM_OK},
    {"chain client and server", {.usage = "serverAuth,clientAuth", TIMES}, NOW, HM_OK},
    {"chain server only", {.usage = "serverAuth", TIMES}, NOW, HM_E_DENIED},
    {"chain code signing only", {.usage = "codeSigning", TIMES}, NOW, HM_E_DENIED},
    {"chain before its time", {.from = NOW + 60, .to = NOW + DAY}, NOW, HM_E_DENIED},
    {"chain after its time", {.from = NOW - DAY, .to = NOW - 60}, NOW, HM_E_DENIED},
    {"chain when it was valid", {.from = NOW - 120, .to = NOW - 60}, NOW - 90, HM_OK},
    {"chain after the CA's time",
     {.from = NOW - DAY, .to = NOW + 9 * DAY},
     NOW + 3 * DAY,
     HM_E_DENIED},
    {"chain with a weak key", {.rsa1024 = true, TIMES}, NOW, HM_E_DENIED},
};

static void test_chain(void **state)
{
    const struct chain_row *row = *state;
    HM_BUF_AUTO ca_pem = {0};
    HM_BUF_AUTO pem = {0};
    struct issued ca = issue(&ca_plan, "ca", NULL);
    struct issued leaf = issue(&row->plan, "alice", &ca);
    struct hm_why why = {""};
    put_pem(&ca_pem, &ca);
    put_pem(&pem, &leaf);
    enum hm_err e = hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&ca_pem), row->at, &why);
    assert_int_equal(e, row->want);
    assert_int_equal(strlen(why.text) > 0, row->want != HM_OK);
    free_issued(&ca);
    free_issued(&leaf);
}

static void test_other_ca(void **state)
{
    HM_BUF_AUTO ca_pem = {0};
    HM_BUF_AUTO pem = {0};
    struct issued ca = issue(&ca_plan, "ca", NULL);
    struct issued same_name = issue(&ca_plan, "ca", NULL);
    struct issued second = issue(&ca_plan, "second ca", NULL);
    struct issued leaf = issue(&(struct plan){TIMES}, "alice", &ca);
    (void)state;
    put_pem(&ca_pem, &same_name);
    put_pem(&pem, &leaf);
    assert_int_equal(hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&ca_pem), NOW, NULL),
                     HM_E_DENIED);
    /* A chain that brings its own CA along gains nothing. */
    put_pem(&pem, &ca);
    assert_int_equal(hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&ca_pem), NOW, NULL),
                     HM_E_DENIED);
    /* A file of two CAs. */
    hm_buf_reset(&ca_pem);
    put_pem(&ca_pem, &second);
    put_pem(&ca_pem, &ca);
    assert_int_equal(hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&ca_pem), NOW, NULL),
                     HM_OK);
    free_issued(&ca);
    free_issued(&same_name);
    free_issued(&second);
    free_issued(&leaf);
}

static void test_intermediate(void **state)
{
    HM_BUF_AUTO root_pem = {0};
    HM_BUF_AUTO middle_pem = {0};
    HM_BUF_AUTO alone = {0};
    HM_BUF_AUTO pem = {0};
    HM_BUF_AUTO forged = {0};
    struct issued root = issue(&ca_plan, "root", NULL);
    struct issued middle = issue(&ca_plan, "middle", &root);
    struct issued leaf = issue(&(struct plan){TIMES}, "alice", &middle);
    struct issued under_leaf = issue(&(struct plan){TIMES}, "mallory", &leaf);
    (void)state;
    put_pem(&root_pem, &root);
    put_pem(&middle_pem, &middle);
    put_pem(&alone, &leaf);
    put_pem(&pem, &leaf);
    put_pem(&pem, &middle);
    assert_int_equal(hm_cert_verify_chain(hm_buf_bytes(&pem), hm_buf_bytes(&root_pem), NOW, NULL),
                     HM_OK);
    assert_int_equal(hm_cert_verify_chain(hm_buf_bytes(&alone), hm_buf_bytes(&root_pem), NOW, NULL),
                     HM_E_DENIED);
    assert_int_equal(
        hm_cert_verify_chain(hm_buf_bytes(&alone), hm_buf_bytes(&middle_pem), NOW, NULL), HM_OK);
    /* A client certificate is no CA. */
    put_pem(&forged, &under_leaf);
    put_pem(&forged, &leaf);
    put_pem(&forged, &middle);
    assert_int_equal(
        hm_cert_verify_chain(hm_buf_bytes(&forged), hm_buf_bytes(&root_pem), NOW, NULL),
        HM_E_DENIED);
    free_issued(&root);
    free_issued(&middle);
    free_issued(&leaf);
    free_issued(&under_leaf);
}

#define ENCRYPTED_PEM                                                                              \
    "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"      \
    "-----END CERTIFICATE-----\n"

static void test_bad_pem(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ENCRYPTED_PEM};
    HM_BUF_AUTO many = {0};
    struct issued i = issue(&ca_plan, "ca", NULL);
    struct hm_cert c;
    (void)state;
    for (size_t n = 0; n < ROWS(bad); n++) {
        struct hm_why why = {""};
        assert_int_not_equal(hm_cert_parse_pem(hm_bytes_str(bad[n]), &c, &why), HM_OK);
        assert_true(strlen(why.text) > 0);
        assert_int_not_equal(
            hm_cert_verify_chain(hm_bytes_str(bad[n]), hm_bytes_str(bad[n]), NOW, &why), HM_OK);
    }
    for (int n = 0; n < 10; n++)
        put_pem(&many, &i);
    assert_int_equal(hm_cert_parse_pem(hm_buf_bytes(&many), &c, NULL), HM_E_LIMIT);
    free_issued(&i);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(sans) + ROWS(chains) + 4];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_san, sans);
    n = ADD_ROWS(tests, n, test_chain, chains);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_identity);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_other_ca);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_intermediate);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_bad_pem);
    return _cmocka_run_group_tests("attest_cert", tests, n, NULL, NULL);
}
