/* Checkpoints, verifier keys and proof files: the exact form is accepted, everything beside it
 * refused. */
#include "tests/unit/test_rows.h"

#include "tests/unit/log/log_test_keys.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_tlog_proof.h"

#include <stdio.h>

#define ORIGIN "hallmark.example/rehearsal"

static struct hm_checkpoint sample(void)
{
    struct hm_checkpoint c = {.origin = ORIGIN, .size = 1234567};
    for (size_t i = 0; i < sizeof c.root.b; i++)
        c.root.b[i] = (uint8_t)(200 - i);
    return c;
}

static void test_open(void **state)
{
    HM_BUF_AUTO note = {0};
    struct log_test_key k;
    struct hm_checkpoint c = sample();
    struct hm_checkpoint back;
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    log_test_note(&k, &c, &note);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_OK);
    assert_string_equal(back.origin, c.origin);
    assert_int_equal(back.size, c.size);
    assert_true(hm_digest_eq(&back.root, &c.root));
}

static void test_flipped_and_cut(void **state)
{
    HM_BUF_AUTO note = {0};
    struct log_test_key k;
    struct hm_checkpoint c = sample();
    struct hm_checkpoint back = {.size = 99};
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    log_test_note(&k, &c, &note);
    for (size_t i = 0; i < note.len * 8; i++) {
        note.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_OK);
        note.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < note.len; n++)
        assert_int_not_equal(hm_checkpoint_open(hm_bytes_of(note.data, n), &k.vkey, &back, NULL),
                             HM_OK);
    assert_int_equal(back.size, 99);
}

