/* What a hook delivers next: records in the order of the log, each alert behind the record that
 * raised it. */
#include "server/door/door_hooks_priv.h"

#include "schema/io/hm_clock.h"
#include "server/door/door.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WATCH_MS 1000 /* how late an alert without a record is found */
#define WRITE_MS 250  /* between two writes of the cursor: so much is repeated after a crash */
#define PAGE_BYTES ((size_t)8 * 1024 * 1024)
#define PAGE_KEEP ((size_t)256 * 1024)
#define DAY_MS UINT64_C(86400000)

/* --- the cursor --- */

void door_hook_save(struct door_hook *h, bool now)
{
    struct hm_why why = {.text = ""};
    int64_t ms = hm_clock_mono_ms();
    atomic_store(&h->next, h->cursor.next);
    if (!h->dirty || (!now && ms - h->written_ms < WRITE_MS))
        return;
    bool ok = door_cursor_write(h->path, &h->cursor, &why) == HM_OK;
    if (!ok && !h->write_failed)
        proc_log(DOOR_PROGRAM, PROC_ERROR,
                 "webhook %s: %s; until it can be written, deliveries are repeated after a restart",
                 h->name, why.text);
    h->write_failed = !ok;
    h->dirty = !ok;
    h->written_ms = ms;
}

static void moved(struct door_hook *h)
{
    h->dirty = true;
    door_hook_save(h, false);
}

/* A new hook begins with what comes from now on. */
static bool begin(struct door_hook *h)
{
    struct hm_vkey key;
    uint64_t size = 0;
    if (door_model_key(h->model, &key, NULL) != HM_OK ||
        door_model_head(h->model, &size, NULL, NULL) != HM_OK)
        return false;
    memcpy(h->origin, key.name, sizeof h->origin);
    if (h->cursor.next == UINT64_MAX) {
        h->cursor.next = h->cursor.alerts_next = size;
        h->dirty = true;
        door_hook_save(h, true);
    }
    atomic_store(&h->next, h->cursor.next);
    h->begun = true;
    return true;
}

/* --- what is too old --- */

static void let_go(struct door_hook *h)
{
    h->dropping++;
    atomic_fetch_add(&h->dropped, 1);
}

static void begin_to_drop(struct door_hook *h)
{
    h->drop_before_ms = (uint64_t)hm_clock_unix_ms() - h->c->give_up_days * DAY_MS;
}

static void tell_dropped(struct door_hook *h)
{
    if (h->dropping > 0)
        proc_log(DOOR_PROGRAM, PROC_ERROR,
                 "webhook %s (%s): %" PRIu64 " deliveries of more than %" PRIu64
                 " days were dropped; it goes on at record %" PRIu64,
                 h->name, h->host, h->dropping, h->c->give_up_days, h->cursor.next);
    h->dropping = 0;
}

/* True: it was dealt with, one way or the other. */
static bool deal_with(struct door_hook *h, const struct door_hook_message *m)
{
    if (m->t_ms < h->drop_before_ms) {
        let_go(h);
        return true;
    }
    tell_dropped(h);
    enum door_hook_result got = door_hook_deliver(h, m);
    if (got == DOOR_HOOK_TOO_OLD) {
        begin_to_drop(h);
        let_go(h);
    }
    return got != DOOR_HOOK_STOPPED;
}

/* --- alerts --- */

/* The next one that this hook was not told of. */
static bool next_alert(struct door_hook *h, struct alert *x)
{
    uint64_t taken = 0;
    struct door_cursor *c = &h->cursor;
    while (door_alerts_next(h->alerts, h->seq, x, &taken)) {
        bool of_record = x->raised_idx != ALERT_NO_RECORD;
        if (of_record && x->raised_idx >= c->next)
            return false; /* its record comes first */
        if (of_record ? x->raised_idx >= c->alerts_next : !door_cursor_was_told(c, x->id))
            return true;
        h->seq = x->seq;
    }
    uint64_t done = taken < c->next ? taken : c->next;
    if (done > c->alerts_next) {
        c->alerts_next = done;
        moved(h);
    }
    return false;
}

