/* Public keys in and out: one encoding each way, everything near it refused. The fixed keys were
 * made with openssl 3.0 and written as SSH lines by python3-cryptography. */
#include "tests/unit/schema/schema_rows.h"

#include "schema/key/hm_key.h"

#define P256_PREFIX "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define P256_X "276cafc384cb7a3fceb3885ff0ae2a5858682ab293ff061376fc0218374a141e"
#define P256_Y "0805cef3eb47b7056bd798cd908e067900c8f7c89b79f65fb1bb209fcb8f5ea0"
#define P256_SPKI P256_PREFIX "04" P256_X P256_Y
#define ED_PREFIX "302a300506032b6570032100"
#define ED_RAW "0e8298c5d79c39d372f2898a8b3bc3a845ea697c33dc1cfffaca34b6faed1331"
#define ED_SPKI ED_PREFIX ED_RAW
#define P256_BODY_1 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEJ2yvw4TLej/Os4hf8K4qWFhoKrKT"
#define P256_BODY_2 "/wYTdvwCGDdKFB4IBc7z60e3BWvXmM2QjgZ5AMj3yJt59l+xuyCfy49eoA=="
#define BEGIN_LINE "-----BEGIN PUBLIC KEY-----"
#define END_LINE "-----END PUBLIC KEY-----"
#define P256_PEM BEGIN_LINE "\n" P256_BODY_1 "\n" P256_BODY_2 "\n" END_LINE "\n"
#define ED_BODY "MCowBQYDK2VwAyEADoKYxdecOdNy8omKizvDqEXqaXwz3Bz/+so0tvrtEzE="
#define ED_PEM BEGIN_LINE "\n" ED_BODY "\n" END_LINE "\n"
#define P256_SSH                                                                                   \
    "ecdsa-sha2-nistp256 "                                                                         \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBCdsr8OEy3o/zrOIX/"                       \
    "CuKlhYaCqyk/8GE3b8Ahg3ShQeCAXO8+tHtwVr15jNkI4GeQDI98ibefZfsbsgn8uPXqA="
#define ED_B64 "AAAAC3NzaC1lZDI1NTE5AAAAIA6CmMXXnDnTcvKJios7w6hF6ml8M9wc//rKNLb67RMx"
#define ED_SSH "ssh-ed25519 " ED_B64

struct hex_row {
    const char *name;
    const char *hex;
    enum hm_err expected;
};

static const struct hex_row spki_rows[] = {
    {"spki: P-256", P256_SPKI, HM_OK},
    {"spki: Ed25519", ED_SPKI, HM_OK},
    {"spki: empty", "", HM_E_MALFORMED},
    {"spki: one byte", "30", HM_E_UNSUPPORTED},
    {"spki: text", "2d2d2d2d", HM_E_MALFORMED},
    {"spki: compressed point", "3039301306072a8648ce3d020106082a8648ce3d03010703220002" P256_X,
     HM_E_UNSUPPORTED},
    {"spki: hybrid point", P256_PREFIX "06" P256_X P256_Y, HM_E_MALFORMED},
    {"spki: point at infinity",
     "301930130607"
     "2a8648ce3d020106082a8648ce3d03010703020000",
     HM_E_UNSUPPORTED},
    {"spki: all zero point",
     P256_PREFIX "04"
                 "0000000000000000000000000000000000000000000000000000000000000000"
                 "0000000000000000000000000000000000000000000000000000000000000000",
     HM_E_MALFORMED},
    {"spki: x not below the field's prime",
     P256_PREFIX "04"
                 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" P256_Y,
     HM_E_MALFORMED},
    {"spki: explicit curve parameters",
     "3082014b3082010306072a8648ce3d02013081f7020101302c06072a8648ce3d0101022100ffffffff00000001"
     "000000000000000000000000ffffffffffffffffffffffff305b0420ffffffff00000001000000000000000000"
     "000000fffffffffffffffffffffffc04205ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e"
     "27d2604b031500c49d360886e704936a6678e1139d26b7819f7e900441046b17d1f2e12c4247f8bce6e563a440"
     "f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb64068"
     "37bf51f5022100ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551020101034200"
     "04" P256_X P256_Y,
     HM_E_UNSUPPORTED},
    {"spki: P-384",
     "3076301006072a8648ce3d020106052b8104002203620004546e6aa44ba3426f1291d03d788b6acae0a3ff6fdf"
     "27959163ecba465ede43fad9fa10a00664e772c8259adadd352f2fb5a4f8b4c86f60987371985d237a8f4e778e"
     "5e2de07f39483262fa5f93f82b3b69c950a37af170c71791d455ed76db05",
     HM_E_UNSUPPORTED},
    {"spki: secp256k1",
     "3056301006072a8648ce3d020106052b8104000a03420004fbb9416e70a44125451b028a3510adc4e51f7baac7"
     "da66325064ae875ea336b0d33c52f68ae13436c2f73bdca3d746349d96620439cf625fa3fe46b779431034",
     HM_E_UNSUPPORTED},
    {"spki: X25519",
     "302a300506032b656e032100a9fa7ae3d67f70b2fd4005a7fa998fb96b5a0ada08eab282af8e3fd84f1e952e",
     HM_E_UNSUPPORTED},
    {"spki: indefinite length", "3080300506032b6570032100" ED_RAW "0000", HM_E_UNSUPPORTED},
    {"spki: length in long form", "30812a300506032b6570032100" ED_RAW, HM_E_UNSUPPORTED},
    {"spki: Ed25519 with NULL parameters", "302c300706032b65700500032100" ED_RAW, HM_E_UNSUPPORTED},
    {"spki: Ed25519 with an unused bit", "302a300506032b6570032101" ED_RAW, HM_E_UNSUPPORTED},
};

