#include "server/registrar/reg_refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS UINT64_C(60000)
#define ACTORS_MAX 256 /* buckets; more actors share the last one */

struct bucket {
    char actor[HM_NAME_MAX + 1];
    uint64_t since_ms;
    uint64_t used;
    uint64_t dropped;
};
struct reg_refusals {
    uint64_t per_minute;
    size_t count;
    struct bucket bucket[ACTORS_MAX];
};

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

static struct bucket *find(struct reg_refusals *r, const char *actor, uint64_t now_ms)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->bucket[i].actor, actor) == 0)
            return &r->bucket[i];
    if (r->count == ACTORS_MAX)
        return &r->bucket[ACTORS_MAX - 1];
    struct bucket *b = &r->bucket[r->count++];
    (void)snprintf(b->actor, sizeof b->actor, "%s", actor);
    b->since_ms = now_ms;
    return b;
}

bool reg_refusals_take(struct reg_refusals *r, const char *actor, uint64_t now_ms)
{
    struct bucket *b = find(r, actor, now_ms);
    if (now_ms - b->since_ms >= MINUTE_MS && b->dropped == 0) {
        b->since_ms = now_ms;
        b->used = 0;
    }
    if (b->used < r->per_minute) {
        b->used++;
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
