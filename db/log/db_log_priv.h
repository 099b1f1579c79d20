/* Inside of db/log, and the door through which its tests reach the writer's own connection. */
#ifndef DB_LOG_DB_LOG_PRIV_H
#define DB_LOG_DB_LOG_PRIV_H

#include "db/log/db_log.h"
#include "db/log/db_state.h"
#include "db/sql/db_sql.h"
#include "schema/log/hm_detail_line.h"

#define DB_LOG_APPLICATION_ID 0x484d4c47 /* "HMLG" */
#define DB_LOG_SCHEMA_VERSION 3
#define DB_LOG_DETAIL_MAX HM_DETAIL_MAX          /* bytes of one private detail */
#define DB_LOG_EVIDENCE_SLOTS 32                 /* evidence.ref = idx * 32 + n */
#define DB_LOG_RESERVE ((size_t)8 * 1024 * 1024) /* bytes of the reserve file */
#define DB_LOG_WAL_SOFT_PAGES 4000               /* above: passive checkpoint (16 MiB) */
#define DB_LOG_WAL_HARD_PAGES 16384              /* above: restart the WAL (64 MiB) */
#define DB_LOG_NODE_LEVELS 40                    /* of the tree, in the cache */
#define DB_LOG_NODE_WIDTH 512                    /* newest nodes of each level */
#define DB_LOG_SALT HM_DETAIL_SALT               /* bytes before a private detail */

_Static_assert(HM_RECORD_EVIDENCE_MAX <= DB_LOG_EVIDENCE_SLOTS, "evidence.ref has no room");

/* A log table's rows stay as they are. */
#define DB_LOG_KEPT(table)                                                                         \
    "CREATE TRIGGER " #table "_no_update BEFORE UPDATE ON " #table                                 \
    " BEGIN SELECT RAISE(ABORT, '" #table " is append-only'); END;"                                \
    "CREATE TRIGGER " #table "_no_delete BEFORE DELETE ON " #table                                 \
    " BEGIN SELECT RAISE(ABORT, '" #table " is append-only'); END;"
/* Checkpoints that a quorum of witnesses has cosigned, with their cosignatures. */
#define DB_LOG_COSIGNED_DDL                                                                        \
    "CREATE TABLE cosigned(size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT;"                  \
    "CREATE TRIGGER cosigned_append BEFORE INSERT ON cosigned"                                     \
    " WHEN NEW.size <= (SELECT coalesce(max(size), -1) FROM cosigned)"                             \
    "   OR NOT EXISTS (SELECT 1 FROM checkpoint WHERE size=NEW.size)"                              \
    " BEGIN SELECT RAISE(ABORT, 'cosigned: size is not above the last one or has no "              \
    "checkpoint'); "                                                                               \
    "END;" DB_LOG_KEPT(cosigned)

/* Columns in the order of struct db_release (db_state_take_release). */
#define DB_LOG_RELEASE_SELECT                                                                      \
    "SELECT id,state,version_tag,product,version,channel,environment,submitter,sequence,"          \
    "expires_s,submitted_leaf,manifest,statement,policy,intent,unknown,signed_idx,last_idx"        \
    " FROM release JOIN progress USING(id) WHERE id=?1"

