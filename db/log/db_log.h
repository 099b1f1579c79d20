/* The log on SQLite: records, evidence, checkpoints, and the decision state that is committed with
 * them. One writer (struct db_log, one thread, the only writing connection) and a few readers
 * (struct db_reader, one thread each). After HM_E_IO, HM_E_FULL, HM_E_MEMORY
 * or a commit's HM_E_CONFLICT the writer answers every call with that error: close, reopen, go on
 * from what is there (a commit that failed may have reached the disk). Never retry it. */
#ifndef DB_LOG_DB_LOG_H
#define DB_LOG_DB_LOG_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"

struct db_log;
struct db_reader;

/* Creates an empty log for this origin. HM_E_CONFLICT if the file exists. */
enum hm_err HM_MUST_USE db_log_create(const char *path, const char *origin, struct hm_why *why);
/* Opens an existing log for its one writer (PATH-reserve is locked: HM_E_CONFLICT if another has
 * it), checks application id, schema version and origin, verifies the tail (the records after the
 * last stored checkpoint, and that checkpoint's root against the stored nodes). Cost does not grow
 * with the log. HM_E_NOT_FOUND, HM_E_CONFIG (another origin), HM_E_HISTORY (tail broken; the text
 * names record and kind), HM_E_IO. */
enum hm_err HM_MUST_USE db_log_open(const char *path, const char *origin, struct db_log **out,
                                    struct hm_why *why);
void db_log_close(struct db_log *log); /* NULL allowed */
/* False: one of the errors above was met, and nothing works until it is opened again. */
bool db_log_usable(const struct db_log *log);

/* Committed size, root, leaf hash of the last record, its t_ms (0 when empty). */
uint64_t db_log_size(const struct db_log *log);
struct hm_digest db_log_root(const struct db_log *log);
uint64_t db_log_last_t_ms(const struct db_log *log);

/* One transaction: begin, any number of appends and db_state_* calls, then commit or rollback. */
enum hm_err HM_MUST_USE db_log_begin(struct db_log *log, struct hm_why *why);
/* Assigns idx, prev and t_ms (max of now_ms and the last one) in *r, writes the record's bytes and
 * its evidence. `evidence` has r->evidence_count blobs whose SHA-256 the caller has put into
 * r->evidence (checked again here: HM_E_INTERNAL). detail: private JSON or {NULL,0}; then a fresh
 * salt is drawn, r->detail set, and both stored aside. HM_E_LIMIT leaves the transaction as it was.
 */
enum hm_err HM_MUST_USE db_log_append(struct db_log *log, uint64_t now_ms, struct hm_record *r,
                                      const struct hm_bytes *evidence, struct hm_bytes detail,
                                      struct hm_why *why);
/* Bytes of the record that was appended last; until the next append. */
struct hm_bytes db_log_appended(const struct db_log *log);
/* Durable when it returns HM_OK (one fsync). Compare-and-swap on the head: HM_E_CONFLICT if
 * somebody else moved it. */
enum hm_err HM_MUST_USE db_log_commit(struct db_log *log, struct hm_why *why);
void db_log_rollback(struct db_log *log);
/* Size the log will have when the running transaction is committed. */
uint64_t db_log_pending_size(const struct db_log *log);

/* Stores a signed checkpoint for `size` (which must be the committed size or smaller and larger
 * than the last one): in the running transaction, or in one of its own, durable. */
enum hm_err HM_MUST_USE db_log_put_checkpoint(struct db_log *log, uint64_t size,
                                              struct hm_bytes note, struct hm_why *why);
/* Stores the note of a stored checkpoint once a quorum of witnesses has cosigned it; sizes rise. In
 * a transaction. HM_E_CONFLICT, HM_E_HISTORY (another root). */
enum hm_err HM_MUST_USE db_log_put_cosigned(struct db_log *log, uint64_t size, struct hm_bytes note,
                                            struct hm_why *why);
/* The last of them. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_log_cosigned(struct db_log *log, uint64_t *size, struct hm_buf *note,
                                        struct hm_why *why);
/* Size that the last stored checkpoint is over, 0 without one. */
uint64_t db_log_covered(const struct db_log *log);
/* Last stored checkpoint. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_log_checkpoint(struct db_log *log, uint64_t *size, struct hm_buf *note,
                                          struct hm_why *why);
/* hm_node_fn over the writer's connection (committed nodes; small cache inside). */
enum hm_err db_log_node(void *log, unsigned level, uint64_t k, struct hm_digest *out,
                        struct hm_why *why);
/* False: the disk is nearly full, the space set aside for the results of running intentions has
 * been given back or could not be had. Take no new work, finish what runs. db_log_maintain sets the
 * space aside again when there is room. */
bool db_log_reserved(const struct db_log *log);
/* Erases the private detail of record idx; no proof depends on it. Inside a transaction.
 * HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_log_erase(struct db_log *log, uint64_t idx, struct hm_why *why);
/* Is there private detail beside record idx? Any time. */
enum hm_err HM_MUST_USE db_log_has_detail(struct db_log *log, uint64_t idx, bool *yes,
                                          struct hm_why *why);
/* Private details that are left, in order of their records, until *more is false. The pointers hold
 * for the call. Any time. */
typedef enum hm_err (*db_detail_fn)(void *ctx, uint64_t idx, struct hm_bytes salt,
                                    struct hm_bytes detail, bool *more, struct hm_why *why);
