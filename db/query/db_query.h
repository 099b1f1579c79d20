/* The read model: a copy of the records with the indexes that auditors need, and one row per
 * release, filled from the record stream in large batches behind a visible watermark. Can be
 * deleted and rebuilt at any time. One writing thread (struct db_query_writer), any number of
 * readers (struct db_query, one thread each). */
#ifndef DB_QUERY_DB_QUERY_H
#define DB_QUERY_DB_QUERY_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"

struct db_query_writer;
struct db_query;

/* Opens or creates. A file of another schema version, another origin, or one that fails its quick
 * check is replaced by an empty one. */
enum hm_err HM_MUST_USE db_query_writer_open(const char *path, const char *origin,
                                             struct db_query_writer **out, struct hm_why *why);
void db_query_writer_close(struct db_query_writer *w);
/* Number of records applied: the watermark. */
uint64_t db_query_writer_size(const struct db_query_writer *w);
/* Frontier over what is applied, so that the caller can compare the root with a checkpoint. */
void db_query_writer_frontier(const struct db_query_writer *w, struct hm_frontier *out);
struct db_query_batch {
    const struct hm_bytes *records; /* size.., in order */
    size_t count;
    const struct hm_bytes
        *notes; /* signed checkpoints over sizes that the batch reaches, in order */
    size_t note_count;
};
/* Applies a batch in one transaction. Each record must parse, have idx = position and prev = leaf
 * hash of the one before; each checkpoint must be of this log and have the root of its records:
 * HM_E_HISTORY otherwise, nothing applied. Signatures of checkpoints are not looked at here. */
enum hm_err HM_MUST_USE db_query_apply(struct db_query_writer *w, const struct db_query_batch *b,
                                       struct hm_why *why);

enum hm_err HM_MUST_USE db_query_open(const char *path, struct db_query **out, struct hm_why *why);
void db_query_close(struct db_query *q);
enum hm_err HM_MUST_USE db_query_size(struct db_query *q, uint64_t *size, struct hm_why *why);

/* Every member that is set must match; text members NULL, numbers 0 / UINT64_MAX = not asked. */
struct db_query_filter {
    const char *event, *product, *version, *channel, *environment, *actor, *outcome;
    bool has_release;
    uint64_t release;
    const struct hm_digest *artifact, *key; /* key: key id in keys[] or approver_key */
    uint64_t since_ms, until_ms;            /* since <= t_ms < until; 0 = open */
    uint64_t after; /* keyset cursor: only idx > after (ascending) or < after (descending);
                       UINT64_MAX = from the start */
    bool descending;
    size_t limit; /* 1..1000 */
};
typedef enum hm_err (*db_query_row_fn)(void *ctx, uint64_t idx, struct hm_bytes record,
                                       struct hm_why *why);
enum hm_err HM_MUST_USE db_query_entries(struct db_query *q, const struct db_query_filter *f,
                                         db_query_row_fn fn, void *ctx, struct hm_why *why);
enum hm_err HM_MUST_USE db_query_record(struct db_query *q, uint64_t idx, struct hm_buf *out,
                                        struct hm_why *why);

/* One snapshot for the reads until db_query_end: fewer locks, and the pages read stay cached. Keep
 * it short. */
enum hm_err HM_MUST_USE db_query_begin(struct db_query *q, struct hm_why *why);
void db_query_end(struct db_query *q); /* harmless without a begin */
/* hm_node_fn: tree nodes, each one look-up. HM_E_NOT_FOUND where it is not complete yet. */
enum hm_err db_query_node(void *query, unsigned level, uint64_t k, struct hm_digest *out,
                          struct hm_why *why);
/* Smallest kept checkpoint with size >= at_least: its size, its note appended. HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE db_query_checkpoint(struct db_query *q, uint64_t at_least, uint64_t *size,
                                            struct hm_buf *note, struct hm_why *why);

struct db_query_release {
    uint64_t id;
    enum hm_release_state state;
    uint64_t version_tag; /* number of records that changed it */
    char product[HM_NAME_MAX + 1], version[HM_NAME_MAX + 1], channel[HM_NAME_MAX + 1],
        environment[HM_NAME_MAX + 1];
    char submitter[HM_NAME_MAX + 1];
    uint64_t sequence, expires_s, submitted_ms, changed_ms;
    uint64_t approvals;
    uint64_t signed_idx; /* 0 = none */
    uint64_t last_idx;
    struct hm_digest manifest;
};
struct db_query_release_filter {
    const char *product, *version, *channel, *environment, *submitter;
    const char *state;
    uint64_t after; /* ids below this one, newest first; UINT64_MAX = from the newest */
    size_t limit;
};
typedef enum hm_err (*db_query_release_fn)(void *ctx, const struct db_query_release *r,
                                           struct hm_why *why);
enum hm_err HM_MUST_USE db_query_releases(struct db_query *q,
                                          const struct db_query_release_filter *f,
                                          db_query_release_fn fn, void *ctx, struct hm_why *why);
enum hm_err HM_MUST_USE db_query_release_get(struct db_query *q, uint64_t id,
                                             struct db_query_release *out, struct hm_why *why);
/* Indexes of the records about a release, oldest first, at most max (for approvals and history). */
enum hm_err HM_MUST_USE db_query_release_records(struct db_query *q, uint64_t id, uint64_t *idx,
                                                 size_t max, size_t *count, struct hm_why *why);

#endif
