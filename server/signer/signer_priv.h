/* What a running signer consists of. Read-only once it listens, except for history, which locks
 * itself. */
#ifndef SERVER_SIGNER_SIGNER_PRIV_H
#define SERVER_SIGNER_SIGNER_PRIV_H

#include "hsm/hsm.h"
#include "server/signer/signer_config.h"
#include "server/signer/signer_history.h"
#include "server/signer/signer_roster.h"

struct signer_key {
    struct hm_digest id;
    size_t hsm_key; /* index in hsm */
};

struct signer {
    const struct signer_config *config;
    struct hm_buf guards_doc;
    struct hm_guards guards;
    struct hsm *hsm;
    size_t log_key; /* index in hsm */
    struct signer_key keys[HSM_KEYS_MAX];
    size_t key_count;
    struct signer_history *history;
    struct signer_rosters *rosters;
};

/* signer_keys.c: reads and verifies the guards document with the configured root. */
enum hm_err HM_MUST_USE signer_guards_read(const struct signer_config *c, struct hm_buf *doc,
                                           struct hm_guards *out, struct hm_why *why);
/* Opens the tokens, holds the log key against the guards, collects the release keys that are
 * guarded. */
enum hm_err HM_MUST_USE signer_keys_open(struct signer *s, struct hm_why *why);
/* The key of this id, or NULL. */
const struct signer_key *signer_key_find(const struct signer *s, const struct hm_digest *id);

#endif
