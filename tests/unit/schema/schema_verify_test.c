/* Signatures: what holds, and that nothing near it does. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_signer.h"

static const char message[] = "release-approval/v1\norigin hallmark.example/rehearsal\n";

struct der_row {
    const char *name;
    const char *hex; /* ECDSA-Sig-Value */
    enum hm_err expected;
};

#define R32 "5a39044340925fdef88b3fdec12c830a5929a30f7d7d025f43b7984e3b136c4c"
#define S32 "13f8a8bede55850248bf0e524d9b2b40545264b2b1d6cf9998f53d76f01bd153"
#define HIGH "93f8a8bede55850248bf0e524d9b2b40545264b2b1d6cf9998f53d76f01bd153"

static const struct der_row der_rows[] = {
    {"der: plain", "30440220" R32 "0220" S32, HM_OK},
    {"der: leading zero needed",
     "30450221"
     "00" HIGH "0220" S32,
     HM_OK},
    {"der: small values", "3006020101020102", HM_OK},
    {"der: empty", "", HM_E_MALFORMED},
    {"der: not a sequence", "31440220" R32 "0220" S32, HM_E_MALFORMED},
    {"der: needless leading zero",
     "30450221"
     "00" R32 "0220" S32,
     HM_E_MALFORMED},
    {"der: negative", "30440220" HIGH "0220" S32, HM_E_MALFORMED},
    {"der: zero r",
     "3025020100"
     "0220" S32,
     HM_E_MALFORMED},
    {"der: zero s", "30250220" R32 "020100", HM_E_MALFORMED},
    {"der: empty integer",
     "30240200"
     "0220" S32,
     HM_E_MALFORMED},
    {"der: 33 bytes",
     "30450221"
     "01" R32 "0220" S32,
     HM_E_MALFORMED},
    {"der: long form of the length", "3081440220" R32 "0220" S32, HM_E_MALFORMED},
    {"der: indefinite length", "30800220" R32 "0220" S32 "0000", HM_E_MALFORMED},
    {"der: bytes behind", "30440220" R32 "0220" S32 "00", HM_E_MALFORMED},
    {"der: bytes behind, counted", "30450220" R32 "0220" S32 "00", HM_E_MALFORMED},
    {"der: third integer", "30470220" R32 "0220" S32 "020101", HM_E_MALFORMED},
    {"der: integer reaches out", "30440220" R32 "0221" S32, HM_E_MALFORMED},
    {"der: length too short", "30430220" R32 "0220" S32, HM_E_MALFORMED},
    {"der: s is no integer", "30440220" R32 "0420" S32, HM_E_MALFORMED},
};

static void der_and_raw(void **state)
{
    const struct der_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO again = {.limit = 0};
    uint8_t raw[64] = {0x77};
    struct hm_bytes der = from_hex(&b, row->hex);
    assert_int_equal(hm_ecdsa_der_to_raw(der, raw), row->expected);
    if (row->expected != HM_OK) {
        assert_int_equal(raw[0], 0x77);
        return;
    }
    assert_int_equal(hm_ecdsa_raw_to_der(raw, &again), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), der));
}

static void raw_zero_has_no_der(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 0};
    uint8_t raw[64] = {0};
    assert_int_equal(hm_ecdsa_raw_to_der(raw, &b), HM_E_MALFORMED);
    raw[31] = 1;
    assert_int_equal(hm_ecdsa_raw_to_der(raw, &b), HM_E_MALFORMED);
    assert_int_equal(b.len, 0);
}

struct alg_row {
    const char *name;
    enum hm_key_alg alg;
};
static const struct alg_row alg_rows[] = {{"P-256", HM_KEY_P256}, {"Ed25519", HM_KEY_ED25519}};

static enum hm_err verify_der(struct hm_bytes sig, void *ctx)
{
    const struct signer *s = ctx;
    return hm_key_verify_der(&s->key, hm_bytes_str(message), sig);
}

static enum hm_err verify_raw(struct hm_bytes sig, void *ctx)
{
    const struct signer *s = ctx;
    return hm_key_verify_raw(&s->key, hm_bytes_str(message), sig);
}

