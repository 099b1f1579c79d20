/* The device's own parsers, one row a test: CBOR, canonical JSON, base64, decimals, UTF-8,
 * versions, reasons. */
#include "tests/unit/device/device_util.h"

#include "device/hm_device_cbor_priv.h"
#include "device/hm_device_json_priv.h"
#include "device/hm_device_text_priv.h"

#define ROWS_MAX 256

struct row {
    const char *text; /* hex for CBOR */
    bool good;
};

static struct hmd_bytes text_bytes(const char *text)
{
    return (struct hmd_bytes){(const uint8_t *)text, strlen(text)};
}

static const struct row cbor_rows[] = {
    {"00", true},
    {"17", true},
    {"1818", true},
    {"1817", false},   /* not the shortest */
    {"1900ff", false}, /* not the shortest */
    {"1a0000ffff", false},
    {"1b00000000ffffffff", false},
    {"1bffffffffffffffff", true},
    {"1c", false}, /* reserved */
    {"1f", false},
    {"18", false}, /* cut */
    {"1901", false},
    {"20", true},
    {"40", true},
    {"4101", true},
    {"41", false},
    {"5fff", false}, /* indefinite */
    {"5bffffffffffffffff00", false},
    {"6161", true},
    {"61ff", false}, /* not UTF-8 */
    {"80", true},
    {"8101", true},
    {"8201", false},
    {"810102", false}, /* trailing */
    {"9fff", false},
    {"9bffffffffffffffff", false},
    {"a0", true},
    {"a10102", true},
    {"a201020304", true},
    {"a203040102", false}, /* order */
    {"a201020103", false}, /* twice */
    {"a2010281010203", false},
    {"a2200120", false},
    {"a101", false},
    {"bfff", false},
    {"bb7fffffffffffffff", false},
    {"bbffffffffffffffff", false},
    {"c100", true},
    {"c1", false},
    {"f4", true},
    {"f5", true},
    {"f6", true},
    {"f7", false}, /* undefined */
    {"f818", false},
    {"f93c00", false}, /* floats have no use here */
    {"fb3ff0000000000000", false},
    {"ff", false},
    {"8181818181818180", true},
    {"81818181818181818180", false}, /* too deep */
    {"a18180a0", true},
    {"", false},
};

static const struct row json_rows[] = {
    {"{}", true},
    {"{\"a\":1}", true},
    {"{\"a\":1,\"b\":\"x\"}", true},
    {"{\"a\":[true,false,0,\"\",{},[]]}", true},
    {"{\"a\":{\"b\":{\"c\":[]}}}", true},
    {"{\"a\":9007199254740991}", true},
    {"{\"a\":9007199254740992}", false},
    {"{\"a\":99999999999999999999}", false},
    {"{\"b\":1,\"a\":2}", false},
    {"{\"a\":1,\"a\":2}", false},
    {"{\"a\":1,\"A\":2}", false},
    {"{\"A\":1,\"a\":2}", true},
    {"{\"a\" :1}", false},
    {"{\"a\": 1}", false},
    {" {}", false},
    {"{} ", false},
    {"{}{}", false},
    {"[]", false},
    {"1", false},
    {"", false},
    {"{", false},
    {"}", false},
    {"{\"a\"}", false},
    {"{\"a\":}", false},
    {"{\"a\":1,}", false},
    {"{,}", false},
    {"{\"a\":[1,]}", false},
    {"{\"a\":[,1]}", false},
    {"{\"a\":[1 ,2]}", false},
    {"{\"a\":[1}}", false},
    {"{\"a\":{1]}", false},
    {"{\"a\":01}", false},
    {"{\"a\":-1}", false},
    {"{\"a\":1.0}", false},
    {"{\"a\":1e3}", false},
    {"{\"a\":null}", false},
    {"{\"a\":tru}", false},
    {"{\"a\":True}", false},
    {"{a:1}", false},
    {"{'a':1}", false},
    {"{\"a\":\"x}", false},
    {"{\"a\":\"\\n\\\"\\\\\\b\\f\\r\\t\"}", true},
    {"{\"a\":\"\\u001f\\u0000\\u000b\"}", true},
    {"{\"a\":\"\\u001F\"}", false}, /* upper case */
    {"{\"a\":\"\\u000a\"}", false}, /* has a short form */
    {"{\"a\":\"\\u0020\"}", false}, /* needs no escape */
    {"{\"a\":\"\\u0041\"}", false},
    {"{\"a\":\"\\u00\"}", false},
    {"{\"a\":\"\\/\"}", false},
    {"{\"a\":\"\\x\"}", false},
    {"{\"a\":\"\t\"}", false},
    {"{\"a\":\"\xc3\xa4\"}", true},
    {"{\"a\":\"\xc3\"}", false},
    {"{\"a\":\"\xed\xa0\x80\"}", false}, /* surrogate */
    {"{\"\xc3\xa4\":1}", false},         /* ASCII names only */
    {"{\"a\\n\":1}", false},
    {"{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", true},
    {"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", false}, /* too deep */
};

