/* Each rule of the trust store's format broken once: the writer and the reader refuse it. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_store_fixture.h"

static struct fixture *fixture; /* made once: keys cost time. One thread. */

static void epoch_0(struct hm_trust_store *t)
{
    t->epoch = 0;
}
static void epoch_2_53(struct hm_trust_store *t)
{
    t->epoch = UINT64_C(1) << 53;
}
static void issued_0(struct hm_trust_store *t)
{
    t->issued_s = 0;
}
static void issued_late(struct hm_trust_store *t)
{
    t->issued_s = HM_TS_TIME_MAX + 1;
}
static void root_threshold_0(struct hm_trust_store *t)
{
    t->root_threshold = 0;
}
static void root_threshold_4(struct hm_trust_store *t)
{
    t->root_threshold = 4;
}
static void root_empty(struct hm_trust_store *t)
{
    t->root_count = 0;
}
static void root_kid_twice(struct hm_trust_store *t)
{
    memcpy(t->root_kids[1], t->root_kids[0], HM_KID_LEN);
}
static void root_kid_unknown(struct hm_trust_store *t)
{
    memset(t->root_kids[2], 0xff, HM_KID_LEN);
}
static void root_kids_unsorted(struct hm_trust_store *t)
{
    uint8_t kid[HM_KID_LEN];
    memcpy(kid, t->root_kids[0], HM_KID_LEN);
    memcpy(t->root_kids[0], t->root_kids[1], HM_KID_LEN);
    memcpy(t->root_kids[1], kid, HM_KID_LEN);
}
static void rules_none(struct hm_trust_store *t)
{
    t->rule_count = 0;
    t->class_count = 0;
}
static void rule_threshold_0(struct hm_trust_store *t)
{
    t->rules[1].threshold = 0;
}
static void rule_threshold_3(struct hm_trust_store *t)
{
    t->rules[0].threshold = 3;
}
static void rule_kid_twice(struct hm_trust_store *t)
{
    memcpy(t->rules[0].kids[1], t->rules[0].kids[0], HM_KID_LEN);
}
static void rule_kid_unknown(struct hm_trust_store *t)
{
    memset(t->rules[1].kids[0], 0x55, HM_KID_LEN);
}
static void rule_kid_of_root(struct hm_trust_store *t)
{
    memcpy(t->rules[1].kids[0], t->root_kids[0], HM_KID_LEN);
}
static void rule_without_kids(struct hm_trust_store *t)
{
    t->rules[1].kid_count = 0;
}
static void rule_kids_unsorted(struct hm_trust_store *t)
{
    uint8_t kid[HM_KID_LEN];
    memcpy(kid, t->rules[0].kids[0], HM_KID_LEN);
    memcpy(t->rules[0].kids[0], t->rules[0].kids[1], HM_KID_LEN);
    memcpy(t->rules[0].kids[1], kid, HM_KID_LEN);
}
static void rule_without_class(struct hm_trust_store *t)
{
    t->rules[1].class_count = 0;
    t->class_count = 3;
}
static void class_in_two_rules(struct hm_trust_store *t)
{
    t->classes[3] = t->classes[1];
}
static void class_twice_in_a_rule(struct hm_trust_store *t)
{
    t->classes[1] = t->classes[0];
}
static void classes_unsorted(struct hm_trust_store *t)
{
    struct hm_uuid u = t->classes[0];
    t->classes[0] = t->classes[1];
    t->classes[1] = u;
}
static void key_twice(struct hm_trust_store *t)
{
    t->keys[1] = t->keys[0];
}
static void key_twice_at_the_end(struct hm_trust_store *t)
{
    t->keys[t->key_count] = t->keys[t->key_count - 1];
    t->key_count++;
}
static void keys_unsorted(struct hm_trust_store *t)
{
    struct hm_ts_key k = t->keys[0];
    t->keys[0] = t->keys[1];
    t->keys[1] = k;
}
static void key_ends_before_it_begins(struct hm_trust_store *t)
{
    t->keys[0].not_after_s = t->keys[0].not_before_s;
}
static void key_without_role(struct hm_trust_store *t)
{
    t->rules[0] = t->rules[1];
    t->rules[0].class_first = 0;
    t->rules[0].class_count = 3;
}
static void revoked_twice(struct hm_trust_store *t)
{
    memcpy(t->revoked[1], t->revoked[0], HM_KID_LEN);
    t->revoked_count = 2;
}
static void revoked_unsorted(struct hm_trust_store *t)
{
    memset(t->revoked[0], 0x02, HM_KID_LEN);
    memset(t->revoked[1], 0x01, HM_KID_LEN);
    t->revoked_count = 2;
}
static void revoked_root(struct hm_trust_store *t)
{
    memcpy(t->revoked[0], t->root_kids[0], HM_KID_LEN);
}
static void quorum_above_witnesses(struct hm_trust_store *t)
{
    t->witness_quorum = 3;
}
static void quorum_0_with_witnesses(struct hm_trust_store *t)
{
    t->witness_quorum = 0;
}
static void quorum_without_witnesses(struct hm_trust_store *t)
{
    t->witness_count = 0;
}
static void witness_key_twice(struct hm_trust_store *t)
{
    memcpy(t->witnesses[1].key, t->witnesses[0].key, 32);
}
static void witness_name_twice(struct hm_trust_store *t)
{
    memcpy(t->witnesses[1].name, t->witnesses[0].name, sizeof t->witnesses[0].name);
}
static void witness_named_like_the_log(struct hm_trust_store *t)
{
    memcpy(t->witnesses[1].name, t->log_key.name, sizeof t->log_key.name);
}
static void witness_with_the_logs_key(struct hm_trust_store *t)
{
    memcpy(t->witnesses[1].key, t->log_key.key.raw, 32);
}
static void witness_key_no_point(struct hm_trust_store *t)
{
    memset(t->witnesses[1].key, 0, 32);
}
static void floor_twice(struct hm_trust_store *t)
{
    t->floors[1].class_id = t->floors[0].class_id;
}
static void floors_unsorted(struct hm_trust_store *t)
{
    memset(t->floors[0].class_id.b, 0x50, 16);
}
static void floor_2_53(struct hm_trust_store *t)
{
    t->floors[0].sequence = UINT64_C(1) << 53;
}

