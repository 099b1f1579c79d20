/* The rules that the members of a trust store must obey together: every key once and with one role,
 * thresholds that can be met by distinct keys, a class in at most one rule, lists in ascending
 * order. */
#include "device/hm_device_envelope_priv.h"
#include "device/hm_device_store_priv.h"
#include "device/hm_device_text_priv.h"

_Static_assert(HM_KID_LEN == HMD_ID_LEN, "the same walks serve for key ids and class ids");

/* Strictly ascending, which also says that none stands twice. *last starts as NULL. */
static bool follows(const uint8_t **last, const uint8_t *id)
{
    const bool first = *last == NULL;
    const struct hmd_bytes before = {*last, first ? 0 : HM_KID_LEN};
    const struct hmd_bytes now = {id, HM_KID_LEN};
    *last = id;
    return first || hmd_order(before, now) < 0;
}

/* count bstr items of 16 bytes in ascending order. */
static bool ascending_ids(struct hmd_bytes items, uint64_t count)
{
    struct hmd_cbor r = hmd_cbor_over(items);
    const uint8_t *last = NULL;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *id;
        if (!hmd_cbor_fixed(&r, HM_KID_LEN, &id) || !follows(&last, id))
            return false;
    }
    return true;
}

static bool threshold_holds(uint64_t threshold, uint64_t count)
{
    return threshold >= 1 && threshold <= count;
}

static bool kid_in_a_rule(const struct hmd_store *s, const uint8_t *kid)
{
    struct hmd_cbor r = hmd_cbor_over(s->rules);
    struct hmd_store_rule rule;
    while (hmd_store_read_rule(&r, &rule))
        if (hmd_kid_listed(rule.kids, rule.kid_count, kid))
            return true;
    return false;
}

/* Whether a raw Ed25519 key is the log's or a witness's. */
static bool has_log_role(const struct hmd_store *s, struct hmd_bytes pub)
{
    struct hmd_cbor r = hmd_cbor_over(s->witnesses);
    struct hmd_witness w;
    if (pub.len != HMD_ED25519_LEN)
        return false;
    if (hmd_equal(pub.p, s->log_key, HMD_ED25519_LEN))
        return true;
    while (hmd_store_read_witness(&r, &w))
        if (hmd_equal(pub.p, w.key, HMD_ED25519_LEN))
            return true;
    return false;
}

/* One role, and the kid that the key itself gives; so a key that stands twice shows as a kid that
 * does. */
static enum hmd_reason check_key(const struct hmd_crypto *crypto, const struct hmd_store *s,
                                 const struct hmd_key *key)
{
    uint8_t kid[HM_KID_LEN];
    enum hmd_reason reason = hmd_key_id(crypto, key->alg, key->pub, kid);
    if (reason == HMD_CRYPTO_FAILED)
        return reason;
    if (reason != HMD_OK || !hmd_equal(kid, key->kid, HM_KID_LEN))
        return HMD_STORE_INCONSISTENT;
    bool root = hmd_kid_listed(s->root_kids, s->root_count, kid);
    if (root == kid_in_a_rule(s, kid) || (root && hmd_store_revoked(s, kid)) ||
        has_log_role(s, key->pub) ||
        (key->not_after_s != 0 && key->not_after_s <= key->not_before_s))
        return HMD_STORE_INCONSISTENT;
    return HMD_OK;
}

static enum hmd_reason check_keys(const struct hmd_crypto *crypto, const struct hmd_store *s)
{
    struct hmd_cbor r = hmd_cbor_over(s->keys);
    const uint8_t *last = NULL;
    for (uint64_t i = 0; i < s->key_count; i++) {
        struct hmd_key key;
        if (!hmd_store_read_key(&r, &key))
            return HMD_STORE_MALFORMED;
        if (!follows(&last, key.kid))
            return HMD_STORE_INCONSISTENT;
        enum hmd_reason reason = check_key(crypto, s, &key);
        if (reason != HMD_OK)
            return reason;
    }
    return HMD_OK;
}

