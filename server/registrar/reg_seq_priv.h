/* Inside of the sequencer, shared by its files. */
#ifndef SERVER_REGISTRAR_REG_SEQ_PRIV_H
#define SERVER_REGISTRAR_REG_SEQ_PRIV_H

#include "server/registrar/reg_refusals.h"
#include "server/registrar/reg_retire.h"
#include "server/registrar/reg_seq.h"

#include <pthread.h>
#include <stdatomic.h>

enum reg_phase {
    REG_PHASE_CLOSED, /* the log must be (re)opened */
    REG_PHASE_OPEN,   /* the log is open; the signer must be met and the last records covered */
    REG_PHASE_READY,
};

#define REG_UNSTORED_MAX 2
#define REG_STORE_MS 50 /* how long a note waits for a batch to be stored with */
struct reg_note {
    uint64_t size;
    size_t len;
    char text[HM_CHECKPOINT_MAX];
};
/* A committed log on its way under a checkpoint. */
struct reg_cover {
    struct reg_signer_asked asked;
    struct reg_job *jobs;
};

struct reg_seq {
    const struct reg_config *config;
    const struct reg_world *world;
    struct reg_signer *signer;
    struct reg_memo *memo;
    pthread_t thread;
    pthread_t cover_thread;
    bool started;
    int fatal_fd;
    void (*settled)(void *arg);
    void *settled_arg;
    struct reg_backup *backup; /* NULL: none are made */
    atomic_uint active;        /* requests in progress that may come to the queue */

    pthread_mutex_t lock; /* guards everything down to `keys` */
    pthread_cond_t work;
    pthread_cond_t published;
    pthread_cond_t covered; /* covering has changed */
    bool covering;          /* the checkpoint's thread has `cover`, else the sequencer */
    bool cover_stop;
    enum hm_err cover_err; /* of the last one; nothing is covered until it is reset */
    struct hm_why cover_why;
    struct reg_note unstored[REG_UNSTORED_MAX]; /* published, and not in the log's file yet */
    size_t unstored_count;
    int64_t store_ms; /* when they are stored at the latest */
    struct reg_job *first, *last;
    uint64_t queued;
    uint64_t goal; /* queue length that the sequencer is waiting for, 0 = none */
    bool stop;
    bool has_head;
    struct reg_head head;
    bool ready;
    char reason[HM_WHY_MAX];
    uint64_t committed;
    struct reg_signer_hello *hello; /* NULL before the signer was met */

    struct reg_cover cover;

    /* the sequencer's thread only */
    enum reg_phase phase;
    struct db_log *log;
    struct reg_refusals *refusals;
    struct reg_retire *retire; /* NULL: private detail is kept for ever */
    bool start_recorded;
    bool fatal;
    uint64_t
        signer_size; /* size of the last checkpoint that the signer signed, as far as we know */
    int64_t anchor_wall_ms, anchor_mono_ms;
    bool clock_bad;
    int64_t next_try_ms, next_tick_ms;
    unsigned tries;
};

/* Waits on c until the monotonic time at_ms; the lock is held. */
void reg_seq_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t at_ms);
/* The database and its mirror. */
enum hm_err HM_MUST_USE reg_seq_open_log(struct reg_seq *s, struct hm_why *why);
/* Opens the log if needed, meets the signer, records the start once, covers everything with a
 * checkpoint. HM_OK: ready. */
enum hm_err HM_MUST_USE reg_seq_bring_up(struct reg_seq *s, struct hm_why *why);
/* The jobs' turn is over: done is called for each. Any thread. */
void reg_seq_finish(struct reg_seq *s, struct reg_job *jobs, enum hm_err err,
                    const struct hm_why *why);
/* Has the committed log put under a checkpoint; the jobs are finished then. Waits while the one
 * before is on its way. An error: it has failed, or there is no proof; the jobs are still ours. */
enum hm_err HM_MUST_USE reg_seq_cover(struct reg_seq *s, struct reg_job *jobs, struct hm_why *why);
/* Waits until none is on its way, and says how the last one ended. */
enum hm_err reg_seq_cover_wait(struct reg_seq *s, struct hm_why *why);
void reg_seq_cover_reset(struct reg_seq *s); /* forgets a failure */
void *reg_seq_cover_main(void *seq);         /* the checkpoint's thread */
/* What the signer says of itself now; its checkpoints are compared at the next start alone. */
enum hm_err HM_MUST_USE reg_seq_greet(struct reg_seq *s, struct hm_why *why);
/* Inside a transaction: writes the notes that are not stored yet. Afterwards, once it is committed,
 * reg_seq_notes_stored with *count. */
enum hm_err HM_MUST_USE reg_seq_store_notes(struct reg_seq *s, size_t *count, struct hm_why *why);
void reg_seq_notes_stored(struct reg_seq *s, size_t count);
void reg_seq_set_state(struct reg_seq *s, bool ready, const char *reason);
/* HM_E_UNAVAILABLE once the clock has jumped. */
enum hm_err HM_MUST_USE reg_seq_check_clock(struct reg_seq *s, struct hm_why *why);
/* Expiry, summaries, forgetting: what time alone causes. */
enum hm_err HM_MUST_USE reg_seq_tick(struct reg_seq *s, struct hm_why *why);

#endif
