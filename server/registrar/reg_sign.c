#include "server/registrar/reg_sign.h"

#include "server/ipc/ipc_conn.h"
#include "server/ipc/proc_thread.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 2    /* one message is being signed while the next is gathered */
#define GATHER_MAX 4 /* of SIGNER_SIGN_MAX: one message is checked while the next is signed */

struct reg_signq {
    struct reg_signer *signer;
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct reg_sign_job *first, *last;
    bool stop;
    pthread_t thread[THREADS];
    unsigned started;
};

/* About what an item takes in a message. */
static size_t size_of(const struct reg_sign_item *item)
{
    size_t n = 4096 + item->tbs.len + item->record.len + item->statement.len;
    for (size_t i = 0; i < item->approval_count; i++)
        n += item->approvals[i].len + 4;
    return n;
}

static size_t gather(struct reg_signq *q, struct reg_sign_job *out[GATHER_MAX])
{
    size_t n = 0;
    size_t bytes = 0;
    (void)pthread_mutex_lock(&q->lock);
    while (q->first == NULL && !q->stop)
        (void)pthread_cond_wait(&q->work, &q->lock);
    /* Long approvals of one release must not make the message of all too long. */
    while (q->first != NULL && n < GATHER_MAX &&
           (n == 0 || bytes + size_of(&q->first->item) <= IPC_FRAME_MAX / 2)) {
        bytes += size_of(&q->first->item);
        out[n++] = q->first;
        q->first = q->first->next;
    }
    bool more = q->first != NULL;
    if (!more)
        q->last = NULL;
    (void)pthread_mutex_unlock(&q->lock);
    if (more)
        (void)pthread_cond_signal(&q->work);
    return n;
}

static void *sign_main(void *arg)
{
    struct reg_signq *q = arg;
    struct reg_sign_job *list[GATHER_MAX];
    struct reg_sign_item *items[GATHER_MAX];
    proc_thread_gives_way();
    for (size_t n = gather(q, list); n > 0; n = gather(q, list)) {
        struct hm_why why = {""};
        bool maybe = false;
        for (size_t i = 0; i < n; i++)
            items[i] = &list[i]->item;
        enum hm_err err = reg_signer_sign(q->signer, items, n, &maybe, &why);
        for (size_t i = 0; i < n; i++) {
            list[i]->err = err;
            list[i]->maybe = maybe;
            list[i]->why = why;
            list[i]->done(list[i]);
        }
    }
    return NULL;
}

enum hm_err reg_signq_open(struct reg_signer *signer, struct reg_signq **out, struct hm_why *why)
{
    struct reg_signq *q = calloc(1, sizeof *q);
    if (q == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    q->signer = signer;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->work, NULL);
    while (q->started < THREADS && pthread_create(&q->thread[q->started], NULL, sign_main, q) == 0)
        q->started++;
    if (q->started < THREADS) {
        reg_signq_close(q);
        return hm_fail(why, HM_E_INTERNAL, "cannot start the signing threads");
    }
    *out = q;
    return HM_OK;
}

void reg_signq_close(struct reg_signq *q)
{
    if (q == NULL)
        return;
    (void)pthread_mutex_lock(&q->lock);
    q->stop = true;
    (void)pthread_cond_broadcast(&q->work);
    (void)pthread_mutex_unlock(&q->lock);
    for (unsigned i = 0; i < q->started; i++)
        (void)pthread_join(q->thread[i], NULL);
    (void)pthread_cond_destroy(&q->work);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

bool reg_signq_push(struct reg_signq *q, struct reg_sign_job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&q->lock);
    bool ok = !q->stop;
    if (ok) {
        if (q->last != NULL)
            q->last->next = job;
        else
            q->first = job;
        q->last = job;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return ok;
}

void reg_signq_go(void *arg)
{
    struct reg_signq *q = arg;
    (void)pthread_mutex_lock(&q->lock);
    bool some = q->first != NULL;
    (void)pthread_mutex_unlock(&q->lock);
    if (some)
        (void)pthread_cond_signal(&q->work);
}
