/* Trust store, reading: structure, sizes and counts; hm_ts_check judges the content. Thread: any.
 */
#include "schema/trust/hm_trust_store_priv.h"

#include <string.h>

static enum hm_err bad(struct hm_why *why, const char *what)
{
    return hm_fail(why, HM_E_MALFORMED, "trust store: expected %s", what);
}

/* A byte string of exactly n bytes; false latches nothing but is final for the caller. */
static bool take_fixed(struct hm_cbor_in *in, uint8_t *out, size_t n)
{
    struct hm_bytes v = hm_cbor_get_bstr(in);
    if (in->err != HM_OK || v.len != n)
        return false;
    memcpy(out, v.data, n);
    return true;
}

static bool take_kids(struct hm_cbor_in *in, uint8_t (*kids)[HM_KID_LEN], size_t max, size_t *count)
{
    *count = hm_cbor_get_array(in, max);
    for (size_t i = 0; i < *count; i++)
        if (!take_fixed(in, kids[i], HM_KID_LEN))
            return false;
    return in->err == HM_OK;
}

/* A number that a size_t field keeps; nothing here is above a count of keys. */
static size_t take_small(struct hm_cbor_in *in)
{
    uint64_t v = hm_cbor_get_uint(in);
    return v > UINT16_MAX ? UINT16_MAX : (size_t)v;
}

static bool take_text(struct hm_cbor_in *in, char *out, size_t size)
{
    struct hm_bytes v = hm_cbor_get_tstr(in);
    if (in->err != HM_OK || v.len == 0 || v.len >= size)
        return false;
    memcpy(out, v.data, v.len);
    out[v.len] = '\0';
    return true;
}

static bool take_rule(struct hm_cbor_in *in, struct hm_trust_store *t, struct hm_ts_rule *rule)
{
    if (hm_cbor_get_array(in, 3) != 3)
        return false;
    rule->class_first = t->class_count;
    rule->class_count = hm_cbor_get_array(in, HM_TS_CLASSES_MAX - t->class_count);
    for (size_t i = 0; i < rule->class_count; i++)
        if (!take_fixed(in, t->classes[t->class_count++].b, 16))
            return false;
    if (!take_kids(in, rule->kids, HM_TS_KEYS_MAX, &rule->kid_count))
        return false;
    rule->threshold = take_small(in);
    return in->err == HM_OK;
}

static bool take_root_and_rules(struct hm_cbor_in *in, struct hm_trust_store *t)
{
    if (hm_cbor_get_uint(in) != HM_TS_ROOT || hm_cbor_get_array(in, 2) != 2 ||
        !take_kids(in, t->root_kids, HM_ROOT_KEYS_MAX, &t->root_count))
        return false;
    t->root_threshold = take_small(in);
    if (hm_cbor_get_uint(in) != HM_TS_RULES)
        return false;
    t->rule_count = hm_cbor_get_array(in, HM_TS_RULES_MAX);
    for (size_t i = 0; i < t->rule_count; i++)
        if (!take_rule(in, t, &t->rules[i]))
            return false;
    return in->err == HM_OK;
}

static enum hm_err take_key(struct hm_cbor_in *in, struct hm_ts_key *k, struct hm_why *why)
{
    uint8_t kid[HM_KID_LEN];
    uint8_t own[HM_KID_LEN];
    if (hm_cbor_get_array(in, 5) != 5 || !take_fixed(in, kid, sizeof kid))
        return bad(why, "keys (7) of [kid, algorithm, public key, not-before, not-after]");
    int64_t alg = hm_cbor_get_int(in);
    struct hm_bytes raw = hm_cbor_get_bstr(in);
    k->not_before_s = hm_cbor_get_uint(in);
    k->not_after_s = hm_cbor_get_uint(in);
    if (in->err != HM_OK)
        return bad(why, "keys (7) of [kid, algorithm, public key, not-before, not-after]");
    if (alg != HM_COSE_ESP256 && alg != HM_COSE_ED25519)
        return hm_fail(why, HM_E_UNSUPPORTED, "trust store: keys (7): algorithm %lld",
                       (long long)alg);
    enum hm_err err =
        hm_key_from_raw(alg == HM_COSE_ESP256 ? HM_KEY_P256 : HM_KEY_ED25519, raw, &k->key, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "trust store: keys (7)");
    hm_ts_kid(&k->key, own);
    if (memcmp(own, kid, sizeof kid) != 0)
        return bad(why, "the kid in keys (7) to be that of its public key");
    return HM_OK;
}

