/* What a log says about private detail that is gone, and what its database holds: erased by a
 * statement, retired by age, or gone without a word. */
#include "client/cli_details.h"
#include "schema/attest/hm_erasure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ORIGIN "hallmark.example/details"
#define DETAILS 10 /* records 10, 12, …, 28 have private detail */

static struct hm_digest detail_of(uint64_t idx)
{
    return hm_sha256(hm_bytes_of(&idx, sizeof idx));
}

static struct cli_details *filled(uint64_t gone_from, uint64_t gone_to)
{
    struct cli_details *d = NULL;
    assert_int_equal(cli_details_open(&d, NULL), HM_OK);
    for (uint64_t i = 10; i < 10 + 2 * DETAILS; i += 2) {
        const struct hm_record r = {.idx = i, .has_detail = true, .detail = detail_of(i)};
        bool there = i < gone_from || i > gone_to;
        assert_int_equal(cli_details_add(d, &r, there, NULL), HM_OK);
    }
    return d;
}

static struct hm_erasure statement(uint64_t from, uint64_t to)
{
    struct hm_erasure e = {.origin = ORIGIN, .expires_s = 1800000000, .reason = "asked for"};
    for (uint64_t i = from; i <= to; i += 2)
        e.items[e.count++] = (struct hm_erasure_item){i, detail_of(i)};
    return e;
}

static enum hm_err erase(struct cli_details *d, uint64_t by, const struct hm_erasure *e,
                         uint64_t count, struct cli_fault *f)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX};
    assert_int_equal(hm_erasure_write(e, &text, NULL), HM_OK);
    const struct hm_record r = {.idx = by,
                                .count = count,
                                .has_statement = true,
                                .statement = hm_sha256(hm_buf_bytes(&text))};
    return cli_details_erased(d, &r, hm_buf_bytes(&text), ORIGIN, f, NULL);
}

static enum hm_err retire(struct cli_details *d, uint64_t by, uint64_t first, uint64_t last,
                          uint64_t count, struct cli_fault *f)
{
    const struct hm_record r = {.idx = by,
                                .count = count,
                                .has_first = true,
                                .has_last = true,
                                .first = first,
                                .last = last};
    return cli_details_retired(d, &r, f, NULL);
}

static void expect(const struct cli_fault *f, enum cli_fault_kind kind, uint64_t index)
{
    assert_int_equal(f->kind, kind);
    assert_int_equal(f->index, index);
}

static void erased_and_retired(void **state)
{
    struct cli_fault f = {.kind = CLI_FAULT_NONE};
    struct cli_details *d = filled(10, 20);
    struct hm_erasure e = statement(14, 16);
    struct cli_details_gone gone;
    (void)state;
    assert_int_equal(erase(d, 40, &e, 2, &f), HM_OK);
    /* What was erased before is not in the count, and what has no detail neither. */
    assert_int_equal(retire(d, 41, 10, 12, 2, &f), HM_OK);
    assert_int_equal(retire(d, 42, 13, 21, 2, &f), HM_OK);
    assert_int_equal(cli_details_end(d, &f, NULL), HM_OK);
    cli_details_gone(d, &gone);
    assert_int_equal(gone.records, 3);
    assert_int_equal(gone.by[0].record, 40);
    assert_int_equal(gone.by[0].count, 2);
    assert_false(gone.by[0].retired);
    assert_true(gone.by[2].retired);
    cli_details_close(d);
}

static void without_a_record(void **state)
{
    (void)state;
    for (uint64_t i = 10; i < 10 + 2 * DETAILS; i += 2) {
        struct cli_fault f = {.kind = CLI_FAULT_NONE};
        struct cli_details *d = filled(i, i);
        struct hm_erasure e = statement(i, i);
        assert_int_not_equal(cli_details_end(d, &f, NULL), HM_OK);
        expect(&f, CLI_FAULT_DETAIL_MISSING, i);
        assert_int_equal(erase(d, 40, &e, 1, &f), HM_OK);
        assert_int_equal(cli_details_end(d, &f, NULL), HM_OK);
        cli_details_close(d);
    }
}

