/* Hex, base64, decimals, UTF-8, printable text, names: good forms, and everything near them. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"

struct text_row {
    const char *name;
    const char *text;
    bool ok;
};

static const struct text_row hex_rows[] = {
    {"hex: good", "00ff10ab", true},
    {"hex: upper case", "00FF10AB", false},
    {"hex: mixed case", "00fF10ab", false},
    {"hex: short", "00ff10a", false},
    {"hex: one byte short", "00ff10", false},
    {"hex: long", "00ff10ab00", false},
    {"hex: empty", "", false},
    {"hex: space", "00ff 0ab", false},
    {"hex: prefix", "0x00ff10", false},
    {"hex: g", "00ff10ag", false},
    {"hex: colon", "00:ff:10", false},
    {"hex: sign", "-0ff10ab", false},
};

static void unhex(void **state)
{
    const struct text_row *row = *state;
    uint8_t out[4] = {1, 2, 3, 4};
    char again[9];
    enum hm_err err = hm_unhex(hm_bytes_str(row->text), out, 4);
    assert_int_equal(err, row->ok ? HM_OK : HM_E_MALFORMED);
    hm_hex(out, 4, again);
    assert_string_equal(again, row->ok ? row->text : "01020304");
}

struct base64_row {
    const char *name;
    const char *text;
    const char *strict; /* decoded; NULL: refused */
    const char *any;
};

/* RFC 4648 section 10, and what must not pass. */
static const struct base64_row base64_rows[] = {
    {"base64: empty", "", "", ""},
    {"base64: f", "Zg==", "f", "f"},
    {"base64: fo", "Zm8=", "fo", "fo"},
    {"base64: foo", "Zm9v", "foo", "foo"},
    {"base64: foob", "Zm9vYg==", "foob", "foob"},
    {"base64: fooba", "Zm9vYmE=", "fooba", "fooba"},
    {"base64: foobar", "Zm9vYmFy", "foobar", "foobar"},
    {"base64: + and /", "/+/7", "\xff\xef\xfb", "\xff\xef\xfb"},
    {"base64: - and _", "_-_7", NULL, "\xff\xef\xfb"},
    {"base64: no padding, 2", "Zg", NULL, "f"},
    {"base64: no padding, 3", "Zm8", NULL, "fo"},
    {"base64: half the padding", "Zg=", NULL, NULL},
    {"base64: too much padding", "Zm8==", NULL, NULL},
    {"base64: padding after whole groups", "Zm9v=", NULL, NULL},
    {"base64: four paddings", "Zm9v====", NULL, NULL},
    {"base64: only padding", "====", NULL, NULL},
    {"base64: two paddings", "==", NULL, NULL},
    {"base64: padding inside", "Zg==Zg==", NULL, NULL},
    {"base64: padding before", "=Zm9", NULL, NULL},
    {"base64: one character", "Z", NULL, NULL},
    {"base64: five characters", "Zm9vY", NULL, NULL},
    {"base64: last bits of 2", "Zh==", NULL, NULL},
    {"base64: last bits of 2, no padding", "Zh", NULL, NULL},
    {"base64: last bits of 3", "Zm9=", NULL, NULL},
    {"base64: last bits of 3, no padding", "Zm9", NULL, NULL},
    {"base64: space", "Zm 9v", NULL, NULL},
    {"base64: newline", "Zm9v\n", NULL, NULL},
    {"base64: newline inside", "Zm9v\nZm9v", NULL, NULL},
    {"base64: not ASCII", "Zm9\xfe", NULL, NULL},
    {"base64: other character", "Zm9!", NULL, NULL},
};

