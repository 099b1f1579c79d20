/* What a trust store may say: one place for the writer and the reader. Starts as "no": every list
 * is walked whole and the first offence is named. Thread: any. */
#include "schema/trust/hm_trust_store_priv.h"

#include "schema/core/hm_text.h"

#include <string.h>

static enum hm_err bad(struct hm_why *why, const char *where, const char *what)
{
    return hm_fail(why, HM_E_MALFORMED, "trust store: %s: %s", where, what);
}

void hm_ts_kid(const struct hm_key *k, uint8_t kid[static HM_KID_LEN])
{
    struct hm_digest id = hm_key_id(k);
    memcpy(kid, id.b, HM_KID_LEN);
}

int hm_ts_find_kid(const struct hm_trust_store *t, const uint8_t kid[static HM_KID_LEN])
{
    for (size_t i = 0; i < t->key_count; i++) {
        uint8_t own[HM_KID_LEN];
        hm_ts_kid(&t->keys[i].key, own);
        if (memcmp(own, kid, HM_KID_LEN) == 0)
            return (int)i;
    }
    return -1;
}

/* Strictly ascending, so that nothing stands twice; stride is the size of one element, whose first
 * 16 bytes count. */
static bool ascending(const void *first, size_t count, size_t stride)
{
    const uint8_t *p = first;
    for (size_t i = 1; i < count; i++)
        if (memcmp(p + (i - 1) * stride, p + i * stride, 16) >= 0)
            return false;
    return true;
}

static bool has_kid(const uint8_t (*kids)[HM_KID_LEN], size_t count, const uint8_t *kid)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(kids[i], kid, HM_KID_LEN) == 0)
            return true;
    return false;
}

/* A list of kids with its threshold, as root and rules have it. */
static enum hm_err check_quorum(const struct hm_trust_store *t, const uint8_t (*kids)[HM_KID_LEN],
                                size_t count, size_t threshold, const char *where,
                                struct hm_why *why)
{
    if (count == 0)
        return bad(why, where, "expected at least one key");
    if (threshold == 0 || threshold > count)
        return bad(why, where, "expected a threshold of at least 1 and at most the number of keys");
    if (!ascending(kids, count, HM_KID_LEN))
        return bad(why, where, "kids are not in ascending order, or one stands twice");
    for (size_t i = 0; i < count; i++)
        if (hm_ts_find_kid(t, kids[i]) < 0)
            return bad(why, where, "a kid is not among the keys (member 7)");
    return HM_OK;
}

static bool in_some_rule(const struct hm_trust_store *t, const uint8_t *kid)
{
    for (size_t r = 0; r < t->rule_count; r++)
        if (has_kid(t->rules[r].kids, t->rules[r].kid_count, kid))
            return true;
    return false;
}

static enum hm_err check_key(const struct hm_trust_store *t, size_t i, struct hm_why *why)
{
    const struct hm_ts_key *k = &t->keys[i];
    uint8_t kid[HM_KID_LEN];
    hm_ts_kid(&k->key, kid);
    if (hm_key_cose_alg(&k->key) == 0 || hm_key_is_sk(&k->key))
        return bad(why, "keys (7)", "expected P-256 or Ed25519 keys");
    if (k->not_before_s > HM_TS_TIME_MAX || k->not_after_s > HM_TS_TIME_MAX ||
        (k->not_after_s != 0 && k->not_after_s <= k->not_before_s))
        return bad(why, "keys (7)", "expected not-after to be 0 or later than not-before");
    bool root = has_kid(t->root_kids, t->root_count, kid);
    bool release = in_some_rule(t, kid);
    if (root && release)
        return bad(why, "keys (7)", "a key is root key and release key at once");
    if (!root && !release)
        return bad(why, "keys (7)", "a key has no role: expected it in the root or in a rule");
    if (root && has_kid(t->revoked, t->revoked_count, kid))
        return bad(why, "revoked (8)", "a root key that is revoked must leave the root");
    return HM_OK;
}

static enum hm_err check_keys(const struct hm_trust_store *t, struct hm_why *why)
{
    uint8_t before[HM_KID_LEN];
    if (t->key_count == 0)
        return bad(why, "keys (7)", "expected at least one key");
    for (size_t i = 0; i < t->key_count; i++) {
        uint8_t kid[HM_KID_LEN];
        hm_ts_kid(&t->keys[i].key, kid);
        if (i > 0 && memcmp(before, kid, sizeof kid) >= 0)
            return bad(why, "keys (7)", "not in ascending order of kid, or one stands twice");
        memcpy(before, kid, sizeof kid);
        enum hm_err err = check_key(t, i, why);
        if (err != HM_OK)
            return err;
    }
    if (!ascending(t->revoked, t->revoked_count, HM_KID_LEN))
        return bad(why, "revoked (8)", "kids are not in ascending order, or one stands twice");
    return HM_OK;
}

/* A class belongs to one rule. Ranges of rules follow each other, so the whole array is looked at.
 */
static bool class_twice(const struct hm_trust_store *t, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (memcmp(t->classes[j].b, t->classes[i].b, sizeof t->classes[i].b) == 0)
            return true;
    return false;
}

