#include "server/door/door_model.h"

#include "schema/io/hm_clock.h"
#include "server/door/door.h"
#include "server/door/door_model_priv.h"
#include "server/ipc/proc_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ACKNOWLEDGED_MS 2000 /* how long a reader waits for what was acknowledged */
#define READER_MS 5000       /* how long for a free handle */
enum hm_err door_model_start(const struct door_model_config *c, struct door_model **out,
                             struct hm_why *why)
{
    struct door_model *m = calloc(1, sizeof *m);
    if (m == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the read model");
    m->c = *c;
    m->sock = -1;
    (void)snprintf(m->reason, sizeof m->reason, "the registrar was not reached yet");
    (void)pthread_mutex_init(&m->lock, NULL);
    proc_cond_init(&m->changed);
    enum hm_err err =
        proc_thread_start(&m->thread, door_follow_main, m, "that follows the log", why);
    if (err != HM_OK) {
        free(m);
        return err;
    }
    *out = m;
    return HM_OK;
}

void door_model_wake(struct door_model *m)
{
    atomic_store(&m->stopping, true);
    (void)pthread_mutex_lock(&m->lock);
    if (m->sock >= 0)
        (void)shutdown(m->sock, SHUT_RDWR);
    (void)pthread_cond_broadcast(&m->changed);
    (void)pthread_mutex_unlock(&m->lock);
}

void door_model_stop(struct door_model *m)
{
    if (m == NULL)
        return;
    door_model_wake(m);
    (void)pthread_join(m->thread, NULL);
    for (size_t i = 0; i < m->idle_count; i++)
        db_query_close(m->idle[i]);
    (void)pthread_cond_destroy(&m->changed);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}

void door_model_acknowledged(struct door_model *m, uint64_t size)
{
    uint64_t seen = atomic_load_explicit(&m->acknowledged, memory_order_relaxed);
    while (seen < size && !atomic_compare_exchange_weak(&m->acknowledged, &seen, size))
        continue;
}

/* Waits until what is there (m->size, m->noted.size) has reached size; lock held. */
static void wait_for(struct door_model *m, const uint64_t *there, uint64_t size, int64_t ms)
{
    struct timespec until = hm_clock_deadline(ms);
    m->waiting++;
    if (*there < size)
        (void)pthread_cond_broadcast(&m->changed); /* the follower may be resting */
    while (*there < size && !m->mismatch && !atomic_load(&m->stopping))
        if (pthread_cond_timedwait(&m->changed, &m->lock, &until) != 0)
            break;
    m->waiting--;
}

static enum hm_err may_read(const struct door_model *m, struct hm_why *why)
{
    if (m->verified && !m->mismatch)
        return HM_OK;
    return hm_fail(why, HM_E_UNAVAILABLE, "the read model is not to be shown: %s", m->reason);
}

enum hm_err door_model_borrow(struct door_model *m, struct db_query **q, uint64_t *size,
                              struct hm_why *why)
{
    struct db_query *got = NULL;
    uint64_t wanted = atomic_load(&m->acknowledged);
    (void)pthread_mutex_lock(&m->lock);
    if (m->size < wanted && may_read(m, NULL) == HM_OK)
        wait_for(m, &m->size, wanted, ACKNOWLEDGED_MS);
    enum hm_err err = may_read(m, why);
    struct timespec until = hm_clock_deadline(READER_MS);
    while (err == HM_OK && m->lent == DOOR_READERS)
        if (pthread_cond_timedwait(&m->changed, &m->lock, &until) != 0)
            err = hm_fail(why, HM_E_UNAVAILABLE, "too many queries at once");
    if (err == HM_OK) {
        m->lent++;
        *size = m->size;
        if (m->idle_count > 0)
            got = m->idle[--m->idle_count];
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (err != HM_OK)
        return err;
    if (got == NULL)
        err = db_query_open(m->c.query_db, &got, why);
    if (err != HM_OK)
        door_model_return(m, NULL);
    else
        *q = got;
    return err;
}

void door_model_return(struct door_model *m, struct db_query *q)
{
    (void)pthread_mutex_lock(&m->lock);
    if (m->lent == DOOR_READERS)
        (void)pthread_cond_broadcast(&m->changed);
    m->lent--;
    if (q != NULL)
        m->idle[m->idle_count++] = q;
    (void)pthread_mutex_unlock(&m->lock);
}

bool door_model_wait(struct door_model *m, uint64_t size, int64_t until_ms)
{
    int64_t left = until_ms - hm_clock_mono_ms();
    (void)pthread_mutex_lock(&m->lock);
    if (left > 0)
        wait_for(m, &m->size, size + 1, left);
    bool grown = m->size > size;
    (void)pthread_mutex_unlock(&m->lock);
    return grown;
}

bool door_model_watch(struct door_model *m, uint64_t size, int64_t until_ms)
{
    int64_t left = until_ms - hm_clock_mono_ms();
    struct timespec until = hm_clock_deadline(left);
    (void)pthread_mutex_lock(&m->lock);
    while (left > 0 && m->size <= size && !atomic_load(&m->stopping))
        if (pthread_cond_timedwait(&m->changed, &m->lock, &until) != 0)
            break;
    bool grown = m->size > size;
    (void)pthread_mutex_unlock(&m->lock);
    return grown;
}

bool door_model_stopping(struct door_model *m)
{
    return atomic_load(&m->stopping);
}

enum hm_err door_model_head(struct door_model *m, uint64_t *size, struct hm_buf *note,
                            struct hm_why *why)
{
    (void)pthread_mutex_lock(&m->lock);
    enum hm_err err = may_read(m, why);
    if (err == HM_OK) {
        *size = m->size;
        if (note != NULL && m->noted.size == m->size)
            hm_buf_put(note, m->note, m->note_len);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return err;
}

enum hm_err door_model_cosigned(struct door_model *m, struct hm_buf *out,
                                struct hm_checkpoint *checkpoint, struct hm_why *why)
{
    (void)pthread_mutex_lock(&m->lock);
    enum hm_err err = may_read(m, why);
    if (err == HM_OK && m->cosigned_len == 0)
        err = hm_fail(why, HM_E_NOT_FOUND, "no checkpoint with cosignatures of witnesses");
    if (err == HM_OK) {
        hm_buf_put(out, m->cosigned, m->cosigned_len);
        *checkpoint = m->cosigned_at;
    }
    (void)pthread_mutex_unlock(&m->lock);
    return err == HM_OK ? hm_buf_err(out) : err;
}

void door_model_take_cosigned(struct door_model *m, struct hm_bytes note)
{
    struct hm_vkey key;
    struct hm_checkpoint c;
    if (note.len == 0 || note.len > sizeof m->cosigned || door_model_key(m, &key, NULL) != HM_OK ||
        hm_checkpoint_open(note, &key, &c, NULL) != HM_OK)
        return;
    (void)pthread_mutex_lock(&m->lock);
    if (c.size >= m->cosigned_at.size &&
        c.size <= m->size) { /* more lines for the same size, too */
        memcpy(m->cosigned, note.data, note.len);
        m->cosigned_len = note.len;
        m->cosigned_at = c;
    }
    (void)pthread_mutex_unlock(&m->lock);
}

enum hm_err door_model_note(struct door_model *m, struct hm_buf *out,
                            struct hm_checkpoint *checkpoint, struct hm_why *why)
{
    uint64_t wanted = atomic_load(&m->acknowledged);
    (void)pthread_mutex_lock(&m->lock);
    if (m->noted.size < wanted && may_read(m, NULL) == HM_OK)
        wait_for(m, &m->noted.size, wanted, ACKNOWLEDGED_MS);
    enum hm_err err = may_read(m, why);
    if (err == HM_OK && m->note_len == 0)
        err = hm_fail(why, HM_E_UNAVAILABLE, "the read model is still catching up");
    if (err == HM_OK) {
        hm_buf_put(out, m->note, m->note_len);
        *checkpoint = m->noted;
        err = hm_buf_err(out);
    }
    (void)pthread_mutex_unlock(&m->lock);
    return err;
}

enum hm_err door_model_key(struct door_model *m, struct hm_vkey *out, struct hm_why *why)
{
    (void)pthread_mutex_lock(&m->lock);
    enum hm_err err =
        m->have_key ? HM_OK : hm_fail(why, HM_E_UNAVAILABLE, "the log's key is not known yet");
    if (err == HM_OK)
        *out = m->key;
    (void)pthread_mutex_unlock(&m->lock);
    return err;
}

void door_model_state(struct door_model *m, struct door_model_state *out)
{
    memset(out, 0, sizeof *out);
    (void)pthread_mutex_lock(&m->lock);
    out->ok = m->verified && !m->mismatch;
    out->registrar_up = m->up;
    out->size = m->size;
    out->registrar_size = m->registrar_size;
    (void)snprintf(out->reason, sizeof out->reason, "%s", m->reason);
    (void)pthread_mutex_unlock(&m->lock);
}