static bool all_known(const struct hmd_store *s, struct hmd_bytes kids, uint64_t count)
{
    struct hmd_cbor r = hmd_cbor_over(kids);
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *kid;
        struct hmd_key key;
        if (!hmd_cbor_fixed(&r, HM_KID_LEN, &kid) || !hmd_store_key(s, kid, &key))
            return false;
    }
    return true;
}

/* No class of this rule may stand in one of the first `index` rules. */
static bool classes_are_new(const struct hmd_store *s, uint64_t index,
                            const struct hmd_store_rule *rule)
{
    struct hmd_cbor r = hmd_cbor_over(s->rules);
    struct hmd_store_rule other;
    for (uint64_t i = 0; i < index && hmd_store_read_rule(&r, &other); i++) {
        struct hmd_cbor c = hmd_cbor_over(rule->classes);
        const uint8_t *id;
        while (hmd_cbor_fixed(&c, HMD_ID_LEN, &id))
            if (hmd_kid_listed(other.classes, other.class_count, id))
                return false;
    }
    return true;
}

static enum hmd_reason check_rules(const struct hmd_store *s)
{
    struct hmd_cbor r = hmd_cbor_over(s->rules);
    for (uint64_t i = 0; i < s->rule_count; i++) {
        struct hmd_store_rule rule;
        if (!hmd_store_read_rule(&r, &rule))
            return HMD_STORE_MALFORMED;
        if (!ascending_ids(rule.classes, rule.class_count) ||
            !ascending_ids(rule.kids, rule.kid_count) ||
            !threshold_holds(rule.threshold, rule.kid_count) ||
            !all_known(s, rule.kids, rule.kid_count) || !classes_are_new(s, i, &rule))
            return HMD_STORE_INCONSISTENT;
    }
    return HMD_OK;
}

static bool witness_is_new(const struct hmd_store *s, uint64_t index, const struct hmd_witness *w)
{
    struct hmd_cbor r = hmd_cbor_over(s->witnesses);
    struct hmd_witness other;
    for (uint64_t i = 0; i < index && hmd_store_read_witness(&r, &other); i++)
        if (hmd_same(other.name, w->name) || hmd_equal(other.key, w->key, HMD_ED25519_LEN))
            return false;
    return true;
}

static enum hmd_reason check_log(const struct hmd_store *s)
{
    struct hmd_cbor r = hmd_cbor_over(s->witnesses);
    if (!hmd_origin_valid(s->origin) || s->witness_count > HMD_WITNESSES_MAX ||
        s->quorum > s->witness_count || (s->quorum == 0) != (s->witness_count == 0))
        return HMD_STORE_INCONSISTENT;
    for (uint64_t i = 0; i < s->witness_count; i++) {
        struct hmd_witness w;
        if (!hmd_store_read_witness(&r, &w))
            return HMD_STORE_MALFORMED;
        if (!hmd_origin_valid(w.name) || hmd_same(w.name, s->origin) ||
            hmd_equal(w.key, s->log_key, HMD_ED25519_LEN) || !witness_is_new(s, i, &w))
            return HMD_STORE_INCONSISTENT;
    }
    return HMD_OK;
}

static enum hmd_reason check_floors(const struct hmd_store *s)
{
    struct hmd_cbor r = hmd_cbor_over(s->floors);
    const uint8_t *last = NULL;
    for (uint64_t i = 0; i < s->floor_count; i++) {
        const uint8_t *id;
        uint64_t sequence;
        if (!hmd_store_read_floor(&r, &id, &sequence))
            return HMD_STORE_MALFORMED;
        if (!follows(&last, id))
            return HMD_STORE_INCONSISTENT;
    }
    return HMD_OK;
}

enum hmd_reason hmd_store_check(const struct hmd_crypto *crypto, const struct hmd_store *s)
{
    if (!ascending_ids(s->root_kids, s->root_count) ||
        !threshold_holds(s->root_threshold, s->root_count) ||
        !all_known(s, s->root_kids, s->root_count) || !ascending_ids(s->revoked, s->revoked_count))
        return HMD_STORE_INCONSISTENT;
    enum hmd_reason reason = check_rules(s);
    if (reason == HMD_OK)
        reason = check_keys(crypto, s);
    if (reason == HMD_OK)
        reason = check_log(s);
    if (reason == HMD_OK)
        reason = check_floors(s);
    return reason;
}
