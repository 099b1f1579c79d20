/* DSSE envelopes and signed documents in both forms. */
#include "tests/unit/test_rows.h"

#include "tests/unit/attest/attest_test_keys.h"

#include "schema/attest/hm_signed.h"
#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"

#define TYPE "application/vnd.hallmark.release-approval"
static const char payload[] = "release-approval/v1\n?>?>~~ payload";

static void make_dsse(const struct attest_key *k, const char *type, const char *certificate,
                      struct hm_buf *out)
{
    HM_BUF_AUTO pae = {0};
    HM_BUF_AUTO sig = {0};
    hm_dsse_pae(&pae, type, hm_bytes_str(payload));
    attest_sign(k, hm_buf_bytes(&pae), &sig);
    assert_int_equal(
        hm_dsse_write(out, type, hm_bytes_str(payload), hm_buf_bytes(&sig), certificate), HM_OK);
}

static void test_pae(void **state)
{
    HM_BUF_AUTO pae = {0};
    (void)state;
    hm_dsse_pae(&pae, "http://example.com/HelloWorld", hm_bytes_str("hello world"));
    assert_string_equal(hm_buf_str(&pae), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    hm_buf_reset(&pae);
    hm_dsse_pae(&pae, "", hm_bytes_of(NULL, 0));
    assert_string_equal(hm_buf_str(&pae), "DSSEv1 0  0 ");
}

static void round_trip(enum hm_key_alg alg)
{
    HM_BUF_AUTO text = {0};
    struct attest_key k;
    struct attest_key other;
    struct hm_dsse d;
    attest_key_make(alg, 1, NULL, &k);
    attest_key_make(alg, 2, NULL, &other);
    make_dsse(&k, TYPE, "-----BEGIN CERTIFICATE-----\n\"\\", &text);
    assert_int_equal(hm_dsse_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &d, NULL), HM_OK);
    assert_string_equal(d.payload_type, TYPE);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&d.payload), payload));
    assert_string_equal(d.certificate, "-----BEGIN CERTIFICATE-----\n\"\\");
    assert_int_equal(hm_dsse_verify(&d, &k.key), HM_OK);
    assert_int_equal(hm_dsse_verify(&d, &other.key), HM_E_SIGNATURE);
    struct hm_key sk = k.key;
    memcpy(sk.application, "ssh:", 5);
    assert_int_equal(hm_dsse_verify(&d, &sk), HM_E_SIGNATURE);
    for (size_t i = 0; i < d.sig.len * 8; i++) {
        d.sig.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_dsse_verify(&d, &k.key), HM_OK);
        d.sig.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t i = 0; i < d.payload.len * 8; i++) {
        d.payload.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_dsse_verify(&d, &k.key), HM_OK);
        d.payload.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (d.sig.len--; d.sig.len > 0; d.sig.len--)
        assert_int_not_equal(hm_dsse_verify(&d, &k.key), HM_OK);
    hm_dsse_free(&d);
    attest_key_free(&k);
    attest_key_free(&other);
}

static void test_p256(void **state)
{
    (void)state;
    round_trip(HM_KEY_P256);
}

static void test_ed25519(void **state)
{
    (void)state;
    round_trip(HM_KEY_ED25519);
}

/* r||s instead of DER, under the same key. */
static void test_raw_ecdsa_refused(void **state)
{
    HM_BUF_AUTO pae = {0};
    HM_BUF_AUTO sig = {0};
    HM_BUF_AUTO text = {0};
    uint8_t raw[64];
    struct attest_key k;
    struct hm_dsse d;
    (void)state;
    attest_key_make(HM_KEY_P256, 1, NULL, &k);
    hm_dsse_pae(&pae, TYPE, hm_bytes_str(payload));
    attest_sign(&k, hm_buf_bytes(&pae), &sig);
    assert_int_equal(hm_ecdsa_der_to_raw(hm_buf_bytes(&sig), raw), HM_OK);
    assert_int_equal(
        hm_dsse_write(&text, TYPE, hm_bytes_str(payload), hm_bytes_of(raw, sizeof raw), NULL),
        HM_OK);
    assert_int_equal(hm_dsse_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &d, NULL), HM_OK);
    assert_int_equal(hm_dsse_verify(&d, &k.key), HM_E_SIGNATURE);
    hm_dsse_free(&d);
    attest_key_free(&k);
}