static void signature_near_misses(void **state)
{
    const struct alg_row *row = *state;
    struct signer s;
    signer_init(&s, row->alg);
    HM_BUF_AUTO sig = {.limit = 0};
    uint8_t raw[64];
    signer_sign(&s, hm_bytes_str(message), &sig);
    signer_sign_raw(&s, hm_bytes_str(message), raw);
    assert_int_equal(verify_der(hm_buf_bytes(&sig), &s), HM_OK);
    assert_int_equal(verify_raw(hm_bytes_of(raw, 64), &s), HM_OK);
    refuses_every_cut(hm_buf_bytes(&sig), verify_der, &s);
    refuses_every_flip(hm_buf_bytes(&sig), verify_der, &s);
    refuses_more(hm_buf_bytes(&sig), verify_der, &s);
    refuses_every_cut(hm_bytes_of(raw, 64), verify_raw, &s);
    refuses_every_flip(hm_bytes_of(raw, 64), verify_raw, &s);
    refuses_more(hm_bytes_of(raw, 64), verify_raw, &s);
    signer_free(&s);
}

static void message_near_misses(void **state)
{
    const struct alg_row *row = *state;
    struct signer s;
    struct signer other;
    signer_init(&s, row->alg);
    signer_init(&other, row->alg);
    char text[sizeof message];
    uint8_t raw[64];
    memcpy(text, message, sizeof text);
    signer_sign_raw(&s, hm_bytes_str(message), raw);
    struct hm_bytes sig = hm_bytes_of(raw, 64);
    for (size_t i = 0; i < sizeof message - 1; i++) {
        text[i] ^= 1;
        assert_int_equal(hm_key_verify_raw(&s.key, hm_bytes_str(text), sig), HM_E_SIGNATURE);
        text[i] ^= 1;
    }
    assert_int_equal(hm_key_verify_raw(&s.key, hm_bytes_of(NULL, 0), sig), HM_E_SIGNATURE);
    assert_int_equal(hm_key_verify_raw(&other.key, hm_bytes_str(message), sig), HM_E_SIGNATURE);
    struct hm_key none = {.alg = HM_KEY_NONE};
    assert_int_equal(hm_key_verify_raw(&none, hm_bytes_str(message), sig), HM_E_SIGNATURE);
    assert_int_equal(hm_key_verify_der(&none, hm_bytes_str(message), sig), HM_E_SIGNATURE);
    signer_free(&s);
    signer_free(&other);
}

static void forms_are_not_mixed(void **state)
{
    (void)state;
    struct signer s;
    signer_init(&s, HM_KEY_P256);
    HM_BUF_AUTO der = {.limit = 0};
    uint8_t raw[64];
    signer_sign(&s, hm_bytes_str(message), &der);
    signer_sign_raw(&s, hm_bytes_str(message), raw);
    assert_int_equal(verify_der(hm_bytes_of(raw, 64), &s), HM_E_SIGNATURE);
    assert_int_equal(verify_raw(hm_buf_bytes(&der), &s), HM_E_SIGNATURE);
    assert_int_equal(verify_raw(hm_bytes_of(NULL, 0), &s), HM_E_SIGNATURE);
    assert_int_equal(verify_der(hm_bytes_of(NULL, 0), &s), HM_E_SIGNATURE);
    uint8_t zero[64] = {0};
    assert_int_equal(verify_raw(hm_bytes_of(zero, 64), &s), HM_E_SIGNATURE);
    uint8_t ones[64];
    memset(ones, 0xff, sizeof ones);
    assert_int_equal(verify_raw(hm_bytes_of(ones, 64), &s), HM_E_SIGNATURE);
    signer_free(&s);
}

static void empty_message(void **state)
{
    const struct alg_row *row = *state;
    struct signer s;
    uint8_t raw[64];
    signer_init(&s, row->alg);
    signer_sign_raw(&s, hm_bytes_of("", 0), raw);
    assert_int_equal(hm_key_verify_raw(&s.key, hm_bytes_of(NULL, 0), hm_bytes_of(raw, 64)), HM_OK);
    signer_free(&s);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(der_rows) + 3 * COUNT(alg_rows) + 2];
    size_t n = ADD_ROWS(tests, 0, der_and_raw, der_rows);
    n = ADD_ROWS(tests, n, signature_near_misses, alg_rows);
    n = ADD_ROWS(tests, n, message_near_misses, alg_rows);
    n = ADD_ROWS(tests, n, empty_message, alg_rows);
    n = ADD_TEST(tests, n, raw_zero_has_no_der);
    n = ADD_TEST(tests, n, forms_are_not_mixed);
    return _cmocka_run_group_tests("schema_verify", tests, n, NULL, NULL);
}