/* True: there was one. */
static bool alert_turn(struct door_hook *h)
{
    struct alert x;
    struct door_hook_message m = {.t_ms = 0};
    if (!h->c->alerts || !next_alert(h, &x))
        return false;
    bool done = door_hook_alert(h->origin, h->alerts, &x, &m) == HM_OK && deal_with(h, &m);
    hm_buf_free(&m.body);
    if (!done)
        return false;
    h->seq = x.seq;
    if (x.raised_idx == ALERT_NO_RECORD)
        door_cursor_tell(&h->cursor, x.id);
    else if (x.raised_idx > h->cursor.alerts_next)
        h->cursor.alerts_next = x.raised_idx; /* there may be others of this record */
    moved(h);
    return true;
}

/* --- records --- */

static bool wants(const struct door_config_webhook *c, const struct hm_record *r)
{
    if ((c->events >> r->event & 1) == 0)
        return false;
    for (size_t i = 0; i < c->product_count; i++)
        if (strcmp(c->products[i], r->product) == 0)
            return true;
    return c->product_count == 0;
}

static enum hm_err on_row(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct door_hook *h = ctx;
    struct door_hook_page *p = &h->page;
    struct hm_record r;
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return err;
    p->behind = idx + 1;
    if (!wants(h->c, &r))
        return HM_OK;
    p->idx[p->count] = idx;
    p->len[p->count++] = record.len;
    hm_buf_put(&p->bytes, record.data, record.len);
    return hm_buf_err(&p->bytes);
}

static void clear_page(struct door_hook_page *p)
{
    if (p->bytes.cap > PAGE_KEEP)
        hm_buf_free(&p->bytes);
    hm_buf_reset(&p->bytes);
    p->bytes.limit = PAGE_BYTES;
    p->count = p->at = 0;
    p->offset = 0;
}

static enum hm_err load_page(struct door_hook *h, struct hm_why *why)
{
    struct db_query *q = NULL;
    uint64_t size = 0;
    uint64_t next = h->cursor.next;
    const struct db_query_filter f = {.after = next > 0 ? next - 1 : UINT64_MAX,
                                      .limit = DOOR_HOOK_PAGE};
    clear_page(&h->page);
    h->page.behind = next;
    enum hm_err err = door_model_borrow(h->model, &q, &size, why);
    if (err != HM_OK)
        return err;
    err = next < size ? db_query_entries(q, &f, on_row, h, why) : HM_OK;
    door_model_return(h->model, q);
    if (err != HM_OK)
        clear_page(&h->page);
    return err;
}

/* Everything of the page was dealt with. */
static void end_page(struct door_hook *h)
{
    if (h->page.behind <= h->cursor.next)
        return;
    h->cursor.next = h->page.behind;
    moved(h);
}

static bool send_row(struct door_hook *h)
{
    struct door_hook_page *p = &h->page;
    struct door_hook_message m = {.t_ms = 0};
    struct hm_record r;
    struct hm_bytes record = hm_bytes_of(p->bytes.data + p->offset, p->len[p->at]);
    uint64_t idx = p->idx[p->at];
    bool done = hm_record_parse(record, &r, NULL) == HM_OK &&
                door_hook_record(h->origin, idx, record, &r, &m) == HM_OK && deal_with(h, &m);
    hm_buf_free(&m.body);
    if (!done)
        return false;
    p->offset += p->len[p->at++];
    h->cursor.next = idx + 1;
    moved(h);
    return true;
}

/* True: there was something to do. */
static bool record_turn(struct door_hook *h)
{
    struct door_hook_page *p = &h->page;
    uint64_t before = h->cursor.next;
    if (p->at < p->count)
        return send_row(h);
    end_page(h);
    if (load_page(h, NULL) != HM_OK)
        return false;
    if (p->count == 0)
        end_page(h);
    return p->count > 0 || h->cursor.next > before;
}

void *door_hook_main(void *hook)
{
    struct door_hook *h = hook;
    proc_thread_gives_way();
    while (!door_model_stopping(h->model)) {
        if ((h->begun || begin(h)) && (alert_turn(h) || record_turn(h)))
            continue;
        tell_dropped(h);
        door_hook_save(h, true);
        (void)door_model_watch(h->model, h->begun ? h->cursor.next : UINT64_MAX - 1,
                               hm_clock_mono_ms() + WATCH_MS);
    }
    door_hook_save(h, true);
    return NULL;
}
