/* Whose token this is, and which approval keys live with a certificate or ask for more than a
 * touch. */
#include "tests/unit/policy/policy_facts.h"

#include "policy/policy_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HUB "https://token.actions.githubusercontent.com"

static int load(void **state)
{
    HM_FREE char *text = document_text("accept/identity.json");
    struct policy *p = NULL;
    if (text != NULL && policy_load(hm_bytes_str(text), &p, NULL) != HM_OK)
        return -1;
    *state = p;
    return 0;
}

static int unload(void **state)
{
    policy_free(*state);
    return 0;
}

/* name, value, name, value, …, NULL */
static const char *claim(void *ctx, const char *name)
{
    const char *const *list = ctx;
    for (size_t i = 0; list[i] != NULL; i += 2)
        if (strcmp(list[i], name) == 0)
            return list[i + 1];
    return NULL;
}

struct row {
    const char *issuer;
    const char *claims[9];
    const char *who; /* NULL: nobody */
};
static const struct row rows[] = {
    {HUB, {"repository", "example/edge-router", "environment", "release"}, "ci-edge"},
    {HUB, {"environment", "nightly", "repository", "example/edge-router", "ref", "x"}, "ci-edge"},
    {HUB, {"repository", "example/edge-router", "environment", "bob"}, "bob"},
    {HUB, {"repository", "example/edge-router"}, NULL},
    {HUB, {"environment", "release"}, NULL},
    {HUB, {NULL}, NULL},
    {HUB, {"repository", "example/edge-router", "environment", "Release"}, NULL},
    {HUB, {"repository", "example/edge-router ", "environment", "release"}, NULL},
    {HUB, {"repository", "example/edge-router2", "environment", "release"}, NULL},
    {HUB, {"repository", "", "environment", "release"}, NULL},
    {HUB, {"Repository", "example/edge-router", "environment", "release"}, NULL},
    {HUB "/", {"repository", "example/edge-router", "environment", "release"}, NULL},
    {"https://gitlab.example.com",
     {"repository", "example/edge-router", "environment", "release"},
     NULL},
    {"", {"repository", "example/edge-router", "environment", "release"}, NULL},
};

static void test_tokens(void **state)
{
    const struct policy *p = *state;
    if (p == NULL)
        skip();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *list[9];
        memcpy(list, rows[i].claims, sizeof list);
        const struct policy_principal *who = policy_by_oidc(p, rows[i].issuer, claim, list);
        assert_string_equal(who != NULL ? who->id : "", rows[i].who != NULL ? rows[i].who : "");
    }
}

static void test_keys(void **state)
{
    const struct policy *p = *state;
    size_t certified = 0;
    size_t verified = 0;
    if (p == NULL)
        skip();
    for (size_t i = 0; policy_principal_at(p, i) != NULL; i++) {
        const struct policy_principal *a = policy_principal_at(p, i);
        for (size_t k = 0; k < a->approval_key_count; k++) {
            const struct hm_key *key = &a->approval_keys[k];
            bool has = policy_key_certificate(p, key) != NULL;
            assert_true(!has || strcmp(a->id, "dave") == 0);
            assert_true(!key->verify_user || strcmp(a->id, "carol") == 0);
            assert_ptr_equal(policy_by_approval_key(p, key), a);
            certified += has;
            verified += key->verify_user;
        }
        for (size_t k = 0; k < a->submit_key_count; k++)
            assert_null(policy_key_certificate(p, &a->submit_keys[k]));
    }
    assert_int_equal(certified, 1);
    assert_int_equal(verified, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests_name("policy_identity", tests, load, unload);
}
