/* SSHSIG (OpenSSH PROTOCOL.sshsig) with the FIDO kinds of PROTOCOL.u2f. Pure; any thread. The key
 * that comes with a signature is a claim; trust begins in hm_sshsig_verify. */
#include "schema/attest/hm_sshsig.h"

#include "schema/attest/hm_ssh_armor_priv.h"
#include "schema/attest/hm_ssh_wire_priv.h"
#include "schema/core/hm_limits.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define SSHSIG_VERSION 1
#define SK_USER_PRESENT 0x01
#define SK_USER_VERIFIED 0x04

static const char magic[6] = {'S', 'S', 'H', 'S', 'I', 'G'};

static bool hash_known(struct hm_bytes name)
{
    return hm_bytes_eq_str(name, "sha256") || hm_bytes_eq_str(name, "sha512");
}

/* The frame around key and signature; both are views into the blob. */
static enum hm_err parse_frame(struct hm_bytes in, struct hm_sshsig *s, struct hm_bytes *key,
                               struct hm_bytes *signature, struct hm_why *why)
{
    char head[sizeof magic];
    uint32_t version;
    struct hm_bytes reserved;
    if (!hm_ssh_take(&in, head, sizeof head) || memcmp(head, magic, sizeof magic) != 0)
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: expected the magic SSHSIG");
    if (!hm_ssh_take_u32(&in, &version) || version != SSHSIG_VERSION)
        return hm_fail(why, HM_E_UNSUPPORTED, "SSH signature: expected version 1");
    if (!hm_ssh_take_string(&in, key) || !hm_ssh_take_string(&in, &s->ns) ||
        !hm_ssh_take_string(&in, &reserved) || !hm_ssh_take_string(&in, &s->hash) ||
        !hm_ssh_take_string(&in, signature) || in.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: expected five strings and no more");
    if (s->ns.len == 0 || reserved.len != 0)
        return hm_fail(why, HM_E_MALFORMED,
                       "SSH signature: expected a namespace and an empty reserved field");
    if (!hash_known(s->hash))
        return hm_fail(why, HM_E_UNSUPPORTED, "SSH signature: expected hash sha256 or sha512");
    return HM_OK;
}

static bool sig_shape_ok(const struct hm_sshsig *s)
{
    uint8_t n[32];
    struct hm_bytes in = s->sig;
    if (s->key.alg == HM_KEY_ED25519)
        return s->sig.len == 64;
    return hm_ssh_take_mpint32(&in, n) && hm_ssh_take_mpint32(&in, n) && in.len == 0;
}

static enum hm_err parse_signature(struct hm_bytes in, struct hm_bytes key_blob,
                                   struct hm_sshsig *s, struct hm_why *why)
{
    struct hm_bytes key_type;
    struct hm_bytes type;
    if (!hm_ssh_take_string(&key_blob, &key_type) || !hm_ssh_take_string(&in, &type) ||
        !hm_bytes_eq(key_type, type))
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: its type is not its key's");
    if (!hm_ssh_take_string(&in, &s->sig))
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: cut off");
    if (hm_key_is_sk(&s->key) &&
        (!hm_ssh_take(&in, &s->sk_flags, 1) || !hm_ssh_take_u32(&in, &s->sk_counter)))
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: expected flags and counter");
    if (in.len != 0 || !sig_shape_ok(s))
        return hm_fail(why, HM_E_MALFORMED, "SSH signature: its value is malformed");
    return HM_OK;
}

static enum hm_err parse_blob(struct hm_sshsig *s, struct hm_why *why)
{
    struct hm_bytes key = {NULL, 0};
    struct hm_bytes signature = {NULL, 0};
    enum hm_err e = parse_frame(hm_buf_bytes(&s->blob), s, &key, &signature, why);
    if (e == HM_OK)
        e = hm_key_claim_from_ssh_blob(key, &s->key, why);
    if (e == HM_OK)
        e = parse_signature(signature, key, s, why);
    return e;
}

enum hm_err hm_sshsig_parse(struct hm_bytes armor, struct hm_sshsig *out, struct hm_why *why)
{
    struct hm_sshsig s = {.blob = {.limit = HM_SSHSIG_MAX}};
    if (armor.len > HM_SSHSIG_MAX)
        return hm_fail(why, HM_E_LIMIT, "SSH signature: more than %zu bytes", HM_SSHSIG_MAX);
    enum hm_err e = hm_ssh_dearmor(armor, &s.blob, why);
    if (e == HM_OK)
        e = parse_blob(&s, why);
    if (e != HM_OK) {
        hm_sshsig_free(&s);
        return e;
    }
    *out = s;
    return HM_OK;
}

void hm_sshsig_free(struct hm_sshsig *s)
{
    if (s == NULL)
        return;
    hm_buf_free(&s->blob);
    *s = (struct hm_sshsig){0};
}

static void put_message_hash(struct hm_buf *out, struct hm_bytes hash, struct hm_bytes message)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    const EVP_MD *type = hm_bytes_eq_str(hash, "sha512") ? EVP_sha512() : EVP_sha256();
    if (EVP_Digest(message.data, message.len, md, &len, type, NULL) != 1)
        abort();
    hm_ssh_put_string(out, hm_bytes_of(md, len));
}

static void put_tbs(struct hm_buf *out, struct hm_bytes ns, struct hm_bytes hash,
                    struct hm_bytes message)
{
    hm_buf_put(out, magic, sizeof magic);
    hm_ssh_put_string(out, ns);
    hm_ssh_put_string(out, hm_bytes_of(NULL, 0));
    hm_ssh_put_string(out, hash);
    put_message_hash(out, hash, message);
}

