/* SLSA provenance and release requests: what is taken out of them, and what is refused. */
#include "tests/unit/test_rows.h"

#include "schema/attest/hm_provenance.h"
#include "schema/attest/hm_request.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SUBJECT "{\"name\":\"firmware.bin\",\"digest\":{\"sha256\":\"" HEX "\"}}"
#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define RUN "\"runDetails\":{\"builder\":{\"id\":\"https://ci.example.com/builder\"}}"
#define STATEMENT(type, predicate_type, subjects, predicate)                                       \
    "{\"_type\":\"" type "\",\"predicateType\":\"" predicate_type "\",\"subject\":[" subjects      \
    "],\"predicate\":" predicate "}"
#define INTOTO "https://in-toto.io/Statement/v1"
#define SLSA "https://slsa.dev/provenance/v1"
#define WITH(predicate) STATEMENT(INTOTO, SLSA, SUBJECT, predicate)
#define WITH_DEPENDENCIES(list)                                                                    \
    WITH("{\"buildDefinition\":{\"buildType\":\"x\",\"resolvedDependencies\":[" list "]}," RUN "}")
#define GIT(uri) "{\"uri\":\"" uri "\",\"digest\":{\"gitCommit\":\"" COMMIT "\"}}"

struct source_row {
    const char *name;
    const char *text;
    size_t sources;
    const char *repository;
    const char *ref;
    const char *commit;
};
static const struct source_row sources[] = {
    {"source branch", WITH_DEPENDENCIES(GIT("git+https://git.example.com/edge@refs/heads/main")), 1,
     "https://git.example.com/edge", "refs/heads/main", COMMIT},
    {"source tag with at sign", WITH_DEPENDENCIES(GIT("git+https://h/p@refs/tags/a@1")), 1,
     "https://h/p", "refs/tags/a@1", COMMIT},
    {"source user in authority", WITH_DEPENDENCIES(GIT("git+ssh://git@h/p@refs/heads/x")), 1,
     "ssh://git@h/p", "refs/heads/x", COMMIT},
    {"source user, no ref", WITH_DEPENDENCIES(GIT("git+ssh://git@h/p")), 1, "ssh://git@h/p", "",
     COMMIT},
    {"source without path", WITH_DEPENDENCIES(GIT("git+https://user@h")), 1, "https://user@h", "",
     COMMIT},
    {"source sha1",
     WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\",\"digest\":{\"sha1\":\"" COMMIT "\"}}"), 1,
     "https://h/p", "", COMMIT},
    {"source sha256 commit",
     WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\",\"digest\":{"
                       "\"gitCommit\":\"" HEX "\"}}"),
     1, "https://h/p", "", HEX},
    {"source without digest", WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\"}"), 1, "https://h/p",
     "", ""},
    {"source behind others",
     WITH_DEPENDENCIES("{\"uri\":\"pkg:deb/x@1\"},{\"name\":\"n\"}," GIT("git+https://h/p@r")), 1,
     "https://h/p", "r", COMMIT},
    {"no git source", WITH_DEPENDENCIES("{\"uri\":\"https://h/p@r\"}"), 0, "", "", ""},
    {"no dependencies", WITH("{\"buildDefinition\":{}," RUN "}"), 0, "", "", ""},
    {"members of tomorrow",
     WITH("{\"x\":[1.5,null],\"buildDefinition\":{\"y\":true}," RUN ",\"z\":{}}"), 0, "", "", ""},
};

