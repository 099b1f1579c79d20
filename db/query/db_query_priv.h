/* Inside of db/query. Every filter is a posting list under a key = id * 32 + kind, where id is a
 * small integer from the dictionary. A span is 4,096 neighbouring indexes: `span` says which spans
 * a list has anything in, 64 to a row; `post` holds what, 64 indexes to a row, all lists of a span
 * side by side. So a batch touches the pages of the newest span and few others, however many lists
 * there are. Filters are combined by walking their lists side by side. */
#ifndef DB_QUERY_DB_QUERY_PRIV_H
#define DB_QUERY_DB_QUERY_PRIV_H

#include "db/query/db_query.h"
#include "db/sql/db_sql.h"

#define DB_QUERY_APPLICATION_ID 0x484d5159 /* "HMQY" */
#define DB_QUERY_SCHEMA_VERSION 3
#define DB_QUERY_ROW 64                             /* neighbours in a row of `post` or `span` */
#define DB_QUERY_SPAN (DB_QUERY_ROW * DB_QUERY_ROW) /* indexes */
#define DB_QUERY_AGES 3                             /* tables in one, of rows of `artifact` */
#define DB_QUERY_WORD_SLOTS 4096
#define DB_QUERY_FILTERS_MAX 12
#define DB_QUERY_LIMIT_MAX 1000
#define DB_QUERY_SEEKS_MAX 1000000 /* of one query: then the caller is asked to narrow it */

/* What a list is about: records, by index; or releases, by the index that they begin with. */
enum db_kind {
    KIND_EVENT = 1,
    KIND_PRODUCT,
    KIND_VERSION,
    KIND_CHANNEL,
    KIND_ENVIRONMENT,
    KIND_ACTOR,
    KIND_OUTCOME,
    KIND_KEY,     /* the dictionary holds the key id in hex */
    KIND_RELEASE, /* id = the release's */
    KIND_RELEASES_PRODUCT = 16,
    KIND_RELEASES_VERSION,
    KIND_RELEASES_CHANNEL,
    KIND_RELEASES_ENVIRONMENT,
    KIND_RELEASES_SUBMITTER,
    KIND_RELEASES_STATE, /* id = enum hm_release_state */
};
#define DB_QUERY_KINDS 32
#define DB_QUERY_ID_MAX (INT64_MAX / DB_QUERY_KINDS)
static inline uint64_t db_posting(enum db_kind kind, uint64_t id)
{
    return id * DB_QUERY_KINDS + (uint64_t)kind;
}

struct db_word {
    char text[HM_NAME_MAX + 1];
    uint64_t id; /* 0 = free */
};

/* What a batch changes in one row of `post`; free where it changes nothing. */
struct db_posting_row {
    uint64_t key;
    uint64_t block; /* of the log, not of the span */
    uint64_t add, drop;
};
struct db_postings {
    struct db_posting_row *rows; /* open addressing */
    size_t cap, count;
};

struct db_query_writer {
    struct db_sql sql;
    char origin[HM_ORIGIN_MAX + 1];
    struct db_postings postings; /* of the batch that is being applied */
    struct hm_frontier frontier;
    struct hm_digest leaf; /* prev of the record to come */
    uint64_t t_ms;
    bool damaged; /* SQLite found the file corrupt: it is checked, and replaced, at the next open */
    struct db_word words[DB_QUERY_WORD_SLOTS];
};

/* Statements of the writer. */
enum db_query_write_stmt {
    W_BEGIN,
    W_COMMIT,
    W_ROLLBACK,
    W_HEAD_GET,
    W_HEAD_NEW,
    W_HEAD_PUT,
    W_CLEAN,
    W_LAST,
    W_WORD_GET,
    W_WORD_PUT,
    W_RECORD,
    W_CHECKPOINT,
    W_POST,
    W_POST_DROP,
    W_POST_EMPTY,
    W_SPAN,
    W_SPAN_DROP,
    W_SPAN_EMPTY,
    W_ARTIFACT,
    W_ARTIFACT_COPY,
    W_ARTIFACT_DROP,
    W_RELEASE_NEW,
    W_RELEASE_STATE,
    W_RELEASE_CHANGE,
    W_RELEASE_TOUCH,
    W_COUNT
};
extern const char *const db_query_write_text[W_COUNT];
extern const char *const db_query_ddl;

