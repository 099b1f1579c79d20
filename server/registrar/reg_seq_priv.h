/* Inside of the sequencer, shared by its files. */
#ifndef SERVER_REGISTRAR_REG_SEQ_PRIV_H
#define SERVER_REGISTRAR_REG_SEQ_PRIV_H

#include "server/registrar/reg_refusals.h"
#include "server/registrar/reg_seq.h"

#include <pthread.h>
#include <stdatomic.h>

enum reg_phase {
    REG_PHASE_CLOSED, /* the log must be (re)opened */
    REG_PHASE_OPEN,   /* the log is open; the signer must be met and the last records covered */
    REG_PHASE_READY,
};

struct reg_seq {
    const struct reg_config *config;
    const struct reg_world *world;
    struct reg_signer *signer;
    struct reg_memo *memo;
    pthread_t thread;
    bool started;
    int fatal_fd;
    void (*settled)(void *arg);
    void *settled_arg;
    atomic_uint active; /* requests in progress that may come to the queue */

    pthread_mutex_t lock; /* guards everything down to `keys` */
    pthread_cond_t work;
    pthread_cond_t published;
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

    /* the sequencer's thread only */
    enum reg_phase phase;
    struct db_log *log;
    struct reg_refusals *refusals;
    bool start_recorded;
    bool fatal;
    uint64_t
        signer_size; /* size of the last checkpoint that the signer signed, as far as we know */
    int64_t anchor_wall_ms, anchor_mono_ms;
    bool clock_bad;
    int64_t next_try_ms, next_tick_ms;
    unsigned tries;
};

/* Opens the log if needed, meets the signer, records the start once, covers everything with a
 * checkpoint. HM_OK: ready. */
enum hm_err HM_MUST_USE reg_seq_bring_up(struct reg_seq *s, struct hm_why *why);
/* Has a checkpoint signed and stored over the committed size, and publishes it. */
enum hm_err HM_MUST_USE reg_seq_checkpoint(struct reg_seq *s, struct hm_why *why);
void reg_seq_set_state(struct reg_seq *s, bool ready, const char *reason);
/* HM_E_UNAVAILABLE once the clock has jumped. */
enum hm_err HM_MUST_USE reg_seq_check_clock(struct reg_seq *s, struct hm_why *why);
/* Expiry, summaries, forgetting: what time alone causes. */
enum hm_err HM_MUST_USE reg_seq_tick(struct reg_seq *s, struct hm_why *why);

#endif
