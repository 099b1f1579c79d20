/* Replays a log record by record: position, chain, time, strict form, states of releases,
 * intentions and their results, Merkle root. Whoever feeds it compares the root with a signed
 * checkpoint. */
#ifndef CLIENT_CLI_REPLAY_H
#define CLIENT_CLI_REPLAY_H

#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "schema/log/hm_record.h"

struct cli_replay_release {
    uint64_t id;
    enum hm_release_state state;
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
    uint64_t sequence; /* highest one given */
    struct cli_replay_release *releases;
    size_t release_count, release_cap;
    struct cli_replay_intent *intents;
    size_t intent_count, intent_cap;
    uint64_t results;
    /* An older checkpoint to hold against: size 0 = none. */
    struct hm_checkpoint seen;
    bool seen_held;
    /* Told of a record that breaks a rule of the log, and the replay goes on; NULL: it ends there.
     * A broken chain always ends it. */
    enum hm_err (*broken)(void *ctx, const struct hm_record *r, const char *text,
                          struct hm_why *why);
    void *ctx;
};

void cli_replay_begin(struct cli_replay *r, const char *origin);
void cli_replay_free(struct cli_replay *r);
#define CLI_REPLAY_AUTO __attribute__((cleanup(cli_replay_free))) struct cli_replay
/* A checkpoint seen before: the log must pass through its root. */
void cli_replay_expect(struct cli_replay *r, const struct hm_checkpoint *seen);
/* One record's exact bytes. HM_E_MALFORMED, HM_E_HISTORY (chain), HM_E_DENIED (a rule of the log is
 * broken); the text names the index. */
enum hm_err HM_MUST_USE cli_replay_add(struct cli_replay *r, struct hm_bytes record,
                                       struct hm_why *why);
/* The end: size and root are the checkpoint's. HM_E_HISTORY. */
enum hm_err HM_MUST_USE cli_replay_end(const struct cli_replay *r, const struct hm_checkpoint *c,
                                       struct hm_why *why);
/* Intentions without a result: they may be running. */
size_t cli_replay_open_intents(const struct cli_replay *r);

#endif