enum hm_err HM_MUST_USE db_log_details(struct db_log *log, db_detail_fn fn, void *ctx,
                                       struct hm_why *why);
/* wal_checkpoint when the WAL is above its limit, and soon after something was erased, so that it
 * stands in no file any more; call between batches. */
void db_log_maintain(struct db_log *log);
/* A backup, made between batches: begin, steps until complete. What is committed meanwhile is in
 * it. Then the file at path is the log as it stands at that moment, a file by itself; whoever wants
 * it to last syncs it. HM_E_CONFLICT: the file exists, or one is being made. An error in a step
 * ends it, and does the log no harm. */
struct db_copy_state {
    uint64_t done, total; /* pages of the database; done may fall after a rollback */
    bool complete;        /* with the last step */
};
enum hm_err HM_MUST_USE db_log_copy_begin(struct db_log *log, const char *path, struct hm_why *why);
enum hm_err HM_MUST_USE db_log_copy_step(struct db_log *log, int pages, struct db_copy_state *out,
                                         struct hm_why *why);
bool db_log_copying(const struct db_log *log); /* NULL allowed; also false once it has failed */
void db_log_copy_end(struct db_log *log);      /* gives it up, without its file */
/* A copy of a log's file that no registrar has open, with whatever lies beside it (a mirror after a
 * crash): one file by itself, synced. HM_E_CONFLICT: `to` exists; HM_E_UNAVAILABLE: `from` is in
 * use; HM_E_IO, HM_E_FULL. It is not looked at. */
enum hm_err HM_MUST_USE db_log_copy_file(const char *from, const char *to, struct hm_why *why);
/* Puts a log's file, alone under a name of its own on the same file system, where a log is to be.
 * HM_E_CONFLICT: something is there, or a writer is at work there. */
enum hm_err HM_MUST_USE db_log_place(const char *file, const char *path, struct hm_why *why);
/* The whole of it at once, synced. */
enum hm_err HM_MUST_USE db_log_backup(struct db_log *log, const char *path, struct hm_why *why);

/* The log's mirror: a file elsewhere with all that the log has. Before the first transaction. From
 * here on a commit is in both or has failed; a mirror that cannot be written ends the log like an
 * I/O error of its own. One that is not there yet, or is an older state of this log, is made (a
 * copy of all of it). HM_E_HISTORY: the mirror has what the log has not, and stays as it is;
 * HM_E_CONFIG: it belongs to another log; HM_E_MALFORMED (no log), HM_E_UNAVAILABLE (somebody has
 * it open), HM_E_IO, HM_E_FULL. */
struct db_mirror_note {
    bool made;      /* now, and */
    bool older;     /* there was an older one */
    bool same_disk; /* on the log's own file system: both may go at once */
};
enum hm_err HM_MUST_USE db_log_mirror(struct db_log *log, const char *path,
                                      struct db_mirror_note *out, struct hm_why *why);

/* Readers: own read-only connection, short statements. */
enum hm_err HM_MUST_USE db_reader_open(const char *path, struct db_reader **out,
                                       struct hm_why *why);
void db_reader_close(struct db_reader *r);
/* One snapshot for the reads until db_reader_end: fewer locks, and the pages read stay cached. Keep
 * it short. */
enum hm_err HM_MUST_USE db_reader_begin(struct db_reader *r, struct hm_why *why);
void db_reader_end(struct db_reader *r); /* harmless without a begin */
enum hm_err HM_MUST_USE db_reader_record(struct db_reader *r, uint64_t idx, struct hm_buf *out,
                                         struct hm_why *why);
/* Records first..first+max-1 that exist: calls fn for each, in order, until it returns other than
 * HM_OK. */
typedef enum hm_err (*db_record_fn)(void *ctx, uint64_t idx, struct hm_bytes record,
                                    struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_records(struct db_reader *r, uint64_t first, size_t max,
                                          db_record_fn fn, void *ctx, struct hm_why *why);
/* Blob n of record idx, at most max bytes; its digest is compared with what the record names. */
enum hm_err HM_MUST_USE db_reader_evidence(struct db_reader *r, uint64_t idx, unsigned n,
                                           size_t max, struct hm_buf *out, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_detail(struct db_reader *r, uint64_t idx, struct hm_buf *out,
                                         struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_size(struct db_reader *r, uint64_t *size, struct hm_why *why);
/* Smallest stored checkpoint with size >= at_least; HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_reader_checkpoint(struct db_reader *r, uint64_t at_least, uint64_t *size,
                                             struct hm_buf *note, struct hm_why *why);
enum hm_err HM_MUST_USE db_reader_last_checkpoint(struct db_reader *r, uint64_t *size,
                                                  struct hm_buf *note, struct hm_why *why);
/* Stored checkpoints with after < size <= upto: calls fn for each, in order, until it returns other
 * than HM_OK. It is called inside the statement and must not wait. */
enum hm_err HM_MUST_USE db_reader_checkpoints(struct db_reader *r, uint64_t after, uint64_t upto,
                                              db_record_fn fn, void *ctx, struct hm_why *why);
/* The last one with the cosignatures of a quorum. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_reader_last_cosigned(struct db_reader *r, uint64_t *size,
                                                struct hm_buf *note, struct hm_why *why);
/* hm_node_fn over a reader. */
enum hm_err db_reader_node(void *reader, unsigned level, uint64_t k, struct hm_digest *out,
                           struct hm_why *why);

#endif
