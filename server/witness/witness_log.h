/* What the witness knows of one log: the largest checkpoint it cosigned, in memory and durably. The
 * state file's content is that checkpoint as text, with the log's signatures and our cosignature;
 * empty: nothing was cosigned yet. Thread: members below `lock` only by whoever holds it. */
#ifndef SERVER_WITNESS_WITNESS_LOG_H
#define SERVER_WITNESS_WITNESS_LOG_H

#include "schema/io/hm_state_file.h"
#include "server/witness/witness_config.h"
#include "server/witness/witness_key.h"

#include <pthread.h>
#include <stdatomic.h>

#define WITNESS_BODY_MAX 4096 /* bytes of a checkpoint's text, extension lines included */

/* What becomes of a request; one row of witness_verdicts each. */
enum witness_verdict {
    WITNESS_FAILED = 0,   /* no memory, disk or clock: 503 */
    WITNESS_COSIGNED,     /* 200 */
    WITNESS_MALFORMED,    /* 400 */
    WITNESS_BEYOND,       /* 400: old size above the checkpoint's */
    WITNESS_NOT_SIGNED,   /* 403 */
    WITNESS_UNKNOWN,      /* 404 */
    WITNESS_ELSEWHERE,    /* 409 */
    WITNESS_INCONSISTENT, /* 422: no proof that it extends what was cosigned */
    WITNESS_FORKED,       /* 422: the same size with another root */
};
#define WITNESS_VERDICTS 9

struct witness_log {
    const struct witness_log_config *config; /* borrowed */
    struct hm_digest id;                     /* SHA-256 of the origin */
    char hex[HM_SHA256_HEX];                 /* the same: in file names and in paths */
    _Atomic uint64_t count[WITNESS_VERDICTS];
    _Atomic int64_t say_next_ms; /* when the journal may hear of it again */
    atomic_bool failing;         /* the last attempt to cosign failed: disk or clock */
    pthread_mutex_t lock;
    struct hm_state_file *state;
    struct hm_checkpoint last; /* size 0 and the empty tree's root: nothing yet */
    uint64_t last_time_s;      /* of our cosignature in `note`; 0: it has none of this key */
    struct hm_buf note;
};

/* Path of the log's state file. HM_E_MEMORY. */
enum hm_err HM_MUST_USE witness_log_path(const char *state_dir, const struct witness_log *l,
                                         const char *suffix, struct hm_buf *out,
                                         struct hm_why *why);
/* Names it: id and hex; nothing to close. */
void witness_log_name(struct witness_log *l, const struct witness_log_config *config);
/* Makes the state, once: nothing cosigned yet, or `checkpoint` where it is not empty, which the log
 * must have signed. HM_E_CONFLICT where there is one; HM_E_MALFORMED, HM_E_SIGNATURE, HM_E_IO. */
enum hm_err HM_MUST_USE witness_log_init(const char *state_dir,
                                         const struct witness_log_config *config,
                                         struct hm_bytes checkpoint, struct hm_why *why);
/* Opens the state. *mended as in hm_state_file_open. HM_E_NOT_FOUND, HM_E_MALFORMED, HM_E_DENIED,
 * HM_E_CONFLICT, HM_E_IO. Caller witness_log_close()s. */
enum hm_err HM_MUST_USE witness_log_open(const char *state_dir,
                                         const struct witness_log_config *config,
                                         const struct witness_key *key, struct witness_log *out,
                                         bool *mended, struct hm_why *why);
/* The same without taking it into use: for looking. */
enum hm_err HM_MUST_USE witness_log_peek(const char *state_dir,
                                         const struct witness_log_config *config,
                                         const struct witness_key *key, struct witness_log *out,
                                         struct hm_why *why);
void witness_log_close(struct witness_log *l); /* also after a failed or no open */

/* Appends body, blank line and signature lines. */
void witness_note(struct hm_bytes body, struct hm_bytes log_lines, struct hm_bytes cosignature,
                  struct hm_buf *out);
/* Makes this the last one, durably where it says more than the state does. The caller holds the
 * lock. On failure nothing has changed. HM_E_IO, HM_E_FULL, HM_E_HISTORY, HM_E_MEMORY. */
enum hm_err HM_MUST_USE witness_log_save(struct witness_log *l, const struct hm_checkpoint *c,
                                         uint64_t time_s, struct hm_bytes note, struct hm_why *why);

#endif
