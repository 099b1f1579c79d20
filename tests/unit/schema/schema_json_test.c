/* Strict JSON: what is refused before and by the parser, and that every refusal says where. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json.h"

struct parse_row {
    const char *name;
    const char *text;
    enum hm_err expected; /* of our own documents */
    const char *says;     /* in the error text */
    bool foreign;         /* the same text is good as a foreign document */
};

static const struct parse_row parse_rows[] = {
    {"parse: object", "{\"a\":1}", HM_OK, "", true},
    {"parse: array", " [1, 2] \n", HM_OK, "", true},
    {"parse: empty object", "{}", HM_OK, "", true},
    {"parse: nested 16", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", HM_OK, "", true},
    {"parse: largest integers", "[9007199254740991,-9007199254740991]", HM_OK, "", true},
    {"parse: UTF-8", "[\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91\"]", HM_OK, "", true},
    {"parse: brackets in strings", "[\"[[[[[[[[[[[[[[[[[[\",\"]}\\\"]\"]", HM_OK, "", true},
    {"parse: numbers in strings", "[\"1.5e3\"]", HM_OK, "", true},
    {"parse: white space everywhere", "\r\n\t {\t\"a\" \r:\n[ ] ,\"b\": { } }\r\n", HM_OK, "",
     true},
    {"parse: words", "[true,false,null]", HM_OK, "", true},
    {"parse: names of which one begins another", "{\"a\":1,\"aa\":2,\"\":3}", HM_OK, "", true},
    {"parse: DEL in a string", "[\"\x7f\"]", HM_OK, "", true},
    {"parse: nothing", "", HM_E_MALFORMED, "line 1, column 1", false},
    {"parse: only space", "  \n ", HM_E_MALFORMED, "line 2", false},
    {"parse: a string", "\"a\"", HM_E_MALFORMED, "line 1", false},
    {"parse: a number", "1", HM_E_MALFORMED, "line 1", false},
    {"parse: null", "null", HM_E_MALFORMED, "line 1", false},
    {"parse: two values", "{}{}", HM_E_MALFORMED, "line 1", false},
    {"parse: text behind", "{} x", HM_E_MALFORMED, "line 1", false},
    {"parse: byte order mark", "\xef\xbb\xbf{}", HM_E_MALFORMED, "line 1", false},
    {"parse: member twice", "{\"a\":1,\n\"a\":1}", HM_E_MALFORMED, "line 2, column 1", false},
    {"parse: member twice by escape", "{\"a\":1,\"\\u0061\":1}", HM_E_MALFORMED, "duplicate",
     false},
    {"parse: member twice, far apart", "{\"a\":{\"b\":[]},\"b\":2,\"a\":null}", HM_E_MALFORMED,
     "line 1, column 21: duplicate member \"a\"", false},
    {"parse: member twice in an inner object", "[{\"x\":{\"a\":1,\"a\":1}}]", HM_E_MALFORMED,
     "duplicate", false},
    {"parse: empty name twice", "{\"\":1,\"\":1}", HM_E_MALFORMED, "duplicate", false},
    {"parse: name twice, shown escaped", "{\"\xe2\x80\xae\":1,\"\xe2\x80\xae\":1}", HM_E_MALFORMED,
     "duplicate member \"\\u{202e}\"", false},
    {"parse: no colon", "{\"a\" 1}", HM_E_MALFORMED, "line 1, column 6: expected ':'", false},
    {"parse: name without quotes", "{a:1}", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: a number as name", "{1:1}", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: no value", "{\"a\":}", HM_E_MALFORMED, "line 1, column 6", false},
    {"parse: no comma", "[1 2]", HM_E_MALFORMED, "line 1, column 4: expected ',' or ']'", false},
    {"parse: two commas", "[1,,2]", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: comma first", "[,1]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: comma at the end of an object", "{\"a\":1,}", HM_E_MALFORMED, "line 1, column 8",
     false},
    {"parse: form feed", "[\f1]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: no-break space",
     "[\xc2\xa0"
     "1]",
     HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: upper-case word", "[True]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: word cut", "[tru", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: word with a tail", "[truex]", HM_E_MALFORMED, "line 1, column 6", false},
    {"parse: comma at the end", "[1,]", HM_E_MALFORMED, "line 1", false},
    {"parse: comment", "[1] // x", HM_E_MALFORMED, "line 1", false},
    {"parse: single quotes", "['a']", HM_E_MALFORMED, "line 1", false},
    {"parse: not closed", "{\"a\":[1", HM_E_MALFORMED, "line 1", false},
    {"parse: closed twice", "[1]]", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: closed first", "]", HM_E_MALFORMED, "line 1, column 1", false},
    {"parse: wrong bracket", "[1}", HM_E_MALFORMED, "line 1", false},
    {"parse: string not closed", "[\"a", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: escape at the end", "[\"a\\", HM_E_MALFORMED, "line 1", false},
    {"parse: newline in a string", "[\"a\nb\"]", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: tab in a string", "[\n\"a\tb\"]", HM_E_MALFORMED, "line 2, column 3", false},
    {"parse: escaped NUL", "[\"\\u0000\"]", HM_E_MALFORMED, "line 1", false},
    {"parse: escaped NUL in a name", "{\"\\u0000\":1}", HM_E_MALFORMED, "line 1", false},
    {"parse: lone surrogate", "[\"\\ud800\"]", HM_E_MALFORMED, "line 1", false},
    {"parse: wrong pair of surrogates", "[\"\\ud800\\ud800\"]", HM_E_MALFORMED, "line 1", false},
    {"parse: low surrogate first", "[\"\\udc00\\ud800\"]", HM_E_MALFORMED, "line 1, column 3",
     false},
    {"parse: high surrogate and a letter", "[\"\\ud800a\"]", HM_E_MALFORMED, "line 1, column 3",
     false},
    {"parse: high surrogate and another escape", "[\"\\ud800\\n\"]", HM_E_MALFORMED,
     "line 1, column 3", false},
    {"parse: high surrogate at the end", "[\"\\ud800\\", HM_E_MALFORMED, "line 1", false},
    {"parse: escape cut", "[\"\\u12", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: escape with a bad digit", "[\"\\u00g0\"]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: upper-case escape", "[\"\\U0041\"]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: bad escape", "[\"\\x41\"]", HM_E_MALFORMED, "line 1", false},
    {"parse: not UTF-8", "[1,\n\"\xff\"]", HM_E_MALFORMED, "line 2, column 2", false},
    {"parse: UTF-8 cut", "[\"\xe2\x82\"]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: UTF-8 overlong", "[\"\xc0\xaf\"]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: UTF-8 surrogate", "[\"\xed\xa0\x80\"]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: fraction", "{\"a\": 1.0}", HM_E_MALFORMED, "line 1, column 7", true},
    {"parse: exponent", "[\n 1e2]", HM_E_MALFORMED, "line 2, column 2", true},
    {"parse: negative exponent", "[1E-2]", HM_E_MALFORMED, "line 1, column 2", true},
    {"parse: 2^53", "[9007199254740992]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: -2^53", "[-9007199254740992]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: 2^64", "[18446744073709551616]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: huge number", "[1000000000000000000000000000000000000000000000]", HM_E_MALFORMED,
     "line 1, column 2", false},
    {"parse: huge negative number", "[-1000000000000000000000000000000000000000000]",
     HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: digits that wrap a 64-bit number", "[18446744073709551617]", HM_E_MALFORMED,
     "line 1, column 2", false},
    {"parse: fraction without digits", "[1.]", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: fraction alone", "[.5]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: exponent without digits", "[1e]", HM_E_MALFORMED, "line 1, column 4", false},
    {"parse: exponent with a sign only", "[1e+]", HM_E_MALFORMED, "line 1, column 5", false},
    {"parse: minus alone", "[-]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: two minuses", "[--1]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: hex", "[0x10]", HM_E_MALFORMED, "line 1, column 3", false},
    {"parse: negative leading zero", "[-01]", HM_E_MALFORMED, "line 1, column 2", false},
    {"parse: infinite number", "[1e999]", HM_E_MALFORMED, "line 1", false},
    {"parse: leading zero", "[01]", HM_E_MALFORMED, "line 1", false},
    {"parse: plus", "[+1]", HM_E_MALFORMED, "line 1", false},
    {"parse: NaN", "[NaN]", HM_E_MALFORMED, "line 1", false},
    {"parse: nested 17", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", HM_E_LIMIT, "line 1, column 17",
     true},
};

static void parse(void **state)
{
    const struct parse_row *row = *state;
    for (int foreign = 0; foreign < 2; foreign++) {
        HM_JSON_AUTO *doc = NULL;
        struct hm_why why = {""};
        size_t n = strlen(row->text);
        uint8_t *copy = exact_copy(hm_bytes_str(row->text), n);
        enum hm_err err = hm_json_parse(
            hm_bytes_of(copy, n), foreign ? HM_JSON_FOREIGN(4096) : HM_JSON_OURS(4096), &doc, &why);
        free(copy);
        if (foreign && row->foreign) {
            assert_int_equal(err, HM_OK);
            continue;
        }
        assert_int_equal(err, row->expected);
        if (err == HM_OK)
            continue;
        assert_null(doc);
        if (strstr(why.text, row->says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", why.text, row->says);
    }
}

struct value_row {
    const char *name;
    const char *text;
    const char *value; /* of its only element; NULL: the integer below */
    long long integer;
};

static const struct value_row value_rows[] = {
    {"value: short escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t", 0},
    {"value: text around escapes", "[\"ab\\ncd\\u0041ef\"]", "ab\ncdAef", 0},
    {"value: one byte", "[\"\\u0001\\u007F\"]", "\x01\x7f", 0},
    {"value: two bytes", "[\"\\u0080\\u07ff\"]", "\xc2\x80\xdf\xbf", 0},
    {"value: three bytes", "[\"\\u0800\\uD7FF\\ue000\\uffff\"]",
     "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 0},
    {"value: four bytes", "[\"\\ud800\\udc00\\uDBFF\\uDFFF\"]", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
     0},
    {"value: empty", "[\"\"]", "", 0},
    {"value: zero", "[0]", NULL, 0},
    {"value: negative zero", "[-0]", NULL, 0},
    {"value: largest", "[9007199254740991]", NULL, 9007199254740991},
    {"value: smallest", "[-9007199254740991]", NULL, -9007199254740991},
};

static void value(void **state)
{
    const struct value_row *row = *state;
    HM_JSON_AUTO *doc = NULL;
    HM_JSON_AUTO *expected =
        row->value != NULL ? json_string(row->value) : json_integer(row->integer);
    assert_int_equal(hm_json_parse(hm_bytes_str(row->text), HM_JSON_OURS(4096), &doc, NULL), HM_OK);
    assert_int_equal(json_array_size(doc), 1);
    assert_true(json_equal(json_array_get(doc, 0), expected));
}

/* ---- against Jansson's own parser, over texts that are nearly JSON ---- */

static uint32_t next_random(uint32_t *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static const char *const pieces[] = {
    "{",    "}",     "[",     "]",           ",",
    ":",    "\"a\"", "\"b\"", "\"\\u0061\"", "\"\\ud83d\\ude00\"",
    "1",    "-0",    "0.5",   "1e3",         "12345678901234567",
    "true", "null",  " ",     "\n",          "\"\xc3\xbc\"",
    "\\",   "\"",    "x",     "\"a\":1",     "[1]",
    "{}",
};

/* A document that grows from the inside, so that most of it is JSON, with a fault now and then. */
static void nearly_json(uint32_t *x, struct hm_buf *out)
{
    size_t n = 1 + next_random(x) % 12;
    bool object = next_random(x) % 2 == 0;
    hm_buf_putc(out, object ? '{' : '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            hm_buf_putc(out, ',');
        if (object)
            hm_buf_printf(out, "\"%c\":", 'a' + (int)(next_random(x) % 40));
        if (next_random(x) % 12 == 0)
            hm_buf_puts(out, pieces[next_random(x) % COUNT(pieces)]);
        hm_buf_puts(out, pieces[6 + next_random(x) % 14]);
    }
    hm_buf_putc(out, object ? '}' : ']');
}

static void like_jansson(void **state)
{
    (void)state;
    uint32_t x = 20260101;
    size_t good = 0;
    for (size_t i = 0; i < 40000; i++) {
        HM_BUF_AUTO text = {.limit = 4096};
        HM_JSON_AUTO *ours = NULL;
        struct hm_why why = {""};
        nearly_json(&x, &text);
        HM_JSON_AUTO *theirs =
            json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
        enum hm_err err = hm_json_parse(hm_buf_bytes(&text), HM_JSON_FOREIGN(4096), &ours, &why);
        bool beyond = strstr(why.text, "2^53") != NULL;
        if ((err == HM_OK) != (theirs != NULL && !beyond) ||
            (ours != NULL && !json_equal(ours, theirs)))
            fail_msg("%s\n%s", hm_buf_str(&text), why.text);
        good += err == HM_OK ? 1 : 0;
    }
    assert_in_range(good, 4000, 36000); /* else the texts say nothing */
}

static void nul_byte(void **state)
{
    (void)state;
    static const char text[] = "[1]\0[2]";
    HM_JSON_AUTO *doc = NULL;
    assert_int_equal(hm_json_parse(hm_bytes_of(text, 7), HM_JSON_OURS(64), &doc, NULL),
                     HM_E_MALFORMED);
    assert_int_equal(hm_json_parse(hm_bytes_of(text, 4), HM_JSON_OURS(64), &doc, NULL),
                     HM_E_MALFORMED);
    assert_int_equal(hm_json_parse(hm_bytes_of(NULL, 0), HM_JSON_OURS(64), &doc, NULL),
                     HM_E_MALFORMED);
}

static void size_limit(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = NULL;
    assert_int_equal(hm_json_parse(hm_bytes_str("[123]"), HM_JSON_OURS(4), &doc, NULL), HM_E_LIMIT);
    assert_int_equal(hm_json_parse(hm_bytes_str("[123]"), HM_JSON_OURS(5), &doc, NULL), HM_OK);
}

/* A megabyte of brackets must cost a scan, not a stack. */
static void deep_nesting(void **state)
{
    (void)state;
    size_t n = (size_t)1 << 20;
    char *text = malloc(n);
    HM_JSON_AUTO *doc = NULL;
    assert_non_null(text);
    memset(text, '[', n);
    assert_int_equal(hm_json_parse(hm_bytes_of(text, n), HM_JSON_FOREIGN(n), &doc, NULL),
                     HM_E_LIMIT);
    free(text);
}

/* What a parser allocates for "[]," is fifty times its length. */
static void number_of_values(void **state)
{
    (void)state;
    size_t n = 2 * ((size_t)HM_JSON_VALUES_MAX + 1);
    char *text = malloc(n + 1);
    assert_non_null(text);
    for (int more = 0; more < 2; more++) {
        HM_JSON_AUTO *doc = NULL;
        size_t len = 2 * ((size_t)HM_JSON_VALUES_MAX + (more ? 1 : 0));
        for (size_t i = 0; i < len; i += 2)
            memcpy(text + i, i == 0 ? "[1" : ",1", 2);
        text[len] = ']';
        enum hm_err err =
            hm_json_parse(hm_bytes_of(text, len + 1), HM_JSON_FOREIGN(n + 1), &doc, NULL);
        assert_int_equal(err, more ? HM_E_LIMIT : HM_OK);
    }
    free(text);
}

static const char config[] = "{\n"
                             "  \"rules\": [\n"
                             "    {\"id\": \"a\", \"match\": {\"x\": \"]}\\\"\"}},\n"
                             "    [1, 2,\n"
                             "     3], {\n"
                             "     \"id\":\n"
                             "       \"b\", \"keys\" : [ ]}\n"
                             "  ],\n"
                             "  \"last\": true\n"
                             "}\n";

struct line_row {
    const char *name;
    const char *path;
    unsigned line;
};

static const struct line_row line_rows[] = {
    {"line: whole", "$", 1},
    {"line: array", "$.rules", 2},
    {"line: first", "$.rules[0]", 3},
    {"line: inner", "$.rules[0].match.x", 3},
    {"line: second", "$.rules[1]", 4},
    {"line: third of second", "$.rules[1][2]", 5},
    {"line: third", "$.rules[2]", 5},
    {"line: value on a line of its own", "$.rules[2].id", 7},
    {"line: empty array", "$.rules[2].keys", 7},
    {"line: last", "$.last", 9},
    {"line: no such member", "$.nothing", 0},
    {"line: no such index", "$.rules[3]", 0},
    {"line: index into an empty array", "$.rules[2].keys[0]", 0},
    {"line: index into an object", "$[0]", 0},
    {"line: member of an array", "$.rules.id", 0},
    {"line: member of a scalar", "$.last.x", 0},
    {"line: not a path", "rules", 0},
    {"line: empty path", "", 0},
    {"line: bad index", "$.rules[x]", 0},
    {"line: open index", "$.rules[1", 0},
    {"line: huge index", "$.rules[99999999999999999999]", 0},
    {"line: junk", "$rules", 0},
};

static void line_of(void **state)
{
    const struct line_row *row = *state;
    assert_int_equal(hm_json_line_of(hm_bytes_str(config), row->path), row->line);
}

struct locate_row {
    const char *name;
    const char *before;
    const char *after;
};

static const struct locate_row locate_rows[] = {
    {"locate: member", "$.rules[2].id: expected a name", "f:7: $.rules[2].id: expected a name"},
    {"locate: missing member", "$.rules[2].key: expected this member",
     "f:5: $.rules[2].key: expected this member"},
    {"locate: missing at the top", "$.version: expected this member",
     "f:1: $.version: expected this member"},
    {"locate: from the parser", "line 3, column 7: expected ','", "f:3:7: expected ','"},
    {"locate: no place", "file is empty", "f: file is empty"},
};

static void locate(void **state)
{
    const struct locate_row *row = *state;
    struct hm_why why;
    (void)hm_fail(&why, HM_E_MALFORMED, "%s", row->before);
    hm_json_locate(&why, "f", hm_bytes_str(config));
    assert_string_equal(why.text, row->after);
}

/* Whatever the text is, looking for a place in it reads nothing outside. */
static void places_in_broken_texts(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof config; n++) {
        uint8_t *copy = exact_copy(hm_bytes_str(config), n);
        for (size_t i = 0; i < COUNT(line_rows); i++)
            (void)hm_json_line_of(hm_bytes_of(copy, n), line_rows[i].path);
        free(copy);
    }
}

int main(void)
{
    struct CMUnitTest
        tests[COUNT(parse_rows) + COUNT(line_rows) + COUNT(locate_rows) + COUNT(value_rows) + 6];
    size_t n = ADD_ROWS(tests, 0, parse, parse_rows);
    n = ADD_ROWS(tests, n, line_of, line_rows);
    n = ADD_ROWS(tests, n, locate, locate_rows);
    n = ADD_ROWS(tests, n, value, value_rows);
    n = ADD_TEST(tests, n, like_jansson);
    n = ADD_TEST(tests, n, nul_byte);
    n = ADD_TEST(tests, n, size_limit);
    n = ADD_TEST(tests, n, deep_nesting);
    n = ADD_TEST(tests, n, number_of_values);
    n = ADD_TEST(tests, n, places_in_broken_texts);
    return _cmocka_run_group_tests("schema_json", tests, n, NULL, NULL);
}
