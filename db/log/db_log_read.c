/* Readers: a read-only connection each, one thread each. Rows are copied out before anybody's
 * function is called, so that no slow consumer holds a snapshot and lets the WAL grow. */
#include "db/log/db_log_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ULL(v) ((unsigned long long)(v))
#define BATCH_ROWS 256
#define BATCH_BYTES ((size_t)1024 * 1024)

enum {
    READ_RECORD,
    READ_RECORDS,
    READ_EVIDENCE,
    READ_DETAIL,
    READ_SIZE,
    READ_CHECKPOINT,
    READ_LAST_CHECKPOINT,
    READ_CHECKPOINTS,
    READ_LAST_COSIGNED,
    READ_NODES,
    READ_BEGIN,
    READ_END,
    READ_RELEASE,
    READ_APPROVALS,
    READ_META,
    READ_REQUEST,
    READ_COUNT
};
static const char *const reader_text[READ_COUNT] = {
    [READ_RECORD] = "SELECT bytes FROM record WHERE idx=?1",
    [READ_RECORDS] = "SELECT idx, bytes FROM record WHERE idx>=?1 ORDER BY idx LIMIT ?2",
    [READ_EVIDENCE] = "SELECT bytes FROM evidence WHERE ref=?1",
    [READ_DETAIL] = "SELECT salt, bytes FROM detail WHERE idx=?1",
    [READ_SIZE] = "SELECT size FROM head",
    [READ_CHECKPOINT] = "SELECT size, note FROM checkpoint WHERE size>=?1 ORDER BY size LIMIT 1",
    [READ_LAST_COSIGNED] = "SELECT size, note FROM cosigned ORDER BY size DESC LIMIT 1",
    [READ_LAST_CHECKPOINT] = "SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1",
    [READ_CHECKPOINTS] =
        "SELECT size, note FROM checkpoint WHERE size>?1 AND size<=?2 ORDER BY size",
    [READ_NODES] = "SELECT hashes FROM record WHERE idx=?1",
    [READ_BEGIN] = "BEGIN",
    [READ_END] = "COMMIT",
    [READ_RELEASE] = DB_LOG_RELEASE_SELECT,
    [READ_APPROVALS] =
        "SELECT record, principal, key FROM approval WHERE release=?1 ORDER BY record",
    [READ_META] = "SELECT value FROM meta WHERE name=?1",
    [READ_REQUEST] = "SELECT record FROM request WHERE digest=?1",
};

struct db_reader {
    struct db_sql sql;
};

enum hm_err db_reader_open(const char *path, struct db_reader **out, struct hm_why *why)
{
    if (access(path, F_OK) != 0)
        return hm_fail(why, HM_E_NOT_FOUND, "%s: there is no log", path);
    struct db_reader *r = calloc(1, sizeof *r);
    int64_t version = 0;
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "%s: no memory", path);
    enum hm_err err =
        db_sql_open(&r->sql, path, SQLITE_OPEN_READONLY, reader_text, READ_COUNT, why);
    if (err == HM_OK)
        err = db_log_check_kind(&r->sql, path, &version, why);
    if (err == HM_OK)
        err = db_sql_exec(&r->sql, "PRAGMA query_only=ON", why);
    if (err != HM_OK) {
        db_reader_close(r);
        return err;
    }
    *out = r;
    return HM_OK;
}

void db_reader_close(struct db_reader *r)
{
    if (r == NULL)
        return;
    db_sql_close(&r->sql);
    free(r);
}

enum hm_err db_reader_begin(struct db_reader *r, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_BEGIN);
    return db_q_run(&q, why);
}

void db_reader_end(struct db_reader *r)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_END);
    if (sqlite3_get_autocommit(r->sql.db) == 0 && db_q_run(&q, NULL) != HM_OK)
        q.rc = sqlite3_exec(r->sql.db, "ROLLBACK", NULL, NULL, NULL);
}

static enum hm_err put(struct hm_buf *out, struct hm_bytes b, struct hm_why *why)
{
    hm_buf_put(out, b.data, b.len);
    enum hm_err err = hm_buf_err(out);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no room for %zu bytes from the log", b.len);
}

/* Row absent, or the statement failed. */
static enum hm_err absent(const struct db_q *q, struct hm_why *why, const char *what, uint64_t n)
{
    enum hm_err err = db_q_err(q, why);
    return err != HM_OK ? err
                        : hm_fail(why, HM_E_NOT_FOUND, "%s %llu is not in the log", what, ULL(n));
}

enum hm_err db_reader_record(struct db_reader *r, uint64_t idx, struct hm_buf *out,
                             struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_RECORD);
    db_q_u64(&q, idx);
    if (!db_q_row(&q))
        return absent(&q, why, "record", idx);
    return put(out, db_q_get_bytes(&q, 0), why);
}

