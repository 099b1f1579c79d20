/* Paths, addresses, digests: what is matched, and what is not. One row, one test. */
#include "server/ipc/proc_listen.h"
#include "server/door/door_route.h"
#include "server/door/door_upload.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

enum what { PATH, NO_PATH, NO_METHOD, ADDRESS, NO_ADDRESS, DIGEST, NO_DIGEST };
struct row {
    const char *name;
    enum what what;
    const char *method;
    const char *text;
    const char *capture;
};
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LONG80 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row rows[] = {
    {"plain", PATH, "GET", "/healthz", ""},
    {"one capture", PATH, "GET", "/v1/releases/r17", "r17"},
    {"capture in the middle", PATH, "POST", "/v1/releases/r17/approvals", "r17"},
    {"longest capture", PATH, "GET", "/v1/releases/" LONG80, LONG80},
    {"too long a capture", NO_PATH, "GET", "/v1/releases/" LONG80 "a", NULL},
    {"empty capture", NO_PATH, "GET", "/v1/releases/", NULL},
    {"empty capture in the middle", NO_PATH, "GET", "/v1/releases//bundle", NULL},
    {"slash at the end", NO_PATH, "GET", "/v1/releases/r17/", NULL},
    {"two slashes", NO_PATH, "GET", "//healthz", NULL},
    {"prefix", NO_PATH, "GET", "/health", NULL},
    {"longer", NO_PATH, "GET", "/healthzz", NULL},
    {"upper case", NO_PATH, "GET", "/HEALTHZ", NULL},
    {"no slash", NO_PATH, "GET", "healthz", NULL},
    {"nothing", NO_PATH, "GET", "", NULL},
    {"root", NO_PATH, "GET", "/", NULL},
    {"braces are no path", NO_PATH, "GET", "/v1/log/{index}", NULL},
    {"other method", NO_METHOD, "DELETE", "/v1/releases/r17", NULL},
    {"method in lower case", NO_METHOD, "get", "/healthz", NULL},
    {"head only where listed", NO_METHOD, "HEAD", "/v1/releases", NULL},
    {"v4", ADDRESS, NULL, "127.0.0.1:8443", NULL},
    {"v4 any port", ADDRESS, NULL, "0.0.0.0:0", NULL},
    {"v6", ADDRESS, NULL, "[::1]:65535", NULL},
    {"name", NO_ADDRESS, NULL, "localhost:80", NULL},
    {"no port", NO_ADDRESS, NULL, "127.0.0.1", NULL},
    {"empty port", NO_ADDRESS, NULL, "127.0.0.1:", NULL},
    {"port too large", NO_ADDRESS, NULL, "127.0.0.1:65536", NULL},
    {"port with sign", NO_ADDRESS, NULL, "127.0.0.1:+1", NULL},
    {"v6 without brackets", NO_ADDRESS, NULL, "::1:80", NULL},
    {"v4 in brackets", NO_ADDRESS, NULL, "[127.0.0.1]:80", NULL},
    {"v6 half open", NO_ADDRESS, NULL, "[::1:80", NULL},
    {"empty address", NO_ADDRESS, NULL, ":80", NULL},
    {"nothing at all", NO_ADDRESS, NULL, "", NULL},
    {"long address", NO_ADDRESS, NULL, LONG80 ":80", NULL},
    {"digest", DIGEST, NULL, "sha256:" HEX64, NULL},
    {"digest without prefix", NO_DIGEST, NULL, HEX64, NULL},
    {"digest in capitals", NO_DIGEST, NULL, "SHA256:" HEX64, NULL},
    {"digest too short", NO_DIGEST, NULL, "sha256:0123", NULL},
    {"digest too long", NO_DIGEST, NULL, "sha256:" HEX64 "00", NULL},
    {"digest of nothing", NO_DIGEST, NULL, "sha256:", NULL},
};

static void check_match(const struct row *t)
{
    struct door_match m;
    door_route_match(t->method, t->text, &m);
    assert_true(m.path_known == (t->what != NO_PATH));
    assert_true((m.route != NULL) == (t->what == PATH));
    if (t->what == PATH)
        assert_string_equal(m.capture[0], t->capture);
}

static void check(void **state)
{
    const struct row *t = *state;
    struct hm_digest d;
    switch (t->what) {
    case PATH:
    case NO_PATH:
    case NO_METHOD:
        check_match(t);
        break;
    case ADDRESS:
    case NO_ADDRESS:
        assert_true((proc_listen_parse(t->text, NULL, NULL) == HM_OK) == (t->what == ADDRESS));
        break;
    case DIGEST:
    case NO_DIGEST:
        assert_true((door_digest_parse(t->text, &d) == HM_OK) == (t->what == DIGEST));
        break;
    }
}

static void allow_lists_methods(void **state)
{
    char allow[64];
    (void)state;
    door_route_allow("/v1/artifacts/x", allow);
    assert_string_equal(allow, "PUT, GET, HEAD");
    door_route_allow("/nothing", allow);
    assert_string_equal(allow, "");
}

static void two_captures(void **state)
{
    struct door_match m;
    (void)state;
    door_route_match("GET", "/v1/log/entries/12/evidence/3", &m);
    assert_non_null(m.route);
    assert_string_equal(m.capture[0], "12");
    assert_string_equal(m.capture[1], "3");
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS + 2] = {{0}};
    for (size_t i = 0; i < ROWS; i++) {
        union {
            const struct row *in;
            void *out;
        } state = {.in = &rows[i]};
        tests[i] = (struct CMUnitTest){rows[i].name, check, NULL, NULL, state.out};
    }
    tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(allow_lists_methods);
    tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(two_captures);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
