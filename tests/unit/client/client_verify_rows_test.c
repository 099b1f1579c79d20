/* A small log as its database holds it: rows that are missing, put in, exchanged or cut off; and
 * what nobody can find. */
#include "tests/unit/client/verify_expect.h"

static struct hm_why why;

/* ---- rows: left out, put in, exchanged, cut off ---- */

/* Takes row i out; put_back undoes it. */
static struct verify_row take_out(struct verify_table *t, size_t i)
{
    struct verify_row out = t->row[i];
    memmove(&t->row[i], &t->row[i + 1], (t->count - i - 1) * sizeof t->row[0]);
    t->count--;
    return out;
}

static void put_back(struct verify_table *t, size_t i, struct verify_row r)
{
    memmove(&t->row[i + 1], &t->row[i], (t->count - i) * sizeof t->row[0]);
    t->row[i] = r;
    t->count++;
}

static void left_out(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_RECORD];
    for (size_t i = 0; i < SIZE; i++) {
        struct verify_row r = take_out(t, i);
        expect_fault(l, CLI_FAULT_RECORD_MISSING, i, "a record that is left out");
        /* The others move up: a table without a gap. */
        for (size_t k = i; k < t->count; k++)
            t->row[k].key--;
        expect_fault(l, i + 1 < SIZE ? CLI_FAULT_IDX : CLI_FAULT_RECORD_MISSING, i,
                     "a record that is left out, and the gap closed");
        for (size_t k = i; k < t->count; k++)
            t->row[k].key++;
        put_back(t, i, r);
    }
    t = &l->table[DB_SCAN_EVIDENCE];
    for (size_t i = 0; i < t->count; i++) {
        uint64_t idx = (uint64_t)t->row[i].key / DB_SCAN_SLOTS;
        struct verify_row r = take_out(t, i);
        expect_fault(l, CLI_FAULT_EVIDENCE_MISSING, idx, "evidence that is left out");
        put_back(t, i, r);
    }
    expect_ok(l, "as it was");
}

/* Private detail that is gone without a record that says so (client_verify_details_test.c has the
 * others). */
static void erased(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_DETAIL];
    for (size_t i = 0; i < t->count; i++) {
        uint64_t idx = (uint64_t)t->row[i].key;
        struct verify_row r = take_out(t, i);
        expect_fault(l, CLI_FAULT_DETAIL_MISSING, idx, "a detail that is left out");
        put_back(t, i, r);
    }
}

/* A checkpoint that something rests on is missed: the one between an intention and its signature,
 * and the last one. Of the others nothing tells that they were ever stored; what they covered, the
 * next one covers. */
static void left_out_checkpoints(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_CHECKPOINT];
    for (size_t i = 0; i < t->count; i++) {
        int64_t size = t->row[i].key;
        struct verify_row r = take_out(t, i);
        if (size == 12 || size == 36)
            expect_fault(l, CLI_FAULT_EARLY_SIGNATURE, (uint64_t)size, "signed too early");
        else if (size == SIZE)
            expect_fault(l, CLI_FAULT_COSIGNED, SIZE, "the last one, which was cosigned");
        else if (size == VERIFY_COSIGNED)
            expect_fault(l, CLI_FAULT_COSIGNED, (uint64_t)size, "one that was cosigned");
        else {
            assert_true(size == 4 || size == 11);
            expect_ok(l, "one that nothing rests on");
        }
        put_back(t, i, r);
    }
    size_t count = t->count;
    for (t->count = count - 1; t->count > 0; t->count--) {
        int64_t last = t->row[t->count - 1].key;
        expect_fault(l, last == 36 ? CLI_FAULT_COSIGNED : CLI_FAULT_EARLY_SIGNATURE,
                     last == 36   ? SIZE
                     : last >= 12 ? 36
                                  : 12,
                     "checkpoints cut off");
    }
    expect_fault(l, CLI_FAULT_EARLY_SIGNATURE, 12, "no checkpoint");
    t->count = count;
}

