/* What the tests of db/ share: a scratch folder, records that the format accepts, notes over a
 * log's root. */
#ifndef TESTS_UNIT_DB_DB_TEST_UTIL_H
#define TESTS_UNIT_DB_DB_TEST_UTIL_H

#include "db/log/db_log_priv.h"
#include "db/log/db_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T_ORIGIN "hallmark.example/test"

#define T_OK(call)                                                                                 \
    do {                                                                                           \
        struct hm_why why_ = {.text = ""};                                                         \
        struct hm_why *why = &why_;                                                                \
        enum hm_err err_ = (call);                                                                 \
        if (err_ != HM_OK)                                                                         \
            fail_msg("%s: %s: %s", #call, hm_err_name(err_), why_.text);                           \
        (void)why;                                                                                 \
    } while (0)
/* The call must fail with this error and a text. */
#define T_FAILS(expected, call)                                                                    \
    do {                                                                                           \
        struct hm_why why_ = {.text = ""};                                                         \
        struct hm_why *why = &why_;                                                                \
        enum hm_err err_ = (call);                                                                 \
        if (err_ != (expected))                                                                    \
            fail_msg("%s: expected %s, got %s: %s", #call, hm_err_name(expected),                  \
                     hm_err_name(err_), why_.text);                                                \
        if (why_.text[0] == '\0')                                                                  \
            fail_msg("%s: no reason given", #call);                                                \
    } while (0)

struct t_dir {
    char dir[64];
    char path[96]; /* of a database in it */
};
void t_dir_make(struct t_dir *d, const char *name);
void t_dir_remove(struct t_dir *d);

/* A folder with a fresh, open log. */
struct t_log {
    struct t_dir d;
    struct db_log *log;
};
int t_log_setup(void **state);
int t_log_teardown(void **state);
void t_reopen(struct t_log *t);

struct hm_digest t_digest(const char *text);
/* An event with a few members, distinguishable by n. */
struct hm_record t_record(unsigned n);
/* Appends n records in one committed transaction. */
void t_append(struct db_log *log, unsigned n);
/* The note over the committed root at the log's committed size. */
void t_note(const struct db_log *log, struct hm_buf *out);
void t_put_checkpoint(struct db_log *log);
/* A second connection without any of the writer's protections; foreign SQL. Returns SQLite's code.
 */
int t_raw(const char *path, const char *sql);
/* Makes a closed log what version 1 of the schema would have made of it. */
void t_to_version_1(const char *path);
/* First column of the first row as an integer; fails the test where there is none. */
int64_t t_raw_int(const char *path, const char *sql);

/* One committed batch that touches every kind of table: releases in all their steps, approvals,
 * answers, requests, named values, evidence, private detail that is stored and erased, checkpoints.
 * Different for each n. */
void t_busy(struct db_log *log, unsigned n);
/* SHA-256 over all rows of all tables of a database file. */
struct hm_digest t_content(const char *path);

#endif
