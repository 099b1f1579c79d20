/* SIGNER_SIGN's body: read whole or refused whole; cut anywhere it is refused. */
#include "server/ipc/ipc_ops.h"
#include "server/signer/signer_item.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hm_digest digest(const char *text)
{
    return hm_sha256(hm_bytes_str(text));
}

static void put_item(struct hm_buf *b, size_t hashes, size_t approvals)
{
    struct hm_digest key = digest("key");
    ipc_put_digest(b, &key);
    ipc_put_str(b, "tbs");
    ipc_put_str(b, "record");
    ipc_put_u64(b, 7);
    ipc_put_u64(b, 9);
    ipc_put_u64(b, hashes);
    for (size_t i = 0; i < hashes; i++)
        ipc_put_digest(b, &key);
    ipc_put_str(b, "statement");
    ipc_put_u64(b, approvals);
    for (size_t i = 0; i < approvals; i++)
        ipc_put_str(b, "approval");
}

static enum hm_err read(const struct hm_buf *b, size_t len, size_t *count)
{
    struct signer_item *items = NULL;
    struct hm_why why = {""};
    /* a copy of exactly this length, so that a sanitizer sees reads behind it */
    uint8_t *copy = malloc(len + 1);
    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, b->data, len);
    enum hm_err err = signer_items_read(hm_bytes_of(copy, len), &items, count, &why);
    if (err == HM_OK && *count == 2) {
        assert_int_equal(items[1].index, 7);
        assert_int_equal(items[1].size, 9);
        assert_true(hm_bytes_eq_str(items[1].tbs, "tbs"));
        assert_true(hm_bytes_eq_str(items[1].approvals[1], "approval"));
        assert_int_equal(items[1].path.count, 3);
    }
    assert_true((items != NULL) == (err == HM_OK));
    free(items);
    free(copy);
    return err;
}

static void whole_and_cut(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 65536};
    size_t count = 0;
    ipc_put_u64(&b, 2);
    put_item(&b, 0, 0);
    put_item(&b, 3, 2);
    assert_int_equal(read(&b, b.len, &count), HM_OK);
    assert_int_equal(count, 2);
    for (size_t len = 0; len < b.len; len++)
        assert_int_equal(read(&b, len, &count), HM_E_MALFORMED);
    hm_buf_putc(&b, 0);
    assert_int_equal(read(&b, b.len, &count), HM_E_MALFORMED);
}

struct row {
    const char *name;
    size_t items, hashes, approvals;
    enum hm_err err;
};

static const struct row rows[] = {
    {"none", 0, 0, 0, HM_OK},
    {"as many as may be", SIGNER_SIGN_MAX, HM_PROOF_HASHES_MAX, HM_APPROVALS_MAX, HM_OK},
    {"one too many", SIGNER_SIGN_MAX + 1, 0, 0, HM_E_LIMIT},
    {"a path too long", 1, HM_PROOF_HASHES_MAX + 1, 0, HM_E_LIMIT},
    {"approvals too many", 1, 0, HM_APPROVALS_MAX + 1, HM_E_LIMIT},
};

static void limits(void **state)
{
    const struct row *r = *state;
    HM_BUF_AUTO b = {.limit = 0};
    size_t count = 0;
    ipc_put_u64(&b, r->items);
    for (size_t i = 0; i < r->items; i++)
        put_item(&b, r->hashes, r->approvals);
    assert_int_equal(read(&b, b.len, &count), r->err);
}

static void huge_counts(void **state)
{
    (void)state;
    HM_BUF_AUTO b = {.limit = 65536};
    size_t count = 0;
    ipc_put_u64(&b, UINT64_MAX);
    assert_int_equal(read(&b, b.len, &count), HM_E_LIMIT);
}

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    struct CMUnitTest tests[ROWS + 2];
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++) {
        void *row;
        const struct row *r = &rows[i];
        memcpy(&row, &r, sizeof row);
        tests[n++] = (struct CMUnitTest){rows[i].name, limits, NULL, NULL, row};
    }
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(whole_and_cut);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(huge_counts);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