/* %s of body is signed as it stands; tail follows the signature line. */
struct form {
    const char *name;
    const char *body;
    const char *tail;
    enum hm_err want;
};
#define ROOT "yMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqqk="
#define OTHER "\xe2\x80\x94 witness.example/w1 AAAAAQQEBAQEBAQEBAQEBAQEBAQ=\n"
static const struct form forms[] = {
    {"plain", ORIGIN "\n5\n" ROOT "\n", "", HM_OK},
    {"size 0", ORIGIN "\n0\n" ROOT "\n", "", HM_OK},
    {"largest size", ORIGIN "\n18446744073709551615\n" ROOT "\n", "", HM_OK},
    {"with a cosignature", ORIGIN "\n5\n" ROOT "\n", OTHER, HM_OK},
    {"own name, other key", ORIGIN "\n5\n" ROOT "\n",
     "\xe2\x80\x94 " ORIGIN " AAAAAQQEBAQEBAQEBAQEBAQEBAQ=\n", HM_OK},
    {"size with zero", ORIGIN "\n05\n" ROOT "\n", "", HM_E_MALFORMED},
    {"size with plus", ORIGIN "\n+5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"size with space", ORIGIN "\n5 \n" ROOT "\n", "", HM_E_MALFORMED},
    {"size empty", ORIGIN "\n\n" ROOT "\n", "", HM_E_MALFORMED},
    {"size hex", ORIGIN "\n0x5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"size 2^64", ORIGIN "\n18446744073709551616\n" ROOT "\n", "", HM_E_MALFORMED},
    {"size negative", ORIGIN "\n-5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"root not canonical", ORIGIN "\n5\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqql=\n", "",
     HM_E_MALFORMED},
    {"root unpadded", ORIGIN "\n5\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqqk\n", "",
     HM_E_MALFORMED},
    {"root URL-safe", ORIGIN "\n5\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK-urayrqqk=\n", "",
     HM_E_MALFORMED},
    {"root short", ORIGIN "\n5\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqg==\n", "",
     HM_E_MALFORMED},
    {"root long", ORIGIN "\n5\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqqmo\n", "", HM_E_MALFORMED},
    {"root with space", ORIGIN "\n5\n " ROOT "\n", "", HM_E_MALFORMED},
    {"carriage return", ORIGIN "\r\n5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"extension line", ORIGIN "\n5\n" ROOT "\nextra\n", "", HM_E_MALFORMED},
    {"origin empty", "\n5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"origin with plus", "a+b\n5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"origin with space", "a b\n5\n" ROOT "\n", "", HM_E_MALFORMED},
    {"other origin", "hallmark.example/production\n5\n" ROOT "\n", "", HM_E_SIGNATURE},
    {"origin's prefix", "hallmark.example\n5\n" ROOT "\n", "", HM_E_SIGNATURE},
    {"origin's case", "Hallmark.example/rehearsal\n5\n" ROOT "\n", "", HM_E_SIGNATURE},
    {"tail without line feed", ORIGIN "\n5\n" ROOT "\n", "x", HM_E_MALFORMED},
    {"tail blank line", ORIGIN "\n5\n" ROOT "\n", "\n", HM_E_MALFORMED},
    {"tail text", ORIGIN "\n5\n" ROOT "\n", "hello world\n", HM_E_MALFORMED},
    {"hyphen for dash", ORIGIN "\n5\n" ROOT "\n", "- w AAAAAQQEBAQE\n", HM_E_MALFORMED},
    {"cosignature name with plus", ORIGIN "\n5\n" ROOT "\n", "\xe2\x80\x94 a+b AAAAAQQEBAQE\n",
     HM_E_MALFORMED},
    {"cosignature name empty", ORIGIN "\n5\n" ROOT "\n", "\xe2\x80\x94  AAAAAQQEBAQE\n",
     HM_E_MALFORMED},
    {"cosignature without signature", ORIGIN "\n5\n" ROOT "\n", "\xe2\x80\x94 w\n", HM_E_MALFORMED},
    {"cosignature of an id alone", ORIGIN "\n5\n" ROOT "\n", "\xe2\x80\x94 w AAAAAQ==\n",
     HM_E_MALFORMED},
    {"cosignature not base64", ORIGIN "\n5\n" ROOT "\n", "\xe2\x80\x94 w AAAA!QQE\n",
     HM_E_MALFORMED},
    {"cosignature twice", ORIGIN "\n5\n" ROOT "\n", OTHER OTHER, HM_E_MALFORMED},
};

static void test_form(void **state)
{
    const struct form *row = *state;
    HM_BUF_AUTO note = {0};
    struct log_test_key k;
    struct hm_checkpoint back = {.size = 99};
    uint8_t sig[64];
    log_test_key_make(ORIGIN, 1, &k);
    log_test_sign(&k, hm_bytes_str(row->body), sig);
    hm_checkpoint_note(hm_bytes_str(row->body), &k.vkey, sig, &note);
    hm_buf_puts(&note, row->tail);
    struct hm_why why = {""};
    enum hm_err e = hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, &why);
    assert_int_equal(e, row->want);
    if (e != HM_OK)
        assert_int_equal(back.size, 99);
}

/* Signature lines: whose, how many. */
static void test_signatures(void **state)
{
    HM_BUF_AUTO body = {0};
    HM_BUF_AUTO note = {0};
    struct log_test_key k;
    struct log_test_key other;
    struct hm_checkpoint c = sample();
    struct hm_checkpoint back;
    uint8_t sig[64];
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    log_test_key_make(ORIGIN, 2, &other);
    log_test_note(&other, &c, &note);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_E_SIGNATURE);
    /* The right id over another key's signature. */
    hm_buf_reset(&note);
    hm_checkpoint_body(&c, &body);
    log_test_sign(&other, hm_buf_bytes(&body), sig);
    hm_checkpoint_note(hm_buf_bytes(&body), &k.vkey, sig, &note);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_E_SIGNATURE);
    /* The same line twice. */
    hm_buf_reset(&note);
    log_test_note(&k, &c, &note);
    size_t line = body.len + 1;
    size_t len = note.len - line;
    uint8_t copy[256];
    assert_true(len <= sizeof copy);
    memcpy(copy, note.data + line, len);
    hm_buf_put(&note, copy, len);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_E_MALFORMED);
    /* No signature at all. */
    hm_buf_putc(&body, '\n');
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&body), &k.vkey, &back, NULL), HM_E_SIGNATURE);
}