struct batch {
    struct hm_buf bytes;
    size_t len[BATCH_ROWS];
    size_t count;
};

/* Copies records first.. until the batch is full; the rows must follow each other without a gap. */
static enum hm_err fill(struct db_reader *r, uint64_t first, size_t max, struct batch *b,
                        struct hm_why *why)
{
    hm_buf_reset(&b->bytes);
    b->count = 0;
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_RECORDS);
    db_q_u64(&q, first);
    db_q_u64(&q, max < BATCH_ROWS ? max : BATCH_ROWS);
    while (b->count < BATCH_ROWS && b->bytes.len < BATCH_BYTES && db_q_row(&q)) {
        if (db_q_get_u64(&q, 0) != first + b->count)
            return hm_fail(why, HM_E_HISTORY, "record %llu: idx: the row is missing",
                           ULL(first + b->count));
        struct hm_bytes row = db_q_get_bytes(&q, 1);
        enum hm_err err = put(&b->bytes, row, why);
        if (err != HM_OK)
            return err;
        b->len[b->count++] = row.len;
    }
    return db_q_err(&q, why);
}

static enum hm_err hand_out(const struct batch *b, uint64_t first, db_record_fn fn, void *ctx,
                            struct hm_why *why)
{
    const uint8_t *at = b->bytes.data;
    for (size_t i = 0; i < b->count; i++) {
        enum hm_err err = fn(ctx, first + i, hm_bytes_of(at, b->len[i]), why);
        if (err != HM_OK)
            return err;
        at += b->len[i];
    }
    return HM_OK;
}

enum hm_err db_reader_records(struct db_reader *r, uint64_t first, size_t max, db_record_fn fn,
                              void *ctx, struct hm_why *why)
{
    struct batch b = {.bytes = {.limit = BATCH_BYTES + ((size_t)1 << 20)}};
    enum hm_err err = HM_OK;
    while (err == HM_OK && max > 0 && first <= INT64_MAX) {
        err = fill(r, first, max, &b, why);
        if (err == HM_OK && b.count == 0)
            break;
        if (err == HM_OK)
            err = hand_out(&b, first, fn, ctx, why);
        first += b.count;
        max -= b.count;
    }
    hm_buf_free(&b.bytes);
    return err;
}

/* The parsed record idx, so that what lies beside it can be compared with what it names. */
static enum hm_err parsed(struct db_reader *r, uint64_t idx, struct hm_record *out,
                          struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_RECORD);
    db_q_u64(&q, idx);
    if (!db_q_row(&q))
        return absent(&q, why, "record", idx);
    return hm_record_parse(db_q_get_bytes(&q, 0), out, why);
}

enum hm_err db_reader_evidence(struct db_reader *r, uint64_t idx, unsigned n, size_t max,
                               struct hm_buf *out, struct hm_why *why)
{
    struct hm_record rec;
    enum hm_err err = parsed(r, idx, &rec, why);
    if (err != HM_OK)
        return err;
    if (n >= rec.evidence_count)
        return hm_fail(why, HM_E_NOT_FOUND,
                       "record %llu names %zu pieces of evidence, not a number %u", ULL(idx),
                       rec.evidence_count, n);
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_EVIDENCE);
    db_q_u64(&q, idx * DB_LOG_EVIDENCE_SLOTS + n);
    if (!db_q_row(&q)) {
        err = db_q_err(&q, why);
        return err != HM_OK
                   ? err
                   : hm_fail(why, HM_E_HISTORY, "record %llu: evidence %u is missing", ULL(idx), n);
    }
    struct hm_bytes b = db_q_get_bytes(&q, 0);
    if (b.len > max)
        return hm_fail(why, HM_E_LIMIT,
                       "record %llu: evidence %u has %zu bytes, at most %zu are wanted", ULL(idx),
                       n, b.len, max);
    struct hm_digest d = hm_sha256(b);
    if (!hm_digest_eq(&d, &rec.evidence[n]))
        return hm_fail(why, HM_E_SIGNATURE, "record %llu: evidence %u is not what its digest says",
                       ULL(idx), n);
    return put(out, b, why);
}

enum hm_err db_reader_detail(struct db_reader *r, uint64_t idx, struct hm_buf *out,
                             struct hm_why *why)
{
    struct hm_record rec;
    enum hm_err err = parsed(r, idx, &rec, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_DETAIL);
    db_q_u64(&q, idx);
    if (!rec.has_detail || !db_q_row(&q))
        return absent(&q, why, "private detail of record", idx);
    struct hm_bytes detail = db_q_get_bytes(&q, 1);
    struct hm_digest d = hm_sha256_3(db_q_get_bytes(&q, 0), detail, hm_bytes_of(NULL, 0));
    if (!hm_digest_eq(&d, &rec.detail))
        return hm_fail(why, HM_E_SIGNATURE,
                       "record %llu: the private detail is not what its digest says", ULL(idx));
    return put(out, detail, why);
}

