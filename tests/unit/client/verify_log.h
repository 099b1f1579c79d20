/* A small log with every kind of event, evidence, private detail, checkpoints and cosignatures:
 * written by db/log into a file, then read into memory, where a test may damage it. */
#ifndef TESTS_UNIT_CLIENT_VERIFY_LOG_H
#define TESTS_UNIT_CLIENT_VERIFY_LOG_H

#include "client/cli_rows.h"
#include "tests/unit/log/log_test_keys.h"

#define VERIFY_ORIGIN "hallmark.example/verify"
#define VERIFY_WITNESSES 2
#define VERIFY_COSIGNED 34 /* cosigned by the first witness; the last checkpoint by both */

struct verify_row {
    int64_t key;
    struct hm_buf before, bytes;
};
struct verify_table {
    struct verify_row *row;
    size_t count;
};
struct verify_log {
    char dir[64];
    char path[96]; /* of the database */
    struct log_test_key key;
    struct hm_cosigners witnesses;
    struct log_test_key witness_key[VERIFY_WITNESSES];
    struct verify_table table[DB_SCAN_TABLES];
    struct db_scan_head head;
    size_t at[DB_SCAN_TABLES]; /* where the reader stands */
};
/* Ends the test (abort) where something fails. */
void verify_log_make(struct verify_log *l);
void verify_log_free(struct verify_log *l);
/* The rows in memory, as cli_rows_verify wants them. */
struct cli_rows verify_log_rows(struct verify_log *l);
/* The records as an export has them; the last checkpoint, with its cosignatures. */
void verify_log_export(const struct verify_log *l, struct hm_buf *out);
struct hm_bytes verify_log_note(const struct verify_log *l);

#endif
