/* Approval, rejection and cancellation statements: one text for one meaning. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_approval.h"
#include "schema/attest/hm_decision.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD                                                                                       \
    "release-approval/v1\norigin hallmark.example/rehearsal\nsubmitted " HEX                       \
    "\nrelease r17\nproduct edge-router\nversion 2.1.0\nchannel stable\nenvironment production\n"
#define LISTS "hardware er-100/b\nregion world\ndependency edge-radio 1.4.0\n"
#define SOURCE                                                                                     \
    "sequence 12\nrepository https://git.example.com/edge-router\nref refs/tags/v2.1.0\n"          \
    "commit 0123456789abcdef0123456789abcdef01234567\nbuilder https://ci.example.com/builder\n"
#define ARTIFACT "artifact sha256:" HEX " 786432 firmware.bin\n"
#define DIGESTS "manifest sha256:" HEX "\npolicy sha256:" HEX "\n"
#define SIGN "sign sha256:" HEX " ESP256 sha256:" HEX "\n"
#define SIGN_BY(x) "sign sha256:" x x x x x x x x " ESP256 sha256:" HEX "\n"
#define EXPIRES "expires 2026-11-28T00:00:00Z\n"
static const char approval[] = HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES;

struct text_row {
    const char *name;
    const char *text;
};
static const struct text_row accepted[] = {
    {"whole", approval},
    {"no dependency",
     HEAD "hardware er-100/b\nregion world\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"no provenance", HEAD LISTS
     "sequence 1\nrepository -\nref -\ncommit -\nbuilder -\n" ARTIFACT DIGESTS SIGN EXPIRES},
    {"several of each", HEAD "hardware a/b\nhardware a/c\nregion eu\nregion us\ndependency x 1\n"
                             "dependency y 2\n" SOURCE ARTIFACT "artifact sha256:" HEX
                             " 786432 second.bin\n" DIGESTS SIGN SIGN_BY("aaaaaaaa")
                                 SIGN_BY("bbbbbbbb") SIGN_BY("cccccccc") EXPIRES},
    {"commit of 64 digits", HEAD LISTS "sequence 12\nrepository r\nref -\ncommit " HEX
                                       "\nbuilder b\n" ARTIFACT DIGESTS SIGN EXPIRES},
};

static void test_accepted(void **state)
{
    const struct text_row *row = *state;
    HM_BUF_AUTO again = {0};
    struct hm_approval a;
    struct hm_why why = {""};
    if (hm_approval_parse(hm_bytes_str(row->text), &a, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(hm_approval_write(&a, &again, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&again), row->text);
}

static void test_values(void **state)
{
    struct hm_approval a;
    (void)state;
    assert_int_equal(hm_approval_parse(hm_bytes_str(approval), &a, NULL), HM_OK);
    assert_string_equal(a.origin, "hallmark.example/rehearsal");
    assert_int_equal(a.submitted.b[1], 0x11);
    assert_int_equal(a.release, 17);
    assert_string_equal(a.version, "2.1.0");
    assert_string_equal(a.hardware[0].model, "er-100");
    assert_string_equal(a.hardware[0].revision, "b");
    assert_string_equal(a.dependencies[0].version, "1.4.0");
    assert_int_equal(a.sequence, 12);
    assert_string_equal(a.source.ref, "refs/tags/v2.1.0");
    assert_int_equal(a.artifacts[0].size, 786432);
    assert_int_equal(a.artifacts[0].slot, -1);
    assert_string_equal(a.artifacts[0].name, "firmware.bin");
    assert_string_equal(a.sign[0].mechanism, "ESP256");
    assert_int_equal(a.expires_s, 1795824000);
}

#define REGIONS8 "region a\nregion b\nregion c\nregion d\nregion e\nregion f\nregion g\nregion h\n"
static const struct text_row refused[] = {
    {"empty", ""},
    {"type of a rejection", "release-rejection/v1\n"},
    {"type with version 2", "release-approval/v2\n"},
    {"carriage return", "release-approval/v1\r\n"},
    {"no hardware", HEAD "region world\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"no region", HEAD "hardware er-100/b\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"regions 17",
     HEAD "hardware a/b\n" REGIONS8 REGIONS8 "region i\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"no artifact", HEAD LISTS SOURCE DIGESTS SIGN EXPIRES},
    {"artifacts 9", HEAD LISTS SOURCE ARTIFACT ARTIFACT ARTIFACT ARTIFACT ARTIFACT ARTIFACT ARTIFACT
                        ARTIFACT ARTIFACT DIGESTS SIGN EXPIRES},
    {"no sign", HEAD LISTS SOURCE ARTIFACT DIGESTS EXPIRES},
    {"sign 5", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN SIGN SIGN SIGN SIGN EXPIRES},
    {"no expires", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN},
    {"hardware twice", HEAD "hardware er-100/b\n" LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"region twice",
     HEAD "hardware a/b\nregion eu\nregion us\nregion eu\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"dependency twice",
     HEAD LISTS "dependency edge-radio 1.4.0\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"artifact twice", HEAD LISTS SOURCE ARTIFACT ARTIFACT DIGESTS SIGN EXPIRES},
    {"key twice", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN SIGN_BY("aaaaaaaa") SIGN EXPIRES},
    {"expires twice", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES EXPIRES},
    {"line behind", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES "x y\n"},
    {"blank line behind", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES "\n"},
    {"bytes behind", HEAD LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES "x"},
    {"blank line inside", HEAD "\n" LISTS SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"order of lists",
     HEAD "region world\nhardware er-100/b\n" SOURCE ARTIFACT DIGESTS SIGN EXPIRES},
    {"order of digests",
     HEAD LISTS SOURCE ARTIFACT "policy sha256:" HEX "\nmanifest sha256:" HEX "\n" SIGN EXPIRES},
};

/* One replacement in the good statement. */
struct edit {
    const char *name;
    const char *from;
    const char *to;
};
static const struct edit edits[] = {
    {"two spaces", "product edge", "product  edge"},
    {"tab", "product edge", "product\tedge"},
    {"space at the end", "channel stable", "channel stable "},
    {"empty value", "channel stable", "channel "},
    {"no value", "channel stable", "channel"},
    {"upper-case name of a line", "channel stable", "Channel stable"},
    {"name with slash", "product edge-router", "product edge/router"},
    {"name with escape", "product edge-router", "product edge\x1b[2Jrouter"},
    {"name with bidi control", "product edge-router",
     "product edge\xe2\x80\xae"
     "router"},
    {"name of 65", "product edge-router",
     "product aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"origin with space", "origin hallmark", "origin hall mark"},
    {"submitted in capitals", "submitted 00112233445566778899aabb",
     "submitted 00112233445566778899AABB"},
    {"submitted with prefix", "submitted 00", "submitted sha256:00"},
    {"release number alone", "release r17", "release 17"},
    {"release with zero", "release r17", "release r017"},
    {"release negative", "release r17", "release r-17"},
    {"release 2^53", "release r17", "release r9007199254740992"},
    {"hardware without slash", "hardware er-100/b", "hardware er-100"},
    {"hardware with two slashes", "hardware er-100/b", "hardware er-100/b/c"},
    {"hardware without model", "hardware er-100/b", "hardware /b"},
    {"dependency without version", "dependency edge-radio 1.4.0", "dependency edge-radio"},
    {"dependency with more", "dependency edge-radio 1.4.0", "dependency edge-radio 1.4.0 x"},
    {"sequence 0", "sequence 12", "sequence 0"},
    {"sequence with zero", "sequence 12", "sequence 012"},
    {"sequence with plus", "sequence 12", "sequence +12"},
    {"sequence 2^53", "sequence 12", "sequence 9007199254740992"},
    {"sequence beyond 64 bits", "sequence 12", "sequence 18446744073709551628"},
    {"repository with space", "repository https://git", "repository https://gi t"},
    {"commit short", "commit 0123", "commit 123"},
    {"commit in capitals", "commit 0123456789abcdef", "commit 0123456789ABCDEF"},
    {"artifact without prefix", "artifact sha256:", "artifact "},
    {"artifact sha512", "artifact sha256:", "artifact sha512:"},
    {"artifact size 0", "786432", "0"},
    {"artifact size with zero", "786432", "0786432"},
    {"artifact too large", "786432", "4294967297"},
    {"artifact without name", "786432 firmware.bin", "786432"},
    {"artifact with path", "firmware.bin", "../firmware.bin"},
    {"mechanism of 16", "ESP256", "ESP2567890123456"},
    {"mechanism empty", "ESP256", ""},
    {"expires without zone", "00:00:00Z", "00:00:00"},
    {"expires on no day", "2026-11-28", "2026-11-31"},
    {"expires before 1970", "2026-11-28", "1969-11-28"},
    {"break-glass without a reason", "hardware er", "break-glass \nhardware er"},
    {"break-glass twice", "hardware er", "break-glass x\nbreak-glass x\nhardware er"},
    {"break-glass behind the hardware", "region world", "break-glass x\nregion world"},
    {"break-glass before the environment", "environment", "break-glass x\nenvironment"},
    {"break-glass with bidi control", "hardware er",
     "break-glass a\xe2\x80\xae"
     "b\nhardware er"},
};

static void expect_refused(struct hm_bytes text)
{
    struct hm_approval a;
    struct hm_why why = {""};
    memset(&a, 0x5a, sizeof a);
    assert_int_equal(hm_approval_parse(text, &a, &why), HM_E_MALFORMED);
    assert_true(strlen(why.text) > 0);
    assert_int_equal(a.release, UINT64_C(0x5a5a5a5a5a5a5a5a));
}

static void test_refused(void **state)
{
    const struct text_row *row = *state;
    expect_refused(hm_bytes_str(row->text));
}

static void test_edit(void **state)
{
    const struct edit *row = *state;
    HM_BUF_AUTO text = {0};
    const char *at = strstr(approval, row->from);
    assert_non_null(at);
    hm_buf_put(&text, approval, (size_t)(at - approval));
    hm_buf_puts(&text, row->to);
    hm_buf_puts(&text, at + strlen(row->from));
    expect_refused(hm_buf_bytes(&text));
}

static void test_break_glass(void **state)
{
    HM_BUF_AUTO text = {0};
    HM_BUF_AUTO again = {0};
    struct hm_approval a;
    struct hm_why why = {""};
    const char *at = strstr(approval, "hardware ");
    (void)state;
    assert_non_null(at);
    hm_buf_put(&text, approval, (size_t)(at - approval));
    hm_buf_puts(&text, "break-glass incident 4711: they brick\n");
    hm_buf_puts(&text, at);
    if (hm_approval_parse(hm_buf_bytes(&text), &a, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_string_equal(a.break_glass, "incident 4711: they brick");
    assert_int_equal(hm_approval_write(&a, &again, &why), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&text)));
    memset(a.break_glass, '\n', 2);
    hm_buf_reset(&again);
    assert_int_equal(hm_approval_write(&a, &again, NULL), HM_E_MALFORMED);
}

static void test_flipped_and_cut(void **state)
{
    HM_BUF_AUTO text = {0};
    (void)state;
    hm_buf_puts(&text, approval);
    for (size_t n = 0; n < text.len; n++) {
        struct hm_approval a;
        assert_int_not_equal(hm_approval_parse(hm_bytes_of(text.data, n), &a, NULL), HM_OK);
    }
    for (size_t i = 0; i < text.len * 8; i++) {
        HM_BUF_AUTO again = {0};
        struct hm_approval a;
        text.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (hm_approval_parse(hm_buf_bytes(&text), &a, NULL) == HM_OK) {
            assert_int_equal(hm_approval_write(&a, &again, NULL), HM_OK);
            assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&text)));
        }
        text.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
}

