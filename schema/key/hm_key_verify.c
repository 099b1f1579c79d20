/* Signature checks with OpenSSL 3's EVP API. A key is imported for each check, unless the caller
 * keeps it ready; an imported key is only read. Leaves nothing in OpenSSL's error queue. */
#include "schema/key/hm_key_priv.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define DER_SIG_MAX 72 /* bytes: two integers of 33 */

static EVP_PKEY *import_p256(const struct hm_key *k)
{
    char group[] = "P-256";
    uint8_t point[HM_KEY_RAW_MAX];
    memcpy(point, k->raw, sizeof point);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, k->raw_len),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

struct evp_pkey_st *hm_key_import(const struct hm_key *k)
{
    EVP_PKEY *pkey = NULL;
    (void)ERR_set_mark();
    if (k->alg == HM_KEY_P256 && k->raw_len == 65)
        pkey = import_p256(k);
    else if (k->alg == HM_KEY_ED25519 && k->raw_len == 32)
        pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, k->raw, k->raw_len);
    (void)ERR_pop_to_mark();
    return pkey;
}

static bool p256_holds(EVP_PKEY *pkey, struct hm_bytes msg, struct hm_bytes der)
{
    struct hm_digest d = hm_sha256(msg);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
              EVP_PKEY_verify(ctx, der.data, der.len, d.b, sizeof d.b) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool ed25519_holds(EVP_PKEY *pkey, struct hm_bytes msg, struct hm_bytes sig)
{
    static const uint8_t none[1] = {0};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok =
        ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
        EVP_DigestVerify(ctx, sig.data, sig.len, msg.data != NULL ? msg.data : none, msg.len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

struct hm_key_ready {
    struct hm_key key;
    EVP_PKEY *pkey;
};

enum hm_err hm_key_ready_make(const struct hm_key *k, struct hm_key_ready **out)
{
    struct hm_key_ready *r = calloc(1, sizeof *r);
    if (r == NULL)
        return HM_E_MEMORY;
    r->key = *k;
    r->pkey = hm_key_import(k);
    if (r->pkey == NULL) {
        free(r);
        return HM_E_MALFORMED;
    }
    *out = r;
    return HM_OK;
}

void hm_key_ready_free(struct hm_key_ready *r)
{
    if (r == NULL)
        return;
    EVP_PKEY_free(r->pkey);
    free(r);
}

/* One reference, whichever way. Another key's would verify what this one never signed. */
static EVP_PKEY *take_key(const struct hm_key *k, const struct hm_key_ready *ready)
{
    if (ready == NULL)
        return hm_key_import(k);
    return hm_key_eq(k, &ready->key) && EVP_PKEY_up_ref(ready->pkey) == 1 ? ready->pkey : NULL;
}

/* sig: DER for P-256, already known to be strict; 64 bytes for Ed25519. */
static enum hm_err verify(const struct hm_key *k, const struct hm_key_ready *ready,
                          struct hm_bytes msg, struct hm_bytes sig)
{
    EVP_PKEY *pkey = take_key(k, ready);
    if (pkey == NULL)
        return HM_E_SIGNATURE;
    (void)ERR_set_mark();
    bool ok = false;
    if (k->alg == HM_KEY_P256)
        ok = p256_holds(pkey, msg, sig);
    else if (k->alg == HM_KEY_ED25519 && sig.len == 64)
        ok = ed25519_holds(pkey, msg, sig);
    (void)ERR_pop_to_mark();
    EVP_PKEY_free(pkey);
    return ok ? HM_OK : HM_E_SIGNATURE;
}

enum hm_err hm_key_verify_der_with(const struct hm_key *k, const struct hm_key_ready *ready,
                                   struct hm_bytes msg, struct hm_bytes sig)
{
    uint8_t raw[64];
    if (k->alg == HM_KEY_P256 && hm_ecdsa_der_to_raw(sig, raw) != HM_OK)
        return HM_E_SIGNATURE;
    return verify(k, ready, msg, sig);
}

enum hm_err hm_key_verify_raw_with(const struct hm_key *k, const struct hm_key_ready *ready,
                                   struct hm_bytes msg, struct hm_bytes sig)
{
    if (sig.len != 64)
        return HM_E_SIGNATURE;
    if (k->alg != HM_KEY_P256)
        return verify(k, ready, msg, sig);
    HM_BUF_AUTO der = {.limit = DER_SIG_MAX};
    if (hm_ecdsa_raw_to_der(sig.data, &der) != HM_OK)
        return HM_E_SIGNATURE;
    return verify(k, ready, msg, hm_buf_bytes(&der));
}

enum hm_err hm_key_verify_der(const struct hm_key *k, struct hm_bytes msg, struct hm_bytes sig)
{
    return hm_key_verify_der_with(k, NULL, msg, sig);
}

enum hm_err hm_key_verify_raw(const struct hm_key *k, struct hm_bytes msg, struct hm_bytes sig)
{
    return hm_key_verify_raw_with(k, NULL, msg, sig);
}
