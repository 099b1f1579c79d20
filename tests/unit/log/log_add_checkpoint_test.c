/* The add-checkpoint request and the 409 answer; checkpoints of other logs: extension lines,
 * several keys. */
#include "tests/unit/test_rows.h"

#include "tests/unit/log/log_test_keys.h"

#include "schema/log/hm_add_checkpoint.h"

#include <stdio.h>

#define ORIGIN "log.example/one"
#define HASH "yMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqqk="

static void written_and_read(void **state)
{
    HM_BUF_AUTO request = {0};
    struct hm_path path = {.count = 2};
    struct hm_add_checkpoint a;
    (void)state;
    memset(path.hash[0].b, 1, 32);
    memset(path.hash[1].b, 255, 32);
    hm_add_checkpoint_write(20852014, &path, hm_bytes_str("note\n"), &request);
    assert_true(hm_bytes_eq_str(hm_buf_bytes(&request),
                                "old 20852014\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
                                "//////////////////////////////////////////8=\n\nnote\n"));
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&request), &a, NULL), HM_OK);
    assert_int_equal(a.old_size, 20852014);
    assert_int_equal(a.path.count, 2);
    assert_memory_equal(a.path.hash, path.hash, 2 * sizeof path.hash[0]);
    assert_true(hm_bytes_eq_str(a.note, "note\n"));
}

struct form {
    const char *name;
    const char *text;
    enum hm_err want;
};
static const struct form forms[] = {
    {"request: old 0, no proof", "old 0\n\nn\n", HM_OK},
    {"request: largest size", "old 18446744073709551615\n\nn\n", HM_OK},
    {"request: one hash", "old 1\n" HASH "\n\nn\n", HM_OK},
    {"request: no note, which is not looked at", "old 1\n\n", HM_OK},
    {"request: empty", "", HM_E_MALFORMED},
    {"request: no newline", "old 1", HM_E_MALFORMED},
    {"request: no blank line", "old 1\n", HM_E_MALFORMED},
    {"request: no blank line behind the hash", "old 1\n" HASH "\n", HM_E_MALFORMED},
    {"request: leading zero", "old 01\n\nn\n", HM_E_MALFORMED},
    {"request: 2^64", "old 18446744073709551616\n\nn\n", HM_E_MALFORMED},
    {"request: negative", "old -1\n\nn\n", HM_E_MALFORMED},
    {"request: no number", "old \n\nn\n", HM_E_MALFORMED},
    {"request: two spaces", "old  1\n\nn\n", HM_E_MALFORMED},
    {"request: a tab", "old\t1\n\nn\n", HM_E_MALFORMED},
    {"request: a space behind", "old 1 \n\nn\n", HM_E_MALFORMED},
    {"request: carriage return", "old 1\r\n\r\nn\n", HM_E_MALFORMED},
    {"request: other word", "new 1\n\nn\n", HM_E_MALFORMED},
    {"request: upper case", "Old 1\n\nn\n", HM_E_MALFORMED},
    {"request: without the old line", "\nn\n", HM_E_MALFORMED},
    {"request: short hash", "old 1\nAAAA\n\nn\n", HM_E_MALFORMED},
    {"request: hash with a space", "old 1\n" HASH " \n\nn\n", HM_E_MALFORMED},
    {"request: URL-safe hash", "old 1\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK-urayrqqk=\n\nn\n",
     HM_E_MALFORMED},
    {"request: hash not canonical", "old 1\nyMfGxcTDwsHAv769vLu6ubi3trW0s7KxsK+urayrqql=\n\nn\n",
     HM_E_MALFORMED},
};

static void form(void **state)
{
    const struct form *row = *state;
    struct hm_add_checkpoint a = {.old_size = 99};
    struct hm_why why = {""};
    enum hm_err e = hm_add_checkpoint_parse(hm_bytes_str(row->text), &a, &why);
    assert_int_equal(e, row->want);
    if (e != HM_OK) {
        assert_int_equal(a.old_size, 99);
        assert_true(why.text[0] != '\0');
    }
}

static void limits(void **state)
{
    HM_BUF_AUTO request = {0};
    struct hm_add_checkpoint a;
    (void)state;
    hm_buf_puts(&request, "old 1\n");
    for (int i = 0; i < HM_PROOF_HASHES_MAX; i++)
        hm_buf_puts(&request, HASH "\n");
    hm_buf_puts(&request, "\n");
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&request), &a, NULL), HM_OK);
    assert_int_equal(a.path.count, HM_PROOF_HASHES_MAX);
    request.len--;
    hm_buf_puts(&request, HASH "\n\n");
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&request), &a, NULL), HM_E_LIMIT);
    hm_buf_reset(&request);
    hm_buf_puts(&request, "old 1\n\n");
    while (request.len < HM_ADD_CHECKPOINT_MAX)
        hm_buf_putc(&request, 'n');
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&request), &a, NULL), HM_OK);
    hm_buf_putc(&request, 'n');
    assert_int_equal(hm_add_checkpoint_parse(hm_buf_bytes(&request), &a, NULL), HM_E_LIMIT);
}

