/* Buffers, error texts, times, hashes and identifiers. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/core/hm_hash.h"
#include "schema/core/hm_time.h"

static void buffer_limit_latches(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 4};
    hm_buf_put(&b, "abcd", 4);
    assert_int_equal(hm_buf_err(&b), HM_OK);
    assert_string_equal(hm_buf_str(&b), "abcd");
    hm_buf_putc(&b, 'e');
    assert_int_equal(hm_buf_err(&b), HM_E_LIMIT);
    assert_null(hm_buf_str(&b));
    assert_null(hm_buf_room(&b, 0));
    hm_buf_reset(&b);
    assert_int_equal(hm_buf_err(&b), HM_OK);
    hm_buf_puts(&b, "xy");
    assert_string_equal(hm_buf_str(&b), "xy");
}

static void buffer_refuses_huge_sizes(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO widest = {.limit = SIZE_MAX};
    hm_buf_putc(&b, 'a');
    assert_null(hm_buf_room(&b, SIZE_MAX));
    assert_int_equal(hm_buf_err(&b), HM_E_LIMIT);
    hm_buf_putc(&widest, 'a');
    assert_null(hm_buf_room(&widest, SIZE_MAX - 1));
    assert_int_not_equal(hm_buf_err(&widest), HM_OK);
}

static void buffer_grows_and_is_taken(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    for (int i = 0; i < 1000; i++)
        hm_buf_printf(&b, "%03d", i);
    assert_int_equal(b.len, 3000);
    assert_memory_equal(b.data + 2997, "999", 3);
    size_t n = 0;
    HM_FREE uint8_t *taken = hm_buf_take(&b, &n);
    assert_int_equal(n, 3000);
    assert_int_equal(b.len, 0);
    assert_null(b.data);
    hm_buf_puts(&b, "again");
    assert_string_equal(hm_buf_str(&b), "again");
    hm_buf_wipe(&b);
    assert_null(b.data);
    hm_buf_free(NULL);
    hm_buf_wipe(NULL);
    assert_int_equal(taken[0], '0');
}

static void printf_respects_the_limit(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 3};
    hm_buf_printf(&b, "%s", "abcd");
    assert_int_equal(hm_buf_err(&b), HM_E_LIMIT);
    assert_int_equal(b.len, 0);
}

static void bytes_compare(void **state)
{
    (void)state;
    assert_true(hm_bytes_eq(hm_bytes_of(NULL, 0), hm_bytes_str("")));
    assert_true(hm_bytes_eq_str(hm_bytes_of("ab", 2), "ab"));
    assert_false(hm_bytes_eq_str(hm_bytes_of("a\0", 2), "a"));
    assert_false(hm_bytes_eq(hm_bytes_str("a"), hm_bytes_str("ab")));
}

static void error_texts(void **state)
{
    (void)state;
    struct hm_why why = {""};
    assert_int_equal(hm_fail(&why, HM_E_LIMIT, "%d bytes", 7), HM_E_LIMIT);
    assert_int_equal(hm_fail_in(&why, HM_E_MALFORMED, "line %d", 3), HM_E_MALFORMED);
    assert_string_equal(why.text, "line 3: 7 bytes");
    assert_int_equal(hm_fail(NULL, HM_E_IO, "x"), HM_E_IO);
    assert_int_equal(hm_fail_in(NULL, HM_E_IO, "x"), HM_E_IO);
    char big[2 * HM_WHY_MAX];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(hm_fail(&why, HM_E_IO, "%s", big), HM_E_IO);
    assert_int_equal(strlen(why.text), HM_WHY_MAX - 1);
    assert_int_equal(hm_fail_in(&why, HM_E_IO, "p"), HM_E_IO);
    assert_int_equal(strlen(why.text), HM_WHY_MAX - 1);
    assert_memory_equal(why.text, "p: x", 4);
    assert_int_equal(hm_fail_in(&why, HM_E_IO, "%s", big), HM_E_IO);
    assert_int_equal(strlen(why.text), HM_WHY_MAX - 1);
}

static void error_names_are_distinct(void **state)
{
    (void)state;
    for (int a = HM_OK; a <= HM_E_INTERNAL; a++)
        for (int b = HM_OK; b < a; b++)
            assert_string_not_equal(hm_err_name((enum hm_err)a), hm_err_name((enum hm_err)b));
    assert_string_equal(hm_err_name((enum hm_err)9999), "internal");
}

struct time_row {
    const char *name;
    const char *text;
    int64_t unix_s; /* -1: refused */
};

static const struct time_row time_rows[] = {
    {"time: epoch", "1970-01-01T00:00:00Z", 0},
    {"time: now", "2026-11-21T01:02:03Z", 1795222923},
    {"time: leap day", "2024-02-29T23:59:59Z", 1709251199},
    {"time: 2000 is a leap year", "2000-02-29T00:00:00Z", 951782400},
    {"time: after 2038", "2038-01-19T03:14:08Z", 2147483648},
    {"time: last", "9999-12-31T23:59:59Z", 253402300799},
    {"time: no leap year", "2023-02-29T00:00:00Z", -1},
    {"time: 1900", "1900-02-29T00:00:00Z", -1},
    {"time: before 1970", "1969-12-31T23:59:59Z", -1},
    {"time: year 0", "0000-01-01T00:00:00Z", -1},
    {"time: month 0", "2026-00-10T00:00:00Z", -1},
    {"time: month 13", "2026-13-10T00:00:00Z", -1},
    {"time: day 0", "2026-01-00T00:00:00Z", -1},
    {"time: 31 April", "2026-04-31T00:00:00Z", -1},
    {"time: hour 24", "2026-01-01T24:00:00Z", -1},
    {"time: minute 60", "2026-01-01T00:60:00Z", -1},
    {"time: leap second", "2016-12-31T23:59:60Z", -1},
    {"time: lower case", "2026-11-21t01:02:03z", -1},
    {"time: space", "2026-11-21 01:02:03Z", -1},
    {"time: no Z", "2026-11-21T01:02:03", -1},
    {"time: offset", "2026-11-21T01:02:03+00:00", -1},
    {"time: fraction", "2026-11-21T01:02:03.0Z", -1},
    {"time: short year", "226-11-21T01:02:03Z", -1},
    {"time: sign", "-026-11-21T01:02:03Z", -1},
    {"time: space in a number", "2026-11- 1T01:02:03Z", -1},
    {"time: empty", "", -1},
    {"time: newline", "2026-11-21T01:02:03Z\n", -1},
};