static enum hm_err check_rules(const struct hm_trust_store *t, struct hm_why *why)
{
    size_t next = 0;
    if (t->rule_count == 0)
        return bad(why, "rules (6)", "expected at least one rule");
    for (size_t r = 0; r < t->rule_count; r++) {
        const struct hm_ts_rule *rule = &t->rules[r];
        if (rule->class_first != next || rule->class_count == 0 ||
            rule->class_count > t->class_count - next)
            return bad(why, "rules (6)", "expected at least one class in each rule");
        next += rule->class_count;
        if (!ascending(t->classes + rule->class_first, rule->class_count, sizeof t->classes[0]))
            return bad(why, "rules (6)", "classes of a rule are not in ascending order");
        enum hm_err err =
            check_quorum(t, rule->kids, rule->kid_count, rule->threshold, "rules (6)", why);
        if (err != HM_OK)
            return err;
    }
    if (next != t->class_count)
        return bad(why, "rules (6)", "a class stands in no rule");
    for (size_t i = 0; i < t->class_count; i++)
        if (class_twice(t, i))
            return bad(why, "rules (6)", "a class stands in two rules");
    return HM_OK;
}

/* Is this Ed25519 value the log's key, a key of member 7 or an earlier witness's? */
static bool ed25519_taken(const struct hm_trust_store *t, const uint8_t raw[static 32],
                          size_t witness)
{
    if (memcmp(t->log_key.key.raw, raw, 32) == 0)
        return true;
    for (size_t i = 0; i < t->key_count; i++)
        if (t->keys[i].key.alg == HM_KEY_ED25519 && memcmp(t->keys[i].key.raw, raw, 32) == 0)
            return true;
    for (size_t i = 0; i < witness; i++)
        if (memcmp(t->witnesses[i].key, raw, 32) == 0)
            return true;
    return false;
}

static bool witness_name_taken(const struct hm_trust_store *t, size_t witness)
{
    for (size_t i = 0; i < witness; i++)
        if (strcmp(t->witnesses[i].name, t->witnesses[witness].name) == 0)
            return true;
    return strcmp(t->log_key.name, t->witnesses[witness].name) == 0;
}

static enum hm_err check_witness(const struct hm_trust_store *t, size_t i, struct hm_why *why)
{
    struct hm_key k;
    enum hm_err err =
        hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(t->witnesses[i].key, 32), &k, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_MALFORMED, "trust store: log (9): witness %zu", i + 1);
    if (!hm_origin_ok(t->witnesses[i].name) || witness_name_taken(t, i))
        return bad(why, "log (9)", "expected a name of its own for each witness");
    if (ed25519_taken(t, t->witnesses[i].key, i))
        return bad(why, "log (9)", "a witness's key has another role too");
    return HM_OK;
}

static enum hm_err check_log(const struct hm_trust_store *t, struct hm_why *why)
{
    const struct hm_key *log = &t->log_key.key;
    if (!hm_origin_ok(t->log_key.name) || log->alg != HM_KEY_ED25519 || hm_key_is_sk(log))
        return bad(why, "log (9)", "expected an origin and an Ed25519 key");
    for (size_t i = 0; i < t->key_count; i++)
        if (hm_key_eq(&t->keys[i].key, log))
            return bad(why, "log (9)", "the log's key has another role too");
    for (size_t i = 0; i < t->witness_count; i++) {
        enum hm_err err = check_witness(t, i, why);
        if (err != HM_OK)
            return err;
    }
    if (t->witness_quorum > t->witness_count || (t->witness_quorum == 0 && t->witness_count > 0))
        return bad(why, "log (9)",
                   "expected a quorum of at least 1 and at most the number of witnesses, or 0 "
                   "without witnesses");
    return HM_OK;
}

static enum hm_err check_floors(const struct hm_trust_store *t, struct hm_why *why)
{
    if (!ascending(t->floors, t->floor_count, sizeof t->floors[0]))
        return bad(why, "floors (10)", "classes are not in ascending order, or one stands twice");
    for (size_t i = 0; i < t->floor_count; i++)
        if (t->floors[i].sequence > HM_TS_UINT_MAX)
            return bad(why, "floors (10)", "expected a sequence number of at most 2^53-1");
    return HM_OK;
}

bool hm_ts_fits(const struct hm_trust_store *t)
{
    bool fit = t->root_count <= HM_ROOT_KEYS_MAX && t->rule_count <= HM_TS_RULES_MAX &&
               t->class_count <= HM_TS_CLASSES_MAX && t->key_count <= HM_TS_KEYS_MAX &&
               t->revoked_count <= HM_TS_KEYS_MAX && t->witness_count <= HM_TS_WITNESSES_MAX &&
               t->floor_count <= HM_TS_CLASSES_MAX;
    for (size_t r = 0; fit && r < t->rule_count; r++)
        fit = t->rules[r].kid_count <= HM_TS_KEYS_MAX &&
              t->rules[r].class_first <= t->class_count &&
              t->rules[r].class_count <= t->class_count - t->rules[r].class_first;
    return fit;
}

enum hm_err hm_ts_check(const struct hm_trust_store *t, struct hm_why *why)
{
    if (!hm_ts_fits(t))
        return hm_fail(why, HM_E_LIMIT, "trust store: more entries than the format allows");
    if (t->epoch == 0 || t->epoch > HM_TS_UINT_MAX)
        return bad(why, "epoch (2)", "expected 1 to 2^53-1");
    if (t->issued_s == 0 || t->issued_s > HM_TS_TIME_MAX)
        return bad(why, "issued (4)", "expected Unix seconds");
    enum hm_err err =
        check_quorum(t, t->root_kids, t->root_count, t->root_threshold, "root (5)", why);
    if (err == HM_OK)
        err = check_rules(t, why);
    if (err == HM_OK)
        err = check_keys(t, why);
    if (err == HM_OK)
        err = check_log(t, why);
    return err == HM_OK ? check_floors(t, why) : err;
}
