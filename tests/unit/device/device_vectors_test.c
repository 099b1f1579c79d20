/* The SUIT working group's examples: signed ones are accepted, unsigned ones refused, flipped ones
 * too. */
#include "tests/unit/device/device_util.h"

#ifdef HAVE_BEARSSL
#include "device/bearssl/hm_device_bearssl.h"
#endif

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

struct vector {
    const char *name;
    enum hmd_reason reason;
};

static const struct vector vectors[] = {
    {"suit/example0.0.hex", HMD_UNSIGNED}, {"suit/example0.1.hex", HMD_OK},
    {"suit/example1.0.hex", HMD_UNSIGNED}, {"suit/example1.1.hex", HMD_OK},
    {"suit/example2.0.hex", HMD_UNSIGNED}, {"suit/example2.1.hex", HMD_OK},
    {"suit/example2.2.hex", HMD_OK},       {"suit/example3.0.hex", HMD_UNSIGNED},
    {"suit/example3.1.hex", HMD_OK},
};

#define VECTORS (sizeof vectors / sizeof vectors[0])

/* The examples' public key; false where ../shared is missing. */
static bool read_key(uint8_t point[HMD_P256_LEN])
{
    size_t len = 0;
    struct file pem = read_vector("suit/public_key.pem");
    if (pem.data == NULL)
        return false;
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    assert_non_null(key);
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                                     HMD_P256_LEN, &len),
                     1);
    assert_int_equal(len, HMD_P256_LEN);
    EVP_PKEY_free(key);
    BIO_free(bio);
    free(pem.data);
    return true;
}

/* Hex text to bytes, in place of the file's data. */
static struct file read_hex(const char *name)
{
    struct file text = read_vector(name);
    struct file out = {NULL, 0};
    if (text.data == NULL)
        return out;
    out.data = malloc(text.len / 2 + 1);
    assert_non_null(out.data);
    for (size_t i = 0; i + 1 < text.len && text.data[i] > ' '; i += 2) {
        const char two[3] = {(char)text.data[i], (char)text.data[i + 1], '\0'};
        out.data[out.len++] = (uint8_t)strtoul(two, NULL, 16);
    }
    free(text.data);
    return out;
}

static enum hmd_reason accept(const uint8_t point[HMD_P256_LEN], const uint8_t *data, size_t len)
{
    const struct hmd_crypto crypto = hmd_openssl_crypto();
    return hmd_accept_vector(&crypto, HM_COSE_ES256, (struct hmd_bytes){point, HMD_P256_LEN},
                             (struct hmd_bytes){data, len});
}

static void vector_verdict(void **state)
{
    const struct vector *v = *state;
    uint8_t point[HMD_P256_LEN];
    if (!read_key(point))
        skip();
    struct file f = read_hex(v->name);
    assert_string_equal(hmd_reason_name(accept(point, f.data, f.len)), hmd_reason_name(v->reason));
#ifdef HAVE_BEARSSL
    const struct hmd_crypto bear = hmd_bearssl_crypto();
    assert_int_equal(hmd_accept_vector(&bear, HM_COSE_ES256,
                                       (struct hmd_bytes){point, HMD_P256_LEN}, bytes_of(&f)),
                     v->reason);
#endif
    free(f.data);
}

static void vector_mutations(void **state)
{
    const struct vector *v = *state;
    uint8_t point[HMD_P256_LEN];
    if (!read_key(point) || v->reason != HMD_OK)
        skip();
    struct file f = read_hex(v->name);
    for (size_t i = 0; i < f.len; i++) {
        assert_int_not_equal(accept(point, f.data, i), HMD_OK);
        for (unsigned bit = 0; bit < 8; bit++) {
            f.data[i] ^= (uint8_t)(1u << bit);
            assert_int_not_equal(accept(point, f.data, f.len), HMD_OK);
            f.data[i] ^= (uint8_t)(1u << bit);
        }
    }
    free(f.data);
}

/* ES256 is for these vectors alone, and only where it was asked for. */
static void vector_other_algorithm(void **state)
{
    const struct vector *v = *state;
    uint8_t point[HMD_P256_LEN];
    const struct hmd_crypto crypto = hmd_openssl_crypto();
    if (!read_key(point) || v->reason != HMD_OK)
        skip();
    struct file f = read_hex(v->name);
    assert_int_equal(hmd_accept_vector(&crypto, HM_COSE_ESP256,
                                       (struct hmd_bytes){point, HMD_P256_LEN}, bytes_of(&f)),
                     HMD_ALGORITHM_UNSUPPORTED);
    free(f.data);
}

int main(void)
{
    struct CMUnitTest tests[3 * VECTORS];
    const CMUnitTestFunction run[] = {vector_verdict, vector_mutations, vector_other_algorithm};
    uint8_t point[HMD_P256_LEN];
    size_t n = 0;
    for (size_t r = 0; r < 3; r++)
        for (size_t i = 0; i < VECTORS; i++)
            if (r == 0 || vectors[i].reason == HMD_OK)
                tests[n++] = (struct CMUnitTest){vectors[i].name, run[r], NULL, NULL,
                                                 (void *)(uintptr_t)&vectors[i]};
    int failed = _cmocka_run_group_tests("SUIT vectors", tests, n, NULL, NULL);
    return failed != 0 ? failed : (read_key(point) ? 0 : 77);
}
