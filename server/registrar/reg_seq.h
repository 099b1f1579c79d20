/* The sequencer: one thread, the only writer of the log. It takes whatever jobs wait, lets each
 * decide inside one transaction, commits, and has the signer sign a checkpoint over the new size;
 * only under that are the jobs done, while the next batch is being decided. So durability costs one
 * round per batch. It also brings the log up against the signer and keeps the clock honest. */
#ifndef SERVER_REGISTRAR_REG_SEQ_H
#define SERVER_REGISTRAR_REG_SEQ_H

#include "db/log/db_state.h"
#include "server/registrar/reg_memo.h"
#include "server/registrar/reg_problem.h"
#include "server/registrar/reg_signer.h"
#include "server/registrar/reg_world.h"

struct reg_seq;
struct reg_backup;

/* What a decision came to. Zero value: nothing recorded, no problem. */
struct reg_result {
    enum reg_problem problem;
    char detail[HM_WHY_MAX]; /* why, for people */
    bool has_record;
    uint64_t record;   /* the record that answers the request */
    uint64_t release;  /* UINT64_MAX: none */
    uint64_t log_size; /* set by the sequencer: log size under whose checkpoint the record is */
};

/* Tools a decision may use; all on the sequencer's thread, inside a transaction. */
struct reg_tx {
    struct db_log *log;
    const struct reg_world *world;
    uint64_t now_ms;
    struct reg_refusals *refusals;
};
/* Decides. HM_OK with *out filled in (a problem is a result, not an error). Any other value is a
 * fault of the machine (disk, memory): the whole batch is rolled back and every job in it gets that
 * error. So: check first, append last. */
typedef enum hm_err (*reg_decide_fn)(struct reg_tx *tx, void *arg, struct reg_result *out,
                                     struct hm_why *why);

/* The last published checkpoint. */
struct reg_head {
    uint64_t size;
    struct hm_digest root;
    char note[HM_CHECKPOINT_MAX];
    size_t note_len;
};
/* A decision on its way. The owner keeps it alive until done is called. */
struct reg_job {
    reg_decide_fn decide;
    void *arg;
    struct hm_path *path; /* NULL, or where the inclusion path of the result's record is to go */
    /* On a thread of the sequencer, once the records are under a signed checkpoint (then head is
     * that checkpoint) or the decision failed (NULL). It must not block; the job is its owner's
     * again. */
    void (*done)(struct reg_job *job, struct reg_seq *s, const struct reg_head *head);
    /* out; err as for reg_seq_run */
    enum hm_err err;
    struct hm_why why;
    struct reg_result result;
    bool has_path;        /* *path is filled, for result.log_size */
    struct reg_job *next; /* the sequencer's */
};

enum hm_err HM_MUST_USE reg_seq_open(const struct reg_config *c, const struct reg_world *w,
                                     struct reg_signer *signer, struct reg_memo *memo,
                                     struct reg_seq **out, struct hm_why *why);
/* Starts the thread. fatal_fd becomes readable when the log and the signer's memory do not fit: the
 * process must end. */
enum hm_err HM_MUST_USE reg_seq_start(struct reg_seq *s, struct hm_why *why);
/* fn is called on the thread of done, whenever a batch's jobs are. Before reg_seq_start. */
void reg_seq_on_settled(struct reg_seq *s, void (*fn)(void *arg), void *arg);
/* Backups that it shall make between batches. Before reg_seq_start; borrowed. */
void reg_seq_on_backup(struct reg_seq *s, struct reg_backup *b);
int reg_seq_fatal_fd(const struct reg_seq *s);
void reg_seq_close(struct reg_seq *s); /* stops the thread; waiting jobs get HM_E_UNAVAILABLE */

/* False: the registrar is stopping, job->err says so, and done will not be called. */
bool HM_MUST_USE reg_seq_push(struct reg_seq *s, struct reg_job *job);
/* Runs a decision and waits until its records are under a signed checkpoint. HM_E_UNAVAILABLE:
 * nothing was decided. HM_E_TIMEOUT: recorded, but not confirmed by the signer yet; asking again
 * with the same Idempotency-Key is safe. Others: the batch was rolled back. */
enum hm_err HM_MUST_USE reg_seq_run(struct reg_seq *s, reg_decide_fn decide, void *arg,
                                    struct reg_result *out, struct hm_why *why);

/* Around each request that may come to reg_seq_run: batches wait a moment for those. */
void reg_seq_enter(struct reg_seq *s);
void reg_seq_leave(struct reg_seq *s);

/* HM_E_UNAVAILABLE before the first. */
enum hm_err HM_MUST_USE reg_seq_head(struct reg_seq *s, struct reg_head *out, struct hm_why *why);
/* Waits until the published size exceeds `size`, at most wait_ms. */
void reg_seq_wait(struct reg_seq *s, uint64_t size, uint64_t wait_ms);

struct reg_status {
    bool ready;
    char reason[HM_WHY_MAX];
    uint64_t committed;
    uint64_t published;
    uint64_t queued;
};
void reg_seq_status(struct reg_seq *s, struct reg_status *out);
/* Token serial of a release key as the signer told it; HM_E_UNAVAILABLE before the signer was met,
 * HM_E_NOT_FOUND. */
enum hm_err HM_MUST_USE reg_seq_key_token(struct reg_seq *s, const struct hm_digest *key,
                                          char out[static HM_TOKEN_SERIAL_MAX + 1],
                                          struct hm_why *why);

#endif
