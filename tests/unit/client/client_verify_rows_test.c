/* A small log as its database holds it: every flipped bit of every record, stored hash, checkpoint,
 * piece of evidence, private detail, key and head is found, and named by the right kind at the
 * right index; so is every row that is missing, put in, exchanged or cut off. */
#include "tests/unit/test_rows.h"

#include "tests/unit/client/verify_log.h"

#include <stdio.h>

#ifdef HALLMARK_SANITIZED
#define BIT_STEP 13 /* the same places, a part of them: a sanitizer takes its time */
#else
#define BIT_STEP 1
#endif

#define SIZE 40 /* records */

static struct hm_why why;

static enum hm_err verify_with(struct verify_log *l, const struct cli_verify_input *in,
                               struct cli_fault *f)
{
    struct cli_verify_sums sums;
    struct cli_rows rows = verify_log_rows(l);
    why.text[0] = '\0';
    return cli_rows_verify(&rows, NULL, in, &sums, f, &why);
}

static enum hm_err verify(struct verify_log *l, struct cli_fault *f)
{
    const struct cli_verify_input in = {.keys = {&l->key.vkey, &l->witnesses},
                                        .witnesses_required = VERIFY_WITNESSES,
                                        .whole = true};
    return verify_with(l, &in, f);
}

static void expect_fault(struct verify_log *l, enum cli_fault_kind kind, uint64_t index,
                         const char *what)
{
    struct cli_fault f;
    enum hm_err err = verify(l, &f);
    if (err == HM_OK || f.kind != kind || f.index != index)
        fail_msg("%s: %s %s at %llu, owed %s at %llu: %s", what, hm_err_name(err),
                 cli_fault_name(f.kind), (unsigned long long)f.index, cli_fault_name(kind),
                 (unsigned long long)index, why.text);
    assert_true(f.expected[0] != '\0' && strcmp(f.expected, f.found) != 0);
}

static void expect_ok(struct verify_log *l, const char *what)
{
    struct cli_fault f;
    if (verify(l, &f) != HM_OK)
        fail_msg("%s: %s", what, why.text);
}

static struct verify_row *row(struct verify_log *l, enum db_scan_table t, size_t i)
{
    return &l->table[t].row[i];
}

/* ---- flipped bits ---- */

/* What a changed record of index i owes: the damage is found where it is. */
static enum cli_fault_kind owed_of_record(const struct verify_log *l, size_t i)
{
    struct hm_record r;
    struct hm_record before;
    const struct verify_row *rows = l->table[DB_SCAN_RECORD].row;
    struct hm_digest prev = hm_sha256(hm_bytes_str(VERIFY_ORIGIN));
    if (hm_record_parse(hm_buf_bytes(&rows[i].bytes), &r, NULL) != HM_OK)
        return CLI_FAULT_MALFORMED;
    if (r.idx != i)
        return CLI_FAULT_IDX;
    if (i > 0)
        prev = hm_merkle_leaf(hm_buf_bytes(&rows[i - 1].bytes));
    if (!hm_digest_eq(&r.prev, &prev))
        return CLI_FAULT_PREV;
    if (i > 0 && hm_record_parse(hm_buf_bytes(&rows[i - 1].bytes), &before, NULL) == HM_OK &&
        r.t_ms < before.t_ms)
        return CLI_FAULT_T_MS;
    return CLI_FAULT_HASHES;
}

