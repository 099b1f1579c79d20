/* SSH signatures of all four key types: accepted when everything fits, refused when anything does
 * not. */
#include "tests/unit/test_rows.h"

#include "tests/unit/attest/attest_test_keys.h"

#include "schema/attest/hm_sshsig.h"
#include "schema/core/hm_limits.h"

#define NS "hallmark-approval"
static const char message[] = "release-approval/v1\norigin hallmark.example/rehearsal\n";

enum kind { ED25519, ECDSA, SK_ED25519, SK_ECDSA, KINDS };
static const struct {
    enum hm_key_alg alg;
    const char *application;
} kinds[KINDS] = {
    {HM_KEY_ED25519, NULL}, {HM_KEY_P256, NULL}, {HM_KEY_ED25519, "ssh:"}, {HM_KEY_P256, "ssh:"}};

static void make_key(enum kind kind, uint8_t seed, struct attest_key *out)
{
    attest_key_make(kinds[kind].alg, seed, kinds[kind].application, out);
}

static struct attest_sshsig plan(const struct attest_key *k)
{
    return (struct attest_sshsig){
        .key = k, .ns = NS, .hash = "sha512", .flags = 0x01, .counter = 7};
}

static enum hm_err verify_blob(struct hm_bytes blob, const struct hm_key *key, const char *ns,
                               struct hm_bytes msg)
{
    HM_BUF_AUTO armor = {0};
    struct hm_sshsig s;
    attest_armor(blob, 70, &armor);
    enum hm_err e = hm_sshsig_parse(hm_buf_bytes(&armor), &s, NULL);
    if (e != HM_OK)
        return e;
    struct hm_why why = {""};
    e = hm_sshsig_verify(&s, key, ns, msg, &why);
    assert_int_equal(e == HM_OK, why.text[0] == '\0');
    hm_sshsig_free(&s);
    return e;
}

static enum hm_err verify_plan(const struct attest_sshsig *p, const struct hm_key *key,
                               const char *ns, struct hm_bytes msg)
{
    HM_BUF_AUTO blob = {0};
    attest_sshsig_blob(p, hm_bytes_str(message), &blob);
    return verify_blob(hm_buf_bytes(&blob), key, ns, msg);
}

struct row {
    const char *name;
    enum kind kind;
    enum hm_err want;
    void (*change)(struct attest_sshsig *p);
    const char *ns;      /* asked of the verifier; NULL: NS */
    const char *message; /* the same; NULL: message */
};

static void sha256(struct attest_sshsig *p)
{
    p->hash = "sha256";
}
static void sha256_as_sha512(struct attest_sshsig *p)
{
    p->hash = "sha256";
    p->claim_hash = "sha512";
}
static void hash_sha1(struct attest_sshsig *p)
{
    p->claim_hash = "sha1";
}
static void hash_empty(struct attest_sshsig *p)
{
    p->claim_hash = "";
}
static void hash_case(struct attest_sshsig *p)
{
    p->claim_hash = "SHA512";
}
static void other_ns(struct attest_sshsig *p)
{
    p->ns = "hallmark-submit";
}
static void claim_other_ns(struct attest_sshsig *p)
{
    p->claim_ns = "hallmark-submit";
}
static void claim_right_ns(struct attest_sshsig *p)
{
    p->ns = "file";
    p->claim_ns = NS;
}
static void empty_ns(struct attest_sshsig *p)
{
    p->ns = "";
}
static void longer_ns(struct attest_sshsig *p)
{
    p->ns = NS "s";
}
static void reserved(struct attest_sshsig *p)
{
    p->reserved = "x";
}
static void version_2(struct attest_sshsig *p)
{
    p->version = 2;
}
static void type_rsa(struct attest_sshsig *p)
{
    p->type = "rsa-sha2-512";
}
static void type_ed25519(struct attest_sshsig *p)
{
    p->type = "ssh-ed25519";
}
static void type_ecdsa(struct attest_sshsig *p)
{
    p->type = "ecdsa-sha2-nistp256";
}
static void trailer(struct attest_sshsig *p)
{
    p->trailer = "x";
}
static void not_present(struct attest_sshsig *p)
{
    p->flags = 0;
}
static void verified_only(struct attest_sshsig *p)
{
    p->flags = 0x04;
}
static void present_and_verified(struct attest_sshsig *p)
{
    p->flags = 0x05;
}
static void other_application(struct attest_sshsig *p)
{
    p->application = "ssh:other";
}