static void put_in(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_RECORD];
    struct verify_row *grown = reallocarray(t->row, SIZE + 1, sizeof t->row[0]);
    assert_non_null(grown);
    t->row = grown;
    for (size_t i = 0; i < SIZE; i++) {
        put_back(t, i + 1, t->row[i]);
        for (size_t k = i + 1; k < t->count; k++)
            t->row[k].key++;
        expect_fault(l, CLI_FAULT_IDX, i + 1, "a record twice");
        for (size_t k = i + 1; k < t->count; k++)
            t->row[k].key--;
        (void)take_out(t, i + 1);
    }
    t = &l->table[DB_SCAN_EVIDENCE];
    grown = reallocarray(t->row, t->count + 1, sizeof t->row[0]);
    assert_non_null(grown);
    t->row = grown;
    for (size_t i = 0; i < t->count; i++) {
        struct verify_row again = t->row[i];
        again.key = (again.key / DB_SCAN_SLOTS) * DB_SCAN_SLOTS + DB_SCAN_SLOTS - 1;
        size_t at = i + 1;
        while (at < t->count && t->row[at].key < again.key)
            at++;
        put_back(t, at, again);
        expect_fault(l, CLI_FAULT_EVIDENCE_EXTRA, (uint64_t)again.key / DB_SCAN_SLOTS,
                     "evidence twice");
        (void)take_out(t, at);
    }
    expect_ok(l, "as it was");
}

/* Details and checkpoints that stand where none belongs. */
static void put_in_beside(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_DETAIL];
    struct verify_row *grown = reallocarray(t->row, t->count + 1, sizeof t->row[0]);
    assert_non_null(grown);
    t->row = grown;
    for (int64_t key = 0; key <= SIZE; key++) {
        struct verify_row again = t->row[0];
        size_t at = 0;
        if (verify_has_key(t, key))
            continue;
        while (at < t->count && t->row[at].key < key)
            at++;
        again.key = key;
        put_back(t, at, again);
        expect_fault(l, CLI_FAULT_DETAIL_EXTRA, (uint64_t)key, "a detail more");
        (void)take_out(t, at);
    }
    t = &l->table[DB_SCAN_CHECKPOINT];
    grown = reallocarray(t->row, t->count + 1, sizeof t->row[0]);
    assert_non_null(grown);
    t->row = grown;
    for (size_t i = 0; i < t->count; i++) {
        struct verify_row again = t->row[i];
        again.key++;
        put_back(t, i + 1, again);
        if (again.key > SIZE)
            expect_fault(l, CLI_FAULT_RECORD_MISSING, SIZE, "a checkpoint over more");
        else
            expect_fault(l, CLI_FAULT_CHECKPOINT_SIZE, (uint64_t)again.key, "a checkpoint twice");
        (void)take_out(t, i + 1);
    }
    expect_ok(l, "as it was");
}

/* Cosigned checkpoints: over another size than the stored one, over none, with nothing added, with
 * more than is theirs. Without them nothing is wrong, until witnesses are required. */
static void cosigned(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_COSIGNED];
    struct verify_row *last = verify_row_at(l, DB_SCAN_COSIGNED, 1);
    struct cli_fault f;
    assert_int_equal(t->count, 2);
    static const int64_t sizes[] = {-1, 0, 4, 11, 33, 35, 36, 39, 41};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct verify_row *r = sizes[i] <= VERIFY_COSIGNED ? t->row : last;
        int64_t kept = r->key;
        r->key = sizes[i];
        expect_fault(l, CLI_FAULT_COSIGNED, sizes[i] < 0 ? 0 : (uint64_t)sizes[i],
                     "under another size");
        r->key = kept;
    }
    size_t len = last->bytes.len;
    last->bytes.len = verify_row_at(l, DB_SCAN_CHECKPOINT, 5)->bytes.len;
    expect_fault(l, CLI_FAULT_COSIGNED, SIZE, "no cosignature at all");
    last->bytes.len = len;
    hm_buf_puts(&last->bytes, "and more\n");
    expect_fault(l, CLI_FAULT_CHECKPOINT_MALFORMED, SIZE, "text behind it");
    last->bytes.len = len;
    t->count = 1; /* what is left has one witness of two */
    expect_fault(l, CLI_FAULT_WITNESSES, VERIFY_COSIGNED, "the newest is left out");
    t->count = 0;
    expect_fault(l, CLI_FAULT_WITNESSES, SIZE, "none is left");
    const struct cli_verify_input in = {.keys = {&l->key.vkey, &l->witnesses}, .whole = true};
    assert_int_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    t->count = 2;
    expect_ok(l, "as it was");
}