/* Statements of the writer. */
enum db_log_stmt {
    LOG_BEGIN,
    LOG_COMMIT,
    LOG_ROLLBACK,
    LOG_HEAD,
    LOG_HEAD_SWAP,
    LOG_RECORD_INSERT,
    LOG_RECORD_ROW,
    LOG_RECORD_LAST,
    LOG_NODES,
    LOG_EVIDENCE_INSERT,
    LOG_DETAIL_INSERT,
    LOG_DETAIL_ERASE,
    LOG_DETAIL_THERE,
    LOG_DETAILS,
    LOG_CHECKPOINT_INSERT,
    LOG_CHECKPOINT_LAST,
    LOG_COSIGNED_INSERT,
    LOG_COSIGNED_LAST,
    STATE_RELEASE_GET,
    STATE_RELEASE_INSERT,
    STATE_PROGRESS_INSERT,
    STATE_PROGRESS_UPDATE,
    STATE_PROGRESS_THERE,
    STATE_OPEN,
    STATE_CLOSE,
    STATE_DEAD,
    STATE_RELEASE_BY_VERSION,
    STATE_SIGNED_VERSION,
    STATE_EXPIRED,
    STATE_SIGNING,
    STATE_APPROVAL_CLASH,
    STATE_APPROVAL_INSERT,
    STATE_APPROVALS,
    STATE_ARTIFACT_GET,
    STATE_ARTIFACT_PUT,
    STATE_CLASS_GET,
    STATE_CLASS_PUT,
    STATE_SEQUENCE,
    STATE_REQUEST_GET,
    STATE_REQUEST_PUT,
    STATE_ANSWER_GET,
    STATE_ANSWER_PUT,
    STATE_FORGET_ANSWERS,
    STATE_FORGET_REQUESTS,
    STATE_META_GET,
    STATE_META_PUT,
    FACTS_LATEST_PUT,
    FACTS_LATEST_GET,
    FACTS_SIGNED_PUT,
    FACTS_SIGNED_GET,
    FACTS_AGAIN_PUT,
    FACTS_EARLIER,
    FACTS_EVIDENCE,
    LOG_STMT_COUNT
};
extern const char *const db_log_text[LOG_STMT_COUNT];
extern const char *const db_log_ddl;
extern const char *const db_log_state_ddl;

/* Where the log ends. leaf is the `prev` of the record to come: SHA-256(origin) while the log is
 * empty. */
struct db_tip {
    struct hm_frontier frontier;
    struct hm_digest leaf;
    uint64_t t_ms;
};

/* Paths to new records need the newest nodes of every level; those are here, and the few at the top
 * for good. */
struct db_node_slot {
    bool full;
    uint64_t k;
    struct hm_digest hash;
};

struct db_log {
    struct db_sql sql;
    char *path;
    char origin[HM_ORIGIN_MAX + 1];
    struct db_tip committed;
    struct db_tip pending; /* equals committed outside a transaction */
    bool in_tx;
    bool broken_tx;     /* a change failed half way: only rollback helps */
    enum hm_err failed; /* nothing works any more until it is opened again */
    bool has_checkpoint;
    uint64_t checkpoint_size;
    bool had_checkpoint; /* both as they were when the transaction began */
    uint64_t old_checkpoint_size;
    int lock_fd; /* the reserve file, locked against a second writer */
    bool reserved;
    int wal_pages;         /* after the last commit */
    int wal_next;          /* pages at which the next passive checkpoint is due */
    bool erased;           /* something was, and the WAL may still hold it */
    int64_t erased_try_ms; /* when to try next to empty it */
    int64_t changes_at_begin;
    struct db_copy *copy;     /* a backup that is being made, or NULL */
    struct db_mirror *mirror; /* NULL: none */
    struct hm_buf scratch;    /* bytes of the record being appended */
    struct db_node_slot cache[DB_LOG_NODE_LEVELS][DB_LOG_NODE_WIDTH];
};

/* db_facts.c: what a record that was appended means for its tables; bytes that were released before
 * as something else. */
enum hm_err HM_MUST_USE db_facts_note(struct db_log *log, const struct hm_record *r,
                                      struct hm_why *why);
enum hm_err HM_MUST_USE db_facts_again(struct db_log *log, const struct hm_digest *artifact,
                                       uint64_t release, struct hm_why *why);

/* ---- db_log_mirror.c, as a transaction calls it; nothing where there is no mirror ---- */
enum hm_err HM_MUST_USE db_mirror_begin(struct db_log *log, struct hm_why *why);
/* Before COMMIT: all that the transaction changed, into the mirror's transaction. */
enum hm_err HM_MUST_USE db_mirror_write(struct db_log *log, struct hm_why *why);
/* After COMMIT. */
enum hm_err HM_MUST_USE db_mirror_commit(struct db_log *log, struct hm_why *why);
void db_mirror_drop(struct db_log *log); /* rolled back */
void db_log_mirror_close(struct db_log *log);

