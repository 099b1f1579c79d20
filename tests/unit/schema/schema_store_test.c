/* The trust store: round trip, each rule of the format broken once, wrong signers, near misses. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_signer.h"

#include "schema/trust/hm_trust_store_priv.h"

#include <stdio.h>

/* Keys of the fixture: 2 of 3 root keys, two release keys, log and two witnesses. */
enum { ROOT_A, ROOT_B, ROOT_C, RELEASE_A, RELEASE_B, LOG, WITNESS_A, WITNESS_B, SPARE, KEYS };

struct fixture {
    struct signer s[KEYS];
    struct hm_trust_store store; /* valid, sorted */
    struct hm_trust_store work;
    struct hm_trust_store opened;
};

static void kid_of(const struct fixture *f, int who, uint8_t kid[static HM_KID_LEN])
{
    hm_ts_kid(&f->s[who].key, kid);
}

static void add_key(struct fixture *f, int who)
{
    f->store.keys[f->store.key_count++] = (struct hm_ts_key){f->s[who].key, 1763683200, 0};
}

static void add_classes(struct hm_trust_store *t, size_t rule, size_t count)
{
    t->rules[rule].class_first = t->class_count;
    t->rules[rule].class_count = count;
    for (size_t i = 0; i < count; i++, t->class_count++)
        memset(t->classes[t->class_count].b, (int)(0x40 + t->class_count), 16);
}

static void fill_keys(struct fixture *f)
{
    struct hm_trust_store *t = &f->store;
    for (int who = ROOT_A; who <= RELEASE_B; who++)
        add_key(f, who);
    for (int i = 0; i < 3; i++)
        kid_of(f, ROOT_A + i, t->root_kids[i]);
    t->root_count = 3;
    t->root_threshold = 2;
    t->rule_count = 2;
    add_classes(t, 0, 3);
    add_classes(t, 1, 1);
    kid_of(f, RELEASE_A, t->rules[0].kids[0]);
    kid_of(f, RELEASE_B, t->rules[0].kids[1]);
    t->rules[0].kid_count = 2;
    t->rules[0].threshold = 2;
    kid_of(f, RELEASE_B, t->rules[1].kids[0]);
    t->rules[1].kid_count = 1;
    t->rules[1].threshold = 1;
}

static void fill_log(struct fixture *f)
{
    struct hm_trust_store *t = &f->store;
    assert_int_equal(hm_vkey_make("hallmark.example/rehearsal", &f->s[LOG].key, &t->log_key),
                     HM_OK);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(t->witnesses[i].name, sizeof t->witnesses[i].name, "witness-%d.example", i);
        memcpy(t->witnesses[i].key, f->s[WITNESS_A + i].key.raw, 32);
    }
    t->witness_count = 2;
    t->witness_quorum = 1;
    memset(t->floors[0].class_id.b, 0x40, 16);
    t->floors[0].sequence = 4;
    memset(t->floors[1].class_id.b, 0x41, 16);
    t->floors[1].sequence = 0;
    t->floor_count = 2;
    kid_of(f, SPARE, t->revoked[0]);
    t->revoked_count = 1;
}

/* What hm_trust_store_payload writes is sorted: reading it back gives the sorted store. */
static void sort_store(struct fixture *f)
{
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_why why = {""};
    if (hm_trust_store_payload(&f->store, &b, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(hm_ts_decode(hm_buf_bytes(&b), &f->store, NULL), HM_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    for (int i = 0; i < KEYS; i++)
        signer_init(&f->s[i], i >= LOG && i <= WITNESS_B ? HM_KEY_ED25519 : HM_KEY_P256);
    f->store.epoch = 3;
    f->store.vendor = hm_vendor_id("example.com");
    f->store.issued_s = 1763683200;
    fill_keys(f);
    fill_log(f);
    sort_store(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < KEYS; i++)
        signer_free(&f->s[i]);
    free(f);
    return 0;
}

static struct fixture *fixture; /* made once: keys cost time. One thread. */

static enum hm_err open_signed(struct fixture *f, struct hm_bytes payload, struct hm_why *why)
{
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_C]};
    HM_BUF_AUTO doc = {.limit = 0};
    signers_envelope(&doc, false, payload, roots, 2);
    return hm_trust_store_open(hm_buf_bytes(&doc), &f->opened, why);
}

static void round_trip(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_root root;
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    assert_int_equal(open_signed(f, hm_buf_bytes(&b), NULL), HM_OK);
    assert_memory_equal(&f->opened, &f->store, sizeof f->store);
    hm_trust_store_root(&f->opened, &root);
    assert_int_equal(root.count, 3);
    assert_int_equal(root.threshold, 2);
    assert_ptr_equal(hm_trust_store_rule(&f->opened, &f->opened.classes[3]), &f->opened.rules[1]);
    assert_ptr_equal(hm_trust_store_rule(&f->opened, &f->opened.classes[0]), &f->opened.rules[0]);
    struct hm_uuid other = {{0}};
    assert_null(hm_trust_store_rule(&f->opened, &other));
}

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
    err = open_signed(f, hm_buf_bytes(&raw), &why);
    assert_int_equal(err, HM_E_MALFORMED);
    assert_non_null(strstr(why.text, "trust store"));
    assert_int_equal(f->opened.epoch, UINT64_C(0x5a5a5a5a5a5a5a5a)); /* untouched */
}

static void no_witnesses(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    HM_BUF_AUTO b = {.limit = 0};
    f->work = f->store;
    f->work.witness_count = f->work.witness_quorum = 0;
    f->work.revoked_count = f->work.floor_count = 0;
    assert_int_equal(hm_trust_store_payload(&f->work, &b, NULL), HM_OK);
    assert_int_equal(open_signed(f, hm_buf_bytes(&b), NULL), HM_OK);
    assert_int_equal(f->opened.witness_count, 0);
}