static void test_too_many_signatures(void **state)
{
    HM_BUF_AUTO note = {0};
    struct log_test_key k;
    struct hm_checkpoint c = sample();
    struct hm_checkpoint back;
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    log_test_note(&k, &c, &note);
    for (int i = 0; i < 15; i++)
        hm_buf_printf(&note, "\xe2\x80\x94 w%d AAAAAQQE\n", i);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_OK);
    hm_buf_puts(&note, "\xe2\x80\x94 w AAAAAQQE\n");
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_E_LIMIT);
    hm_buf_reset(&note);
    for (int i = 0; i <= HM_CHECKPOINT_MAX; i++)
        hm_buf_putc(&note, 'a');
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), &k.vkey, &back, NULL), HM_E_LIMIT);
}

static void test_vkey(void **state)
{
    HM_BUF_AUTO line = {0};
    struct log_test_key k;
    struct hm_vkey back;
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    hm_vkey_write(&k.vkey, &line);
    assert_int_equal(hm_vkey_parse(hm_buf_bytes(&line), &back, NULL), HM_OK);
    assert_string_equal(back.name, ORIGIN);
    assert_memory_equal(back.id, k.vkey.id, sizeof back.id);
    assert_true(hm_key_eq(&back.key, &k.vkey.key));
    for (size_t i = 0; i < line.len * 8; i++) {
        line.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_vkey_parse(hm_buf_bytes(&line), &back, NULL), HM_OK);
        line.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < line.len; n++)
        assert_int_not_equal(hm_vkey_parse(hm_bytes_of(line.data, n), &back, NULL), HM_OK);
    hm_buf_putc(&line, '\n');
    assert_int_not_equal(hm_vkey_parse(hm_buf_bytes(&line), &back, NULL), HM_OK);
    assert_int_equal(hm_vkey_make("a+b", &k.vkey.key, &back), HM_E_MALFORMED);
    assert_int_equal(hm_vkey_make("", &k.vkey.key, &back), HM_E_MALFORMED);
    struct hm_key other = k.vkey.key;
    other.alg = HM_KEY_P256;
    assert_int_equal(hm_vkey_make("a", &other, &back), HM_E_UNSUPPORTED);
}

/* A log of three entries, proof of the middle one. */
static void make_proof(struct log_test_key *k, struct hm_buf *out)
{
    HM_BUF_AUTO note = {0};
    struct hm_digest leaf[3];
    struct hm_frontier f = {0};
    struct hm_path path = {.count = 2};
    log_test_key_make(ORIGIN, 1, k);
    for (int i = 0; i < 3; i++) {
        char record[16];
        (void)snprintf(record, sizeof record, "record %d", i);
        leaf[i] = hm_merkle_leaf(hm_bytes_str(record));
        (void)hm_frontier_add(&f, &leaf[i], NULL);
    }
    path.hash[0] = leaf[0];
    path.hash[1] = leaf[2];
    struct hm_checkpoint c = {.origin = ORIGIN, .size = 3, .root = hm_frontier_root(&f)};
    log_test_note(k, &c, &note);
    hm_tlog_proof_write(hm_bytes_str("record 1"), 1, &path, hm_buf_bytes(&note), out);
}

static void test_proof(void **state)
{
    HM_BUF_AUTO proof = {0};
    struct log_test_key k;
    struct hm_tlog_proof back;
    (void)state;
    make_proof(&k, &proof);
    struct hm_why why = {""};
    if (hm_tlog_proof_open(hm_buf_bytes(&proof), &k.vkey, &back, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(back.index, 1);
    assert_int_equal(back.checkpoint.size, 3);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&back.record), "record 1"));
    hm_buf_free(&back.record);
}

