/* The latching reader: each getter with good and bad values, the path in each message, unknown
 * members. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/json/hm_json.h"

#include <stdio.h>

static json_t *parsed(const char *text)
{
    json_t *doc = NULL;
    struct hm_why why = {""};
    if (hm_json_parse(hm_bytes_str(text), HM_JSON_OURS(65536), &doc, &why) != HM_OK)
        fail_msg("%s: %s", text, why.text);
    return doc;
}

static void get_str(struct hm_json_in *in)
{
    (void)hm_json_str(in, "a");
}
static void get_name(struct hm_json_in *in)
{
    (void)hm_json_name(in, "a");
}
static void get_uint(struct hm_json_in *in)
{
    (void)hm_json_uint(in, "a", 2, 5);
}
static void get_bool(struct hm_json_in *in)
{
    (void)hm_json_bool(in, "a");
}
static void get_object(struct hm_json_in *in)
{
    (void)hm_json_object(in, "a");
}
static void get_array(struct hm_json_in *in)
{
    (void)hm_json_array(in, "a", 1, 2);
}
static void get_any(struct hm_json_in *in)
{
    (void)hm_json_any(in, "a");
}
static void get_digest(struct hm_json_in *in)
{
    struct hm_digest d;
    hm_json_digest(in, "a", &d);
}
static void get_str_or(struct hm_json_in *in)
{
    (void)hm_json_str_or(in, "a", "x");
}
static void get_uint_or(struct hm_json_in *in)
{
    (void)hm_json_uint_or(in, "a", 2, 5, 3);
}
static void get_bool_or(struct hm_json_in *in)
{
    (void)hm_json_bool_or(in, "a", true);
}
static void get_array_or_null(struct hm_json_in *in)
{
    (void)hm_json_array_or_null(in, "a", 2);
}
static void get_object_or_null(struct hm_json_in *in)
{
    (void)hm_json_object_or_null(in, "a");
}
static void get_nothing(struct hm_json_in *in)
{
    (void)in;
}

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MISSING "$.x[3].a: expected this member, it is missing"

struct get_row {
    const char *name;
    void (*get)(struct hm_json_in *in);
    const char *text;
    const char *says; /* NULL: good */
};

