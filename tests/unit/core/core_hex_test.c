/* Hex is read many digits at a time: every byte at every place, against one digit at a time; and
 * how far a name goes. */
#include "tests/unit/test_rows.h"

#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"

#include <ctype.h>

#define BYTES_MAX 37 /* more than two words, and no multiple of one */

static int value(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static void test_every_byte(void **state)
{
    uint8_t text[2 * BYTES_MAX];
    uint8_t out[BYTES_MAX + 1];
    (void)state;
    for (size_t len = 1; len <= BYTES_MAX; len++)
        for (size_t at = 0; at < 2 * len; at++)
            for (unsigned c = 0; c < 256; c++) {
                for (size_t i = 0; i < 2 * len; i++)
                    text[i] = (uint8_t) "0123456789abcdef"[(i * 7 + len) % 16];
                text[at] = (uint8_t)c;
                memset(out, 0x5a, sizeof out);
                enum hm_err err = hm_unhex(hm_bytes_of(text, 2 * len), out, len);
                assert_int_equal(err, value((uint8_t)c) < 0 ? HM_E_MALFORMED : HM_OK);
                for (size_t i = 0; i < len; i++)
                    assert_int_equal(out[i], err != HM_OK ? 0x5a
                                                          : value(text[2 * i]) << 4 |
                                                                value(text[2 * i + 1]));
                assert_int_equal(out[len], 0x5a);
            }
}

static void test_length(void **state)
{
    uint8_t out[2] = {1, 2};
    (void)state;
    assert_int_equal(hm_unhex(hm_bytes_of(NULL, 0), out, 0), HM_OK);
    assert_int_equal(hm_unhex(hm_bytes_str("0"), out, 1), HM_E_MALFORMED);
    assert_int_equal(hm_unhex(hm_bytes_str("000"), out, 1), HM_E_MALFORMED);
    assert_int_equal(hm_unhex(hm_bytes_str(""), out, 1), HM_E_MALFORMED);
    assert_int_equal(hm_unhex(hm_bytes_str("00"), out, 0), HM_E_MALFORMED);
    assert_int_equal(out[0], 1);
}

static void test_round_trip(void **state)
{
    uint8_t in[256];
    uint8_t back[256];
    char text[513];
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        in[i] = (uint8_t)i;
    hm_hex(in, sizeof in, text);
    assert_int_equal(hm_unhex(hm_bytes_str(text), back, sizeof back), HM_OK);
    assert_memory_equal(in, back, sizeof in);
}

struct span {
    const char *name;
    const char *text;
    size_t n;
};
static const struct span spans[] = {
    {"empty", "", 0},           {"a dot first", ".a", 0},      {"a plus first", "+a", 0},
    {"a letter", "a", 1},       {"a digit", "7", 1},           {"ends at a quote", "ab\"c", 2},
    {"all marks", "a._+-z", 6}, {"ends at a space", "a b", 1}, {"ends at \xc3", "a\xc3\xa9", 1},
};

static void test_span(void **state)
{
    const struct span *row = *state;
    assert_int_equal(hm_name_span(hm_bytes_str(row->text)), row->n);
}

/* Against docs/formats/README.md: [A-Za-z0-9][A-Za-z0-9._+-]* */
static void test_span_bytes(void **state)
{
    char text[HM_NAME_MAX + 8];
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        char one[] = {(char)c, 'x', '\0'};
        char two[] = {'x', (char)c, '\0'};
        bool first = c < 128 && isalnum((int)c) != 0;
        bool later = first || strchr("._+-", (int)c) != NULL;
        assert_int_equal(hm_name_ok(one), first);
        assert_int_equal(hm_name_span(hm_bytes_str(one)), first ? 2 : 0);
        assert_int_equal(hm_name_ok(two), later);
        assert_int_equal(hm_name_span(hm_bytes_str(two)), later ? 2 : 1);
    }
    assert_int_equal(hm_name_span(hm_bytes_of("x", 2)), 1); /* NUL */
    memset(text, 'n', sizeof text);
    assert_int_equal(hm_name_span(hm_bytes_of(text, HM_NAME_MAX)), HM_NAME_MAX);
    assert_int_equal(hm_name_span(hm_bytes_of(text, sizeof text)), HM_NAME_MAX + 1);
}

int main(void)
{
    struct CMUnitTest tests[4 + ROWS(spans)] = {
        cmocka_unit_test(test_every_byte), cmocka_unit_test(test_length),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_span_bytes)};
    size_t n = ADD_ROWS(tests, 4, test_span, spans);
    return _cmocka_run_group_tests("core_hex", tests, n, NULL, NULL);
}
