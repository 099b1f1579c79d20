/* Key guards and genesis as signed documents: who signs and who is trusted, one taken for the
 * other, another writing of the same, every cut and flip. */
#include "tests/unit/schema/schema_guards_fixture.h"
#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json_canon.h"

static struct fixture *fixture; /* made once: keys cost time. One thread. */

struct trust_row {
    const char *name;
    int signers[2];
    size_t signer_count;
    int trusted[3];
    size_t trusted_count;
    size_t threshold;
    enum hm_err expected;
};

static const struct trust_row trust_rows[] = {
    {"trust: two of two", {ROOT_A, ROOT_B}, 2, {ROOT_A, ROOT_B}, 2, 2, HM_OK},
    {"trust: list in another order", {ROOT_A, ROOT_B}, 2, {ROOT_B, ROOT_A}, 2, 2, HM_OK},
    {"trust: one signer only", {ROOT_A}, 1, {ROOT_A, ROOT_B}, 2, 2, HM_E_SIGNATURE},
    {"trust: one signer twice", {ROOT_A, ROOT_A}, 2, {ROOT_A, ROOT_B}, 2, 2, HM_E_SIGNATURE},
    {"trust: nobody signed", {0}, 0, {ROOT_A, ROOT_B}, 2, 2, HM_E_SIGNATURE},
    {"trust: signed by others", {ALICE, BOB}, 2, {ROOT_A, ROOT_B}, 2, 2, HM_E_SIGNATURE},
    {"trust: others trusted", {ROOT_A, ROOT_B}, 2, {ALICE, BOB}, 2, 2, HM_E_SIGNATURE},
    {"trust: other root than stated", {ALICE, BOB}, 2, {ALICE, BOB}, 2, 2, HM_E_DENIED},
    {"trust: fewer keys than stated", {ROOT_A, ROOT_B}, 2, {ROOT_A}, 1, 1, HM_E_DENIED},
    {"trust: more keys than stated",
     {ROOT_A, ROOT_B},
     2,
     {ROOT_A, ROOT_B, ALICE},
     3,
     2,
     HM_E_DENIED},
    {"trust: lower threshold than stated",
     {ROOT_A, ROOT_B},
     2,
     {ROOT_A, ROOT_B},
     2,
     1,
     HM_E_DENIED},
    {"trust: threshold 0", {ROOT_A, ROOT_B}, 2, {ROOT_A, ROOT_B}, 2, 0, HM_E_MALFORMED},
    {"trust: threshold above the keys",
     {ROOT_A, ROOT_B},
     2,
     {ROOT_A, ROOT_B},
     2,
     3,
     HM_E_MALFORMED},
    {"trust: a key twice", {ROOT_A, ROOT_B}, 2, {ROOT_A, ROOT_A}, 2, 2, HM_E_MALFORMED},
    {"trust: no keys", {ROOT_A, ROOT_B}, 2, {0}, 0, 1, HM_E_MALFORMED},
};

static void trust(void **state)
{
    const struct trust_row *row = *state;
    struct hm_root root = {.count = row->trusted_count, .threshold = row->threshold};
    struct signer *signers[2];
    struct hm_guards g;
    struct hm_genesis genesis;
    HM_BUF_AUTO a = {.limit = 0};
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO signed_a = {.limit = 0};
    HM_BUF_AUTO signed_b = {.limit = 0};
    for (size_t i = 0; i < row->trusted_count; i++)
        root.keys[i] = fixture->s[row->trusted[i]].key;
    for (size_t i = 0; i < row->signer_count; i++)
        signers[i] = &fixture->s[row->signers[i]];
    assert_int_equal(hm_json_canon(fixture->guards, &a, NULL), HM_OK);
    assert_int_equal(hm_json_canon(fixture->genesis, &b, NULL), HM_OK);
    signers_envelope(&signed_a, false, hm_buf_bytes(&a), signers, row->signer_count);
    signers_envelope(&signed_b, false, hm_buf_bytes(&b), signers, row->signer_count);
    enum hm_err err = hm_guards_open(hm_buf_bytes(&signed_a), &root, &g, NULL);
    assert_int_equal(err, row->expected);
    if (err == HM_OK)
        hm_guards_free(&g);
    assert_int_equal(hm_genesis_open(hm_buf_bytes(&signed_b), &root, &genesis, NULL),
                     row->expected);
}

/* A genesis is no guards document, whoever signed it. */
static void one_is_not_the_other(void **state)
{
    (void)state;
    HM_BUF_AUTO a = {.limit = 0};
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO signed_a = {.limit = 0};
    HM_BUF_AUTO signed_b = {.limit = 0};
    assert_int_equal(hm_json_canon(fixture->guards, &a, NULL), HM_OK);
    assert_int_equal(hm_json_canon(fixture->genesis, &b, NULL), HM_OK);
    guards_sign_by_root(fixture, hm_buf_bytes(&a), &signed_a);
    guards_sign_by_root(fixture, hm_buf_bytes(&b), &signed_b);
    assert_int_equal(guards_try(fixture, hm_buf_bytes(&signed_a), NULL), HM_OK);
    assert_int_equal(genesis_try(fixture, hm_buf_bytes(&signed_b), NULL), HM_OK);
    assert_int_equal(guards_try(fixture, hm_buf_bytes(&signed_b), NULL), HM_E_MALFORMED);
    assert_int_equal(genesis_try(fixture, hm_buf_bytes(&signed_a), NULL), HM_E_MALFORMED);
}

static void payload_must_be_canonical(void **state)
{
    (void)state;
    HM_FREE char *pretty = json_dumps(fixture->guards, JSON_SORT_KEYS);
    HM_BUF_AUTO doc = {.limit = 0};
    struct hm_why why = {""};
    guards_sign_by_root(fixture, hm_bytes_str(pretty), &doc);
    assert_int_equal(guards_try(fixture, hm_buf_bytes(&doc), &why), HM_E_MALFORMED);
    assert_non_null(strstr(why.text, "canonical"));
}

static enum hm_err open_cut_guards(struct hm_bytes data, void *ctx)
{
    (void)ctx;
    return guards_try(fixture, data, NULL);
}

/* Every cut; flips of every byte (all bits of each would cost minutes under a sanitizer). */
static void document_near_misses(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    assert_int_equal(hm_json_canon(fixture->guards, &b, NULL), HM_OK);
    guards_sign_by_root(fixture, hm_buf_bytes(&b), &doc);
    refuses_every_cut(hm_buf_bytes(&doc), open_cut_guards, NULL);
    refuses_more(hm_buf_bytes(&doc), open_cut_guards, NULL);
    for (size_t i = 0; i < doc.len; i++) {
        doc.data[i] ^= 0x04;
        assert_int_not_equal(guards_try(fixture, hm_buf_bytes(&doc), NULL), HM_OK);
        doc.data[i] ^= 0x04;
    }
    assert_int_equal(guards_try(fixture, hm_buf_bytes(&doc), NULL), HM_OK);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(trust_rows) + 3];
    fixture = guards_fixture_new();
    size_t n = ADD_ROWS(tests, 0, trust, trust_rows);
    n = ADD_TEST(tests, n, one_is_not_the_other);
    n = ADD_TEST(tests, n, payload_must_be_canonical);
    n = ADD_TEST(tests, n, document_near_misses);
    int failed = _cmocka_run_group_tests("schema_guards_signed", tests, n, NULL, NULL);
    guards_fixture_free(fixture);
    return failed;
}
