/* Trust store, writing: sorts what has an order, checks, encodes. Thread: any. */
#include "schema/trust/hm_trust_store_priv.h"

#include <stdlib.h>
#include <string.h>

/* Kids and class ids: 16 bytes at the front of each element. */
static int by_16_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int by_kid(const void *a, const void *b)
{
    const struct hm_ts_key *x = a;
    const struct hm_ts_key *y = b;
    uint8_t kx[HM_KID_LEN];
    uint8_t ky[HM_KID_LEN];
    hm_ts_kid(&x->key, kx);
    hm_ts_kid(&y->key, ky);
    return memcmp(kx, ky, sizeof kx);
}

static void sort(struct hm_trust_store *t)
{
    qsort(t->root_kids, t->root_count, sizeof t->root_kids[0], by_16_bytes);
    qsort(t->keys, t->key_count, sizeof t->keys[0], by_kid);
    qsort(t->revoked, t->revoked_count, sizeof t->revoked[0], by_16_bytes);
    qsort(t->floors, t->floor_count, sizeof t->floors[0], by_16_bytes);
    for (size_t r = 0; r < t->rule_count; r++) {
        struct hm_ts_rule *rule = &t->rules[r];
        qsort(rule->kids, rule->kid_count, sizeof rule->kids[0], by_16_bytes);
        qsort(t->classes + rule->class_first, rule->class_count, sizeof t->classes[0], by_16_bytes);
    }
}

static void put_quorum(struct hm_buf *b, const uint8_t (*kids)[HM_KID_LEN], size_t count,
                       size_t threshold)
{
    hm_cbor_array(b, count);
    for (size_t i = 0; i < count; i++)
        hm_cbor_bstr(b, hm_bytes_of(kids[i], HM_KID_LEN));
    hm_cbor_uint(b, threshold);
}

static void put_rule(struct hm_buf *b, const struct hm_trust_store *t,
                     const struct hm_ts_rule *rule)
{
    hm_cbor_array(b, 3);
    hm_cbor_array(b, rule->class_count);
    for (size_t i = 0; i < rule->class_count; i++)
        hm_cbor_bstr(b, hm_bytes_of(t->classes[rule->class_first + i].b, 16));
    put_quorum(b, rule->kids, rule->kid_count, rule->threshold);
}

static void put_key(struct hm_buf *b, const struct hm_ts_key *k)
{
    uint8_t kid[HM_KID_LEN];
    hm_ts_kid(&k->key, kid);
    hm_cbor_array(b, 5);
    hm_cbor_bstr(b, hm_bytes_of(kid, sizeof kid));
    hm_cbor_int(b, hm_key_cose_alg(&k->key));
    hm_cbor_bstr(b, hm_bytes_of(k->key.raw, k->key.raw_len));
    hm_cbor_uint(b, k->not_before_s);
    hm_cbor_uint(b, k->not_after_s);
}

static void put_log(struct hm_buf *b, const struct hm_trust_store *t)
{
    hm_cbor_array(b, 4);
    hm_cbor_tstr(b, t->log_key.name);
    hm_cbor_bstr(b, hm_bytes_of(t->log_key.key.raw, 32));
    hm_cbor_array(b, t->witness_count);
    for (size_t i = 0; i < t->witness_count; i++) {
        hm_cbor_array(b, 2);
        hm_cbor_tstr(b, t->witnesses[i].name);
        hm_cbor_bstr(b, hm_bytes_of(t->witnesses[i].key, 32));
    }
    hm_cbor_uint(b, t->witness_quorum);
}

static void put_root_and_rules(struct hm_buf *b, const struct hm_trust_store *t)
{
    hm_cbor_uint(b, HM_TS_ROOT);
    hm_cbor_array(b, 2);
    put_quorum(b, t->root_kids, t->root_count, t->root_threshold);
    hm_cbor_uint(b, HM_TS_RULES);
    hm_cbor_array(b, t->rule_count);
    for (size_t i = 0; i < t->rule_count; i++)
        put_rule(b, t, &t->rules[i]);
}

static void put_keys(struct hm_buf *b, const struct hm_trust_store *t)
{
    hm_cbor_uint(b, HM_TS_KEYS);
    hm_cbor_array(b, t->key_count);
    for (size_t i = 0; i < t->key_count; i++)
        put_key(b, &t->keys[i]);
    hm_cbor_uint(b, HM_TS_REVOKED);
    hm_cbor_array(b, t->revoked_count);
    for (size_t i = 0; i < t->revoked_count; i++)
        hm_cbor_bstr(b, hm_bytes_of(t->revoked[i], HM_KID_LEN));
}

static void put_floors(struct hm_buf *b, const struct hm_trust_store *t)
{
    hm_cbor_uint(b, HM_TS_FLOORS);
    hm_cbor_array(b, t->floor_count);
    for (size_t i = 0; i < t->floor_count; i++) {
        hm_cbor_array(b, 2);
        hm_cbor_bstr(b, hm_bytes_of(t->floors[i].class_id.b, 16));
        hm_cbor_uint(b, t->floors[i].sequence);
    }
}

void hm_ts_encode(const struct hm_trust_store *t, struct hm_buf *out)
{
    hm_cbor_map(out, 10);
    hm_cbor_uint(out, HM_TS_FORMAT);
    hm_cbor_uint(out, HM_TS_FORMAT_VERSION);
    hm_cbor_uint(out, HM_TS_EPOCH);
    hm_cbor_uint(out, t->epoch);
    hm_cbor_uint(out, HM_TS_VENDOR);
    hm_cbor_bstr(out, hm_bytes_of(t->vendor.b, sizeof t->vendor.b));
    hm_cbor_uint(out, HM_TS_ISSUED);
    hm_cbor_uint(out, t->issued_s);
    put_root_and_rules(out, t);
    put_keys(out, t);
    hm_cbor_uint(out, HM_TS_LOG);
    put_log(out, t);
    put_floors(out, t);
}

enum hm_err hm_trust_store_payload(const struct hm_trust_store *t, struct hm_buf *out,
                                   struct hm_why *why)
{
    if (!hm_ts_fits(t))
        return hm_fail(why, HM_E_LIMIT, "trust store: more entries than the format allows");
    HM_FREE struct hm_trust_store *sorted = malloc(sizeof *sorted);
    HM_BUF_AUTO b = {.limit = HM_TRUST_STORE_MAX};
    if (sorted == NULL)
        return hm_fail(why, HM_E_MEMORY, "trust store: no memory");
    *sorted = *t;
    sort(sorted);
    enum hm_err err = hm_ts_check(sorted, why);
    if (err != HM_OK)
        return err;
    hm_ts_encode(sorted, &b);
    if (hm_buf_err(&b) != HM_OK)
        return hm_fail(why, b.err, "trust store: larger than %zu bytes", HM_TRUST_STORE_MAX);
    hm_buf_put(out, b.data, b.len);
    return hm_buf_err(out);
}
