/* A read model filled with a made-up history, and a reader beside it. */
#ifndef TESTS_UNIT_DB_DB_QUERY_TEST_UTIL_H
#define TESTS_UNIT_DB_DB_QUERY_TEST_UTIL_H

#include "db_test_util.h"

#include "db/query/db_query_priv.h"

#define T_HISTORY 400

struct t_query {
    struct t_dir d;
    struct db_query_writer *w;
    struct db_query *q;
    struct hm_buf bytes; /* records, back to back */
    struct hm_bytes record[T_HISTORY];
    struct hm_record parsed[T_HISTORY];
};
/* The whole history applied, a reader open. */
int t_query_setup(void **state);
int t_query_teardown(void **state);
/* A fresh, empty read model, open for writing; the history is made but not applied. */
int t_query_setup_empty(void **state);
/* Records without a checkpoint among them. */
static inline enum hm_err t_query_apply(struct db_query_writer *w, const struct hm_bytes *records,
                                        size_t count, struct hm_why *why)
{
    return db_query_apply(w, &(struct db_query_batch){.records = records, .count = count}, why);
}
/* Bytes of one record that follows on what w holds. Appended to out. */
void t_query_next(const struct db_query_writer *w, struct hm_record r, struct hm_buf *out);

#endif
