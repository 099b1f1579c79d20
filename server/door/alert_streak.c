#include "server/door/alert_streak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct streak {
    char subject[ALERT_SUBJECT_MAX + 1];
    uint64_t count; /* 0: none, the place is free */
    uint64_t last_ms;
    uint64_t idx[ALERT_INDEXES];
    size_t idx_count;
};
struct alert_streaks {
    const struct alert_config *c;
    struct streak of[ALERT_STREAKS_MAX];
};

struct alert_streaks *alert_streaks_new(const struct alert_config *c)
{
    struct alert_streaks *s = calloc(1, sizeof *s);
    if (s != NULL)
        s->c = c;
    return s;
}

void alert_streaks_free(struct alert_streaks *s)
{
    free(s);
}

static struct streak *find(struct alert_streaks *s, const char *subject)
{
    for (size_t i = 0; i < ALERT_STREAKS_MAX; i++)
        if (s->of[i].count > 0 && strcmp(s->of[i].subject, subject) == 0)
            return &s->of[i];
    return NULL;
}

/* A free place, or the one of the row that rested longest. */
static struct streak *place(struct alert_streaks *s, const char *subject)
{
    struct streak *rested = &s->of[0];
    for (size_t i = 0; i < ALERT_STREAKS_MAX && rested->count > 0; i++)
        if (s->of[i].count == 0 || s->of[i].last_ms < rested->last_ms)
            rested = &s->of[i];
    *rested = (struct streak){.count = 0};
    (void)snprintf(rested->subject, sizeof rested->subject, "%s", subject);
    return rested;
}

static void add_index(struct streak *k, uint64_t idx)
{
    if (k->idx_count == ALERT_INDEXES) {
        memmove(k->idx, k->idx + 1, (ALERT_INDEXES - 1) * sizeof k->idx[0]);
        k->idx_count--;
    }
    k->idx[k->idx_count++] = idx;
}

uint64_t alert_streaks_refused(struct alert_streaks *s, const char *subject, uint64_t t_ms,
                               uint64_t idx, uint64_t count, uint64_t idxs[static ALERT_INDEXES],
                               size_t *idx_count)
{
    struct streak *k = find(s, subject);
    if (k == NULL) {
        k = place(s, subject);
    } else if (t_ms - k->last_ms > s->c->refusals_gap_s * 1000) {
        k->count = 0;
        k->idx_count = 0;
    }
    k->count += count;
    k->last_ms = t_ms;
    add_index(k, idx);
    memcpy(idxs, k->idx, k->idx_count * sizeof k->idx[0]);
    *idx_count = k->idx_count;
    return k->count;
}

void alert_streaks_accepted(struct alert_streaks *s, const char *subject)
{
    struct streak *k = find(s, subject);
    if (k != NULL)
        k->count = 0;
}