static void decode(const char *text, const char *want,
                   enum hm_err (*fn)(struct hm_bytes, struct hm_buf *))
{
    HM_BUF_AUTO b = {.limit = 0};
    hm_buf_putc(&b, 'x');
    size_t n = strlen(text);
    uint8_t *copy = exact_copy(hm_bytes_str(text), n);
    enum hm_err err = fn(hm_bytes_of(copy, n), &b);
    free(copy);
    assert_int_equal(err, want != NULL ? HM_OK : HM_E_MALFORMED);
    assert_int_equal(b.len, 1 + (want != NULL ? strlen(want) : 0)); /* nothing left of a bad text */
    if (want != NULL)
        assert_memory_equal(b.data + 1, want, strlen(want));
}

static void unbase64(void **state)
{
    const struct base64_row *row = *state;
    decode(row->text, row->strict, hm_unbase64);
    decode(row->text, row->any, hm_unbase64_any);
    if (row->strict == NULL)
        return;
    HM_BUF_AUTO again = {.limit = 0};
    hm_base64(&again, hm_bytes_str(row->strict));
    assert_string_equal(hm_buf_str(&again), row->text);
}

static void base64_limit(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 5};
    assert_int_equal(hm_unbase64(hm_bytes_str("Zm9vYmFy"), &b), HM_E_LIMIT);
    assert_int_equal(b.len, 0);
}

struct decimal_row {
    const char *name;
    const char *text;
    uint64_t max;
    bool ok;
    uint64_t value;
};

static const struct decimal_row decimal_rows[] = {
    {"decimal: 0", "0", 0, true, 0},
    {"decimal: 7 of 7", "7", 7, true, 7},
    {"decimal: 8 of 7", "8", 7, false, 0},
    {"decimal: 1 of 0", "1", 0, false, 0},
    {"decimal: 9 of 5", "9", 5, false, 0},
    {"decimal: 100 of 100", "100", 100, true, 100},
    {"decimal: 101 of 100", "101", 100, false, 0},
    {"decimal: 109 of 100", "109", 100, false, 0},
    {"decimal: 2^64-1", "18446744073709551615", UINT64_MAX, true, UINT64_MAX},
    {"decimal: 2^64", "18446744073709551616", UINT64_MAX, false, 0},
    {"decimal: 10 * 2^64", "184467440737095516150", UINT64_MAX, false, 0},
    {"decimal: 26 digits", "99999999999999999999999999", UINT64_MAX, false, 0},
    {"decimal: empty", "", 9, false, 0},
    {"decimal: leading zero", "01", 9, false, 0},
    {"decimal: two zeros", "00", 9, false, 0},
    {"decimal: plus", "+1", 99, false, 0},
    {"decimal: minus", "-1", 99, false, 0},
    {"decimal: space", " 1", 99, false, 0},
    {"decimal: newline", "1\n", 99, false, 0},
    {"decimal: fraction", "1.0", 99, false, 0},
    {"decimal: hex", "0x1", 99, false, 0},
};

static void decimal(void **state)
{
    const struct decimal_row *row = *state;
    uint64_t v = 77;
    assert_int_equal(hm_decimal(hm_bytes_str(row->text), row->max, &v),
                     row->ok ? HM_OK : HM_E_MALFORMED);
    assert_true(v == (row->ok ? row->value : 77));
}

struct utf8_row {
    const char *name;
    const char *text;
    bool utf8;
    bool printable;
    const char *escaped;
};

