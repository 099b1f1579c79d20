#include "tests/unit/schema/schema_signer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

static void must(bool ok)
{
    if (!ok)
        abort();
}

void signer_init(struct signer *s, enum hm_key_alg alg)
{
    uint8_t *der = NULL;
    s->pkey = alg == HM_KEY_P256 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")
                                 : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    must(s->pkey != NULL);
    int n = i2d_PUBKEY(s->pkey, &der);
    must(n > 0);
    must(hm_key_from_spki(hm_bytes_of(der, (size_t)n), &s->key, NULL) == HM_OK);
    OPENSSL_free(der);
}

void signer_free(struct signer *s)
{
    EVP_PKEY_free(s->pkey);
    s->pkey = NULL;
}

void signer_sign(const struct signer *s, struct hm_bytes msg, struct hm_buf *sig)
{
    uint8_t out[128];
    size_t n = sizeof out;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *md = s->key.alg == HM_KEY_P256 ? "SHA256" : NULL;
    must(EVP_DigestSignInit_ex(ctx, NULL, md, NULL, NULL, s->pkey, NULL) == 1);
    must(EVP_DigestSign(ctx, out, &n, msg.data, msg.len) == 1);
    EVP_MD_CTX_free(ctx);
    hm_buf_put(sig, out, n);
}

void signer_sign_raw(const struct signer *s, struct hm_bytes msg, uint8_t sig[static 64])
{
    HM_BUF_AUTO b = {.limit = 128};
    signer_sign(s, msg, &b);
    if (s->key.alg != HM_KEY_P256) {
        must(b.len == 64);
        memcpy(sig, b.data, 64);
        return;
    }
    const uint8_t *p = b.data;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)b.len);
    must(parsed != NULL);
    must(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, 32) == 32);
    must(BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + 32, 32) == 32);
    ECDSA_SIG_free(parsed);
}

void signers_envelope(struct hm_buf *out, bool tagged, struct hm_bytes payload,
                      struct signer *const *signers, size_t count)
{
    struct hm_auth_signature sigs[HM_AUTH_SIGNATURES_MAX];
    must(count <= HM_AUTH_SIGNATURES_MAX);
    for (size_t i = 0; i < count; i++) {
        HM_BUF_AUTO tbs = {.limit = 0};
        hm_auth_tbs(&tbs, &signers[i]->key, payload);
        sigs[i].key = signers[i]->key;
        signer_sign_raw(signers[i], hm_buf_bytes(&tbs), sigs[i].sig);
    }
    hm_auth_envelope(out, tagged, payload, sigs, count);
    must(hm_buf_err(out) == HM_OK);
}
