/* Where an auditor's records come from: the server that picks them, the whole log of a server, a
 * backup of its database, or an export. All but the first are read to their end and replayed under
 * a signed checkpoint, so that what was picked out of them is complete. Thread: main. */
#ifndef CLIENT_CLI_SOURCE_H
#define CLIENT_CLI_SOURCE_H

#include "client/cli_count.h"
#include "client/cli_filter.h"
#include "client/cli_proof.h"
#include "client/cli_replay.h"

enum cli_source_kind {
    CLI_SOURCE_SERVER = 0,
    CLI_SOURCE_WHOLE, /* --complete */
    CLI_SOURCE_DATABASE,
    CLI_SOURCE_EXPORT,
};

#define CLI_SOURCE_OPTS                                                                            \
    {"complete", NULL,                                                                             \
     "read the whole log of the server and pick here: then nothing can be left out", false},       \
        {"database", "FILE", "a backup of the log's database in place of the server", false},      \
    {                                                                                              \
        "file", "FILE", "an export (JSON Lines) in place of the server; needs --checkpoint", false \
    }
/* Beside them where the command does not use the option for something else. */
#define CLI_SOURCE_CHECKPOINT_OPT                                                                  \
    {                                                                                              \
        "checkpoint", "FILE",                                                                      \
            "the checkpoint of --file; with --database: one that the log must contain", false      \
    }

struct cli_source_record {
    const struct hm_record *r;
    struct hm_bytes bytes;
    struct hm_digest leaf;
};
/* Borrowed for the call. */
typedef enum hm_err (*cli_source_fn)(void *ctx, const struct cli_source_record *x,
                                     struct hm_why *why);

struct db_reader;
struct db_scan;
struct cli_source_tree;

struct cli_source {
    struct cli *c;
    enum cli_source_kind kind;
    const char *path;   /* of a file */
    const char *given;  /* path of a checkpoint that came with it, or NULL */
    struct hm_vkey key; /* the pinned one; name "" where the server picks and none is set */
    struct db_scan *scan;
    struct db_reader *reader;
    struct cli_source_tree *tree; /* of an export, where proofs are wanted */
    struct cli_count progress;
    /* After a walk. */
    struct hm_checkpoint checkpoint;
    struct hm_buf note;
    bool seen_held; /* the log extends a checkpoint that was kept */
};

#define CLI_SOURCE_PROVES 1u /* cli_source_proof will be asked, or cli_range_walk */
#define CLI_SOURCE_GIVEN 2u  /* the command has CLI_SOURCE_CHECKPOINT_OPT */
#define CLI_SOURCE_WALKS 4u  /* cli_source_walk will be called, whatever the source is */
/* Opens what the options name. HM_E_CONFIG; what the file's opening says. */
enum hm_err HM_MUST_USE cli_source_open(struct cli *c, unsigned flags, struct cli_source *out);
void cli_source_close(struct cli_source *s);
#define CLI_SOURCE_AUTO __attribute__((cleanup(cli_source_close))) struct cli_source
/* Nothing can have been left out. */
bool cli_source_is_complete(const struct cli_source *s);
const char *
cli_source_name(const struct cli_source *s); /* "the server", "a backup of the database" */

/* Every record of the log in order. HM_OK: all of them are under one signed checkpoint of the
 * pinned key, and keep the rules of the log; before that nothing of them counts. Errors of
 * cli_replay_add, of the way there, and of fn. */
enum hm_err HM_MUST_USE cli_source_walk(struct cli_source *s, cli_source_fn fn, void *ctx);

struct cli_found {
    uint64_t log_size; /* up to which the answer is true */
    uint64_t fit;      /* complete sources: how many fit, given or not */
    uint64_t given;
    bool more; /* there may be others behind the last one */
};
/* At most `max` records that fit, in the order that f asks for. From complete sources they come
 * after the walk is over. What a server gives is held against the filter: HM_E_DENIED. */
enum hm_err HM_MUST_USE cli_source_find(struct cli_source *s, const struct cli_filter *f,
                                        uint64_t max, cli_source_fn fn, void *ctx,
                                        struct cli_found *out);

/* Blob n of a record's evidence, appended; its digest is the one that the record names. HM_E_STATE:
 * this source has none (an export). */
enum hm_err HM_MUST_USE cli_source_evidence(struct cli_source *s, const struct hm_record *r,
                                            size_t n, size_t max, struct hm_buf *out,
                                            struct hm_why *why);
/* The proof of this very record, verified under the pinned key. Offline sources: after a walk.
 * HM_E_DENIED where the log has another record in its place. */
enum hm_err HM_MUST_USE cli_source_proof(struct cli_source *s, uint64_t idx, struct hm_bytes record,
                                         struct cli_record *out);

/* One line on what the answer is worth, for people. `filtered`: something was asked for. */
void cli_source_note(const struct cli_source *s, const struct cli_found *f, bool proven);

#endif
