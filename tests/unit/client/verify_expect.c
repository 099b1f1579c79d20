#include "tests/unit/client/verify_expect.h"

enum hm_err verify_rows_with(struct verify_log *l, const struct cli_verify_input *in,
                             struct cli_fault *f, struct hm_why *why)
{
    struct cli_verify_sums sums;
    struct cli_rows rows = verify_log_rows(l);
    why->text[0] = '\0';
    return cli_rows_verify(&rows, NULL, in, &sums, f, why);
}

enum hm_err verify_rows(struct verify_log *l, struct cli_fault *f, struct hm_why *why)
{
    const struct cli_verify_input in = {.keys = {&l->key.vkey, &l->witnesses},
                                        .witnesses_required = VERIFY_WITNESSES,
                                        .whole = true};
    return verify_rows_with(l, &in, f, why);
}

void expect_fault(struct verify_log *l, enum cli_fault_kind kind, uint64_t index, const char *what)
{
    struct cli_fault f;
    struct hm_why why;
    enum hm_err err = verify_rows(l, &f, &why);
    if (err == HM_OK || f.kind != kind || f.index != index)
        fail_msg("%s: %s %s at %llu, owed %s at %llu: %s", what, hm_err_name(err),
                 cli_fault_name(f.kind), (unsigned long long)f.index, cli_fault_name(kind),
                 (unsigned long long)index, why.text);
    assert_true(f.expected[0] != '\0' && strcmp(f.expected, f.found) != 0);
}

void expect_ok(struct verify_log *l, const char *what)
{
    struct cli_fault f;
    struct hm_why why;
    if (verify_rows(l, &f, &why) != HM_OK)
        fail_msg("%s: %s", what, why.text);
}

struct verify_row *verify_row_at(struct verify_log *l, enum db_scan_table t, size_t i)
{
    return &l->table[t].row[i];
}

bool verify_has_key(const struct verify_table *t, int64_t key)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->row[i].key == key)
            return true;
    return false;
}

int verify_set_up(void **state)
{
    static struct verify_log l;
    verify_log_make(&l);
    *state = &l;
    return l.table[DB_SCAN_RECORD].count == SIZE ? 0 : -1;
}

int verify_tear_down(void **state)
{
    verify_log_free(*state);
    return 0;
}
