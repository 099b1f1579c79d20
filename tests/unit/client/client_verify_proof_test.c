/* Proofs of records of the same small log: each holds; every flipped bit and every cut is found,
 * and named by the right kind. */
#include "tests/unit/test_rows.h"

#include "client/cli_proof.h"
#include "client/cli_verify_http.h"
#include "tests/unit/client/verify_log.h"

#define SIZE 40 /* records */

static struct hm_why why;

/* Nodes out of the stored rows. */
static enum hm_err node(void *ctx, unsigned level, uint64_t k, struct hm_digest *out,
                        struct hm_why *w)
{
    const struct verify_log *l = ctx;
    const struct verify_row *r = &l->table[DB_SCAN_RECORD].row[((k + 1) << level) - 1];
    (void)w;
    assert_true(r->before.len >= (level + 1) * sizeof out->b);
    memcpy(out->b, r->before.data + level * sizeof out->b, sizeof out->b);
    return HM_OK;
}

static void prove(struct verify_log *l, uint64_t index, struct hm_buf *out)
{
    struct hm_path path;
    assert_int_equal(hm_merkle_inclusion(index, SIZE, node, l, &path, NULL), HM_OK);
    hm_tlog_proof_write(hm_buf_bytes(&l->table[DB_SCAN_RECORD].row[index].bytes), index, &path,
                        verify_log_note(l), out);
    assert_int_equal(hm_buf_err(out), HM_OK);
}

static enum hm_err verify(const struct verify_log *l, struct hm_bytes proof, struct cli_fault *f)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    size_t cosigned = 0;
    const struct cli_verify_input in = {.keys = {&l->key.vkey, &l->witnesses},
                                        .witnesses_required = VERIFY_WITNESSES};
    why.text[0] = '\0';
    enum hm_err err = cli_verify_proof(proof, &in, &r, &cosigned, f, &why);
    if (err == HM_OK)
        assert_int_equal(cosigned, VERIFY_WITNESSES);
    return err;
}

static void honest(void **state)
{
    struct verify_log *l = *state;
    for (uint64_t i = 0; i < SIZE; i++) {
        HM_BUF_AUTO proof = {0};
        struct cli_fault f;
        prove(l, i, &proof);
        if (verify(l, hm_buf_bytes(&proof), &f) != HM_OK)
            fail_msg("record %llu: %s", (unsigned long long)i, why.text);
    }
}

/* Kinds that may be owed for a byte, by its line; the checkpoint begins at line `note`, unless a
 * new line feed makes another line blank. */
static bool owed(enum cli_fault_kind kind, size_t line, size_t note, uint8_t byte)
{
    static const enum cli_fault_kind own[] = {
        CLI_FAULT_CHECKPOINT_ORIGIN, CLI_FAULT_CHECKPOINT_SIGNATURE, CLI_FAULT_CHECKPOINT_SIGNATURE,
        CLI_FAULT_CHECKPOINT_MALFORMED, CLI_FAULT_CHECKPOINT_SIGNATURE};
    if (line >= note && kind == CLI_FAULT_CHECKPOINT_MALFORMED)
        return true;
    if (line >= note + ROWS(own))
        return kind == CLI_FAULT_COSIGNATURE || kind == CLI_FAULT_WITNESSES;
    if (line >= note)
        return kind == own[line - note];
    /* Without its blank line the checkpoint begins somewhere else. */
    return kind == CLI_FAULT_PROOF_MALFORMED || kind == CLI_FAULT_INCLUSION ||
           ((line + 2 >= note || byte == '\n') && kind == CLI_FAULT_CHECKPOINT_MALFORMED);
}

static void flipped(void **state)
{
    struct verify_log *l = *state;
    size_t seen[CLI_FAULT_KINDS] = {0};
    HM_BUF_AUTO proof = {0};
    prove(l, 12, &proof);
    const uint8_t *blank = memmem(proof.data, proof.len, "\n\n", 2);
    size_t note = 2;
    for (const uint8_t *p = proof.data; p < blank; p++)
        note += *p == '\n';
    for (size_t bit = 0; bit < 8 * proof.len; bit++) {
        struct cli_fault f;
        size_t line = 0;
        for (size_t k = 0; k < bit / 8; k++)
            line += proof.data[k] == '\n';
        proof.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (verify(l, hm_buf_bytes(&proof), &f) == HM_OK ||
            !owed(f.kind, line, note, proof.data[bit / 8]))
            fail_msg("line %zu of %zu, bit %zu: %s: %s", line, note, bit, cli_fault_name(f.kind),
                     why.text);
        assert_true(f.kind != CLI_FAULT_INCLUSION || f.index == 12 || line == 2);
        seen[f.kind]++;
        proof.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(seen[CLI_FAULT_INCLUSION] > 0 && seen[CLI_FAULT_PROOF_MALFORMED] > 0 &&
                seen[CLI_FAULT_COSIGNATURE] > 0);
    for (size_t n = 0; n < proof.len; n++) {
        struct cli_fault f;
        assert_int_not_equal(verify(l, hm_bytes_of(proof.data, n), &f), HM_OK);
        assert_int_not_equal(f.kind, CLI_FAULT_NONE);
    }
}

/* A leaf that is under the root, and no record of this log's form. */
static void other_leaf(void **state)
{
    struct verify_log *l = *state;
    static const char *const leaves[] = {"no record", NULL};
    for (size_t i = 0; i < 2; i++) {
        HM_BUF_AUTO note = {0};
        HM_BUF_AUTO proof = {0};
        struct cli_fault f;
        struct hm_path path = {.count = 1, .hash = {{{7}}}};
        struct hm_bytes record = leaves[i] != NULL
                                     ? hm_bytes_str(leaves[i])
                                     : hm_buf_bytes(&l->table[DB_SCAN_RECORD].row[3].bytes);
        struct hm_digest leaf = hm_merkle_leaf(record);
        struct hm_checkpoint c = {
            .origin = VERIFY_ORIGIN, .size = 2, .root = hm_merkle_node(&leaf, &path.hash[0])};
        const struct cli_verify_input in = {.keys = {&l->key.vkey, NULL}};
        CLI_RECORD_AUTO r = {.leaf = {{0}}};
        log_test_note(&l->key, &c, &note);
        hm_tlog_proof_write(record, 0, &path, hm_buf_bytes(&note), &proof);
        assert_int_not_equal(cli_verify_proof(hm_buf_bytes(&proof), &in, &r, NULL, &f, &why),
                             HM_OK);
        assert_int_equal(f.kind, leaves[i] != NULL ? CLI_FAULT_MALFORMED : CLI_FAULT_IDX);
        assert_int_equal(f.index, 0);
    }
}

static int set_up(void **state)
{
    static struct verify_log l;
    verify_log_make(&l);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(honest), cmocka_unit_test(flipped),
                                       cmocka_unit_test(other_leaf)};
    return cmocka_run_group_tests_name("client_verify_proof", tests, set_up, tear_down);
}
