/* What provenance says about parameters, dependencies and time; and statements of other kinds. */
#include "schema/attest/hm_provenance.h"
#include "schema/json/hm_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SUBJECT "\"subject\":[{\"name\":\"a\",\"digest\":{\"sha256\":\"" HEX "\"}}]"
#define TYPE "\"_type\":\"https://in-toto.io/Statement/v1\""
#define SLSA(parameters, dependencies, metadata)                                                   \
    "{" TYPE ",\"predicateType\":\"https://slsa.dev/provenance/v1\"," SUBJECT                      \
    ",\"predicate\":{\"buildDefinition\":{\"externalParameters\":" parameters                      \
    ",\"resolvedDependencies\":" dependencies                                                      \
    "},\"runDetails\":{\"builder\":{\"id\":\"https://ci\"},\"metadata\":" metadata "}}}"
#define OTHER(predicate_type, predicate)                                                           \
    "{" TYPE ",\"predicateType\":" predicate_type "," SUBJECT ",\"predicate\":" predicate "}"

static void parse(const char *text, struct hm_provenance *p)
{
    struct hm_why why = {""};
    enum hm_statement_type type;
    if (hm_provenance_parse(hm_bytes_str(text), &type, p, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(type, HM_STATEMENT_SLSA_V1);
}

static bool marked(const struct hm_provenance *p, const struct hm_digest *d)
{
    for (size_t i = 0; i < p->mark_count; i++)
        if (hm_digest_eq(&p->marks[i], d))
            return true;
    return false;
}

static bool says(const struct hm_provenance *p, const char *pointer, const char *value)
{
    struct hm_digest d;
    HM_JSON_AUTO *v = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    return hm_provenance_parameter(pointer, v, &d) && marked(p, &d);
}

static void test_parameters(void **state)
{
    struct hm_provenance p;
    (void)state;
    parse(
        SLSA("{\"workflow\":{\"path\":\"release.yml\",\"a/b\":{\"c~d\":1}},\"list\":[\"x\",{\"y\":"
             "true}],\"float\":1.5,\"null\":null,\"empty\":{}}",
             "[]", "{}"),
        &p);
    assert_true(says(&p, "/workflow/path", "\"release.yml\""));
    assert_true(says(&p, "/workflow/a~1b/c~0d", "1"));
    assert_true(says(&p, "/list/0", "\"x\""));
    assert_true(says(&p, "/list/1/y", "true"));
    assert_int_equal(p.mark_count, 4);
    assert_false(says(&p, "/workflow/path", "\"release.yaml\""));
    assert_false(says(&p, "/workflow", "\"release.yml\""));
    assert_false(says(&p, "/workflow/a/b/c~0d", "1"));
    assert_false(says(&p, "/workflow/a~1b/c~0d", "\"1\""));
    assert_false(says(&p, "/list/1/y", "false"));
    assert_false(says(&p, "/list/1/y", "\"true\""));
    assert_false(says(&p, "/float", "1.5"));
    assert_false(says(&p, "/null", "null"));
}

static void test_dependencies(void **state)
{
    struct hm_provenance p;
    struct hm_digest sha256;
    struct hm_digest d;
    (void)state;
    assert_int_equal(hm_digest_unhex(hm_bytes_str(HEX), &sha256), HM_OK);
    parse(SLSA("{}",
               "[{\"uri\":\"pkg:gcc@12\",\"digest\":{\"sha256\":\"" HEX
               "\"}},{\"uri\":\"pkg:make\",\"digest\":{\"sha256\":\"" HEX
               "00\"}},{\"name\":\"x\"}]",
               "{}"),
          &p);
    d = hm_provenance_dependency("pkg:gcc@12", &sha256);
    assert_true(marked(&p, &d));
    d = hm_provenance_dependency("pkg:gcc@12", NULL);
    assert_true(marked(&p, &d));
    d = hm_provenance_dependency("pkg:make", NULL);
    assert_true(marked(&p, &d));
    d = hm_provenance_dependency("pkg:make", &sha256);
    assert_false(marked(&p, &d));
    d = hm_provenance_dependency("", NULL);
    assert_false(marked(&p, &d));
    assert_int_equal(p.mark_count, 3);
}

static void test_too_many(void **state)
{
    HM_BUF_AUTO text = {0};
    struct hm_provenance p;
    (void)state;
    hm_buf_puts(&text, "{");
    for (size_t i = 0; i < HM_PROVENANCE_MARKS_MAX + 100; i++)
        hm_buf_printf(&text, "%s\"p%zu\":%zu", i > 0 ? "," : "", i, i);
    HM_BUF_AUTO all = {0};
    hm_buf_printf(&all, SLSA("%s}", "[{\"uri\":\"pkg:gcc\"}]", "{}"), hm_buf_str(&text));
    parse(hm_buf_str(&all), &p);
    assert_int_equal(p.mark_count, HM_PROVENANCE_MARKS_MAX);
    struct hm_digest d = hm_provenance_dependency("pkg:gcc", NULL);
    assert_false(marked(&p, &d)); /* missing evidence is a refusal, never the other way round */
}

static void test_finished(void **state)
{
    static const struct {
        const char *metadata;
        int64_t at;
    } rows[] = {
        {"{\"finishedOn\":\"2026-11-21T01:02:03Z\"}", 1795222923},
        {"{\"finishedOn\":\"2026-11-21T01:02:03.123456Z\"}", 1795222923},
        {"{}", 0},
        {"null", 0},
        {"{\"finishedOn\":1795222923}", 0},
        {"{\"finishedOn\":\"2026-11-21T01:02:03\"}", 0},
        {"{\"finishedOn\":\"2026-11-21T01:02:03+01:00\"}", 0},
        {"{\"finishedOn\":\"2026-11-21T01:02:03.Z\"}", 0},
        {"{\"finishedOn\":\"2026-11-21T01:02:03.1a3Z\"}", 0},
        {"{\"finishedOn\":\"2026-11-31T01:02:03Z\"}", 0},
        {"{\"finishedOn\":\"yesterday, or so it seems, Z\"}", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        HM_BUF_AUTO text = {0};
        struct hm_provenance p;
        hm_buf_printf(&text, SLSA("{}", "[]", "%s"), rows[i].metadata);
        parse(hm_buf_str(&text), &p);
        if (p.finished_s != rows[i].at)
            fail_msg("%s: %lld", rows[i].metadata, (long long)p.finished_s);
    }
}

static void test_statement(void **state)
{
    struct hm_statement s;
    struct hm_why why = {""};
    (void)state;
    if (hm_statement_parse(
            hm_bytes_str(OTHER("\"https://cyclonedx.org/bom\"", "{\"result\":\"PASSED\"}")), &s,
            &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_string_equal(s.predicate, "https://cyclonedx.org/bom");
    assert_string_equal(s.result, "PASSED");
    assert_int_equal(s.subject_count, 1);
    assert_int_equal(s.subjects[0].b[1], 0x11);
    static const char *const without[] = {
        OTHER("\"x:y\"", "{}"), OTHER("\"x:y\"", "{\"result\":1}"),
        OTHER("\"x:y\"", "{\"result\":"
                         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}")};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        assert_int_equal(hm_statement_parse(hm_bytes_str(without[i]), &s, &why), HM_OK);
        assert_string_equal(s.result, "");
    }
}

static void test_statement_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        OTHER("1", "{}"),
        OTHER("\"\"", "{}"),
        OTHER("\"a b\"", "{}"),
        "{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"predicateType\":\"x:y\"," SUBJECT "}",
        "{" TYPE ",\"predicateType\":\"x:y\",\"subject\":[]}",
        "{" TYPE ",\"predicateType\":\"x:y\",\"subject\":[{\"digest\":{\"sha1\":\"00\"}}]}",
        "{" TYPE "," SUBJECT "}"};
    struct hm_statement s = {.subject_count = 99};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (hm_statement_parse(hm_bytes_str(texts[i]), &s, NULL) == HM_OK)
            fail_msg("accepted: %s", texts[i]);
    assert_int_equal(s.subject_count, 99);
    const char *good = OTHER("\"x:y\"", "{}");
    for (size_t n = 0; n < strlen(good); n++)
        assert_int_not_equal(hm_statement_parse(hm_bytes_of(good, n), &s, NULL), HM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters), cmocka_unit_test(test_dependencies),
        cmocka_unit_test(test_too_many),   cmocka_unit_test(test_finished),
        cmocka_unit_test(test_statement),  cmocka_unit_test(test_statement_refused),
    };
    return cmocka_run_group_tests_name("attest_marks", tests, NULL, NULL);
}
