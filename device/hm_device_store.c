/* The trust store: opening it and looking things up in it. */
#include "device/hm_device_store.h"
#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_store_priv.h"
#include "device/hm_device_text_priv.h"

#define STORE_MEMBERS 10

/* DER SubjectPublicKeyInfo up to the public key: RFC 5480 (id-ecPublicKey, prime256v1) and RFC
 * 8410. */
static const uint8_t spki_p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t spki_ed25519[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

enum hmd_reason hmd_key_id(const struct hmd_crypto *crypto, int alg, struct hmd_bytes pub,
                           uint8_t out[HM_KID_LEN])
{
    uint8_t digest[HMD_DIGEST_LEN];
    struct hmd_bytes prefix;
    if (alg == HM_COSE_ESP256 && pub.len == HMD_P256_LEN && pub.p[0] == 4)
        prefix = (struct hmd_bytes){spki_p256, sizeof spki_p256};
    else if (alg == HM_COSE_ED25519 && pub.len == HMD_ED25519_LEN)
        prefix = (struct hmd_bytes){spki_ed25519, sizeof spki_ed25519};
    else
        return HMD_ALGORITHM_UNSUPPORTED;
    if (!hmd_sha256(crypto, prefix, pub, digest))
        return HMD_CRYPTO_FAILED;
    hmd_copy(out, digest, HM_KID_LEN);
    return HMD_OK;
}

/* An array of at least `min` items: its elements stay encoded, each is checked for being one item.
 */
static bool read_array(struct hmd_cbor *r, uint64_t min, struct hmd_bytes *items, uint64_t *count)
{
    struct hmd_bytes skipped;
    if (!hmd_cbor_array(r, count) || *count < min)
        return false;
    size_t start = r->pos;
    for (uint64_t i = 0; i < *count; i++)
        if (!hmd_cbor_skip(r, &skipped))
            return false;
    *items = (struct hmd_bytes){r->p + start, r->pos - start};
    return true;
}

static bool read_root(struct hmd_cbor *r, struct hmd_store *s)
{
    uint64_t n;
    return hmd_cbor_array(r, &n) && n == 2 && read_array(r, 1, &s->root_kids, &s->root_count) &&
           hmd_cbor_uint(r, &s->root_threshold);
}

static bool read_log(struct hmd_cbor *r, struct hmd_store *s)
{
    uint64_t n;
    return hmd_cbor_array(r, &n) && n == 4 && hmd_cbor_tstr(r, &s->origin) &&
           hmd_cbor_fixed(r, HMD_ED25519_LEN, &s->log_key) &&
           read_array(r, 0, &s->witnesses, &s->witness_count) && hmd_cbor_uint(r, &s->quorum);
}

static bool parse(struct hmd_bytes content, struct hmd_store *s)
{
    struct hmd_cbor r = hmd_cbor_over(content);
    uint64_t n;
    uint64_t format;
    return hmd_cbor_map(&r, &n) && n == STORE_MEMBERS && hmd_cbor_key(&r, HM_TS_FORMAT) &&
           hmd_cbor_uint(&r, &format) && format == 1 && hmd_cbor_key(&r, HM_TS_EPOCH) &&
           hmd_cbor_uint(&r, &s->epoch) && s->epoch >= 1 && hmd_cbor_key(&r, HM_TS_VENDOR) &&
           hmd_cbor_fixed(&r, HMD_ID_LEN, &s->vendor) && hmd_cbor_key(&r, HM_TS_ISSUED) &&
           hmd_cbor_uint(&r, &s->issued_s) && hmd_cbor_key(&r, HM_TS_ROOT) && read_root(&r, s) &&
           hmd_cbor_key(&r, HM_TS_RULES) && read_array(&r, 1, &s->rules, &s->rule_count) &&
           hmd_cbor_key(&r, HM_TS_KEYS) && read_array(&r, 1, &s->keys, &s->key_count) &&
           hmd_cbor_key(&r, HM_TS_REVOKED) && read_array(&r, 0, &s->revoked, &s->revoked_count) &&
           hmd_cbor_key(&r, HM_TS_LOG) && read_log(&r, s) && hmd_cbor_key(&r, HM_TS_FLOORS) &&
           read_array(&r, 0, &s->floors, &s->floor_count) && hmd_cbor_done(&r);
}

bool hmd_store_read_key(struct hmd_cbor *r, struct hmd_key *out)
{
    uint64_t n;
    int64_t alg;
    if (!hmd_cbor_array(r, &n) || n != 5 || !hmd_cbor_fixed(r, HM_KID_LEN, &out->kid) ||
        !hmd_cbor_int(r, &alg) || !hmd_cbor_bstr(r, &out->pub) ||
        !hmd_cbor_uint(r, &out->not_before_s) || !hmd_cbor_uint(r, &out->not_after_s))
        return false;
    if (alg != HM_COSE_ESP256 && alg != HM_COSE_ED25519)
        return false;
    out->alg = (int)alg;
    return true;
}

bool hmd_store_read_rule(struct hmd_cbor *r, struct hmd_store_rule *out)
{
    uint64_t n;
    return hmd_cbor_array(r, &n) && n == 3 && read_array(r, 1, &out->classes, &out->class_count) &&
           read_array(r, 1, &out->kids, &out->kid_count) && hmd_cbor_uint(r, &out->threshold);
}

bool hmd_store_read_witness(struct hmd_cbor *r, struct hmd_witness *out)
{
    uint64_t n;
    return hmd_cbor_array(r, &n) && n == 2 && hmd_cbor_tstr(r, &out->name) &&
           hmd_cbor_fixed(r, HMD_ED25519_LEN, &out->key);
}

bool hmd_store_read_floor(struct hmd_cbor *r, const uint8_t **class_id, uint64_t *sequence)
{
    uint64_t n;
    return hmd_cbor_array(r, &n) && n == 2 && hmd_cbor_fixed(r, HMD_ID_LEN, class_id) &&
           hmd_cbor_uint(r, sequence);
}

enum hmd_reason hmd_store_open(const struct hmd_crypto *crypto, struct hmd_bytes bytes,
                               const struct hmd_pins *pins, struct hmd_store *out)
{
    struct hmd_envelope env;
    struct hmd_store s;
    unsigned signers;
    if (bytes.len > HMD_STORE_MAX)
        return HMD_STORE_TOO_LARGE;
    enum hmd_reason reason = hmd_envelope_open(crypto, bytes, HMD_CLOTHES_STORE, &env);
    if (reason == HMD_ENVELOPE_MALFORMED || reason == HMD_SEVERED_UNSUPPORTED)
        return HMD_STORE_MALFORMED;
    if (reason != HMD_OK)
        return reason;
    /* The keys that must have signed stand inside: here alone parsing comes before authentication.
     */
    if (!parse(env.content, &s))
        return HMD_STORE_MALFORMED;
    reason = hmd_store_check(crypto, &s);
    if (reason != HMD_OK)
        return reason;
    struct hmd_quorum q = {&s, s.root_kids, s.root_count, s.root_threshold, pins};
    if (pins != NULL && pins->threshold > q.threshold)
        q.threshold = pins->threshold;
    reason = hmd_envelope_authenticate(crypto, &env, &q, NULL, &signers);
    if (reason == HMD_ENVELOPE_MALFORMED)
        return HMD_STORE_MALFORMED;
    if (reason == HMD_OK)
        *out = s;
    return reason;
}

bool hmd_store_key(const struct hmd_store *store, const uint8_t kid[HM_KID_LEN],
                   struct hmd_key *out)
{
    struct hmd_cbor r = hmd_cbor_over(store->keys);
    struct hmd_key key;
    while (hmd_store_read_key(&r, &key)) {
        if (!hmd_equal(key.kid, kid, HM_KID_LEN))
            continue;
        *out = key;
        return true;
    }
    return false;
}

bool hmd_store_revoked(const struct hmd_store *store, const uint8_t kid[HM_KID_LEN])
{
    return hmd_kid_listed(store->revoked, store->revoked_count, kid);
}

bool hmd_store_rule(const struct hmd_store *store, const uint8_t class_id[HMD_ID_LEN],
                    struct hmd_bytes *kids, uint64_t *count, uint64_t *threshold)
{
    struct hmd_cbor r = hmd_cbor_over(store->rules);
    struct hmd_store_rule rule;
    while (hmd_store_read_rule(&r, &rule)) {
        if (!hmd_kid_listed(rule.classes, rule.class_count, class_id))
            continue;
        *kids = rule.kids;
        *count = rule.kid_count;
        *threshold = rule.threshold;
        return true;
    }
    return false;
}

bool hmd_store_witness(const struct hmd_store *store, uint64_t index, struct hmd_bytes *name)
{
    struct hmd_cbor r = hmd_cbor_over(store->witnesses);
    struct hmd_witness w;
    for (uint64_t i = 0; i <= index; i++)
        if (!hmd_store_read_witness(&r, &w))
            return false;
    *name = w.name;
    return true;
}

uint64_t hmd_store_floor(const struct hmd_store *store, const uint8_t class_id[HMD_ID_LEN])
{
    struct hmd_cbor r = hmd_cbor_over(store->floors);
    const uint8_t *id;
    uint64_t sequence;
    while (hmd_store_read_floor(&r, &id, &sequence))
        if (hmd_equal(id, class_id, HMD_ID_LEN))
            return sequence;
    return 0;
}
