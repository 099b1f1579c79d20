/* A refused PIN is said once, remembered, and not tried again until its file changes. C_Login calls
 * are counted. */
#include "tests/unit/hsm/hsm_test_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static enum hm_err attempt(const char *token, struct hm_why *why)
{
    struct hsm *h = NULL;
    enum hm_err err = test_open(&tokens, token, false, &h, why);
    hsm_close(h);
    return err;
}

static void wrong_pin(void **state)
{
    (void)state;
    struct hm_why why = {""};
    test_pin_write(&tokens, "000000\n", 0600);
    size_t before = test_logins(&tokens);
    assert_int_equal(attempt("alpha", &why), HM_E_PIN);
    assert_non_null(strstr(why.text, "CKR_PIN_INCORRECT"));
    assert_null(strstr(why.text, "000000"));
    assert_int_equal(test_logins(&tokens), before + 1);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(attempt("alpha", &why), HM_E_PIN);
        assert_non_null(strstr(why.text, "refused before"));
    }
    assert_int_equal(test_logins(&tokens), before + 1);
    /* another wrong one: one try, no more, although the token counts */
    test_pin_write(&tokens, "111111\n", 0600);
    assert_int_equal(attempt("alpha", &why), HM_E_PIN);
    assert_int_equal(attempt("alpha", &why), HM_E_PIN);
    assert_int_equal(test_logins(&tokens), before + 2);
    test_pin_write(&tokens, TEST_PIN "\n", 0600);
    assert_int_equal(attempt("alpha", &why), HM_OK);
    assert_int_equal(attempt("alpha", &why), HM_OK);
    assert_int_equal(test_logins(&tokens), before + 4);
}

static void locked_is_a_pin_refusal(void **state)
{
    (void)state;
    struct hm_why why = {""};
    test_pin_write(&tokens, TEST_PIN "\n", 0600);
    size_t before = test_logins(&tokens);
    test_fault(&tokens, "C_Login 0xa4 1"); /* CKR_PIN_LOCKED */
    assert_int_equal(attempt("beta", &why), HM_E_PIN);
    assert_non_null(strstr(why.text, "CKR_PIN_LOCKED"));
    assert_int_equal(attempt("beta", &why), HM_E_PIN);
    assert_int_equal(test_logins(&tokens), before + 1);
    test_pin_write(&tokens, TEST_PIN "\n", 0600); /* touched: somebody was there */
    assert_int_equal(attempt("beta", &why), HM_OK);
}

struct flag {
    const char *name;
    const char *line;
    bool attended;
    const char *text; /* NULL: logs in */
};

static const struct flag flags[] = {
    {"count low, unattended", "flags 0x10000 -1", false, "CKF_USER_PIN_COUNT_LOW"},
    {"final try, unattended", "flags 0x20000 -1", false, "CKF_USER_PIN_FINAL_TRY"},
    {"locked, unattended", "flags 0x40000 -1", false, "locked"},
    {"count low, attended", "flags 0x10000 -1", true, NULL},
    {"final try, attended", "flags 0x20000 -1", true, NULL},
    {"locked, attended", "flags 0x40000 -1", true, "locked"},
};

static void token_flag(void **state)
{
    const struct flag *f = *state;
    struct hm_why why = {""};
    struct hsm *h = NULL;
    struct hsm_token_config token = {"log", tokens.pin_file};
    struct hsm_config c = {.module = tokens.module,
                           .tokens = &token,
                           .token_count = 1,
                           .state_dir = tokens.dir,
                           .attended = f->attended};
    test_pin_write(&tokens, TEST_PIN "\n", 0600);
    size_t before = test_logins(&tokens);
    test_fault(&tokens, f->line);
    enum hm_err err = hsm_open(&c, &h, &why);
    test_fault(&tokens, "");
    assert_int_equal(err, f->text == NULL ? HM_OK : HM_E_PIN);
    if (f->text != NULL)
        assert_non_null(strstr(why.text, f->text));
    assert_int_equal(test_logins(&tokens), before + (f->text == NULL ? 1 : 0));
    hsm_close(h);
}

struct file {
    const char *name;
    const char *text;
    unsigned mode;
    enum hm_err err;
};

static const struct file files[] = {
    {"owner only", TEST_PIN "\n", 0600, HM_OK},
    {"owner may only read", TEST_PIN "\n", 0400, HM_OK},
    {"no newline", TEST_PIN, 0600, HM_OK},
    {"group may read", TEST_PIN "\n", 0640, HM_E_PIN},
    {"others may read", TEST_PIN "\n", 0604, HM_E_PIN},
    {"group may write", TEST_PIN "\n", 0620, HM_E_PIN},
    {"all may read", TEST_PIN "\n", 0644, HM_E_PIN},
    {"empty", "", 0600, HM_E_PIN},
    {"only a newline", "\n", 0600, HM_E_PIN},
    {"two lines", TEST_PIN "\n" TEST_PIN "\n", 0600, HM_E_PIN},
};

static void pin_file(void **state)
{
    const struct file *f = *state;
    struct hm_why why = {""};
    test_pin_write(&tokens, f->text, f->mode);
    size_t before = test_logins(&tokens);
    assert_int_equal(attempt("log", &why), f->err);
    assert_int_equal(test_logins(&tokens), before + (f->err == HM_OK ? 1 : 0));
}

static void special_files(void **state)
{
    (void)state;
    struct hm_why why = {""};
    char long_pin[400];
    (void)unlink(tokens.pin_file);
    assert_int_equal(attempt("log", &why), HM_E_NOT_FOUND);
    assert_int_equal(mkdir(tokens.pin_file, 0700), 0);
    assert_int_equal(attempt("log", &why), HM_E_PIN);
    assert_int_equal(rmdir(tokens.pin_file), 0);
    assert_int_equal(mkfifo(tokens.pin_file, 0600), 0);
    assert_int_equal(attempt("log", &why), HM_E_PIN);
    memset(long_pin, '1', sizeof long_pin - 1);
    long_pin[sizeof long_pin - 1] = '\0';
    test_pin_write(&tokens, long_pin, 0600);
    assert_int_equal(attempt("log", &why), HM_E_PIN);
}

/* systemd gives a credential to a user by an access list, whose mask shows as group bits. */
static void credential(void **state)
{
    (void)state;
    struct hm_why why = {""};
    test_pin_write(&tokens, TEST_PIN "\n", 0440);
    assert_int_equal(attempt("log", &why), HM_E_PIN);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", tokens.dir, 1), 0);
    assert_int_equal(attempt("log", &why), HM_OK);
    test_pin_write(&tokens, TEST_PIN "\n", 0444);
    assert_int_equal(attempt("log", &why), HM_E_PIN);
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void *as_state(const void *row)
{
    void *out;
    memcpy(&out, &row, sizeof out);
    return out;
}

int main(void)
{
    enum { FLAGS = sizeof flags / sizeof flags[0], FILES = sizeof files / sizeof files[0] };
    struct CMUnitTest tests[FLAGS + FILES + 4];
    size_t n = 0;
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(wrong_pin);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(locked_is_a_pin_refusal);
    for (size_t i = 0; i < FLAGS; i++)
        tests[n++] =
            (struct CMUnitTest){flags[i].name, token_flag, NULL, NULL, as_state(&flags[i])};
    for (size_t i = 0; i < FILES; i++)
        tests[n++] = (struct CMUnitTest){files[i].name, pin_file, NULL, NULL, as_state(&files[i])};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(special_files);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(credential);
    return cmocka_run_group_tests(tests, make_tokens, remove_tokens);
}