static enum hm_err take_keys(struct hm_cbor_in *in, struct hm_trust_store *t, struct hm_why *why)
{
    if (hm_cbor_get_uint(in) != HM_TS_KEYS)
        return bad(why, "member 7 behind member 6");
    t->key_count = hm_cbor_get_array(in, HM_TS_KEYS_MAX);
    for (size_t i = 0; i < t->key_count; i++) {
        enum hm_err err = take_key(in, &t->keys[i], why);
        if (err != HM_OK)
            return err;
    }
    if (hm_cbor_get_uint(in) != HM_TS_REVOKED ||
        !take_kids(in, t->revoked, HM_TS_KEYS_MAX, &t->revoked_count))
        return bad(why, "revoked (8) to be an array of kids");
    return HM_OK;
}

static bool take_witnesses(struct hm_cbor_in *in, struct hm_trust_store *t)
{
    t->witness_count = hm_cbor_get_array(in, HM_TS_WITNESSES_MAX);
    for (size_t i = 0; i < t->witness_count; i++)
        if (hm_cbor_get_array(in, 2) != 2 ||
            !take_text(in, t->witnesses[i].name, sizeof t->witnesses[i].name) ||
            !take_fixed(in, t->witnesses[i].key, sizeof t->witnesses[i].key))
            return false;
    t->witness_quorum = take_small(in);
    return in->err == HM_OK;
}

static enum hm_err take_log(struct hm_cbor_in *in, struct hm_trust_store *t, struct hm_why *why)
{
    char origin[HM_ORIGIN_MAX + 1];
    uint8_t raw[32];
    struct hm_key k;
    if (hm_cbor_get_uint(in) != HM_TS_LOG || hm_cbor_get_array(in, 4) != 4 ||
        !take_text(in, origin, sizeof origin) || !take_fixed(in, raw, sizeof raw) ||
        !take_witnesses(in, t))
        return bad(why, "log (9) to be [origin, key, [[name, key]...], quorum]");
    enum hm_err err = hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw, sizeof raw), &k, why);
    if (err == HM_OK && hm_vkey_make(origin, &k, &t->log_key) != HM_OK)
        err = hm_fail(why, HM_E_MALFORMED, "bad characters in the origin");
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "trust store: log (9)");
}

static bool take_floors(struct hm_cbor_in *in, struct hm_trust_store *t)
{
    if (hm_cbor_get_uint(in) != HM_TS_FLOORS)
        return false;
    t->floor_count = hm_cbor_get_array(in, HM_TS_CLASSES_MAX);
    for (size_t i = 0; i < t->floor_count; i++) {
        if (hm_cbor_get_array(in, 2) != 2 || !take_fixed(in, t->floors[i].class_id.b, 16))
            return false;
        t->floors[i].sequence = hm_cbor_get_uint(in);
    }
    return in->err == HM_OK;
}

static enum hm_err take_head(struct hm_cbor_in *in, struct hm_trust_store *t, struct hm_why *why)
{
    if (hm_cbor_get_map(in, 10) != 10 || hm_cbor_get_uint(in) != HM_TS_FORMAT)
        return bad(why, "a map of the members 1 to 10");
    if (hm_cbor_get_uint(in) != HM_TS_FORMAT_VERSION || in->err != HM_OK)
        return hm_fail(why, HM_E_UNSUPPORTED, "trust store: expected format version %d",
                       HM_TS_FORMAT_VERSION);
    if (hm_cbor_get_uint(in) != HM_TS_EPOCH)
        return bad(why, "the epoch (2)");
    t->epoch = hm_cbor_get_uint(in);
    if (hm_cbor_get_uint(in) != HM_TS_VENDOR || !take_fixed(in, t->vendor.b, sizeof t->vendor.b))
        return bad(why, "a vendor id (3) of 16 bytes");
    if (hm_cbor_get_uint(in) != HM_TS_ISSUED)
        return bad(why, "the time of issue (4)");
    t->issued_s = hm_cbor_get_uint(in);
    return HM_OK;
}

enum hm_err hm_ts_decode(struct hm_bytes payload, struct hm_trust_store *out, struct hm_why *why)
{
    struct hm_cbor_in in;
    memset(out, 0, sizeof *out);
    hm_cbor_begin(&in, payload);
    enum hm_err err = take_head(&in, out, why);
    if (err == HM_OK && !take_root_and_rules(&in, out))
        err = bad(why, "root (5) and rules (6) of kids with thresholds");
    if (err == HM_OK)
        err = take_keys(&in, out, why);
    if (err == HM_OK)
        err = take_log(&in, out, why);
    if (err == HM_OK && (!take_floors(&in, out) || hm_cbor_done(&in) != HM_OK))
        err = bad(why, "floors (10) of [class id, sequence number], and nothing behind them");
    return err;
}
