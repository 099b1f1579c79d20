/* The signed envelope: strict parsing, digest, signatures (draft-ietf-suit-manifest-37 8.2 and 8.3,
 * RFC 9052 4.2 and 4.4). */
#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_text_priv.h"
#include "device/hm_device_verify.h"

#define COSE_SIGN1_TAG 18u
#define COSE_HEADER_ALG 1
#define COSE_HEADER_KID 4
#define COSE_NULL 22u
#define PROTECTED_MAX 8 /* bytes of {1: alg} for any algorithm here */
#define DIGEST_ITEM_LEN 36

static const struct hmd_bytes no_bytes = {NULL, 0};

bool hmd_sha256(const struct hmd_crypto *crypto, struct hmd_bytes a, struct hmd_bytes b,
                uint8_t out[HMD_DIGEST_LEN])
{
    struct hmd_sha256 h;
    return crypto->sha256_start(crypto->ctx, &h) &&
           (a.len == 0 || crypto->sha256_update(crypto->ctx, &h, a.p, a.len)) &&
           (b.len == 0 || crypto->sha256_update(crypto->ctx, &h, b.p, b.len)) &&
           crypto->sha256_finish(crypto->ctx, &h, out);
}

static bool open_wrapper(struct hmd_bytes wrapper, struct hmd_envelope *out)
{
    struct hmd_cbor r = hmd_cbor_over(wrapper);
    struct hmd_bytes skipped;
    uint64_t n;
    if (!hmd_cbor_array(&r, &n) || n < 1 || n > 1 + HMD_SIGNERS_MAX ||
        !hmd_cbor_bstr(&r, &out->digest_item) || !hmd_cbor_digest(out->digest_item, &out->digest))
        return false;
    out->signature_count = n - 1;
    out->signatures = (struct hmd_bytes){r.p + r.pos, r.len - r.pos};
    for (uint64_t i = 0; i < n - 1; i++)
        if (!hmd_cbor_bstr(&r, &skipped))
            return false;
    return hmd_cbor_done(&r);
}

/* The members after the manifest: keys ascending, each a byte string. */
static bool open_severed(struct hmd_cbor *r, uint64_t count, struct hmd_envelope *out)
{
    uint64_t last = HM_SUIT_ENV_MANIFEST;
    size_t start = r->pos;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key;
        struct hmd_bytes member;
        if (!hmd_cbor_uint(r, &key) || key <= last || !hmd_cbor_bstr(r, &member))
            return false;
        last = key;
    }
    out->severed = (struct hmd_bytes){r->p + start, r->pos - start};
    out->severed_count = count;
    return true;
}

static enum hmd_reason parse(struct hmd_bytes bytes, enum hmd_clothes clothes,
                             struct hmd_envelope *out)
{
    struct hmd_cbor r = hmd_cbor_over(bytes);
    unsigned major;
    uint64_t v;
    uint64_t members;
    struct hmd_bytes wrapper;
    if (clothes != HMD_CLOTHES_STORE &&
        (!hmd_cbor_head(&r, &major, &v) || major != HMD_CBOR_TAG || v != HM_SUIT_TAG))
        return HMD_ENVELOPE_MALFORMED;
    if (!hmd_cbor_map(&r, &members) || members < 2 || !hmd_cbor_key(&r, HM_SUIT_ENV_AUTH) ||
        !hmd_cbor_bstr(&r, &wrapper) || !open_wrapper(wrapper, out) ||
        !hmd_cbor_key(&r, HM_SUIT_ENV_MANIFEST))
        return HMD_ENVELOPE_MALFORMED;
    size_t start = r.pos;
    if (!hmd_cbor_bstr(&r, &out->content))
        return HMD_ENVELOPE_MALFORMED;
    out->content_bstr = (struct hmd_bytes){r.p + start, r.pos - start};
    if (members > 2 && clothes != HMD_CLOTHES_VECTOR)
        return HMD_SEVERED_UNSUPPORTED;
    if (!open_severed(&r, members - 2, out) || !hmd_cbor_done(&r))
        return HMD_ENVELOPE_MALFORMED;
    return HMD_OK;
}

