/* A log's file that nobody writes to (a backup), from its beginning to its end, whatever stands in
 * it: for whoever verifies it. Read-only and immutable: not a byte beside it is read, and no file
 * is made. One thread each; several may scan the same file. */
#ifndef DB_LOG_DB_SCAN_H
#define DB_LOG_DB_SCAN_H

#include "schema/core/hm_hash.h"
#include "schema/core/hm_limits.h"

struct db_scan;
/* HM_E_NOT_FOUND; HM_E_STATE while a write-ahead log or journal stands beside it (the file of a
 * running registrar, or a copy that is none); HM_E_CONFIG (no log, another schema version);
 * HM_E_IO; HM_E_HISTORY where SQLite calls the file damaged. */
enum hm_err HM_MUST_USE db_scan_open(const char *path, struct db_scan **out, struct hm_why *why);
void db_scan_close(struct db_scan *s); /* NULL allowed */

enum db_scan_table {
    DB_SCAN_RECORD = 0, /* key idx; before: hashes */
    DB_SCAN_EVIDENCE,   /* key ref */
    DB_SCAN_DETAIL,     /* key idx; before: salt */
    DB_SCAN_CHECKPOINT, /* key size */
    DB_SCAN_COSIGNED,   /* key size; without rows in a log of an earlier schema version */
};
#define DB_SCAN_TABLES 5
struct db_scan_row {
    int64_t key;
    struct hm_bytes before; /* valid until the next row of this table */
    struct hm_bytes bytes;
};
/* The next row in ascending order of keys; *found false behind the last one. Each table has its own
 * place. HM_E_IO, HM_E_MEMORY, HM_E_LIMIT (a row of more than DB_SCAN_ROW_MAX bytes); HM_E_HISTORY
 * where SQLite calls the file damaged. */
#define DB_SCAN_ROW_MAX ((size_t)16 * 1024 * 1024)
enum hm_err HM_MUST_USE db_scan_next(struct db_scan *s, enum db_scan_table table,
                                     struct db_scan_row *row, bool *found, struct hm_why *why);
/* Before the first row again. */
void db_scan_rewind(struct db_scan *s, enum db_scan_table table);

/* Blob at ref of the table of evidence, appended. HM_E_NOT_FOUND; errors as above. */
enum hm_err HM_MUST_USE db_scan_evidence(struct db_scan *s, int64_t ref, struct hm_buf *out,
                                         struct hm_why *why);

struct db_scan_head {
    uint64_t rows; /* 1 in every log */
    char origin[HM_ORIGIN_MAX + 1];
    uint64_t size;
    struct hm_digest leaf;
    uint64_t t_ms;
};
/* What the head says; an origin or leaf of no possible length is empty. Errors as above. */
enum hm_err HM_MUST_USE db_scan_head(struct db_scan *s, struct db_scan_head *out,
                                     struct hm_why *why);
/* Greatest key of the records, plus one: for progress only, nothing is verified. */
enum hm_err HM_MUST_USE db_scan_about(struct db_scan *s, uint64_t *records, struct hm_why *why);
/* Blob n of record idx stands at ref = idx * DB_SCAN_SLOTS + n. */
#define DB_SCAN_SLOTS 32

#endif
