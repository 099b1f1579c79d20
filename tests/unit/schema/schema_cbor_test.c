/* CBOR: what the writer writes, the reader takes; every other spelling of the same value it
 * refuses. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/cbor/hm_cbor.h"

struct int_row {
    const char *name;
    int64_t value;
    const char *hex;
};

/* RFC 8949 appendix A. */
static const struct int_row int_rows[] = {
    {"int: 0", 0, "00"},
    {"int: 10", 10, "0a"},
    {"int: 23", 23, "17"},
    {"int: 24", 24, "1818"},
    {"int: 100", 100, "1864"},
    {"int: 255", 255, "18ff"},
    {"int: 256", 256, "190100"},
    {"int: 1000", 1000, "1903e8"},
    {"int: 65535", 65535, "19ffff"},
    {"int: 65536", 65536, "1a00010000"},
    {"int: 1000000", 1000000, "1a000f4240"},
    {"int: 2^32-1", 4294967295, "1affffffff"},
    {"int: 2^32", 4294967296, "1b0000000100000000"},
    {"int: 10^12", 1000000000000, "1b000000e8d4a51000"},
    {"int: 2^63-1", INT64_MAX, "1b7fffffffffffffff"},
    {"int: -1", -1, "20"},
    {"int: -10", -10, "29"},
    {"int: -24", -24, "37"},
    {"int: -25", -25, "3818"},
    {"int: -100", -100, "3863"},
    {"int: -257", -257, "390100"},
    {"int: -1000", -1000, "3903e7"},
    {"int: -2^63", INT64_MIN, "3b7fffffffffffffff"},
};

static void integers(void **state)
{
    const struct int_row *row = *state;
    HM_BUF_AUTO want = {.limit = 0};
    HM_BUF_AUTO got = {.limit = 0};
    struct hm_cbor_in in;
    struct hm_bytes bytes = from_hex(&want, row->hex);
    hm_cbor_int(&got, row->value);
    assert_true(hm_bytes_eq(hm_buf_bytes(&got), bytes));
    hm_cbor_begin(&in, bytes);
    assert_int_equal(hm_cbor_peek(&in), row->value < 0 ? HM_CBOR_NINT : HM_CBOR_UINT);
    assert_true(hm_cbor_get_int(&in) == row->value);
    assert_int_equal(hm_cbor_done(&in), HM_OK);
    assert_int_equal(hm_cbor_peek(&in), HM_CBOR_END);
}

struct skip_row {
    const char *name;
    const char *hex;
    enum hm_err expected;
};