static void counts_above_their_arrays(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    size_t *const counts[] = {&f->work.root_count,           &f->work.rule_count,
                              &f->work.class_count,          &f->work.key_count,
                              &f->work.revoked_count,        &f->work.witness_count,
                              &f->work.floor_count,          &f->work.rules[0].kid_count,
                              &f->work.rules[0].class_count, &f->work.rules[1].class_first};
    for (size_t i = 0; i < COUNT(counts); i++) {
        HM_BUF_AUTO b = {.limit = 0};
        f->work = f->store;
        *counts[i] = 5000;
        assert_int_equal(hm_trust_store_payload(&f->work, &b, NULL), HM_E_LIMIT);
        *counts[i] = SIZE_MAX;
        assert_int_equal(hm_trust_store_payload(&f->work, &b, NULL), HM_E_LIMIT);
    }
}

struct signers_row {
    const char *name;
    int who[3];
    size_t count;
    enum hm_err expected;
};

static const struct signers_row signers_rows[] = {
    {"signed: by two roots", {ROOT_B, ROOT_A}, 2, HM_OK},
    {"signed: by all roots", {ROOT_A, ROOT_B, ROOT_C}, 3, HM_OK},
    {"signed: by two roots and another", {ROOT_A, SPARE, ROOT_C}, 3, HM_OK},
    {"signed: by one root", {ROOT_A}, 1, HM_E_SIGNATURE},
    {"signed: by one root twice", {ROOT_A, ROOT_A}, 2, HM_E_SIGNATURE},
    {"signed: by a root and a release key", {ROOT_A, RELEASE_A}, 2, HM_E_SIGNATURE},
    {"signed: by release keys", {RELEASE_A, RELEASE_B}, 2, HM_E_SIGNATURE},
    {"signed: by a root and the log", {ROOT_A, LOG}, 2, HM_E_SIGNATURE},
    {"signed: by nobody", {0}, 0, HM_E_SIGNATURE},
};

static void signed_by(void **state)
{
    const struct signers_row *row = *state;
    struct fixture *f = fixture;
    struct signer *who[3];
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    for (size_t i = 0; i < row->count; i++)
        who[i] = &f->s[row->who[i]];
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    signers_envelope(&doc, false, hm_buf_bytes(&b), who, row->count);
    assert_int_equal(hm_trust_store_open(hm_buf_bytes(&doc), &f->opened, NULL), row->expected);
}

static enum hm_err open_store(struct hm_bytes data, void *ctx)
{
    struct fixture *f = ctx;
    return hm_trust_store_open(data, &f->opened, NULL);
}

static void document_near_misses(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_B]};
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    signers_envelope(&doc, false, hm_buf_bytes(&b), roots, 2);
    assert_int_equal(open_store(hm_buf_bytes(&doc), f), HM_OK);
    refuses_every_cut(hm_buf_bytes(&doc), open_store, f);
    refuses_every_flip(hm_buf_bytes(&doc), open_store, f);
    refuses_more(hm_buf_bytes(&doc), open_store, f);
    uint8_t *big = calloc(1, HM_TRUST_STORE_MAX + 1);
    assert_non_null(big);
    assert_int_equal(open_store(hm_bytes_of(big, HM_TRUST_STORE_MAX + 1), f), HM_E_LIMIT);
    free(big);
}

static enum hm_err decode_and_check(struct hm_bytes data, void *ctx)
{
    struct fixture *f = ctx;
    HM_BUF_AUTO again = {.limit = 0};
    enum hm_err err = hm_ts_decode(data, &f->work, NULL);
    if (err == HM_OK)
        err = hm_ts_check(&f->work, NULL);
    if (err != HM_OK)
        return err;
    hm_ts_encode(&f->work, &again);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), data)); /* one store, one encoding */
    return HM_E_DENIED; /* another valid store: not what is tested here */
}

/* As if the roots had signed it: the payload's own structure must hold without the signature's
 * help. */
static void payload_near_misses(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    HM_BUF_AUTO b = {.limit = 0};
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    refuses_every_cut(hm_buf_bytes(&b), decode_and_check, f);
    refuses_every_flip(hm_buf_bytes(&b), decode_and_check, f);
    refuses_more(hm_buf_bytes(&b), decode_and_check, f);
}

/* A format version from the future is refused as such, and never guessed at. */
static void format_version_2(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    HM_BUF_AUTO b = {.limit = 0};
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    assert_int_equal(b.data[2], 1);
    b.data[2] = 2;
    assert_int_equal(open_signed(f, hm_buf_bytes(&b), NULL), HM_E_UNSUPPORTED);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(spoil_rows) + COUNT(signers_rows) + 6];
    void *state = NULL;
    if (setup(&state) != 0)
        return 1;
    fixture = state;
    size_t n = ADD_ROWS(tests, 0, spoiled, spoil_rows);
    n = ADD_ROWS(tests, n, signed_by, signers_rows);
    n = ADD_TEST(tests, n, round_trip);
    n = ADD_TEST(tests, n, no_witnesses);
    n = ADD_TEST(tests, n, counts_above_their_arrays);
    n = ADD_TEST(tests, n, document_near_misses);
    n = ADD_TEST(tests, n, payload_near_misses);
    n = ADD_TEST(tests, n, format_version_2);
    int failed = _cmocka_run_group_tests("schema_store", tests, n, NULL, NULL);
    (void)teardown(&state);
    return failed;
}
