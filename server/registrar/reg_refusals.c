#include "server/registrar/reg_refusals.h"

#include "schema/core/hm_limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS UINT64_C(60000)
#define ACTORS_MAX 256 /* buckets */

struct bucket {
    char actor[HM_NAME_MAX + 1];
    uint64_t since_ms;
    uint64_t used;
    uint64_t dropped;
};
struct reg_refusals {
    uint64_t per_minute;
    bool changed; /* in the running transaction; then these two were before: */
    size_t count_before;
    struct bucket before[ACTORS_MAX];
    size_t count;
    struct bucket bucket[ACTORS_MAX];
};

static void change(struct reg_refusals *r)
{
    if (r->changed)
        return;
    r->changed = true;
    r->count_before = r->count;
    memcpy(r->before, r->bucket, r->count * sizeof r->bucket[0]);
}

void reg_refusals_settle(struct reg_refusals *r, bool committed)
{
    if (r->changed && !committed) {
        r->count = r->count_before;
        memcpy(r->bucket, r->before, r->count * sizeof r->bucket[0]);
    }
    r->changed = false;
}

enum hm_err reg_refusals_open(uint64_t per_minute, struct reg_refusals **out, struct hm_why *why)
{
    struct reg_refusals *r = calloc(1, sizeof *r);
    if (r == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory");
    r->per_minute = per_minute;
    *out = r;
    return HM_OK;
}

void reg_refusals_close(struct reg_refusals *r)
{
    free(r);
}

static void begin(struct bucket *b, const char *actor, uint64_t now_ms)
{
    *b = (struct bucket){.since_ms = now_ms};
    (void)snprintf(b->actor, sizeof b->actor, "%s", actor);
}

static bool is_over(const struct bucket *b, uint64_t now_ms)
{
    return b->dropped == 0 && now_ms - b->since_ms >= MINUTE_MS;
}

/* The actor's bucket, a free one, or one whose minute passed without anything to summarise. While
 * there is none, actors share the last one, which then names nobody: a summary never names the
 * wrong person. */
static struct bucket *find(struct reg_refusals *r, const char *actor, uint64_t now_ms)
{
    struct bucket *reuse = NULL;
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->bucket[i].actor, actor) == 0)
            return &r->bucket[i];
        if (reuse == NULL && is_over(&r->bucket[i], now_ms))
            reuse = &r->bucket[i];
    }
    if (r->count < ACTORS_MAX - 1)
        reuse = &r->bucket[r->count++];
    if (reuse != NULL) {
        begin(reuse, actor, now_ms);
        return reuse;
    }
    if (r->count < ACTORS_MAX)
        begin(&r->bucket[r->count++], "", now_ms);
    return &r->bucket[ACTORS_MAX - 1];
}

bool reg_refusals_take(struct reg_refusals *r, const char *actor, size_t evidence_bytes,
                       uint64_t now_ms)
{
    change(r);
    struct bucket *b = find(r, actor, now_ms);
    uint64_t places = 1 + evidence_bytes / (HM_SMALL_BODY_MAX + 1);
    if (is_over(b, now_ms)) {
        b->since_ms = now_ms;
        b->used = 0;
    }
    if (b->used < r->per_minute) {
        b->used += places;
        return true;
    }
    b->dropped++;
    return false;
}

bool reg_refusals_due(const struct reg_refusals *r, uint64_t now_ms)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->bucket[i].dropped > 0 && now_ms - r->bucket[i].since_ms >= MINUTE_MS)
            return true;
    return false;
}

enum hm_err reg_refusals_flush(struct reg_refusals *r, struct db_log *log,
                               const struct hm_digest *policy, uint64_t now_ms, struct hm_why *why)
{
    change(r);
    for (size_t i = 0; i < r->count; i++) {
        struct bucket *b = &r->bucket[i];
        if (b->dropped == 0 || now_ms - b->since_ms < MINUTE_MS)
            continue;
        struct hm_record rec = {.event = HM_EV_REFUSALS_SUMMARISED,
                                .has_policy = true,
                                .policy = *policy,
                                .count = b->dropped};
        (void)snprintf(rec.actor, sizeof rec.actor, "%s", b->actor);
        enum hm_err err = db_log_append(log, now_ms, &rec, NULL, hm_bytes_of(NULL, 0), why);
        if (err != HM_OK)
            return err;
        b->dropped = 0;
        b->used = 0;
        b->since_ms = now_ms;
    }
    return HM_OK;
}
