/* Texts that are no record, though some come close. */
#include "tests/unit/test_rows.h"

#include "schema/log/hm_record.h"

#define PREV "\"prev\":\"00000000000000000000000000000000000000000000000000000000000000aa\""
#define HEX64 "\"00000000000000000000000000000000000000000000000000000000000000aa\""
struct refusal {
    const char *name;
    const char *text;
};
static const struct refusal refusals[] = {
    {"empty", ""},
    {"no object", "[]"},
    {"empty object", "{}"},
    {"no event", "{\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"no idx", "{\"event\":\"sign.failed\"," PREV ",\"t_ms\":5,\"v\":1}"},
    {"no prev", "{\"event\":\"sign.failed\",\"idx\":1,\"t_ms\":5,\"v\":1}"},
    {"no t_ms", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"v\":1}"},
    {"no v", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5}"},
    {"v 2", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":2}"},
    {"v 01", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":01}"},
    {"v text", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":\"1\"}"},
    {"unknown event", "{\"event\":\"sign.fail\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"event none", "{\"event\":\"none\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"event null", "{\"event\":null,\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"event escaped", "{\"event\":\"sign\\u002efailed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"member escaped", "{\"even\\u0074\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"unknown member",
     "{\"event\":\"sign.failed\",\"extra\":1,\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"member behind the last",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1,\"z\":1}"},
    {"twice", "{\"event\":\"sign.failed\",\"idx\":1,\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"out of order", "{\"idx\":1,\"event\":\"sign.failed\"," PREV ",\"t_ms\":5,\"v\":1}"},
    {"space", "{\"event\": \"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"leading space", " {\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"line feed behind", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}\n"},
    {"second object", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}{}"},
    {"comma at the end", "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1,}"},
    {"idx negative", "{\"event\":\"sign.failed\",\"idx\":-1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx with leading zero", "{\"event\":\"sign.failed\",\"idx\":01," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx float", "{\"event\":\"sign.failed\",\"idx\":1.0," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx exponent", "{\"event\":\"sign.failed\",\"idx\":1e0," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx 2^53",
     "{\"event\":\"sign.failed\",\"idx\":9007199254740992," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx beyond 64 bits",
     "{\"event\":\"sign.failed\",\"idx\":18446744073709551617," PREV ",\"t_ms\":5,\"v\":1}"},
    {"idx text", "{\"event\":\"sign.failed\",\"idx\":\"1\"," PREV ",\"t_ms\":5,\"v\":1}"},
    {"prev short", "{\"event\":\"sign.failed\",\"idx\":1,\"prev\":\"aa\",\"t_ms\":5,\"v\":1}"},
    {"prev upper case", "{\"event\":\"sign.failed\",\"idx\":1,\"prev\":"
                        "\"00000000000000000000000000000000000000000000000000000000000000AA\","
                        "\"t_ms\":5,\"v\":1}"},
    {"count 0", "{\"count\":0,\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"actor empty",
     "{\"actor\":\"\",\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"actor with space",
     "{\"actor\":\"a b\",\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"actor not ASCII",
     "{\"actor\":\"\xc3\xa9\",\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"actor of 65",
     "{\"actor\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\","
     "\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"artifacts empty",
     "{\"artifacts\":[],\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"artifacts with comma", "{\"artifacts\":[" HEX64 ",],\"event\":\"sign.failed\",\"idx\":1," PREV
                             ",\"t_ms\":5,\"v\":1}"},
    {"artifacts 9",
     "{\"artifacts\":[" HEX64 "," HEX64 "," HEX64 "," HEX64 "," HEX64 "," HEX64 "," HEX64 "," HEX64
     "," HEX64 "],\"event\":\"sign.failed\",\"idx\":1," PREV ",\"t_ms\":5,\"v\":1}"},
    {"keys empty", "{\"event\":\"sign.failed\",\"idx\":1,\"keys\":[]," PREV ",\"t_ms\":5,\"v\":1}"},
    {"key without tbs", "{\"event\":\"sign.failed\",\"idx\":1,\"keys\":[{\"mechanism\":\"ESP256\","
                        "\"spki\":" HEX64 "}]," PREV ",\"t_ms\":5,\"v\":1}"},
    {"key with empty token", "{\"event\":\"sign.failed\",\"idx\":1,\"keys\":[{\"mechanism\":"
                             "\"ESP256\",\"spki\":" HEX64 ",\"tbs\":" HEX64
                             ",\"token\":\"\"}]," PREV ",\"t_ms\":5,\"v\":1}"},
    {"key with backslash in token",
     "{\"event\":\"sign.failed\",\"idx\":1,\"keys\":[{\"mechanism\":\"ESP256\",\"spki\":" HEX64
     ",\"tbs\":" HEX64 ",\"token\":\"a\\\\b\"}]," PREV ",\"t_ms\":5,\"v\":1}"},
    {"key with unknown member",
     "{\"event\":\"sign.failed\",\"idx\":1,\"keys\":[{\"mechanism\":\"ESP256\",\"spki\":" HEX64
     ",\"tbs\":" HEX64 ",\"x\":1}]," PREV ",\"t_ms\":5,\"v\":1}"},
    {"release without r",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"release\":\"17\",\"t_ms\":5,\"v\":1}"},
    {"release r01",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"release\":\"r01\",\"t_ms\":5,\"v\":1}"},
    {"release r",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"release\":\"r\",\"t_ms\":5,\"v\":1}"},
    {"req short",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"req\":\"00\",\"t_ms\":5,\"v\":1}"},
    {"req upper case", "{\"event\":\"sign.failed\",\"idx\":1," PREV
                       ",\"req\":\"00112233445566778899AABBCCDDEEFF\",\"t_ms\":5,\"v\":1}"},
    {"state none",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"state\":\"none\",\"t_ms\":5,\"v\":1}"},
    {"state unknown",
     "{\"event\":\"sign.failed\",\"idx\":1," PREV ",\"state\":\"done\",\"t_ms\":5,\"v\":1}"},
    {"true", "{\"event\":\"sign.failed\",\"idx\":true," PREV ",\"t_ms\":5,\"v\":1}"},
};

static void test_refused(void **state)
{
    const struct refusal *row = *state;
    struct hm_record r;
    struct hm_record untouched;
    struct hm_why why = {""};
    memset(&r, 0x5a, sizeof r);
    untouched = r;
    assert_int_equal(hm_record_parse(hm_bytes_str(row->text), &r, &why), HM_E_MALFORMED);
    assert_true(strlen(why.text) > 0);
    assert_memory_equal(&r, &untouched, sizeof r);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(refusals)];
    size_t n = ADD_ROWS(tests, 0, test_refused, refusals);
    return _cmocka_run_group_tests("log_record_refused", tests, n, NULL, NULL);
}
