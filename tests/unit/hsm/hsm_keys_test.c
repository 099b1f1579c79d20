/* Which keys are refused, and that the ones the ceremony makes are not. Each wrong key is a real
 * one on a SoftHSM token. */
#include "tests/unit/hsm/hsm_test_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct test_tokens tokens;

static int make_tokens(void **state)
{
    (void)state;
    return test_tokens_make(&tokens) ? 0 : -1;
}

static int remove_tokens(void **state)
{
    (void)state;
    test_tokens_remove(&tokens);
    return 0;
}

struct wrong {
    struct test_key key;
    const char *text; /* part of the reason */
};

static const struct wrong wrongs[] = {
    {{.label = "extractable", .change = CKA_EXTRACTABLE, .value = true}, "CKA_EXTRACTABLE is true"},
    {{.label = "readable", .change = CKA_SENSITIVE, .value = false}, "CKA_SENSITIVE is false"},
    {{.label = "decrypting", .change = CKA_DECRYPT, .value = true}, "CKA_DECRYPT is true"},
    {{.label = "unwrapping", .change = CKA_UNWRAP, .value = true}, "CKA_UNWRAP is true"},
    {{.label = "deriving", .change = CKA_DERIVE, .value = true}, "CKA_DERIVE is true"},
    {{.label = "recovering", .change = CKA_SIGN_RECOVER, .value = true},
     "CKA_SIGN_RECOVER is true"},
    {{.label = "silent", .change = CKA_SIGN, .value = false}, "CKA_SIGN is false"},
    {{.label = "imported", .import = true}, "CKA_ALWAYS_SENSITIVE is false"},
    {{.label = "halved", .no_public = true}, "public half"},
    {{.label = "larger", .p384 = true}, "P-256"},
};

static void wrong_key(void **state)
{
    const struct wrong *w = *state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    size_t index = 99;
    uint8_t sig[HSM_SIG_LEN];
    assert_true(test_key_make(&tokens, "alpha", &w->key));
    assert_int_equal(test_open(&tokens, "alpha", false, &h, &why), HM_OK);
    enum hm_err err = hsm_key_find(h, 0, w->key.label, &index, &why);
    assert_int_equal(err, HM_E_TOKEN);
    assert_non_null(strstr(why.text, w->text));
    assert_int_equal(index, 99);
    for (size_t i = 0; i < hsm_key_count(h); i++)
        if (strcmp(hsm_key_at(h, i)->label, w->key.label) == 0)
            assert_int_equal(hsm_sign(h, i, hm_bytes_str("x"), sig, 1000, &why), HM_E_TOKEN);
    hsm_close(h);
}

static void imported_is_not_local(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    size_t index = 0;
    /* SoftHSM says ALWAYS_SENSITIVE false of imported keys, which is met first; a token that
     * answers nothing about CKA_LOCAL is refused as well. */
    assert_int_equal(test_open(&tokens, "beta", true, &h, &why), HM_OK);
    assert_int_equal(hsm_generate(h, 0, "good", HM_KEY_P256, &index, &why), HM_OK);
    hsm_close(h);
    test_fault(&tokens, "CKA_LOCAL 0x12 -1");
    assert_int_equal(test_open(&tokens, "beta", false, &h, &why), HM_OK);
    assert_int_equal(hsm_key_find(h, 0, "good", &index, &why), HM_E_TOKEN);
    assert_non_null(strstr(why.text, "CKA_LOCAL is not told by the token"));
    hsm_close(h);
    test_fault(&tokens, "");
}

