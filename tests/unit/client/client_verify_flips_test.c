/* A small log as its database holds it: every flipped bit of every record, stored hash, checkpoint,
 * piece of evidence, private detail, key and head is found, and named by the right kind at the
 * right index; so is every cut. */
#include "tests/unit/client/verify_expect.h"

#ifdef HALLMARK_SANITIZED
#define BIT_STEP 13 /* the same places, a part of them: a sanitizer takes its time */
#else
#define BIT_STEP 1
#endif

static struct hm_why why;

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
        struct hm_buf *b = &verify_row_at(l, DB_SCAN_RECORD, i)->bytes;
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
        struct hm_buf *b = &verify_row_at(l, DB_SCAN_RECORD, i)->before;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            expect_fault(l, CLI_FAULT_HASHES, i, "a flipped bit of a node");
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Kinds that may be owed for a byte of a note, by its line. */
static bool owed_of_cosigned(enum cli_fault_kind kind, size_t line, bool newest)
{
    if (line < 4)
        return kind == CLI_FAULT_COSIGNED;
    if (kind == CLI_FAULT_COSIGNED || kind == CLI_FAULT_CHECKPOINT_MALFORMED)
        return true;
    if (line == 4)
        return kind == CLI_FAULT_CHECKPOINT_SIGNATURE;
    /* Under another name or key id it is nobody's cosignature: that matters where it is required.
     */
    return kind == CLI_FAULT_COSIGNATURE || kind == (newest ? CLI_FAULT_WITNESSES : CLI_FAULT_NONE);
}

static bool owed_of_note(enum cli_fault_kind kind, size_t line)
{
    static const enum cli_fault_kind own[] = {
        CLI_FAULT_CHECKPOINT_ORIGIN, CLI_FAULT_CHECKPOINT_SIZE, CLI_FAULT_CHECKPOINT_ROOT,
        CLI_FAULT_CHECKPOINT_MALFORMED, CLI_FAULT_CHECKPOINT_SIGNATURE};
    if (kind == CLI_FAULT_CHECKPOINT_MALFORMED)
        return true;
    return line < sizeof own / sizeof own[0] && kind == own[line];
}

static void flip_notes(struct verify_log *l, enum db_scan_table table, size_t *seen)
{
    struct verify_table *t = &l->table[table];
    for (size_t i = 0; i < t->count; i++) {
        struct hm_buf *b = &t->row[i].bytes;
        size_t line = 0;
        for (size_t bit = 0; bit < 8 * b->len; bit += BIT_STEP) {
            struct cli_fault f;
            line = 0;
            for (size_t k = 0; k < bit / 8; k++)
                line += b->data[k] == '\n';
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum hm_err err = verify_rows(l, &f, &why);
            bool owed = table == DB_SCAN_COSIGNED
                            ? owed_of_cosigned(f.kind, line, i + 1 == t->count)
                            : err != HM_OK && owed_of_note(f.kind, line);
            if (!owed || (f.kind != CLI_FAULT_NONE && f.index != (uint64_t)t->row[i].key))
                fail_msg("checkpoint %zu, line %zu, bit %zu: %s", i, line, bit, why.text);
            seen[f.kind]++;
            b->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

static void flipped_notes(void **state)
{
    size_t seen[CLI_FAULT_KINDS] = {0};
    flip_notes(*state, DB_SCAN_CHECKPOINT, seen);
    flip_notes(*state, DB_SCAN_COSIGNED, seen);
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
               kind == CLI_FAULT_EARLY_SIGNATURE || kind == CLI_FAULT_COSIGNED;
    case DB_SCAN_COSIGNED:
        return kind == CLI_FAULT_COSIGNED;
    }
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
            if (verify_has_key(table, changed)) /* no table can hold two */
                continue;
            table->row[n / 64].key = changed;
            qsort(table->row, table->count, sizeof table->row[0], by_key);
            enum hm_err err = verify_rows(l, &f, &why);
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
            struct verify_row *r = verify_row_at(l, (enum db_scan_table)t, i / 2);
            struct hm_buf *b = i % 2 == 0 ? &r->before : &r->bytes;
            size_t len = b->len;
            for (b->len = 0; b->len < len; b->len += BIT_STEP) {
                struct cli_fault f;
                if (verify_rows(l, &f, &why) == HM_OK || f.kind == CLI_FAULT_NONE)
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
    struct verify_row *r = verify_row_at(l, DB_SCAN_DETAIL, 0);
    hm_buf_putc(&r->before, r->bytes.data[0]);
    memmove(r->bytes.data, r->bytes.data + 1, --r->bytes.len);
    expect_fault(l, CLI_FAULT_DETAIL, (uint64_t)r->key, "a byte moved into the salt");
    (void)hm_buf_room(&r->bytes, 1);
    memmove(r->bytes.data + 1, r->bytes.data, r->bytes.len - 1);
    r->bytes.data[0] = r->before.data[--r->before.len];
    expect_ok(l, "moved back");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flipped_records), cmocka_unit_test(flipped_hashes),
        cmocka_unit_test(flipped_notes),   cmocka_unit_test(flipped_evidence),
        cmocka_unit_test(flipped_details), cmocka_unit_test(flipped_keys),
        cmocka_unit_test(flipped_head),    cmocka_unit_test(cut_bytes),
        cmocka_unit_test(moved_salt),
    };
    return cmocka_run_group_tests_name("client_verify_flips", tests, verify_set_up,
                                       verify_tear_down);
}
