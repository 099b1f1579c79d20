/* Lines of an archive of private detail: one form, and what proves them. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_detail_line.h"

#include <stdio.h>
#include <stdlib.h>

#define SALT "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"

static void round_trip(void **state)
{
    static const char line[] =
        "{\"detail\":\"{\\\"detail\\\":\\\"tab\\\\t, \xc3\xa9\\\"}\",\"idx\":41,"
        "\"salt\":\"" SALT "\"}\n";
    static const char text[] = "{\"detail\":\"tab\\t, \xc3\xa9\"}";
    struct hm_detail_line l = {.idx = 0};
    HM_BUF_AUTO again = {0};
    HM_BUF_AUTO both = {0};
    (void)state;
    assert_int_equal(hm_detail_line_parse(hm_bytes_of(line, sizeof line - 2), &l, NULL), HM_OK);
    assert_int_equal(l.idx, 41);
    assert_string_equal(hm_buf_str(&l.text), text);
    assert_int_equal(hm_detail_line_write(l.idx, l.salt, hm_buf_bytes(&l.text), &again, NULL),
                     HM_OK);
    assert_string_equal(hm_buf_str(&again), line);
    hm_buf_put(&both, l.salt, sizeof l.salt);
    hm_buf_puts(&both, text);
    struct hm_digest want = hm_sha256(hm_buf_bytes(&both));
    struct hm_digest got = hm_detail_line_digest(&l);
    assert_memory_equal(&got, &want, sizeof want);
    hm_detail_line_free(&l);
}

static void the_longest(void **state)
{
    HM_BUF_AUTO text = {.limit = HM_DETAIL_MAX};
    HM_BUF_AUTO line = {.limit = HM_DETAIL_LINE_MAX};
    struct hm_detail_line l = {.idx = 0};
    uint8_t salt[HM_DETAIL_SALT] = {0};
    (void)state;
    memset(hm_buf_room(&text, HM_DETAIL_MAX), 1, HM_DETAIL_MAX); /* each becomes \u0001 */
    assert_int_equal(
        hm_detail_line_write((UINT64_C(1) << 53) - 1, salt, hm_buf_bytes(&text), &line, NULL),
        HM_OK);
    assert_int_equal(hm_detail_line_parse(hm_bytes_of(line.data, line.len - 1), &l, NULL), HM_OK);
    assert_int_equal(l.text.len, HM_DETAIL_MAX);
    hm_detail_line_free(&l);
    assert_int_equal(hm_detail_line_write(1, salt, hm_bytes_str("\xff"), &line, NULL),
                     HM_E_MALFORMED);
    assert_int_equal(hm_detail_line_write(UINT64_C(1) << 53, salt, hm_bytes_str("x"), &line, NULL),
                     HM_E_MALFORMED);
}

/* No flipped bit gives the same record's detail in another spelling. */
static void every_flip(void **state)
{
    char line[] = "{\"detail\":\"abc\",\"idx\":41,\"salt\":\"" SALT "\"}";
    struct hm_detail_line l = {.idx = 0};
    (void)state;
    assert_int_equal(hm_detail_line_parse(hm_bytes_str(line), &l, NULL), HM_OK);
    struct hm_digest honest = hm_detail_line_digest(&l);
    for (size_t i = 0; i < 8 * (sizeof line - 1); i++) {
        line[i / 8] = (char)((unsigned char)line[i / 8] ^ (1u << i % 8));
        if (hm_detail_line_parse(hm_bytes_of(line, sizeof line - 1), &l, NULL) == HM_OK) {
            struct hm_digest now = hm_detail_line_digest(&l);
            assert_true(l.idx != 41 || !hm_digest_eq(&now, &honest));
        }
        line[i / 8] = (char)((unsigned char)line[i / 8] ^ (1u << i % 8));
    }
    for (size_t n = 0; n < sizeof line - 1; n++)
        assert_int_not_equal(hm_detail_line_parse(hm_bytes_of(line, n), &l, NULL), HM_OK);
    hm_detail_line_free(&l);
}

struct row {
    const char *name;
    const char *text;
};
static const struct row rows[] = {
    {"no object", "[]"},
    {"members in another order", "{\"idx\":41,\"detail\":\"a\",\"salt\":\"" SALT "\"}"},
    {"a space", "{\"detail\": \"a\",\"idx\":41,\"salt\":\"" SALT "\"}"},
    {"a member more", "{\"detail\":\"a\",\"idx\":41,\"more\":1,\"salt\":\"" SALT "\"}"},
    {"a member twice", "{\"detail\":\"a\",\"detail\":\"a\",\"idx\":41,\"salt\":\"" SALT "\"}"},
    {"no salt", "{\"detail\":\"a\",\"idx\":41}"},
    {"a short salt", "{\"detail\":\"a\",\"idx\":41,\"salt\":\"01\"}"},
    {"an index as text", "{\"detail\":\"a\",\"idx\":\"41\",\"salt\":\"" SALT "\"}"},
    {"a negative index", "{\"detail\":\"a\",\"idx\":-1,\"salt\":\"" SALT "\"}"},
    {"a detail that is an object", "{\"detail\":{},\"idx\":41,\"salt\":\"" SALT "\"}"},
    {"an escape that is not needed", "{\"detail\":\"\\u0061\",\"idx\":41,\"salt\":\"" SALT "\"}"},
    {"its line feed", "{\"detail\":\"a\",\"idx\":41,\"salt\":\"" SALT "\"}\n"},
};

static void refused(void **state)
{
    const struct row *r = *state;
    struct hm_detail_line l = {.idx = 0};
    assert_int_not_equal(hm_detail_line_parse(hm_bytes_str(r->text), &l, NULL), HM_OK);
    hm_detail_line_free(&l);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + 3] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_longest),
        cmocka_unit_test(every_flip),
    };
    (void)ADD_ROWS(tests, 3, refused, rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