struct text_row {
    const char *name;
    const char *text;
    enum hm_err want;
};
static const struct text_row envelopes[] = {
    {"dsse minimal",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}", HM_OK},
    {"dsse unknown members",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"x\":1.5,\"signatures\":[{\"sig\":\"AAAA\","
     "\"keyid\":\"k\",\"y\":null}]}",
     HM_OK},
    {"dsse URL-safe",
     "{\"payloadType\":\"t\",\"payload\":\"_-8\",\"signatures\":[{\"sig\":\"AA\"}]}", HM_OK},
    {"dsse payload empty",
     "{\"payloadType\":\"t\",\"payload\":\"\",\"signatures\":[{\"sig\":\"AA==\"}]}", HM_OK},
    {"dsse no signature", "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[]}",
     HM_E_MALFORMED},
    {"dsse two signatures",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"},{\"sig\":"
     "\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse signatures missing", "{\"payloadType\":\"t\",\"payload\":\"AAAA\"}", HM_E_MALFORMED},
    {"dsse signatures an object",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":{\"sig\":\"AAAA\"}}",
     HM_E_MALFORMED},
    {"dsse signature a text",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[\"AAAA\"]}", HM_E_MALFORMED},
    {"dsse sig missing", "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{}]}",
     HM_E_MALFORMED},
    {"dsse sig empty",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"\"}]}",
     HM_E_MALFORMED},
    {"dsse sig not base64",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"A!\"}]}",
     HM_E_MALFORMED},
    {"dsse payload not base64",
     "{\"payloadType\":\"t\",\"payload\":\"A A=\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse payload padding bits",
     "{\"payloadType\":\"t\",\"payload\":\"AB==\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse payload missing", "{\"payloadType\":\"t\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse payload a number",
     "{\"payloadType\":\"t\",\"payload\":7,\"signatures\":[{\"sig\":\"AAAA\"}]}", HM_E_MALFORMED},
    {"dsse type missing", "{\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse type empty",
     "{\"payloadType\":\"\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse type twice",
     "{\"payloadType\":\"t\",\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":"
     "\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse type with NUL",
     "{\"payloadType\":\"t\\u0000\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}",
     HM_E_MALFORMED},
    {"dsse certificate a number",
     "{\"certificate\":7,\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":"
     "\"AAAA\"}]"
     "}",
     HM_E_MALFORMED},
    {"dsse bytes behind",
     "{\"payloadType\":\"t\",\"payload\":\"AAAA\",\"signatures\":[{\"sig\":\"AAAA\"}]}x",
     HM_E_MALFORMED},
    {"dsse an array", "[]", HM_E_MALFORMED},
    {"dsse empty", "", HM_E_MALFORMED},
    {"dsse no UTF-8", "{\"payloadType\":\"\xff\"}", HM_E_MALFORMED},
};

static void test_envelope(void **state)
{
    const struct text_row *row = *state;
    struct hm_dsse d = {.payload_type = NULL};
    struct hm_why why = {""};
    enum hm_err e = hm_dsse_parse(hm_bytes_str(row->text), HM_SIGNED_MAX, &d, &why);
    if (row->want == HM_OK) {
        if (e != HM_OK)
            fail_msg("%s", why.text);
        hm_dsse_free(&d);
    } else {
        assert_int_not_equal(e, HM_OK);
        assert_true(strlen(why.text) > 0);
        assert_null(d.payload_type);
    }
}

static void test_dsse_limits(void **state)
{
    HM_BUF_AUTO text = {0};
    struct attest_key k;
    struct hm_dsse d;
    (void)state;
    attest_key_make(HM_KEY_ED25519, 1, NULL, &k);
    make_dsse(&k, TYPE, NULL, &text);
    assert_int_equal(hm_dsse_parse(hm_buf_bytes(&text), text.len - 1, &d, NULL), HM_E_LIMIT);
    for (size_t n = 0; n < text.len; n++)
        assert_int_not_equal(hm_dsse_parse(hm_bytes_of(text.data, n), HM_SIGNED_MAX, &d, NULL),
                             HM_OK);
    attest_key_free(&k);
}

/* --- signed documents --- */

static void make_ssh(const struct attest_key *k, const char *ns, struct hm_buf *out)
{
    HM_BUF_AUTO blob = {0};
    HM_BUF_AUTO armor = {0};
    struct attest_sshsig p = {.key = k, .ns = ns, .hash = "sha512", .flags = 1};
    attest_sshsig_blob(&p, hm_bytes_str(payload), &blob);
    attest_armor(hm_buf_bytes(&blob), 70, &armor);
    assert_int_equal(hm_signed_write_ssh(out, hm_bytes_str(payload), hm_buf_bytes(&armor)), HM_OK);
}

struct kind_row {
    const char *name;
    enum hm_signed_kind made;
    enum hm_signed_kind asked;
    bool dsse_ok;
    bool ssh_ok; /* the namespace alone keeps approvals apart from the rest */
};
#define Q HM_SIGNED_REQUEST
#define J HM_SIGNED_REJECTION
#define C HM_SIGNED_CANCELLATION
#define A HM_SIGNED_APPROVAL
static const struct kind_row kind_rows[] = {
    {"request as request", Q, Q, true, true},
    {"request as rejection", Q, J, false, true},
    {"request as cancellation", Q, C, false, true},
    {"request as approval", Q, A, false, false},
    {"rejection as rejection", J, J, true, true},
    {"rejection as cancellation", J, C, false, true},
    {"rejection as approval", J, A, false, false},
    {"cancellation as cancellation", C, C, true, true},
    {"cancellation as request", C, Q, false, true},
    {"approval as approval", A, A, true, true},
    {"approval as request", A, Q, false, false},
    {"approval as rejection", A, J, false, false},
    {"approval as nothing known", A, (enum hm_signed_kind)0, false, false},
    {"approval beyond the kinds", A, (enum hm_signed_kind)9, false, false},
};

static void check_kind(struct hm_bytes text, const struct kind_row *row, const struct hm_key *key,
                       bool want)
{
    struct hm_signed s;
    struct hm_why why = {""};
    size_t index = 77;
    assert_int_equal(hm_signed_parse(text, HM_SIGNED_MAX, &s, NULL), HM_OK);
    assert_true(hm_bytes_eq_str(hm_signed_payload(&s), payload));
    assert_int_equal(hm_signed_verify(&s, row->asked, key, &why), want ? HM_OK : HM_E_DENIED);
    enum hm_err e = hm_signed_find(&s, row->asked, key, 1, &index, &why);
    assert_int_equal(e, want ? HM_OK : HM_E_DENIED);
    assert_int_equal(index, want ? 0 : 77);
    hm_signed_free(&s);
}

static void test_kinds(void **state)
{
    const struct kind_row *row = *state;
    for (int alg = HM_KEY_P256; alg <= HM_KEY_ED25519; alg++) {
        HM_BUF_AUTO dsse = {0};
        HM_BUF_AUTO ssh = {0};
        struct attest_key k;
        attest_key_make((enum hm_key_alg)alg, 1, NULL, &k);
        make_dsse(&k, hm_signed_payload_type(row->made), NULL, &dsse);
        make_ssh(&k, hm_signed_namespace(row->made), &ssh);
        check_kind(hm_buf_bytes(&dsse), row, &k.key, row->dsse_ok);
        check_kind(hm_buf_bytes(&ssh), row, &k.key, row->ssh_ok);
        attest_key_free(&k);
    }
}

static void test_find(void **state)
{
    struct attest_key k[4];
    struct hm_key keys[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        attest_key_make(i % 2 == 0 ? HM_KEY_ED25519 : HM_KEY_P256, (uint8_t)(i + 1), NULL, &k[i]);
        keys[i] = k[i].key;
    }
    for (size_t i = 0; i < 4; i++) {
        for (int ssh = 0; ssh < 2; ssh++) {
            HM_BUF_AUTO text = {0};
            struct hm_signed s;
            size_t index = 77;
            if (ssh == 1)
                make_ssh(&k[i], "hallmark-approval", &text);
            else
                make_dsse(&k[i], TYPE, NULL, &text);
            assert_int_equal(hm_signed_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &s, NULL), HM_OK);
            assert_int_equal(hm_signed_find(&s, A, keys, i, &index, NULL), HM_E_SIGNATURE);
            assert_int_equal(index, 77);
            assert_int_equal(hm_signed_find(&s, A, keys, 4, &index, NULL), HM_OK);
            assert_int_equal(index, i);
            assert_int_equal(hm_signed_find(&s, A, NULL, 0, &index, NULL), HM_E_SIGNATURE);
            hm_signed_free(&s);
        }
    }
    for (size_t i = 0; i < 4; i++)
        attest_key_free(&k[i]);
}