/* A copy from before the erasure, or rows that came back. */
static void still_there(void **state)
{
    struct cli_fault f = {.kind = CLI_FAULT_NONE};
    struct cli_details *d = filled(1, 0);
    struct hm_erasure e = statement(12, 12);
    (void)state;
    assert_int_equal(erase(d, 40, &e, 1, &f), HM_OK);
    assert_int_not_equal(cli_details_end(d, &f, NULL), HM_OK);
    expect(&f, CLI_FAULT_DETAIL_KEPT, 12);
    cli_details_close(d);
}

static void statements_that_lie(void **state)
{
    struct cli_fault f = {.kind = CLI_FAULT_NONE};
    struct cli_details *d = filled(10, 20);
    struct hm_erasure e = statement(10, 12);
    (void)state;
    assert_int_not_equal(erase(d, 40, &e, 3, &f), HM_OK);
    expect(&f, CLI_FAULT_ERASURE, 40);
    e.items[1].idx = 13; /* a record without detail */
    assert_int_not_equal(erase(d, 41, &e, 2, &f), HM_OK);
    expect(&f, CLI_FAULT_ERASURE, 41);
    e = statement(14, 14);
    e.items[0].detail = detail_of(16);
    assert_int_not_equal(erase(d, 42, &e, 1, &f), HM_OK);
    expect(&f, CLI_FAULT_ERASURE, 42);
    e = statement(14, 14);
    (void)snprintf(e.origin, sizeof e.origin, "other.example/log");
    assert_int_not_equal(erase(d, 43, &e, 1, &f), HM_OK);
    expect(&f, CLI_FAULT_ERASURE, 43);
    e = statement(18, 18);
    assert_int_equal(erase(d, 44, &e, 1, &f), HM_OK);
    assert_int_not_equal(erase(d, 45, &e, 1, &f), HM_OK); /* twice */
    expect(&f, CLI_FAULT_ERASURE, 45);
    const struct hm_record other = {
        .idx = 46, .count = 1, .has_statement = true, .statement = detail_of(1)};
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX};
    e = statement(20, 20);
    assert_int_equal(hm_erasure_write(&e, &text, NULL), HM_OK);
    assert_int_not_equal(cli_details_erased(d, &other, hm_buf_bytes(&text), ORIGIN, &f, NULL),
                         HM_OK);
    expect(&f, CLI_FAULT_ERASURE, 46);
    assert_int_not_equal(
        cli_details_erased(d, &other, hm_bytes_str("no statement"), ORIGIN, &f, NULL), HM_OK);
    cli_details_close(d);
}

static void retirements_that_lie(void **state)
{
    static const struct {
        uint64_t first, last, count;
    } rows[] = {{10, 12, 1},  {10, 12, 3}, {10, 11, 2}, {9, 9, 1}, {12, 10, 2},
                {10, 50, 10}, {40, 41, 1}, {29, 35, 1}, {0, 0, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cli_fault f = {.kind = CLI_FAULT_NONE};
        struct cli_details *d = filled(10, 28);
        bool lies = i + 1 < sizeof rows / sizeof rows[0]; /* the last one: nothing, of nothing */
        enum hm_err err = retire(d, 40, rows[i].first, rows[i].last, rows[i].count, &f);
        assert_int_equal(err != HM_OK, lies);
        if (lies)
            expect(&f, CLI_FAULT_ERASURE, 40);
        cli_details_close(d);
    }
    struct cli_fault f = {.kind = CLI_FAULT_NONE};
    struct cli_details *d = filled(10, 28);
    const struct hm_record no_range = {.idx = 40, .count = 1};
    assert_int_not_equal(cli_details_retired(d, &no_range, &f, NULL), HM_OK);
    cli_details_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erased_and_retired),   cmocka_unit_test(without_a_record),
        cmocka_unit_test(still_there),          cmocka_unit_test(statements_that_lie),
        cmocka_unit_test(retirements_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
