/* Canonical JSON: written form, and the checker against it. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json_canon.h"

struct canon_row {
    const char *name;
    const char *text;
    const char *canonical; /* NULL: refused */
};

static const struct canon_row canon_rows[] = {
    {"canon: empty object", " { } ", "{}"},
    {"canon: empty array", "[ ]", "[]"},
    {"canon: sorted", "{\"b\":1,\"a\":2,\"B\":3,\"\":4,\"aa\":5}",
     "{\"\":4,\"B\":3,\"a\":2,\"aa\":5,\"b\":1}"},
    {"canon: nested", "{\"z\":[{\"b\":[],\"a\":{}}],\"y\":[true,false,null,-1,0]}",
     "{\"y\":[true,false,null,-1,0],\"z\":[{\"a\":{},\"b\":[]}]}"},
    {"canon: escapes", "[\"\\u0008\\u0009\\u000a\\u000C\\u000d\\u0022\\u005c\\/\\u001F\\u0001\"]",
     "[\"\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\\u0001\"]"},
    {"canon: DEL stays", "[\"\\u007f\"]", "[\"\x7f\"]"},
    {"canon: not ASCII stays", "[\"\\u00e9\\u20ac\\ud83d\\udd11\"]",
     "[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91\"]"},
    {"canon: UTF-16 order",
     "{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2,\"\xee\x80\x80\":3,"
     "\"\xed\x9f\xbf\":4,\"\xc3\xb6\":5,\"a\":6}",
     "{\"a\":6,\"\xc3\xb6\":5,\"\xed\x9f\xbf\":4,\"\xf0\x9f\x98\x80\":2,\"\xee\x80\x80\":3,"
     "\"\xef\xac\xb3\":1}"},
    {"canon: escapes in names", "{\"\\n\":1,\"\\\"\":2,\"\\r\":3}",
     "{\"\\n\":1,\"\\r\":3,\"\\\"\":2}"},
    {"canon: largest integers", "[9007199254740991, -9007199254740991]",
     "[9007199254740991,-9007199254740991]"},
    {"canon: minus zero", "[-0]", "[0]"},
    {"canon: fraction", "[1.5]", NULL},
    {"canon: whole number as float", "[1.0]", NULL},
    {"canon: exponent", "{\"a\":[1e3]}", NULL},
};

static void canon(void **state)
{
    const struct canon_row *row = *state;
    HM_JSON_AUTO *doc = NULL;
    HM_BUF_AUTO out = {.limit = 0};
    assert_int_equal(hm_json_parse(hm_bytes_str(row->text), HM_JSON_FOREIGN(4096), &doc, NULL),
                     HM_OK);
    hm_buf_puts(&out, "x");
    enum hm_err err = hm_json_canon(doc, &out, NULL);
    assert_int_equal(err, row->canonical != NULL ? HM_OK : HM_E_UNSUPPORTED);
    const char *got = hm_buf_str(&out);
    assert_string_equal(got + 1, row->canonical != NULL ? row->canonical : "");
}

static void integers_out_of_range(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = json_pack("[I]", (json_int_t)9007199254740992);
    HM_BUF_AUTO out = {.limit = 0};
    assert_int_equal(hm_json_canon(doc, &out, NULL), HM_E_UNSUPPORTED);
    assert_int_equal(out.len, 0);
}

static void limits(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = json_array();
    HM_BUF_AUTO small = {.limit = 8};
    HM_BUF_AUTO out = {.limit = 0};
    for (int i = 0; i < 64; i++) {
        json_t *outer = json_array();
        assert_int_equal(json_array_append_new(outer, doc), 0);
        doc = outer;
    }
    assert_int_equal(hm_json_canon(doc, &out, NULL), HM_E_LIMIT);
    assert_int_equal(hm_json_canon(json_array_get(doc, 0), &out, NULL), HM_OK);
    assert_int_equal(out.len, 128);
    assert_int_equal(hm_json_canon(json_array_get(doc, 0), &small, NULL), HM_E_LIMIT);
}