static void test_certificate(void **state)
{
    HM_BUF_AUTO text = {0};
    struct attest_key k;
    struct hm_signed s;
    (void)state;
    attest_key_make(HM_KEY_P256, 1, NULL, &k);
    make_dsse(&k, TYPE, "pem", &text);
    assert_int_equal(hm_signed_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &s, NULL), HM_OK);
    assert_string_equal(hm_signed_certificate(&s), "pem");
    hm_signed_free(&s);
    hm_buf_reset(&text);
    make_ssh(&k, "hallmark-approval", &text);
    assert_int_equal(hm_signed_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &s, NULL), HM_OK);
    assert_null(hm_signed_certificate(&s));
    hm_signed_free(&s);
    attest_key_free(&k);
}

/* What an SSH document may not look like: text is put in place of its opening brace. */
static const struct text_row ssh_forms[] = {
    {"ssh plain", "{", HM_OK},
    {"ssh unknown member", "{\"x\":1,", HM_E_MALFORMED},
    {"ssh with payloadType", "{\"payloadType\":\"" TYPE "\",", HM_E_MALFORMED},
    {"ssh with signatures", "{\"signatures\":[{\"sig\":\"AAAA\"}],", HM_E_MALFORMED},
    {"ssh with certificate", "{\"certificate\":\"x\",", HM_E_MALFORMED},
    {"ssh payload twice", "{\"payload\":\"AAAA\",", HM_E_MALFORMED},
    {"ssh in an array", "[{", HM_E_MALFORMED},
};

