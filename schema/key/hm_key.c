/* Key identity: encodings with one fixed form each, so that parsing is comparing. Thread: any. */
#include "schema/key/hm_key.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_wire.h"
#include "schema/key/hm_key_priv.h"

#include <string.h>

#define PEM_MAX 1024 /* bytes; a P-256 key takes 178 */
#define PEM_BEGIN "-----BEGIN PUBLIC KEY-----"
#define PEM_END "-----END PUBLIC KEY-----"

/* Everything before the key bytes in a SubjectPublicKeyInfo. Named curve, uncompressed point. */
static const uint8_t p256_prefix[26] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t ed25519_prefix[12] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                           0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

struct alg_row {
    enum hm_key_alg alg;
    const char *mechanism;
    int cose;
    const uint8_t *prefix;
    size_t prefix_len;
    size_t raw_len;
};

static const struct alg_row algs[] = {
    {HM_KEY_P256, "ESP256", HM_COSE_ESP256, p256_prefix, sizeof p256_prefix, 65},
    {HM_KEY_ED25519, "Ed25519", HM_COSE_ED25519, ed25519_prefix, sizeof ed25519_prefix, 32},
};

static const struct alg_row *row_of(enum hm_key_alg alg)
{
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++)
        if (algs[i].alg == alg)
            return &algs[i];
    return NULL;
}

bool hm_key_eq(const struct hm_key *a, const struct hm_key *b)
{
    return a->alg != HM_KEY_NONE && a->alg == b->alg && a->raw_len == b->raw_len &&
           memcmp(a->raw, b->raw, a->raw_len) == 0;
}

bool hm_key_is_sk(const struct hm_key *k)
{
    return k->application[0] != '\0';
}

struct hm_bytes hm_key_spki(const struct hm_key *k, uint8_t buf[static HM_KEY_SPKI_MAX])
{
    const struct alg_row *row = row_of(k->alg);
    if (row == NULL || k->raw_len != row->raw_len)
        return hm_bytes_of(NULL, 0);
    memcpy(buf, row->prefix, row->prefix_len);
    memcpy(buf + row->prefix_len, k->raw, row->raw_len);
    return hm_bytes_of(buf, row->prefix_len + row->raw_len);
}

struct hm_digest hm_key_id(const struct hm_key *k)
{
    uint8_t buf[HM_KEY_SPKI_MAX];
    return hm_sha256(hm_key_spki(k, buf));
}

const char *hm_key_mechanism(const struct hm_key *k)
{
    const struct alg_row *row = row_of(k->alg);
    return row != NULL ? row->mechanism : "none";
}

int hm_key_cose_alg(const struct hm_key *k)
{
    const struct alg_row *row = row_of(k->alg);
    return row != NULL ? row->cose : 0;
}

enum hm_err hm_key_of_raw(enum hm_key_alg alg, struct hm_bytes raw, struct hm_key *out,
                          struct hm_why *why)
{
    const struct alg_row *row = row_of(alg);
    if (row == NULL)
        return hm_fail(why, HM_E_UNSUPPORTED, "public key: unknown algorithm");
    if (raw.len != row->raw_len)
        return hm_fail(why, HM_E_MALFORMED, "public key: %zu bytes, expected %zu for %s", raw.len,
                       row->raw_len, row->mechanism);
    struct hm_key k = {.alg = alg, .raw_len = raw.len};
    memcpy(k.raw, raw.data, raw.len);
    *out = k;
    return HM_OK;
}

enum hm_err hm_key_from_raw(enum hm_key_alg alg, struct hm_bytes raw, struct hm_key *out,
                            struct hm_why *why)
{
    struct hm_key k;
    enum hm_err err = hm_key_of_raw(alg, raw, &k, why);
    if (err != HM_OK)
        return err;
    if (!hm_key_point_ok(&k))
        return hm_fail(why, HM_E_MALFORMED, "public key: not a usable point of the curve (%s)",
                       row_of(alg)->mechanism);
    *out = k;
    return HM_OK;
}

enum hm_err hm_key_from_spki(struct hm_bytes der, struct hm_key *out, struct hm_why *why)
{
    for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
        const struct alg_row *row = &algs[i];
        if (der.len == row->prefix_len + row->raw_len &&
            memcmp(der.data, row->prefix, row->prefix_len) == 0)
            return hm_key_from_raw(row->alg, hm_bytes_of(der.data + row->prefix_len, row->raw_len),
                                   out, why);
    }
    if (der.len > 0 && der.data[0] == 0x30)
        return hm_fail(why, HM_E_UNSUPPORTED,
                       "public key: expected a SubjectPublicKeyInfo of P-256 (named curve, "
                       "uncompressed point) or Ed25519");
    return hm_fail(why, HM_E_MALFORMED, "public key: not a DER SubjectPublicKeyInfo");
}

/* Takes prefix off the front of *text; false if it does not stand there. */
static bool take(struct hm_bytes *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (text->len < n || memcmp(text->data, prefix, n) != 0)
        return false;
    *text = hm_bytes_of(text->data + n, text->len - n);
    return true;
}

static bool take_line_end(struct hm_bytes *text)
{
    return take(text, "\r\n") || take(text, "\n");
}

/* Base64 lines up to the END line, line ends dropped, into body. */
static bool take_pem_body(struct hm_bytes *text, struct hm_buf *body)
{
    while (text->len > 0 && text->data[0] != '-') {
        size_t n = 0;
        while (n < text->len && text->data[n] != '\r' && text->data[n] != '\n')
            n++;
        hm_buf_put(body, text->data, n);
        *text = hm_bytes_of(text->data + n, text->len - n);
        if (n == 0 || !take_line_end(text))
            return false;
    }
    return hm_buf_err(body) == HM_OK;
}

enum hm_err hm_key_from_pem(struct hm_bytes pem, struct hm_key *out, struct hm_why *why)
{
    HM_BUF_AUTO body = {.limit = PEM_MAX};
    HM_BUF_AUTO der = {.limit = PEM_MAX};
    if (pem.len > PEM_MAX)
        return hm_fail(why, HM_E_LIMIT, "PEM: %zu bytes, expected at most %d", pem.len, PEM_MAX);
    struct hm_bytes left = pem;
    if (!take(&left, PEM_BEGIN) || !take_line_end(&left))
        return hm_fail(why, HM_E_MALFORMED, "PEM: expected \"" PEM_BEGIN "\" on a line of its own");
    if (!take_pem_body(&left, &body) || !take(&left, PEM_END))
        return hm_fail(why, HM_E_MALFORMED, "PEM: expected base64 lines and \"" PEM_END "\"");
    (void)take_line_end(&left);
    if (left.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "PEM: bytes after \"" PEM_END "\"");
    if (hm_unbase64(hm_buf_bytes(&body), &der) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "PEM: the base64 between its lines is not valid");
    return hm_key_from_spki(hm_buf_bytes(&der), out, why);
}

void hm_key_pem(const struct hm_key *k, struct hm_buf *out)
{
    uint8_t buf[HM_KEY_SPKI_MAX];
    HM_BUF_AUTO text = {.limit = PEM_MAX};
    hm_base64(&text, hm_key_spki(k, buf));
    struct hm_bytes b64 = hm_buf_bytes(&text);
    hm_buf_puts(out, PEM_BEGIN "\n");
    for (size_t at = 0; at < b64.len; at += 64) {
        hm_buf_put(out, b64.data + at, b64.len - at < 64 ? b64.len - at : 64);
        hm_buf_putc(out, '\n');
    }
    hm_buf_puts(out, PEM_END "\n");
}