void hm_sshsig_tbs(struct hm_buf *out, const char *ns, struct hm_bytes message)
{
    put_tbs(out, hm_bytes_str(ns), hm_bytes_str("sha512"), message);
}

/* What a FIDO token signs instead: SHA-256(application) || flags || counter || SHA-256(tbs). */
static void put_sk_tbs(struct hm_buf *out, const char *application, const struct hm_sshsig *s,
                       struct hm_bytes tbs)
{
    struct hm_digest app = hm_sha256(hm_bytes_str(application));
    struct hm_digest msg = hm_sha256(tbs);
    hm_buf_put(out, app.b, sizeof app.b);
    hm_buf_putc(out, s->sk_flags);
    hm_ssh_put_u32(out, s->sk_counter);
    hm_buf_put(out, msg.b, sizeof msg.b);
}

static enum hm_err verify_value(const struct hm_sshsig *s, const struct hm_key *key,
                                const struct hm_key_ready *ready, struct hm_bytes tbs)
{
    uint8_t raw[64];
    struct hm_bytes in = s->sig;
    if (key->alg == HM_KEY_ED25519)
        return hm_key_verify_raw_with(key, ready, tbs, s->sig);
    if (!hm_ssh_take_mpint32(&in, raw) || !hm_ssh_take_mpint32(&in, raw + 32) || in.len != 0)
        return HM_E_SIGNATURE;
    return hm_key_verify_raw_with(key, ready, tbs, hm_bytes_of(raw, sizeof raw));
}

bool hm_sshsig_user_verified(const struct hm_sshsig *s)
{
    return hm_key_is_sk(&s->key) && (s->sk_flags & SK_USER_VERIFIED) != 0;
}

/* Everything that can be refused before any cryptography. */
static enum hm_err check_claims(const struct hm_sshsig *s, const struct hm_key *key, const char *ns,
                                struct hm_why *why)
{
    if (!hm_key_eq(&s->key, key))
        return hm_fail(why, HM_E_SIGNATURE, "SSH signature: made by another key");
    if (!hm_bytes_eq_str(s->ns, ns))
        return hm_fail(why, HM_E_DENIED, "SSH signature: its namespace is not %s", ns);
    if (hm_key_is_sk(&s->key) != hm_key_is_sk(key))
        return hm_fail(why, HM_E_DENIED,
                       hm_key_is_sk(key) ? "SSH signature: the key is enrolled as an sk- key"
                                         : "SSH signature: the key is not enrolled as an sk- key");
    if (!hm_key_is_sk(key))
        return HM_OK;
    if (strcmp(s->key.application, key->application) != 0)
        return hm_fail(why, HM_E_DENIED, "SSH signature: made for another application than %s",
                       key->application);
    if ((s->sk_flags & SK_USER_PRESENT) == 0)
        return hm_fail(why, HM_E_DENIED, "SSH signature: the token saw no user present");
    if (key->verify_user && !hm_sshsig_user_verified(s))
        return hm_fail(why, HM_E_DENIED,
                       "SSH signature: the token did not verify its user (PIN or biometrics)");
    return HM_OK;
}

enum hm_err hm_sshsig_verify(const struct hm_sshsig *s, const struct hm_key *key, const char *ns,
                             struct hm_bytes message, struct hm_why *why)
{
    return hm_sshsig_verify_with(s, key, NULL, ns, message, why);
}

enum hm_err hm_sshsig_verify_with(const struct hm_sshsig *s, const struct hm_key *key,
                                  const struct hm_key_ready *ready, const char *ns,
                                  struct hm_bytes message, struct hm_why *why)
{
    HM_BUF_AUTO tbs = {0};
    HM_BUF_AUTO sk = {0};
    enum hm_err e = check_claims(s, key, ns, why);
    if (e != HM_OK)
        return e;
    put_tbs(&tbs, s->ns, s->hash, message);
    if (hm_key_is_sk(key))
        put_sk_tbs(&sk, key->application, s, hm_buf_bytes(&tbs));
    if (hm_buf_err(&tbs) != HM_OK || hm_buf_err(&sk) != HM_OK)
        return hm_fail(why, HM_E_MEMORY, "SSH signature: out of memory");
    e = verify_value(s, key, ready, hm_buf_bytes(hm_key_is_sk(key) ? &sk : &tbs));
    if (e == HM_OK)
        return HM_OK;
    return hm_fail(why, HM_E_SIGNATURE, "SSH signature: does not verify over these bytes");
}

void hm_sshsig_armor(struct hm_buf *out, struct hm_bytes key_blob, const char *ns,
                     struct hm_bytes sig_blob)
{
    HM_BUF_AUTO blob = {0};
    hm_buf_put(&blob, magic, sizeof magic);
    hm_ssh_put_u32(&blob, SSHSIG_VERSION);
    hm_ssh_put_string(&blob, key_blob);
    hm_ssh_put_string(&blob, hm_bytes_str(ns));
    hm_ssh_put_string(&blob, hm_bytes_of(NULL, 0));
    hm_ssh_put_string(&blob, hm_bytes_str("sha512"));
    hm_ssh_put_string(&blob, sig_blob);
    hm_ssh_armor(out, hm_buf_bytes(&blob));
    if (blob.err != HM_OK && out->err == HM_OK)
        out->err = blob.err;
}