static const struct skip_row skip_rows[] = {
    {"skip: 2^64-1", "1bffffffffffffffff", HM_OK},
    {"skip: empty bstr", "40", HM_OK},
    {"skip: bstr", "4401020304", HM_OK},
    {"skip: text", "6449455446", HM_OK},
    {"skip: UTF-8", "62c3bc", HM_OK},
    {"skip: array", "8301820203820405", HM_OK},
    {"skip: empty array and map", "82a080", HM_OK},
    {"skip: map", "a201020304", HM_OK},
    {"skip: tag", "c11a514b67b0", HM_OK},
    {"skip: false, true, null", "83f4f5f6", HM_OK},
    {"skip: 16 deep", "8181818181818181818181818181818101", HM_OK},
    {"skip: nothing", "", HM_E_MALFORMED},
    {"skip: two items", "0101", HM_E_MALFORMED},
    {"skip: 17 deep", "818181818181818181818181818181818101", HM_E_LIMIT},
    {"skip: 17 deep by tags", "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c101", HM_E_LIMIT},
    {"skip: 0 in two bytes", "1800", HM_E_MALFORMED},
    {"skip: 23 in two bytes", "1817", HM_E_MALFORMED},
    {"skip: 255 in three bytes", "1900ff", HM_E_MALFORMED},
    {"skip: 65535 in five bytes", "1a0000ffff", HM_E_MALFORMED},
    {"skip: 2^32-1 in nine bytes", "1b00000000ffffffff", HM_E_MALFORMED},
    {"skip: -1 in two bytes", "3800", HM_E_MALFORMED},
    {"skip: long length of a bstr", "580101", HM_E_MALFORMED},
    {"skip: long length of a text", "780161", HM_E_MALFORMED},
    {"skip: long count of an array", "980101", HM_E_MALFORMED},
    {"skip: long count of a map", "b8010101", HM_E_MALFORMED},
    {"skip: long tag", "d80101", HM_E_MALFORMED},
    {"skip: indefinite bstr", "5f4101ff", HM_E_MALFORMED},
    {"skip: indefinite text", "7f6161ff", HM_E_MALFORMED},
    {"skip: indefinite array", "9f01ff", HM_E_MALFORMED},
    {"skip: indefinite map", "bf0102ff", HM_E_MALFORMED},
    {"skip: break alone", "ff", HM_E_MALFORMED},
    {"skip: reserved 28", "1c", HM_E_MALFORMED},
    {"skip: reserved 29", "3d", HM_E_MALFORMED},
    {"skip: reserved 30", "5e", HM_E_MALFORMED},
    {"skip: half float", "f93c00", HM_E_MALFORMED},
    {"skip: float", "fa47c35000", HM_E_MALFORMED},
    {"skip: double", "fb3ff199999999999a", HM_E_MALFORMED},
    {"skip: undefined", "f7", HM_E_MALFORMED},
    {"skip: simple 16", "f0", HM_E_MALFORMED},
    {"skip: simple 24", "f818", HM_E_MALFORMED},
    {"skip: simple 255", "f8ff", HM_E_MALFORMED},
    {"skip: bstr too short", "4401", HM_E_MALFORMED},
    {"skip: bstr of 2^64-1", "5bffffffffffffffff", HM_E_MALFORMED},
    {"skip: bstr of 2^63", "5b8000000000000000", HM_E_MALFORMED},
    {"skip: array of 2^64-1", "9bffffffffffffffff", HM_E_MALFORMED},
    {"skip: map of 2^63", "bb800000000000000001", HM_E_MALFORMED},
    {"skip: array too short", "8201", HM_E_MALFORMED},
    {"skip: map without its value", "a101", HM_E_MALFORMED},
    {"skip: tag alone", "c1", HM_E_MALFORMED},
    {"skip: text is not UTF-8", "61ff", HM_E_MALFORMED},
    {"skip: text is a surrogate", "63eda080", HM_E_MALFORMED},
    {"skip: text overlong", "62c080", HM_E_MALFORMED},
    {"skip: text with NUL", "6100", HM_E_MALFORMED},
};

static void skip_item(void **state)
{
    const struct skip_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_bytes bytes = from_hex(&b, row->hex);
    uint8_t *copy = exact_copy(bytes, bytes.len);
    struct hm_cbor_in in;
    hm_cbor_begin(&in, hm_bytes_of(copy, bytes.len));
    struct hm_bytes item = hm_cbor_skip(&in);
    assert_int_equal(hm_cbor_done(&in), row->expected);
    if (row->expected == HM_OK)
        assert_true(hm_bytes_eq(item, bytes));
    free(copy);
}

typedef void (*getter)(struct hm_cbor_in *in);

static void get_uint(struct hm_cbor_in *in)
{
    assert_true(hm_cbor_get_uint(in) == 0);
}
static void get_int(struct hm_cbor_in *in)
{
    assert_true(hm_cbor_get_int(in) == 0);
}
static void get_bstr(struct hm_cbor_in *in)
{
    assert_null(hm_cbor_get_bstr(in).data);
}
static void get_tstr(struct hm_cbor_in *in)
{
    assert_null(hm_cbor_get_tstr(in).data);
}
static void get_array(struct hm_cbor_in *in)
{
    assert_int_equal(hm_cbor_get_array(in, 4), 0);
}
static void get_map(struct hm_cbor_in *in)
{
    assert_int_equal(hm_cbor_get_map(in, 4), 0);
}
static void get_tag(struct hm_cbor_in *in)
{
    assert_true(hm_cbor_get_tag(in) == 0);
}

struct wrong_row {
    const char *name;
    getter get;
    const char *hex;
    enum hm_err expected;
};

