/* The sequencer as its callers see it: jobs in, what is published, how it is. Any thread. */
#include "server/registrar/reg_seq_priv.h"

#include "schema/io/hm_clock.h"

#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void reg_seq_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t at_ms)
{
    struct timespec t = {.tv_sec = (time_t)(at_ms / 1000),
                         .tv_nsec = (long)(at_ms % 1000) * 1000000};
    (void)pthread_cond_timedwait(c, lock, &t);
}

bool reg_seq_push(struct reg_seq *s, struct reg_job *job)
{
    job->next = NULL;
    job->err = HM_OK;
    job->why.text[0] = '\0';
    (void)pthread_mutex_lock(&s->lock);
    bool ok = !s->stop;
    bool wake = ok && s->first == NULL;
    if (ok) {
        if (s->last != NULL)
            s->last->next = job;
        else
            s->first = job;
        s->last = job;
        s->queued++;
        wake = wake || (s->goal > 0 && s->queued >= s->goal);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (wake)
        (void)pthread_cond_signal(&s->work);
    if (!ok)
        job->err = hm_fail(&job->why, HM_E_UNAVAILABLE, "the registrar is stopping");
    return ok;
}

struct waiting {
    struct reg_job job;
    sem_t finished;
};

static void wake_up(struct reg_job *job, struct reg_seq *s, const struct reg_head *head)
{
    struct waiting *w = (struct waiting *)job; /* its first member */
    (void)s;
    (void)head;
    (void)sem_post(&w->finished);
}

enum hm_err reg_seq_run(struct reg_seq *s, reg_decide_fn decide, void *arg, struct reg_result *out,
                        struct hm_why *why)
{
    struct waiting w = {.job = {.decide = decide, .arg = arg, .done = wake_up}};
    if (sem_init(&w.finished, 0, 0) != 0)
        return hm_fail(why, HM_E_INTERNAL, "cannot wait for the sequencer");
    if (reg_seq_push(s, &w.job))
        while (sem_wait(&w.finished) != 0)
            continue; /* interrupted */
    (void)sem_destroy(&w.finished);
    if (w.job.err != HM_OK)
        return hm_fail(why, w.job.err, "%s", w.job.why.text);
    *out = w.job.result;
    return HM_OK;
}

enum hm_err reg_seq_head(struct reg_seq *s, struct reg_head *out, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    (void)pthread_mutex_lock(&s->lock);
    if (s->has_head)
        *out = s->head;
    else
        err = hm_fail(why, HM_E_UNAVAILABLE, "no checkpoint yet: %s", s->reason);
    (void)pthread_mutex_unlock(&s->lock);
    return err;
}

void reg_seq_wait(struct reg_seq *s, uint64_t size, uint64_t wait_ms)
{
    int64_t until = hm_clock_mono_ms() + (int64_t)wait_ms;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->stop && (!s->has_head || s->head.size <= size) && hm_clock_mono_ms() < until)
        reg_seq_wait_until(&s->published, &s->lock, until);
    (void)pthread_mutex_unlock(&s->lock);
}

void reg_seq_status(struct reg_seq *s, struct reg_status *out)
{
    (void)pthread_mutex_lock(&s->lock);
    out->ready = s->ready;
    (void)snprintf(out->reason, sizeof out->reason, "%s", s->reason);
    out->committed = s->committed;
    out->published = s->has_head ? s->head.size : 0;
    out->queued = s->queued;
    (void)pthread_mutex_unlock(&s->lock);
}

enum hm_err reg_seq_key_token(struct reg_seq *s, const struct hm_digest *key,
                              char out[static HM_TOKEN_SERIAL_MAX + 1], struct hm_why *why)
{
    enum hm_err err = HM_E_UNAVAILABLE;
    (void)pthread_mutex_lock(&s->lock);
    if (s->hello != NULL) {
        err = HM_E_NOT_FOUND;
        for (size_t i = 0; i < s->hello->key_count && err != HM_OK; i++) {
            if (!hm_digest_eq(&s->hello->keys[i].id, key))
                continue;
            (void)snprintf(out, HM_TOKEN_SERIAL_MAX + 1, "%s", s->hello->keys[i].token);
            err = HM_OK;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (err == HM_E_UNAVAILABLE)
        return hm_fail(why, err, "the signer has not been met yet");
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no token of the signer holds the release key");
}

void reg_seq_enter(struct reg_seq *s)
{
    atomic_fetch_add(&s->active, 1);
}

void reg_seq_leave(struct reg_seq *s)
{
    atomic_fetch_sub(&s->active, 1);
}
