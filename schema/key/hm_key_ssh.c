/* SSH public keys: the wire blob (RFC 4253 §6.6, RFC 5656 §3.1, RFC 8709 §4, OpenSSH PROTOCOL.u2f)
 * and the authorized_keys line. Exactly one encoding is taken. Thread: any. */
#include "schema/key/hm_key_priv.h"

#include "schema/core/hm_text.h"

#include <string.h>

#define BLOB_MAX 512  /* bytes; the longest kind we know takes 78 + 12 + 4 + 63 and some */
#define LINE_MAX 2048 /* bytes, comment included */

struct ssh_type {
    const char *name;
    enum hm_key_alg alg;
    bool sk;
};

static const struct ssh_type types[] = {
    {"ssh-ed25519", HM_KEY_ED25519, false},
    {"ecdsa-sha2-nistp256", HM_KEY_P256, false},
    {"sk-ssh-ed25519@openssh.com", HM_KEY_ED25519, true},
    {"sk-ecdsa-sha2-nistp256@openssh.com", HM_KEY_P256, true},
};

static const struct ssh_type *type_named(struct hm_bytes name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (hm_bytes_eq_str(name, types[i].name))
            return &types[i];
    return NULL;
}

/* string of RFC 4251 §5; false if it does not fit. */
static bool take_string(struct hm_bytes *in, struct hm_bytes *out)
{
    if (in->len < 4)
        return false;
    const uint8_t *p = in->data;
    size_t n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (n > in->len - 4)
        return false;
    *out = hm_bytes_of(p + 4, n);
    *in = hm_bytes_of(p + 4 + n, in->len - 4 - n);
    return true;
}

static void put_string(struct hm_buf *b, struct hm_bytes v)
{
    uint8_t head[4] = {(uint8_t)(v.len >> 24), (uint8_t)(v.len >> 16), (uint8_t)(v.len >> 8),
                       (uint8_t)v.len};
    hm_buf_put(b, head, sizeof head);
    hm_buf_put(b, v.data, v.len);
}

static enum hm_err read_application(struct hm_bytes *in, struct hm_key *k, struct hm_why *why)
{
    struct hm_bytes app;
    if (!take_string(in, &app))
        return hm_fail(why, HM_E_MALFORMED, "SSH key: expected the FIDO application");
    bool ok = app.len >= 1 && app.len < HM_KEY_APPLICATION_MAX;
    for (size_t i = 0; ok && i < app.len; i++)
        ok = app.data[i] > 0x20 && app.data[i] < 0x7f;
    if (!ok)
        return hm_fail(why, HM_E_MALFORMED,
                       "SSH key: FIDO application is not 1 to %d printable ASCII characters",
                       HM_KEY_APPLICATION_MAX - 1);
    memcpy(k->application, app.data, app.len);
    return HM_OK;
}

enum hm_err hm_key_claim_from_ssh_blob(struct hm_bytes blob, struct hm_key *out, struct hm_why *why)
{
    struct hm_bytes left = blob;
    struct hm_bytes name;
    struct hm_bytes raw;
    if (blob.len > BLOB_MAX)
        return hm_fail(why, HM_E_LIMIT, "SSH key: %zu bytes, expected at most %d", blob.len,
                       BLOB_MAX);
    if (!take_string(&left, &name))
        return hm_fail(why, HM_E_MALFORMED, "SSH key: cut off in the key type");
    const struct ssh_type *type = type_named(name);
    if (type == NULL)
        return hm_fail(
            why, HM_E_UNSUPPORTED,
            "SSH key: expected type ssh-ed25519, ecdsa-sha2-nistp256 or their sk- kinds");
    if (type->alg == HM_KEY_P256 &&
        (!take_string(&left, &name) || !hm_bytes_eq_str(name, "nistp256")))
        return hm_fail(why, HM_E_MALFORMED, "SSH key: expected curve nistp256");
    if (!take_string(&left, &raw))
        return hm_fail(why, HM_E_MALFORMED, "SSH key: cut off in the public value");
    struct hm_key k;
    enum hm_err err = hm_key_of_raw(type->alg, raw, &k, why);
    if (err == HM_OK && type->sk)
        err = read_application(&left, &k, why);
    if (err != HM_OK)
        return err;
    if (left.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "SSH key: %zu bytes behind its end", left.len);
    *out = k;
    return HM_OK;
}

enum hm_err hm_key_from_ssh_blob(struct hm_bytes blob, struct hm_key *out, struct hm_why *why)
{
    struct hm_key k;
    enum hm_err err = hm_key_claim_from_ssh_blob(blob, &k, why);
    if (err != HM_OK)
        return err;
    if (!hm_key_point_ok(&k))
        return hm_fail(why, HM_E_MALFORMED, "SSH key: not a usable point of the curve (%s)",
                       hm_key_mechanism(&k));
    *out = k;
    return HM_OK;
}

/* The run up to the next space or the end. */
static struct hm_bytes take_word(struct hm_bytes *in)
{
    size_t n = 0;
    while (n < in->len && in->data[n] != ' ')
        n++;
    struct hm_bytes word = hm_bytes_of(in->data, n);
    size_t gap = n < in->len ? 1 : 0;
    *in = hm_bytes_of(in->data + n + gap, in->len - n - gap);
    return word;
}

enum hm_err hm_key_from_ssh_line(const char *line, struct hm_key *out, struct hm_why *why)
{
    size_t len = strnlen(line, LINE_MAX + 1);
    if (len > LINE_MAX)
        return hm_fail(why, HM_E_LIMIT, "SSH key line: longer than %d bytes", LINE_MAX);
    if (len > 0 && line[len - 1] == '\n')
        len--;
    struct hm_bytes left = hm_bytes_of(line, len);
    if (!hm_printable_ok(left))
        return hm_fail(why, HM_E_MALFORMED, "SSH key line: expected one line of printable text");
    struct hm_bytes type = take_word(&left);
    struct hm_bytes b64 = take_word(&left);
    if (type_named(type) == NULL)
        return hm_fail(why, HM_E_UNSUPPORTED,
                       "SSH key line: expected it to begin with ssh-ed25519, ecdsa-sha2-nistp256, "
                       "sk-ssh-ed25519@openssh.com or sk-ecdsa-sha2-nistp256@openssh.com");
    HM_BUF_AUTO blob = {.limit = BLOB_MAX};
    if (hm_unbase64(b64, &blob) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "SSH key line: the key is not valid base64");
    struct hm_bytes wire = hm_buf_bytes(&blob);
    struct hm_bytes named;
    if (!take_string(&wire, &named) || !hm_bytes_eq(named, type))
        return hm_fail(why, HM_E_MALFORMED, "SSH key line: its type is not the key's own");
    return hm_key_from_ssh_blob(hm_buf_bytes(&blob), out, why);
}

void hm_key_ssh_blob(const struct hm_key *k, struct hm_buf *out)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i].alg != k->alg || types[i].sk != hm_key_is_sk(k))
            continue;
        put_string(out, hm_bytes_str(types[i].name));
        if (k->alg == HM_KEY_P256)
            put_string(out, hm_bytes_str("nistp256"));
        put_string(out, hm_bytes_of(k->raw, k->raw_len));
        if (types[i].sk)
            put_string(out, hm_bytes_str(k->application));
    }
}