static const struct row rows[] = {
    {"ed25519", ED25519, HM_OK, NULL, NULL, NULL},
    {"ecdsa", ECDSA, HM_OK, NULL, NULL, NULL},
    {"sk-ed25519", SK_ED25519, HM_OK, NULL, NULL, NULL},
    {"sk-ecdsa", SK_ECDSA, HM_OK, NULL, NULL, NULL},
    {"ed25519 sha256", ED25519, HM_OK, sha256, NULL, NULL},
    {"ecdsa sha256", ECDSA, HM_OK, sha256, NULL, NULL},
    {"sk-ed25519 sha256", SK_ED25519, HM_OK, sha256, NULL, NULL},
    {"sk-ecdsa user verified", SK_ECDSA, HM_OK, present_and_verified, NULL, NULL},
    {"hash renamed", ED25519, HM_E_SIGNATURE, sha256_as_sha512, NULL, NULL},
    {"hash sha1", ED25519, HM_E_UNSUPPORTED, hash_sha1, NULL, NULL},
    {"hash empty", ECDSA, HM_E_UNSUPPORTED, hash_empty, NULL, NULL},
    {"hash in capitals", ECDSA, HM_E_UNSUPPORTED, hash_case, NULL, NULL},
    {"namespace other", ED25519, HM_E_DENIED, other_ns, NULL, NULL},
    {"namespace other, ecdsa", ECDSA, HM_E_DENIED, other_ns, NULL, NULL},
    {"namespace claimed other", ED25519, HM_E_DENIED, claim_other_ns, NULL, NULL},
    {"namespace claimed right", ED25519, HM_E_SIGNATURE, claim_right_ns, NULL, NULL},
    {"namespace empty", ED25519, HM_E_MALFORMED, empty_ns, NULL, NULL},
    {"namespace longer", ED25519, HM_E_DENIED, longer_ns, NULL, NULL},
    {"namespace asked other", ED25519, HM_E_DENIED, NULL, "hallmark-submit", NULL},
    {"message other", ED25519, HM_E_SIGNATURE, NULL, NULL, "x"},
    {"message other, ecdsa", ECDSA, HM_E_SIGNATURE, NULL, NULL, "x"},
    {"message other, sk-ed25519", SK_ED25519, HM_E_SIGNATURE, NULL, NULL, "x"},
    {"message other, sk-ecdsa", SK_ECDSA, HM_E_SIGNATURE, NULL, NULL, "x"},
    {"message empty", ED25519, HM_E_SIGNATURE, NULL, NULL, ""},
    {"reserved not empty", ED25519, HM_E_MALFORMED, reserved, NULL, NULL},
    {"version 2", ED25519, HM_E_UNSUPPORTED, version_2, NULL, NULL},
    {"type rsa", ED25519, HM_E_MALFORMED, type_rsa, NULL, NULL},
    {"type of a plain key on sk-", SK_ED25519, HM_E_MALFORMED, type_ed25519, NULL, NULL},
    {"type of a plain key on sk-ecdsa", SK_ECDSA, HM_E_MALFORMED, type_ecdsa, NULL, NULL},
    {"type ecdsa on ed25519", ED25519, HM_E_MALFORMED, type_ecdsa, NULL, NULL},
    {"trailing byte", ED25519, HM_E_MALFORMED, trailer, NULL, NULL},
    {"trailing byte, ecdsa", ECDSA, HM_E_MALFORMED, trailer, NULL, NULL},
    {"trailing byte, sk-ed25519", SK_ED25519, HM_E_MALFORMED, trailer, NULL, NULL},
    {"trailing byte, sk-ecdsa", SK_ECDSA, HM_E_MALFORMED, trailer, NULL, NULL},
    {"user not present", SK_ED25519, HM_E_DENIED, not_present, NULL, NULL},
    {"user not present, ecdsa", SK_ECDSA, HM_E_DENIED, not_present, NULL, NULL},
    {"verified without presence", SK_ED25519, HM_E_DENIED, verified_only, NULL, NULL},
    {"application other", SK_ED25519, HM_E_SIGNATURE, other_application, NULL, NULL},
    {"application other, ecdsa", SK_ECDSA, HM_E_SIGNATURE, other_application, NULL, NULL},
};