static void test_write_refused(void **state)
{
    struct hm_approval good;
    struct hm_approval a;
    HM_BUF_AUTO out = {0};
    (void)state;
    assert_int_equal(hm_approval_parse(hm_bytes_str(approval), &good, NULL), HM_OK);
#define REFUSE(change)                                                                             \
    do {                                                                                           \
        a = good;                                                                                  \
        change;                                                                                    \
        assert_int_equal(hm_approval_write(&a, &out, NULL), HM_E_MALFORMED);                       \
        assert_int_equal(out.len, 0);                                                              \
    } while (0)
    REFUSE(a.hardware_count = 0);
    REFUSE(a.hardware_count = HM_HARDWARE_MAX + 1);
    REFUSE(a.region_count = 0);
    REFUSE(a.region_count = HM_REGIONS_MAX + 1);
    REFUSE(a.dependency_count = HM_DEPENDENCIES_MAX + 1);
    REFUSE(a.artifact_count = 0);
    REFUSE(a.artifact_count = HM_ARTIFACTS_MAX + 1);
    REFUSE(a.sign_count = 0);
    REFUSE(a.sign_count = HM_SIGN_KEYS_MAX + 1);
    REFUSE(a.product[0] = '\n');
    REFUSE(a.origin[0] = '\0');
    REFUSE(a.source.repository[0] = '\n');
    REFUSE(memcpy(a.source.ref, "-", 2));
    REFUSE(memcpy(a.source.commit, "abc", 4));
    REFUSE(memcpy(a.builder, "-", 2));
    REFUSE(a.artifacts[0].size = 0);
    REFUSE(a.sequence = 0);
    REFUSE(a.sequence = UINT64_C(1) << 53);
    REFUSE(a.release = UINT64_C(1) << 53);
    REFUSE(a.expires_s = -1);
    REFUSE(a.expires_s = INT64_C(253402300800));
    REFUSE(memset(a.sign[0].mechanism, 'a', sizeof a.sign[0].mechanism));
}

