#include "server/registrar/reg_witness.h"

#include "policy/policy_witness.h"
#include "schema/io/hm_clock.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEPT 8      /* newest checkpoints with cosignatures */
#define OPEN 4      /* those that some witnesses have cosigned, and others may yet */
#define AHEAD_S 300 /* how far a witness's clock may be ahead of ours */
#define WAIT_S 20   /* where only a trust store asks */
#define WAITERS 128 /* connections that wait for cosignatures at once; the others are told */
#define TROUBLE_MAX 200

struct voice {
    char name[HM_ORIGIN_MAX + 1];
    char trouble[TROUBLE_MAX];
    uint64_t size;
};
struct reg_witness {
    const struct reg_world *world;
    uint64_t first;
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t changed;
    bool stopped;
    size_t waiting;
    bool fresh; /* a quorum of the policy's has cosigned since the start */
    struct reg_cosigned open[OPEN], kept[KEPT]; /* newest first; size 0: none */
    struct voice voices[HM_WITNESSES_MAX];
    size_t voice_count;
};

enum hm_err reg_witness_open(const struct reg_world *w, uint64_t first, struct reg_witness **out,
                             struct hm_why *why)
{
    struct reg_witness *x = calloc(1, sizeof *x);
    if (x == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    x->world = w;
    x->first = first;
    (void)pthread_mutex_init(&x->lock, NULL);
    proc_cond_init(&x->changed);
    *out = x;
    return HM_OK;
}

void reg_witness_close(struct reg_witness *w)
{
    if (w == NULL)
        return;
    (void)pthread_cond_destroy(&w->changed);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}

/* ---- who is asked, and how many ---- */

struct panel {
    const struct hm_cosigners *known;
    size_t quorum;
    unsigned bit;
};

static size_t panels(const struct reg_world *w, struct panel out[static HM_TRUST_STORES_MAX + 1])
{
    const struct policy_witnesses *p = policy_witnesses(w->policy);
    size_t n = 0;
    if (p != NULL)
        out[n++] = (struct panel){&p->known, p->quorum, REG_WITNESS_POLICY};
    for (size_t i = 0; i < w->store_count; i++)
        if (w->stores[i].witness_quorum > 0)
            out[n++] = (struct panel){&w->stores[i].witnesses, w->stores[i].witness_quorum,
                                      REG_WITNESS_STORE(i)};
    return n;
}

unsigned reg_witness_demands(const struct reg_witness *w, bool witnessed, const char *environment)
{
    unsigned bits =
        witnessed && policy_witnesses(w->world->policy) != NULL ? REG_WITNESS_POLICY : 0;
    for (size_t i = 0; i < w->world->store_count; i++)
        if (strcmp(w->world->stores[i].environment, environment) == 0 &&
            w->world->stores[i].witness_quorum > 0)
            bits |= REG_WITNESS_STORE(i);
    return bits;
}

uint64_t reg_witness_timeout_ms(const struct reg_witness *w)
{
    const struct policy_witnesses *p = policy_witnesses(w->world->policy);
    return (p != NULL ? (uint64_t)p->timeout_s : WAIT_S) * 1000;
}

/* ---- taking cosignatures ---- */

static uint64_t latest_s(void)
{
    return (uint64_t)hm_clock_unix_s() + AHEAD_S;
}

/* Verifies what this panel's witnesses say in `lines` and puts it into the note. */
static enum hm_err take_panel(const struct panel *p, const struct hm_checkpoint_parts *parts,
                              struct hm_bytes lines, struct reg_cosigned *c, bool *some,
                              struct hm_why *why)
{
    struct hm_cosignatures said = {0};
    HM_BUF_AUTO merged = {.limit = HM_CHECKPOINT_MAX};
    enum hm_err err = hm_cosignatures_take(&said, p->known, parts->body, lines, latest_s(), why);
    if (err != HM_OK || hm_cosignatures_count(&said) == 0)
        return err;
    err = hm_cosignatures_merge(&said, p->known, hm_bytes_of(c->note, c->note_len), &merged, why);
    if (err != HM_OK)
        return err;
    *some = true;
    c->note_len = merged.len;
    memcpy(c->note, merged.data, merged.len);
    return HM_OK;
}

/* Which demands the lines in the note fulfil. */
static unsigned count_up(const struct reg_world *w, const struct reg_cosigned *c)
{
    struct panel list[HM_TRUST_STORES_MAX + 1];
    struct hm_checkpoint_parts parts;
    unsigned bits = 0;
    size_t n = panels(w, list);
    if (hm_checkpoint_split(hm_bytes_of(c->note, c->note_len), false, &parts, NULL) != HM_OK)
        return 0;
    for (size_t i = 0; i < n; i++) {
        struct hm_cosignatures said = {0};
        if (hm_cosignatures_take(&said, list[i].known, parts.body, parts.signatures, latest_s(),
                                 NULL) == HM_OK &&
            hm_cosignatures_count(&said) >= list[i].quorum)
            bits |= list[i].bit;
    }
    return bits;
}

/* Newest first; the same size takes the place of what was there. The lock is held. */
static void put(struct reg_cosigned *list, size_t max, const struct reg_cosigned *c)
{
    size_t at = 0;
    while (at < max && list[at].size > c->size)
        at++;
    if (at == max)
        return;
    if (list[at].size != c->size)
        memmove(list + at + 1, list + at, (max - at - 1) * sizeof list[0]);
    list[at] = *c;
}

static const struct reg_cosigned *of_size(const struct reg_cosigned *list, size_t max,
                                          uint64_t size)
{
    for (size_t i = 0; i < max; i++)
        if (list[i].note_len > 0 && list[i].size == size)
            return &list[i];
    return NULL;
}

enum hm_err reg_witness_take(struct reg_witness *w, struct hm_bytes note, struct hm_bytes lines,
                             struct reg_cosigned *out, struct hm_why *why)
{
    struct panel list[HM_TRUST_STORES_MAX + 1];
    struct hm_checkpoint_parts parts;
    bool some = false;
    size_t n = panels(w->world, list);
    if (note.len > sizeof out->note)
        return hm_fail(why, HM_E_LIMIT, "a checkpoint of %zu bytes", note.len);
    enum hm_err err = hm_checkpoint_split(note, false, &parts, why);
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&w->lock);
    const struct reg_cosigned *have = of_size(w->open, OPEN, parts.checkpoint.size);
    struct reg_cosigned c = {.size = parts.checkpoint.size, .note_len = note.len};
    memcpy(c.note, note.data, note.len);
    if (have != NULL)
        c = *have;
    for (size_t i = 0; err == HM_OK && i < n; i++)
        err = take_panel(&list[i], &parts, lines, &c, &some, why);
    if (err == HM_OK && some) {
        c.holds = count_up(w->world, &c);
        put(w->open, OPEN, &c);
        *out = c;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return err != HM_OK || some ? err
                                : hm_fail(why, HM_E_NOT_FOUND, "no cosignature of a known witness");
}

/* What is over less and fulfils nothing that this one does not is of no use any more. What fulfils
 * more stays, however many come after it. The lock is held. */
static void drop_lesser(struct reg_cosigned *list, const struct reg_cosigned *c)
{
    size_t n = 0;
    for (size_t i = 0; i < KEPT; i++)
        if (list[i].note_len > 0 && (list[i].size > c->size || (list[i].holds & ~c->holds) != 0))
            list[n++] = list[i];
    for (; n < KEPT; n++)
        list[n] = (struct reg_cosigned){.size = 0};
}

static void keep(struct reg_witness *w, const struct reg_cosigned *c, bool fresh)
{
    (void)pthread_mutex_lock(&w->lock);
    if (c->holds != 0) {
        drop_lesser(w->kept, c);
        put(w->kept, KEPT, c);
    }
    if (fresh && (c->holds & REG_WITNESS_POLICY) != 0 && c->size >= w->first)
        w->fresh = true;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

void reg_witness_publish(struct reg_witness *w, const struct reg_cosigned *c)
{
    keep(w, c, true);
}

void reg_witness_recall(struct reg_witness *w, uint64_t size, struct hm_bytes note)
{
    struct reg_cosigned c = {.size = size, .note_len = note.len};
    if (note.len > sizeof c.note)
        return;
    memcpy(c.note, note.data, note.len);
    c.holds = count_up(w->world, &c);
    keep(w, &c, false);
}

/* ---- what others ask ---- */

static bool find(const struct reg_witness *w, uint64_t idx, unsigned demands,
                 struct reg_cosigned *out)
{
    for (size_t i = 0; i < KEPT; i++) {
        const struct reg_cosigned *c = &w->kept[i];
        if (c->note_len == 0 || c->size <= idx || (c->holds & demands) != demands)
            continue;
        *out = *c;
        return true;
    }
    return false;
}

bool reg_witness_find(struct reg_witness *w, uint64_t idx, unsigned demands,
                      struct reg_cosigned *out)
{
    (void)pthread_mutex_lock(&w->lock);
    bool found = find(w, idx, demands, out);
    (void)pthread_mutex_unlock(&w->lock);
    return found;
}

/* The policy's quorum counts most. */
static int worth(unsigned holds)
{
    return __builtin_popcount(holds) +
           ((holds & REG_WITNESS_POLICY) != 0 ? HM_TRUST_STORES_MAX + 1 : 0);
}

bool reg_witness_best(struct reg_witness *w, uint64_t idx, struct reg_cosigned *out)
{
    const struct reg_cosigned *best = NULL;
    (void)pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < KEPT; i++) {
        const struct reg_cosigned *c = &w->kept[i];
        if (c->note_len > 0 && c->size > idx &&
            (best == NULL || worth(c->holds) > worth(best->holds)))
            best = c;
    }
    if (best != NULL)
        *out = *best;
    (void)pthread_mutex_unlock(&w->lock);
    return best != NULL;
}

unsigned reg_witness_all(const struct reg_witness *w)
{
    struct panel list[HM_TRUST_STORES_MAX + 1];
    unsigned bits = 0;
    size_t n = panels(w->world, list);
    for (size_t i = 0; i < n; i++)
        bits |= list[i].bit;
    return bits;
}

bool reg_witness_knows(const struct reg_witness *w, const char *name)
{
    struct panel list[HM_TRUST_STORES_MAX + 1];
    size_t n = panels(w->world, list);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < list[i].known->count; k++)
            if (strcmp(list[i].known->of[k].v.name, name) == 0)
                return true;
    return false;
}