static void test_proof_flipped_and_cut(void **state)
{
    HM_BUF_AUTO proof = {0};
    struct log_test_key k;
    struct hm_tlog_proof back = {.index = 99};
    (void)state;
    make_proof(&k, &proof);
    for (size_t i = 0; i < proof.len * 8; i++) {
        proof.data[i / 8] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(hm_tlog_proof_open(hm_buf_bytes(&proof), &k.vkey, &back, NULL), HM_OK);
        proof.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < proof.len; n++)
        assert_int_not_equal(hm_tlog_proof_open(hm_bytes_of(proof.data, n), &k.vkey, &back, NULL),
                             HM_OK);
    assert_int_equal(back.index, 99);
}

/* One replacement in the text of a good proof. */
struct edit {
    const char *name;
    const char *from;
    const char *to;
};
static const struct edit edits[] = {
    {"proof: version 2", "@v1", "@v2"},
    {"proof: no extra line", "extra cmVjb3JkIDE=\n", ""},
    {"proof: extra empty", "extra cmVjb3JkIDE=", "extra "},
    {"proof: extra unpadded", "extra cmVjb3JkIDE=", "extra cmVjb3JkIDE"},
    {"proof: extra twice", "extra cmVjb3JkIDE=\n", "extra cmVjb3JkIDE=\nextra cmVjb3JkIDE=\n"},
    {"proof: another record", "extra cmVjb3JkIDE=", "extra cmVjb3JkIDI="},
    {"proof: another index", "index 1", "index 2"},
    {"proof: index of the size", "index 1", "index 3"},
    {"proof: index with zero", "index 1", "index 01"},
    {"proof: index huge", "index 1", "index 18446744073709551617"},
    {"proof: index missing", "index 1\n", ""},
    {"proof: no blank line", "\n\nhallmark", "\nhallmark"},
    {"proof: two blank lines", "\n\nhallmark", "\n\n\nhallmark"},
    {"proof: carriage return", "index 1\n", "index 1\r\n"},
    {"proof: one hash more", "index 1\n",
     "index 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"},
    {"proof: short hash", "index 1\n", "index 1\nAAAA\n"},
};

static void test_proof_edit(void **state)
{
    const struct edit *row = *state;
    HM_BUF_AUTO proof = {0};
    HM_BUF_AUTO wrong = {0};
    struct log_test_key k;
    struct hm_tlog_proof back;
    make_proof(&k, &proof);
    const char *text = hm_buf_str(&proof);
    const char *at = strstr(text, row->from);
    assert_non_null(at);
    hm_buf_put(&wrong, text, (size_t)(at - text));
    hm_buf_puts(&wrong, row->to);
    hm_buf_puts(&wrong, at + strlen(row->from));
    assert_int_not_equal(hm_tlog_proof_open(hm_buf_bytes(&wrong), &k.vkey, &back, NULL), HM_OK);
}

static void test_proof_limits(void **state)
{
    HM_BUF_AUTO proof = {0};
    struct log_test_key k;
    struct hm_tlog_proof back;
    (void)state;
    log_test_key_make(ORIGIN, 1, &k);
    hm_buf_puts(&proof, "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n");
    for (int i = 0; i < HM_PROOF_HASHES_MAX + 1; i++)
        hm_buf_puts(&proof, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    hm_buf_puts(&proof, "\n");
    assert_int_equal(hm_tlog_proof_open(hm_buf_bytes(&proof), &k.vkey, &back, NULL), HM_E_LIMIT);
    while (proof.len <= HM_TLOG_PROOF_MAX)
        hm_buf_puts(&proof, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    assert_int_equal(hm_tlog_proof_open(hm_buf_bytes(&proof), &k.vkey, &back, NULL), HM_E_LIMIT);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(forms) + ROWS(edits) + 8];
    size_t n = 0;
    n = ADD_ROWS(tests, n, test_form, forms);
    n = ADD_ROWS(tests, n, test_proof_edit, edits);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_open);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_flipped_and_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_signatures);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_too_many_signatures);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_vkey);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_proof);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_proof_flipped_and_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_proof_limits);
    return _cmocka_run_group_tests("log_checkpoint", tests, n, NULL, NULL);
}