static void test_source(void **state)
{
    const struct source_row *row = *state;
    enum hm_statement_type type = HM_STATEMENT_OTHER;
    struct hm_provenance p;
    struct hm_why why = {""};
    if (hm_provenance_parse(hm_bytes_str(row->text), &type, &p, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(type, HM_STATEMENT_SLSA_V1);
    assert_string_equal(p.builder, "https://ci.example.com/builder");
    assert_int_equal(p.subject_count, 1);
    assert_int_equal(p.subjects[0].b[31], 0xff);
    assert_int_equal(p.source_count, row->sources);
    assert_string_equal(p.sources[0].repository, row->repository);
    assert_string_equal(p.sources[0].ref, row->ref);
    assert_string_equal(p.sources[0].commit, row->commit);
}

struct text_row {
    const char *name;
    const char *text;
};
#define G "{\"uri\":\"git+https://h/p\"},"
static const struct text_row refused[] = {
    {"empty", ""},
    {"an array", "[]"},
    {"_type v0.1", STATEMENT("https://in-toto.io/Statement/v0.1", SLSA, SUBJECT,
                             "{\"buildDefinition\":{}," RUN "}")},
    {"_type missing", "{\"predicateType\":\"x\",\"subject\":[" SUBJECT "]}"},
    {"predicateType missing", "{\"_type\":\"" INTOTO "\",\"subject\":[" SUBJECT "]}"},
    {"predicateType a number",
     "{\"_type\":\"" INTOTO "\",\"predicateType\":1,\"subject\":[" SUBJECT "]}"},
    {"no subject", STATEMENT(INTOTO, SLSA, "", "{\"buildDefinition\":{}," RUN "}")},
    {"subject without digest",
     STATEMENT(INTOTO, SLSA, "{\"name\":\"a\"}", "{\"buildDefinition\":{}," RUN "}")},
    {"second subject without sha256",
     STATEMENT(INTOTO, SLSA, SUBJECT ",{\"digest\":{\"sha512\":\"00\"}}",
               "{\"buildDefinition\":{}," RUN "}")},
    {"subject sha256 short", STATEMENT(INTOTO, SLSA, "{\"digest\":{\"sha256\":\"00\"}}",
                                       "{\"buildDefinition\":{}," RUN "}")},
    {"subject sha256 in capitals",
     STATEMENT(INTOTO, SLSA,
               "{\"digest\":{\"sha256\":\"00112233445566778899AABBCCDDEEFF00112233445566778899aabbc"
               "cddeeff\"}}",
               "{\"buildDefinition\":{}," RUN "}")},
    {"subject a text", STATEMENT(INTOTO, SLSA, "\"a\"", "{\"buildDefinition\":{}," RUN "}")},
    {"predicate missing",
     "{\"_type\":\"" INTOTO "\",\"predicateType\":\"" SLSA "\",\"subject\":[" SUBJECT "]}"},
    {"predicate null", WITH("null")},
    {"buildDefinition missing", WITH("{" RUN "}")},
    {"runDetails missing", WITH("{\"buildDefinition\":{}}")},
    {"builder missing", WITH("{\"buildDefinition\":{},\"runDetails\":{}}")},
    {"builder id missing", WITH("{\"buildDefinition\":{},\"runDetails\":{\"builder\":{}}}")},
    {"builder id empty",
     WITH("{\"buildDefinition\":{},\"runDetails\":{\"builder\":{\"id\":\"\"}}}")},
    {"builder id with line feed",
     WITH("{\"buildDefinition\":{},\"runDetails\":{\"builder\":{\"id\":\"a\\nb\"}}}")},
    {"builder id twice", WITH("{\"buildDefinition\":{},\"runDetails\":{\"builder\":{\"id\":\"a\","
                              "\"id\":\"b\"}}}")},
    {"dependencies an object", WITH("{\"buildDefinition\":{\"resolvedDependencies\":{}}," RUN "}")},
    {"dependency a text", WITH_DEPENDENCIES("\"git+https://h/p\"")},
    {"dependency uri a number", WITH_DEPENDENCIES("{\"uri\":1}")},
    {"source empty", WITH_DEPENDENCIES(GIT("git+"))},
    {"source with empty ref", WITH_DEPENDENCIES(GIT("git+https://h/p@"))},
    {"source with space", WITH_DEPENDENCIES(GIT("git+https://h/p q"))},
    {"ref with line feed", WITH_DEPENDENCIES(GIT("git+https://h/p@a\\nb"))},
    {"commit short", WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\",\"digest\":{\"gitCommit\":"
                                       "\"0123\"}}")},
    {"commit in capitals",
     WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\",\"digest\":{\"gitCommit\":"
                       "\"0123456789ABCDEF0123456789abcdef01234567\"}}")},
    {"commit a number",
     WITH_DEPENDENCIES("{\"uri\":\"git+https://h/p\",\"digest\":{\"gitCommit\":7}}")},
    {"sources 9", WITH_DEPENDENCIES(G G G G G G G G "{\"uri\":\"git+https://h/p\"}")},
    {"cut off", "{\"_type\":\"" INTOTO "\""},
};

