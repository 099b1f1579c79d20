/* COSE_Sign1 and the authentication wrapper: bytes as the documents give them, thresholds, near
 * misses. */
#include "tests/unit/schema/schema_rows.h"
#include "tests/unit/schema/schema_signer.h"

static const char payload_text[] = "payload";

static struct hm_bytes payload(void)
{
    return hm_bytes_str(payload_text);
}

static void tbs_is_55_bytes(void **state)
{
    (void)state;
    struct hm_key k = {.alg = HM_KEY_P256};
    struct hm_digest d = hm_auth_digest(payload());
    HM_BUF_AUTO tbs = {.limit = 0};
    HM_BUF_AUTO want = {.limit = 0};
    hm_auth_tbs(&tbs, &k, payload());
    from_hex(&want, "846a5369676e61747572653143a10128405824822f5820");
    hm_buf_put(&want, d.b, sizeof d.b);
    assert_int_equal(tbs.len, 55);
    assert_true(hm_bytes_eq(hm_buf_bytes(&tbs), hm_buf_bytes(&want)));
    struct hm_digest by_hand = hm_sha256(hm_bytes_str("\x47payload"));
    assert_true(hm_digest_eq(&d, &by_hand));
}

static void tbs_names_the_algorithm(void **state)
{
    (void)state;
    HM_BUF_AUTO a = {.limit = 0};
    HM_BUF_AUTO b = {.limit = 0};
    hm_cose_tbs(&a, HM_COSE_ED25519, hm_bytes_of("\1", 1));
    from_hex(&b, "846a5369676e61747572653143a10132404101");
    assert_true(hm_bytes_eq(hm_buf_bytes(&a), hm_buf_bytes(&b)));
}

#define SIG64                                                                                      \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                             \
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
#define KID "50000102030405060708090a0b0c0d0e0f"

struct sign1_row {
    const char *name;
    const char *hex;
    enum hm_err expected;
};

static const struct sign1_row sign1_rows[] = {
    {"sign1: ESP256", "d28443a10128a104" KID "f65840" SIG64, HM_OK},
    {"sign1: Ed25519", "d28443a10132a104" KID "f65840" SIG64, HM_OK},
    {"sign1: empty", "", HM_E_MALFORMED},
    {"sign1: no tag", "8443a10128a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: COSE_Mac0's tag", "d18443a10128a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: COSE_Sign's tag", "d8628443a10128a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: array of 3", "d28343a10128a104" KID "f6", HM_E_MALFORMED},
    {"sign1: array of 5", "d28543a10128a104" KID "f65840" SIG64 "00", HM_E_MALFORMED},
    {"sign1: ESP384", "d28444a1013832a104" KID "f65840" SIG64, HM_E_UNSUPPORTED},
    {"sign1: ES256", "d28443a10126a104" KID "f65840" SIG64, HM_E_UNSUPPORTED},
    {"sign1: HMAC 256", "d28443a10105a104" KID "f65840" SIG64, HM_E_UNSUPPORTED},
    {"sign1: algorithm as text", "d28445a10162524141a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: protected header empty", "d28440a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: protected header an empty map", "d28441a0a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: protected header with crit", "d28446a20128028104a0f65840" SIG64, HM_E_MALFORMED},
    {"sign1: protected header not wrapped", "d284a10128a104" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: bytes behind the protected map", "d28444a1012800a104" KID "f65840" SIG64,
     HM_E_MALFORMED},
    {"sign1: algorithm unprotected", "d28440a10128f65840" SIG64, HM_E_MALFORMED},
    {"sign1: no kid", "d28443a10128a0f65840" SIG64, HM_E_MALFORMED},
    {"sign1: short kid", "d28443a10128a10441aaf65840" SIG64, HM_E_MALFORMED},
    {"sign1: kid as text", "d28443a10128a1046161f65840" SIG64, HM_E_MALFORMED},
    {"sign1: two unprotected members", "d28443a10128a204" KID "0500f65840" SIG64, HM_E_MALFORMED},
    {"sign1: payload present", "d28443a10128a104" KID "41005840" SIG64, HM_E_MALFORMED},
    {"sign1: payload empty", "d28443a10128a104" KID "405840" SIG64, HM_E_MALFORMED},
    {"sign1: signature of 63 bytes",
     "d28443a10128a104" KID "f6583f"
     "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
     "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f",
     HM_E_MALFORMED},
    {"sign1: signature of 65 bytes", "d28443a10128a104" KID "f6584100" SIG64, HM_E_MALFORMED},
    {"sign1: bytes behind", "d28443a10128a104" KID "f65840" SIG64 "00", HM_E_MALFORMED},
    {"sign1: kid twice", "d28443a10128a204" KID "04" KID "f65840" SIG64, HM_E_MALFORMED},
    {"sign1: protected header in long form", "d2845803a10128a104" KID "f65840" SIG64,
     HM_E_MALFORMED},
};

