/* Wycheproof's P-256 signatures through every crypto adapter: a case is a reported test. */
#include "tests/unit/device/device_util.h"

#ifdef HAVE_BEARSSL
#include "device/bearssl/hm_device_bearssl.h"
#include "device/bearssl/hm_device_bearssl_sodium.h"
#endif

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#define CASES_MAX 4096
#define HEX_MAX 8192

/* One signature to check. */
struct row {
    char name[128];
    struct hmd_crypto crypto;
    uint8_t pub[HMD_P256_LEN];
    uint8_t *msg;
    size_t msg_len;
    uint8_t *sig;
    size_t sig_len;
    bool valid;
};

static size_t hex_bytes(const char *hex, uint8_t **out)
{
    size_t len = strlen(hex) / 2;
    *out = malloc(len > 0 ? len : 1);
    if (*out == NULL)
        abort();
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            abort();
        (*out)[i] = (uint8_t)byte;
    }
    return len;
}

/* DER to r||s where the DER is the only encoding of two numbers that fit; otherwise false. */
static bool from_der(uint8_t **sig, size_t *len)
{
    const unsigned char *at = *sig;
    unsigned char *again = NULL;
    uint8_t raw[HMD_SIG_LEN];
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    int size = s == NULL ? 0 : i2d_ECDSA_SIG(s, &again);
    bool same = size > 0 && (size_t)size == *len && memcmp(again, *sig, *len) == 0 &&
                BN_is_negative(ECDSA_SIG_get0_r(s)) == 0 &&
                BN_is_negative(ECDSA_SIG_get0_s(s)) == 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, HMD_SIG_LEN / 2) > 0 &&
                BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + HMD_SIG_LEN / 2, HMD_SIG_LEN / 2) > 0;
    OPENSSL_free(again);
    ECDSA_SIG_free(s);
    if (!same)
        return false;
    free(*sig);
    *sig = malloc(sizeof raw);
    if (*sig == NULL)
        abort();
    memcpy(*sig, raw, sizeof raw);
    *len = sizeof raw;
    return true;
}

static void check_row(void **state)
{
    const struct row *r = *state;
    enum hmd_sig answer = r->crypto.verify(
        r->crypto.ctx, HM_COSE_ESP256, (struct hmd_bytes){r->pub, sizeof r->pub},
        (struct hmd_bytes){r->msg, r->msg_len}, (struct hmd_bytes){r->sig, r->sig_len});
    assert_int_equal(answer, r->valid ? HMD_SIG_VALID : HMD_SIG_BAD);
}

struct table {
    struct row *rows;
    struct CMUnitTest *tests;
    size_t n;
};

static void add_row(struct table *t, const char *adapter, const struct hmd_crypto *crypto,
                    const char *point, const json_t *test, bool der)
{
    struct row *r = &t->rows[t->n];
    uint8_t *pub;
    memset(r, 0, sizeof *r);
    r->crypto = *crypto;
    r->valid = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    r->sig_len = hex_bytes(json_string_value(json_object_get(test, "sig")), &r->sig);
    /* DER that names no two numbers of 32 bytes cannot be asked of an interface that takes r||s. */
    if (der && !from_der(&r->sig, &r->sig_len)) {
        free(r->sig);
        return;
    }
    r->msg_len = hex_bytes(json_string_value(json_object_get(test, "msg")), &r->msg);
    if (hex_bytes(point, &pub) != sizeof r->pub)
        abort();
    memcpy(r->pub, pub, sizeof r->pub);
    free(pub);
    (void)snprintf(r->name, sizeof r->name, "%s %s %lld %s", adapter, der ? "der" : "p1363",
                   (long long)json_integer_value(json_object_get(test, "tcId")),
                   json_string_value(json_object_get(test, "comment")));
    t->tests[t->n] = (struct CMUnitTest){r->name, check_row, NULL, NULL, r};
    t->n++;
}