static void test_refused(void **state)
{
    const struct text_row *row = *state;
    enum hm_statement_type type = HM_STATEMENT_OTHER;
    struct hm_provenance p = {.subject_count = 99};
    struct hm_why why = {""};
    assert_int_not_equal(hm_provenance_parse(hm_bytes_str(row->text), &type, &p, &why), HM_OK);
    assert_true(strlen(why.text) > 0);
    assert_int_equal(type, HM_STATEMENT_OTHER);
    assert_int_equal(p.subject_count, 99);
}

/* Another predicate is well-formed evidence, but no provenance. */
static void test_other_predicate(void **state)
{
    static const char *const others[] = {
        STATEMENT(INTOTO, "https://spdx.dev/Document", SUBJECT, "{}"),
        STATEMENT(INTOTO, "https://slsa.dev/provenance/v0.2", SUBJECT, "{}"),
        STATEMENT(INTOTO, "https://slsa.dev/provenance/v1.1", SUBJECT, "{}"),
        STATEMENT(INTOTO, "https://SLSA.dev/provenance/v1", SUBJECT, "{}"),
        STATEMENT(INTOTO, SLSA " ", SUBJECT, "{}"),
    };
    (void)state;
    for (size_t i = 0; i < ROWS(others); i++) {
        enum hm_statement_type type = HM_STATEMENT_SLSA_V1;
        struct hm_provenance p = {.subject_count = 99};
        assert_int_equal(hm_provenance_parse(hm_bytes_str(others[i]), &type, &p, NULL), HM_OK);
        assert_int_equal(type, HM_STATEMENT_OTHER);
        assert_int_equal(p.subject_count, 99);
    }
}

/* --- release request; tests/documents/release-request holds the rest --- */

static const char request[] =
    "{\"artifacts\":[{\"name\":\"a.bin\",\"sha256\":\"" HEX
    "\",\"size\":9,\"slot\":1,\"uri\":\"https://h/a\"},{\"name\":\"b.bin\",\"sha256\":\"" HEX
    "\",\"size\":4294967296,\"slot\":0}],\"attestations\":[\"" HEX "\"],\"channel\":\"stable\","
    "\"dependencies\":[{\"product\":\"edge-radio\",\"version\":\"1.4.0\"}],"
    "\"expires\":\"2026-11-21T02:00:00Z\",\"hardware\":[{\"model\":\"er-100\",\"revision\":\"b\"}],"
    "\"installed_at_least\":\"2.0.0\",\"nonce\":\"00112233445566778899aabbccddeeff\","
    "\"origin\":\"hallmark.example/rehearsal\",\"product\":\"edge-router\",\"regions\":[\"world\"],"
    "\"rollback_floor\":4,\"type\":\"release-request/v1\","
    "\"use_before\":\"2028-01-01T00:00:00Z\",\"version\":\"2.1.0-rc1\"}";

