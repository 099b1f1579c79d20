/* The root's replacement of a policy: round trip, edits that the root signed, documents of other
 * types, wrong signers, every flipped byte. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_signer.h"

#include "schema/json/hm_json_canon.h"
#include "schema/trust/hm_genesis.h"
#include "schema/trust/hm_policy_root.h"

#include <stdio.h>

#define ORIGIN "hallmark.example/rehearsal"

enum { ROOT_A, ROOT_B, LOG, OTHER, KEYS };

struct fixture {
    struct signer s[KEYS];
    struct hm_root root; /* 2 of 2 */
    struct hm_buf payload;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct hm_policy_root p = {.record = 1};
    if (f == NULL)
        return -1;
    for (int i = 0; i < KEYS; i++)
        signer_init(&f->s[i], i == LOG ? HM_KEY_ED25519 : HM_KEY_P256);
    f->root.keys[0] = f->s[ROOT_A].key;
    f->root.keys[1] = f->s[ROOT_B].key;
    f->root.count = f->root.threshold = 2;
    (void)snprintf(p.origin, sizeof p.origin, ORIGIN);
    p.root = f->root;
    p.policy = hm_sha256(hm_bytes_str("new"));
    p.in_force = hm_sha256(hm_bytes_str("old"));
    assert_int_equal(hm_vkey_make(ORIGIN, &f->s[LOG].key, &p.log_key), HM_OK);
    assert_int_equal(hm_policy_root_payload(&p, &f->payload, NULL), HM_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < KEYS; i++)
        signer_free(&f->s[i]);
    hm_buf_free(&f->payload);
    free(f);
    return 0;
}

static enum hm_err open_signed(struct fixture *f, struct hm_bytes payload, int a, int b)
{
    struct signer *roots[2] = {&f->s[a], &f->s[b]};
    struct hm_policy_root p;
    HM_BUF_AUTO doc = {0};
    signers_envelope(&doc, false, payload, roots, b == a ? 1 : 2);
    return hm_policy_root_open(hm_buf_bytes(&doc), &f->root, &p, NULL);
}

static void round_trip(void **state)
{
    struct fixture *f = *state;
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_B]};
    struct hm_digest policy = hm_sha256(hm_bytes_str("new"));
    struct hm_policy_root p;
    HM_BUF_AUTO doc = {0};
    HM_BUF_AUTO again = {0};
    signers_envelope(&doc, false, hm_buf_bytes(&f->payload), roots, 2);
    assert_int_equal(hm_policy_root_open(hm_buf_bytes(&doc), &f->root, &p, NULL), HM_OK);
    assert_string_equal(p.origin, ORIGIN);
    assert_true(hm_digest_eq(&p.policy, &policy));
    assert_int_equal(p.record, 1);
    assert_int_equal(hm_policy_root_payload(&p, &again, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&f->payload)));
}

static void wrong_signers(void **state)
{
    struct fixture *f = *state;
    struct hm_bytes p = hm_buf_bytes(&f->payload);
    assert_int_equal(open_signed(f, p, ROOT_A, ROOT_B), HM_OK);
    assert_int_not_equal(open_signed(f, p, ROOT_A, ROOT_A), HM_OK);
    assert_int_not_equal(open_signed(f, p, ROOT_A, OTHER), HM_OK);
    assert_int_not_equal(open_signed(f, p, OTHER, OTHER), HM_OK);
}

static void every_flip(void **state)
{
    struct fixture *f = *state;
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_B]};
    struct hm_policy_root p;
    HM_BUF_AUTO doc = {0};
    signers_envelope(&doc, false, hm_buf_bytes(&f->payload), roots, 2);
    for (size_t i = 0; i < doc.len; i++) {
        doc.data[i] ^= 0x04;
        assert_int_not_equal(hm_policy_root_open(hm_buf_bytes(&doc), &f->root, &p, NULL), HM_OK);
        doc.data[i] ^= 0x04;
    }
}

struct edit {
    const char *member;
    const char *value; /* JSON; NULL: left out */
};

/* What the root signed is still held against the format. */
static void edits(void **state)
{
    static const struct edit list[] = {
        {"type", "\"log-genesis/v1\""},
        {"type", "\"key-guards/v1\""},
        {"type", NULL},
        {"policy", NULL},
        {"policy", "\"ab\""},
        {"in_force", NULL},
        {"in_force", "1"},
        {"record", NULL},
        {"record", "0"},
        {"record", "\"1\""},
        {"origin", "\"a b\""},
        {"origin", "\"other\""},
        {"root", NULL},
        {"log_key", NULL},
        {"extra", "true"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        HM_JSON_AUTO *doc = NULL;
        HM_BUF_AUTO b = {0};
        assert_int_equal(
            hm_json_parse(hm_buf_bytes(&f->payload), HM_JSON_OURS(HM_GUARDS_MAX), &doc, NULL),
            HM_OK);
        (void)json_object_del(doc, list[i].member);
        if (list[i].value != NULL)
            (void)json_object_set_new(doc, list[i].member,
                                      json_loads(list[i].value, JSON_DECODE_ANY, NULL));
        assert_int_equal(hm_json_canon(doc, &b, NULL), HM_OK);
        if (open_signed(f, hm_buf_bytes(&b), ROOT_A, ROOT_B) == HM_OK)
            fail_msg("%s = %s was accepted", list[i].member,
                     list[i].value != NULL ? list[i].value : "nothing");
    }
}

/* No other document that the root signs serves as this one, nor the reverse. */
static void one_is_not_the_other(void **state)
{
    struct fixture *f = *state;
    struct signer *roots[2] = {&f->s[ROOT_A], &f->s[ROOT_B]};
    struct hm_guards guards;
    struct hm_genesis genesis;
    HM_BUF_AUTO doc = {0};
    signers_envelope(&doc, false, hm_buf_bytes(&f->payload), roots, 2);
    assert_int_not_equal(hm_guards_open(hm_buf_bytes(&doc), &f->root, &guards, NULL), HM_OK);
    assert_int_not_equal(hm_genesis_open(hm_buf_bytes(&doc), &f->root, &genesis, NULL), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),           cmocka_unit_test(wrong_signers),
        cmocka_unit_test(every_flip),           cmocka_unit_test(edits),
        cmocka_unit_test(one_is_not_the_other),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
