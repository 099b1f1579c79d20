/* The same small log as an export: every flipped bit, every line that is missing, put in, exchanged
 * or cut off is found, and named by the right kind at the right index. */
#include "tests/unit/test_rows.h"

#include "tests/unit/client/verify_log.h"

#include <stdio.h>

#ifdef HALLMARK_SANITIZED
#define BIT_STEP 13
#else
#define BIT_STEP 1
#endif

#define SIZE 40 /* records */

struct export
{
    struct verify_log log;
    struct hm_buf lines;
    struct hm_buf note;
    size_t begin[SIZE + 1]; /* offsets of the lines, and the end */
};

static struct hm_why why;

static enum hm_err verify(struct export *e, struct cli_fault *f)
{
    struct cli_verify_sums sums;
    const struct cli_verify_input in = {.keys = {&e->log.key.vkey, &e->log.witnesses},
                                        .witnesses_required = VERIFY_WITNESSES};
    FILE *file = e->lines.len > 0 ? fmemopen(e->lines.data, e->lines.len, "r") : tmpfile();
    assert_non_null(file);
    why.text[0] = '\0';
    enum hm_err err = cli_verify_export(file, hm_buf_bytes(&e->note), &in, &sums, f, &why);
    (void)fclose(file);
    return err;
}

static void expect_fault(struct export *e, enum cli_fault_kind kind, uint64_t index,
                         const char *what)
{
    struct cli_fault f;
    enum hm_err err = verify(e, &f);
    if (err == HM_OK || f.kind != kind || f.index != index)
        fail_msg("%s: %s %s at %llu, owed %s at %llu: %s", what, hm_err_name(err),
                 cli_fault_name(f.kind), (unsigned long long)f.index, cli_fault_name(kind),
                 (unsigned long long)index, why.text);
}

static void expect_ok(struct export *e, const char *what)
{
    struct cli_fault f;
    if (verify(e, &f) != HM_OK)
        fail_msg("%s: %s", what, why.text);
}

static struct hm_bytes line(const struct export *e, size_t i)
{
    return hm_bytes_of(e->lines.data + e->begin[i], e->begin[i + 1] - e->begin[i] - 1);
}

/* ---- flipped bits ---- */

/* Whether a rule of this kind can break where a record says `now` in the place of `was`. */
static bool can_break(enum cli_fault_kind kind, const struct hm_record *was,
                      const struct hm_record *now)
{
    bool about = now->release != was->release;
    bool bytes = !hm_digest_eq(&now->manifest, &was->manifest) ||
                 memcmp(now->keys, was->keys, sizeof now->keys) != 0;
    return (kind == CLI_FAULT_RELEASE && about) || (kind == CLI_FAULT_STATE && about) ||
           (kind == CLI_FAULT_SEQUENCE && (about || now->sequence != was->sequence)) ||
           (kind == CLI_FAULT_INTENTION && (about || bytes || now->retry_of != was->retry_of)) ||
           (kind == CLI_FAULT_RESULT && (about || bytes || now->intent != was->intent));
}

/* A record that still stands in its place is caught by what it says, or by the next one's prev; the
 * last one by the root. */
static void check_flipped(const struct export *e, size_t i, struct hm_bytes honest,
                          const struct cli_fault *f)
{
    struct hm_record was;
    struct hm_record now;
    struct hm_record before = {.t_ms = 0};
    struct hm_digest prev = hm_sha256(hm_bytes_str(VERIFY_ORIGIN));
    assert_int_equal(hm_record_parse(honest, &was, NULL), HM_OK);
    if (i > 0) {
        prev = hm_merkle_leaf(line(e, i - 1));
        assert_int_equal(hm_record_parse(line(e, i - 1), &before, NULL), HM_OK);
    }
    enum cli_fault_kind kind = CLI_FAULT_NONE;
    if (hm_record_parse(line(e, i), &now, NULL) != HM_OK)
        kind = CLI_FAULT_MALFORMED;
    else if (now.idx != i)
        kind = CLI_FAULT_IDX;
    else if (!hm_digest_eq(&now.prev, &prev))
        kind = CLI_FAULT_PREV;
    else if (now.t_ms < before.t_ms)
        kind = CLI_FAULT_T_MS;
    bool ok = kind != CLI_FAULT_NONE ? f->kind == kind && f->index == i
              : f->index == i        ? can_break(f->kind, &was, &now)
              : i + 1 < SIZE         ? f->kind == CLI_FAULT_PREV && f->index == i + 1
                                     : f->kind == CLI_FAULT_CHECKPOINT_ROOT && f->index == SIZE;
    if (!ok)
        fail_msg("record %zu: %s at %llu: %s", i, cli_fault_name(f->kind),
                 (unsigned long long)f->index, why.text);
}