static void times(void **state)
{
    const struct time_row *row = *state;
    int64_t t = 77;
    char again[HM_TIME_TEXT];
    enum hm_err err = hm_time_parse(hm_bytes_str(row->text), &t);
    if (row->unix_s < 0) {
        assert_int_equal(err, HM_E_MALFORMED);
        assert_true(t == 77);
        return;
    }
    assert_int_equal(err, HM_OK);
    assert_true(t == row->unix_s);
    hm_time_format(t, again);
    assert_string_equal(again, row->text);
}

static void times_out_of_range(void **state)
{
    (void)state;
    char text[HM_TIME_TEXT];
    static const int64_t values[] = {-1, INT64_MIN, INT64_MAX, 253402300800};
    for (size_t i = 0; i < COUNT(values); i++) {
        hm_time_format(values[i], text);
        assert_string_equal(text, "1970-01-01T00:00:00Z");
    }
}

#define SHA_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SHA_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void is_digest(const struct hm_digest *d, const char *hex)
{
    char got[HM_SHA256_HEX];
    hm_digest_hex(d, got);
    assert_string_equal(got, hex);
}

/* FIPS 180-4 examples. */
static void hashes(void **state)
{
    (void)state;
    struct hm_digest d = hm_sha256(hm_bytes_of(NULL, 0));
    is_digest(&d, SHA_EMPTY);
    d = hm_sha256(hm_bytes_str("abc"));
    is_digest(&d, SHA_ABC);
    d = hm_sha256_3(hm_bytes_str("a"), hm_bytes_of(NULL, 0), hm_bytes_str("bc"));
    is_digest(&d, SHA_ABC);
    struct hm_sha256_ctx *c = hm_sha256_new();
    for (int round = 0; round < 3; round++) { /* the context serves message after message */
        hm_sha256_add(c, "ab", 2);
        hm_sha256_add(c, NULL, 0);
        hm_sha256_add(c, "c", 1);
        d = hm_sha256_end(c);
        is_digest(&d, SHA_ABC);
    }
    d = hm_sha256_end(c);
    is_digest(&d, SHA_EMPTY);
    hm_sha256_free(c);
    hm_sha256_free(NULL);
}

static void digests_as_text(void **state)
{
    (void)state;
    struct hm_digest d;
    struct hm_digest e = hm_sha256(hm_bytes_str("abc"));
    assert_int_equal(hm_digest_unhex(hm_bytes_str(SHA_ABC), &d), HM_OK);
    assert_true(hm_digest_eq(&d, &e));
    d.b[31] ^= 1;
    assert_false(hm_digest_eq(&d, &e));
    assert_int_equal(hm_digest_unhex(hm_bytes_str("sha256:" SHA_ABC), &d), HM_E_MALFORMED);
    assert_int_equal(hm_digest_unhex(hm_bytes_str(""), &d), HM_E_MALFORMED);
}

static void is_uuid(const struct hm_uuid *u, const char *hex)
{
    char got[33];
    hm_hex(u->b, sizeof u->b, got);
    assert_string_equal(got, hex);
}

/* The values come from Python's uuid module. */
static void identifiers(void **state)
{
    (void)state;
    struct hm_uuid u = hm_uuid5(&HM_UUID_DNS, "www.example.com");
    is_uuid(&u, "2ed6657de927568b95e12665a8aea6a2");
    struct hm_uuid vendor = hm_vendor_id("example.com");
    is_uuid(&vendor, "cfbff0d193755685968c48ce8b15ae17");
    u = hm_class_id(&vendor, "edge-router", "er-100", "b", "world");
    is_uuid(&u, "0404c1c9cea951d4b1357d9a5b33c0a7");
}

int main(void)
{
    struct CMUnitTest tests[COUNT(time_rows) + 11];
    size_t n = ADD_ROWS(tests, 0, times, time_rows);
    n = ADD_TEST(tests, n, times_out_of_range);
    n = ADD_TEST(tests, n, buffer_limit_latches);
    n = ADD_TEST(tests, n, buffer_refuses_huge_sizes);
    n = ADD_TEST(tests, n, buffer_grows_and_is_taken);
    n = ADD_TEST(tests, n, printf_respects_the_limit);
    n = ADD_TEST(tests, n, bytes_compare);
    n = ADD_TEST(tests, n, error_texts);
    n = ADD_TEST(tests, n, error_names_are_distinct);
    n = ADD_TEST(tests, n, hashes);
    n = ADD_TEST(tests, n, digests_as_text);
    n = ADD_TEST(tests, n, identifiers);
    return _cmocka_run_group_tests("core_bytes", tests, n, NULL, NULL);
}