static void swap_contents(struct verify_row *a, struct verify_row *b)
{
    struct verify_row kept = *a;
    a->before = b->before;
    a->bytes = b->bytes;
    b->before = kept.before;
    b->bytes = kept.bytes;
}

static void exchanged(void **state)
{
    static const enum cli_fault_kind kinds[DB_SCAN_TABLES] = {
        [DB_SCAN_RECORD] = CLI_FAULT_IDX,        [DB_SCAN_EVIDENCE] = CLI_FAULT_EVIDENCE,
        [DB_SCAN_DETAIL] = CLI_FAULT_DETAIL,     [DB_SCAN_CHECKPOINT] = CLI_FAULT_CHECKPOINT_SIZE,
        [DB_SCAN_COSIGNED] = CLI_FAULT_COSIGNED,
    };
    struct verify_log *l = *state;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        for (size_t i = 0; i + 1 < l->table[t].count; i++) {
            struct verify_row *a = verify_row_at(l, (enum db_scan_table)t, i);
            uint64_t index = (uint64_t)a->key / (t == DB_SCAN_EVIDENCE ? DB_SCAN_SLOTS : 1);
            swap_contents(a, a + 1);
            expect_fault(l, kinds[t], index, "neighbours exchanged");
            swap_contents(a, a + 1);
        }
    expect_ok(l, "as it was");
}

/* Records with all that belongs to them, as far as the file can be cut without a trace inside it.
 */
static void cut_to(struct verify_log *l, int64_t size, bool checkpoints)
{
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++) {
        struct verify_table *table = &l->table[t];
        bool note = t == DB_SCAN_CHECKPOINT || t == DB_SCAN_COSIGNED;
        int64_t end = t == DB_SCAN_EVIDENCE ? size * DB_SCAN_SLOTS
                      : note                ? (checkpoints ? size + 1 : INT64_MAX)
                                            : size;
        while (table->count > 0 && table->row[table->count - 1].key >= end)
            table->count--;
    }
}

static void cut_off(void **state)
{
    struct verify_log *l = *state;
    size_t kept[DB_SCAN_TABLES];
    struct cli_fault f;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        kept[t] = l->table[t].count;
    for (int64_t size = SIZE - 1; size >= 0; size--) {
        cut_to(l, size, false);
        expect_fault(l, CLI_FAULT_RECORD_MISSING, (uint64_t)size, "records cut off");
        cut_to(l, size, true);
        expect_fault(l, CLI_FAULT_HEAD, (uint64_t)size, "records and checkpoints cut off");
        for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
            l->table[t].count = kept[t];
    }
    /* The head as well: this is what the log once was. Only somebody who saw more can tell. */
    struct db_scan_head head_kept = l->head;
    struct hm_record last;
    struct hm_bytes bytes = hm_buf_bytes(&verify_row_at(l, DB_SCAN_RECORD, 35)->bytes);
    struct hm_checkpoint seen;
    const struct cli_verify_input in = {.keys = {&l->key.vkey, NULL}, .whole = true, .seen = &seen};
    assert_int_equal(hm_record_parse(bytes, &last, NULL), HM_OK);
    assert_int_equal(hm_checkpoint_open(verify_log_note(l), &l->key.vkey, &seen, NULL), HM_OK);
    cut_to(l, 36, true);
    l->head.size = 36;
    l->head.leaf = hm_merkle_leaf(bytes);
    l->head.t_ms = last.t_ms;
    assert_int_not_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_ROLLBACK);
    assert_int_equal(f.index, SIZE);
    seen.size = 20;
    assert_int_not_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_FORK);
    assert_int_equal(f.index, 20);
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        l->table[t].count = kept[t];
    l->head = head_kept;
    expect_ok(l, "as it was");
}

