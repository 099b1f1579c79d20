#include "server/door/door_alerts_priv.h"

#include "schema/io/hm_clock.h"
#include "server/door/door.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_ROWS 500
#define WATCH_MS 1000     /* how soon the end of the service is noticed */
#define TICK_MS 5000      /* between two looks at what lasts */
#define ASK_MS 600000     /* between two questions to the registrar about what ends, */
#define ASK_AGAIN_MS 5000 /* and when it did not answer */
/* --- records --- */

/* About another policy or trust store: what ends may be something else now. */
static bool changes_what_ends(enum hm_event e)
{
    return e == HM_EV_POLICY_ACTIVATED || e == HM_EV_TRUST_STORE_PUBLISHED;
}

static enum hm_err on_record(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct door_alerts *d = ctx;
    struct hm_record r;
    uint64_t now = (uint64_t)hm_clock_unix_ms();
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&d->lock);
    err = alerts_record(d->engine, &r);
    if (r.t_ms > now)
        alerts_clock(d->engine, now, "clock:records", (int64_t)(r.t_ms - now));
    d->taken = idx + 1;
    (void)pthread_mutex_unlock(&d->lock);
    d->ask_now = d->ask_now || changes_what_ends(r.event);
    return err == HM_OK ? HM_OK : hm_fail(why, err, "no memory for the history of a key");
}

/* The next page of records; *more: there may be others. */
static enum hm_err take_page(struct door_alerts *d, bool *more, struct hm_why *why)
{
    struct db_query *q = NULL;
    uint64_t size = 0;
    const uint64_t from = d->taken; /* this thread alone writes it */
    const struct db_query_filter f = {.after = from > 0 ? from - 1 : UINT64_MAX,
                                      .limit = PAGE_ROWS};
    enum hm_err err = door_model_borrow(d->c.model, &q, &size, why);
    if (err != HM_OK)
        return err;
    err = db_query_entries(q, &f, on_record, d, why);
    door_model_return(d->c.model, q);
    *more = d->taken - from == PAGE_ROWS;
    return err;
}

static enum hm_err first_row(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    uint64_t *out = ctx;
    (void)record;
    (void)why;
    *out = idx;
    return HM_OK;
}

/* Where the records begin that have to be known. */
static enum hm_err find_begin(struct door_alerts *d, struct hm_why *why)
{
    struct db_query *q = NULL;
    uint64_t size = 0;
    uint64_t now = (uint64_t)hm_clock_unix_ms();
    uint64_t history = alerts_history_ms(d->c.thresholds);
    const struct db_query_filter f = {
        .after = UINT64_MAX, .limit = 1, .since_ms = now > history ? now - history : 1};
    enum hm_err err = door_model_borrow(d->c.model, &q, &size, why);
    if (err != HM_OK)
        return err;
    uint64_t begin = size;
    err = db_query_entries(q, &f, first_row, &begin, why);
    door_model_return(d->c.model, q);
    if (err != HM_OK)
        return err;
    (void)pthread_mutex_lock(&d->lock);
    d->taken = begin;
    (void)pthread_mutex_unlock(&d->lock);
    if (!d->has_cursor) /* what happened before anybody watched is shown, and not reported */
        d->cursor.alerts_next = size;
    d->has_cursor = true;
    return door_cursor_write(d->path, &d->cursor, why);
}

/* --- the journal --- */

static enum proc_level level_of(enum alert_severity s)
{
    return s == ALERT_CRITICAL ? PROC_ERROR : (s == ALERT_WARNING ? PROC_WARNING : PROC_INFO);
}

static void report_one(struct door_alerts *d, const struct alert *x)
{
    char records[48] = "";
    if (x->raised_idx != ALERT_NO_RECORD)
        (void)snprintf(records, sizeof records, " (record %" PRIu64 ")", x->raised_idx);
    proc_log(DOOR_PROGRAM, level_of(x->severity), "alert %s: %s: %s%s", alert_kind_name(x->kind),
             x->subject, x->text, records);
    (void)pthread_mutex_lock(&d->lock);
    d->reported[x->kind]++;
    (void)pthread_mutex_unlock(&d->lock);
}

/* A record's alert that an earlier process reported is computed again after a restart. */
static bool is_news(const struct door_alerts *d, const struct alert *x)
{
    return x->raised_idx != ALERT_NO_RECORD ? x->raised_idx >= d->cursor.alerts_next
                                            : !door_cursor_was_told(&d->cursor, x->id);
}