/* --- rejection and cancellation --- */

#define DECISION(type, reason)                                                                     \
    type "\norigin hallmark.example/rehearsal\nsubmitted " HEX "\nrelease r17\nreason " reason "\n"
#define REJECTION "release-rejection/v1"
#define CANCELLATION "release-cancellation/v1"

struct decision_row {
    const char *name;
    const char *text;
    enum hm_signed_kind kind;
    bool ok;
};
static const struct decision_row decisions[] = {
    {"rejection", DECISION(REJECTION, "no changelog"), HM_SIGNED_REJECTION, true},
    {"cancellation", DECISION(CANCELLATION, "no changelog"), HM_SIGNED_CANCELLATION, true},
    {"reason in UTF-8", DECISION(REJECTION, "gr\xc3\xbc\xc3\x9f"), HM_SIGNED_REJECTION, true},
    {"rejection as cancellation", DECISION(REJECTION, "x"), HM_SIGNED_CANCELLATION, false},
    {"cancellation as rejection", DECISION(CANCELLATION, "x"), HM_SIGNED_REJECTION, false},
    {"rejection as approval", DECISION(REJECTION, "x"), HM_SIGNED_APPROVAL, false},
    {"rejection as request", DECISION(REJECTION, "x"), HM_SIGNED_REQUEST, false},
    {"reason empty", DECISION(REJECTION, ""), HM_SIGNED_REJECTION, false},
    {"reason with escape", DECISION(REJECTION, "\x1b[2J"), HM_SIGNED_REJECTION, false},
    {"reason with bidi control", DECISION(REJECTION, "a\xe2\x80\xae"), HM_SIGNED_REJECTION, false},
    {"reason with C1 control", DECISION(REJECTION, "a\xc2\x9b"), HM_SIGNED_REJECTION, false},
    {"reason not UTF-8", DECISION(REJECTION, "a\xff"), HM_SIGNED_REJECTION, false},
    {"reason on two lines", DECISION(REJECTION, "a\nb"), HM_SIGNED_REJECTION, false},
    {"line behind", DECISION(REJECTION, "a\nreason b"), HM_SIGNED_REJECTION, false},
    {"decision empty", "", HM_SIGNED_REJECTION, false},
};