static void sign1(void **state)
{
    const struct sign1_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    HM_BUF_AUTO again = {.limit = 0};
    struct hm_cose_sign1_view v = {.alg = 77};
    struct hm_bytes bytes = from_hex(&b, row->hex);
    assert_int_equal(hm_cose_sign1_parse(bytes, &v, NULL), row->expected);
    if (row->expected != HM_OK) {
        assert_int_equal(v.alg, 77);
        return;
    }
    hm_cose_sign1(&again, v.alg, v.kid, v.sig.data);
    assert_true(hm_bytes_eq(hm_buf_bytes(&again), bytes));
}

struct quorum_row {
    const char *name;
    const char *signers; /* letters: which of the keys a, b, c, d sign, in this order */
    const char *trusted; /* which of them count */
    size_t threshold;
    enum hm_err expected;
};

static const struct quorum_row quorum_rows[] = {
    {"quorum: 1 of 1", "a", "a", 1, HM_OK},
    {"quorum: 2 of 3", "ab", "abc", 2, HM_OK},
    {"quorum: 2 of 3, other order", "ca", "abc", 2, HM_OK},
    {"quorum: 3 of 3", "abc", "abc", 3, HM_OK},
    {"quorum: an unknown signer beside", "dab", "abc", 2, HM_OK},
    {"quorum: too few", "a", "abc", 2, HM_E_SIGNATURE},
    {"quorum: none", "", "abc", 1, HM_E_SIGNATURE},
    {"quorum: only unknown signers", "d", "abc", 1, HM_E_SIGNATURE},
    {"quorum: one signer twice", "aa", "abc", 2, HM_E_SIGNATURE},
    {"quorum: one key twice in the list", "a", "aa", 2, HM_E_SIGNATURE},
    {"quorum: both twice", "aa", "aa", 2, HM_E_SIGNATURE},
    {"quorum: threshold 0", "a", "a", 0, HM_E_DENIED},
    {"quorum: threshold 0, nobody", "", "", 0, HM_E_DENIED},
    {"quorum: no keys", "a", "", 1, HM_E_SIGNATURE},
    {"quorum: threshold above the keys", "abc", "abc", 4, HM_E_SIGNATURE},
};

/* Two P-256 keys (a, c) and two Ed25519 keys (b, d). */
static struct signer *four(void)
{
    struct signer *s = calloc(4, sizeof *s);
    assert_non_null(s);
    for (size_t i = 0; i < 4; i++)
        signer_init(&s[i], i % 2 == 0 ? HM_KEY_P256 : HM_KEY_ED25519);
    return s;
}

static void free_four(struct signer *s)
{
    for (size_t i = 0; i < 4; i++)
        signer_free(&s[i]);
    free(s);
}

static void quorum(void **state)
{
    const struct quorum_row *row = *state;
    struct signer *all = four();
    struct signer *signers[HM_AUTH_SIGNATURES_MAX];
    struct hm_key trusted[4];
    size_t n = strlen(row->signers);
    size_t m = strlen(row->trusted);
    for (size_t i = 0; i < n; i++)
        signers[i] = &all[row->signers[i] - 'a'];
    for (size_t i = 0; i < m; i++)
        trusted[i] = all[row->trusted[i] - 'a'].key;
    for (int tagged = 0; tagged < 2; tagged++) {
        HM_BUF_AUTO doc = {.limit = 0};
        struct hm_auth_view v;
        signers_envelope(&doc, tagged != 0, payload(), signers, n);
        assert_int_equal(hm_auth_parse(hm_buf_bytes(&doc), tagged == 0, &v, NULL), HM_E_MALFORMED);
        assert_int_equal(hm_auth_parse(hm_buf_bytes(&doc), tagged != 0, &v, NULL), HM_OK);
        assert_true(hm_bytes_eq(v.payload, payload()));
        assert_int_equal(v.count, n);
        assert_int_equal(hm_auth_verify(&v, trusted, m, row->threshold, NULL), row->expected);
    }
    free_four(all);
}