static void test_row(void **state)
{
    const struct row *row = *state;
    struct attest_key k;
    make_key(row->kind, 1, &k);
    struct attest_sshsig p = plan(&k);
    if (row->change != NULL)
        row->change(&p);
    enum hm_err e = verify_plan(&p, &k.key, row->ns != NULL ? row->ns : NS,
                                hm_bytes_str(row->message != NULL ? row->message : message));
    assert_int_equal(e, row->want);
    attest_key_free(&k);
}

/* A key that is enrolled with user verification takes no signature without it; forged flags do not
 * verify. */
static void test_user_verification(void **state)
{
    struct attest_key k;
    (void)state;
    for (enum kind kind = SK_ED25519; kind <= SK_ECDSA; kind++) {
        make_key(kind, 1, &k);
        struct attest_sshsig p = plan(&k);
        k.key.verify_user = true;
        for (unsigned flags = 0; flags < 256; flags++) {
            p.flags = (uint8_t)flags;
            enum hm_err want = (flags & 0x05) == 0x05 ? HM_OK : HM_E_DENIED;
            assert_int_equal(verify_plan(&p, &k.key, NS, hm_bytes_str(message)), want);
        }
        attest_key_free(&k);
    }
}

/* Any flipped bit and any cut of the blob. */
static void test_flipped_and_cut(void **state)
{
    HM_BUF_AUTO blob = {0};
    struct attest_key k;
    const struct row *row = *state;
    make_key(row->kind, 1, &k);
    struct attest_sshsig p = plan(&k);
    attest_sshsig_blob(&p, hm_bytes_str(message), &blob);
    for (size_t i = 0; i < blob.len * 8; i++) {
        blob.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(verify_blob(hm_buf_bytes(&blob), &k.key, NS, hm_bytes_str(message)),
                             HM_OK);
        blob.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < blob.len; n++)
        assert_int_not_equal(
            verify_blob(hm_bytes_of(blob.data, n), &k.key, NS, hm_bytes_str(message)), HM_OK);
    hm_buf_putc(&blob, 0);
    assert_int_not_equal(verify_blob(hm_buf_bytes(&blob), &k.key, NS, hm_bytes_str(message)),
                         HM_OK);
    attest_key_free(&k);
}
static const struct row flips[] = {
    {"flip and cut ed25519", ED25519, HM_OK, NULL, NULL, NULL},
    {"flip and cut ecdsa", ECDSA, HM_OK, NULL, NULL, NULL},
    {"flip and cut sk-ed25519", SK_ED25519, HM_OK, NULL, NULL, NULL},
    {"flip and cut sk-ecdsa", SK_ECDSA, HM_OK, NULL, NULL, NULL},
};

static void test_other_key(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct attest_key k;
        struct attest_key other;
        make_key((enum kind)kind, 1, &k);
        make_key((enum kind)kind, 2, &other);
        struct attest_sshsig p = plan(&k);
        assert_int_equal(verify_plan(&p, &other.key, NS, hm_bytes_str(message)), HM_E_SIGNATURE);
        attest_key_free(&k);
        attest_key_free(&other);
    }
}

/* One raw value, enrolled as one kind and used as the other. */
static void test_enrolment(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct attest_key k;
        make_key((enum kind)kind, 1, &k);
        struct attest_sshsig p = plan(&k);
        struct hm_key enrolled = k.key;
        memset(enrolled.application, 0, sizeof enrolled.application);
        if (kinds[kind].application == NULL)
            memcpy(enrolled.application, "ssh:", 5);
        assert_int_equal(verify_plan(&p, &enrolled, NS, hm_bytes_str(message)), HM_E_DENIED);
        if (kinds[kind].application != NULL) {
            memcpy(enrolled.application, "ssh:work", 9);
            assert_int_equal(verify_plan(&p, &enrolled, NS, hm_bytes_str(message)), HM_E_DENIED);
        }
        attest_key_free(&k);
    }
}

/* A counter or flag that is changed after signing. */
static void test_sk_fields_are_signed(void **state)
{
    HM_BUF_AUTO blob = {0};
    struct attest_key k;
    (void)state;
    make_key(SK_ED25519, 1, &k);
    struct attest_sshsig p = plan(&k);
    attest_sshsig_blob(&p, hm_bytes_str(message), &blob);
    blob.data[blob.len - 1]++;
    assert_int_equal(verify_blob(hm_buf_bytes(&blob), &k.key, NS, hm_bytes_str(message)),
                     HM_E_SIGNATURE);
    blob.data[blob.len - 1]--;
    blob.data[blob.len - 5] |= 0x04;
    assert_int_equal(verify_blob(hm_buf_bytes(&blob), &k.key, NS, hm_bytes_str(message)),
                     HM_E_SIGNATURE);
    attest_key_free(&k);
}

