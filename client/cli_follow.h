/* Records as they come, each held against a signed checkpoint before anybody sees it. From the
 * first record that is followed on, every one is a leaf of a tree of our own; when a signed
 * checkpoint is over exactly as many, the roots must be equal; where it is over more, a consistency
 * proof shows that ours is its beginning. So what is handed out is all of the log and nothing else,
 * in order. No I/O; thread: main. */
#ifndef CLIENT_CLI_FOLLOW_H
#define CLIENT_CLI_FOLLOW_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"

/* Records that wait for a checkpoint; beyond it the caller fetches a proof. */
#define CLI_FOLLOW_PENDING ((size_t)1024 * 1024)

struct cli_follow {
    const struct hm_vkey *key;
    struct hm_frontier tree;    /* over every record that came, and those before them */
    struct hm_checkpoint held;  /* the newest that our tree has come to */
    struct hm_buf held_note;    /* its text; empty before the first */
    struct hm_checkpoint ahead; /* the newest that our tree is proven to begin; size 0: none */
    struct hm_buf pending;      /* records that are not handed out yet */
    uint64_t proven;            /* so many records stand under a signed checkpoint */
    uint64_t server_size;       /* of the last checkpoint that came */
};
/* key is borrowed. tree: over the records before the first one that is followed, verified. */
void cli_follow_begin(struct cli_follow *f, const struct hm_vkey *key,
                      const struct hm_frontier *tree);
void cli_follow_free(struct cli_follow *f);
/* The next record. HM_E_HISTORY: it says another index, or the tree has come to a checkpoint with
 * another root. HM_E_MALFORMED. */
enum hm_err HM_MUST_USE cli_follow_record(struct cli_follow *f, struct hm_bytes record,
                                          struct hm_why *why);
/* Where a checkpoint stands against our tree. */
enum cli_follow_place {
    CLI_FOLLOW_HERE,   /* over exactly our records, with their root: all of them are proven */
    CLI_FOLLOW_AHEAD,  /* over more: proven with cli_follow_prove */
    CLI_FOLLOW_BEHIND, /* over fewer: it proves nothing new */
};
/* A signed checkpoint. HM_E_HISTORY: over exactly our records, with another root. HM_E_SIGNATURE,
 * HM_E_MALFORMED. */
enum hm_err HM_MUST_USE cli_follow_note(struct cli_follow *f, struct hm_bytes note,
                                        enum cli_follow_place *place, struct hm_checkpoint *out,
                                        struct hm_why *why);
/* The consistency proof from our tree to a checkpoint that is ahead: all our records are proven.
 * HM_E_HISTORY. */
enum hm_err HM_MUST_USE cli_follow_prove(struct cli_follow *f, const struct hm_checkpoint *ahead,
                                         const struct hm_path *path, struct hm_why *why);
/* Hands out what waits, once and in order, if it is proven; else nothing. */
typedef enum hm_err (*cli_follow_fn)(void *ctx, struct hm_bytes record, struct hm_why *why);
enum hm_err HM_MUST_USE cli_follow_hand_out(struct cli_follow *f, cli_follow_fn fn, void *ctx,
                                            struct hm_why *why);

#endif