struct open_ctx {
    struct hm_key keys[2];
    bool tagged;
};

static enum hm_err open_envelope(struct hm_bytes data, void *ctx)
{
    struct open_ctx *c = ctx;
    struct hm_auth_view v;
    enum hm_err err = hm_auth_parse(data, c->tagged, &v, NULL);
    return err == HM_OK ? hm_auth_verify(&v, c->keys, 2, 2, NULL) : err;
}

static void envelope_near_misses(void **state)
{
    (void)state;
    struct signer *all = four();
    struct signer *both[2] = {&all[0], &all[1]};
    for (int tagged = 0; tagged < 2; tagged++) {
        struct open_ctx c = {{all[0].key, all[1].key}, tagged != 0};
        HM_BUF_AUTO doc = {.limit = 0};
        signers_envelope(&doc, c.tagged, payload(), both, 2);
        assert_int_equal(open_envelope(hm_buf_bytes(&doc), &c), HM_OK);
        refuses_every_cut(hm_buf_bytes(&doc), open_envelope, &c);
        refuses_every_flip(hm_buf_bytes(&doc), open_envelope, &c);
        refuses_more(hm_buf_bytes(&doc), open_envelope, &c);
    }
    free_four(all);
}

/* One good signature does not excuse a bad one by another key that counts. */
static void bad_block_is_an_error(void **state)
{
    (void)state;
    struct signer *all = four();
    struct hm_key keys[2] = {all[0].key, all[1].key};
    struct hm_auth_signature sigs[2] = {{.key = all[0].key}, {.key = all[1].key}};
    HM_BUF_AUTO tbs = {.limit = 0};
    HM_BUF_AUTO doc = {.limit = 0};
    struct hm_auth_view v;
    struct hm_why why = {""};
    hm_auth_tbs(&tbs, &all[0].key, payload());
    signer_sign_raw(&all[0], hm_buf_bytes(&tbs), sigs[0].sig);
    /* made over the other algorithm's bytes: a signature of the right key for something else */
    signer_sign_raw(&all[1], hm_buf_bytes(&tbs), sigs[1].sig);
    hm_auth_envelope(&doc, false, payload(), sigs, 2);
    assert_int_equal(hm_auth_parse(hm_buf_bytes(&doc), false, &v, NULL), HM_OK);
    assert_int_equal(hm_auth_verify(&v, keys, 2, 1, &why), HM_E_SIGNATURE);
    assert_non_null(strstr(why.text, "block 2"));
    free_four(all);
}

static void too_many_signatures(void **state)
{
    (void)state;
    struct hm_auth_signature sigs[HM_AUTH_SIGNATURES_MAX + 1];
    HM_BUF_AUTO doc = {.limit = 0};
    memset(sigs, 0, sizeof sigs);
    for (size_t i = 0; i < COUNT(sigs); i++)
        sigs[i].key.alg = HM_KEY_ED25519;
    hm_auth_envelope(&doc, false, payload(), sigs, COUNT(sigs));
    assert_int_equal(hm_buf_err(&doc), HM_E_LIMIT);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(sign1_rows) + COUNT(quorum_rows) + 5];
    size_t n = ADD_ROWS(tests, 0, sign1, sign1_rows);
    n = ADD_ROWS(tests, n, quorum, quorum_rows);
    n = ADD_TEST(tests, n, tbs_is_55_bytes);
    n = ADD_TEST(tests, n, tbs_names_the_algorithm);
    n = ADD_TEST(tests, n, envelope_near_misses);
    n = ADD_TEST(tests, n, bad_block_is_an_error);
    n = ADD_TEST(tests, n, too_many_signatures);
    return _cmocka_run_group_tests("schema_cose", tests, n, NULL, NULL);
}
