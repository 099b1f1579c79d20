/* Signatures of webhooks, their secrets, and the file that says what was delivered. */
#include "schema/core/hm_text.h"
#include "schema/io/hm_file.h"
#include "server/door/door_cursor.h"
#include "server/door/door_hook_sign.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct door_hook_secrets parsed(const char *text)
{
    struct door_hook_secrets s;
    assert_int_equal(door_hook_secrets_parse(hm_bytes_str(text), &s, NULL), HM_OK);
    return s;
}

static void sign(const struct door_hook_secrets *s, struct hm_buf *out)
{
    const struct hm_bytes body = hm_bytes_str("{\"test\": 2432232314}");
    out->limit = 1024;
    assert_int_equal(door_hook_sign(s, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, out, NULL),
                     HM_OK);
}

/* The example in the libraries of Standard Webhooks. */
static void published_vector(void **state)
{
    (void)state;
    HM_BUF_AUTO out = {.limit = 0};
    struct door_hook_secrets s = parsed(SECRET);
    sign(&s, &out);
    assert_string_equal(hm_buf_str(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void two_secrets(void **state)
{
    (void)state;
    HM_BUF_AUTO out = {.limit = 0};
    struct door_hook_secrets s = parsed(OTHER "\n" SECRET "\n");
    assert_int_equal(s.count, 2);
    sign(&s, &out);
    const char *text = hm_buf_str(&out);
    assert_int_equal(strlen(text), 2 * 47 + 1);
    assert_non_null(strstr(text, " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_memory_equal(text, "v1,", 3);
    assert_null(strstr(text + 3, "v1,v1"));
}

static void secrets_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "\n",
                                      "whsec_",
                                      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      " " SECRET,
                                      SECRET " ",
                                      SECRET "\r\n",
                                      SECRET "\n\n",
                                      "\n" SECRET,
                                      SECRET "\n" OTHER "\n" SECRET,
                                      SECRET " " OTHER,
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct door_hook_secrets s = {.count = 9};
        struct hm_why why = {""};
        if (door_hook_secrets_parse(hm_bytes_str(bad[i]), &s, &why) != HM_E_MALFORMED)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_int_equal(s.count, 9);
        assert_null(strstr(why.text, "MfKQ"));
    }
}

static void wiped(void **state)
{
    (void)state;
    struct door_hook_secrets s = parsed(SECRET);
    const struct door_hook_secrets none = {.count = 0};
    door_hook_secrets_wipe(&s);
    assert_memory_equal(&s, &none, sizeof s);
}

static void cursor_comes_back(void **state)
{
    (void)state;
    char dir[] = "/tmp/door-hook-XXXXXX";
    char path[64];
    char id[17];
    struct door_cursor c = {.next = 42, .alerts_next = 7};
    struct door_cursor back;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/cursor", dir);
    assert_int_equal(door_cursor_read(path, &back, NULL), HM_E_NOT_FOUND);
    for (unsigned i = 0; i < DOOR_CURSOR_TOLD + 3; i++) {
        (void)snprintf(id, sizeof id, "%016x", i);
        door_cursor_tell(&c, id);
    }
    assert_int_equal(door_cursor_write(path, &c, NULL), HM_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(door_cursor_read(path, &back, NULL), HM_OK);
    assert_int_equal(back.next, 42);
    assert_int_equal(back.alerts_next, 7);
    assert_int_equal(back.told_count, DOOR_CURSOR_TOLD);
    assert_false(door_cursor_was_told(&back, "0000000000000002")); /* the oldest went */
    assert_true(door_cursor_was_told(&back, "0000000000000003"));
    assert_true(door_cursor_was_told(&back, id));
    assert_int_equal(unlink(path) + rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vector),      cmocka_unit_test(two_secrets),
        cmocka_unit_test(secrets_that_are_none), cmocka_unit_test(wiped),
        cmocka_unit_test(cursor_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
