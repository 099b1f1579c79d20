/* Readers of the read model: a read-only connection each. */
#include "db/query/db_query_priv.h"

#include <stdlib.h>
#include <unistd.h>

static enum hm_err check_kind(struct db_sql *s, const char *path, struct hm_why *why)
{
    int64_t id = 0;
    int64_t version = 0;
    enum hm_err err = db_sql_int(s, "PRAGMA application_id", &id, why);
    if (err == HM_OK)
        err = db_sql_int(s, "PRAGMA user_version", &version, why);
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", path);
    if (id != DB_QUERY_APPLICATION_ID || version != DB_QUERY_SCHEMA_VERSION)
        return hm_fail(why, HM_E_UNSUPPORTED, "%s: no Hallmark read model of schema version %d",
                       path, DB_QUERY_SCHEMA_VERSION);
    return HM_OK;
}

enum hm_err db_query_open(const char *path, struct db_query **out, struct hm_why *why)
{
    if (access(path, F_OK) != 0)
        return hm_fail(why, HM_E_NOT_FOUND, "%s: there is no read model", path);
    struct db_query *q = calloc(1, sizeof *q);
    if (q == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    enum hm_err err =
        db_sql_open(&q->sql, path, SQLITE_OPEN_READONLY, db_query_read_text, R_COUNT, why);
    if (err == HM_OK)
        err = check_kind(&q->sql, path, why);
    if (err == HM_OK)
        err = db_sql_exec(&q->sql, "PRAGMA query_only=ON", why);
    if (err != HM_OK) {
        db_query_close(q);
        return err;
    }
    *out = q;
    return HM_OK;
}

void db_query_close(struct db_query *q)
{
    if (q == NULL)
        return;
    db_sql_close(&q->sql);
    free(q);
}

enum hm_err db_query_step(struct db_sql *s, unsigned which, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(s, which);
    return db_q_run(&q, why);
}

enum hm_err db_query_size(struct db_query *q, uint64_t *size, struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&q->sql, R_SIZE);
    if (!db_q_row(&s)) {
        enum hm_err err = db_q_err(&s, why);
        return err != HM_OK ? err : hm_fail(why, HM_E_HISTORY, "read model: no head");
    }
    *size = db_q_get_u64(&s, 0);
    return HM_OK;
}

enum hm_err db_query_record(struct db_query *q, uint64_t idx, struct hm_buf *out,
                            struct hm_why *why)
{
    DB_Q_AUTO s = db_q_begin(&q->sql, R_RECORD);
    db_q_u64(&s, idx);
    if (!db_q_row(&s)) {
        enum hm_err err = db_q_err(&s, why);
        return err != HM_OK ? err
                            : hm_fail(why, HM_E_NOT_FOUND, "record %llu is not in the read model",
                                      (unsigned long long)idx);
    }
    struct hm_bytes b = db_q_get_bytes(&s, 0);
    hm_buf_put(out, b.data, b.len);
    enum hm_err err = hm_buf_err(out);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no room for a record of %zu bytes", b.len);
}
