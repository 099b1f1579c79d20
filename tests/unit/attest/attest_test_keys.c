/* Key pairs for tests, and signatures that OpenSSL makes with them, in every form that documents
 * carry. */
#include "tests/unit/attest/attest_test_keys.h"

#include "schema/core/hm_text.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/x509.h>

static void need(int ok)
{
    if (ok != 1)
        abort();
}

void attest_key_make(enum hm_key_alg alg, uint8_t seed, const char *application,
                     struct attest_key *out)
{
    uint8_t raw[32];
    unsigned char *der = NULL;
    memset(out, 0, sizeof *out);
    memset(raw, seed, sizeof raw);
    out->pkey = alg == HM_KEY_ED25519
                    ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof raw)
                    : EVP_EC_gen("P-256");
    need(out->pkey != NULL);
    int len = i2d_PUBKEY(out->pkey, &der);
    need(len > 0);
    need(hm_key_from_spki(hm_bytes_of(der, (size_t)len), &out->key, NULL) == HM_OK);
    OPENSSL_free(der);
    if (application != NULL)
        memcpy(out->key.application, application, strlen(application) + 1);
}

void attest_key_free(struct attest_key *k)
{
    EVP_PKEY_free(k->pkey);
    k->pkey = NULL;
}

void attest_sign(const struct attest_key *k, struct hm_bytes message, struct hm_buf *sig)
{
    uint8_t value[128];
    size_t len = sizeof value;
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    const EVP_MD *md = k->key.alg == HM_KEY_P256 ? EVP_sha256() : NULL;
    need(c != NULL && EVP_DigestSignInit(c, NULL, md, NULL, k->pkey) == 1);
    need(EVP_DigestSign(c, value, &len, message.data, message.len));
    EVP_MD_CTX_free(c);
    hm_buf_put(sig, value, len);
}

void attest_put_u32(struct hm_buf *out, uint32_t v)
{
    const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
    hm_buf_put(out, b, sizeof b);
}

void attest_put_string(struct hm_buf *out, struct hm_bytes text)
{
    attest_put_u32(out, (uint32_t)text.len);
    hm_buf_put(out, text.data, text.len);
}

void attest_put_mpint(struct hm_buf *out, const uint8_t raw[static 32])
{
    size_t skip = 0;
    uint8_t value[33] = {0};
    while (skip < 32 && raw[skip] == 0)
        skip++;
    size_t pad = skip < 32 && (raw[skip] & 0x80) != 0 ? 1 : 0;
    memcpy(value + pad, raw + skip, 32 - skip);
    attest_put_string(out, hm_bytes_of(value, pad + 32 - skip));
}

static void put_value(const struct attest_key *k, struct hm_bytes tbs, struct hm_buf *out)
{
    HM_BUF_AUTO sig = {0};
    HM_BUF_AUTO numbers = {0};
    uint8_t raw[64];
    attest_sign(k, tbs, &sig);
    if (k->key.alg == HM_KEY_ED25519) {
        attest_put_string(out, hm_buf_bytes(&sig));
        return;
    }
    const unsigned char *p = sig.data;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)sig.len);
    need(parsed != NULL);
    need(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), raw, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(parsed), raw + 32, 32) == 32);
    ECDSA_SIG_free(parsed);
    attest_put_mpint(&numbers, raw);
    attest_put_mpint(&numbers, raw + 32);
    attest_put_string(out, hm_buf_bytes(&numbers));
}

static const char *type_of(const struct hm_key *k)
{
    if (k->application[0] != '\0')
        return k->alg == HM_KEY_ED25519 ? "sk-ssh-ed25519@openssh.com"
                                        : "sk-ecdsa-sha2-nistp256@openssh.com";
    return k->alg == HM_KEY_ED25519 ? "ssh-ed25519" : "ecdsa-sha2-nistp256";
}

static void put_tbs(const struct attest_sshsig *s, struct hm_bytes message, struct hm_buf *out)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *type = strcmp(s->hash, "sha256") == 0 ? EVP_sha256() : EVP_sha512();
    need(EVP_Digest(message.data, message.len, md, &len, type, NULL));
    hm_buf_put(out, "SSHSIG", 6);
    attest_put_string(out, hm_bytes_str(s->ns));
    attest_put_string(out, hm_bytes_of(NULL, 0));
    attest_put_string(out, hm_bytes_str(s->hash));
    attest_put_string(out, hm_bytes_of(md, len));
}

static void put_sk_tbs(const struct attest_sshsig *s, struct hm_bytes tbs, struct hm_buf *out)
{
    const char *application = s->application != NULL ? s->application : s->key->key.application;
    struct hm_digest a = hm_sha256(hm_bytes_str(application));
    struct hm_digest m = hm_sha256(tbs);
    hm_buf_put(out, a.b, sizeof a.b);
    hm_buf_putc(out, s->flags);
    attest_put_u32(out, s->counter);
    hm_buf_put(out, m.b, sizeof m.b);
}

void attest_ssh_signature(const struct attest_sshsig *s, struct hm_bytes message,
                          struct hm_buf *out)
{
    HM_BUF_AUTO tbs = {0};
    HM_BUF_AUTO sk = {0};
    bool is_sk = s->key->key.application[0] != '\0';
    put_tbs(s, message, &tbs);
    if (is_sk)
        put_sk_tbs(s, hm_buf_bytes(&tbs), &sk);
    attest_put_string(out, hm_bytes_str(s->type != NULL ? s->type : type_of(&s->key->key)));
    put_value(s->key, hm_buf_bytes(is_sk ? &sk : &tbs), out);
    if (is_sk) {
        hm_buf_putc(out, s->flags);
        attest_put_u32(out, s->counter);
    }
    if (s->trailer != NULL)
        hm_buf_puts(out, s->trailer);
}

void attest_sshsig_blob(const struct attest_sshsig *s, struct hm_bytes message, struct hm_buf *out)
{
    HM_BUF_AUTO key = {0};
    HM_BUF_AUTO sig = {0};
    hm_key_ssh_blob(&s->key->key, &key);
    attest_ssh_signature(s, message, &sig);
    hm_buf_put(out, "SSHSIG", 6);
    attest_put_u32(out, s->version != 0 ? s->version : 1);
    attest_put_string(out, hm_buf_bytes(&key));
    attest_put_string(out, hm_bytes_str(s->claim_ns != NULL ? s->claim_ns : s->ns));
    attest_put_string(out, hm_bytes_str(s->reserved != NULL ? s->reserved : ""));
    attest_put_string(out, hm_bytes_str(s->claim_hash != NULL ? s->claim_hash : s->hash));
    attest_put_string(out, hm_buf_bytes(&sig));
}

void attest_armor(struct hm_bytes blob, size_t columns, struct hm_buf *out)
{
    HM_BUF_AUTO base64 = {0};
    hm_base64(&base64, blob);
    hm_buf_puts(out, "-----BEGIN SSH SIGNATURE-----\n");
    for (size_t i = 0; i < base64.len; i += columns) {
        hm_buf_put(out, base64.data + i, base64.len - i < columns ? base64.len - i : columns);
        hm_buf_putc(out, '\n');
    }
    hm_buf_puts(out, "-----END SSH SIGNATURE-----\n");
}
