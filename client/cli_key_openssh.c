/* OpenSSH private key files (openssh-key-v1, OpenSSH PROTOCOL.key), not encrypted: Ed25519 and
 * P-256. */
#include "client/cli_key.h"

#include "client/cli_ssh_priv.h"
#include "schema/core/hm_text.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#define HEAD "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define TAIL "-----END OPENSSH PRIVATE KEY-----"

static const char magic[] = "openssh-key-v1"; /* with its NUL */

/* Base64 text between the marker lines -> bytes. Both buffers hold secrets: the caller wipes. */
static enum hm_err unarmor(struct hm_bytes text, struct hm_buf *compact, struct hm_buf *blob)
{
    size_t head = sizeof HEAD - 1;
    if (text.len < head || memcmp(text.data, HEAD, head) != 0)
        return HM_E_MALFORMED;
    const uint8_t *end = memmem(text.data, text.len, TAIL, sizeof TAIL - 1);
    if (end == NULL)
        return HM_E_MALFORMED;
    for (const uint8_t *p = text.data + head; p < end; p++)
        if (*p != '\n' && *p != '\r')
            hm_buf_putc(compact, *p);
    for (const uint8_t *p = end + sizeof TAIL - 1; p < text.data + text.len; p++)
        if (*p != '\n' && *p != '\r')
            return HM_E_MALFORMED;
    return hm_unbase64(hm_buf_bytes(compact), blob);
}

/* Finds the two parts: public key blob and private section. */
static enum hm_err outer(struct hm_bytes in, struct hm_bytes *public, struct hm_bytes *private,
                         struct hm_why *why)
{
    struct hm_bytes cipher, kdf, options;
    uint32_t count;
    if (in.len < sizeof magic || memcmp(in.data, magic, sizeof magic) != 0)
        return hm_fail(why, HM_E_MALFORMED, "expected the magic openssh-key-v1");
    in = hm_bytes_of(in.data + sizeof magic, in.len - sizeof magic);
    if (!cli_ssh_take_string(&in, &cipher) || !cli_ssh_take_string(&in, &kdf) ||
        !cli_ssh_take_string(&in, &options) || !cli_ssh_take_u32(&in, &count))
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: cut off");
    if (!hm_bytes_eq_str(cipher, "none") || !hm_bytes_eq_str(kdf, "none"))
        return hm_fail(
            why, HM_E_UNSUPPORTED,
            "the key is protected by a passphrase: add it to ssh-agent (ssh-add FILE) and "
            "use --agent");
    if (count != 1 || !cli_ssh_take_string(&in, public) || !cli_ssh_take_string(&in, private) ||
        in.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: expected exactly one key");
    return HM_OK;
}

static EVP_PKEY *make_p256(struct hm_bytes point, struct hm_bytes scalar)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *d = BN_secure_new();
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (d != NULL && bld != NULL && ctx != NULL &&
        BN_bin2bn(scalar.data, (int)scalar.len, d) != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.data, point.len) ==
            1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(bld)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    BN_clear_free(d);
    return pkey;
}

/* Whether the two halves belong together; libcrypto takes them apart from each other. */
static bool halves_fit(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
    bool ok = ctx != NULL && EVP_PKEY_pairwise_check(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* The private section behind the two check numbers. */
static enum hm_err private_key(struct hm_bytes *in, EVP_PKEY **pkey, struct hm_why *why)
{
    struct hm_bytes type, a, b, c;
    if (!cli_ssh_take_string(in, &type))
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: cut off");
    if (hm_bytes_eq_str(type, "ssh-ed25519")) {
        if (!cli_ssh_take_string(in, &a) || !cli_ssh_take_string(in, &b) || a.len != 32 ||
            b.len != 64 || memcmp(b.data + 32, a.data, 32) != 0)
            return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: Ed25519 values");
        *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, b.data, 32);
        return HM_OK;
    }
    if (hm_bytes_eq_str(type, "ecdsa-sha2-nistp256")) {
        if (!cli_ssh_take_string(in, &a) || !cli_ssh_take_string(in, &b) ||
            !cli_ssh_take_string(in, &c) || !hm_bytes_eq_str(a, "nistp256") || b.len != 65 ||
            c.len == 0 || c.len > 33)
            return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: P-256 values");
        *pkey = make_p256(b, c);
        if (halves_fit(*pkey))
            return HM_OK;
        EVP_PKEY_free(*pkey);
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: its halves do not fit together");
    }
    bool sk = type.len > 3 && memcmp(type.data, "sk-", 3) == 0;
    return hm_fail(why, HM_E_UNSUPPORTED, "OpenSSH private key: %s",
                   sk ? "a security key signs through ssh-agent only: ssh-add FILE, then --agent"
                      : "expected ssh-ed25519 or ecdsa-sha2-nistp256");
}

/* Comment and padding 1, 2, 3, … up to a multiple of 8 bytes. */
static bool padding_ok(struct hm_bytes in)
{
    struct hm_bytes comment;
    if (!cli_ssh_take_string(&in, &comment) || in.len >= 8)
        return false;
    for (size_t i = 0; i < in.len; i++)
        if (in.data[i] != i + 1)
            return false;
    return true;
}

static enum hm_err from_blob(struct hm_bytes blob, struct cli_key **out, struct hm_why *why)
{
    struct hm_bytes public, private;
    struct hm_key claimed;
    uint32_t check1, check2;
    EVP_PKEY *pkey = NULL;
    enum hm_err err = outer(blob, &public, &private, why);
    if (err != HM_OK)
        return err;
    if (private.len % 8 != 0 || !cli_ssh_take_u32(&private, &check1) ||
        !cli_ssh_take_u32(&private, &check2) || check1 != check2)
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: damaged");
    err = private_key(&private, &pkey, why);
    if (err != HM_OK)
        return err;
    struct cli_key *k = NULL;
    err = cli_key_adopt(pkey, &k, why);
    if (err != HM_OK)
        return err;
    if (!padding_ok(private) || hm_key_from_ssh_blob(public, &claimed, why) != HM_OK ||
        !hm_key_eq(&claimed, cli_key_public(k))) {
        cli_key_free(k);
        return hm_fail(why, HM_E_MALFORMED, "OpenSSH private key: its halves do not fit together");
    }
    *out = k;
    return HM_OK;
}

enum hm_err cli_key_from_openssh(struct hm_bytes text, struct cli_key **out, struct hm_why *why)
{
    struct hm_buf compact = {.limit = CLI_KEY_FILE_MAX};
    struct hm_buf blob = {.limit = CLI_KEY_FILE_MAX};
    enum hm_err err = unarmor(text, &compact, &blob);
    if (err != HM_OK)
        (void)hm_fail(why, err,
                      "OpenSSH private key: expected base64 between its two marker lines");
    else
        err = from_blob(hm_buf_bytes(&blob), out, why);
    hm_buf_wipe(&compact);
    hm_buf_wipe(&blob);
    return err;
}
