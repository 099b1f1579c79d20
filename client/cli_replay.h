/* Replays a log record by record: position, chain, time, strict form, Merkle tree, states of
 * releases, sequence numbers, intentions and their results. Whoever feeds it holds the tree against
 * signed checkpoints. Memory: 4 bytes per record and 32 per release. */
#ifndef CLIENT_CLI_REPLAY_H
#define CLIENT_CLI_REPLAY_H

#include "client/cli_fault.h"
#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"

struct cli_replay_release {
    uint64_t id;
    uint64_t sequence;
    enum hm_release_state state;
    uint32_t intent; /* place of its intention in the list, plus one; 0: none is open */
};
/* An intention whose result has not come yet, or an unknown one that may be repeated. */
struct cli_replay_intent {
    uint64_t idx;     /* of the sign.intended record */
    uint64_t unknown; /* of the sign.unknown record, UINT64_MAX while there is none */
    uint64_t release;
    struct hm_digest manifest;
    struct hm_digest keys[HM_SIGN_KEYS_MAX]; /* each over spki and tbs */
    size_t key_count;
};

struct cli_replay {
    struct hm_frontier frontier;
    struct hm_digest prev;
    uint64_t t_ms;
    uint64_t sequence;    /* highest one given */
    uint32_t *release_of; /* by index of a record: place of the release that it began, plus one */
    size_t record_cap;
    struct cli_replay_release *releases;
    size_t release_count, release_cap;
    struct cli_replay_intent *intents; /* places are used again */
    size_t intent_count, intent_cap;
    uint64_t results;
    /* Stored checkpoints are at hand: whoever feeds the replay keeps `covered` at the size of the
     * last one, and a release.signed has to have one between its intention and itself. */
    bool has_covers;
    uint64_t covered;
    /* An older checkpoint to hold against: size 0 = none. */
    struct hm_checkpoint seen;
    bool seen_held;
    /* Told of a record that breaks a rule of the log, and the replay goes on; NULL: it ends there.
     * A broken chain always ends it. */
    enum hm_err (*broken)(void *ctx, const struct hm_record *r, const char *text,
                          struct hm_why *why);
    void *ctx;
    /* The record that was added last, and the nodes of the tree that it completed, from the leaf
     * upwards. */
    struct hm_record record;
    struct hm_digest completed[64];
    unsigned completed_count;
    struct cli_fault fault; /* what ended it; else of kind NONE */
};

void cli_replay_begin(struct cli_replay *r, const char *origin);
void cli_replay_free(struct cli_replay *r);
#define CLI_REPLAY_AUTO __attribute__((cleanup(cli_replay_free))) struct cli_replay
/* A checkpoint seen before: the log must pass through its root. */
void cli_replay_expect(struct cli_replay *r, const struct hm_checkpoint *seen);
/* One record's exact bytes. HM_E_MALFORMED, HM_E_HISTORY (chain), HM_E_DENIED (a rule of the log is
 * broken): r->fault has the kind, the text names the index. HM_E_MEMORY. */
enum hm_err HM_MUST_USE cli_replay_add(struct cli_replay *r, struct hm_bytes record,
                                       struct hm_why *why);
/* The two halves of it, for those who look at something in between: what the record is and where it
 * stands; and what it says. The text has no index yet (cli_fault_place). */
enum hm_err HM_MUST_USE cli_replay_chain(struct cli_replay *r, struct hm_bytes record,
                                         struct hm_why *why);
enum hm_err HM_MUST_USE cli_replay_rules(struct cli_replay *r, struct hm_why *why);
/* The end: size and root are the checkpoint's. HM_E_HISTORY. */
enum hm_err HM_MUST_USE cli_replay_end(struct cli_replay *r, const struct hm_checkpoint *c,
                                       struct hm_why *why);
/* Intentions without a result: they may be running. */
size_t cli_replay_open_intents(const struct cli_replay *r);

#endif