enum hmd_reason hmd_envelope_open(const struct hmd_crypto *crypto, struct hmd_bytes bytes,
                                  enum hmd_clothes clothes, struct hmd_envelope *out)
{
    uint8_t digest[HMD_DIGEST_LEN];
    enum hmd_reason reason = parse(bytes, clothes, out);
    if (reason != HMD_OK)
        return reason;
    if (!hmd_sha256(crypto, out->content_bstr, no_bytes, digest))
        return HMD_CRYPTO_FAILED;
    if (!hmd_equal(digest, out->digest, HMD_DIGEST_LEN))
        return HMD_DIGEST_MISMATCH;
    return out->signature_count == 0 ? HMD_UNSIGNED : HMD_OK;
}

/* {1: alg}: nothing else may stand in the protected header. */
static bool read_protected(struct hmd_bytes header, int *alg)
{
    struct hmd_cbor r = hmd_cbor_over(header);
    uint64_t n;
    int64_t v;
    if (header.len > PROTECTED_MAX || !hmd_cbor_map(&r, &n) || n != 1 ||
        !hmd_cbor_key(&r, COSE_HEADER_ALG) || !hmd_cbor_int(&r, &v) || v < -65536 || v > 65535 ||
        !hmd_cbor_done(&r))
        return false;
    *alg = (int)v;
    return true;
}

bool hmd_envelope_next(struct hmd_cbor *r, struct hmd_signature *out)
{
    struct hmd_bytes block;
    unsigned major;
    uint64_t v;
    if (!hmd_cbor_bstr(r, &block))
        return false;
    struct hmd_cbor b = hmd_cbor_over(block);
    if (!hmd_cbor_head(&b, &major, &v) || major != HMD_CBOR_TAG || v != COSE_SIGN1_TAG ||
        !hmd_cbor_array(&b, &v) || v != 4 || !hmd_cbor_bstr(&b, &out->protected_header) ||
        !read_protected(out->protected_header, &out->alg) || !hmd_cbor_map(&b, &v) || v > 1)
        return false;
    out->kid = NULL;
    if (v == 1 &&
        (!hmd_cbor_key(&b, COSE_HEADER_KID) || !hmd_cbor_fixed(&b, HM_KID_LEN, &out->kid)))
        return false;
    return hmd_cbor_head(&b, &major, &v) && major == HMD_CBOR_SIMPLE && v == COSE_NULL &&
           hmd_cbor_bstr(&b, &out->sig) && hmd_cbor_done(&b);
}

enum hmd_reason hmd_envelope_verify(const struct hmd_crypto *crypto, const struct hmd_envelope *env,
                                    const struct hmd_signature *s, struct hmd_bytes pub)
{
    /* array(4), "Signature1"; then the protected header, empty external data, the digest item */
    static const uint8_t context[] = {0x84, 0x6a, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1'};
    uint8_t tbs[sizeof context + 1 + PROTECTED_MAX + 1 + 2 + DIGEST_ITEM_LEN];
    size_t n = 0;
    if (s->protected_header.len > PROTECTED_MAX || env->digest_item.len != DIGEST_ITEM_LEN)
        return HMD_ENVELOPE_MALFORMED;
    if (s->sig.len != HMD_SIG_LEN)
        return HMD_SIGNATURE_LENGTH;
    hmd_copy(tbs, context, sizeof context);
    n += sizeof context;
    tbs[n++] = (uint8_t)(0x40 | s->protected_header.len);
    hmd_copy(tbs + n, s->protected_header.p, s->protected_header.len);
    n += s->protected_header.len;
    tbs[n++] = 0x40;
    tbs[n++] = 0x58;
    tbs[n++] = DIGEST_ITEM_LEN;
    hmd_copy(tbs + n, env->digest_item.p, DIGEST_ITEM_LEN);
    n += DIGEST_ITEM_LEN;
    switch (crypto->verify(crypto->ctx, s->alg, pub, (struct hmd_bytes){tbs, n}, s->sig)) {
    case HMD_SIG_VALID:
        return HMD_OK;
    case HMD_SIG_UNSUPPORTED:
        return HMD_ALGORITHM_UNSUPPORTED;
    case HMD_SIG_BAD:
    default:
        return HMD_SIGNATURE_INVALID;
    }
}

bool hmd_kid_listed(struct hmd_bytes kids, uint64_t count, const uint8_t *kid)
{
    struct hmd_cbor r = hmd_cbor_over(kids);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *k;
        if (!hmd_cbor_fixed(&r, HM_KID_LEN, &k))
            return false;
        if (hmd_equal(k, kid, HM_KID_LEN))
            return true;
    }
    return false;
}

