#include "server/door/door_witness.h"

#include "schema/io/hm_clock.h"
#include "schema/log/hm_add_checkpoint.h"
#include "server/door/door_alerts.h"
#include "server/door/door_model.h"
#include "server/door/door_out.h"
#include "server/ipc/ipc_msg.h"
#include "server/ipc/ipc_ops.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_metric.h"
#include "server/ipc/proc_thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 5000      /* for one answer of a witness */
#define REST_MS 200      /* between two checkpoints that are asked for: the log grows in between */
#define ROUND_MS 1000    /* how long one is asked for while some have not answered */
#define AGAIN_MIN_MS 500 /* after a witness that could not be asked, */
#define AGAIN_MAX_MS 3000
#define URL_MAX 1024

struct witness {
    struct door_witnesses *all;
    const struct door_config_witness *config;
    pthread_t thread;
    struct door_out *out;
    char url[URL_MAX];
    uint64_t known; /* size of the log as this witness knows it, as far as we know */
    int64_t again_ms;
    struct door_witness_state state; /* under the lock */
};
struct door_witnesses {
    struct door *door;
    atomic_bool stopping;
    pthread_mutex_t lock; /* what follows, and the states */
    pthread_cond_t wake;
    /* The checkpoint that all are asked for: a quorum has to be over the same one. */
    uint64_t size; /* 0: none yet */
    size_t note_len;
    char note[HM_CHECKPOINT_MAX];
    int64_t began_ms;
    size_t done; /* witnesses that have cosigned it */
    size_t count, started;
    struct witness of[];
};