/* ECDSA numbers must be in their one shortest form. */
struct number {
    const char *name;
    const uint8_t *bytes;
    size_t len;
};
#define N(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define ZEROS8 0, 0, 0, 0, 0, 0, 0, 0
#define SEVENS8 7, 7, 7, 7, 7, 7, 7, 7
static const struct number numbers[] = {
    {"mpint zero", N(0)},
    {"mpint padded", N(0, 1)},
    {"mpint negative", N(0x80)},
    {"mpint of 33 bytes", N(1, SEVENS8, SEVENS8, SEVENS8, SEVENS8)},
    {"mpint of 34 bytes", N(0, 0x80, 1, SEVENS8, SEVENS8, SEVENS8, SEVENS8)},
    {"mpint of zeros", N(ZEROS8, ZEROS8, ZEROS8, ZEROS8)},
};

static void test_number(void **state)
{
    const struct number *row = *state;
    HM_BUF_AUTO armor = {0};
    HM_BUF_AUTO key = {0};
    HM_BUF_AUTO value = {0};
    HM_BUF_AUTO sig = {0};
    struct attest_key k;
    struct hm_sshsig s;
    static const uint8_t one = 1;
    make_key(ECDSA, 1, &k);
    hm_key_ssh_blob(&k.key, &key);
    for (int place = 0; place < 2; place++) {
        hm_buf_reset(&value);
        hm_buf_reset(&sig);
        hm_buf_reset(&armor);
        if (place == 1)
            attest_put_string(&value, hm_bytes_of(&one, 1));
        attest_put_string(&value, hm_bytes_of(row->bytes, row->len));
        if (place == 0)
            attest_put_string(&value, hm_bytes_of(&one, 1));
        attest_put_string(&sig, hm_bytes_str("ecdsa-sha2-nistp256"));
        attest_put_string(&sig, hm_buf_bytes(&value));
        hm_sshsig_armor(&armor, hm_buf_bytes(&key), NS, hm_buf_bytes(&sig));
        assert_int_equal(hm_sshsig_parse(hm_buf_bytes(&armor), &s, NULL), HM_E_MALFORMED);
    }
    attest_key_free(&k);
}

/* What we write for an agent's answer is what we read. */
static void test_written(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        HM_BUF_AUTO armor = {0};
        HM_BUF_AUTO key = {0};
        HM_BUF_AUTO sig = {0};
        struct attest_key k;
        struct hm_sshsig s;
        make_key((enum kind)kind, 1, &k);
        struct attest_sshsig p = plan(&k);
        hm_key_ssh_blob(&k.key, &key);
        attest_ssh_signature(&p, hm_bytes_str(message), &sig);
        hm_sshsig_armor(&armor, hm_buf_bytes(&key), NS, hm_buf_bytes(&sig));
        assert_int_equal(hm_sshsig_parse(hm_buf_bytes(&armor), &s, NULL), HM_OK);
        assert_int_equal(hm_sshsig_verify(&s, &k.key, NS, hm_bytes_str(message), NULL), HM_OK);
        assert_true(hm_bytes_eq_str(s.ns, NS));
        assert_int_equal(s.sk_counter, kinds[kind].application != NULL ? 7 : 0);
        hm_sshsig_free(&s);
        attest_key_free(&k);
    }
}

/* The bytes for an agent: SSHSIG's frame around the SHA-512 of the message. */
static void test_tbs(void **state)
{
    HM_BUF_AUTO tbs = {0};
    (void)state;
    hm_sshsig_tbs(&tbs, "ns", hm_bytes_str(""));
    static const uint8_t head[] =
        "SSHSIG\0\0\0\2ns\0\0\0\0\0\0\0\6sha512\0\0\0\x40\xcf\x83\xe1\x35";
    assert_int_equal(tbs.len, 6 + 6 + 4 + 10 + 4 + 64);
    assert_memory_equal(tbs.data, head, sizeof head - 1);
}

