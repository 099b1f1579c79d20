/* Release keys as OpenSSL objects. Importing a P-256 key costs a third of a verification, so it is
 * done once. */
#include "server/registrar/reg_world_priv.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct reg_release_key {
    uint8_t raw[HM_KEY_RAW_MAX];
    size_t raw_len;
    EVP_PKEY *pkey;
};

enum hm_err reg_world_import_keys(struct reg_world *w, struct hm_why *why)
{
    size_t n = 0;
    while (policy_key_at(w->policy, n) != NULL)
        n++;
    w->release_keys = calloc(n + 1, sizeof *w->release_keys);
    if (w->release_keys == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    for (; w->release_key_count < n; w->release_key_count++) {
        const struct hm_key *k = &policy_key_at(w->policy, w->release_key_count)->key;
        struct reg_release_key *out = &w->release_keys[w->release_key_count];
        uint8_t buf[HM_KEY_SPKI_MAX];
        struct hm_bytes spki = hm_key_spki(k, buf);
        const uint8_t *at = spki.data;
        memcpy(out->raw, k->raw, k->raw_len);
        out->raw_len = k->raw_len;
        out->pkey = d2i_PUBKEY(NULL, &at, (long)spki.len);
        if (out->pkey == NULL)
            return hm_fail(why, HM_E_INTERNAL, "OpenSSL does not take a release key of the policy");
    }
    return HM_OK;
}

void reg_world_drop_keys(struct reg_world *w)
{
    for (size_t i = 0; i < w->release_key_count; i++)
        EVP_PKEY_free(w->release_keys[i].pkey);
    free(w->release_keys);
    w->release_keys = NULL;
    w->release_key_count = 0;
}

static enum hm_err verify(EVP_PKEY *pkey, struct hm_bytes msg, struct hm_bytes sig)
{
    HM_BUF_AUTO der = {.limit = 128};
    struct hm_digest digest = hm_sha256(msg);
    if (sig.len != 64 || hm_ecdsa_raw_to_der(sig.data, &der) != HM_OK)
        return HM_E_SIGNATURE;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(pkey, NULL);
    bool ok = c != NULL && EVP_PKEY_verify_init(c) == 1 &&
              EVP_PKEY_verify(c, der.data, der.len, digest.b, sizeof digest.b) == 1;
    EVP_PKEY_CTX_free(c);
    return ok ? HM_OK : HM_E_SIGNATURE;
}

enum hm_err reg_world_verify(const struct reg_world *w, struct hm_bytes pub, struct hm_bytes msg,
                             struct hm_bytes sig)
{
    for (size_t i = 0; i < w->release_key_count; i++)
        if (hm_bytes_eq(pub, hm_bytes_of(w->release_keys[i].raw, w->release_keys[i].raw_len)))
            return verify(w->release_keys[i].pkey, msg, sig);
    return HM_E_NOT_FOUND;
}