static const struct row base64_rows[] = {
    {"AA==", true},  {"AAA=", true},  {"AAAA", true},    {"/+09", true},
    {"", false},     {"A", false},    {"AA", false},     {"AAA", false},
    {"AA=A", false}, {"====", false}, {"A===", false},   {"AB==", false},
    {"AAB=", false}, {"-_AA", false}, {"AAAA\n", false}, {"AA==AAAA", false},
};

static const struct row decimal_rows[] = {
    {"0", true},
    {"7", true},
    {"9007199254740991", true},
    {"9007199254740992", false},
    {"", false},
    {"00", false},
    {"01", false},
    {"-1", false},
    {"+1", false},
    {"1 ", false},
    {"1.", false},
    {"99999999999999999", false},
};

static const struct row version_rows[] = {
    {"1", true},
    {"1.2.3", true},
    {"0.0", true},
    {"2.1.0-rc1", true},
    {"2.1.0+b7", true},
    {"1.2.3.4.5.6.7.8", true},
    {"1.2.3.4.5.6.7.8.9", false},
    {"", false},
    {"x", false},
    {".1", false},
    {"1.", false},
    {"1..2", false},
    {"1.x", false},
    {"v1", false},
    {"1234567890", false},
    {"1.2.3.4.5.6.7.8-rc1", false},
};

static const struct row utf8_rows[] = {
    {"a", true},
    {"\xc2\x80", true},
    {"\xe2\x80\x94", true},
    {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},
    {"\xc0\x80", false},
    {"\xc1\xbf", false},
    {"\xe0\x9f\xbf", false},
    {"\xed\xa0\x80", false},
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false},
    {"\xe2\x80", false},
    {"a\xff", false},
};

static void check_cbor(void **state)
{
    const struct row *r = *state;
    size_t len = strlen(r->text) / 2;
    uint8_t *data = malloc(len > 0 ? len : 1);
    struct hmd_bytes item;
    assert_non_null(data);
    (void)from_hex(r->text, data, len);
    struct hmd_cbor reader = hmd_cbor_over((struct hmd_bytes){data, len});
    assert_int_equal(hmd_cbor_skip(&reader, &item) && hmd_cbor_done(&reader), r->good);
    free(data);
}

static void check_json(void **state)
{
    const struct row *r = *state;
    assert_int_equal(hmd_json_canonical(text_bytes(r->text)), r->good);
    for (size_t len = 0; len < strlen(r->text); len++)
        assert_false(hmd_json_canonical((struct hmd_bytes){(const uint8_t *)r->text, len}) &&
                     r->good);
}

static void check_base64(void **state)
{
    const struct row *r = *state;
    uint8_t out[16];
    size_t len;
    assert_int_equal(hmd_base64(text_bytes(r->text), out, sizeof out, &len), r->good);
}

static void check_decimal(void **state)
{
    const struct row *r = *state;
    uint64_t value;
    assert_int_equal(hmd_decimal(text_bytes(r->text), &value), r->good);
    if (r->good)
        assert_int_equal(value, strtoull(r->text, NULL, 10));
}

static void check_version(void **state)
{
    const struct row *r = *state;
    struct hmd_version v;
    assert_int_equal(hmd_version_parse(text_bytes(r->text), &v), r->good);
}

static void check_utf8(void **state)
{
    const struct row *r = *state;
    assert_int_equal(hmd_utf8_valid(text_bytes(r->text)), r->good);
}

struct pair {
    const char *low;
    const char *high;
    bool equal;
};

static const struct pair order_rows[] = {
    {"2.9.0", "2.10.0", false},
    {"1", "1.0.0", true},
    {"1.0", "1.0.1", false},
    {"2.1.0-rc1", "2.1.0", false},
    {"2.1.0-alpha2", "2.1.0-beta1", false},
    {"2.1.0-beta", "2.1.0-rc1", false},
    {"2.1.0-rc2", "2.1.0-rc10", false},
    {"1.9", "2", false},
    {"2.1.0", "2.1.0+build9", true},
    {"2.1.0-dev3", "2.1.0-alpha1", false},
    {"9", "10", false},
    {"0.9.9", "1", false},
};

static void check_order(void **state)
{
    const struct pair *p = *state;
    struct hmd_version low;
    struct hmd_version high;
    assert_true(hmd_version_parse(text_bytes(p->low), &low));
    assert_true(hmd_version_parse(text_bytes(p->high), &high));
    int forth = hmd_version_compare(&low, &high);
    int back = hmd_version_compare(&high, &low);
    assert_true(p->equal ? forth == 0 && back == 0 : forth < 0 && back > 0);
}

