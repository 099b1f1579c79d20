/* Revocation lists made here with OpenSSL: an intermediate CA, scope, signature, time. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_crl.h"

#include <time.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define NOW INT64_C(1795224000)
#define DAY INT64_C(86400)

struct issued {
    X509 *cert;
    EVP_PKEY *key;
};
/* root -> middle -> leaf; other: a CA of its own. */
struct world {
    struct issued root, middle, leaf, other;
    struct hm_buf ca, chain;
};

static void need(int ok)
{
    assert_int_equal(ok, 1);
}

static void add(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(e);
    need(X509_add_ext(x, e, -1));
    X509_EXTENSION_free(e);
}

static struct issued issue(const char *name, long serial, const struct issued *by, bool ca)
{
    struct issued i = {X509_new(), EVP_EC_gen("P-256")};
    assert_true(i.cert != NULL && i.key != NULL);
    need(X509_set_version(i.cert, X509_VERSION_3));
    need(ASN1_INTEGER_set(X509_get_serialNumber(i.cert), serial));
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(i.cert), (time_t)(NOW - DAY)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(i.cert), (time_t)(NOW + DAY)));
    X509_NAME *subject = X509_get_subject_name(i.cert);
    need(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                    -1, 0));
    need(X509_set_issuer_name(i.cert, by != NULL ? X509_get_subject_name(by->cert) : subject));
    need(X509_set_pubkey(i.cert, i.key));
    if (ca)
        add(i.cert, NID_basic_constraints, "critical,CA:TRUE");
    assert_true(X509_sign(i.cert, by != NULL ? by->key : i.key, EVP_sha256()) > 0);
    return i;
}

static void put_pem(struct hm_buf *out, X509 *x)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *data = NULL;
    assert_non_null(b);
    need(PEM_write_bio_X509(b, x));
    long len = BIO_get_mem_data(b, &data);
    hm_buf_put(out, data, (size_t)len);
    BIO_free(b);
}

struct plan {
    const struct issued *issuer;
    const struct issued *signer; /* NULL: the issuer */
    long revoked;                /* serial, 0: nobody */
    int64_t from, to;            /* to 0: no nextUpdate */
};

static struct hm_buf list(const struct plan *p)
{
    X509_CRL *c = X509_CRL_new();
    struct hm_buf out = {0};
    unsigned char *der = NULL;
    ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)p->from);
    assert_true(c != NULL && t != NULL);
    need(X509_CRL_set_version(c, 1));
    need(X509_CRL_set_issuer_name(c, X509_get_subject_name(p->issuer->cert)));
    need(X509_CRL_set1_lastUpdate(c, t));
    if (p->revoked != 0) {
        X509_REVOKED *r = X509_REVOKED_new();
        ASN1_INTEGER *n = ASN1_INTEGER_new();
        need(ASN1_INTEGER_set(n, p->revoked));
        need(X509_REVOKED_set_serialNumber(r, n));
        need(X509_REVOKED_set_revocationDate(r, t));
        need(X509_CRL_add0_revoked(c, r));
        ASN1_INTEGER_free(n);
    }
    ASN1_TIME_free(t);
    if (p->to != 0) {
        t = ASN1_TIME_set(NULL, (time_t)p->to);
        need(X509_CRL_set1_nextUpdate(c, t));
        ASN1_TIME_free(t);
    }
    const struct issued *signer = p->signer != NULL ? p->signer : p->issuer;
    assert_true(X509_CRL_sign(c, signer->key, EVP_sha256()) > 0);
    int len = i2d_X509_CRL(c, &der);
    assert_true(len > 0);
    hm_buf_put(&out, der, (size_t)len);
    OPENSSL_free(der);
    X509_CRL_free(c);
    return out;
}

static void put_list(struct hm_buf *out, const struct plan *p)
{
    struct hm_buf der = list(p);
    unsigned char *text = calloc(1, der.len * 2 + 100);
    assert_non_null(text);
    int n = EVP_EncodeBlock(text, der.data, (int)der.len);
    hm_buf_puts(out, "-----BEGIN X509 CRL-----\n");
    for (int i = 0; i < n; i += 64) {
        hm_buf_put(out, text + i, (size_t)(n - i < 64 ? n - i : 64));
        hm_buf_putc(out, '\n');
    }
    hm_buf_puts(out, "-----END X509 CRL-----\n");
    free(text);
    hm_buf_free(&der);
}

static int setup(void **state)
{
    static struct world w;
    w = (struct world){.root = issue("root", 1, NULL, true)};
    w.middle = issue("middle", 2, &w.root, true);
    w.leaf = issue("leaf", 3, &w.middle, false);
    w.other = issue("other", 1, NULL, true);
    put_pem(&w.ca, w.root.cert);
    put_pem(&w.chain, w.leaf.cert);
    put_pem(&w.chain, w.middle.cert);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    struct issued *all[] = {&w->root, &w->middle, &w->leaf, &w->other};
    for (size_t i = 0; i < 4; i++) {
        X509_free(all[i]->cert);
        EVP_PKEY_free(all[i]->key);
    }
    hm_buf_free(&w->ca);
    hm_buf_free(&w->chain);
    return 0;
}