struct check_row {
    const char *name;
    const char *text;
    enum hm_err expected;
};

static const struct check_row check_rows[] = {
    {"check: empty", "{}", HM_OK},
    {"check: all kinds",
     "{\"a\":\"x\",\"b\":true,\"c\":false,\"d\":0,\"e\":[],\"f\":{\"g\":[1,2]}}", HM_OK},
    {"check: largest integer", "{\"a\":9007199254740991}", HM_OK},
    {"check: escapes", "{\"a\":\"\\b\\t\\n\\f\\r\\\"\\\\\\u0001\\u001f/\x7f\xc3\xa9\"}", HM_OK},
    {"check: order", "{\"\":1,\"A\":1,\"Aa\":1,\"B\":1,\"a\":1}", HM_OK},
    {"check: 16 deep", "{\"a\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}", HM_OK},
    {"check: 17 deep", "{\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}", HM_E_LIMIT},
    {"check: nothing", "", HM_E_MALFORMED},
    {"check: array", "[]", HM_E_MALFORMED},
    {"check: string", "\"a\"", HM_E_MALFORMED},
    {"check: space before", " {}", HM_E_MALFORMED},
    {"check: newline behind", "{}\n", HM_E_MALFORMED},
    {"check: space inside", "{ }", HM_E_MALFORMED},
    {"check: space behind a colon", "{\"a\": 1}", HM_E_MALFORMED},
    {"check: space behind a comma", "{\"a\":1, \"b\":2}", HM_E_MALFORMED},
    {"check: two values", "{}{}", HM_E_MALFORMED},
    {"check: wrong order", "{\"b\":1,\"a\":1}", HM_E_MALFORMED},
    {"check: wrong order by length", "{\"aa\":1,\"a\":1}", HM_E_MALFORMED},
    {"check: wrong order inside", "{\"a\":{\"d\":1,\"c\":1}}", HM_E_MALFORMED},
    {"check: member twice", "{\"a\":1,\"a\":1}", HM_E_MALFORMED},
    {"check: empty member twice", "{\"\":1,\"\":1}", HM_E_MALFORMED},
    {"check: comma at the end", "{\"a\":1,}", HM_E_MALFORMED},
    {"check: comma first", "{,\"a\":1}", HM_E_MALFORMED},
    {"check: comma in an array's end", "{\"a\":[1,]}", HM_E_MALFORMED},
    {"check: two commas", "{\"a\":[1,,2]}", HM_E_MALFORMED},
    {"check: no comma", "{\"a\":[1 2]}", HM_E_MALFORMED},
    {"check: no colon", "{\"a\"1}", HM_E_MALFORMED},
    {"check: no value", "{\"a\":}", HM_E_MALFORMED},
    {"check: wrong bracket", "{\"a\":[1}}", HM_E_MALFORMED},
    {"check: not closed", "{\"a\":[1]", HM_E_MALFORMED},
    {"check: null", "{\"a\":null}", HM_E_MALFORMED},
    {"check: True", "{\"a\":True}", HM_E_MALFORMED},
    {"check: trues", "{\"a\":trues}", HM_E_MALFORMED},
    {"check: negative", "{\"a\":-1}", HM_E_MALFORMED},
    {"check: minus zero", "{\"a\":-0}", HM_E_MALFORMED},
    {"check: leading zero", "{\"a\":01}", HM_E_MALFORMED},
    {"check: two zeros", "{\"a\":00}", HM_E_MALFORMED},
    {"check: 2^53", "{\"a\":9007199254740992}", HM_E_MALFORMED},
    {"check: 17 digits", "{\"a\":10000000000000000}", HM_E_MALFORMED},
    {"check: 30 digits", "{\"a\":100000000000000000000000000000}", HM_E_MALFORMED},
    {"check: fraction", "{\"a\":1.0}", HM_E_MALFORMED},
    {"check: exponent", "{\"a\":1e3}", HM_E_MALFORMED},
    {"check: hex digits upper case", "{\"a\":\"\\u001F\"}", HM_E_MALFORMED},
    {"check: escape with a short form", "{\"a\":\"\\u000a\"}", HM_E_MALFORMED},
    {"check: escaped slash", "{\"a\":\"\\/\"}", HM_E_MALFORMED},
    {"check: escaped letter", "{\"a\":\"\\u0061\"}", HM_E_MALFORMED},
    {"check: escaped space", "{\"a\":\"\\u0020\"}", HM_E_MALFORMED},
    {"check: escaped DEL", "{\"a\":\"\\u007f\"}", HM_E_MALFORMED},
    {"check: escaped not ASCII", "{\"a\":\"\\u00e9\"}", HM_E_MALFORMED},
    {"check: escaped NUL", "{\"a\":\"\\u0000\"}", HM_E_MALFORMED},
    {"check: escape of nothing", "{\"a\":\"\\\"}", HM_E_MALFORMED},
    {"check: escape cut", "{\"a\":\"\\u00", HM_E_MALFORMED},
    {"check: raw newline", "{\"a\":\"\n\"}", HM_E_MALFORMED},
    {"check: raw control character", "{\"a\":\"\x1f\"}", HM_E_MALFORMED},
    {"check: not UTF-8", "{\"a\":\"\xff\"}", HM_E_MALFORMED},
    {"check: member name not ASCII", "{\"\xc3\xa9\":1}", HM_E_MALFORMED},
    {"check: member name escaped", "{\"\\n\":1}", HM_E_MALFORMED},
    {"check: byte order mark", "\xef\xbb\xbf{}", HM_E_MALFORMED},
};