/* A log in which nothing was signed yet, and nobody has signed for it. */
static void no_checkpoint(void **state)
{
    struct verify_log *l = *state;
    struct hm_record last;
    size_t kept[DB_SCAN_TABLES];
    struct db_scan_head head_kept = l->head;
    struct hm_bytes bytes = hm_buf_bytes(&verify_row_at(l, DB_SCAN_RECORD, 8)->bytes);
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        kept[t] = l->table[t].count;
    assert_int_equal(hm_record_parse(bytes, &last, NULL), HM_OK);
    cut_to(l, 9, true);
    l->table[DB_SCAN_CHECKPOINT].count = 0;
    l->head.size = 9;
    l->head.leaf = hm_merkle_leaf(bytes);
    l->head.t_ms = last.t_ms;
    expect_fault(l, CLI_FAULT_CHECKPOINT_MISSING, 9, "no checkpoint at all");
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        l->table[t].count = kept[t];
    l->head = head_kept;
}

/* ---- the file itself, and other ways to look at it ---- */

static void in_the_file(void **state)
{
    struct verify_log *l = *state;
    struct cli_verify_sums sums;
    struct cli_fault f;
    const struct cli_verify_input in = {.keys = {&l->key.vkey, &l->witnesses},
                                        .witnesses_required = VERIFY_WITNESSES,
                                        .whole = true};
    if (cli_verify_database(l->path, &in, &sums, &f, &why) != HM_OK)
        fail_msg("%s", why.text);
    assert_int_equal(sums.records, SIZE);
    assert_int_equal(sums.covered, SIZE);
    assert_int_equal(sums.checkpoints, 6);
    assert_int_equal(sums.releases, 7);
    assert_int_equal(sums.results, 4);
    assert_int_equal(sums.open_intentions, 0);
    assert_int_equal(sums.evidence, l->table[DB_SCAN_EVIDENCE].count);
    assert_int_equal(sums.details, l->table[DB_SCAN_DETAIL].count);
    assert_int_equal(sums.cosigned, VERIFY_WITNESSES);
    assert_int_equal(sums.cosigned_notes, 2);
    assert_int_equal(sums.cosigned_size, SIZE);
}

static void other_keys(void **state)
{
    struct verify_log *l = *state;
    struct log_test_key other;
    struct hm_cosigners stranger = {.count = 0};
    struct hm_cosigner w;
    struct cli_fault f;
    log_test_key_make(VERIFY_ORIGIN, 9, &other);
    struct cli_verify_input in = {.keys = {&other.vkey, NULL}};
    assert_int_not_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_CHECKPOINT_SIGNATURE);
    assert_int_equal(f.index, 4);
    assert_int_equal(hm_cosigner_make("witness.example/w9", &other.vkey.key, &w), HM_OK);
    assert_int_equal(hm_cosigners_add(&stranger, &w, NULL), HM_OK);
    in = (struct cli_verify_input){.keys = {&l->key.vkey, &stranger}};
    assert_int_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    in.witnesses_required = 1;
    assert_int_not_equal(verify_rows_with(l, &in, &f, &why), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_WITNESSES);
    assert_int_equal(f.index, SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_file), cmocka_unit_test(left_out),
        cmocka_unit_test(erased),      cmocka_unit_test(left_out_checkpoints),
        cmocka_unit_test(put_in),      cmocka_unit_test(put_in_beside),
        cmocka_unit_test(exchanged),   cmocka_unit_test(cut_off),
        cmocka_unit_test(cosigned),    cmocka_unit_test(no_checkpoint),
        cmocka_unit_test(other_keys),
    };
    return cmocka_run_group_tests_name("client_verify_rows", tests, verify_set_up,
                                       verify_tear_down);
}