static void report(struct door_alerts *d)
{
    struct alert x;
    struct hm_why why = {.text = ""};
    uint64_t taken = 0;
    uint64_t next = d->cursor.alerts_next;
    bool any = false;
    while (door_alerts_next(d, d->seq, &x, &taken)) {
        d->seq = x.seq;
        if (!is_news(d, &x))
            continue;
        report_one(d, &x);
        any = true;
        if (x.raised_idx == ALERT_NO_RECORD)
            door_cursor_tell(&d->cursor, x.id);
        else if (x.raised_idx >= next)
            next = x.raised_idx + 1;
    }
    d->cursor.alerts_next = next;
    if (any && door_cursor_write(d->path, &d->cursor, &why) != HM_OK)
        proc_log(DOOR_PROGRAM, PROC_ERROR, "alerts: %s", why.text);
}

/* --- the thread --- */

static void look_at_conditions(struct door_alerts *d)
{
    struct hm_why why = {.text = ""};
    int64_t now = hm_clock_mono_ms();
    if (d->ask_now || now >= d->ask_ms) {
        bool ok = door_ends_ask(d, &why) == HM_OK;
        d->ask_now = false;
        d->ask_ms = hm_clock_mono_ms() + (ok ? ASK_MS : ASK_AGAIN_MS);
    }
    if (now < d->tick_ms)
        return;
    d->tick_ms = now + TICK_MS;
    door_conditions(d);
}

/* One turn; false: nothing can be looked at now. */
static bool turn(struct door_alerts *d, bool *begun, struct hm_why *why)
{
    bool more = true;
    if (!*begun && find_begin(d, why) != HM_OK)
        return false;
    *begun = true;
    while (more && !door_model_stopping(d->c.model))
        if (take_page(d, &more, why) != HM_OK)
            return false;
    report(d);
    look_at_conditions(d);
    report(d);
    return true;
}

static void *alerts_main(void *arg)
{
    struct door_alerts *d = arg;
    bool begun = false;
    bool failed = false;
    proc_thread_gives_way();
    while (!door_model_stopping(d->c.model)) {
        struct hm_why why = {.text = ""};
        struct door_model_state s;
        bool ok = turn(d, &begun, &why);
        door_model_state(d->c.model, &s);
        if (!ok && s.ok && !failed) /* else the follower has said it */
            proc_log(DOOR_PROGRAM, PROC_ERROR, "alerts: %s", why.text);
        failed = !ok && s.ok;
        (void)door_model_watch(d->c.model, ok ? d->taken : UINT64_MAX - 1,
                               hm_clock_mono_ms() + WATCH_MS);
    }
    return NULL;
}

static enum hm_err open_parts(struct door_alerts *d, struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = 4096};
    size_t len = 0;
    hm_buf_printf(&path, "%s.alerts", d->c.query_db);
    hm_buf_putc(&path, 0);
    if (hm_buf_err(&path) != HM_OK)
        return hm_fail(why, HM_E_LIMIT, "query_db: path too long");
    d->path = (char *)hm_buf_take(&path, &len);
    d->engine = alerts_new(d->c.thresholds);
    d->ends = calloc(DOOR_ENDS_MAX, sizeof *d->ends);
    if (d->engine == NULL || d->ends == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for alerts");
    enum hm_err err = door_cursor_read(d->path, &d->cursor, why);
    d->has_cursor = err == HM_OK;
    if (err == HM_E_NOT_FOUND)
        return HM_OK;
    return err == HM_OK
               ? HM_OK
               : hm_fail_in(why, err, "what was reported; remove it to report from now on");
}

static void free_parts(struct door_alerts *d)
{
    (void)pthread_mutex_destroy(&d->lock);
    alerts_free(d->engine);
    free(d->ends);
    free(d->path);
    free(d);
}

enum hm_err door_alerts_start(const struct door_alerts_config *c, struct door_alerts **out,
                              struct hm_why *why)
{
    struct door_alerts *d = calloc(1, sizeof *d);
    if (d == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for alerts");
    d->c = *c;
    (void)pthread_mutex_init(&d->lock, NULL);
    enum hm_err err = open_parts(d, why);
    if (err == HM_OK) {
        door_ends_own(d);
        err = proc_thread_start(&d->thread, alerts_main, d, "that watches for alerts", why);
    }
    if (err != HM_OK) {
        free_parts(d);
        return err;
    }
    *out = d;
    return HM_OK;
}

void door_alerts_stop(struct door_alerts *d)
{
    if (d == NULL)
        return;
    (void)pthread_join(d->thread, NULL);
    free_parts(d);
}
