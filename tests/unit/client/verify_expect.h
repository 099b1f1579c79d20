/* What the tests of the database's form share: verifying the rows in memory, and what is owed. */
#ifndef TESTS_UNIT_CLIENT_VERIFY_EXPECT_H
#define TESTS_UNIT_CLIENT_VERIFY_EXPECT_H

#include "tests/unit/test_rows.h"

#include "tests/unit/client/verify_log.h"

#define SIZE 40 /* records */

/* With both witnesses required, and nothing left uncovered. */
enum hm_err verify_rows(struct verify_log *l, struct cli_fault *f, struct hm_why *why);
enum hm_err verify_rows_with(struct verify_log *l, const struct cli_verify_input *in,
                             struct cli_fault *f, struct hm_why *why);
void expect_fault(struct verify_log *l, enum cli_fault_kind kind, uint64_t index, const char *what);
void expect_ok(struct verify_log *l, const char *what);
struct verify_row *verify_row_at(struct verify_log *l, enum db_scan_table t, size_t i);
bool verify_has_key(const struct verify_table *t, int64_t key);
int verify_set_up(void **state); /* *state: a struct verify_log */
int verify_tear_down(void **state);

#endif
