/* Rule 1: a checkpoint is signed only if it extends the last one. Also remembers the checkpoints
 * signed since start, which rule 2 needs. Thread-safe; one checkpoint is signed at a time. */
#ifndef SERVER_SIGNER_SIGNER_HISTORY_H
#define SERVER_SIGNER_SIGNER_HISTORY_H

#include "hsm/hsm.h"
#include "schema/log/hm_checkpoint.h"
#include "schema/log/hm_merkle.h"
#include "server/signer/signer_state.h"

struct signer_history;

struct signer_history_config {
    const char *state_dir;
    const struct hm_vkey *log_key; /* borrowed for the life of the history */
    struct hsm *hsm;               /* borrowed, likewise */
    size_t key;                    /* the log key's index in hsm */
    int64_t timeout_ms;
};

/* Reads the state. HM_E_NOT_FOUND, HM_E_MALFORMED, HM_E_DENIED, HM_E_CONFLICT: signer_state.h. */
enum hm_err HM_MUST_USE signer_history_open(const struct signer_history_config *c,
                                            struct signer_history **out, bool *torn,
                                            struct hm_why *why);
void signer_history_close(struct signer_history *h);

/* What the caller asks to be signed: the tree of `size` leaves, and a proof from `old`. */
struct signer_growth {
    uint64_t size;
    struct hm_digest root;
    uint64_t old;
    struct hm_path proof;
};
/* Appends the note. The state is durable before it returns. HM_E_HISTORY when it does not extend.
 */
enum hm_err HM_MUST_USE signer_history_extend(struct signer_history *h,
                                              const struct signer_growth *g, struct hm_buf *note,
                                              struct hm_why *why);
void signer_history_last(struct signer_history *h, struct signer_last *out);
/* Root of the checkpoint of this size, if it is the last one or one of those remembered. */
bool signer_history_root(struct signer_history *h, uint64_t size, struct hm_digest *root);

#endif
