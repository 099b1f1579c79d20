/* The read model: what a follower thread took from the registrar, verified against the log's
 * signed checkpoints, and put into query.db. Readers borrow handles from a small pool. Nothing that
 * did not verify is ever in it. Thread-safe. */
#ifndef SERVER_DOOR_DOOR_MODEL_H
#define SERVER_DOOR_DOOR_MODEL_H

#include "db/query/db_query.h"
#include "schema/log/hm_checkpoint.h"

struct door_model;
struct door_model_config {
    const char *registrar_socket;
    const char *query_db;
    int64_t registrar_timeout_ms;
};
/* Starts the follower. Strings are borrowed. */
enum hm_err HM_MUST_USE door_model_start(const struct door_model_config *c, struct door_model **out,
                                         struct hm_why *why);
/* Wakes everybody who waits and makes every further wait short. */
void door_model_wake(struct door_model *m);
void door_model_stop(struct door_model *m); /* after door_model_wake and the last reader */

/* A change of this log size was acknowledged to somebody: readers wait for it. Lock-free. */
void door_model_acknowledged(struct door_model *m, uint64_t size);
/* Waits (bounded) until what was acknowledged is visible, and lends a reader. HM_E_UNAVAILABLE
 * with the reason: nothing verified to show. Give it back with door_model_return. */
enum hm_err HM_MUST_USE door_model_borrow(struct door_model *m, struct db_query **q, uint64_t *size,
                                          struct hm_why *why);
void door_model_return(struct door_model *m, struct db_query *q);
/* Waits until the model is larger than size; false when the time is over or the model stops. */
bool door_model_wait(struct door_model *m, uint64_t size, int64_t until_ms);
/* The same for somebody who is in no hurry: the follower goes on gathering larger batches. */
bool door_model_watch(struct door_model *m, uint64_t size, int64_t until_ms);
bool door_model_stopping(struct door_model *m);
/* How many records may be shown now; and into note (NULL: nowhere) the checkpoint over exactly that
 * many, nothing while the model catches up. HM_E_UNAVAILABLE with the reason. */
enum hm_err HM_MUST_USE door_model_head(struct door_model *m, uint64_t *size, struct hm_buf *note,
                                        struct hm_why *why);

/* The last checkpoint that was verified and all of whose records are applied: its note, appended to
 * out, and what it says. Waits like door_model_borrow. HM_E_UNAVAILABLE. */
enum hm_err HM_MUST_USE door_model_note(struct door_model *m, struct hm_buf *out,
                                        struct hm_checkpoint *checkpoint, struct hm_why *why);
/* The newest checkpoint with cosignatures of the witnesses that the model covers. HM_E_NOT_FOUND:
 * there is none, or the log has no witnesses. */
enum hm_err HM_MUST_USE door_model_cosigned(struct door_model *m, struct hm_buf *out,
                                            struct hm_checkpoint *checkpoint, struct hm_why *why);
/* The registrar has a newer one. Ignored unless the log has signed it and the model covers it. */
void door_model_take_cosigned(struct door_model *m, struct hm_bytes note);
/* The log's key. HM_E_UNAVAILABLE before the registrar was first reached. */
enum hm_err HM_MUST_USE door_model_key(struct door_model *m, struct hm_vkey *out,
                                       struct hm_why *why);

struct door_model_state {
    bool ok; /* verified, and the last thing that happened was no mismatch */
    bool registrar_up;
    uint64_t size;
    uint64_t registrar_size;
    char reason[HM_WHY_MAX]; /* "" while everything is well */
};
void door_model_state(struct door_model *m, struct door_model_state *out);

#endif