/* What the two lists say of the chain. */
static enum hm_err verdict(const struct world *w, const struct plan *root,
                           const struct plan *middle, int64_t at_s)
{
    HM_BUF_AUTO text = {0};
    struct hm_crls *c = NULL;
    put_list(&text, root);
    if (middle != NULL)
        put_list(&text, middle);
    enum hm_err err = hm_crls_open(hm_buf_bytes(&text), hm_buf_bytes(&w->ca), &c, NULL);
    assert_int_equal(err, HM_OK);
    err = hm_crls_check_pem(c, hm_buf_bytes(&w->chain), at_s, NULL);
    hm_crls_close(c);
    return err;
}

static void test_chain(void **state)
{
    const struct world *w = *state;
    const int64_t from = NOW - DAY / 2;
    const int64_t to = NOW + DAY / 2;
    const struct plan root = {.issuer = &w->root, .from = from, .to = to};
    const struct plan root_revokes = {.issuer = &w->root, .revoked = 2, .from = from, .to = to};
    const struct plan root_other = {.issuer = &w->root, .revoked = 3, .from = from, .to = to};
    const struct plan middle = {.issuer = &w->middle, .from = from, .to = to};
    const struct plan revokes = {.issuer = &w->middle, .revoked = 3, .from = from, .to = to};
    const struct plan forged = {.issuer = &w->middle, .signer = &w->other, .from = from, .to = to};
    const struct plan stale = {.issuer = &w->middle, .from = from, .to = NOW - 1};
    assert_int_equal(verdict(w, &root, &middle, NOW), HM_OK);
    assert_int_equal(verdict(w, &root_other, &middle, NOW), HM_OK); /* a serial of another CA */
    assert_int_equal(verdict(w, &root, &revokes, NOW), HM_E_DENIED);
    assert_int_equal(verdict(w, &root_revokes, &middle, NOW), HM_E_DENIED);
    assert_int_equal(verdict(w, &root, NULL, NOW), HM_E_DENIED); /* no list of the middle CA */
    assert_int_equal(verdict(w, &root, &forged, NOW), HM_E_DENIED);
    assert_int_equal(verdict(w, &root, &stale, NOW), HM_E_DENIED);
    assert_int_equal(verdict(w, &root, &middle, to + 1), HM_E_DENIED);
    assert_int_equal(verdict(w, &root, &middle, from - 1), HM_E_DENIED); /* not yet */
}

static void test_open(void **state)
{
    const struct world *w = *state;
    const struct plan good = {.issuer = &w->root, .from = NOW - DAY, .to = NOW + DAY};
    const struct plan endless = {.issuer = &w->root, .from = NOW - DAY};
    const struct plan foreign = {.issuer = &w->other, .from = NOW - DAY, .to = NOW + DAY};
    const struct plan forged = {
        .issuer = &w->root, .signer = &w->other, .from = NOW - DAY, .to = NOW + DAY};
    const struct plan *bad[] = {&endless, &foreign, &forged};
    const enum hm_err want[] = {HM_E_MALFORMED, HM_E_DENIED, HM_E_SIGNATURE};
    struct hm_crls *c = NULL;
    for (size_t i = 0; i < 3; i++) {
        HM_BUF_AUTO der = list(bad[i]);
        assert_int_equal(hm_crls_open(hm_buf_bytes(&der), hm_buf_bytes(&w->ca), &c, NULL), want[i]);
    }
    HM_BUF_AUTO der = list(&good);
    assert_int_equal(hm_crls_open(hm_buf_bytes(&der), hm_buf_bytes(&w->ca), &c, NULL), HM_OK);
    assert_int_equal(hm_crls_until(c), NOW + DAY);
    hm_crls_close(c);
    assert_int_equal(hm_crls_open(hm_bytes_of(NULL, 0), hm_buf_bytes(&w->ca), &c, NULL),
                     HM_E_LIMIT);
    for (size_t i = 0; i < der.len; i++) {
        assert_int_not_equal(hm_crls_open(hm_bytes_of(der.data, i), hm_buf_bytes(&w->ca), &c, NULL),
                             HM_OK);
        der.data[i] ^= 1;
        assert_int_not_equal(hm_crls_open(hm_buf_bytes(&der), hm_buf_bytes(&w->ca), &c, NULL),
                             HM_OK);
        der.data[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_open),
    };
    return cmocka_run_group_tests_name("attest_crl", tests, setup, teardown);
}
