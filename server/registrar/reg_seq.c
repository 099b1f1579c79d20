#include "server/registrar/reg_seq_priv.h"

#include "schema/io/hm_clock.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_thread.h"
#include "server/registrar/reg_backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX 256
#define TICK_MS 1000
#define GATHER_MS 2 /* longest wait for company */
#define RETRY_MIN_MS 200
#define RETRY_MAX_MS 5000

enum hm_err reg_seq_open(const struct reg_config *c, const struct reg_world *w,
                         struct reg_signer *signer, struct reg_memo *memo, struct reg_seq **out,
                         struct hm_why *why)
{
    struct reg_seq *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    s->config = c;
    s->world = w;
    s->signer = signer;
    s->memo = memo;
    (void)pthread_mutex_init(&s->lock, NULL);
    proc_cond_init(&s->work);
    proc_cond_init(&s->published);
    proc_cond_init(&s->covered);
    (void)snprintf(s->reason, sizeof s->reason, "starting");
    s->fatal_fd = eventfd(0, EFD_CLOEXEC);
    enum hm_err err = s->fatal_fd >= 0
                          ? reg_refusals_open(c->refusals_per_minute, &s->refusals, why)
                          : hm_fail(why, HM_E_INTERNAL, "cannot make an event descriptor");
    /* Opened here already, so that a missing or broken database is said at start. */
    if (err == HM_OK)
        err = reg_retire_open(c, &s->retire, why);
    if (err == HM_OK)
        err = reg_seq_open_log(s, why);
    if (err != HM_OK) {
        reg_seq_close(s);
        return err;
    }
    s->phase = REG_PHASE_OPEN;
    s->committed = db_log_size(s->log);
    s->anchor_wall_ms = hm_clock_unix_ms();
    s->anchor_mono_ms = hm_clock_mono_ms();
    *out = s;
    return HM_OK;
}

void reg_seq_on_settled(struct reg_seq *s, void (*fn)(void *arg), void *arg)
{
    s->settled = fn;
    s->settled_arg = arg;
}

void reg_seq_on_backup(struct reg_seq *s, struct reg_backup *b)
{
    s->backup = b;
}

int reg_seq_fatal_fd(const struct reg_seq *s)
{
    return s->fatal_fd;
}

void reg_seq_set_state(struct reg_seq *s, bool ready, const char *reason)
{
    (void)pthread_mutex_lock(&s->lock);
    bool news = ready != s->ready || (!ready && strcmp(reason, s->reason) != 0);
    s->ready = ready;
    (void)snprintf(s->reason, sizeof s->reason, "%s", reason);
    (void)pthread_mutex_unlock(&s->lock);
    if (news)
        proc_log("hallmark-registrar", ready ? PROC_INFO : PROC_WARNING, "%s",
                 ready ? "ready" : reason);
}

void reg_seq_finish(struct reg_seq *s, struct reg_job *list, enum hm_err err,
                    const struct hm_why *why)
{
    bool some = list != NULL;
    while (list != NULL) {
        struct reg_job *next = list->next; /* once done is called, the job is its owner's */
        list->err = err;
        if (err != HM_OK)
            list->why = *why;
        /* A head of success is written by the very thread that finishes jobs with success. */
        list->done(list, s, err == HM_OK ? &s->head : NULL);
        list = next;
    }
    if (some && s->settled != NULL)
        s->settled(s->settled_arg);
}

/* A checkpoint costs the same for one record as for a hundred, so a batch waits a moment for
 * requests that are on their way: until half of those in progress stand in the queue, at
 * most GATHER_MS. A lone request never waits. The lock is held. */
static void gather(struct reg_seq *s)
{
    struct timespec until = hm_clock_deadline(GATHER_MS);
    s->goal = atomic_load(&s->active) / 2;
    while (!s->stop && s->queued < s->goal &&
           pthread_cond_timedwait(&s->work, &s->lock, &until) == 0)
        continue;
    s->goal = 0;
}

/* The next reason to wake without a job: the lock is held. */
static int64_t wake_at(const struct reg_seq *s, int64_t tick_ms)
{
    if (s->phase != REG_PHASE_READY)
        return tick_ms;
    if (s->cover_err != HM_OK || (s->backup != NULL && reg_backup_busy(s->backup)))
        return 0;
    /* Nothing is stored while the clock is not believed. */
    return s->unstored_count > 0 && !s->clock_bad && s->store_ms < tick_ms ? s->store_ms : tick_ms;
}

static struct reg_job *take(struct reg_seq *s, bool *stop)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t until = s->next_tick_ms;
    if (s->phase != REG_PHASE_READY && !s->fatal && s->next_try_ms < until)
        until = s->next_try_ms;
    while (s->first == NULL && !s->stop && hm_clock_mono_ms() < wake_at(s, until))
        reg_seq_wait_until(&s->work, &s->lock, wake_at(s, until));
    if (s->first != NULL && s->phase == REG_PHASE_READY)
        gather(s);
    struct reg_job *list = s->first;
    struct reg_job *end = list;
    size_t n = list != NULL ? 1 : 0;
    while (end != NULL && end->next != NULL && n < BATCH_MAX) {
        end = end->next;
        n++;
    }
    if (end != NULL) {
        s->first = end->next;
        end->next = NULL;
        if (s->first == NULL)
            s->last = NULL;
    }
    s->queued -= n;
    *stop = s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return list;
}