static const struct wrong_row wrong_rows[] = {
    {"wrong: uint from nint", get_uint, "20", HM_E_MALFORMED},
    {"wrong: uint from bstr", get_uint, "4101", HM_E_MALFORMED},
    {"wrong: uint from nothing", get_uint, "", HM_E_MALFORMED},
    {"wrong: int of 2^63", get_int, "1b8000000000000000", HM_E_LIMIT},
    {"wrong: int of -2^63-1", get_int, "3b8000000000000000", HM_E_LIMIT},
    {"wrong: int from null", get_int, "f6", HM_E_MALFORMED},
    {"wrong: bstr from text", get_bstr, "6161", HM_E_MALFORMED},
    {"wrong: text from bstr", get_tstr, "4161", HM_E_MALFORMED},
    {"wrong: text not UTF-8", get_tstr, "61ff", HM_E_MALFORMED},
    {"wrong: array from map", get_array, "a10101", HM_E_MALFORMED},
    {"wrong: map from array", get_map, "820101", HM_E_MALFORMED},
    {"wrong: array above its limit", get_array, "850101010101", HM_E_LIMIT},
    {"wrong: array of 2^64-1", get_array, "9bffffffffffffffff", HM_E_LIMIT},
    {"wrong: array longer than the input", get_array, "8401", HM_E_MALFORMED},
    {"wrong: map above its limit", get_map, "a501010202030304040505", HM_E_LIMIT},
    {"wrong: map longer than the input", get_map, "a30102", HM_E_MALFORMED},
    {"wrong: tag from uint", get_tag, "18", HM_E_MALFORMED},
    {"wrong: null from false", hm_cbor_get_null, "f4", HM_E_MALFORMED},
    {"wrong: null from undefined", hm_cbor_get_null, "f7", HM_E_MALFORMED},
};

/* The first error stays, and nothing is read after it. */
static void wrong_type(void **state)
{
    const struct wrong_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_cbor_in in;
    hm_cbor_begin(&in, from_hex(&b, row->hex));
    row->get(&in);
    assert_int_equal(hm_cbor_done(&in), row->expected);
    assert_int_equal(hm_cbor_peek(&in), HM_CBOR_BAD);
    assert_true(hm_cbor_get_uint(&in) == 0);
    assert_null(hm_cbor_skip(&in).data);
    assert_int_equal(hm_cbor_done(&in), row->expected);
}

static void write_all(struct hm_buf *b)
{
    hm_cbor_tag(b, 107);
    hm_cbor_map(b, 2);
    hm_cbor_uint(b, 1);
    hm_cbor_tstr(b, "fw.bin");
    hm_cbor_int(b, -257);
    hm_cbor_array(b, 3);
    hm_cbor_bstr(b, hm_bytes_of("\1\2", 2));
    hm_cbor_bstr_head(b, 1);
    hm_buf_putc(b, 9);
    hm_cbor_null(b);
}

static void round_trip(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO want = {.limit = 0};
    struct hm_cbor_in in;
    write_all(&b);
    assert_true(hm_bytes_eq(hm_buf_bytes(&b),
                            from_hex(&want, "d86ba2016666772e62696e390100834201024109f6")));
    hm_cbor_begin(&in, hm_buf_bytes(&b));
    assert_true(hm_cbor_get_tag(&in) == 107);
    assert_int_equal(hm_cbor_get_map(&in, 2), 2);
    assert_true(hm_cbor_get_uint(&in) == 1);
    assert_true(hm_bytes_eq_str(hm_cbor_get_tstr(&in), "fw.bin"));
    assert_true(hm_cbor_get_int(&in) == -257);
    assert_int_equal(hm_cbor_get_array(&in, 3), 3);
    assert_int_equal(hm_cbor_get_bstr(&in).len, 2);
    assert_int_equal(hm_cbor_get_bstr(&in).len, 1);
    assert_int_equal(hm_cbor_peek(&in), HM_CBOR_SIMPLE);
    hm_cbor_get_null(&in);
    assert_int_equal(hm_cbor_done(&in), HM_OK);
}

static enum hm_err skip_all(struct hm_bytes data, void *ctx)
{
    struct hm_cbor_in in;
    (void)ctx;
    hm_cbor_begin(&in, data);
    (void)hm_cbor_skip(&in);
    return hm_cbor_done(&in);
}

static void cuts(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    write_all(&b);
    refuses_every_cut(hm_buf_bytes(&b), skip_all, NULL);
    refuses_more(hm_buf_bytes(&b), skip_all, NULL);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(int_rows) + COUNT(skip_rows) + COUNT(wrong_rows) + 2];
    size_t n = ADD_ROWS(tests, 0, integers, int_rows);
    n = ADD_ROWS(tests, n, skip_item, skip_rows);
    n = ADD_ROWS(tests, n, wrong_type, wrong_rows);
    n = ADD_TEST(tests, n, round_trip);
    n = ADD_TEST(tests, n, cuts);
    return _cmocka_run_group_tests("schema_cbor", tests, n, NULL, NULL);
}