static void flipped_records(void **state)
{
    struct verify_log *l = *state;
    size_t seen[CLI_FAULT_KINDS] = {0};
    for (size_t i = 0; i < SIZE; i++) {
        struct hm_buf *b = &row(l, DB_SCAN_RECORD, i)->bytes;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum cli_fault_kind kind = owed_of_record(l, i);
            expect_fault(l, kind, i, "a flipped bit of a record");
            seen[kind]++;
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    assert_true(seen[CLI_FAULT_MALFORMED] > 0 && seen[CLI_FAULT_IDX] > 0 &&
                seen[CLI_FAULT_PREV] > 0 && seen[CLI_FAULT_T_MS] > 0 && seen[CLI_FAULT_HASHES] > 0);
}

static void flipped_hashes(void **state)
{
    struct verify_log *l = *state;
    for (size_t i = 0; i < SIZE; i++) {
        struct hm_buf *b = &row(l, DB_SCAN_RECORD, i)->before;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect_fault(l, CLI_FAULT_HASHES, i, "a flipped bit of a node");
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Kinds that may be owed for a byte of a note, by its line. */
static bool owed_of_note(enum cli_fault_kind kind, size_t line)
{
    static const enum cli_fault_kind own[] = {
        CLI_FAULT_CHECKPOINT_ORIGIN, CLI_FAULT_CHECKPOINT_SIZE, CLI_FAULT_CHECKPOINT_ROOT,
        CLI_FAULT_CHECKPOINT_MALFORMED, CLI_FAULT_CHECKPOINT_SIGNATURE};
    if (kind == CLI_FAULT_CHECKPOINT_MALFORMED)
        return true;
    if (line < sizeof own / sizeof own[0])
        return kind == own[line];
    /* Under another name or key id it is nobody's cosignature. */
    return kind == CLI_FAULT_COSIGNATURE || kind == CLI_FAULT_WITNESSES;
}

static void flipped_notes(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_CHECKPOINT];
    size_t seen[CLI_FAULT_KINDS] = {0};
    for (size_t i = 0; i < t->count; i++) {
        struct hm_buf *b = &t->row[i].bytes;
        size_t line = 0;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            struct cli_fault f;
            line = 0;
            for (size_t k = 0; k < bit / 8; k++)
                line += b->data[k] == '\n';
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum hm_err err = verify(l, &f);
            if (err == HM_OK || !owed_of_note(f.kind, line) || f.index != (uint64_t)t->row[i].key)
                fail_msg("checkpoint %zu, line %zu, bit %zu: %s", i, line, bit, why.text);
            seen[f.kind]++;
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
    for (int k = CLI_FAULT_CHECKPOINT_MALFORMED; k <= CLI_FAULT_WITNESSES; k++)
        if (seen[k] == 0 && BIT_STEP == 1)
            fail_msg("no flipped bit gave %s", cli_fault_name((enum cli_fault_kind)k));
}

static void flipped_evidence(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_EVIDENCE];
    for (size_t i = 0; i < t->count; i++) {
        struct hm_buf *b = &t->row[i].bytes;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect_fault(l, CLI_FAULT_EVIDENCE, (uint64_t)t->row[i].key / DB_SCAN_SLOTS,
                         "a flipped bit of evidence");
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void flipped_details(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_DETAIL];
    assert_true(t->count >= 5);
    for (size_t i = 0; i < 2 * t->count; i++) {
        struct hm_buf *b = i % 2 == 0 ? &t->row[i / 2].before : &t->row[i / 2].bytes;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect_fault(l, CLI_FAULT_DETAIL, (uint64_t)t->row[i / 2].key,
                         "a flipped bit of a detail");
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static int by_key(const void *a, const void *b)
{
    int64_t x = ((const struct verify_row *)a)->key;
    int64_t y = ((const struct verify_row *)b)->key;
    return (x > y) - (x < y);
}

/* Kinds that a row under another key may owe. */
static bool owed_of_key(enum db_scan_table t, enum cli_fault_kind kind)
{
    switch (t) {
    case DB_SCAN_RECORD:
        return kind == CLI_FAULT_RECORD_MISSING;
    case DB_SCAN_EVIDENCE:
        return kind == CLI_FAULT_EVIDENCE_MISSING || kind == CLI_FAULT_EVIDENCE_EXTRA;
    case DB_SCAN_DETAIL:
        return kind == CLI_FAULT_DETAIL_EXTRA || kind == CLI_FAULT_DETAIL;
    case DB_SCAN_CHECKPOINT:
        return kind == CLI_FAULT_CHECKPOINT_SIZE || kind == CLI_FAULT_RECORD_MISSING ||
               kind == CLI_FAULT_EARLY_SIGNATURE;
    }
    return false;
}

static bool has_key(const struct verify_table *t, int64_t key)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].key == key)
            return true;
    return false;
}

/* The key is the row's place, so the table is read in another order. */
static void flipped_keys(void **state)
{
    struct verify_log *l = *state;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++) {
        struct verify_table *table = &l->table[t];
        for (size_t n = 0; n < 64 * table->count; n++) {
            struct cli_fault f;
            int64_t old = table->row[n / 64].key;
            int64_t changed = (int64_t)((uint64_t)old ^ UINT64_C(1) << n % 64);
            if (has_key(table, changed)) /* no table can hold two */
                continue;
            table->row[n / 64].key = changed;
            qsort(table->row, table->count, sizeof table->row[0], by_key);
            enum hm_err err = verify(l, &f);
            if (err == HM_OK || !owed_of_key((enum db_scan_table)t, f.kind))
                fail_msg("table %u: %lld for %lld: %s", t, (long long)changed, (long long)old,
                         why.text);
            for (size_t i = 0; i < table->count; i++)
                if (table->row[i].key == changed)
                    table->row[i].key = old;
            qsort(table->row, table->count, sizeof table->row[0], by_key);
        }
    }
    expect_ok(l, "as it was");
}

static void flipped_head(void **state)
{
    struct verify_log *l = *state;
    const struct db_scan_head kept = l->head;
    for (size_t bit = 0; bit < 64; bit++) {
        l->head.size ^= UINT64_C(1) << bit;
        expect_fault(l, CLI_FAULT_HEAD, SIZE, "size");
        l->head = kept;
        l->head.t_ms ^= UINT64_C(1) << bit;
        expect_fault(l, CLI_FAULT_HEAD, SIZE, "t_ms");
        l->head = kept;
        l->head.rows ^= UINT64_C(1) << bit;
        expect_fault(l, CLI_FAULT_HEAD, SIZE, "rows");
        l->head = kept;
    }
    for (size_t bit = 0; bit < 8 * sizeof kept.leaf.b; bit++) {
        l->head.leaf.b[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_fault(l, CLI_FAULT_HEAD, SIZE, "leaf");
        l->head = kept;
    }
    for (size_t bit = 0; bit < 8 * strlen(kept.origin); bit++) {
        l->head.origin[bit / 8] = (char)(l->head.origin[bit / 8] ^ (1 << bit % 8));
        expect_fault(l, CLI_FAULT_HEAD, SIZE, "origin");
        l->head = kept;
    }
}

/* ---- cut bytes ---- */

static void cut_bytes(void **state)
{
    struct verify_log *l = *state;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        for (size_t i = 0; i < 2 * l->table[t].count; i++) {
            struct verify_row *r = row(l, (enum db_scan_table)t, i / 2);
            struct hm_buf *b = i % 2 == 0 ? &r->before : &r->bytes;
            size_t len = b->len;
            for (b->len = 0; b->len < len; b->len += BIT_STEP) {
                struct cli_fault f;
                if (verify(l, &f) == HM_OK || f.kind == CLI_FAULT_NONE)
                    fail_msg("table %u, row %zu: %zu of %zu bytes are enough", t, i / 2, b->len,
                             len);
            }
            b->len = len;
        }
}

/* Salt and text are hashed one behind the other: a byte must not move from one to the other. */
static void moved_salt(void **state)
{
    struct verify_log *l = *state;
    struct verify_row *r = row(l, DB_SCAN_DETAIL, 0);
    hm_buf_putc(&r->before, r->bytes.data[0]);
    memmove(r->bytes.data, r->bytes.data + 1, --r->bytes.len);
    expect_fault(l, CLI_FAULT_DETAIL, (uint64_t)r->key, "a byte moved into the salt");
    (void)hm_buf_room(&r->bytes, 1);
    memmove(r->bytes.data + 1, r->bytes.data, r->bytes.len - 1);
    r->bytes.data[0] = r->before.data[--r->before.len];
    expect_ok(l, "moved back");
}

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

/* Private detail may be erased, and is counted. */
static void erased(void **state)
{
    struct verify_log *l = *state;
    struct verify_table *t = &l->table[DB_SCAN_DETAIL];
    const struct cli_verify_input in = {.keys = {&l->key.vkey, NULL}};
    for (size_t i = 0; i < t->count; i++) {
        struct cli_verify_sums sums;
        struct cli_fault f;
        struct verify_row r = take_out(t, i);
        struct cli_rows rows = verify_log_rows(l);
        assert_int_equal(cli_rows_verify(&rows, NULL, &in, &sums, &f, &why), HM_OK);
        assert_int_equal(sums.details_erased, 1);
        assert_int_equal(sums.details, t->count);
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
            expect_fault(l, CLI_FAULT_UNCOVERED, 36, "the last one");
        else {
            assert_true(size == 4 || size == 10 || size == 34);
            expect_ok(l, "one that nothing rests on");
        }
        put_back(t, i, r);
    }
    size_t count = t->count;
    for (t->count = count - 1; t->count > 0; t->count--) {
        int64_t last = t->row[t->count - 1].key;
        expect_fault(l, last == 36 ? CLI_FAULT_UNCOVERED : CLI_FAULT_EARLY_SIGNATURE,
                     last >= 12 ? 36 : 12, "checkpoints cut off");
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
        if (has_key(t, key))
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
        [DB_SCAN_RECORD] = CLI_FAULT_IDX,
        [DB_SCAN_EVIDENCE] = CLI_FAULT_EVIDENCE,
        [DB_SCAN_DETAIL] = CLI_FAULT_DETAIL,
        [DB_SCAN_CHECKPOINT] = CLI_FAULT_CHECKPOINT_SIZE,
    };
    struct verify_log *l = *state;
    for (unsigned t = 0; t < DB_SCAN_TABLES; t++)
        for (size_t i = 0; i + 1 < l->table[t].count; i++) {
            struct verify_row *a = row(l, (enum db_scan_table)t, i);
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
        int64_t end = t == DB_SCAN_EVIDENCE     ? size * DB_SCAN_SLOTS
                      : t == DB_SCAN_CHECKPOINT ? (checkpoints ? size + 1 : INT64_MAX)
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
    struct hm_bytes bytes = hm_buf_bytes(&row(l, DB_SCAN_RECORD, 35)->bytes);
    struct hm_checkpoint seen;
    const struct cli_verify_input in = {.keys = {&l->key.vkey, NULL}, .whole = true, .seen = &seen};
    assert_int_equal(hm_record_parse(bytes, &last, NULL), HM_OK);
    assert_int_equal(hm_checkpoint_open(verify_log_note(l), &l->key.vkey, &seen, NULL), HM_OK);
    cut_to(l, 36, true);
    l->head.size = 36;
    l->head.leaf = hm_merkle_leaf(bytes);
    l->head.t_ms = last.t_ms;
    assert_int_not_equal(verify_with(l, &in, &f), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_ROLLBACK);
    assert_int_equal(f.index, SIZE);
    seen.size = 20;
    assert_int_not_equal(verify_with(l, &in, &f), HM_OK);
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
    struct hm_bytes bytes = hm_buf_bytes(&row(l, DB_SCAN_RECORD, 8)->bytes);
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
    assert_int_not_equal(verify_with(l, &in, &f), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_CHECKPOINT_SIGNATURE);
    assert_int_equal(f.index, 4);
    assert_int_equal(hm_cosigner_make("witness.example/w9", &other.vkey.key, &w), HM_OK);
    assert_int_equal(hm_cosigners_add(&stranger, &w, NULL), HM_OK);
    in = (struct cli_verify_input){.keys = {&l->key.vkey, &stranger}};
    assert_int_equal(verify_with(l, &in, &f), HM_OK);
    in.witnesses_required = 1;
    assert_int_not_equal(verify_with(l, &in, &f), HM_OK);
    assert_int_equal(f.kind, CLI_FAULT_WITNESSES);
    assert_int_equal(f.index, SIZE);
}

static int set_up(void **state)
{
    static struct verify_log l;
    verify_log_make(&l);
    assert_int_equal(l.table[DB_SCAN_RECORD].count, SIZE);
    *state = &l;
    return 0;
}

static int tear_down(void **state)
{
    verify_log_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_file),
        cmocka_unit_test(flipped_records),
        cmocka_unit_test(flipped_hashes),
        cmocka_unit_test(flipped_notes),
        cmocka_unit_test(flipped_evidence),
        cmocka_unit_test(flipped_details),
        cmocka_unit_test(flipped_keys),
        cmocka_unit_test(flipped_head),
        cmocka_unit_test(cut_bytes),
        cmocka_unit_test(moved_salt),
        cmocka_unit_test(left_out),
        cmocka_unit_test(erased),
        cmocka_unit_test(left_out_checkpoints),
        cmocka_unit_test(put_in),
        cmocka_unit_test(put_in_beside),
        cmocka_unit_test(exchanged),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(no_checkpoint),
        cmocka_unit_test(other_keys),
    };
    return cmocka_run_group_tests_name("client_verify_rows", tests, set_up, tear_down);
}
