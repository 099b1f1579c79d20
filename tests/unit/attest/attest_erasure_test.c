/* Statements that have private detail erased: one spelling, every cut refused. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_erasure.h"
#include "schema/attest/hm_signed.h"

#include <stdio.h>

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD                                                                                       \
    "detail-erasure/v1\norigin a/b\nexpires 2026-11-28T00:00:00Z\nreason asked for by the "        \
    "person\n"
#define ITEM(idx) "detail " idx " sha256:" A64 "\n"

static void round_trip(void **state)
{
    static const char text[] = HEAD ITEM("7") "detail 41 sha256:" B64 "\n";
    struct hm_erasure e;
    HM_BUF_AUTO again = {0};
    (void)state;
    assert_int_equal(hm_erasure_parse(hm_bytes_str(text), &e, NULL), HM_OK);
    assert_int_equal(e.count, 2);
    assert_int_equal(e.items[0].idx, 7);
    assert_int_equal(e.items[1].idx, 41);
    assert_int_equal(e.items[0].detail.b[0], 0xaa);
    assert_int_equal(e.items[1].detail.b[31], 0xbb);
    assert_int_equal(e.expires_s, 1795824000);
    assert_string_equal(e.reason, "asked for by the person");
    assert_int_equal(hm_erasure_write(&e, &again, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&again), text);
}

static void every_cut(void **state)
{
    static const char text[] = HEAD ITEM("7") ITEM("41");
    struct hm_erasure e;
    (void)state;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        /* Without its last line it is a whole statement about one record. */
        bool whole = n == sizeof(HEAD ITEM("7")) - 1;
        assert_int_equal(hm_erasure_parse(hm_bytes_of(text, n), &e, NULL) == HM_OK, whole);
    }
}

/* Every flipped bit gives another statement or none, never the same one in another spelling. */
static void every_flip(void **state)
{
    char text[] = HEAD ITEM("7");
    struct hm_erasure e;
    (void)state;
    for (size_t i = 0; i < 8 * (sizeof text - 1); i++) {
        HM_BUF_AUTO again = {0};
        text[i / 8] = (char)((unsigned char)text[i / 8] ^ (1u << i % 8));
        if (hm_erasure_parse(hm_bytes_of(text, sizeof text - 1), &e, NULL) == HM_OK) {
            assert_int_equal(hm_erasure_write(&e, &again, NULL), HM_OK);
            assert_int_equal(again.len, sizeof text - 1);
            assert_memory_equal(again.data, text, again.len);
        }
        text[i / 8] = (char)((unsigned char)text[i / 8] ^ (1u << i % 8));
    }
}

static void how_many(void **state)
{
    struct hm_erasure e = {.origin = "a/b", .expires_s = 1, .reason = "r"};
    struct hm_erasure back;
    HM_BUF_AUTO out = {0};
    (void)state;
    assert_int_equal(hm_erasure_write(&e, &out, NULL), HM_E_LIMIT);
    e.count = HM_ERASURE_MAX + 1;
    assert_int_equal(hm_erasure_write(&e, &out, NULL), HM_E_LIMIT);
    for (size_t i = 0; i < HM_ERASURE_MAX; i++)
        e.items[i].idx = (UINT64_C(1) << 53) - 1 - HM_ERASURE_MAX + i;
    e.count = HM_ERASURE_MAX;
    assert_int_equal(hm_erasure_write(&e, &out, NULL), HM_OK);
    assert_true(out.len < HM_STATEMENT_MAX);
    assert_int_equal(hm_erasure_parse(hm_buf_bytes(&out), &back, NULL), HM_OK);
    assert_int_equal(back.count, HM_ERASURE_MAX);
    hm_buf_puts(&out, ITEM("9007199254740991"));
    assert_int_equal(hm_erasure_parse(hm_buf_bytes(&out), &back, NULL), HM_E_MALFORMED);
}

static void a_kind_of_its_own(void **state)
{
    (void)state;
    for (int k = HM_SIGNED_REQUEST; k < HM_SIGNED_ERASURE; k++) {
        assert_string_not_equal(hm_signed_namespace((enum hm_signed_kind)k),
                                hm_signed_namespace(HM_SIGNED_ERASURE));
        assert_string_not_equal(hm_signed_payload_type((enum hm_signed_kind)k),
                                hm_signed_payload_type(HM_SIGNED_ERASURE));
    }
}

struct row {
    const char *name;
    const char *text;
};
static const struct row rows[] = {
    {"another type", "policy-approval/v1\norigin a/b\nproposal 1\n"},
    {"another version", "detail-erasure/v2\norigin a/b\nexpires 2026-11-28T00:00:00Z\nreason r\n"
                        "detail 7 sha256:" A64 "\n"},
    {"no record", HEAD},
    {"a record twice", HEAD ITEM("7") ITEM("7")},
    {"descending", HEAD ITEM("8") ITEM("7")},
    {"index with a zero in front", HEAD ITEM("07")},
    {"negative index", HEAD ITEM("-7")},
    {"index above 2^53", HEAD ITEM("9007199254740993")},
    {"no digest", HEAD "detail 7\n"},
    {"digest without its name", HEAD "detail 7 " A64 "\n"},
    {"digest in capitals",
     HEAD "detail 7 sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"},
    {"two spaces", HEAD "detail  7 sha256:" A64 "\n"},
    {"a word behind", HEAD "detail 7 sha256:" A64 " x\n"},
    {"carriage return", HEAD "detail 7 sha256:" A64 "\r\n"},
    {"a line behind", HEAD ITEM("7") "reason r\n"},
    {"no reason", "detail-erasure/v1\norigin a/b\nexpires 2026-11-28T00:00:00Z\n" ITEM("7")},
    {"an empty reason",
     "detail-erasure/v1\norigin a/b\nexpires 2026-11-28T00:00:00Z\nreason \n" ITEM("7")},
    {"a reason with a control character",
     "detail-erasure/v1\norigin a/b\nexpires 2026-11-28T00:00:00Z\nreason \x1b[2J\n" ITEM("7")},
    {"no expiry", "detail-erasure/v1\norigin a/b\nreason r\n" ITEM("7")},
    {"expiry at the epoch",
     "detail-erasure/v1\norigin a/b\nexpires 1970-01-01T00:00:00Z\nreason r\n" ITEM("7")},
    {"lines in another order",
     "detail-erasure/v1\norigin a/b\nreason r\nexpires 2026-11-28T00:00:00Z\n" ITEM("7")},
    {"no origin", "detail-erasure/v1\nexpires 2026-11-28T00:00:00Z\nreason r\n" ITEM("7")},
};

static void refused(void **state)
{
    const struct row *r = *state;
    struct hm_erasure e;
    assert_int_not_equal(hm_erasure_parse(hm_bytes_str(r->text), &e, NULL), HM_OK);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + 5] = {
        cmocka_unit_test(round_trip),        cmocka_unit_test(every_cut),
        cmocka_unit_test(every_flip),        cmocka_unit_test(how_many),
        cmocka_unit_test(a_kind_of_its_own),
    };
    (void)ADD_ROWS(tests, 5, refused, rows);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