/* SHA-256(origin): what record 0 names as prev. */
struct hm_digest db_tip_genesis(const char *origin);
/* Refuses every statement that has no business here from now on; `on` false lifts it. */
enum hm_err HM_MUST_USE db_log_guard(struct db_log *log, bool on, struct hm_why *why);
/* Opens the reserve file and locks it: HM_E_CONFLICT if another writer has it. */
enum hm_err HM_MUST_USE db_log_lock(const char *path, int *fd, struct hm_why *why);
void db_log_reserve(struct db_log *log); /* fills it where there is room for twice as much */
void db_log_release_reserve(struct db_log *log);
/* Verifies the end of the log and sets committed, pending and the checkpoint members. */
enum hm_err HM_MUST_USE db_log_tail(struct db_log *log, struct hm_why *why);
/* Remembers what the record idx completed, level 0 first. A rollback forgets everything. */
void db_log_node_keep(struct db_log *log, uint64_t idx, const struct hm_digest *completed,
                      unsigned count);
void db_log_node_forget(struct db_log *log);
/* Does the note begin with this log's origin, this size and this root, and a blank line?
 * HM_E_HISTORY if not. */
enum hm_err HM_MUST_USE db_log_note_matches(const struct db_log *log, uint64_t size,
                                            struct hm_digest root, struct hm_bytes note,
                                            struct hm_why *why);
/* HM_E_STATE: a write-ahead log or journal with something in it stands beside the file. */
enum hm_err HM_MUST_USE db_file_alone(const char *path, struct hm_why *why);
/* SQLite's URI for reading a file to which nothing is written; NULL without memory. */
const char *db_file_uri(struct hm_buf *b, const char *path);
/* fsync of the directory that path lies in. */
enum hm_err HM_MUST_USE db_log_sync_dir(const char *path, struct hm_why *why);
/* application_id and user_version of any connection; *version is 1 to DB_LOG_SCHEMA_VERSION. The
 * log's own tables are the same in all of them. */
enum hm_err HM_MUST_USE db_log_check_kind(struct db_sql *s, const char *path, int64_t *version,
                                          struct hm_why *why);
/* The decision tables of an older version become those of this one, in one transaction. Before the
 * guard. */
enum hm_err HM_MUST_USE db_log_migrate(struct db_log *log, int64_t from, struct hm_why *why);

/* Result of a changing statement: remembers what makes the transaction or the connection useless,
 * and frees the reserve when the disk is full. */
enum hm_err db_log_note(struct db_log *log, enum hm_err err);
/* Watches the WAL's length; from here on SQLite does not checkpoint by itself. */
void db_log_watch_wal(struct db_log *log);
/* HM_E_STATE outside a transaction, the first failure after one. */
enum hm_err HM_MUST_USE db_log_in_tx(const struct db_log *log, struct hm_why *why);
/* The first failure, where there was one: reads of a failed connection are refused, too. */
enum hm_err HM_MUST_USE db_log_alive(const struct db_log *log, struct hm_why *why);
/* Runs a bound, changing statement to its end. */
enum hm_err HM_MUST_USE db_log_change(struct db_log *log, struct db_q *q, struct hm_why *why);

/* HM_E_NOT_FOUND where there is no such release. */
enum hm_err HM_MUST_USE db_state_release_there(struct db_log *log, uint64_t id, struct hm_why *why);

/* One release, or up to HM_APPROVALS_MAX approvals, from a bound statement: shared by the writer
 * and the readers. */
enum hm_err HM_MUST_USE db_state_take_release(struct db_q *q, uint64_t id, struct db_release *out,
                                              struct hm_why *why);
enum hm_err HM_MUST_USE db_state_take_approvals(struct db_q *q,
                                                struct db_approval out[static HM_APPROVALS_MAX],
                                                size_t *count, struct hm_why *why);

#endif