static bool add_file(struct table *t, const char *file, bool der)
{
    char name[128];
    const struct {
        const char *name;
        struct hmd_crypto crypto;
    } adapters[] = {
        {"openssl", hmd_openssl_crypto()},
#ifdef HAVE_BEARSSL
        {"bearssl", hmd_bearssl_crypto()},
        {"bearssl+sodium", hmd_bearssl_sodium_crypto()},
#endif
    };
    (void)snprintf(name, sizeof name, "wycheproof/%s", file);
    struct file f = read_vector(name);
    if (f.data == NULL)
        return false;
    json_t *root = json_loadb((const char *)f.data, f.len, 0, NULL);
    free(f.data);
    size_t g;
    size_t i;
    json_t *group;
    json_t *test;
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
    {
        const char *point =
            json_string_value(json_object_get(json_object_get(group, "publicKey"), "uncompressed"));
        json_array_foreach(json_object_get(group, "tests"), i, test)
        {
            for (size_t a = 0; a < sizeof adapters / sizeof adapters[0] && t->n < CASES_MAX; a++)
                add_row(t, adapters[a].name, &adapters[a].crypto, point, test, der);
        }
    }
    json_decref(root);
    return true;
}

/* What an adapter does not know is unsupported, never valid; wrong lengths are bad. */
static void adapter_limits(void **state)
{
    (void)state;
    const uint8_t zero[128] = {0};
    const struct hmd_crypto openssl = hmd_openssl_crypto();
    const struct hmd_bytes sig = {zero, HMD_SIG_LEN};
    const struct hmd_bytes key = {zero, HMD_ED25519_LEN};
    assert_int_equal(openssl.verify(NULL, HM_COSE_ESP384, key, key, sig), HMD_SIG_UNSUPPORTED);
    assert_int_equal(openssl.verify(NULL, HM_COSE_ESP256, key, key, sig), HMD_SIG_BAD);
    assert_int_equal(openssl.verify(NULL, HM_COSE_ED25519, key, key, (struct hmd_bytes){zero, 65}),
                     HMD_SIG_BAD);
#ifdef HAVE_BEARSSL
    const struct hmd_crypto bear = hmd_bearssl_crypto();
    assert_int_equal(bear.verify(NULL, HM_COSE_ED25519, key, key, sig), HMD_SIG_UNSUPPORTED);
    assert_int_equal(bear.verify(NULL, HM_COSE_ESP256, key, key, sig), HMD_SIG_BAD);
    const struct hmd_crypto both = hmd_bearssl_sodium_crypto();
    assert_int_equal(both.verify(NULL, HM_COSE_ESP384, key, key, sig), HMD_SIG_UNSUPPORTED);
    assert_int_equal(both.verify(NULL, HM_COSE_ESP256, key, key, sig), HMD_SIG_BAD);
#endif
}

