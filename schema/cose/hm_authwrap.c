/* Authentication wrapper: written and taken in one encoding. Nothing of a payload is looked at
 * here. Thread: any. */
#include "schema/cose/hm_authwrap.h"

#include <string.h>

#define SUIT_DIGEST_LEN 36

struct hm_digest hm_auth_digest(struct hm_bytes payload)
{
    uint8_t head[9];
    HM_BUF_AUTO b = {.limit = sizeof head};
    hm_cbor_bstr_head(&b, payload.len);
    return hm_sha256_3(hm_buf_bytes(&b), payload, hm_bytes_of(NULL, 0));
}

void hm_auth_suit_digest(struct hm_buf *out, const struct hm_digest *digest)
{
    hm_cbor_array(out, 2);
    hm_cbor_int(out, HM_COSE_SHA256);
    hm_cbor_bstr(out, hm_bytes_of(digest->b, sizeof digest->b));
}

static void tbs_of_digest(struct hm_buf *out, int alg, const struct hm_digest *digest)
{
    HM_BUF_AUTO suit_digest = {.limit = SUIT_DIGEST_LEN};
    hm_auth_suit_digest(&suit_digest, digest);
    hm_cose_tbs(out, alg, hm_buf_bytes(&suit_digest));
    if (hm_buf_err(&suit_digest) != HM_OK && out->err == HM_OK)
        out->err = suit_digest.err;
}

void hm_auth_tbs(struct hm_buf *out, const struct hm_key *key, struct hm_bytes payload)
{
    struct hm_digest digest = hm_auth_digest(payload);
    tbs_of_digest(out, hm_key_cose_alg(key), &digest);
}

static void put_signature(struct hm_buf *wrapper, const struct hm_auth_signature *s)
{
    HM_BUF_AUTO block = {0};
    struct hm_digest id = hm_key_id(&s->key);
    hm_cose_sign1(&block, hm_key_cose_alg(&s->key), hm_bytes_of(id.b, HM_KID_LEN), s->sig);
    hm_cbor_bstr(wrapper, hm_buf_bytes(&block));
    if (hm_buf_err(&block) != HM_OK && wrapper->err == HM_OK)
        wrapper->err = block.err;
}

void hm_auth_envelope(struct hm_buf *out, bool tagged, struct hm_bytes payload,
                      const struct hm_auth_signature *sigs, size_t count)
{
    HM_BUF_AUTO wrapper = {0};
    HM_BUF_AUTO suit_digest = {.limit = SUIT_DIGEST_LEN};
    struct hm_digest digest = hm_auth_digest(payload);
    hm_auth_suit_digest(&suit_digest, &digest);
    hm_cbor_array(&wrapper, 1 + count);
    hm_cbor_bstr(&wrapper, hm_buf_bytes(&suit_digest));
    for (size_t i = 0; i < count; i++)
        put_signature(&wrapper, &sigs[i]);
    if (tagged)
        hm_cbor_tag(out, HM_SUIT_TAG);
    hm_cbor_map(out, 2);
    hm_cbor_uint(out, HM_SUIT_ENV_AUTH);
    hm_cbor_bstr(out, hm_buf_bytes(&wrapper));
    hm_cbor_uint(out, HM_SUIT_ENV_MANIFEST);
    hm_cbor_bstr(out, payload);
    if (count > HM_AUTH_SIGNATURES_MAX && out->err == HM_OK)
        out->err = HM_E_LIMIT;
    if (wrapper.err != HM_OK && out->err == HM_OK)
        out->err = wrapper.err;
}

static bool parse_digest(struct hm_bytes data, struct hm_digest *out)
{
    struct hm_cbor_in in;
    hm_cbor_begin(&in, data);
    size_t n = hm_cbor_get_array(&in, 2);
    int64_t alg = hm_cbor_get_int(&in);
    struct hm_bytes d = hm_cbor_get_bstr(&in);
    if (hm_cbor_done(&in) != HM_OK || n != 2 || alg != HM_COSE_SHA256 || d.len != sizeof out->b)
        return false;
    memcpy(out->b, d.data, d.len);
    return true;
}

