/* After each way to lose a token, the same handle signs again without a restart of the process, and
 * a token that stays away is not hammered. */
#include "tests/unit/hsm/hsm_test_token.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_tokens tokens;
static struct hsm *hsm;
static size_t release_key, log_key;
static atomic_uint notices;

static void on_notice(void *ctx, const char *text)
{
    (void)ctx;
    (void)text;
    atomic_fetch_add(&notices, 1);
}

static int open_all(void **state)
{
    (void)state;
    struct hm_why why = {""};
    if (!test_tokens_make(&tokens))
        return -1;
    struct hsm_token_config list[] = {{"log", tokens.pin_file}, {"alpha", tokens.pin_file}};
    struct hsm_config c = {.module = tokens.module,
                           .tokens = list,
                           .token_count = 2,
                           .state_dir = tokens.dir,
                           .read_write = true,
                           .notice = on_notice};
    bool ok = hsm_open(&c, &hsm, &why) == HM_OK &&
              hsm_generate(hsm, 0, "log", HM_KEY_ED25519, &log_key, &why) == HM_OK &&
              hsm_generate(hsm, 1, "release", HM_KEY_P256, &release_key, &why) == HM_OK &&
              hsm_key_find(hsm, 0, "log", &log_key, &why) == HM_OK;
    if (!ok)
        print_error("%s\n", why.text);
    return ok ? 0 : -1;
}

static int close_all(void **state)
{
    (void)state;
    hsm_close(hsm);
    test_tokens_remove(&tokens);
    return 0;
}

/* With a deadline that a loaded machine with sanitizers keeps, too. */
static bool signs(size_t key, struct hm_why *why)
{
    uint8_t sig[HSM_SIG_LEN];
    struct hm_bytes m = hm_bytes_str("message");
    return hsm_sign(hsm, key, m, sig, 30000, why) == HM_OK &&
           hm_key_verify_raw(&hsm_key_at(hsm, key)->key, m, hm_bytes_of(sig, sizeof sig)) == HM_OK;
}

/* Each is met once, in the middle of a signature: the call succeeds all the same. */
static const char *const losses[] = {
    "C_Sign 0x32 1" /* CKR_DEVICE_REMOVED */,
    "C_Sign 0xb3 1" /* CKR_SESSION_HANDLE_INVALID */,
    "C_Sign 0xe0 1" /* CKR_TOKEN_NOT_PRESENT */,
    "C_Sign 0x30 1" /* CKR_DEVICE_ERROR */,
    "C_SignInit 0x101 1" /* CKR_USER_NOT_LOGGED_IN */,
    "C_SignInit 0xb0 1" /* CKR_SESSION_CLOSED */,
    "C_SignInit 0x60 1" /* CKR_KEY_HANDLE_INVALID */,
    "C_Sign 0x190 1" /* CKR_CRYPTOKI_NOT_INITIALIZED */,
    "C_SignInit 0x90 1" /* CKR_OPERATION_ACTIVE */,
};

static void lost_once(void **state)
{
    const char *line = *state;
    struct hm_why why = {""};
    for (int i = 0; i < 2; i++) {
        size_t key = i == 0 ? release_key : log_key;
        unsigned before = notices;
        test_fault(&tokens, line);
        bool ok = signs(key, &why);
        test_fault(&tokens, "");
        if (!ok)
            fail_msg("%s: %s", line, why.text);
        assert_int_equal(notices, before + 2); /* lost, and back */
        assert_true(signs(release_key, &why));
        assert_true(signs(log_key, &why));
    }
}

static void no_loss(void **state)
{
    (void)state;
    struct hm_why why = {""};
    unsigned before = notices;
    size_t logins = test_logins(&tokens);
    test_fault(&tokens, "C_SignInit 0x70 1"); /* CKR_MECHANISM_INVALID: reloading would not help */
    assert_false(signs(release_key, &why));
    assert_non_null(strstr(why.text, "CKR_MECHANISM_INVALID"));
    test_fault(&tokens, "");
    assert_true(signs(release_key, &why));
    assert_int_equal(notices, before);
    assert_int_equal(test_logins(&tokens), logins);
}

/* The device is pulled out, each call into it says so, and no slot shows it until it is put back.
 */
