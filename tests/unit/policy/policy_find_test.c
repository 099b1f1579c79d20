/* Lookups: who a certificate or a key belongs to, and what a policy hands out. */
#include "tests/unit/policy/policy_facts.h"

#include "schema/trust/hm_keydoc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct policy_rule *match(const struct policy *p, const char *product,
                                       const char *channel)
{
    return policy_match(p, &(struct policy_subject){.product = product, .channel = channel});
}

static int load_full(void **state)
{
    HM_FREE char *text = document_text("accept/full.json");
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

static const struct policy *loaded(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

static const char *id_of(const struct policy_principal *a)
{
    return a != NULL ? a->id : "(nobody)";
}

static struct hm_digest fingerprint(const char *seed)
{
    return hm_sha256(hm_bytes_str(seed));
}

static const char edge[] = "spiffe://example.com/ci/edge";
static const char bob[] = "spiffe://example.com/people/bob";

static void certificate_by_uri(void **state)
{
    const struct policy *p = loaded(state);
    const char *uris[] = {"spiffe://example.com/x", edge};
    assert_string_equal(id_of(policy_by_certificate(p, NULL, uris, 2)), "ci-edge");
    const struct hm_digest other = fingerprint("mallory");
    assert_string_equal(id_of(policy_by_certificate(p, &other, uris, 2)), "ci-edge");
}

static void certificate_by_fingerprint(void **state)
{
    const struct hm_digest f = fingerprint("alice");
    assert_string_equal(id_of(policy_by_certificate(loaded(state), &f, NULL, 0)), "alice");
}

static void certificate_of_nobody(void **state)
{
    const struct policy *p = loaded(state);
    const char *uris[] = {"spiffe://example.com/ci",
                          "spiffe://example.com/ci/edge/",
                          "spiffe://example.com/ci/Edge",
                          "SPIFFE://example.com/ci/edge",
                          "",
                          NULL};
    struct hm_digest f = fingerprint("alice");
    f.b[31] ^= 1;
    assert_null(policy_by_certificate(p, &f, uris, 6));
    assert_null(policy_by_certificate(p, NULL, NULL, 0));
}

static void certificate_of_two(void **state)
{
    const struct policy *p = loaded(state);
    const struct hm_digest f = fingerprint("alice");
    const char *uris[] = {edge, bob};
    assert_null(policy_by_certificate(p, NULL, uris, 2));
    assert_null(policy_by_certificate(p, &f, uris, 1));
    const char *twice[] = {bob, bob};
    assert_string_equal(id_of(policy_by_certificate(p, NULL, twice, 2)), "bob");
}

static struct hm_key key_at(json_t *doc, const char *section, size_t i, const char *member,
                            size_t j)
{
    const json_t *v = json_object_get(json_array_get(json_object_get(doc, section), i), member);
    struct hm_key k = {0};
    if (json_is_array(v))
        v = json_array_get(v, j);
    assert_int_equal(hm_keydoc_read(v, "$", &k, NULL), HM_OK);
    return k;
}

static void keys_have_one_role(void **state)
{
    const struct policy *p = loaded(state);
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    const struct hm_key submit = key_at(doc, "principals", 0, "submit_keys", 0);
    const struct hm_key approve = key_at(doc, "principals", 1, "approval_keys", 1);
    const struct hm_key build = key_at(doc, "builders", 0, "keys", 0);
    const struct hm_key release = key_at(doc, "keys", 0, "public_key", 0);
    assert_string_equal(id_of(policy_by_submit_key(p, &submit)), "ci-edge");
    assert_string_equal(id_of(policy_by_approval_key(p, &approve)), "alice");
    assert_null(policy_by_submit_key(p, &approve));
    assert_null(policy_by_approval_key(p, &submit));
    assert_null(policy_by_submit_key(p, &build));
    assert_null(policy_by_approval_key(p, &build));
    assert_null(policy_by_submit_key(p, &release));
    assert_null(policy_by_approval_key(p, &release));
}

/* The application is no part of the identity: the same raw value is the same key. */
static void key_by_raw_value(void **state)
{
    const struct policy *p = loaded(state);
    HM_JSON_AUTO *doc = document_json("accept/full.json");
    struct hm_key k = key_at(doc, "principals", 3, "approval_keys", 0);
    memset(k.application, 0, sizeof k.application);
    assert_string_equal(id_of(policy_by_approval_key(p, &k)), "carol");
    k.raw[0] ^= 1;
    assert_null(policy_by_approval_key(p, &k));
    struct hm_key none = {0};
    assert_null(policy_by_approval_key(p, &none));
    none.raw_len = SIZE_MAX;
    assert_null(policy_by_approval_key(p, &none));
}

static void rules_match_exactly(void **state)
{
    const struct policy *p = loaded(state);
    const struct policy_rule *r = match(p, "edge-radio", "lts");
    assert_non_null(r);
    assert_string_equal(r->id, "radio-stable");
    assert_string_equal(r->environment, "production");
    assert_string_equal(r->key->id, "production-2026");
    assert_string_equal(r->group, "release-managers");
    assert_true(r->approvals == 2 && r->approval_ttl_s == 604800 && r->provenance);
    const struct policy_rule *nightly = match(p, "edge-router", "nightly");
    assert_true(nightly != NULL && nightly->group == NULL && nightly->approvals == 0 &&
                !nightly->provenance && nightly->approval_ttl_s == 7776000);
    assert_null(match(p, "edge-radio", "nightly"));
    assert_null(match(p, "edge-radio", "LTS"));
    assert_null(match(p, "edge", "stable"));
    assert_null(match(p, "*", "stable"));
    assert_null(match(p, NULL, "stable"));
    assert_null(match(p, "edge-router", NULL));
}

static void builders_hand_out_keys(void **state)
{
    const struct policy *p = loaded(state);
    size_t n = 7;
    assert_non_null(policy_builder_keys(p, "https://ci.example.com/builder", &n));
    assert_int_equal(n, 2);
    assert_null(policy_builder_keys(p, "https://ci.example.com/Builder", &n));
    assert_int_equal(n, 0);
    assert_null(policy_builder_keys(p, NULL, &n));
}

static void builders_can_be_walked(void **state)
{
    const struct policy *p = loaded(state);
    const struct hm_key *keys = NULL;
    size_t n = 0;
    assert_string_equal(policy_builder_at(p, 1, &keys, &n), "https://ci2.example.com/builder");
    assert_true(keys != NULL && n == 1);
    assert_null(policy_builder_at(p, 2, &keys, &n));
}

static void heads_and_lists(void **state)
{
    const struct policy *p = loaded(state);
    HM_FREE char *text = document_text("accept/full.json");
    const struct hm_digest d = hm_sha256(hm_bytes_str(text));
    assert_true(hm_digest_eq(policy_digest(p), &d));
    assert_string_equal(policy_name(p), "Example Devices");
    assert_string_equal(policy_vendor_domain(p), "example.com");
    assert_string_equal(policy_principal(p, "ci-edge")->name, "Edge CI");
    assert_string_equal(policy_principal(p, "bob")->name, "bob");
    assert_int_equal(policy_principal(p, "bob")->roles,
                     POLICY_ROLE_APPROVER | POLICY_ROLE_SUBMITTER);
    assert_null(policy_principal(p, "Bob"));
    assert_null(policy_principal(p, NULL));
    assert_string_equal(policy_principal_at(p, 5)->id, "audit");
    assert_null(policy_principal_at(p, 6));
    const struct policy_release_key *k = policy_key_at(p, 1);
    const struct hm_digest id = hm_key_id(&k->key);
    assert_true(hm_digest_eq(&k->key_id, &id));
    assert_string_equal(k->environment, "staging");
    assert_null(policy_key_at(p, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate_by_uri),     cmocka_unit_test(certificate_by_fingerprint),
        cmocka_unit_test(certificate_of_nobody),  cmocka_unit_test(certificate_of_two),
        cmocka_unit_test(keys_have_one_role),     cmocka_unit_test(key_by_raw_value),
        cmocka_unit_test(rules_match_exactly),    cmocka_unit_test(builders_hand_out_keys),
        cmocka_unit_test(builders_can_be_walked), cmocka_unit_test(heads_and_lists),
    };
    return cmocka_run_group_tests_name("policy_find", tests, load_full, unload);
}
