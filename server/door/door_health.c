#include "server/door/door_health.h"

#include "schema/io/hm_clock.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRESH_MS 1000    /* how long an answer serves again, */
#define UNREADY_MS 20    /* and how long one that says no: it may change any moment */
#define PATIENCE_MS 5000 /* whoever asks for readiness wants to know soon */

struct door_health {
    pthread_mutex_t lock;
    int64_t until_ms;
    struct door_health_state last;
};

struct door_health *door_health_new(void)
{
    struct door_health *h = calloc(1, sizeof *h);
    if (h != NULL)
        (void)pthread_mutex_init(&h->lock, NULL);
    return h;
}

void door_health_free(struct door_health *h)
{
    if (h == NULL)
        return;
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

static void ask(struct ipc_pool *registrar, int64_t timeout_ms, struct door_health_state *s)
{
    HM_BUF_AUTO reply = {0};
    struct hm_why why = {.text = ""};
    struct ipc_in in;
    memset(s, 0, sizeof *s);
    enum hm_err err = ipc_pool_call(registrar, REG_STATUS, hm_bytes_of(NULL, 0), -1, &reply, NULL,
                                    timeout_ms < PATIENCE_MS ? timeout_ms : PATIENCE_MS, &why);
    if (err == HM_OK) {
        ipc_in_begin(&in, hm_buf_bytes(&reply));
        s->ready = ipc_get_u64(&in) == 1;
        ipc_get_str(&in, s->reason, sizeof s->reason);
        s->committed = ipc_get_u64(&in);
        s->checkpoint = ipc_get_u64(&in);
        s->queue = ipc_get_u64(&in);
        ipc_get_str(&in, s->waits, sizeof s->waits);
        err = ipc_in_end(&in, &why);
    }
    s->answered = err == HM_OK;
    if (err == HM_OK)
        return;
    s->ready = false;
    (void)snprintf(s->reason, sizeof s->reason, "%s", why.text);
}

void door_health_ask(struct door_health *h, struct ipc_pool *registrar, int64_t timeout_ms,
                     struct door_health_state *out)
{
    (void)pthread_mutex_lock(&h->lock);
    if (hm_clock_mono_ms() >= h->until_ms) {
        ask(registrar, timeout_ms, &h->last);
        h->until_ms = hm_clock_mono_ms() +
                      (h->last.ready && h->last.waits[0] == '\0' ? FRESH_MS : UNREADY_MS);
    }
    *out = h->last;
    (void)pthread_mutex_unlock(&h->lock);
}