static void test_request(void **state)
{
    HM_BUF_AUTO again = {0};
    struct hm_request r;
    struct hm_why why = {""};
    (void)state;
    if (hm_request_parse(hm_bytes_str(request), &r, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_string_equal(r.origin, "hallmark.example/rehearsal");
    assert_int_equal(r.nonce[15], 0xff);
    assert_int_equal(r.expires_s, 1795226400);
    assert_int_equal(r.artifact_count, 2);
    assert_string_equal(r.artifacts[0].uri, "https://h/a");
    assert_string_equal(r.artifacts[1].uri, "b.bin");
    assert_int_equal(r.artifacts[0].slot, 1);
    assert_true(r.artifacts[1].size == UINT64_C(4294967296));
    assert_int_equal(r.at_least_count, 3);
    assert_int_equal(r.at_least[0], 2);
    assert_int_equal(r.rollback_floor, 4);
    assert_int_equal(hm_request_write(&r, &again, &why), HM_OK);
    assert_string_equal(hm_buf_str(&again), request);
}

static void test_request_cut(void **state)
{
    struct hm_request r = {.expires_s = 99};
    (void)state;
    for (size_t n = 0; n < sizeof request - 1; n++)
        assert_int_not_equal(hm_request_parse(hm_bytes_of(request, n), &r, NULL), HM_OK);
    assert_int_equal(r.expires_s, 99);
}

static void test_request_write_refused(void **state)
{
    HM_BUF_AUTO out = {0};
    struct hm_request good;
    struct hm_request r;
    (void)state;
    assert_int_equal(hm_request_parse(hm_bytes_str(request), &good, NULL), HM_OK);
#define REFUSE(change)                                                                             \
    do {                                                                                           \
        r = good;                                                                                  \
        change;                                                                                    \
        assert_int_not_equal(hm_request_write(&r, &out, NULL), HM_OK);                             \
        assert_int_equal(out.len, 0);                                                              \
    } while (0)
    REFUSE(r.artifact_count = HM_ARTIFACTS_MAX + 1);
    REFUSE(r.artifact_count = 0);
    REFUSE(r.hardware_count = HM_HARDWARE_MAX + 1);
    REFUSE(r.region_count = 0);
    REFUSE(r.attestation_count = HM_ATTESTATIONS_MAX + 1);
    REFUSE(r.dependency_count = HM_DEPENDENCIES_MAX + 1);
    REFUSE(r.at_least_count = 5);
    REFUSE(r.expires_s = 0);
    REFUSE(r.expires_s = INT64_C(253402300800));
    REFUSE(r.use_before_s = -1);
    REFUSE(r.rollback_floor = UINT64_C(1) << 53);
    REFUSE(r.artifacts[0].size = 0);
    REFUSE(r.artifacts[0].size = UINT64_MAX);
    REFUSE(r.artifacts[0].slot = 0);
    REFUSE(r.artifacts[0].slot = 8);
    REFUSE(r.artifacts[0].slot = -7);
    REFUSE(memcpy(r.artifacts[0].name, "b.bin", 6));
    REFUSE(memcpy(r.version, "v2", 3));
    REFUSE(memcpy(r.product, "\xff", 2));
    REFUSE(r.origin[0] = '\0');
}

struct version_row {
    const char *name;
    const char *version;
    size_t count;
    uint32_t v[4];
};
static const struct version_row versions[] = {
    {"version 2.1.0", "2.1.0", 3, {2, 1, 0, 0}},
    {"version 2.1.0-rc1", "2.1.0-rc1", 3, {2, 1, 0, 0}},
    {"version 7", "7", 1, {7, 0, 0, 0}},
    {"version 1.2.3.4", "1.2.3.4", 4, {1, 2, 3, 4}},
    {"version 2026.01.15", "2026.01.15", 3, {2026, 1, 15, 0}},
    {"version 4294967295", "4294967295", 1, {4294967295u, 0, 0, 0}},
    {"version 1.x", "1.x", 1, {1, 0, 0, 0}},
    {"version 1.2.", "1.2.", 2, {1, 2, 0, 0}},
    {"version empty", "", 0, {0}},
    {"version v2", "v2", 0, {0}},
    {"version 1.2.3.4.5", "1.2.3.4.5", 0, {0}},
    {"version 4294967296", "4294967296", 0, {0}},
    {"version 1.99999999999999999999", "1.99999999999999999999", 0, {0}},
    {"version with slash", "1/2", 0, {0}},
    {"version negative", "-1", 0, {0}},
};

static void test_version(void **state)
{
    const struct version_row *row = *state;
    uint32_t v[4] = {9, 9, 9, 9};
    size_t count = 9;
    enum hm_err e = hm_version_numbers(row->version, v, &count);
    assert_int_equal(e, row->count > 0 ? HM_OK : HM_E_MALFORMED);
    assert_int_equal(count, row->count > 0 ? row->count : 9);
    if (e == HM_OK)
        assert_memory_equal(v, row->v, sizeof v);
    else
        assert_int_equal(v[0], 9);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(sources) + ROWS(refused) + ROWS(versions) + 4];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_source, sources);
    n = ADD_ROWS(tests, n, test_refused, refused);
    n = ADD_ROWS(tests, n, test_version, versions);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_other_predicate);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_request);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_request_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_request_write_refused);
    return _cmocka_run_group_tests("attest_provenance", tests, n, NULL, NULL);
}