struct armour {
    const char *name;
    const char *begin; /* what stands instead of the BEGIN line */
    const char *end;
    size_t columns;
    enum hm_err want;
};
#define BEGIN "-----BEGIN SSH SIGNATURE-----\n"
#define END "-----END SSH SIGNATURE-----"
static const struct armour armours[] = {
    {"armour 70 columns", BEGIN, END "\n", 70, HM_OK},
    {"armour 76 columns", BEGIN, END "\n", 76, HM_OK},
    {"armour 64 columns", BEGIN, END "\n", 64, HM_OK},
    {"armour without last line feed", BEGIN, END, 70, HM_OK},
    {"armour 77 columns", BEGIN, END "\n", 77, HM_E_MALFORMED},
    {"armour in one line", BEGIN, END "\n", 4000, HM_E_MALFORMED},
    {"armour text before", "hello\n" BEGIN, END "\n", 70, HM_E_MALFORMED},
    {"armour blank line before", "\n" BEGIN, END "\n", 70, HM_E_MALFORMED},
    {"armour blank line inside", BEGIN "\n", END "\n", 70, HM_E_MALFORMED},
    {"armour text behind", BEGIN, END "\nx", 70, HM_E_MALFORMED},
    {"armour blank line behind", BEGIN, END "\n\n", 70, HM_E_MALFORMED},
    {"armour spaces", BEGIN " ", END "\n", 70, HM_E_MALFORMED},
    {"armour carriage returns", "-----BEGIN SSH SIGNATURE-----\r\n", END "\r\n", 70,
     HM_E_MALFORMED},
    {"armour of a key", "-----BEGIN OPENSSH PRIVATE KEY-----\n", END "\n", 70, HM_E_MALFORMED},
    {"armour without begin", "", END "\n", 70, HM_E_MALFORMED},
    {"armour without end", BEGIN, "", 70, HM_E_MALFORMED},
    {"armour with other end", BEGIN, "-----END SSH SIGNATURE----\n", 70, HM_E_MALFORMED},
    {"armour four dashes", "----BEGIN SSH SIGNATURE-----\n", END "\n", 70, HM_E_MALFORMED},
    {"armour padding more", BEGIN, "====\n" END "\n", 70, HM_E_MALFORMED},
};

static void test_armour(void **state)
{
    const struct armour *row = *state;
    HM_BUF_AUTO blob = {0};
    HM_BUF_AUTO armor = {0};
    HM_BUF_AUTO text = {0};
    struct attest_key k;
    struct hm_sshsig s;
    make_key(ED25519, 1, &k);
    struct attest_sshsig p = plan(&k);
    attest_sshsig_blob(&p, hm_bytes_str(message), &blob);
    attest_armor(hm_buf_bytes(&blob), row->columns, &armor);
    size_t begin = strlen(BEGIN);
    size_t end = strlen(END "\n");
    hm_buf_puts(&text, row->begin);
    hm_buf_put(&text, armor.data + begin, armor.len - begin - end);
    hm_buf_puts(&text, row->end);
    enum hm_err e = hm_sshsig_parse(hm_buf_bytes(&text), &s, NULL);
    assert_int_equal(e, row->want);
    if (e == HM_OK)
        hm_sshsig_free(&s);
    attest_key_free(&k);
}

static void test_limits(void **state)
{
    HM_BUF_AUTO big = {0};
    struct hm_sshsig s = {.sk_counter = 99};
    (void)state;
    for (size_t i = 0; i <= HM_SSHSIG_MAX; i++)
        hm_buf_putc(&big, 'A');
    assert_int_equal(hm_sshsig_parse(hm_buf_bytes(&big), &s, NULL), HM_E_LIMIT);
    assert_int_equal(hm_sshsig_parse(hm_bytes_of(NULL, 0), &s, NULL), HM_E_MALFORMED);
    assert_int_equal(s.sk_counter, 99);
    hm_sshsig_free(NULL);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(rows) + ROWS(flips) + ROWS(numbers) + ROWS(armours) + 7];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_row, rows);
    n = ADD_ROWS(tests, n, test_flipped_and_cut, flips);
    n = ADD_ROWS(tests, n, test_number, numbers);
    n = ADD_ROWS(tests, n, test_armour, armours);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_other_key);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_enrolment);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_sk_fields_are_signed);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_written);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_tbs);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_limits);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_user_verification);
    return _cmocka_run_group_tests("attest_sshsig", tests, n, NULL, NULL);
}