static void test_ssh_form(void **state)
{
    const struct text_row *row = *state;
    HM_BUF_AUTO good = {0};
    HM_BUF_AUTO text = {0};
    struct attest_key k;
    struct hm_signed s = {.is_ssh = false};
    attest_key_make(HM_KEY_ED25519, 1, NULL, &k);
    make_ssh(&k, "hallmark-approval", &good);
    hm_buf_puts(&text, row->text);
    hm_buf_put(&text, good.data + 1, good.len - 1);
    enum hm_err e = hm_signed_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &s, NULL);
    assert_int_equal(e, row->want);
    if (e == HM_OK)
        hm_signed_free(&s);
    attest_key_free(&k);
}

static const struct text_row ssh_texts[] = {
    {"sshsig a number", "{\"payload\":\"AAAA\",\"sshsig\":7}", HM_E_MALFORMED},
    {"sshsig null", "{\"payload\":\"AAAA\",\"sshsig\":null}", HM_E_MALFORMED},
    {"sshsig empty", "{\"payload\":\"AAAA\",\"sshsig\":\"\"}", HM_E_MALFORMED},
    {"ssh payload missing", "{\"sshsig\":\"x\"}", HM_E_MALFORMED},
    {"ssh payload URL-safe", "{\"payload\":\"_-8=\",\"sshsig\":\"x\"}", HM_E_MALFORMED},
    {"ssh payload unpadded", "{\"payload\":\"AAA\",\"sshsig\":\"x\"}", HM_E_MALFORMED},
    {"neither form", "{\"payload\":\"AAAA\"}", HM_E_MALFORMED},
    {"signed empty", "", HM_E_MALFORMED},
};

static void test_ssh_text(void **state)
{
    const struct text_row *row = *state;
    struct hm_signed s;
    struct hm_why why = {""};
    assert_int_equal(hm_signed_parse(hm_bytes_str(row->text), HM_SIGNED_MAX, &s, &why), row->want);
    assert_true(strlen(why.text) > 0);
}

/* Any flipped bit of a whole document: refused, or the change was outside everything that is signed
 * (the key id hint, white space there is none of). */
static void test_document_flipped(void **state)
{
    (void)state;
    for (int ssh = 0; ssh < 2; ssh++) {
        HM_BUF_AUTO text = {0};
        struct attest_key k;
        attest_key_make(HM_KEY_ED25519, 1, NULL, &k);
        if (ssh == 1)
            make_ssh(&k, "hallmark-approval", &text);
        else
            make_dsse(&k, TYPE, NULL, &text);
        for (size_t i = 0; i < text.len * 8; i++) {
            struct hm_signed s;
            text.data[i / 8] ^= (uint8_t)(1u << i % 8);
            if (hm_signed_parse(hm_buf_bytes(&text), HM_SIGNED_MAX, &s, NULL) == HM_OK) {
                if (hm_signed_verify(&s, A, &k.key, NULL) == HM_OK)
                    assert_true(hm_bytes_eq_str(hm_signed_payload(&s), payload));
                hm_signed_free(&s);
            }
            text.data[i / 8] ^= (uint8_t)(1u << i % 8);
        }
        attest_key_free(&k);
    }
}

int main(void)
{
    struct CMUnitTest
        tests[ROWS(envelopes) + ROWS(kind_rows) + ROWS(ssh_forms) + ROWS(ssh_texts) + 8];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_envelope, envelopes);
    n = ADD_ROWS(tests, n, test_kinds, kind_rows);
    n = ADD_ROWS(tests, n, test_ssh_form, ssh_forms);
    n = ADD_ROWS(tests, n, test_ssh_text, ssh_texts);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_pae);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_p256);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_ed25519);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_raw_ecdsa_refused);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_dsse_limits);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_find);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_certificate);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_document_flipped);
    return _cmocka_run_group_tests("attest_dsse", tests, n, NULL, NULL);
}
