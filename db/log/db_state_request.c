/* What makes a repeated request harmless: digests of signed requests, and stored answers. Writer's
 * thread. */
#include "db/log/db_log_priv.h"
#include "db/log/db_state.h"

static enum hm_err find_request(struct db_log *log, const struct hm_digest *request, bool *found,
                                uint64_t *record, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_REQUEST_GET);
    db_q_digest(&q, request);
    *found = db_q_row(&q);
    *record = *found ? db_q_get_u64(&q, 0) : 0;
    return db_q_err(&q, why);
}

enum hm_err db_state_request_seen(struct db_log *log, const struct hm_digest *request,
                                  int64_t expires_s, uint64_t record, uint64_t *seen_record,
                                  struct hm_why *why)
{
    bool found = false;
    uint64_t first = 0;
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK)
        err = find_request(log, request, &found, &first, why);
    if (err != HM_OK)
        return err;
    if (found) {
        if (seen_record != NULL)
            *seen_record = first;
        return hm_fail(why, HM_E_CONFLICT, "this request was answered by record %llu already",
                       (unsigned long long)first);
    }
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_REQUEST_PUT);
    db_q_digest(&q, request);
    db_q_i64(&q, expires_s);
    db_q_u64(&q, record);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_request_find(struct db_log *log, const struct hm_digest *request,
                                  uint64_t *record, struct hm_why *why)
{
    bool found = false;
    uint64_t first = 0;
    enum hm_err err = db_log_alive(log, why);
    if (err == HM_OK)
        err = find_request(log, request, &found, &first, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "this request has not been seen");
    if (err == HM_OK)
        *record = first;
    return err;
}

enum hm_err db_state_answer_get(struct db_log *log, const struct hm_digest *key,
                                struct db_answer *out, struct hm_why *why)
{
    enum hm_err err = db_log_alive(log, why);
    if (err != HM_OK)
        return err;
    struct db_answer a = {.status = 0};
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_ANSWER_GET);
    db_q_digest(&q, key);
    bool found = db_q_row(&q);
    if (found) {
        db_q_get_digest(&q, 0, &a.body);
        a.status = (uint32_t)db_q_get_u64(&q, 1);
        a.release = db_q_get_u64(&q, 2);
        a.record = db_q_get_u64(&q, 3);
        a.at_s = db_q_get_i64(&q, 4);
    }
    err = db_q_err(&q, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "no answer is stored under this key");
    if (err == HM_OK)
        *out = a;
    return err;
}

enum hm_err db_state_answer_put(struct db_log *log, const struct hm_digest *key,
                                const struct db_answer *a, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&log->sql, STATE_ANSWER_PUT);
    db_q_digest(&q, key);
    db_q_digest(&q, &a->body);
    db_q_u64(&q, a->status);
    db_q_u64(&q, a->release);
    db_q_u64(&q, a->record);
    db_q_i64(&q, a->at_s);
    err = db_log_change(log, &q, why);
    return err == HM_E_CONFLICT ? hm_fail(why, err, "an answer is stored under this key already")
                                : err;
}

static enum hm_err forget(struct db_log *log, unsigned which, int64_t before_s, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&log->sql, which);
    db_q_i64(&q, before_s);
    return db_log_change(log, &q, why);
}

enum hm_err db_state_forget(struct db_log *log, int64_t before_s, int64_t now_s, struct hm_why *why)
{
    enum hm_err err = db_log_in_tx(log, why);
    if (err == HM_OK)
        err = forget(log, STATE_FORGET_ANSWERS, before_s, why);
    if (err == HM_OK)
        err = forget(log, STATE_FORGET_REQUESTS, now_s, why);
    return err;
}
