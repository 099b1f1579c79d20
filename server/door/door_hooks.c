#include "server/door/door_hooks_priv.h"

#include "schema/core/hm_text.h"
#include "server/door/door.h"
#include "server/ipc/proc_log.h"
#include "server/ipc/proc_metric.h"
#include "server/ipc/proc_thread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct door_hooks {
    struct door_model *model;
    size_t count;
    struct door_hook of[HM_WEBHOOKS_MAX];
};

static void name_it(struct door_hook *h)
{
    struct hm_digest d = hm_sha256(hm_bytes_str(h->c->url));
    const char *host = strstr(h->c->url, "://") + 3; /* door_out_url_ok */
    hm_hex(d.b, 8, h->name);
    (void)snprintf(h->host, sizeof h->host, "%.*s",
                   (int)(host - h->c->url) + (int)strcspn(host, "/"), h->c->url);
}

static enum hm_err open_cursor(struct door_hook *h, const char *query_db, struct hm_why *why)
{
    HM_BUF_AUTO path = {.limit = 4096};
    const char *slash = strrchr(query_db, '/');
    size_t len = 0;
    hm_buf_put(&path, query_db, slash != NULL ? (size_t)(slash - query_db) + 1 : 0);
    hm_buf_printf(&path, "webhook-%s", h->name);
    hm_buf_putc(&path, 0);
    if (hm_buf_err(&path) != HM_OK)
        return hm_fail(why, HM_E_LIMIT, "query_db: path too long");
    h->path = (char *)hm_buf_take(&path, &len);
    enum hm_err err = door_cursor_read(h->path, &h->cursor, why);
    if (err == HM_E_NOT_FOUND) {
        h->cursor.next = UINT64_MAX; /* found out once the read model is there */
        return HM_OK;
    }
    return err == HM_OK ? HM_OK
                        : hm_fail_in(why, err,
                                     "webhook %s: what was delivered; remove it to begin with what "
                                     "comes from now on",
                                     h->name);
}

static enum hm_err open_hook(struct door_hook *h, const struct door_config *c, struct hm_why *why)
{
    name_it(h);
    enum hm_err err = door_hook_secrets_read(h->c->secret_file, &h->secrets, why);
    if (err == HM_OK)
        err = open_cursor(h, c->query_db, why);
    if (err == HM_OK)
        err = door_out_open(c->outbound_ca, &h->out, why);
    return err;
}

static enum hm_err start_hook(struct door_hook *h, struct hm_why *why)
{
    enum hm_err err = proc_thread_start(&h->thread, door_hook_main, h, "of a webhook", why);
    if (err != HM_OK)
        return err;
    h->started = true;
    proc_log(DOOR_PROGRAM, PROC_INFO, "webhook %s: delivers to %s%s", h->name, h->host,
             h->c->events == 0 ? ", only alerts" : (h->c->alerts ? ", alerts too" : ""));
    return HM_OK;
}

enum hm_err door_hooks_start(const struct door_config *c, struct door_model *model,
                             struct door_alerts *alerts, struct door_hooks **out,
                             struct hm_why *why)
{
    struct door_hooks *all = calloc(1, sizeof *all);
    enum hm_err err = HM_OK;
    if (all == NULL)
        return hm_fail(why, HM_E_MEMORY, "no memory for webhooks");
    all->model = model;
    for (size_t i = 0; err == HM_OK && i < c->webhook_count; i++) {
        struct door_hook *h = &all->of[all->count++];
        h->c = &c->webhooks[i];
        h->model = model;
        h->alerts = alerts;
        atomic_init(&h->up, true);
        err = open_hook(h, c, why);
    }
    for (size_t i = 0; err == HM_OK && i < all->count; i++)
        err = start_hook(&all->of[i], why);
    if (err == HM_OK)
        *out = all;
    else
        door_hooks_stop(all);
    return err;
}

void door_hooks_stop(struct door_hooks *all)
{
    if (all == NULL)
        return;
    door_model_wake(all->model); /* where not all of them could be started */
    for (size_t i = 0; i < all->count; i++) {
        struct door_hook *h = &all->of[i];
        if (h->started)
            (void)pthread_join(h->thread, NULL);
        door_out_close(h->out);
        door_hook_secrets_wipe(&h->secrets);
        hm_buf_free(&h->page.bytes);
        free(h->path);
    }
    free(all);
}

static void one_metric(struct door_hooks *all, struct hm_buf *out, const char *name,
                       const char *type, const char *help,
                       uint64_t (*value)(struct door_hooks *all, struct door_hook *h))
{
    proc_metric_head(out, "hallmarkd_webhook", name, type, help);
    for (size_t i = 0; i < all->count; i++)
        hm_buf_printf(out, "hallmarkd_webhook_%s{hook=\"%s\"} %" PRIu64 "\n", name, all->of[i].name,
                      value(all, &all->of[i]));
}

static uint64_t delivered(struct door_hooks *all, struct door_hook *h)
{
    (void)all;
    return atomic_load(&h->delivered);
}

static uint64_t failed(struct door_hooks *all, struct door_hook *h)
{
    (void)all;
    return atomic_load(&h->failed);
}

static uint64_t dropped(struct door_hooks *all, struct door_hook *h)
{
    (void)all;
    return atomic_load(&h->dropped);
}

static uint64_t up(struct door_hooks *all, struct door_hook *h)
{
    (void)all;
    return atomic_load(&h->up) ? 1 : 0;
}

static uint64_t lag(struct door_hooks *all, struct door_hook *h)
{
    struct door_model_state s;
    uint64_t next = atomic_load(&h->next);
    door_model_state(all->model, &s);
    return s.size > next ? s.size - next : 0;
}

void door_hooks_metrics(struct door_hooks *all, struct hm_buf *out)
{
    if (all->count == 0)
        return;
    one_metric(all, out, "delivered_total", "counter", "Messages that were taken.", delivered);
    one_metric(all, out, "failed_total", "counter", "Attempts that failed.", failed);
    one_metric(all, out, "dropped_total", "counter",
               "Messages that were given up, older than give_up_days.", dropped);
    one_metric(all, out, "up", "gauge", "1 while the last attempt succeeded.", up);
    one_metric(all, out, "lag", "gauge", "Records that were not dealt with yet.", lag);
}