static void rest(struct door_witnesses *w, int64_t ms)
{
    struct timespec until = hm_clock_deadline(ms);
    (void)pthread_mutex_lock(&w->lock);
    while (!atomic_load(&w->stopping) && pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
        continue;
    (void)pthread_mutex_unlock(&w->lock);
}

/* ---- one question ---- */

static enum hm_err fetch_path(struct door *d, uint64_t old, uint64_t size, struct hm_path *out,
                              struct hm_why *why)
{
    HM_BUF_AUTO frame = {.limit = 64};
    HM_BUF_AUTO reply = {.limit = 65536};
    struct ipc_in in;
    out->count = 0;
    if (old == 0 || old == size)
        return HM_OK;
    ipc_put_u64(&frame, old);
    ipc_put_u64(&frame, size);
    enum hm_err err = ipc_pool_call(d->registrar, REG_CONSISTENCY, hm_buf_bytes(&frame), -1, &reply,
                                    NULL, (int64_t)d->config->registrar_timeout_ms, why);
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    out->count = ipc_get_digests(&in, out->hash, HM_PROOF_HASHES_MAX);
    return ipc_in_end(&in, why);
}

static enum hm_err post(struct witness *w, struct hm_bytes note, uint64_t size,
                        struct door_out_answer *answer, struct hm_why *why)
{
    struct hm_path path;
    HM_BUF_AUTO body = {.limit = HM_COSIGNED_MAX};
    uint64_t old = w->known < size ? w->known : size; /* what it said may have been a lie */
    enum hm_err err = fetch_path(w->all->door, old, size, &path, why);
    if (err != HM_OK)
        return err;
    hm_add_checkpoint_write(old, &path, note, &body);
    if (hm_buf_err(&body) != HM_OK)
        return hm_fail(why, hm_buf_err(&body), "the question does not fit");
    struct door_out_call call = {.url = w->url,
                                 .type = "text/plain; charset=utf-8",
                                 .body = hm_buf_bytes(&body),
                                 .timeout_ms = ASK_MS,
                                 .max = HM_COSIGNED_MAX};
    err = door_out_post(w->out, &call, answer, why);
    return err == HM_OK ? HM_OK : hm_fail_in(why, err, "cannot be asked");
}

/* 409: the witness is elsewhere. Behind us or unknown to us: we begin there. Ahead of us: it has
 * seen more of this log than there is. */
static enum hm_err elsewhere(struct witness *w, const struct door_out_answer *a, uint64_t size,
                             bool *again, struct hm_why *why)
{
    uint64_t their = 0;
    if (strncmp(a->type, HM_TREE_SIZE_TYPE, strlen(HM_TREE_SIZE_TYPE)) != 0 ||
        hm_tree_size_parse(hm_buf_bytes(&a->body), &their) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "answers 409 without the size that it knows");
    if (their > size) {
        w->known = their;
        return hm_fail(
            why, HM_E_HISTORY,
            "says that it has cosigned %llu records of this log, which has %llu: an older "
            "copy of it, or somebody else's (docs/operations.md, \"A witness "
            "disagrees\")",
            (unsigned long long)their, (unsigned long long)size);
    }
    *again = w->known != their;
    w->known = their;
    return *again ? HM_OK
                  : hm_fail(why, HM_E_CONFLICT, "is asked by somebody else at the same time");
}

static enum hm_err judge(struct witness *w, const struct door_out_answer *a, uint64_t size,
                         bool *again, struct hm_why *why)
{
    switch (a->status) {
    case 200:
        if (a->body.len == 0)
            return hm_fail(why, HM_E_MALFORMED, "answers 200 without a cosignature");
        w->known = size;
        return HM_OK;
    case 409:
        return elsewhere(w, a, size, again, why);
    case 404:
        return hm_fail(why, HM_E_NOT_FOUND, "does not know this log");
    case 403:
        return hm_fail(why, HM_E_SIGNATURE, "does not believe the log's key");
    case 422:
        return hm_fail(
            why, HM_E_HISTORY,
            "says that this log does not extend what it has cosigned (docs/operations.md, "
            "\"A witness disagrees\")");
    default:
        return hm_fail(why, HM_E_UNAVAILABLE, "answers %u", a->status);
    }
}

/* ---- what the registrar is told ---- */

static enum hm_err report(struct witness *w, uint64_t size, struct hm_bytes lines,
                          const char *trouble, struct hm_why *why)
{
    struct door *d = w->all->door;
    HM_BUF_AUTO frame = {.limit = 2 * HM_COSIGNED_MAX};
    HM_BUF_AUTO reply = {.limit = 2 * HM_CHECKPOINT_MAX};
    struct ipc_in in;
    ipc_put_str(&frame, w->config->name);
    ipc_put_u64(&frame, size);
    ipc_put_bytes(&frame, lines);
    ipc_put_str(&frame, trouble);
    ipc_put_u64(&frame, w->known);
    enum hm_err err = ipc_pool_call(d->registrar, REG_COSIGN, hm_buf_bytes(&frame), -1, &reply,
                                    NULL, (int64_t)d->config->registrar_timeout_ms, why);
    if (err == HM_E_NOT_FOUND && lines.len > 0) /* nobody asks for this witness yet */
        return HM_OK;
    if (err != HM_OK)
        return err;
    ipc_in_begin(&in, hm_buf_bytes(&reply));
    door_model_take_cosigned(d->model, ipc_get_bytes(&in, HM_CHECKPOINT_MAX));
    return ipc_in_end(&in, why);
}

/* It has seen another log, holds another key for it, or what it signed is not signed by its key.
 * One that is only away has not changed its mind. */
static bool is_against(enum hm_err err)
{
    return err == HM_E_HISTORY || err == HM_E_SIGNATURE;
}

static void note_state(struct witness *w, uint64_t size, enum hm_err err, const char *trouble)
{
    (void)pthread_mutex_lock(&w->all->lock);
    bool news = strcmp(w->state.trouble, trouble) != 0;
    (void)snprintf(w->state.trouble, sizeof w->state.trouble, "%s", trouble);
    if (err == HM_OK || is_against(err))
        w->state.disagrees = err != HM_OK;
    w->state.asked++;
    if (err == HM_OK) {
        w->state.cosigned++;
        w->state.size = size;
    }
    (void)pthread_mutex_unlock(&w->all->lock);
    if (err == HM_OK || is_against(err))
        door_alerts_witness(w->all->door->alerts, w->config->name, err != HM_OK, trouble);
    if (news)
        proc_log(DOOR_PROGRAM, err == HM_OK ? PROC_INFO : PROC_WARNING, "witness %s %s",
                 w->config->name, err == HM_OK ? "cosigns" : trouble);
}

/* ---- the thread ---- */

/* Asks for this checkpoint, a second time where the witness says from where. */
static enum hm_err ask(struct witness *w, struct hm_bytes note, uint64_t size, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    bool again = true;
    for (int tries = 0; err == HM_OK && again && tries < 2; tries++) {
        struct door_out_answer answer = {.status = 0};
        again = false;
        err = post(w, note, size, &answer, why);
        if (err == HM_OK)
            err = judge(w, &answer, size, &again, why);
        if (err == HM_OK && !again)
            err = report(w, size, hm_buf_bytes(&answer.body), "", why);
        hm_buf_free(&answer.body);
    }
    if (err == HM_OK && again)
        err = hm_fail(why, HM_E_CONFLICT, "is asked by somebody else at the same time");
    return err;
}

static void pause_after(struct witness *w, enum hm_err err)
{
    int64_t next = w->again_ms * 2;
    if (err == HM_OK)
        w->again_ms = 0;
    else
        w->again_ms =
            next < AGAIN_MIN_MS ? AGAIN_MIN_MS : (next < AGAIN_MAX_MS ? next : AGAIN_MAX_MS);
    rest(w->all, err == HM_OK ? REST_MS : w->again_ms);
}

/* ---- which checkpoint ---- */

/* The lock is held. */
static bool is_over(const struct door_witnesses *w, int64_t now_ms)
{
    int64_t age = now_ms - w->began_ms;
    return w->size == 0 || age >= ROUND_MS || (age >= REST_MS && w->done == w->count);
}

/* The newest checkpoint takes the place of the one that is asked for, once that one is over. */
static void advance(struct door_witnesses *w)
{
    struct hm_checkpoint cp;
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    if (door_model_note(w->door->model, &note, &cp, NULL) != HM_OK)
        return;
    (void)pthread_mutex_lock(&w->lock);
    int64_t now = hm_clock_mono_ms();
    if (cp.size > w->size && is_over(w, now)) {
        w->size = cp.size;
        w->note_len = note.len;
        memcpy(w->note, note.data, note.len);
        w->began_ms = now;
        w->done = 0;
    }
    (void)pthread_mutex_unlock(&w->lock);
}

/* Another one than that of size `last`; 0: not yet. */
static uint64_t take(struct door_witnesses *w, uint64_t last, struct hm_buf *note)
{
    (void)pthread_mutex_lock(&w->lock);
    uint64_t size = w->size != last ? w->size : 0;
    if (size != 0)
        hm_buf_put(note, w->note, w->note_len);
    (void)pthread_mutex_unlock(&w->lock);
    return hm_buf_err(note) == HM_OK ? size : 0;
}

static void finished(struct door_witnesses *w, uint64_t size)
{
    (void)pthread_mutex_lock(&w->lock);
    w->done += w->size == size;
    (void)pthread_mutex_unlock(&w->lock);
}

static void tell_trouble(struct witness *w, uint64_t size, const char *trouble)
{
    struct hm_why why = {""};
    if (report(w, size, hm_bytes_of(NULL, 0), trouble, &why) != HM_OK)
        proc_log(DOOR_PROGRAM, PROC_WARNING, "witness %s: the registrar was not told: %s",
                 w->config->name, why.text);
}

static uint64_t one_round(struct witness *w, uint64_t last)
{
    struct hm_why why = {""};
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    (void)door_model_wait(w->all->door->model, last, hm_clock_mono_ms() + ROUND_MS);
    advance(w->all);
    uint64_t size = take(w->all, last, &note);
    if (size == 0 || atomic_load(&w->all->stopping)) {
        rest(w->all, REST_MS / 4);
        return last;
    }
    enum hm_err err = ask(w, hm_buf_bytes(&note), size, &why);
    note_state(w, size, err, err == HM_OK ? "" : why.text);
    if (err == HM_OK)
        finished(w->all, size);
    else
        tell_trouble(w, size, why.text);
    pause_after(w, err);
    return err == HM_OK ? size : last;
}

static void *witness_main(void *arg)
{
    struct witness *w = arg;
    uint64_t last = 0;
    proc_thread_gives_way();
    while (!atomic_load(&w->all->stopping))
        last = one_round(w, last);
    return NULL;
}

static enum hm_err start_one(struct door_witnesses *w, size_t i, struct hm_why *why)
{
    struct witness *x = &w->of[i];
    const struct door_config *c = w->door->config;
    size_t len = strlen(c->witnesses[i].url);
    x->all = w;
    x->config = &c->witnesses[i];
    x->state.name = x->config->name;
    (void)snprintf(x->state.trouble, sizeof x->state.trouble, "was not asked yet");
    (void)snprintf(x->url, sizeof x->url, "%s%sadd-checkpoint", c->witnesses[i].url,
                   len > 0 && c->witnesses[i].url[len - 1] == '/' ? "" : "/");
    enum hm_err err = door_out_open(c->outbound_ca, &x->out, why);
    if (err == HM_OK)
        err = proc_thread_start(&x->thread, witness_main, x, "of a witness", why);
    if (err == HM_OK)
        w->started++;
    return err;
}

enum hm_err door_witnesses_start(struct door *d, struct door_witnesses **out, struct hm_why *why)
{
    size_t n = d->config->witness_count;
    *out = NULL;
    if (n == 0)
        return HM_OK;
    struct door_witnesses *w = calloc(1, sizeof *w + n * sizeof w->of[0]);
    if (w == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for the witnesses");
    w->door = d;
    w->count = n;
    (void)pthread_mutex_init(&w->lock, NULL);
    proc_cond_init(&w->wake);
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = start_one(w, i, why);
    if (err != HM_OK) {
        door_witnesses_stop(w);
        return err;
    }
    *out = w;
    return HM_OK;
}

void door_witnesses_stop(struct door_witnesses *w)
{
    if (w == NULL)
        return;
    atomic_store(&w->stopping, true);
    (void)pthread_mutex_lock(&w->lock);
    (void)pthread_cond_broadcast(&w->wake);
    (void)pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->started; i++)
        (void)pthread_join(w->of[i].thread, NULL);
    for (size_t i = 0; i < w->count; i++)
        door_out_close(w->of[i].out);
    (void)pthread_cond_destroy(&w->wake);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

size_t door_witnesses_state(struct door_witnesses *w,
                            struct door_witness_state out[static HM_WITNESSES_MAX])
{
    if (w == NULL)
        return 0;
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->count; i++)
        out[i] = w->of[i].state;
    (void)pthread_mutex_unlock(&w->lock);
    return w->count;
}

static void one_metric(const struct door_witness_state *s, size_t count, struct hm_buf *out,
                       const char *name, const char *type, const char *help,
                       uint64_t (*value)(const struct door_witness_state *s))
{
    proc_metric_head(out, "hallmarkd_witness", name, type, help);
    for (size_t i = 0; i < count; i++)
        hm_buf_printf(out, "hallmarkd_witness_%s{witness=\"%s\"} %llu\n", name, s[i].name,
                      (unsigned long long)value(&s[i]));
}

static uint64_t asked(const struct door_witness_state *s)
{
    return s->asked;
}

static uint64_t cosigned(const struct door_witness_state *s)
{
    return s->cosigned;
}

static uint64_t cosigned_size(const struct door_witness_state *s)
{
    return s->size;
}

static uint64_t up(const struct door_witness_state *s)
{
    return s->trouble[0] == '\0' ? 1 : 0;
}

static uint64_t disagrees(const struct door_witness_state *s)
{
    return s->disagrees ? 1 : 0;
}

void door_witnesses_metrics(struct door_witnesses *w, struct hm_buf *out)
{
    struct door_witness_state s[HM_WITNESSES_MAX];
    size_t n = door_witnesses_state(w, s);
    if (n == 0)
        return;
    one_metric(s, n, out, "asked_total", "counter", "Requests to a witness.", asked);
    one_metric(s, n, out, "cosigned_total", "counter", "Requests that brought a cosignature.",
               cosigned);
    one_metric(s, n, out, "size", "gauge", "Records under its newest cosignature.", cosigned_size);
    one_metric(s, n, out, "up", "gauge", "1 while the last request brought a cosignature.", up);
    one_metric(s, n, out, "disagrees", "gauge",
               "1 while its last word about this log contradicts the log.", disagrees);
}