static void spki(void **state)
{
    const struct hex_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_key k = {.alg = HM_KEY_NONE, .raw_len = 77};
    struct hm_why why = {""};
    assert_int_equal(hm_key_from_spki(from_hex(&b, row->hex), &k, &why), row->expected);
    if (row->expected != HM_OK) {
        assert_int_equal(k.raw_len, 77);
        assert_true(why.text[0] != '\0');
        return;
    }
    uint8_t again[HM_KEY_SPKI_MAX];
    assert_true(hm_bytes_eq(hm_key_spki(&k, again), hm_buf_bytes(&b)));
}

static const struct hex_row point_rows[] = {
    {"Ed25519: good", ED_RAW, HM_OK},
    {"Ed25519: too short", "0e82", HM_E_MALFORMED},
    {"Ed25519: identity", "0100000000000000000000000000000000000000000000000000000000000000",
     HM_E_MALFORMED},
    {"Ed25519: order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     HM_E_MALFORMED},
    {"Ed25519: order 4", "0000000000000000000000000000000000000000000000000000000000000000",
     HM_E_MALFORMED},
    {"Ed25519: order 4, other sign",
     "0000000000000000000000000000000000000000000000000000000000000080", HM_E_MALFORMED},
    {"Ed25519: order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
     HM_E_MALFORMED},
    {"Ed25519: order 8, other sign",
     "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", HM_E_MALFORMED},
    {"Ed25519: order 8, other y",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", HM_E_MALFORMED},
    {"Ed25519: order 8, other y and sign",
     "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", HM_E_MALFORMED},
    {"Ed25519: y = p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     HM_E_MALFORMED},
    {"Ed25519: y = p + 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     HM_E_MALFORMED},
    {"Ed25519: y = 2^255 - 1", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
     HM_E_MALFORMED},
    {"Ed25519: y = 2, no point", "0200000000000000000000000000000000000000000000000000000000000000",
     HM_E_MALFORMED},
};

static void ed25519_point(void **state)
{
    const struct hex_row *row = *state;
    HM_BUF_AUTO b = {.limit = 0};
    struct hm_key k;
    assert_int_equal(hm_key_from_raw(HM_KEY_ED25519, from_hex(&b, row->hex), &k, NULL),
                     row->expected);
}

struct text_row {
    const char *name;
    const char *text;
    enum hm_err expected;
};

static const struct text_row pem_rows[] = {
    {"pem: P-256", P256_PEM, HM_OK},
    {"pem: Ed25519", ED_PEM, HM_OK},
    {"pem: no newline at the end", BEGIN_LINE "\n" ED_BODY "\n" END_LINE, HM_OK},
    {"pem: CRLF", BEGIN_LINE "\r\n" ED_BODY "\r\n" END_LINE "\r\n", HM_OK},
    {"pem: empty", "", HM_E_MALFORMED},
    {"pem: only lines", BEGIN_LINE "\n" END_LINE "\n", HM_E_MALFORMED},
    {"pem: no BEGIN", ED_BODY "\n" END_LINE "\n", HM_E_MALFORMED},
    {"pem: no END", BEGIN_LINE "\n" ED_BODY "\n", HM_E_MALFORMED},
    {"pem: text before", " " ED_PEM, HM_E_MALFORMED},
    {"pem: text behind", ED_PEM "x", HM_E_MALFORMED},
    {"pem: two keys", ED_PEM P256_PEM, HM_E_MALFORMED},
    {"pem: blank line inside", BEGIN_LINE "\n\n" ED_BODY "\n" END_LINE "\n", HM_E_MALFORMED},
    {"pem: header line inside", BEGIN_LINE "\nComment: x\n" ED_BODY "\n" END_LINE "\n",
     HM_E_MALFORMED},
    {"pem: space inside", BEGIN_LINE "\n" ED_BODY " \n" END_LINE "\n", HM_E_MALFORMED},
    {"pem: padding missing",
     BEGIN_LINE "\nMCowBQYDK2VwAyEADoKYxdecOdNy8omKizvDqEXqaXwz3Bz/+so0tvrtEzE\n" END_LINE "\n",
     HM_E_MALFORMED},
    {"pem: last bits not zero",
     BEGIN_LINE "\nMCowBQYDK2VwAyEADoKYxdecOdNy8omKizvDqEXqaXwz3Bz/+so0tvrtEzF=\n" END_LINE "\n",
     HM_E_MALFORMED},
    {"pem: certificate", "-----BEGIN CERTIFICATE-----\n" ED_BODY "\n-----END CERTIFICATE-----\n",
     HM_E_MALFORMED},
    {"pem: private key", "-----BEGIN PRIVATE KEY-----\n" ED_BODY "\n-----END PRIVATE KEY-----\n",
     HM_E_MALFORMED},
    {"pem: END of another kind", BEGIN_LINE "\n" ED_BODY "\n-----END PRIVATE KEY-----\n",
     HM_E_MALFORMED},
};

static void pem(void **state)
{
    const struct text_row *row = *state;
    struct hm_key k;
    assert_int_equal(hm_key_from_pem(hm_bytes_str(row->text), &k, NULL), row->expected);
    if (row->expected != HM_OK || strchr(row->text, '\r') != NULL)
        return;
    HM_BUF_AUTO again = {.limit = 0};
    hm_key_pem(&k, &again);
    assert_memory_equal(hm_buf_str(&again), row->text, strlen(row->text));
}

static const struct text_row ssh_rows[] = {
    {"ssh: P-256", P256_SSH, HM_OK},
    {"ssh: Ed25519", ED_SSH, HM_OK},
    {"ssh: with comment", ED_SSH " release manager@example.com", HM_OK},
    {"ssh: newline at the end", ED_SSH "\n", HM_OK},
    {"ssh: empty", "", HM_E_UNSUPPORTED},
    {"ssh: only a type", "ssh-ed25519", HM_E_MALFORMED},
    {"ssh: two spaces", "ssh-ed25519  " ED_B64, HM_E_MALFORMED},
    {"ssh: two lines", ED_SSH "\n" ED_SSH "\n", HM_E_MALFORMED},
    {"ssh: options", "no-pty " ED_SSH, HM_E_UNSUPPORTED},
    {"ssh: certificate", "ssh-ed25519-cert-v01@openssh.com " ED_B64, HM_E_UNSUPPORTED},
    {"ssh: RSA", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA=", HM_E_UNSUPPORTED},
    {"ssh: type of another key", "ecdsa-sha2-nistp256 " ED_B64, HM_E_MALFORMED},
    {"ssh: sk type over a plain key", "sk-ssh-ed25519@openssh.com " ED_B64, HM_E_MALFORMED},
    {"ssh: base64 broken", "ssh-ed25519 " ED_B64 "=", HM_E_MALFORMED},
    {"ssh: bytes behind the key", "ssh-ed25519 " ED_B64 "AAAA", HM_E_MALFORMED},
    {"ssh: control character in the comment", ED_SSH " a\033[31m", HM_E_MALFORMED},
};

static void ssh_line(void **state)
{
    const struct text_row *row = *state;
    struct hm_key k;
    struct hm_why why = {""};
    assert_int_equal(hm_key_from_ssh_line(row->text, &k, &why), row->expected);
    if (row->expected != HM_OK)
        assert_true(why.text[0] != '\0');
}

/* string of RFC 4251 */
static void put_string(struct hm_buf *b, const void *data, size_t len)
{
    uint8_t head[4] = {0, 0, (uint8_t)(len >> 8), (uint8_t)len};
    hm_buf_put(b, head, 4);
    hm_buf_put(b, data, len);
}

static void sk_blob(struct hm_buf *b, const struct hm_key *k, const char *application)
{
    const char *type =
        k->alg == HM_KEY_P256 ? "sk-ecdsa-sha2-nistp256@openssh.com" : "sk-ssh-ed25519@openssh.com";
    put_string(b, type, strlen(type));
    if (k->alg == HM_KEY_P256)
        put_string(b, "nistp256", 8);
    put_string(b, k->raw, k->raw_len);
    put_string(b, application, strlen(application));
}

static struct hm_key key_of(const char *pem_text)
{
    struct hm_key k;
    assert_int_equal(hm_key_from_pem(hm_bytes_str(pem_text), &k, NULL), HM_OK);
    return k;
}

static const struct text_row sk_rows[] = {
    {"sk: ssh:", "ssh:", HM_OK},
    {"sk: own application", "ssh:hallmark", HM_OK},
    {"sk: 63 bytes", "ssh:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", HM_OK},
    {"sk: 64 bytes", "ssh:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     HM_E_MALFORMED},
    {"sk: no application", "", HM_E_MALFORMED},
    {"sk: space", "ssh: x", HM_E_MALFORMED},
    {"sk: control character", "ssh:\n", HM_E_MALFORMED},
    {"sk: not ASCII", "ssh:\xc3\xa4", HM_E_MALFORMED},
};

static void sk_application(void **state)
{
    const struct text_row *row = *state;
    const char *const pems[] = {P256_PEM, ED_PEM};
    for (size_t i = 0; i < COUNT(pems); i++) {
        struct hm_key plain = key_of(pems[i]);
        struct hm_key k;
        HM_BUF_AUTO blob = {.limit = 0};
        sk_blob(&blob, &plain, row->text);
        assert_int_equal(hm_key_from_ssh_blob(hm_buf_bytes(&blob), &k, NULL), row->expected);
        if (row->expected != HM_OK)
            continue;
        HM_BUF_AUTO again = {.limit = 0};
        hm_key_ssh_blob(&k, &again);
        assert_true(hm_bytes_eq(hm_buf_bytes(&again), hm_buf_bytes(&blob)));
        assert_true(hm_key_is_sk(&k));
        assert_string_equal(k.application, row->text);
        assert_true(hm_key_eq(&k, &plain)); /* the application is no part of the identity */
    }
}

static enum hm_err parse_spki(struct hm_bytes data, void *ctx)
{
    const struct hm_key *original = ctx;
    struct hm_key k;
    enum hm_err err = hm_key_from_spki(data, &k, NULL);
    /* Half of all 32-byte values are points of Ed25519: then it is at least another key. */
    return err == HM_OK && !hm_key_eq(&k, original) && k.alg == HM_KEY_ED25519 ? HM_E_MALFORMED
                                                                               : err;
}

static enum hm_err parse_blob(struct hm_bytes data, void *ctx)
{
    const struct hm_key *original = ctx;
    struct hm_key k;
    enum hm_err err = hm_key_from_ssh_blob(data, &k, NULL);
    bool other = err == HM_OK &&
                 (!hm_key_eq(&k, original) || strcmp(k.application, original->application) != 0);
    return other ? HM_E_MALFORMED : err;
}

static void spki_near_misses(void **state)
{
    (void)state;
    const char *const pems[] = {P256_PEM, ED_PEM};
    for (size_t i = 0; i < COUNT(pems); i++) {
        struct hm_key k = key_of(pems[i]);
        uint8_t buf[HM_KEY_SPKI_MAX];
        struct hm_bytes der = hm_key_spki(&k, buf);
        refuses_every_cut(der, parse_spki, &k);
        refuses_every_flip(der, parse_spki, &k);
        refuses_more(der, parse_spki, &k);
    }
}

static void blob_near_misses(void **state)
{
    (void)state;
    const char *const pems[] = {P256_PEM, ED_PEM};
    for (size_t i = 0; i < COUNT(pems); i++) {
        for (int sk = 0; sk < 2; sk++) {
            struct hm_key k = key_of(pems[i]);
            HM_BUF_AUTO blob = {.limit = 0};
            memcpy(k.application, sk ? "ssh:" : "", sk ? 5 : 1);
            hm_key_ssh_blob(&k, &blob);
            assert_int_equal(parse_blob(hm_buf_bytes(&blob), &k), HM_OK);
            refuses_every_cut(hm_buf_bytes(&blob), parse_blob, &k);
            refuses_every_flip(hm_buf_bytes(&blob), parse_blob, &k);
            refuses_more(hm_buf_bytes(&blob), parse_blob, &k);
        }
    }
}

static void pem_and_ssh_are_one_key(void **state)
{
    (void)state;
    struct hm_key ssh;
    struct hm_key p = key_of(P256_PEM);
    struct hm_key e = key_of(ED_PEM);
    assert_int_equal(hm_key_from_ssh_line(P256_SSH, &ssh, NULL), HM_OK);
    assert_true(hm_key_eq(&p, &ssh));
    assert_int_equal(hm_key_from_ssh_line(ED_SSH, &ssh, NULL), HM_OK);
    assert_true(hm_key_eq(&e, &ssh));
    assert_false(hm_key_eq(&e, &p));
    struct hm_key none = {.alg = HM_KEY_NONE};
    assert_false(hm_key_eq(&none, &none));
}

static void ids_and_mechanisms(void **state)
{
    (void)state;
    char hex[HM_SHA256_HEX];
    struct hm_key p = key_of(P256_PEM);
    struct hm_key e = key_of(ED_PEM);
    struct hm_digest id = hm_key_id(&p);
    hm_digest_hex(&id, hex);
    assert_string_equal(hex, "5b8a5feb3e99ec2d224128ca9b78ed8b9e6f90dac3e453fa5afef0048958ce60");
    id = hm_key_id(&e);
    hm_digest_hex(&id, hex);
    assert_string_equal(hex, "5b07034a115bd5671597a4c37de21172e598ca198760164663c273a410efc17c");
    assert_string_equal(hm_key_mechanism(&p), "ESP256");
    assert_string_equal(hm_key_mechanism(&e), "Ed25519");
    assert_int_equal(hm_key_cose_alg(&p), -9);
    assert_int_equal(hm_key_cose_alg(&e), -19);
}

int main(void)
{
    struct CMUnitTest tests[COUNT(spki_rows) + COUNT(point_rows) + COUNT(pem_rows) +
                            COUNT(ssh_rows) + COUNT(sk_rows) + 4];
    size_t n = ADD_ROWS(tests, 0, spki, spki_rows);
    n = ADD_ROWS(tests, n, ed25519_point, point_rows);
    n = ADD_ROWS(tests, n, pem, pem_rows);
    n = ADD_ROWS(tests, n, ssh_line, ssh_rows);
    n = ADD_ROWS(tests, n, sk_application, sk_rows);
    n = ADD_TEST(tests, n, spki_near_misses);
    n = ADD_TEST(tests, n, blob_near_misses);
    n = ADD_TEST(tests, n, pem_and_ssh_are_one_key);
    n = ADD_TEST(tests, n, ids_and_mechanisms);
    return _cmocka_run_group_tests("schema_key", tests, n, NULL, NULL);
}
