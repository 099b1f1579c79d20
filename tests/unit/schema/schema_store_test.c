/* The trust store: round trip, wrong signers, near misses of the document and of its payload. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_store_fixture.h"

static struct fixture *fixture; /* made once: keys cost time. One thread. */

static void round_trip(void **state)
{
    (void)state;
    struct fixture *f = fixture;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_root root;
    assert_int_equal(hm_trust_store_payload(&f->store, &b, NULL), HM_OK);
    assert_int_equal(store_open_signed(f, hm_buf_bytes(&b), NULL), HM_OK);
    assert_memory_equal(&f->opened, &f->store, sizeof f->store);
    hm_trust_store_root(&f->opened, &root);
    assert_int_equal(root.count, 3);
    assert_int_equal(root.threshold, 2);
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
    assert_int_equal(store_open_signed(f, hm_buf_bytes(&b), NULL), HM_OK);
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
    assert_int_equal(store_open_signed(f, hm_buf_bytes(&b), NULL), HM_E_UNSUPPORTED);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(signers_rows) + 6];
    fixture = store_fixture_new();
    size_t n = ADD_ROWS(tests, 0, signed_by, signers_rows);
    n = ADD_TEST(tests, n, round_trip);
    n = ADD_TEST(tests, n, no_witnesses);
    n = ADD_TEST(tests, n, counts_above_their_arrays);
    n = ADD_TEST(tests, n, document_near_misses);
    n = ADD_TEST(tests, n, payload_near_misses);
    n = ADD_TEST(tests, n, format_version_2);
    int failed = _cmocka_run_group_tests("schema_store", tests, n, NULL, NULL);
    store_fixture_free(fixture);
    return failed;
}