static const struct get_row get_rows[] = {
    {"str: good", get_str, "{\"a\":\"b\"}", NULL},
    {"str: empty", get_str, "{\"a\":\"\"}", NULL},
    {"str: missing", get_str, "{}", MISSING},
    {"str: null", get_str, "{\"a\":null}", "$.x[3].a: expected a string"},
    {"str: integer", get_str, "{\"a\":1}", "$.x[3].a: expected a string"},
    {"name: good", get_name, "{\"a\":\"er-100_b.c+d\"}", NULL},
    {"name: slash", get_name, "{\"a\":\"a/b\"}", "$.x[3].a: expected a name"},
    {"name: empty", get_name, "{\"a\":\"\"}", "$.x[3].a: expected a name"},
    {"name: begins with a dot", get_name, "{\"a\":\".a\"}", "$.x[3].a: expected a name"},
    {"name: not ASCII", get_name, "{\"a\":\"\xc3\xa4\"}", "$.x[3].a: expected a name"},
    {"name: newline", get_name, "{\"a\":\"a\\n\"}", "$.x[3].a: expected a name"},
    {"name: missing", get_name, "{}", MISSING},
    {"uint: lowest", get_uint, "{\"a\":2}", NULL},
    {"uint: highest", get_uint, "{\"a\":5}", NULL},
    {"uint: too low", get_uint, "{\"a\":1}", "$.x[3].a: expected an integer from 2 to 5"},
    {"uint: too high", get_uint, "{\"a\":6}", "$.x[3].a: expected an integer from 2 to 5"},
    {"uint: negative", get_uint, "{\"a\":-3}", "$.x[3].a: expected an integer"},
    {"uint: string", get_uint, "{\"a\":\"3\"}", "$.x[3].a: expected an integer"},
    {"uint: true", get_uint, "{\"a\":true}", "$.x[3].a: expected an integer"},
    {"uint: missing", get_uint, "{}", MISSING},
    {"bool: true", get_bool, "{\"a\":true}", NULL},
    {"bool: false", get_bool, "{\"a\":false}", NULL},
    {"bool: integer", get_bool, "{\"a\":1}", "$.x[3].a: expected true or false"},
    {"bool: string", get_bool, "{\"a\":\"true\"}", "$.x[3].a: expected true or false"},
    {"bool: missing", get_bool, "{}", MISSING},
    {"object: good", get_object, "{\"a\":{}}", NULL},
    {"object: array", get_object, "{\"a\":[]}", "$.x[3].a: expected an object"},
    {"object: missing", get_object, "{}", MISSING},
    {"array: one", get_array, "{\"a\":[1]}", NULL},
    {"array: two", get_array, "{\"a\":[1,2]}", NULL},
    {"array: empty", get_array, "{\"a\":[]}", "$.x[3].a: expected an array of 1 to 2"},
    {"array: three", get_array, "{\"a\":[1,2,3]}", "$.x[3].a: expected an array of 1 to 2"},
    {"array: object", get_array, "{\"a\":{}}", "$.x[3].a: expected an array of 1 to 2"},
    {"array: missing", get_array, "{}", MISSING},
    {"any: null", get_any, "{\"a\":null}", NULL},
    {"any: missing", get_any, "{}", MISSING},
    {"digest: good", get_digest, "{\"a\":\"" HEX64 "\"}", NULL},
    {"digest: short", get_digest, "{\"a\":\"00\"}", "$.x[3].a: expected 64 lower-case hex"},
    {"digest: long", get_digest, "{\"a\":\"" HEX64 "00\"}", "$.x[3].a: expected 64 lower-case hex"},
    {"digest: upper case", get_digest,
     "{\"a\":\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\"}",
     "$.x[3].a: expected 64 lower-case hex"},
    {"digest: missing", get_digest, "{}", MISSING},
    {"str or: good", get_str_or, "{\"a\":\"b\"}", NULL},
    {"str or: absent", get_str_or, "{}", NULL},
    {"str or: null", get_str_or, "{\"a\":null}", "$.x[3].a: expected a string"},
    {"uint or: absent", get_uint_or, "{}", NULL},
    {"uint or: too high", get_uint_or, "{\"a\":9}", "$.x[3].a: expected an integer"},
    {"uint or: null", get_uint_or, "{\"a\":null}", "$.x[3].a: expected an integer"},
    {"bool or: absent", get_bool_or, "{}", NULL},
    {"bool or: null", get_bool_or, "{\"a\":null}", "$.x[3].a: expected true or false"},
    {"array or null: absent", get_array_or_null, "{}", NULL},
    {"array or null: empty", get_array_or_null, "{\"a\":[]}", NULL},
    {"array or null: too long", get_array_or_null, "{\"a\":[1,2,3]}",
     "$.x[3].a: expected an array"},
    {"array or null: null", get_array_or_null, "{\"a\":null}", "$.x[3].a: expected an array"},
    {"object or null: absent", get_object_or_null, "{}", NULL},
    {"object or null: null", get_object_or_null, "{\"a\":null}", "$.x[3].a: expected an object"},
    {"unknown: one", get_nothing, "{\"foo\":1}", "$.x[3].foo: unknown member"},
    {"unknown: beside a known one", get_any, "{\"a\":1,\"b\":2}", "$.x[3].b: unknown member"},
    {"unknown: other case", get_str_or, "{\"A\":\"x\"}", "$.x[3].A: unknown member"},
    {"unknown: control characters escaped", get_nothing, "{\"\\u001b[31m\":1}",
     "$.x[3].\\u{001b}[31m: unknown member"},
};