static enum hm_err decide_all(struct reg_seq *s, struct reg_job *list, struct hm_why *why)
{
    struct reg_tx tx = {s->log, s->world, (uint64_t)hm_clock_unix_ms(), s->refusals};
    for (struct reg_job *j = list; j != NULL; j = j->next) {
        memset(&j->result, 0, sizeof j->result);
        j->result.release = UINT64_MAX;
        enum hm_err err = j->decide(&tx, j->arg, &j->result, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}

/* An error that one request causes, whatever the machine does. */
static bool is_of_request(enum hm_err err)
{
    return err == HM_E_MALFORMED || err == HM_E_LIMIT || err == HM_E_UNSUPPORTED ||
           err == HM_E_SIGNATURE || err == HM_E_DENIED || err == HM_E_STATE || err == HM_E_EXPIRED;
}

static enum hm_err write_batch(struct reg_seq *s, struct reg_job *list, struct hm_why *why)
{
    size_t notes = 0;
    enum hm_err err = db_log_begin(s->log, why);
    if (err != HM_OK)
        return err;
    err = reg_seq_store_notes(s, &notes, why);
    if (err == HM_OK)
        err = reg_seq_tick(s, why);
    if (err == HM_OK)
        err = decide_all(s, list, why);
    if (err == HM_OK)
        err = db_log_commit(s->log, why);
    if (err == HM_OK)
        reg_seq_notes_stored(s, notes);
    else
        db_log_rollback(s->log);
    reg_policies_settle(s->world->policies, err == HM_OK);
    reg_refusals_settle(s->refusals, err == HM_OK);
    return err;
}

static void not_covered(struct reg_seq *s, const struct hm_why *why)
{
    if (s->phase == REG_PHASE_READY) /* else the log itself must be opened again */
        s->phase = REG_PHASE_OPEN;
    s->next_try_ms = 0;
    reg_seq_set_state(s, false, why->text);
}

/* One transaction for the whole list; then it goes under a checkpoint. False: one of the list could
 * not be decided; nothing was done, and each is to be tried alone. */
static bool run_batch(struct reg_seq *s, struct reg_job *list)
{
    struct hm_why why = {""};
    enum hm_err err = write_batch(s, list, &why);
    if (is_of_request(err) && list != NULL && list->next != NULL)
        return false;
    if (err != HM_OK) {
        if (list == NULL || !is_of_request(err)) {
            s->phase = REG_PHASE_CLOSED;
            reg_seq_set_state(s, false, why.text);
        }
        reg_seq_finish(s, list, err, &why);
        return true;
    }
    err = reg_seq_cover(s, list, &why);
    if (err != HM_OK) {
        struct hm_why text;
        not_covered(s, &why);
        (void)hm_fail(&text, err,
                      "recorded, but not yet confirmed by the signer (%s); ask again with the same "
                      "Idempotency-Key",
                      why.text);
        reg_seq_finish(s, list, HM_E_TIMEOUT, &text);
        return true;
    }
    db_log_maintain(s->log);
    return true;
}

/* What one request does wrong must not cost the others in its batch. */
static void run_jobs(struct reg_seq *s, struct reg_job *list)
{
    if (run_batch(s, list))
        return;
    while (list != NULL) {
        struct hm_why why = {""};
        struct reg_job *one = list;
        list = one->next;
        one->next = NULL;
        (void)hm_fail(&why, HM_E_UNAVAILABLE, "the log is being opened again; ask again");
        if (s->phase == REG_PHASE_READY)
            (void)run_batch(s, one);
        else
            reg_seq_finish(s, one, HM_E_UNAVAILABLE, &why);
    }
}

/* Tries to get ready, at most as often as the backoff allows. */
static bool get_ready(struct reg_seq *s, struct hm_why *why)
{
    if (s->phase == REG_PHASE_READY)
        return true;
    int64_t now = hm_clock_mono_ms();
    enum hm_err err = HM_E_UNAVAILABLE;
    if (!s->fatal && now >= s->next_try_ms) {
        err = reg_seq_bring_up(s, why);
        if (err == HM_OK) {
            s->phase = REG_PHASE_READY;
            s->tries = 0;
            reg_seq_set_state(s, true, "");
            return true;
        }
        reg_seq_set_state(s, false, why->text);
        int64_t wait = RETRY_MIN_MS << (s->tries < 5 ? s->tries : 5);
        s->tries++;
        s->next_try_ms = hm_clock_mono_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
    }
    if (err == HM_E_HISTORY && !s->fatal) {
        s->fatal = true;
        if (eventfd_write(s->fatal_fd, 1) != 0)
            abort();
    }
    (void)pthread_mutex_lock(&s->lock);
    (void)snprintf(why->text, sizeof why->text, "%s", s->reason);
    (void)pthread_mutex_unlock(&s->lock);
    return false;
}

/* Does the signer still answer, and with which keys? Asked once a second, so that readiness says
 * so, and a token that went or came back is known. */
static void greet(struct reg_seq *s)
{
    struct hm_why why = {""};
    if (s->phase != REG_PHASE_READY || reg_seq_greet(s, &why) == HM_OK)
        return;
    s->phase = REG_PHASE_OPEN;
    s->next_try_ms = 0;
    reg_seq_set_state(s, false, why.text);
}

/* Did the last checkpoint fail while there was nothing else to do? */
static void look_at_cover(struct reg_seq *s)
{
    struct hm_why why = {""};
    (void)pthread_mutex_lock(&s->lock);
    bool failed = s->cover_err != HM_OK;
    why = s->cover_why;
    (void)pthread_mutex_unlock(&s->lock);
    if (failed && s->phase == REG_PHASE_READY)
        not_covered(s, &why);
}

static bool store_due(struct reg_seq *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool due = s->unstored_count > 0 && hm_clock_mono_ms() >= s->store_ms;
    (void)pthread_mutex_unlock(&s->lock);
    return due;
}

/* Nothing is under way, and what is committed is under a stored checkpoint. */
static enum hm_err settle(void *seq, struct hm_why *why)
{
    struct reg_seq *s = seq;
    size_t notes = 0;
    enum hm_err err = reg_seq_cover_wait(s, why);
    if (err == HM_OK)
        err = db_log_begin(s->log, why);
    if (err != HM_OK)
        return err;
    err = reg_seq_store_notes(s, &notes, why);
    if (err == HM_OK)
        err = db_log_commit(s->log, why);
    if (err == HM_OK)
        reg_seq_notes_stored(s, notes);
    else
        db_log_rollback(s->log);
    return err;
}

static void back_up(struct reg_seq *s)
{
    if (s->backup != NULL && s->phase == REG_PHASE_READY)
        reg_backup_turn(s->backup, s->log, settle, s);
}

static void *seq_main(void *arg)
{
    struct reg_seq *s = arg;
    for (bool stop = false; !stop;) {
        struct hm_why why = {""};
        struct reg_job *list = take(s, &stop);
        if (stop) {
            (void)hm_fail(&why, HM_E_UNAVAILABLE, "the registrar is stopping");
            reg_seq_finish(s, list, HM_E_UNAVAILABLE, &why);
            continue;
        }
        bool due = hm_clock_mono_ms() >= s->next_tick_ms;
        look_at_cover(s);
        if (!get_ready(s, &why)) {
            reg_seq_finish(s, list, HM_E_UNAVAILABLE, &why);
            if (due)
                s->next_tick_ms = hm_clock_mono_ms() + TICK_MS;
            continue;
        }
        enum hm_err err = reg_seq_check_clock(s, &why);
        if (err != HM_OK) {
            reg_seq_set_state(s, false, why.text);
            reg_seq_finish(s, list, err, &why);
            s->next_tick_ms = hm_clock_mono_ms() + TICK_MS;
        } else if (list != NULL || due || store_due(s)) {
            run_jobs(s, list);
            if (due)
                greet(s);
        }
        back_up(s);
    }
    /* What cannot be stored now, the signer still has. */
    if (s->phase == REG_PHASE_READY)
        (void)settle(s, NULL);
    return NULL;
}

static void stop_covering(struct reg_seq *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->cover_stop = true;
    (void)pthread_cond_broadcast(&s->covered);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->cover_thread, NULL);
}

enum hm_err reg_seq_start(struct reg_seq *s, struct hm_why *why)
{
    if (pthread_create(&s->cover_thread, NULL, reg_seq_cover_main, s) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot start the checkpoint's thread");
    if (pthread_create(&s->thread, NULL, seq_main, s) == 0) {
        s->started = true;
        return HM_OK;
    }
    stop_covering(s);
    return hm_fail(why, HM_E_INTERNAL, "cannot start the sequencer's thread");
}

void reg_seq_close(struct reg_seq *s)
{
    if (s == NULL)
        return;
    if (s->started) {
        (void)pthread_mutex_lock(&s->lock);
        s->stop = true;
        (void)pthread_cond_broadcast(&s->work);
        (void)pthread_mutex_unlock(&s->lock);
        (void)pthread_join(s->thread, NULL);
        stop_covering(s);
    }
    db_log_close(s->log);
    reg_refusals_close(s->refusals);
    reg_retire_close(s->retire);
    if (s->hello != NULL)
        hm_buf_free(&s->hello->last_note);
    free(s->hello);
    if (s->fatal_fd >= 0)
        (void)close(s->fatal_fd);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_cond_destroy(&s->published);
    (void)pthread_cond_destroy(&s->covered);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