static void test_decision(void **state)
{
    const struct decision_row *row = *state;
    HM_BUF_AUTO again = {0};
    struct hm_decision d = {.release = 99};
    enum hm_err e = hm_decision_parse(hm_bytes_str(row->text), row->kind, &d, NULL);
    if (!row->ok) {
        assert_int_equal(e, HM_E_MALFORMED);
        assert_int_equal(d.release, 99);
        return;
    }
    assert_int_equal(e, HM_OK);
    assert_int_equal(d.kind, row->kind);
    assert_int_equal(d.release, 17);
    assert_int_equal(hm_decision_write(&d, &again, NULL), HM_OK);
    assert_string_equal(hm_buf_str(&again), row->text);
    for (size_t n = 0; n < again.len; n++)
        assert_int_not_equal(hm_decision_parse(hm_bytes_of(again.data, n), row->kind, &d, NULL),
                             HM_OK);
}

static void test_reason_length(void **state)
{
    struct hm_decision d = {.kind = HM_SIGNED_REJECTION, .origin = "a", .release = 1};
    HM_BUF_AUTO out = {0};
    (void)state;
    memset(d.reason, 'a', HM_REASON_MAX);
    assert_int_equal(hm_decision_write(&d, &out, NULL), HM_OK);
    assert_int_equal(hm_decision_parse(hm_buf_bytes(&out), d.kind, &d, NULL), HM_OK);
    out.data[out.len - 1] = 'a';
    hm_buf_putc(&out, '\n');
    assert_int_equal(hm_decision_parse(hm_buf_bytes(&out), d.kind, &d, NULL), HM_E_MALFORMED);
    d.kind = HM_SIGNED_APPROVAL;
    assert_int_equal(hm_decision_write(&d, &out, NULL), HM_E_MALFORMED);
}