static void check(void **state)
{
    const struct check_row *row = *state;
    size_t n = strlen(row->text);
    uint8_t *copy = exact_copy(hm_bytes_str(row->text), n);
    struct hm_why why = {""};
    assert_int_equal(hm_json_canon_check(hm_bytes_of(copy, n), 16, &why), row->expected);
    if (row->expected != HM_OK)
        assert_true(why.text[0] != '\0');
    free(copy);
}

/* Whatever the checker takes, parsing and writing gives back; and what writing gives, the checker
 * takes. */
static void check_agrees_with_writer(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(check_rows); i++) {
        HM_JSON_AUTO *doc = NULL;
        HM_BUF_AUTO out = {.limit = 0};
        struct hm_bytes text = hm_bytes_str(check_rows[i].text);
        bool canonical = hm_json_parse(text, HM_JSON_OURS(4096), &doc, NULL) == HM_OK &&
                         hm_json_canon(doc, &out, NULL) == HM_OK &&
                         hm_bytes_eq(hm_buf_bytes(&out), text);
        bool ok = hm_json_canon_check(text, 16, NULL) == HM_OK;
        if (ok && !canonical)
            fail_msg("row %zu: taken, but not what the writer writes", i);
    }
}

static enum hm_err check_16(struct hm_bytes data, void *ctx)
{
    (void)ctx;
    return hm_json_canon_check(data, 16, NULL);
}

static void cuts(void **state)
{
    (void)state;
    struct hm_bytes text = hm_bytes_str(check_rows[1].text);
    refuses_every_cut(text, check_16, NULL);
    refuses_more(text, check_16, NULL);
    static const char nul[] = "{}\0";
    assert_int_equal(check_16(hm_bytes_of(nul, 3), NULL), HM_E_MALFORMED);
    assert_int_equal(check_16(hm_bytes_of(NULL, 0), NULL), HM_E_MALFORMED);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(canon_rows) + COUNT(check_rows) + 4];
    size_t n = ADD_ROWS(tests, 0, canon, canon_rows);
    n = ADD_ROWS(tests, n, check, check_rows);
    n = ADD_TEST(tests, n, integers_out_of_range);
    n = ADD_TEST(tests, n, limits);
    n = ADD_TEST(tests, n, check_agrees_with_writer);
    n = ADD_TEST(tests, n, cuts);
    return _cmocka_run_group_tests("schema_canon", tests, n, NULL, NULL);
}