enum hm_err db_reader_size(struct db_reader *r, uint64_t *size, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_SIZE);
    if (!db_q_row(&q)) {
        enum hm_err err = db_q_err(&q, why);
        return err != HM_OK ? err : hm_fail(why, HM_E_HISTORY, "head: the row is missing");
    }
    *size = db_q_get_u64(&q, 0);
    return HM_OK;
}

static enum hm_err take_checkpoint(struct db_q *q, uint64_t at_least, uint64_t *size,
                                   struct hm_buf *note, struct hm_why *why)
{
    if (!db_q_row(q))
        return absent(q, why, "a checkpoint of size at least", at_least);
    enum hm_err err = put(note, db_q_get_bytes(q, 1), why);
    if (err == HM_OK)
        *size = db_q_get_u64(q, 0);
    return err;
}

enum hm_err db_reader_checkpoint(struct db_reader *r, uint64_t at_least, uint64_t *size,
                                 struct hm_buf *note, struct hm_why *why)
{
    if (at_least > INT64_MAX)
        return hm_fail(why, HM_E_NOT_FOUND, "no checkpoint is that large");
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_CHECKPOINT);
    db_q_u64(&q, at_least);
    return take_checkpoint(&q, at_least, size, note, why);
}

enum hm_err db_reader_last_checkpoint(struct db_reader *r, uint64_t *size, struct hm_buf *note,
                                      struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_LAST_CHECKPOINT);
    return take_checkpoint(&q, 0, size, note, why);
}

enum hm_err db_reader_checkpoints(struct db_reader *r, uint64_t after, uint64_t upto,
                                  db_record_fn fn, void *ctx, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_CHECKPOINTS);
    db_q_u64(&q, after);
    db_q_u64(&q, upto);
    while (db_q_row(&q)) {
        enum hm_err err = fn(ctx, db_q_get_u64(&q, 0), db_q_get_bytes(&q, 1), why);
        if (err != HM_OK)
            return err;
    }
    return db_q_err(&q, why);
}

enum hm_err db_reader_last_cosigned(struct db_reader *r, uint64_t *size, struct hm_buf *note,
                                    struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_LAST_COSIGNED);
    return take_checkpoint(&q, 0, size, note, why);
}

enum hm_err db_reader_node(void *reader, unsigned level, uint64_t k, struct hm_digest *out,
                           struct hm_why *why)
{
    struct db_reader *r = reader;
    uint64_t idx = 0;
    /* A row that exists is committed; no head needs to be read. */
    enum hm_err err = hm_merkle_node_row(level, k, INT64_MAX, &idx, why);
    if (err != HM_OK)
        return err;
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_NODES);
    db_q_u64(&q, idx);
    if (!db_q_row(&q))
        return absent(&q, why, "the tree node completed by record", idx);
    return hm_merkle_node_of(db_q_get_bytes(&q, 0), level, idx, out, why);
}

enum hm_err db_reader_release(struct db_reader *r, uint64_t id, struct db_release *out,
                              struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_RELEASE);
    db_q_u64(&q, id);
    return db_state_take_release(&q, id, out, why);
}

enum hm_err db_reader_approvals(struct db_reader *r, uint64_t release,
                                struct db_approval out[static HM_APPROVALS_MAX], size_t *count,
                                struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_APPROVALS);
    db_q_u64(&q, release);
    return db_state_take_approvals(&q, out, count, why);
}

enum hm_err db_reader_meta(struct db_reader *r, const char *name, struct hm_buf *out,
                           struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_META);
    db_q_text(&q, name);
    if (db_q_row(&q))
        return put(out, db_q_get_bytes(&q, 0), why);
    enum hm_err err = db_q_err(&q, why);
    return err != HM_OK ? err : hm_fail(why, HM_E_NOT_FOUND, "no value is named %s", name);
}

enum hm_err db_reader_request(struct db_reader *r, const struct hm_digest *request,
                              uint64_t *record, struct hm_why *why)
{
    DB_Q_AUTO q = db_q_begin(&r->sql, READ_REQUEST);
    db_q_digest(&q, request);
    bool found = db_q_row(&q);
    uint64_t first = found ? db_q_get_u64(&q, 0) : 0;
    enum hm_err err = db_q_err(&q, why);
    if (err == HM_OK && !found)
        return hm_fail(why, HM_E_NOT_FOUND, "this request has not been seen");
    if (err == HM_OK)
        *record = first;
    return err;
}