static enum hm_err parse_wrapper(struct hm_bytes data, struct hm_auth_view *v,
                                 struct hm_digest *claimed, struct hm_why *why)
{
    struct hm_cbor_in in;
    hm_cbor_begin(&in, data);
    size_t n = hm_cbor_get_array(&in, 1 + HM_AUTH_SIGNATURES_MAX);
    if (in.err == HM_E_LIMIT)
        return hm_fail(why, HM_E_LIMIT, "authentication wrapper: more than %d signatures",
                       HM_AUTH_SIGNATURES_MAX);
    if (n < 1 || !parse_digest(hm_cbor_get_bstr(&in), claimed))
        return hm_fail(why, HM_E_MALFORMED,
                       "authentication wrapper: expected an array that begins with a SHA-256 "
                       "SUIT_Digest");
    v->count = n - 1;
    for (size_t i = 0; i < v->count; i++) {
        struct hm_bytes block = hm_cbor_get_bstr(&in);
        enum hm_err err = hm_cose_sign1_parse(block, &v->sigs[i], why);
        if (err != HM_OK)
            return hm_fail_in(why, err, "authentication block %zu", i + 1);
    }
    if (hm_cbor_done(&in) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "authentication wrapper: bytes behind its end");
    return HM_OK;
}

enum hm_err hm_auth_parse(struct hm_bytes data, bool tagged, struct hm_auth_view *out,
                          struct hm_why *why)
{
    struct hm_cbor_in in;
    struct hm_auth_view v = {.count = 0};
    hm_cbor_begin(&in, data);
    if (tagged && hm_cbor_get_tag(&in) != HM_SUIT_TAG)
        return hm_fail(why, HM_E_MALFORMED, "envelope: expected tag %d", HM_SUIT_TAG);
    size_t n = hm_cbor_get_map(&in, 2);
    uint64_t first = hm_cbor_get_uint(&in);
    struct hm_bytes wrapper = hm_cbor_get_bstr(&in);
    uint64_t second = hm_cbor_get_uint(&in);
    v.payload = hm_cbor_get_bstr(&in);
    if (hm_cbor_done(&in) != HM_OK || n != 2 || first != HM_SUIT_ENV_AUTH ||
        second != HM_SUIT_ENV_MANIFEST)
        return hm_fail(why, HM_E_MALFORMED,
                       "envelope: expected exactly {2: authentication wrapper, 3: byte string}");
    struct hm_digest claimed;
    enum hm_err err = parse_wrapper(wrapper, &v, &claimed, why);
    if (err != HM_OK)
        return err;
    v.digest = hm_auth_digest(v.payload);
    if (!hm_digest_eq(&v.digest, &claimed))
        return hm_fail(why, HM_E_SIGNATURE, "envelope: the digest is not that of the content");
    *out = v;
    return HM_OK;
}

static bool is_by(const struct hm_cose_sign1_view *s, const struct hm_key *k)
{
    struct hm_digest id = hm_key_id(k);
    return s->alg == hm_key_cose_alg(k) && hm_bytes_eq(s->kid, hm_bytes_of(id.b, HM_KID_LEN));
}

/* A key given twice in the list must not count twice: only its first place counts. */
static bool seen_before(const struct hm_key *keys, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (hm_key_eq(&keys[j], &keys[i]))
            return true;
    return false;
}

/* Does this key sign? A block by it that does not hold is an error, not an absence. */
static enum hm_err key_signs(const struct hm_auth_view *v, const struct hm_key *k, bool *signs,
                             struct hm_why *why)
{
    *signs = false;
    for (size_t i = 0; i < v->count; i++) {
        if (!is_by(&v->sigs[i], k))
            continue;
        HM_BUF_AUTO tbs = {0};
        tbs_of_digest(&tbs, v->sigs[i].alg, &v->digest);
        if (hm_buf_err(&tbs) != HM_OK)
            return hm_fail(why, HM_E_MEMORY, "envelope: no memory");
        if (hm_key_verify_raw(k, hm_buf_bytes(&tbs), v->sigs[i].sig) != HM_OK)
            return hm_fail(why, HM_E_SIGNATURE,
                           "envelope: authentication block %zu does not verify with its key",
                           i + 1);
        *signs = true;
    }
    return HM_OK;
}

enum hm_err hm_auth_verify(const struct hm_auth_view *v, const struct hm_key *keys,
                           size_t key_count, size_t threshold, struct hm_why *why)
{
    size_t good = 0;
    if (threshold == 0)
        return hm_fail(why, HM_E_DENIED, "envelope: a threshold of 0 accepts nothing");
    for (size_t i = 0; i < key_count; i++) {
        bool signs = false;
        enum hm_err err = seen_before(keys, i) ? HM_OK : key_signs(v, &keys[i], &signs, why);
        if (err != HM_OK)
            return err;
        good += signs ? 1 : 0;
    }
    if (good < threshold)
        return hm_fail(why, HM_E_SIGNATURE,
                       "envelope: signed by %zu of the accepted keys, expected at least %zu", good,
                       threshold);
    return HM_OK;
}
