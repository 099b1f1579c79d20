/* Revocation lists on OpenSSL's certificate verification, which judges scope, critical extensions,
 * signature and times of each list. Pure; any thread. */
#include "schema/attest/hm_crl.h"

#include "schema/attest/hm_cert_priv.h"

#include <limits.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#define AUTO HM_CERT_AUTO

struct hm_crls {
    X509_STORE *store; /* CA certificates and lists; asks for lists at every level */
    int64_t until_s;
};

static void free_crl(X509_CRL **c)
{
    X509_CRL_free(*c);
}

static void close_at(struct hm_crls **c)
{
    hm_crls_close(*c);
}

void hm_crls_close(struct hm_crls *c)
{
    if (c == NULL)
        return;
    X509_STORE_free(c->store);
    free(c);
}

/* Is it signed by the CA certificate that it names? *known: one of that name is there. */
static enum hm_err check_signer(X509_CRL *crl, STACK_OF(X509) * cas, bool *known,
                                struct hm_why *why)
{
    bool named = false;
    for (int i = 0; i < sk_X509_num(cas); i++) {
        X509 *ca = sk_X509_value(cas, i);
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) != 0)
            continue;
        named = true;
        EVP_PKEY *key = X509_get0_pubkey(ca);
        if (key != NULL && X509_CRL_verify(crl, key) == 1) {
            *known = true;
            return HM_OK;
        }
    }
    return named
               ? hm_fail(why, HM_E_SIGNATURE, "revocation list: not signed by the CA that it names")
               : HM_OK;
}

static enum hm_err add_list(struct hm_crls *c, X509_CRL *crl, STACK_OF(X509) * cas, bool *known,
                            struct hm_why *why)
{
    int64_t until = 0;
    if (!hm_cert_time(X509_CRL_get0_nextUpdate(crl), &until) || until < 0)
        return hm_fail(why, HM_E_MALFORMED, "revocation list: expected a nextUpdate time");
    enum hm_err err = check_signer(crl, cas, known, why);
    if (err != HM_OK)
        return err;
    if (X509_STORE_add_crl(c->store, crl) != 1)
        return hm_fail(why, HM_E_INTERNAL, "revocation list: OpenSSL does not take it");
    if (until < c->until_s)
        c->until_s = until;
    return HM_OK;
}

static enum hm_err add_pem(struct hm_crls *c, struct hm_bytes file, STACK_OF(X509) * cas,
                           bool *known, struct hm_why *why)
{
    AUTO(hm_cert_free_bio) BIO *in = BIO_new_mem_buf(file.data, (int)file.len);
    if (in == NULL)
        return hm_fail(why, HM_E_MEMORY, "revocation list: out of memory");
    size_t count = 0;
    for (;;) {
        AUTO(free_crl) X509_CRL *crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL);
        if (crl == NULL)
            break;
        if (++count > HM_CRL_LISTS_MAX)
            return hm_fail(why, HM_E_LIMIT, "revocation list: more than %d in one file",
                           HM_CRL_LISTS_MAX);
        enum hm_err err = add_list(c, crl, cas, known, why);
        if (err != HM_OK)
            return err;
    }
    if (count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return hm_fail(why, HM_E_MALFORMED, "revocation list: neither PEM nor DER, or cut off");
    return HM_OK;
}

static enum hm_err add_all(struct hm_crls *c, struct hm_bytes file, STACK_OF(X509) * cas,
                           struct hm_why *why)
{
    const unsigned char *p = file.data;
    bool known = false;
    AUTO(free_crl) X509_CRL *der = d2i_X509_CRL(NULL, &p, (long)file.len);
    ERR_clear_error();
    enum hm_err err = HM_OK;
    if (der != NULL && p != file.data + file.len)
        err = hm_fail(why, HM_E_MALFORMED, "revocation list: bytes behind it");
    else if (der != NULL)
        err = add_list(c, der, cas, &known, why);
    else
        err = add_pem(c, file, cas, &known, why);
    if (err == HM_OK && !known)
        err = hm_fail(why, HM_E_DENIED, "revocation list: issued by none of the client CAs");
    return err;
}

enum hm_err hm_crls_open(struct hm_bytes file, struct hm_bytes ca_pem, struct hm_crls **out,
                         struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *cas = NULL;
    if (file.len == 0 || file.len > HM_CRL_FILE_MAX)
        return hm_fail(why, HM_E_LIMIT, "revocation list: expected 1 to %zu bytes",
                       HM_CRL_FILE_MAX);
    AUTO(close_at) struct hm_crls *c = calloc(1, sizeof *c);
    if (c == NULL)
        return hm_fail(why, HM_E_MEMORY, "revocation list: out of memory");
    c->until_s = INT64_MAX;
    enum hm_err err = hm_cert_read_store(ca_pem, &c->store, why);
    if (err == HM_OK)
        err = hm_cert_read_pem(ca_pem, HM_CERT_CA_MAX, &cas, why);
    if (err == HM_OK)
        err = add_all(c, file, cas, why);
    if (err == HM_OK &&
        X509_STORE_set_flags(c->store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) != 1)
        err = hm_fail(why, HM_E_INTERNAL, "revocation list: cannot be asked for");
    ERR_clear_error();
    if (err != HM_OK)
        return err;
    *out = c;
    c = NULL;
    return HM_OK;
}

int64_t hm_crls_until(const struct hm_crls *c)
{
    return c->until_s;
}

static enum hm_err read_der(const struct hm_bytes *chain, size_t count, STACK_OF(X509) * out,
                            struct hm_why *why)
{
    if (count == 0 || count > 1 + HM_CERT_CHAIN_MAX)
        return hm_fail(why, HM_E_LIMIT, "certificate: expected a chain of 1 to %d",
                       1 + HM_CERT_CHAIN_MAX);
    for (size_t i = 0; i < count; i++) {
        const unsigned char *p = chain[i].data;
        X509 *x = chain[i].len <= HM_CERT_PEM_MAX ? d2i_X509(NULL, &p, (long)chain[i].len) : NULL;
        if (x == NULL || sk_X509_push(out, x) == 0) {
            X509_free(x);
            return hm_fail(why, HM_E_MALFORMED, "certificate: not DER");
        }
    }
    return HM_OK;
}

enum hm_err hm_crls_check_der(const struct hm_crls *c, const struct hm_bytes *chain, size_t count,
                              int64_t at_s, struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *list = sk_X509_new_null();
    if (list == NULL)
        return hm_fail(why, HM_E_MEMORY, "certificate: out of memory");
    enum hm_err err = read_der(chain, count, list, why);
    if (err == HM_OK)
        err = hm_cert_verify_store(c->store, list, at_s, why);
    ERR_clear_error();
    return err;
}

enum hm_err hm_crls_check_pem(const struct hm_crls *c, struct hm_bytes pem, int64_t at_s,
                              struct hm_why *why)
{
    AUTO(hm_cert_free_stack) STACK_OF(X509) *list = NULL;
    enum hm_err err = hm_cert_read_pem(pem, 1 + HM_CERT_CHAIN_MAX, &list, why);
    if (err == HM_OK)
        err = hm_cert_verify_store(c->store, list, at_s, why);
    ERR_clear_error();
    return err;
}