static void good_keys(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    size_t index = 0;
    size_t again = 0;
    uint8_t sig[HSM_SIG_LEN];
    struct hm_bytes m = hm_bytes_str("what is signed");
    assert_int_equal(test_open(&tokens, "beta", true, &h, &why), HM_OK);
    assert_int_equal(hsm_generate(h, 0, "second", HM_KEY_P256, &index, &why), HM_OK);
    const struct hsm_key_info *k = hsm_key_at(h, index);
    assert_string_equal(k->label, "second");
    assert_int_equal(k->key.alg, HM_KEY_P256);
    assert_int_equal(hsm_sign(h, index, m, sig, 1000, &why), HM_OK);
    assert_int_equal(hm_key_verify_raw(&k->key, m, hm_bytes_of(sig, sizeof sig)), HM_OK);
    sig[5] ^= 1;
    assert_int_equal(hm_key_verify_raw(&k->key, m, hm_bytes_of(sig, sizeof sig)), HM_E_SIGNATURE);
    assert_int_equal(hsm_generate(h, 0, "second", HM_KEY_P256, &again, &why), HM_E_CONFLICT);
    assert_int_equal(hsm_key_find(h, 0, "none", &again, &why), HM_E_NOT_FOUND);
    assert_int_equal(hsm_sign(h, 1000, m, sig, 1000, &why), HM_E_NOT_FOUND);
    assert_int_equal(strlen(hsm_token_serial(h, 0)), 16);
    hsm_close(h);
    assert_int_equal(test_open(&tokens, "beta", false, &h, &why), HM_OK);
    assert_int_equal(hsm_generate(h, 0, "third", HM_KEY_P256, &again, &why), HM_E_STATE);
    hsm_close(h);
}

static void ed25519_key(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    size_t index = 0;
    uint8_t sig[HSM_SIG_LEN];
    struct hm_bytes m = hm_bytes_str("checkpoint");
    assert_int_equal(test_open(&tokens, "log", true, &h, &why), HM_OK);
    assert_int_equal(hsm_generate(h, 0, "log", HM_KEY_ED25519, &index, &why), HM_OK);
    assert_int_equal(hsm_sign(h, index, m, sig, 1000, &why), HM_OK);
    const struct hsm_key_info *k = hsm_key_at(h, index);
    assert_int_equal(k->key.alg, HM_KEY_ED25519);
    assert_int_equal(hm_key_verify_raw(&k->key, m, hm_bytes_of(sig, sizeof sig)), HM_OK);
    hsm_close(h);
}

/* Two private keys of one CKA_ID: libp11 could not say which of them signs, so neither does. */
static void twins(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    struct test_key k = {.label = "twin"};
    size_t seen = 0;
    assert_true(test_key_make(&tokens, "beta", &k));
    assert_true(test_key_make(&tokens, "beta", &k));
    assert_int_equal(test_open(&tokens, "beta", false, &h, &why), HM_OK);
    for (size_t i = 0; i < hsm_key_count(h); i++)
        if (strcmp(hsm_key_at(h, i)->label, "twin") == 0) {
            assert_true(hsm_key_at(h, i)->refused[0] != '\0');
            seen++;
        }
    assert_int_equal(seen, 2);
    hsm_close(h);
}

/* libp11 0.4.12 sees no key beside an Ed25519 key: an error that says so, never a silent fallback.
 * Newer ones may see it. */
static void mixed_token(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    struct test_key k = {.label = "beside"};
    assert_true(test_key_make(&tokens, "log", &k));
    enum hm_err err = test_open(&tokens, "log", false, &h, &why);
    if (err != HM_OK)
        assert_true(strstr(why.text, "Ed25519") != NULL ||
                    strstr(why.text, "PKCS11_enumerate_keys") != NULL);
    hsm_close(h);
}

static void no_token(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    assert_int_equal(test_open(&tokens, "gamma", false, &h, &why), HM_E_UNAVAILABLE);
    assert_non_null(strstr(why.text, "gamma"));
    assert_null(h);
    assert_int_equal(test_open(&tokens, "", false, &h, &why), HM_E_CONFIG);
    assert_int_equal(test_open(&tokens, "a-label-that-is-longer-than-32-bytes", false, &h, &why),
                     HM_E_CONFIG);
}

int main(void)
{
    enum { ROWS = sizeof wrongs / sizeof wrongs[0] };
    struct CMUnitTest tests[ROWS + 6];
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        void *row;
        const struct wrong *w = &wrongs[i];
        memcpy(&row, &w, sizeof row);
        tests[n++] = (struct CMUnitTest){wrongs[i].key.label, wrong_key, NULL, NULL, row};
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(imported_is_not_local);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(good_keys);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(ed25519_key);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(twins);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(mixed_token);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(no_token);
    return cmocka_run_group_tests(tests, make_tokens, remove_tokens);
}
