/* An Ed25519 log key with a fixed seed, and signatures by OpenSSL. */
#include "tests/unit/log/log_test_keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static void need(int ok)
{
    if (ok != 1)
        abort();
}

void log_test_key_make(const char *name, uint8_t seed, struct log_test_key *out)
{
    struct hm_key key;
    uint8_t raw[32];
    size_t len = sizeof raw;
    memset(out, 0, sizeof *out);
    memset(out->seed, seed, sizeof out->seed);
    EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, out->seed, 32);
    need(p != NULL && EVP_PKEY_get_raw_public_key(p, raw, &len) == 1);
    EVP_PKEY_free(p);
    need(hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, len), &key, NULL) == HM_OK);
    need(hm_vkey_make(name, &key, &out->vkey) == HM_OK);
}

void log_test_sign(const struct log_test_key *k, struct hm_bytes message, uint8_t sig[static 64])
{
    size_t len = 64;
    EVP_PKEY *p = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->seed, 32);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    need(p != NULL && c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, p) == 1);
    need(EVP_DigestSign(c, sig, &len, message.data, message.len));
    EVP_MD_CTX_free(c);
    EVP_PKEY_free(p);
}

void log_test_note(const struct log_test_key *k, const struct hm_checkpoint *c, struct hm_buf *out)
{
    HM_BUF_AUTO body = {0};
    uint8_t sig[64];
    hm_checkpoint_body(c, &body);
    log_test_sign(k, hm_buf_bytes(&body), sig);
    hm_checkpoint_note(hm_buf_bytes(&body), &k->vkey, sig, out);
}