/* "witness.example/w1: no answer; w2: …", or that nothing was heard of them. The lock is held. */
static void tell(const struct reg_witness *w, char out[static HM_WHY_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < w->voice_count && len < HM_WHY_MAX; i++)
        if (w->voices[i].trouble[0] != '\0')
            len += (size_t)snprintf(out + len, HM_WHY_MAX - len, "%s%s: %s", len > 0 ? "; " : "",
                                    w->voices[i].name, w->voices[i].trouble);
    if (len == 0)
        (void)snprintf(out, HM_WHY_MAX, "%s",
                       w->voice_count > 0 ? "not enough of them have cosigned yet"
                                          : "the door has not reported of any: does its "
                                            "configuration name them?");
}

static enum hm_err missing(const struct reg_witness *w, const char *what, struct hm_why *why)
{
    char text[HM_WHY_MAX];
    tell(w, text);
    return hm_fail(why, HM_E_UNAVAILABLE, "%s: %.400s", what, text);
}

enum hm_err reg_witness_missing(struct reg_witness *w, const char *what, struct hm_why *why)
{
    (void)pthread_mutex_lock(&w->lock);
    enum hm_err err = missing(w, what, why);
    (void)pthread_mutex_unlock(&w->lock);
    return err;
}

enum hm_err reg_witness_wait(struct reg_witness *w, uint64_t idx, unsigned demands,
                             uint64_t wait_ms, struct reg_cosigned *out, struct hm_why *why)
{
    struct timespec t = hm_clock_deadline((int64_t)wait_ms);
    enum hm_err err = HM_OK;
    (void)pthread_mutex_lock(&w->lock);
    bool found = find(w, idx, demands, out);
    bool room = w->waiting < WAITERS;
    w->waiting += room ? 1 : 0;
    while (!found && room && !w->stopped && pthread_cond_timedwait(&w->changed, &w->lock, &t) == 0)
        found = find(w, idx, demands, out);
    w->waiting -= room ? 1 : 0;
    if (!found)
        err = missing(w,
                      "signed and recorded, but it leaves only with the cosignatures of the "
                      "witnesses; ask again with the same Idempotency-Key",
                      why);
    (void)pthread_mutex_unlock(&w->lock);
    return err;
}

