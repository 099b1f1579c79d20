/* Artifacts, classes, sequence numbers and named values. Writer's thread. */
#include "db/log/db_state.h"
#include "db/log/db_log_priv.h"

#include <string.h>

enum hm_err db_state_artifact_get(struct db_log *log, const struct hm_digest *artifact,
                                  char product[static HM_NAME_MAX + 1],
                                  char version[static HM_NAME_MAX + 1], struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    char found[2][HM_NAME_MAX + 1] = {"", ""};
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_ARTIFACT_GET);
    db_q_digest(&q, artifact);
    bool row = db_q_row(&q);
    if (row) {
        db_q_get_text(&q, 0, found[0], sizeof found[0]);
        db_q_get_text(&q, 1, found[1], sizeof found[1]);
    }
    err = db_q_err(&q, why);
    if (err == HM_OK && !row)
        return hm_fail(why, HM_E_NOT_FOUND, "these bytes have not been released");
    if (err != HM_OK)
        return err;
    memcpy(product, found[0], sizeof found[0]);
    memcpy(version, found[1], sizeof found[1]);
    return HM_OK;
}

enum hm_err db_state_artifact_put(struct db_log *log, const struct hm_digest *artifact,
                                  uint64_t release, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK)
        err = db_state_release_there(log, release, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_ARTIFACT_PUT);
    db_q_digest(&q, artifact);
    db_q_u64(&q, release);
    err = db_log_change(log, &q, why);
    if (err == HM_OK && sqlite3_changes(log->sql.db) == 0) /* released before */
        err = db_facts_again(log, artifact, release, why);
    return err;
}

enum hm_err db_state_class_get(struct db_log *log, const struct hm_uuid *class_id,
                               uint64_t *sequence, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_CLASS_GET);
    db_q_blob(&q, hm_bytes_of(class_id->b, sizeof class_id->b));
    uint64_t found = db_q_row(&q) ? db_q_get_u64(&q, 0) : 0;
    err = db_q_err(&q, why);
    if (err == HM_OK)
        *sequence = found;
    return err;
}

enum hm_err db_state_class_put(struct db_log *log, const struct hm_uuid *class_id,
                               uint64_t sequence, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    if (sequence == 0 || sequence > INT64_MAX)
        return hm_fail(why, HM_E_INTERNAL, "class: sequence number out of range");
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_CLASS_PUT);
    db_q_blob(&q, hm_bytes_of(class_id->b, sizeof class_id->b));
    db_q_u64(&q, sequence);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_next_sequence(struct db_log *log, uint64_t *out, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_SEQUENCE);
    uint64_t value = db_q_row(&q) ? db_q_get_u64(&q, 0) : 0;
    err = db_log_change(log, &q, why); /* a RETURNING statement has to be stepped to its end */
    if (err != HM_OK)
        return err;
    if (value == 0)
        return hm_fail(why, HM_E_HISTORY, "counter: the row is missing");
    *out = value;
    return HM_OK;
}

enum hm_err db_state_meta_get(struct db_log *log, const char *name, struct hm_buf *out,
                              struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_META_GET);
    db_q_text(&q, name);
    if (!db_q_row(&q)) {
        err = db_q_err(&q, why);
        return err != HM_OK ? err : hm_fail(why, HM_E_NOT_FOUND, "no value is named %s", name);
    }
    struct hm_bytes b = db_q_get_bytes(&q, 0);
    hm_buf_put(out, b.data, b.len);
    err = hm_buf_err(out);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no room for the value %s", name);
}

enum hm_err db_state_meta_put(struct db_log *log, const char *name, struct hm_bytes value,
                              struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    if (name[0] == '\0' || strlen(name) > HM_NAME_MAX || value.len > DB_LOG_DETAIL_MAX)
        return hm_fail(why, HM_E_LIMIT, "named value: name of 1 to %d bytes, value of at most %zu",
                       HM_NAME_MAX, DB_LOG_DETAIL_MAX);
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_META_PUT);
    db_q_text(&q, name);
    db_q_blob(&q, value);
    return db_log_change(log, &q, why);
}