static void flipped_records(void **state)
{
    struct export *e = *state;
    size_t seen[CLI_FAULT_KINDS] = {0};
    for (size_t i = 0; i < SIZE; i++) {
        HM_BUF_AUTO honest = {0};
        hm_buf_put(&honest, line(e, i).data, line(e, i).len);
        for (size_t bit = 8 * e->begin[i]; bit < 8 * (e->begin[i + 1] - 1); bit += BIT_STEP) {
            struct cli_fault f;
            e->lines.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_not_equal(verify(e, &f), HM_OK);
            /* A line feed in the middle makes two lines of it. */
            if (e->lines.data[bit / 8] == '\n')
                assert_true(f.kind == CLI_FAULT_MALFORMED && f.index == i);
            else
                check_flipped(e, i, hm_buf_bytes(&honest), &f);
            seen[f.kind]++;
            e->lines.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    static const enum cli_fault_kind some[] = {
        CLI_FAULT_MALFORMED, CLI_FAULT_IDX,      CLI_FAULT_PREV,   CLI_FAULT_T_MS,
        CLI_FAULT_RELEASE,   CLI_FAULT_SEQUENCE, CLI_FAULT_RESULT, CLI_FAULT_CHECKPOINT_ROOT};
    for (size_t i = 0; i < ROWS(some) && BIT_STEP == 1; i++)
        if (seen[some[i]] == 0)
            fail_msg("no flipped bit gave %s", cli_fault_name(some[i]));
}

/* The end of a line: two records become one, or the last one gets a byte more. */
static void flipped_ends(void **state)
{
    struct export *e = *state;
    for (size_t i = 0; i < SIZE; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            e->lines.data[e->begin[i + 1] - 1] ^= (uint8_t)(1u << bit);
            expect_fault(e, CLI_FAULT_MALFORMED, i, "a flipped line feed");
            e->lines.data[e->begin[i + 1] - 1] ^= (uint8_t)(1u << bit);
        }
}

static void flipped_note(void **state)
{
    /* Size and root cannot be changed without the signature, which is looked at first. */
    static const enum cli_fault_kind own[] = {
        CLI_FAULT_CHECKPOINT_ORIGIN, CLI_FAULT_CHECKPOINT_SIGNATURE, CLI_FAULT_CHECKPOINT_SIGNATURE,
        CLI_FAULT_CHECKPOINT_MALFORMED, CLI_FAULT_CHECKPOINT_SIGNATURE};
    struct export *e = *state;
    for (size_t bit = 0; bit < 8 * e->note.len; bit += BIT_STEP) {
        struct cli_fault f;
        size_t at = 0;
        for (size_t k = 0; k < bit / 8; k++)
            at += e->note.data[k] == '\n';
        e->note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        enum hm_err err = verify(e, &f);
        bool ok =
            f.kind == CLI_FAULT_CHECKPOINT_MALFORMED ||
            (at < ROWS(own) ? f.kind == own[at]
                            : f.kind == CLI_FAULT_COSIGNATURE || f.kind == CLI_FAULT_WITNESSES);
        if (err == HM_OK || !ok)
            fail_msg("line %zu, bit %zu: %s", at, bit, why.text);
        e->note.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    size_t len = e->note.len;
    for (e->note.len = 0; e->note.len < len; e->note.len++) {
        struct cli_fault f;
        if (verify(e, &f) == HM_OK || f.kind == CLI_FAULT_NONE)
            fail_msg("%zu of %zu bytes of the checkpoint are enough", e->note.len, len);
    }
}

/* ---- lines ---- */

/* The lines in the order of `of`. */
static void compose(struct export *e, const struct hm_buf *from, const size_t *of, size_t count)
{
    hm_buf_reset(&e->lines);
    for (size_t k = 0; k < count; k++)
        hm_buf_put(&e->lines, from->data + e->begin[of[k]], e->begin[of[k] + 1] - e->begin[of[k]]);
}

static void left_out_put_in_exchanged(void **state)
{
    struct export *e = *state;
    HM_BUF_AUTO honest = {0};
    size_t of[SIZE + 1];
    hm_buf_put(&honest, e->lines.data, e->lines.len);
    for (size_t i = 0; i < SIZE; i++) {
        size_t n = 0;
        for (size_t k = 0; k < SIZE; k++)
            if (k != i)
                of[n++] = k;
        compose(e, &honest, of, n);
        expect_fault(e, i + 1 < SIZE ? CLI_FAULT_IDX : CLI_FAULT_RECORD_MISSING, i, "left out");
        for (size_t k = 0; k <= SIZE; k++)
            of[k] = k <= i ? k : k - 1;
        compose(e, &honest, of, SIZE + 1);
        expect_fault(e, CLI_FAULT_IDX, i + 1, "twice");
        for (size_t k = 0; k < SIZE; k++)
            of[k] = k == i ? i + 1 : k == i + 1 ? i : k;
        if (i + 1 < SIZE) {
            compose(e, &honest, of, SIZE);
            expect_fault(e, CLI_FAULT_IDX, i, "exchanged");
        }
    }
    hm_buf_reset(&e->lines);
    hm_buf_put(&e->lines, honest.data, honest.len);
    expect_ok(e, "as it was");
}

/* At every byte. */
static void cut_off(void **state)
{
    struct export *e = *state;
    size_t len = e->lines.len;
    size_t i = 0;
    for (e->lines.len = 0; e->lines.len < len; e->lines.len++) {
        while (e->lines.len >= e->begin[i + 1])
            i++;
        expect_fault(e,
                     e->lines.len == e->begin[i] ? CLI_FAULT_RECORD_MISSING : CLI_FAULT_MALFORMED,
                     i, "cut off");
    }
    expect_ok(e, "whole");
}

static void more_lines(void **state)
{
    struct export *e = *state;
    size_t len = e->lines.len;
    hm_buf_putc(&e->lines, '\n');
    expect_fault(e, CLI_FAULT_MALFORMED, SIZE, "an empty line");
    e->lines.len = len;
    for (size_t i = 0; i < HM_RECORD_MAX + 100u; i++)
        hm_buf_putc(&e->lines, 'x');
    expect_fault(e, CLI_FAULT_MALFORMED, SIZE, "a long line");
    e->lines.len = len;
}

/* A whole record behind those that the checkpoint covers. */
static void uncovered(void **state)
{
    struct export *e = *state;
    size_t len = e->lines.len;
    struct hm_record r = {.idx = SIZE,
                          .event = HM_EV_REGISTRAR_STARTED,
                          .has_random = true,
                          .t_ms = 1795000000000 + 1000 * SIZE,
                          .prev = hm_merkle_leaf(line(e, SIZE - 1))};
    assert_int_equal(hm_record_write(&r, &e->lines, NULL), HM_OK);
    hm_buf_putc(&e->lines, '\n');
    expect_fault(e, CLI_FAULT_UNCOVERED, SIZE, "a record more");
    e->lines.len = len;
}

static int set_up(void **state)
{
    static struct export e;
    verify_log_make(&e.log);
    verify_log_export(&e.log, &e.lines);
    hm_buf_put(&e.note, verify_log_note(&e.log).data, verify_log_note(&e.log).len);
    size_t n = 0;
    for (size_t i = 0; i < e.lines.len; i++)
        if (e.lines.data[i] == '\n')
            e.begin[++n] = i + 1;
    *state = &e;
    return n == SIZE ? 0 : -1;
}

static int tear_down(void **state)
{
    struct export *e = *state;
    hm_buf_free(&e->lines);
    hm_buf_free(&e->note);
    verify_log_free(&e->log);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_records), cmocka_unit_test(flipped_ends),
        cmocka_unit_test(flipped_note),    cmocka_unit_test(left_out_put_in_exchanged),
        cmocka_unit_test(cut_off),         cmocka_unit_test(more_lines),
        cmocka_unit_test(uncovered),
    };
    return cmocka_run_group_tests_name("client_verify_export", tests, set_up, tear_down);
}