struct spoil_row {
    const char *name;
    void (*spoil)(struct hm_trust_store *t);
    bool writer_sorts; /* the writer mends it; only the reader refuses */
};

static const struct spoil_row spoil_rows[] = {
    {"store: epoch 0", epoch_0, false},
    {"store: epoch 2^53", epoch_2_53, false},
    {"store: issued 0", issued_0, false},
    {"store: issued after year 9999", issued_late, false},
    {"store: root threshold 0", root_threshold_0, false},
    {"store: root threshold above its keys", root_threshold_4, false},
    {"store: no root", root_empty, false},
    {"store: root kid twice", root_kid_twice, false},
    {"store: root kid unknown", root_kid_unknown, false},
    {"store: root kids unsorted", root_kids_unsorted, true},
    {"store: no rules", rules_none, false},
    {"store: rule threshold 0", rule_threshold_0, false},
    {"store: rule threshold above its keys", rule_threshold_3, false},
    {"store: rule kid twice", rule_kid_twice, false},
    {"store: rule kid unknown", rule_kid_unknown, false},
    {"store: root key in a rule", rule_kid_of_root, false},
    {"store: rule without kids", rule_without_kids, false},
    {"store: rule kids unsorted", rule_kids_unsorted, true},
    {"store: rule without class", rule_without_class, false},
    {"store: class in two rules", class_in_two_rules, false},
    {"store: class twice in a rule", class_twice_in_a_rule, false},
    {"store: classes unsorted", classes_unsorted, true},
    {"store: key twice", key_twice, false},
    {"store: key twice at the end", key_twice_at_the_end, false},
    {"store: keys unsorted", keys_unsorted, true},
    {"store: key ends before it begins", key_ends_before_it_begins, false},
    {"store: key without role", key_without_role, false},
    {"store: revoked twice", revoked_twice, false},
    {"store: revoked unsorted", revoked_unsorted, true},
    {"store: root key revoked", revoked_root, false},
    {"store: quorum above the witnesses", quorum_above_witnesses, false},
    {"store: quorum 0 with witnesses", quorum_0_with_witnesses, false},
    {"store: quorum without witnesses", quorum_without_witnesses, false},
    {"store: witness key twice", witness_key_twice, false},
    {"store: witness name twice", witness_name_twice, false},
    {"store: witness named like the log", witness_named_like_the_log, false},
    {"store: witness with the log's key", witness_with_the_logs_key, false},
    {"store: witness key is no point", witness_key_no_point, false},
    {"store: floor twice", floor_twice, false},
    {"store: floors unsorted", floors_unsorted, true},
    {"store: floor 2^53", floor_2_53, false},
};

static void spoiled(void **state)
{
    const struct spoil_row *row = *state;
    struct fixture *f = fixture;
    HM_BUF_AUTO written = {.limit = 0};
    HM_BUF_AUTO raw = {.limit = 0};
    struct hm_why why = {""};
    f->work = f->store;
    row->spoil(&f->work);
    enum hm_err err = hm_trust_store_payload(&f->work, &written, &why);
    assert_int_equal(err == HM_OK, row->writer_sorts);
    hm_ts_encode(&f->work, &raw);
    memset(&f->opened, 0x5a, sizeof f->opened);
    err = store_open_signed(f, hm_buf_bytes(&raw), &why);
    assert_int_equal(err, HM_E_MALFORMED);
    assert_non_null(strstr(why.text, "trust store"));
    assert_int_equal(f->opened.epoch, UINT64_C(0x5a5a5a5a5a5a5a5a)); /* untouched */
}

int main(void)
{
    struct CMUnitTest tests[COUNT(spoil_rows)];
    size_t n = ADD_ROWS(tests, 0, spoiled, spoil_rows);
    fixture = store_fixture_new();
    int failed = _cmocka_run_group_tests("schema_store_rules", tests, n, NULL, NULL);
    store_fixture_free(fixture);
    return failed;
}