static void get(void **state)
{
    const struct get_row *row = *state;
    HM_JSON_AUTO *doc = parsed(row->text);
    struct hm_json_in in;
    struct hm_why why = {""};
    hm_json_begin(&in, doc, "$.x[3]", &why);
    row->get(&in);
    enum hm_err err = hm_json_end(&in);
    if (row->says == NULL) {
        assert_int_equal(err, HM_OK);
        return;
    }
    assert_int_not_equal(err, HM_OK);
    if (strncmp(why.text, row->says, strlen(row->says)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", why.text, row->says);
}

static void values(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{\"s\":\"x\",\"u\":7,\"b\":true,\"d\":\"" HEX64 "\"}");
    struct hm_json_in in;
    struct hm_digest d;
    char hex[HM_SHA256_HEX];
    hm_json_begin(&in, doc, "$", NULL);
    assert_string_equal(hm_json_str(&in, "s"), "x");
    assert_true(hm_json_uint(&in, "u", 0, 7) == 7);
    assert_true(hm_json_bool(&in, "b"));
    hm_json_digest(&in, "d", &d);
    hm_digest_hex(&d, hex);
    assert_string_equal(hex, HEX64);
    assert_string_equal(hm_json_str_or(&in, "none", "dflt"), "dflt");
    assert_true(hm_json_uint_or(&in, "none", 0, 9, 4) == 4);
    assert_true(hm_json_bool_or(&in, "none", true));
    assert_null(hm_json_array_or_null(&in, "none", 4));
    assert_null(hm_json_object_or_null(&in, "none"));
    assert_true(hm_json_has(&in, "s"));
    assert_false(hm_json_has(&in, "none"));
    assert_int_equal(hm_json_end(&in), HM_OK);
}

static void first_error_stays(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{\"a\":\"x\",\"b\":1}");
    struct hm_json_in in;
    struct hm_why why = {""};
    hm_json_begin(&in, doc, "$", &why);
    (void)hm_json_uint(&in, "a", 0, 1);
    assert_null(hm_json_str(&in, "b"));
    assert_null(hm_json_str(&in, "a"));
    hm_json_bad(&in, HM_E_LIMIT, "b", "later");
    assert_int_equal(hm_json_end(&in), HM_E_MALFORMED);
    assert_non_null(strstr(why.text, "$.a: expected an integer"));
}

static void no_object(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("[1]");
    struct hm_json_in in;
    struct hm_why why = {""};
    hm_json_begin(&in, doc, "$", &why);
    assert_null(hm_json_str(&in, "a"));
    assert_false(hm_json_has(&in, "a"));
    assert_int_equal(hm_json_end(&in), HM_E_MALFORMED);
    assert_string_equal(why.text, "$: expected an object");
    hm_json_begin(&in, NULL, "$.k", &why);
    assert_int_equal(hm_json_end(&in), HM_E_MALFORMED);
    assert_string_equal(why.text, "$.k: expected an object");
}

static void open_reader_ignores_unknown(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{\"a\":1,\"b\":2}");
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", NULL);
    in.open = true;
    (void)hm_json_any(&in, "a");
    assert_int_equal(hm_json_end(&in), HM_OK);
}

/* Asking twice for one member must not hide another. */
static void asked_twice_counts_once(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{\"a\":1,\"b\":2}");
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", NULL);
    (void)hm_json_any(&in, "a");
    (void)hm_json_any(&in, "a");
    assert_int_equal(hm_json_end(&in), HM_E_MALFORMED);
}

/* To ask whether a member is there does not make it known. */
static void has_does_not_read(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{\"a\":1}");
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", NULL);
    assert_true(hm_json_has(&in, "a"));
    assert_int_equal(hm_json_end(&in), HM_E_MALFORMED);
}

static void paths(void **state)
{
    (void)state;
    HM_JSON_AUTO *doc = parsed("{}");
    struct hm_json_in in;
    char path[160];
    char longest[400];
    hm_json_begin(&in, doc, "$.rules[2]", NULL);
    hm_json_path(&in, "match", -1, path);
    assert_string_equal(path, "$.rules[2].match");
    hm_json_path(&in, "keys", 7, path);
    assert_string_equal(path, "$.rules[2].keys[7]");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    hm_json_path(&in, longest, 0, path);
    assert_int_equal(strlen(path), 159);
    hm_json_begin(&in, doc, longest, NULL);
    assert_int_equal(strlen(in.path), 159);
}

/* Exactly 48 members can be read; the 49th is a bug of the reader, and an error. */
static void many_members(void **state)
{
    (void)state;
    char names[49][8];
    HM_JSON_AUTO *doc = json_object();
    struct hm_json_in in;
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)snprintf(names[i], sizeof names[i], "m%zu", i);
        assert_int_equal(json_object_set_new(doc, names[i], json_true()), 0);
    }
    hm_json_begin(&in, doc, "$", NULL);
    for (size_t i = 0; i < COUNT(names); i++)
        (void)hm_json_bool(&in, names[i]);
    assert_int_equal(hm_json_end(&in), HM_E_INTERNAL);
    assert_int_equal(json_object_del(doc, names[48]), 0);
    hm_json_begin(&in, doc, "$", NULL);
    for (size_t i = 0; i + 1 < COUNT(names); i++)
        (void)hm_json_bool(&in, names[i]);
    assert_int_equal(hm_json_end(&in), HM_OK);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(get_rows) + 8];
    size_t n = ADD_ROWS(tests, 0, get, get_rows);
    n = ADD_TEST(tests, n, values);
    n = ADD_TEST(tests, n, first_error_stays);
    n = ADD_TEST(tests, n, no_object);
    n = ADD_TEST(tests, n, open_reader_ignores_unknown);
    n = ADD_TEST(tests, n, asked_twice_counts_once);
    n = ADD_TEST(tests, n, has_does_not_read);
    n = ADD_TEST(tests, n, paths);
    n = ADD_TEST(tests, n, many_members);
    return _cmocka_run_group_tests("schema_reader", tests, n, NULL, NULL);
}