static void json_lookup(void **state)
{
    static const char text[] =
        "{\"a\":\"x\",\"b\":{\"a\":\"no\"},\"c\":[{\"s\":\"}\\\"\"},{\"s\":\"2\"}],\"d\":12}";
    struct hmd_bytes value;
    struct hmd_bytes rest;
    struct hmd_bytes element;
    (void)state;
    assert_true(hmd_json_canonical(text_bytes(text)));
    assert_true(hmd_json_member(text_bytes(text), "a", &value) && hmd_is(value, "\"x\""));
    assert_true(hmd_json_member(text_bytes(text), "d", &value) && hmd_is(value, "12"));
    assert_true(hmd_json_member(text_bytes(text), "c", &value) && hmd_json_array(value, &rest));
    assert_true(hmd_json_next(&rest, &element) && hmd_is(element, "{\"s\":\"}\\\"\"}"));
    assert_true(hmd_json_next(&rest, &element) && hmd_is(element, "{\"s\":\"2\"}"));
    assert_false(hmd_json_next(&rest, &element));
    assert_false(hmd_json_member(text_bytes(text), "s", &value));
    assert_false(hmd_json_member(text_bytes(text), "", &value));
    struct hmd_json_want want[] = {{"", {NULL, 9}},  {"a", {NULL, 9}},  {"aa", {NULL, 9}},
                                   {"c", {NULL, 9}}, {"cc", {NULL, 9}}, {"d", {NULL, 9}},
                                   {"e", {NULL, 9}}};
    hmd_json_members(text_bytes(text), want, 7);
    assert_true(hmd_is(want[1].value, "\"x\"") && hmd_is(want[5].value, "12"));
    assert_true(hmd_json_array(want[3].value, &rest) && rest.len == want[3].value.len - 2);
    for (size_t i = 0; i < 7; i += 2)
        assert_int_equal(want[i].value.len, 0);
    hmd_json_members(text_bytes("{}"), want, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(want[i].value.len, 0);
}

/* Names are stable, all different, and only HMD_OK maps to OK. */
static void reasons(void **state)
{
    unsigned n = 1;
    (void)state;
    assert_int_equal(HMD_NOT_CHECKED, 0);
    assert_string_equal(hmd_reason_name(HMD_NOT_CHECKED), "not-checked");
    for (; hmd_reason_at(n) != HMD_NOT_CHECKED; n++) {
        const enum hmd_reason r = hmd_reason_at(n);
        assert_string_not_equal(hmd_reason_name(r), "not-checked");
        assert_int_equal(hmd_reason_suit(r) == HMD_SUIT_OK, r == HMD_OK);
        for (unsigned k = 0; k < n; k++)
            assert_string_not_equal(hmd_reason_name(r), hmd_reason_name(hmd_reason_at(k)));
    }
    assert_true(n > 60);
    assert_string_equal(hmd_reason_name((enum hmd_reason)1), "crypto-failed");
    assert_string_equal(hmd_reason_name((enum hmd_reason)12345), "not-checked");
    assert_int_not_equal(hmd_reason_suit((enum hmd_reason)12345), HMD_SUIT_OK);
}

/* docs/device-maker.md lists each reason with its number and mapping. */
static void reasons_are_documented(void **state)
{
    char path[4096];
    char row[128];
    const char *source = getenv("HALLMARK_SOURCE");
    (void)state;
    (void)snprintf(path, sizeof path, "%s/docs/device-maker.md", source != NULL ? source : ".");
    struct file f = read_path(path);
    if (f.data == NULL)
        skip();
    char *text = strndup((const char *)f.data, f.len);
    free(f.data);
    assert_non_null(text);
    for (unsigned n = 1; hmd_reason_at(n) != HMD_NOT_CHECKED; n++) {
        const enum hmd_reason r = hmd_reason_at(n);
        (void)snprintf(row, sizeof row, r == HMD_OK ? "\n| 0x%x | `%s` |" : "\n| %d | `%s` |",
                       (int)r, hmd_reason_name(r));
        const char *at = strstr(text, row);
        if (at == NULL)
            fail_msg("docs/device-maker.md lacks %s", row + 1);
        (void)snprintf(row, sizeof row, " | %d |", (int)hmd_reason_suit(r));
        const char *end = strchr(at + 1, '\n');
        assert_non_null(end);
        assert_memory_equal(end - strlen(row), row, strlen(row));
    }
    free(text);
}

#define ADD(rows, run)                                                                             \
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)                                      \
        tests[n++] = (struct CMUnitTest)                                                           \
        {                                                                                          \
#run, run, NULL, NULL, (void *)(uintptr_t)&rows[i]                                     \
        }

int main(void)
{
    struct CMUnitTest tests[ROWS_MAX];
    size_t n = 0;
    ADD(cbor_rows, check_cbor);
    ADD(json_rows, check_json);
    ADD(base64_rows, check_base64);
    ADD(decimal_rows, check_decimal);
    ADD(version_rows, check_version);
    ADD(utf8_rows, check_utf8);
    ADD(order_rows, check_order);
    tests[n++] = (struct CMUnitTest){"json lookup", json_lookup, NULL, NULL, NULL};
    tests[n++] = (struct CMUnitTest){"reasons", reasons, NULL, NULL, NULL};
    tests[n++] =
        (struct CMUnitTest){"reasons are documented", reasons_are_documented, NULL, NULL, NULL};
    return _cmocka_run_group_tests("device parsers", tests, n, NULL, NULL);
}