/* RFC 8032 7.1, tests 1 to 3. */
static const struct {
    const char *pub;
    const char *msg;
    const char *sig;
} ed25519_examples[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
     "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

/* The same signature with the group's order added to s: another one, which nobody made (RFC 8032
 * 5.1.7 demands s below the order). */
static void add_order(uint8_t sig[HMD_SIG_LEN])
{
    static const char order[] = "edd3f55c1a631258d69cf7a2def9de14"
                                "00000000000000000000000000000010";
    uint8_t l[32];
    unsigned carry = 0;
    (void)from_hex(order, l, sizeof l);
    for (size_t i = 0; i < sizeof l; i++) {
        carry += (unsigned)sig[32 + i] + l[i];
        sig[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void ed25519_refused(const struct hmd_crypto *c, const uint8_t *pub, struct hmd_bytes msg,
                            uint8_t sig[HMD_SIG_LEN])
{
    const struct hmd_bytes key = {pub, HMD_ED25519_LEN};
    for (size_t i = 0; i < HMD_SIG_LEN * 8; i++) {
        sig[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(
            c->verify(c->ctx, HM_COSE_ED25519, key, msg, (struct hmd_bytes){sig, HMD_SIG_LEN}),
            HMD_SIG_BAD);
        sig[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < HMD_SIG_LEN; n++)
        assert_int_equal(c->verify(c->ctx, HM_COSE_ED25519, key, msg, (struct hmd_bytes){sig, n}),
                         HMD_SIG_BAD);
    for (size_t n = 0; n < HMD_ED25519_LEN; n++)
        assert_int_equal(c->verify(c->ctx, HM_COSE_ED25519, (struct hmd_bytes){pub, n}, msg,
                                   (struct hmd_bytes){sig, HMD_SIG_LEN}),
                         HMD_SIG_BAD);
    add_order(sig);
    assert_int_equal(
        c->verify(c->ctx, HM_COSE_ED25519, key, msg, (struct hmd_bytes){sig, HMD_SIG_LEN}),
        HMD_SIG_BAD);
}

static void ed25519_all(void **state)
{
    (void)state;
    const struct hmd_crypto tables[] = {
        hmd_openssl_crypto(),
#ifdef HAVE_BEARSSL
        hmd_bearssl_sodium_crypto(),
#endif
    };
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (size_t i = 0; i < sizeof ed25519_examples / sizeof ed25519_examples[0]; i++) {
            uint8_t pub[HMD_ED25519_LEN];
            uint8_t sig[HMD_SIG_LEN];
            uint8_t *msg;
            size_t len = hex_bytes(ed25519_examples[i].msg, &msg);
            (void)from_hex(ed25519_examples[i].pub, pub, sizeof pub);
            (void)from_hex(ed25519_examples[i].sig, sig, sizeof sig);
            assert_int_equal(tables[t].verify(tables[t].ctx, HM_COSE_ED25519,
                                              (struct hmd_bytes){pub, sizeof pub},
                                              (struct hmd_bytes){msg, len},
                                              (struct hmd_bytes){sig, sizeof sig}),
                             HMD_SIG_VALID);
            ed25519_refused(&tables[t], pub, (struct hmd_bytes){msg, len}, sig);
            free(msg);
        }
}

/* FIPS 180-4 example, in one piece and in many. */
static void hash_example(void **state)
{
    (void)state;
    static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t wanted[HMD_DIGEST_LEN];
    uint8_t got[HMD_DIGEST_LEN];
    struct hmd_sha256 h;
    const struct hmd_crypto tables[] = {
        hmd_openssl_crypto(),
#ifdef HAVE_BEARSSL
        hmd_bearssl_crypto(),
#endif
    };
    (void)from_hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", wanted,
                   sizeof wanted);
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        assert_true(tables[t].sha256_start(NULL, &h));
        for (size_t i = 0; i < sizeof text - 1; i++)
            assert_true(tables[t].sha256_update(NULL, &h, (const uint8_t *)text + i, 1));
        assert_true(tables[t].sha256_finish(NULL, &h, got));
        assert_memory_equal(got, wanted, sizeof got);
    }
}

int main(void)
{
    struct table t = {calloc(CASES_MAX, sizeof *t.rows), calloc(CASES_MAX + 3, sizeof *t.tests), 0};
    if (t.rows == NULL || t.tests == NULL)
        return 1;
    bool found = add_file(&t, "ecdsa_secp256r1_sha256_p1363_test.json", false) &&
                 add_file(&t, "ecdsa_secp256r1_sha256_test.json", true);
    size_t rows = t.n;
    t.tests[t.n++] = (struct CMUnitTest){"adapter limits", adapter_limits, NULL, NULL, NULL};
    t.tests[t.n++] = (struct CMUnitTest){"ed25519", ed25519_all, NULL, NULL, NULL};
    t.tests[t.n++] = (struct CMUnitTest){"hash example", hash_example, NULL, NULL, NULL};
    int failed = _cmocka_run_group_tests("device crypto", t.tests, t.n, NULL, NULL);
    for (size_t i = 0; i < rows; i++) {
        free(t.rows[i].msg);
        free(t.rows[i].sig);
    }
    free(t.rows);
    free(t.tests);
    return failed != 0 ? failed : (found ? 0 : 77);
}
