/* Cases for `policy test`: valid files cut short, and with every byte turned round. */
#include "client/cli_case.h"
#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX ((size_t)64 * 1024)

static void read_file(const char *name, struct hm_buf *out)
{
    const char *root = getenv("HALLMARK_SOURCE");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/documents/%s", root != NULL ? root : ".", name);
    assert_int_equal(hm_file_read(path, FILE_MAX, out, NULL), HM_OK);
}

static enum hm_err read_cases(struct hm_bytes text)
{
    CLI_CASES_AUTO cases = {.doc = NULL};
    struct hm_why why = {""};
    enum hm_err err = cli_cases_read(text, &cases, &why);
    assert_true(err == HM_OK ? cases.count > 0 : why.text[0] != '\0');
    assert_true(err == HM_OK || cases.doc == NULL); /* untouched on failure */
    return err;
}

static void whole(void **state)
{
    HM_BUF_AUTO text = {.limit = FILE_MAX};
    read_file(*state, &text);
    assert_int_equal(read_cases(hm_buf_bytes(&text)), HM_OK);
}

static void truncated(void **state)
{
    HM_BUF_AUTO text = {.limit = FILE_MAX};
    read_file(*state, &text);
    size_t end = text.len;
    while (end > 0 && text.data[end - 1] == '\n')
        end--;
    for (size_t n = 0; n < end; n++)
        assert_int_not_equal(read_cases(hm_bytes_of(text.data, n)), HM_OK);
}

static void flipped(void **state)
{
    HM_BUF_AUTO text = {.limit = FILE_MAX};
    read_file(*state, &text);
    for (size_t i = 0; i < text.len; i++)
        for (unsigned bit = 0; bit < 8; bit += 3) {
            text.data[i] ^= (uint8_t)(1u << bit);
            (void)read_cases(hm_buf_bytes(&text)); /* some are still cases: a letter of a name */
            text.data[i] ^= (uint8_t)(1u << bit);
        }
    assert_int_equal(read_cases(hm_buf_bytes(&text)), HM_OK);
}

static struct policy_verdict verdict(bool allow, const char *failing)
{
    struct policy_verdict v = {.allow = allow, .rule = "stable", .finding_count = 2};
    v.findings[0] = (struct policy_finding){.check = "rule.match", .ok = true};
    v.findings[1] = (struct policy_finding){.check = failing != NULL ? failing : "key.separation",
                                            .ok = failing == NULL};
    return v;
}

static void holds(void **state)
{
    (void)state;
    HM_JSON_AUTO *right = json_pack("[s]", "approvals.count");
    HM_JSON_AUTO *other = json_pack("[s]", "approvals.veto");
    HM_JSON_AUTO *more = json_pack("[s, s]", "approvals.count", "approvals.veto");
    struct policy_verdict yes = verdict(true, NULL);
    struct policy_verdict no = verdict(false, "approvals.count");
    const struct {
        struct cli_case c;
        bool with_yes, with_no;
    } rows[] = {
        {{.allow = true}, true, false},
        {{.allow = false}, false, true},
        {{.allow = true, .rule = "stable"}, true, false},
        {{.allow = true, .rule = "beta"}, false, false},
        {{.allow = false, .rule = ""}, false, false},
        {{.allow = false, .failing = right}, false, true},
        {{.allow = false, .failing = other}, false, false},
        {{.allow = false, .failing = more}, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(cli_case_holds(&rows[i].c, &yes), rows[i].with_yes);
        assert_int_equal(cli_case_holds(&rows[i].c, &no), rows[i].with_no);
    }
}

int main(void)
{
    static const char *const files[] = {
        "policy-test/accept/full.json", "policy-test/accept/evidence.json",
        "policy-test/accept/history.json", "policy-test/accept/small.json"};
    enum { FILES = sizeof files / sizeof files[0] };
    struct CMUnitTest tests[3 * FILES + 1];
    for (size_t i = 0; i < FILES; i++) {
        void *file = (void *)(uintptr_t)files[i];
        tests[3 * i] = (struct CMUnitTest){"whole", whole, NULL, NULL, file};
        tests[3 * i + 1] = (struct CMUnitTest){"truncated", truncated, NULL, NULL, file};
        tests[3 * i + 2] = (struct CMUnitTest){"flipped", flipped, NULL, NULL, file};
    }
    tests[3 * FILES] = (struct CMUnitTest)cmocka_unit_test(holds);
    return _cmocka_run_group_tests("client_case", tests, 3 * FILES + 1, NULL, NULL);
}