struct size_row {
    const char *name;
    const char *text;
    bool ok;
    uint64_t want;
};
static const struct size_row sizes[] = {
    {"size: 0", "0\n", true, 0},
    {"size: some", "20852014\n", true, 20852014},
    {"size: largest", "18446744073709551615\n", true, UINT64_MAX},
    {"size: no newline", "5", false, 0},
    {"size: two newlines", "5\n\n", false, 0},
    {"size: empty line", "\n", false, 0},
    {"size: empty", "", false, 0},
    {"size: leading zero", "05\n", false, 0},
    {"size: 2^64", "18446744073709551616\n", false, 0},
    {"size: longer than any", "000000000000000000000005\n", false, 0},
    {"size: hex", "a\n", false, 0},
    {"size: space", " 5\n", false, 0},
    {"size: carriage return", "5\r\n", false, 0},
};

static void tree_size(void **state)
{
    const struct size_row *row = *state;
    uint64_t n = 99;
    assert_int_equal(hm_tree_size_parse(hm_bytes_str(row->text), &n) == HM_OK, row->ok);
    assert_int_equal(n, row->ok ? row->want : 99);
}

/* A checkpoint of another log: %s is signed by two keys of the log. */
struct foreign {
    const char *name;
    const char *body;
    bool with_extensions;
    bool without;
};
static const struct foreign foreigns[] = {
    {"foreign: plain", ORIGIN "\n5\n" HASH "\n", true, true},
    {"foreign: one extension line", ORIGIN "\n5\n" HASH "\nTimestamp: 1\n", true, false},
    {"foreign: two extension lines", ORIGIN "\n5\n" HASH "\na\n\xc3\xa4\n", true, false},
    {"foreign: tab in an extension line", ORIGIN "\n5\n" HASH "\na\tb\n", false, false},
    {"foreign: not UTF-8", ORIGIN "\n5\n" HASH "\n\xff\n", false, false},
};

static void foreign(void **state)
{
    const struct foreign *row = *state;
    struct log_test_key key[2];
    struct hm_vkey keys[2];
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO lines = {0};
    uint8_t sig[64];
    struct hm_checkpoint_parts p;
    for (uint8_t i = 0; i < 2; i++) {
        log_test_key_make("key.example", (uint8_t)(1 + i), &key[i]);
        keys[i] = key[i].vkey;
    }
    struct hm_bytes body = hm_bytes_str(row->body);
    log_test_sign(&key[1], body, sig);
    hm_checkpoint_note(body, &keys[1], sig, &note);
    assert_int_equal(hm_checkpoint_split(hm_buf_bytes(&note), false, &p, NULL) == HM_OK,
                     row->without);
    assert_int_equal(hm_checkpoint_split(hm_buf_bytes(&note), true, &p, NULL) == HM_OK,
                     row->with_extensions);
    if (!row->with_extensions)
        return;
    assert_true(hm_bytes_eq(p.body, body));
    assert_int_equal(p.checkpoint.size, 5);
    assert_int_equal(hm_checkpoint_verify(&p, keys, 1, NULL, NULL), HM_E_SIGNATURE);
    assert_int_equal(hm_checkpoint_verify(&p, keys, 0, NULL, NULL), HM_E_SIGNATURE);
    assert_int_equal(hm_checkpoint_verify(&p, keys, 2, &lines, NULL), HM_OK);
    assert_true(hm_bytes_eq(hm_buf_bytes(&lines), p.signatures));
}

/* One good signature of the log does not excuse a bad one. */
static void every_known_line_must_verify(void **state)
{
    struct log_test_key key[2];
    struct hm_vkey keys[2];
    HM_BUF_AUTO note = {0};
    HM_BUF_AUTO other = {0};
    uint8_t sig[64];
    struct hm_checkpoint_parts p;
    (void)state;
    struct hm_bytes body = hm_bytes_str(ORIGIN "\n5\n" HASH "\n");
    for (uint8_t i = 0; i < 2; i++) {
        log_test_key_make("key.example", (uint8_t)(1 + i), &key[i]);
        keys[i] = key[i].vkey;
    }
    log_test_sign(&key[0], body, sig);
    hm_checkpoint_note(body, &keys[0], sig, &note);
    hm_checkpoint_note(hm_bytes_of(NULL, 0), &keys[1], sig, &other); /* LF, then its line */
    hm_buf_put(&note, other.data + 1, other.len - 1);
    assert_int_equal(hm_checkpoint_split(hm_buf_bytes(&note), true, &p, NULL), HM_OK);
    assert_int_equal(hm_checkpoint_verify(&p, keys, 1, NULL, NULL), HM_OK);
    assert_int_equal(hm_checkpoint_verify(&p, keys, 2, NULL, NULL), HM_E_SIGNATURE);
}

int main(void)
{
    struct CMUnitTest tests[ROWS(forms) + ROWS(sizes) + ROWS(foreigns) + 3];
    size_t n = 0;
    n = ADD_ROWS(tests, n, form, forms);
    n = ADD_ROWS(tests, n, tree_size, sizes);
    n = ADD_ROWS(tests, n, foreign, foreigns);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(written_and_read);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(limits);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_known_line_must_verify);
    return _cmocka_run_group_tests("log_add_checkpoint", tests, n, NULL, NULL);
}
