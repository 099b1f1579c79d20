/* Key objects of JSON documents: both forms there and back, and what is no key object. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_signer.h"

#include "schema/trust/hm_keydoc.h"

#include <stdio.h>

static void there_and_back(void **state)
{
    (void)state;
    static const enum hm_key_alg algs[] = {HM_KEY_P256, HM_KEY_ED25519};
    for (size_t i = 0; i < 2 * COUNT(algs); i++) {
        struct signer s;
        struct hm_key back;
        bool sk = i % 2 == 1;
        signer_init(&s, algs[i / 2]);
        (void)snprintf(s.key.application, sizeof s.key.application, "%s", sk ? "ssh:" : "");
        HM_JSON_AUTO *doc = hm_keydoc_write(&s.key);
        assert_int_equal(json_object_size(doc), 1);
        assert_non_null(json_object_get(doc, sk ? "ssh" : "pem"));
        assert_int_equal(hm_keydoc_read(doc, "$", &back, NULL), HM_OK);
        assert_memory_equal(&back, &s.key, sizeof back);
        signer_free(&s);
    }
}

struct bad_row {
    const char *name;
    const char *text;
    const char *says;
};

static const struct bad_row bad_rows[] = {
    {"keydoc: null", "[null]", "$.k: expected an object"},
    {"keydoc: a string", "[\"ssh-ed25519 AAAA\"]", "$.k: expected an object"},
    {"keydoc: empty", "[{}]", "$.k: expected exactly one of"},
    {"keydoc: both forms", "[{\"pem\":\"x\",\"ssh\":\"x\"}]", "$.k: expected exactly one of"},
    {"keydoc: pem is null", "[{\"pem\":null}]", "$.k.pem: expected a string"},
    {"keydoc: pem is no key", "[{\"pem\":\"x\"}]", "$.k.pem: PEM: expected"},
    {"keydoc: pem is empty", "[{\"pem\":\"\"}]", "$.k.pem: PEM: expected"},
    {"keydoc: ssh is no key", "[{\"ssh\":\"ssh-rsa AAAA\"}]", "$.k.ssh: SSH key line: expected"},
    {"keydoc: unknown member", "[{\"ssh\":\"x\",\"id\":1}]", "$.k.id: unknown member"},
};

static void bad(void **state)
{
    const struct bad_row *row = *state;
    HM_JSON_AUTO *doc = json_loads(row->text, 0, NULL);
    struct hm_key k = {.raw_len = 77};
    struct hm_why why = {""};
    assert_non_null(doc);
    assert_int_not_equal(hm_keydoc_read(json_array_get(doc, 0), "$.k", &k, &why), HM_OK);
    assert_int_equal(k.raw_len, 77);
    assert_memory_equal(why.text, row->says, strlen(row->says));
    assert_int_equal(hm_keydoc_read(NULL, "$.k", &k, &why), HM_E_MALFORMED);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(bad_rows) + 1];
    size_t n = ADD_ROWS(tests, 0, bad, bad_rows);
    n = ADD_TEST(tests, n, there_and_back);
    return _cmocka_run_group_tests("schema_keydoc", tests, n, NULL, NULL);
}