static void away(void **state)
{
    (void)state;
    struct hm_why why = {""};
    uint8_t sig[HSM_SIG_LEN];
    size_t logins = test_logins(&tokens);
    test_fault(&tokens, "gone 0x32 -1");
    assert_int_equal(hsm_sign(hsm, release_key, hm_bytes_str("m"), sig, 30000, &why),
                     HM_E_UNAVAILABLE);
    assert_non_null(strstr(why.text, "no slot has a token"));
    assert_non_null(strstr(why.text, "tried again in"));
    assert_int_equal(hsm_sign(hsm, log_key, hm_bytes_str("m"), sig, 30000, &why), HM_E_UNAVAILABLE);
    clock_t t0 = clock(); /* of this process: a busy machine may take its time */
    for (int i = 0; i < 1000; i++)
        assert_int_equal(hsm_sign(hsm, release_key, hm_bytes_str("m"), sig, 30000, &why),
                         HM_E_UNAVAILABLE);
    assert_true(clock() - t0 < 2 * CLOCKS_PER_SEC); /* backoff answers, not the device */
    assert_int_equal(test_logins(&tokens), logins);
    test_fault(&tokens, "");
    bool back = false;
    for (int i = 0; i < 600 && !back; i++) {
        (void)usleep(100000);
        back = signs(release_key, &why);
    }
    assert_true(back);
    assert_true(signs(log_key, &why));
}

/* libp11 would wait for ever where no session can be opened: it must not come to that. */
static void no_session_left(void **state)
{
    (void)state;
    struct hm_why why = {""};
    struct hsm *other = NULL;
    struct hsm_token_config list[] = {{"beta", tokens.pin_file}};
    struct hsm_config c = {
        .module = tokens.module, .tokens = list, .token_count = 1, .state_dir = tokens.dir};
    test_fault(&tokens, "C_OpenSession 0xb1 -1"); /* CKR_SESSION_COUNT */
    assert_int_equal(hsm_open(&c, &other, &why), HM_E_TOKEN);
    test_fault(&tokens, "");
    assert_non_null(strstr(why.text, "CKR_SESSION_COUNT"));
    assert_null(other);
    /* the failed handle finalised the module that both share: the first one comes back by itself */
    assert_true(signs(release_key, &why));
}

/* While it is away, the PIN file gets a wrong PIN: tried once. */
static void wrong_pin_on_return(void **state)
{
    (void)state;
    struct hm_why why = {""};
    uint8_t sig[HSM_SIG_LEN];
    test_pin_write(&tokens, "000000\n", 0600);
    size_t logins = test_logins(&tokens);
    test_fault(&tokens, "C_Sign 0x32 1");
    assert_int_equal(hsm_sign(hsm, release_key, hm_bytes_str("m"), sig, 30000, &why),
                     HM_E_UNAVAILABLE);
    assert_non_null(strstr(why.text, "CKR_PIN_INCORRECT"));
    (void)usleep(1200000);
    assert_int_equal(hsm_sign(hsm, release_key, hm_bytes_str("m"), sig, 30000, &why),
                     HM_E_UNAVAILABLE);
    assert_non_null(strstr(why.text, "refused before"));
    assert_int_equal(test_logins(&tokens), logins + 1);
    test_pin_write(&tokens, TEST_PIN "\n", 0600);
    bool back = false;
    for (int i = 0; i < 600 && !back; i++) {
        (void)usleep(100000);
        back = signs(release_key, &why);
    }
    assert_true(back);
}

static void *sign_many(void *arg)
{
    size_t *failures = arg;
    struct hm_why why = {""};
    for (int i = 0; i < 300; i++) {
        bool ok = signs(i % 3 == 0 ? log_key : release_key, &why);
        if (!ok)
            print_message("%s\n", why.text);
        *failures += ok ? 0 : 1;
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    pthread_t t[4];
    size_t failures[4] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_many, &failures[i]), 0);
    test_fault(&tokens, "C_Sign 0xb3 1"); /* lost in the middle of it all */
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    test_fault(&tokens, "");
    assert_int_equal(failures[0] + failures[1] + failures[2] + failures[3], 0);
}

int main(void)
{
    enum { LOSSES = sizeof losses / sizeof losses[0] };
    struct CMUnitTest tests[LOSSES + 5];
    size_t n = 0;
    for (size_t i = 0; i < LOSSES; i++) {
        void *row;
        memcpy(&row, &losses[i], sizeof row);
        tests[n++] = (struct CMUnitTest){losses[i], lost_once, NULL, NULL, row};
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(no_loss);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(threads);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(away);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(no_session_left);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(wrong_pin_on_return);
    return cmocka_run_group_tests(tests, open_all, close_all);
}