enum hm_err reg_witness_ready(struct reg_witness *w, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    (void)pthread_mutex_lock(&w->lock);
    if (!w->fresh && policy_witnesses(w->world->policy) != NULL)
        err =
            missing(w,
                    "nothing is signed until a quorum of the witnesses has cosigned the log as it "
                    "is since this start",
                    why);
    (void)pthread_mutex_unlock(&w->lock);
    return err;
}

/* The lock is held; NULL: there are as many as anybody asks already. */
static struct voice *voice_of(struct reg_witness *w, const char *name)
{
    for (size_t i = 0; i < w->voice_count; i++)
        if (strcmp(w->voices[i].name, name) == 0)
            return &w->voices[i];
    if (w->voice_count == HM_WITNESSES_MAX)
        return NULL;
    struct voice *v = &w->voices[w->voice_count++];
    (void)snprintf(v->name, sizeof v->name, "%s", name);
    return v;
}

void reg_witness_say(struct reg_witness *w, const char *name, const char *trouble, uint64_t size)
{
    (void)pthread_mutex_lock(&w->lock);
    struct voice *v = voice_of(w, name);
    bool news = v != NULL && strncmp(v->trouble, trouble, sizeof v->trouble - 1) != 0;
    if (v != NULL) {
        (void)snprintf(v->trouble, sizeof v->trouble, "%s", trouble);
        v->size = size;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (news)
        proc_log("hallmark-registrar", trouble[0] != '\0' ? PROC_WARNING : PROC_INFO,
                 "witness %s: %s", name, trouble[0] != '\0' ? trouble : "cosigns");
}

void reg_witness_stop(struct reg_witness *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->stopped = true;
    (void)pthread_cond_broadcast(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}