/* Statements of readers. Seeks come in pairs: upwards, downwards. */
enum db_query_read_stmt {
    R_BEGIN,
    R_COMMIT,
    R_SIZE,
    R_WORD,
    R_RECORD,
    R_NODES,
    R_CHECKPOINT,
    R_TIME,
    R_SPAN_UP,
    R_SPAN_DOWN,
    R_POST_UP,
    R_POST_DOWN,
    R_ARTIFACT_UP,
    R_ARTIFACT_DOWN,
    R_ALL_UP,
    R_ALL_DOWN,
    R_RALL_DOWN,
    R_RELEASE,
    R_COUNT
};
extern const char *const db_query_read_text[R_COUNT];

struct db_query {
    struct db_sql sql;
};

/* Id of a word, made where it is new. */
enum hm_err HM_MUST_USE db_query_intern(struct db_query_writer *w, const char *text, uint64_t *id,
                                        struct hm_why *why);
void db_query_forget_words(struct db_query_writer *w); /* after a rollback */
/* Puts idx on the list, or takes it off, with the batch's flush. Twice is once. */
enum hm_err HM_MUST_USE db_query_post(struct db_query_writer *w, uint64_t key, uint64_t idx,
                                      struct hm_why *why);
enum hm_err HM_MUST_USE db_query_unpost(struct db_query_writer *w, uint64_t key, uint64_t idx,
                                        struct hm_why *why);
enum hm_err HM_MUST_USE db_query_post_flush(struct db_query_writer *w, struct hm_why *why);
void db_query_post_forget(struct db_query_writer *w);
/* The beginning of a digest, as a number that `artifact` is ordered by. */
uint64_t db_query_prefix(const struct hm_digest *artifact);
/* Says that record idx names the artifact. Twice is once. */
enum hm_err HM_MUST_USE db_query_artifact(struct db_query_writer *w,
                                          const struct hm_digest *artifact, uint64_t idx,
                                          struct hm_why *why);
/* Moves rows on that have been in their table for long, with a batch of records [from, to). */
enum hm_err HM_MUST_USE db_query_artifacts_age(struct db_query_writer *w, uint64_t from,
                                               uint64_t to, struct hm_why *why);
enum hm_err HM_MUST_USE db_query_step(struct db_sql *s, unsigned which, struct hm_why *why);
/* A changing statement to its end. */
enum hm_err HM_MUST_USE db_query_change(struct db_query_writer *w, struct db_q *q,
                                        struct hm_why *why);

/* A row of `span` or `post`: which of 64 neighbours there are. */
struct db_bits {
    uint64_t row, bits; /* bits 0: none is kept */
};
enum db_list_kind {
    LIST_KEY,      /* in spans, the last rows of which are kept */
    LIST_ARTIFACT, /* single indexes, by digest */
    LIST_RECORDS,  /* all of them */
    LIST_RELEASES,
};
/* One list to walk. */
struct db_list {
    enum db_list_kind kind;
    struct hm_digest digest;
    uint64_t key;
    struct db_bits spans;
    struct db_bits blocks; /* of `span` */
    uint64_t span;
};
/* Lists that must all contain an index; `empty`: a word that nothing has. */
struct db_lists {
    struct db_list list[DB_QUERY_FILTERS_MAX];
    size_t count;
    bool empty;
};
struct db_range {
    uint64_t lo, hi; /* inclusive; lo > hi = nothing */
    bool descending;
};
/* Adds the posting list of a word; NULL text adds nothing. */
enum hm_err HM_MUST_USE db_lists_word(struct db_query *q, struct db_lists *l, enum db_kind k,
                                      const char *text, struct hm_why *why);
void db_lists_id(struct db_lists *l, enum db_kind k, uint64_t id);
/* Indexes in the range that all lists contain, in order, at most max. Runs inside a read
 * transaction. HM_E_LIMIT after DB_QUERY_SEEKS_MAX steps. */
enum hm_err HM_MUST_USE db_lists_walk(struct db_query *q, struct db_lists *l,
                                      const struct db_range *r, uint64_t *out, size_t max,
                                      size_t *count, struct hm_why *why);

#endif