static void test_release_id(void **state)
{
    static const char *const bad[] = {
        "", "r", "17", "R17", "r017", "r-1", "r 1", "r1 ", "r1\n", "rr1", "r9007199254740992"};
    uint64_t idx = 5;
    char text[24];
    (void)state;
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_int_equal(hm_release_id_parse(bad[i], &idx), HM_E_MALFORMED);
    assert_int_equal(idx, 5);
    assert_int_equal(hm_release_id_parse("r0", &idx), HM_OK);
    assert_int_equal(idx, 0);
    hm_release_id((UINT64_C(1) << 53) - 1, text);
    assert_string_equal(text, "r9007199254740991");
    assert_int_equal(hm_release_id_parse(text, &idx), HM_OK);
    hm_release_id(UINT64_MAX, text);
    assert_string_equal(text, "r18446744073709551615");
}

int main(void)
{
    struct CMUnitTest tests[ROWS(accepted) + ROWS(refused) + ROWS(edits) + ROWS(decisions) + 6];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_accepted, accepted);
    n = ADD_ROWS(tests, n, test_refused, refused);
    n = ADD_ROWS(tests, n, test_edit, edits);
    n = ADD_ROWS(tests, n, test_decision, decisions);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_values);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_break_glass);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_flipped_and_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_write_refused);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_reason_length);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_release_id);
    return _cmocka_run_group_tests("attest_statement", tests, n, NULL, NULL);
}