static bool pinned(const struct hmd_pins *pins, const uint8_t *kid)
{
    if (pins == NULL)
        return true;
    for (size_t i = 0; i < pins->count; i++)
        if (hmd_equal(pins->kids + i * HM_KID_LEN, kid, HM_KID_LEN))
            return true;
    return false;
}

/* Whether this signature's key may count at all; HMD_OK and *key where it may. */
static enum hmd_reason admit(const struct hmd_quorum *q, const struct hmd_signature *s,
                             struct hmd_key *key)
{
    if (s->kid == NULL || !hmd_store_key(q->store, s->kid, key))
        return HMD_KEY_UNKNOWN;
    if (hmd_store_revoked(q->store, s->kid))
        return HMD_KEY_REVOKED;
    if (!hmd_kid_listed(q->kids, q->kid_count, s->kid))
        return HMD_KEY_NOT_ALLOWED;
    return pinned(q->pins, s->kid) ? HMD_OK : HMD_ROOT_NOT_PINNED;
}

/* The same key under two signatures counts once; here it refuses, since nobody honest writes it. */
static bool repeated(const struct hmd_envelope *env, uint64_t index, const uint8_t *kid)
{
    struct hmd_cbor r = hmd_cbor_over(env->signatures);
    struct hmd_signature s;
    for (uint64_t i = 0; i < index; i++)
        if (hmd_envelope_next(&r, &s) && s.kid != NULL && hmd_equal(s.kid, kid, HM_KID_LEN))
            return true;
    return false;
}

enum hmd_reason hmd_envelope_authenticate(const struct hmd_crypto *crypto,
                                          const struct hmd_envelope *env,
                                          const struct hmd_quorum *quorum,
                                          uint8_t (*signers)[HM_KID_LEN], unsigned *signer_count)
{
    struct hmd_cbor r = hmd_cbor_over(env->signatures);
    enum hmd_reason passed_over = HMD_THRESHOLD;
    unsigned valid = 0;
    for (uint64_t i = 0; i < env->signature_count; i++) {
        struct hmd_signature s;
        struct hmd_key key;
        if (!hmd_envelope_next(&r, &s))
            return HMD_ENVELOPE_MALFORMED;
        enum hmd_reason reason = admit(quorum, &s, &key);
        if (reason != HMD_OK) {
            passed_over = reason;
            continue;
        }
        if (repeated(env, i, s.kid))
            return HMD_KEY_REPEATED;
        if (s.alg != key.alg)
            return HMD_ALGORITHM_UNSUPPORTED;
        reason = hmd_envelope_verify(crypto, env, &s, key.pub);
        if (reason != HMD_OK)
            return reason;
        if (signers != NULL)
            hmd_copy(signers[valid], s.kid, HM_KID_LEN);
        valid++;
    }
    *signer_count = valid;
    if (valid >= quorum->threshold && quorum->threshold > 0)
        return HMD_OK;
    return valid == 0 ? passed_over : HMD_THRESHOLD;
}
