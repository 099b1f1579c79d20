#include "client/cli_key.h"

#include "client/cli.h"
#include "client/cli_ssh_priv.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define OPENSSH_HEAD "-----BEGIN OPENSSH PRIVATE KEY-----"

struct cli_key {
    EVP_PKEY *pkey;
    struct hm_key public;
};

void cli_key_free(struct cli_key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey);
    free(k);
}

void cli_key_free_ptr(struct cli_key **k)
{
    cli_key_free(*k);
}

const struct hm_key *cli_key_public(const struct cli_key *k)
{
    return &k->public;
}

/* SubjectPublicKeyInfo -> identity; refuses every algorithm that no role has. */
static enum hm_err public_of(EVP_PKEY *pkey, struct hm_key *out, struct hm_why *why)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    if (len <= 0)
        return hm_fail(why, HM_E_MALFORMED, "the key has no public half");
    enum hm_err err = hm_key_from_spki(hm_bytes_of(der, (size_t)len), out, why);
    OPENSSL_free(der);
    return err;
}

enum hm_err cli_key_adopt(EVP_PKEY *pkey, struct cli_key **out, struct hm_why *why)
{
    struct cli_key *k = calloc(1, sizeof *k);
    if (k == NULL || pkey == NULL) {
        EVP_PKEY_free(pkey);
        free(k);
        return hm_fail(why, HM_E_MALFORMED, "libcrypto does not take this key");
    }
    k->pkey = pkey;
    enum hm_err err = public_of(pkey, &k->public, why);
    if (err != HM_OK) {
        cli_key_free(k);
        return err;
    }
    *out = k;
    return HM_OK;
}

/* Asked for a passphrase only by encrypted keys: noted, never prompted for. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
    (void)buf;
    (void)size;
    (void)writing;
    *(bool *)asked = true;
    return -1;
}

enum hm_err cli_key_from_pem(struct hm_bytes text, struct cli_key **out, struct hm_why *why)
{
    bool asked = false;
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    if (bio == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
    (void)BIO_free(bio);
    if (asked)
        return hm_fail(
            why, HM_E_UNSUPPORTED,
            "the key is encrypted: expected a key without passphrase; for a protected key "
            "use ssh-agent (--agent)");
    if (pkey == NULL)
        return hm_fail(why, HM_E_MALFORMED,
                       "expected a PEM private key (PKCS#8) or an OpenSSH private key file");
    return cli_key_adopt(pkey, out, why);
}

enum hm_err cli_key_load(const char *path, struct cli_key **out, struct hm_why *why)
{
    struct hm_buf text = {.limit = CLI_KEY_FILE_MAX + 1};
    enum hm_err err = cli_read(path, CLI_KEY_FILE_MAX, &text, why);
    if (err == HM_OK) {
        size_t n = sizeof OPENSSH_HEAD - 1;
        bool openssh = text.len > n && memcmp(text.data, OPENSSH_HEAD, n) == 0;
        err = openssh ? cli_key_from_openssh(hm_buf_bytes(&text), out, why)
                      : cli_key_from_pem(hm_buf_bytes(&text), out, why);
        if (err != HM_OK)
            (void)hm_fail_in(why, err, "%.200s", path);
    }
    hm_buf_wipe(&text);
    return err;
}

enum hm_err cli_key_sign(const struct cli_key *k, struct hm_bytes message, struct hm_buf *out,
                         struct hm_why *why)
{
    unsigned char sig[128];
    size_t len = sizeof sig;
    const EVP_MD *md = k->public.alg == HM_KEY_P256 ? EVP_sha256() : NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, md, NULL, k->pkey) == 1 &&
              EVP_DigestSign(ctx, sig, &len, message.data, message.len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!ok)
        return hm_fail(why, HM_E_INTERNAL, "libcrypto cannot sign with this key");
    hm_buf_put(out, sig, len);
    return hm_buf_err(out);
}

enum hm_err cli_key_sign_ssh(const struct cli_key *k, struct hm_bytes message, struct hm_buf *out,
                             struct hm_why *why)
{
    HM_BUF_AUTO sig = {.limit = 256};
    HM_BUF_AUTO value = {.limit = 256};
    uint8_t raw[64];
    enum hm_err err = cli_key_sign(k, message, &sig, why);
    if (err != HM_OK)
        return err;
    if (k->public.alg == HM_KEY_ED25519) {
        cli_ssh_put_string(out, hm_bytes_str("ssh-ed25519"));
        cli_ssh_put_string(out, hm_buf_bytes(&sig));
        return hm_buf_err(out);
    }
    if (hm_ecdsa_der_to_raw(hm_buf_bytes(&sig), raw) != HM_OK)
        return hm_fail(why, HM_E_INTERNAL, "libcrypto made a malformed signature");
    cli_ssh_put_mpint(&value, hm_bytes_of(raw, 32));
    cli_ssh_put_mpint(&value, hm_bytes_of(raw + 32, 32));
    cli_ssh_put_string(out, hm_bytes_str("ecdsa-sha2-nistp256"));
    cli_ssh_put_string(out, hm_buf_bytes(&value));
    return hm_buf_err(out);
}
