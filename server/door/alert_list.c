/* The alerts that are remembered. Repeats are folded by stretches of time that lie fixed on the
 * clock, so that what is folded does not depend on where somebody began to look. */
#include "server/door/alert_priv.h"

#include "schema/core/hm_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS UINT64_C(86400000)

struct alerts *alerts_new(const struct alert_config *c)
{
    struct alerts *a = calloc(1, sizeof *a);
    if (a == NULL)
        return NULL;
    a->c = *c;
    a->usage = alert_usage_new(&a->c);
    a->streaks = alert_streaks_new(&a->c);
    if (a->usage != NULL && a->streaks != NULL)
        return a;
    alerts_free(a);
    return NULL;
}

void alerts_free(struct alerts *a)
{
    if (a == NULL)
        return;
    alert_usage_free(a->usage);
    alert_streaks_free(a->streaks);
    free(a);
}

size_t alerts_count(const struct alerts *a)
{
    return a->count;
}

static size_t slot(const struct alerts *a, size_t i)
{
    return (a->begin + i) % ALERT_LIST_MAX;
}

const struct alert *alerts_at(const struct alerts *a, size_t i)
{
    return i < a->count ? &a->list[slot(a, i)] : NULL;
}

static uint64_t stretch_ms(const struct alerts *a, enum alert_kind k)
{
    return alert_is_condition(k) ? DAY_MS : a->c.fold_s * 1000;
}

bool alerts_is_open(const struct alerts *a, const struct alert *x, uint64_t now_ms)
{
    return now_ms <= x->last_ms || now_ms - x->last_ms <= stretch_ms(a, x->kind);
}

uint64_t alerts_history_ms(const struct alert_config *c)
{
    return (c->keep_days + 7 * c->history_weeks + 2) * DAY_MS + c->fold_s * 1000 +
           c->refusals * c->refusals_gap_s * 1000;
}

static void name_it(const struct alerts *a, const struct alert_news *n, char out[static 17])
{
    HM_BUF_AUTO b = {.limit = 1024};
    uint64_t stretch = stretch_ms(a, n->kind);
    hm_buf_printf(&b, "%s\n%s\n%llu\n", alert_kind_name(n->kind), n->subject,
                  (unsigned long long)(n->t_ms / stretch * stretch));
    struct hm_digest d = hm_sha256(hm_buf_bytes(&b));
    hm_hex(d.b, 8, out);
}

static struct alert *find(struct alerts *a, const char *id)
{
    for (size_t i = a->count; i-- > 0;) {
        struct alert *x = &a->list[slot(a, i)];
        if (strcmp(x->id, id) == 0)
            return x;
    }
    return NULL;
}

static struct alert *add(struct alerts *a)
{
    if (a->count == ALERT_LIST_MAX) {
        a->begin = (a->begin + 1) % ALERT_LIST_MAX;
        a->count--;
    }
    struct alert *x = &a->list[slot(a, a->count++)];
    *x = (struct alert){.seq = ++a->seq};
    return x;
}

static void begin_alert(struct alert *x, const struct alert_news *n, const char *id)
{
    memcpy(x->id, id, sizeof x->id);
    x->kind = n->kind;
    (void)snprintf(x->subject, sizeof x->subject, "%s", n->subject);
    x->first_ms = n->t_ms;
    x->raised_idx = n->idx_count > 0 ? n->idx[n->idx_count - 1] : ALERT_NO_RECORD;
    x->last_idx = ALERT_NO_RECORD;
}

static void add_records(struct alert *x, const struct alert_news *n)
{
    for (size_t i = 0; i < n->idx_count; i++) {
        if (x->last_idx != ALERT_NO_RECORD && n->idx[i] <= x->last_idx)
            continue; /* named already */
        if (x->idx_count < ALERT_INDEXES)
            x->idx[x->idx_count++] = n->idx[i];
        x->last_idx = n->idx[i];
    }
}

void alert_raise(struct alerts *a, const struct alert_news *n, const char *fmt, ...)
{
    char id[17];
    va_list ap;
    name_it(a, n, id);
    struct alert *x = find(a, id);
    if (x == NULL) {
        x = add(a);
        begin_alert(x, n, id);
    }
    /* The text is that of the newest occurrence, the severity that of the worst. */
    va_start(ap, fmt);
    (void)vsnprintf(x->text, sizeof x->text, fmt, ap);
    va_end(ap);
    if (n->severity > x->severity)
        x->severity = n->severity;
    if (n->t_ms > x->last_ms)
        x->last_ms = n->t_ms;
    if (x->count == 0 || !alert_is_condition(n->kind))
        x->count++;
    add_records(x, n);
}
