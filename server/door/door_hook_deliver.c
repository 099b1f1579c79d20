/* One delivery: attempts, pauses between them, and when to let go. */
#include "server/door/door_hooks_priv.h"

#include "schema/io/hm_clock.h"
#include "schema/io/hm_random.h"
#include "server/door/door.h"
#include "server/ipc/proc_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define ANSWER_MAX ((size_t)64 * 1024) /* of a body that is not wanted anyway */
#define FIRST_PAUSE_MS 1000
#define PAUSE_MAX_MS 300000
#define RETRY_AFTER_MAX_S 3600u
#define SLICE_MS 200
#define DAY_MS UINT64_C(86400000)

static bool stopping(void *hook)
{
    return door_model_stopping(((struct door_hook *)hook)->model);
}

/* Nothing of the answer but its status counts. */
static enum hm_err post(struct door_hook *h, const struct door_hook_message *m,
                        const char *signature, int64_t now_s, struct door_out_answer *answer,
                        struct hm_why *why)
{
    char id[32 + DOOR_HOOK_ID_MAX];
    char timestamp[64];
    (void)snprintf(id, sizeof id, "webhook-id: %s", m->id);
    (void)snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %" PRId64, now_s);
    const char *const headers[] = {id, timestamp, signature};
    const struct door_out_call call = {
        .url = h->c->url,
        .type = "application/json",
        .body = hm_buf_bytes(&m->body),
        .headers = headers,
        .header_count = 3,
        .timeout_ms = (int64_t)h->c->timeout_s * 1000,
        .max = ANSWER_MAX,
        .status_only = true,
        .stop = stopping,
        .stop_ctx = h,
    };
    return door_out_post(h->out, &call, answer, why);
}

/* HM_OK: taken. */
static enum hm_err attempt(struct door_hook *h, const struct door_hook_message *m,
                           unsigned *retry_after_s, struct hm_why *why)
{
    HM_BUF_AUTO signature = {.limit = 1024};
    struct door_out_answer answer;
    int64_t now_s = hm_clock_unix_s();
    hm_buf_puts(&signature, "webhook-signature: ");
    enum hm_err err =
        door_hook_sign(&h->secrets, m->id, now_s, hm_buf_bytes(&m->body), &signature, why);
    const char *text = hm_buf_str(&signature);
    if (err == HM_OK && text == NULL)
        err = hm_fail(why, HM_E_MEMORY, "no memory for a signature");
    if (err == HM_OK)
        err = post(h, m, text, now_s, &answer, why);
    if (err != HM_OK)
        return err;
    hm_buf_free(&answer.body);
    *retry_after_s = answer.retry_after_s;
    if (answer.status >= 200 && answer.status <= 299)
        return HM_OK;
    return hm_fail(why, HM_E_UNAVAILABLE, "it answered %u", answer.status);
}

/* Twice as long each time, a quarter more or less, and not before the receiver wants it. */
static int64_t pause_ms(const struct door_hook *h, unsigned retry_after_s)
{
    uint32_t r;
    unsigned doublings = h->failures < 10 ? h->failures - 1 : 9;
    int64_t ms = (int64_t)FIRST_PAUSE_MS << doublings;
    if (ms > PAUSE_MAX_MS)
        ms = PAUSE_MAX_MS;
    hm_random(&r, sizeof r);
    ms = ms * 3 / 4 + (int64_t)(r % (uint32_t)(ms / 2 + 1));
    if (retry_after_s > RETRY_AFTER_MAX_S)
        retry_after_s = RETRY_AFTER_MAX_S;
    return ms > (int64_t)retry_after_s * 1000 ? ms : (int64_t)retry_after_s * 1000;
}

static void rest(struct door_hook *h, int64_t ms)
{
    const struct timespec slice = {.tv_nsec = SLICE_MS * 1000000L};
    int64_t until = hm_clock_mono_ms() + ms;
    while (!stopping(h) && hm_clock_mono_ms() < until)
        (void)nanosleep(&slice, NULL);
}

static void succeeded(struct door_hook *h)
{
    if (h->failures > 0)
        proc_log(DOOR_PROGRAM, PROC_INFO,
                 "webhook %s (%s): takes deliveries again, after %u "
                 "attempts that failed",
                 h->name, h->host, h->failures);
    h->failures = 0;
    atomic_fetch_add(&h->delivered, 1);
    atomic_store(&h->up, true);
}

static void failed(struct door_hook *h, const struct door_hook_message *m, const struct hm_why *why)
{
    if (h->failures == 0)
        proc_log(DOOR_PROGRAM, PROC_WARNING,
                 "webhook %s (%s): %s: %s; it is tried again, and later ones wait", h->name,
                 h->host, m->id, why->text);
    h->failures++;
    atomic_fetch_add(&h->failed, 1);
    atomic_store(&h->up, false);
}

static bool is_too_old(const struct door_hook *h, const struct door_hook_message *m)
{
    return m->t_ms + h->c->give_up_days * DAY_MS < (uint64_t)hm_clock_unix_ms();
}

enum door_hook_result door_hook_deliver(struct door_hook *h, const struct door_hook_message *m)
{
    while (!stopping(h)) {
        struct hm_why why = {.text = ""};
        unsigned retry_after_s = 0;
        enum hm_err err = attempt(h, m, &retry_after_s, &why);
        if (err == HM_OK) {
            succeeded(h);
            return DOOR_HOOK_DELIVERED;
        }
        if (stopping(h)) /* cut off by us: that says nothing about the receiver */
            break;
        failed(h, m, &why);
        door_hook_save(h, true); /* this may last */
        if (is_too_old(h, m))
            return DOOR_HOOK_TOO_OLD;
        rest(h, pause_ms(h, retry_after_s));
    }
    return DOOR_HOOK_STOPPED;
}
