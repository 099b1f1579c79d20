#include "server/door/alert_usage.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS UINT64_C(3600000)

/* One key. The ring holds the uses of the hours now - weeks * 168 - 1 to now; an hour stands at its
 * number modulo the ring's size. */
struct key {
    struct hm_digest id;
    uint64_t now; /* hour of the newest use */
    uint64_t
        oldest;    /* first hour of the window before `now` with a use; `now` where there is none */
    uint64_t uses; /* in that window */
    uint32_t *ring;
};
struct alert_usage {
    const struct alert_config *c;
    uint64_t window; /* hours */
    uint64_t size;   /* of a ring */
    size_t count;
    struct key keys[ALERT_KEYS_MAX];
};

struct alert_usage *alert_usage_new(const struct alert_config *c)
{
    struct alert_usage *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    u->c = c;
    u->window = c->history_weeks * ALERT_WEEK_HOURS;
    u->size = u->window + 2;
    return u;
}

void alert_usage_free(struct alert_usage *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < u->count; i++)
        free(u->keys[i].ring);
    free(u);
}

static uint32_t *at(const struct alert_usage *u, const struct key *k, uint64_t hour)
{
    return &k->ring[hour % u->size];
}

/* The window before hour h begins here. */
static uint64_t begin_of(const struct alert_usage *u, uint64_t h)
{
    return h > u->window ? h - u->window : 0;
}

/* Its place, or the one of the key that rested longest. */
static struct key *place(struct alert_usage *u, const struct hm_digest *id)
{
    struct key *rested = &u->keys[0];
    for (size_t i = 0; i < u->count; i++) {
        if (hm_digest_eq(&u->keys[i].id, id))
            return &u->keys[i];
        if (u->keys[i].now < rested->now)
            rested = &u->keys[i];
    }
    return u->count < ALERT_KEYS_MAX ? &u->keys[u->count] : rested;
}

static struct key *find(struct alert_usage *u, const struct hm_digest *id, uint64_t hour)
{
    struct key *k = place(u, id);
    if (k->ring != NULL && hm_digest_eq(&k->id, id))
        return k;
    if (k->ring == NULL) {
        k->ring = calloc(u->size, sizeof *k->ring);
        if (k->ring == NULL)
            return NULL;
        u->count++;
    }
    memset(k->ring, 0, u->size * sizeof *k->ring);
    k->id = *id;
    k->now = k->oldest = hour;
    k->uses = 0;
    return k;
}

/* Moves the window on to hour h: what was the present becomes history, what is too old falls out.
 */
static void advance(const struct alert_usage *u, struct key *k, uint64_t h)
{
    if (h - k->now >= u->size) {
        memset(k->ring, 0, u->size * sizeof *k->ring);
        k->now = k->oldest = h;
        k->uses = 0;
        return;
    }
    while (k->now < h) {
        k->uses += *at(u, k, k->now);
        k->now++;
        uint64_t begin = begin_of(u, k->now);
        if (begin > 0)
            k->uses -= *at(u, k, begin - 1);
        /* The ring has one hour more than the window, for the neighbour of its first one. */
        *at(u, k, k->now) = 0;
    }
    uint64_t begin = begin_of(u, h);
    if (k->oldest < begin)
        k->oldest = begin;
    while (k->oldest < h && *at(u, k, k->oldest) == 0)
        k->oldest++;
}

/* How many of the weeks before had a use at this hour of the week, or at one beside it. */
static uint64_t weeks_at(const struct alert_usage *u, const struct key *k)
{
    uint64_t n = 0;
    for (uint64_t w = 1; w <= u->c->history_weeks && w * ALERT_WEEK_HOURS < k->now; w++) {
        uint64_t h = k->now - w * ALERT_WEEK_HOURS;
        n += *at(u, k, h - 1) > 0 || *at(u, k, h) > 0 || *at(u, k, h + 1) > 0 ? 1 : 0;
    }
    return n;
}

enum hm_err alert_usage_add(struct alert_usage *u, const struct hm_digest *key, uint64_t t_ms,
                            struct alert_use *out)
{
    uint64_t hour = t_ms / HOUR_MS;
    struct key *k = find(u, key, hour);
    if (k == NULL)
        return HM_E_MEMORY;
    if (hour > k->now)
        advance(u, k, hour);
    uint32_t *in_hour = at(u, k, k->now);
    if (*in_hour < UINT32_MAX)
        (*in_hour)++;
    struct alert_use use = {
        .in_hour = *in_hour,
        .uses = k->uses,
        .hours = k->now - k->oldest,
        .weeks = weeks_at(u, k),
    };
    use.judged = use.uses >= u->c->min_uses && use.hours >= u->c->min_weeks * ALERT_WEEK_HOURS;
    use.unusual_hour = use.judged && use.weeks < u->c->usual_weeks;
    use.unusual_rate = use.judged && use.in_hour > u->c->rate_floor &&
                       use.in_hour * use.hours > u->c->rate_factor * use.uses;
    *out = use;
    return HM_OK;
}