static const struct utf8_row utf8_rows[] = {
    {"utf8: empty", "", true, true, ""},
    {"utf8: ASCII", "aZ09 ~\\", true, true, "aZ09 ~\\"},
    {"utf8: 2 bytes", "\xc3\xa9", true, true, "\xc3\xa9"},
    {"utf8: 3 bytes", "\xe2\x82\xac", true, true, "\xe2\x82\xac"},
    {"utf8: 4 bytes", "\xf0\x9f\x94\x91", true, true, "\xf0\x9f\x94\x91"},
    {"utf8: last code point", "\xf4\x8f\xbf\xbf", true, true, "\xf4\x8f\xbf\xbf"},
    {"utf8: above the last", "\xf4\x90\x80\x80", false, false, "\\xf4\\x90\\x80\\x80"},
    {"utf8: overlong slash", "\xc0\xaf", false, false, "\\xc0\\xaf"},
    {"utf8: overlong 3", "\xe0\x9f\xbf", false, false, "\\xe0\\x9f\\xbf"},
    {"utf8: overlong 4", "\xf0\x8f\xbf\xbf", false, false, "\\xf0\\x8f\\xbf\\xbf"},
    {"utf8: surrogate", "\xed\xa0\x80", false, false, "\\xed\\xa0\\x80"},
    {"utf8: last before surrogates", "\xed\x9f\xbf", true, true, "\xed\x9f\xbf"},
    {"utf8: continuation alone", "\x80", false, false, "\\x80"},
    {"utf8: cut 2", "a\xc3", false, false, "a\\xc3"},
    {"utf8: cut 3", "\xe2\x82", false, false, "\\xe2\\x82"},
    {"utf8: cut 4", "\xf0\x9f\x94", false, false, "\\xf0\\x9f\\x94"},
    {"utf8: 5 bytes", "\xf8\x88\x80\x80\x80", false, false, "\\xf8\\x88\\x80\\x80\\x80"},
    {"utf8: ff", "\xff", false, false, "\\xff"},
    {"utf8: newline", "a\nb", true, false, "a\\u{000a}b"},
    {"utf8: tab", "\t", true, false, "\\u{0009}"},
    {"utf8: escape", "\x1b[31m", true, false, "\\u{001b}[31m"},
    {"utf8: DEL", "\x7f", true, false, "\\u{007f}"},
    {"utf8: C1", "\xc2\x9b", true, false, "\\u{009b}"},
    {"utf8: no-break space", "\xc2\xa0", true, true, "\xc2\xa0"},
    {"utf8: arabic letter mark", "\xd8\x9c", true, false, "\\u{061c}"},
    {"utf8: zero width space", "\xe2\x80\x8b", true, false, "\\u{200b}"},
    {"utf8: zero width joiner", "\xe2\x80\x8d", true, false, "\\u{200d}"},
    {"utf8: left-to-right mark", "\xe2\x80\x8e", true, false, "\\u{200e}"},
    {"utf8: right-to-left override", "\xe2\x80\xae", true, false, "\\u{202e}"},
    {"utf8: line separator", "\xe2\x80\xa8", true, false, "\\u{2028}"},
    {"utf8: word joiner", "\xe2\x81\xa0", true, false, "\\u{2060}"},
    {"utf8: isolate", "\xe2\x81\xa6", true, false, "\\u{2066}"},
    {"utf8: pop isolate", "\xe2\x81\xa9", true, false, "\\u{2069}"},
    {"utf8: soft hyphen", "\xc2\xad", true, false, "\\u{00ad}"},
    {"utf8: byte order mark", "\xef\xbb\xbf", true, false, "\\u{feff}"},
    {"utf8: interlinear annotation", "\xef\xbf\xb9", true, false, "\\u{fff9}"},
    {"utf8: tag letter", "\xf3\xa0\x81\x81", true, false, "\\u{e0041}"},
};

static void utf8(void **state)
{
    const struct utf8_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    size_t n = strlen(row->text);
    uint8_t *copy = exact_copy(hm_bytes_str(row->text), n);
    assert_int_equal(hm_utf8_ok(hm_bytes_of(copy, n)), row->utf8);
    assert_int_equal(hm_printable_ok(hm_bytes_of(copy, n)), row->printable);
    hm_escape(&b, hm_bytes_of(copy, n));
    free(copy);
    assert_string_equal(hm_buf_str(&b), row->escaped);
    assert_true(hm_printable_ok(hm_buf_bytes(&b)));
}

static void nul_is_not_utf8_here(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    assert_false(hm_utf8_ok(hm_bytes_of("a\0b", 3)));
    assert_false(hm_printable_ok(hm_bytes_of("a\0b", 3)));
    hm_escape(&b, hm_bytes_of("a\0b", 3));
    assert_string_equal(hm_buf_str(&b), "a\\u{0000}b");
}

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16

static const struct text_row name_rows[] = {
    {"name: one", "a", true},
    {"name: digit first", "0", true},
    {"name: all kinds", "Er-100_b.c+d", true},
    {"name: 64", A64, true},
    {"name: 65", A64 "a", false},
    {"name: empty", "", false},
    {"name: dot first", ".a", false},
    {"name: dash first", "-a", false},
    {"name: two dots", "a..b", true},
    {"name: slash", "a/b", false},
    {"name: space", "a b", false},
    {"name: newline", "a\n", false},
    {"name: quote", "a\"", false},
    {"name: not ASCII", "\xc3\xa4", false},
    {"name: percent", "a%b", false},
    {"name: colon", "a:b", false},
    {"name: at", "a@b", false},
    {"name: DEL", "a\x7f", false},
};

static void name_ok(void **state)
{
    const struct text_row *row = *state;
    assert_int_equal(hm_name_ok(row->text), row->ok);
}

static const struct text_row origin_rows[] = {
    {"origin: host and path", "hallmark.example/rehearsal", true},
    {"origin: 128", A64 A64, true},
    {"origin: 129", A64 A64 "a", false},
    {"origin: empty", "", false},
    {"origin: space", "a b", false},
    {"origin: plus", "a+b", false},
    {"origin: quote", "a\"b", false},
    {"origin: backslash", "a\\b", false},
    {"origin: less", "a<b", false},
    {"origin: greater", "a>b", false},
    {"origin: newline", "a\n", false},
    {"origin: DEL", "a\x7f", false},
    {"origin: not ASCII", "\xc3\xa4", false},
};

static void origin_ok(void **state)
{
    const struct text_row *row = *state;
    assert_int_equal(hm_origin_ok(row->text), row->ok);
}

static const struct text_row uri_rows[] = {
    {"uri: file", "firmware.bin", true}, {"uri: https", "https://a.example/b?c=d&e=%20#f", true},
    {"uri: plus", "a+b", true},          {"uri: empty", "", false},
    {"uri: space", "a b", false},        {"uri: quote", "a\"b", false},
    {"uri: brace", "a{b", false},        {"uri: caret", "a^b", false},
    {"uri: backtick", "a`b", false},     {"uri: pipe", "a|b", false},
    {"uri: tab", "a\tb", false},         {"uri: not ASCII", "\xc3\xa4", false},
};

static void uri_ok(void **state)
{
    const struct text_row *row = *state;
    assert_int_equal(hm_uri_ok(row->text), row->ok);
}

static void uri_lengths(void **state)
{
    (void)state;
    char text[HM_URI_MAX + 2];
    memset(text, 'a', sizeof text);
    text[HM_URI_MAX + 1] = '\0';
    assert_false(hm_uri_ok(text));
    text[HM_URI_MAX] = '\0';
    assert_true(hm_uri_ok(text));
}

int main(void)
{
    struct CMUnitTest tests[COUNT(hex_rows) + COUNT(base64_rows) + COUNT(decimal_rows) +
                            COUNT(utf8_rows) + COUNT(name_rows) + COUNT(origin_rows) +
                            COUNT(uri_rows) + 3];
    size_t n = ADD_ROWS(tests, 0, unhex, hex_rows);
    n = ADD_ROWS(tests, n, unbase64, base64_rows);
    n = ADD_ROWS(tests, n, decimal, decimal_rows);
    n = ADD_ROWS(tests, n, utf8, utf8_rows);
    n = ADD_ROWS(tests, n, name_ok, name_rows);
    n = ADD_ROWS(tests, n, origin_ok, origin_rows);
    n = ADD_ROWS(tests, n, uri_ok, uri_rows);
    n = ADD_TEST(tests, n, base64_limit);
    n = ADD_TEST(tests, n, nul_is_not_utf8_here);
    n = ADD_TEST(tests, n, uri_lengths);
    return _cmocka_run_group_tests("core_text", tests, n, NULL, NULL);
}
