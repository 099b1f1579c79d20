/* Members about what is watched, and who is told. */
#include "server/door/door_config_priv.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_record.h"
#include "server/door/door_out.h"

#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 63
_Static_assert(HM_EVENT_LAST < EVENTS_MAX, "a bit for each event");

/* --- alerts --- */

void door_config_read_alerts(struct proc_config *f, struct door_config *c)
{
    struct hm_json_in in;
    c->alerts = alert_config_default();
    const json_t *v = hm_json_object_or_null(&f->in, "alerts");
    if (v == NULL)
        return;
    hm_json_begin(&in, v, "$.alerts", f->why);
    for (size_t i = 0; i < ALERT_OPTIONS; i++) {
        const struct alert_option *o = &alert_options[i];
        uint64_t *at = alert_option_at(&c->alerts, o);
        *at = hm_json_uint_or(&in, o->name, o->min, o->max, *at);
    }
    if (in.err == HM_OK && c->alerts.min_weeks > c->alerts.history_weeks)
        hm_json_bad(&in, HM_E_CONFIG, "min_weeks", "expected at most history_weeks, %llu",
                    (unsigned long long)c->alerts.history_weeks);
    if (in.err == HM_OK && c->alerts.usual_weeks > c->alerts.history_weeks)
        hm_json_bad(&in, HM_E_CONFIG, "usual_weeks", "expected at most history_weeks, %llu",
                    (unsigned long long)c->alerts.history_weeks);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK && f->in.err == HM_OK)
        f->in.err = err;
}

/* --- webhooks --- */

static bool used_before(const struct door_config *c, const char *url)
{
    for (size_t i = 0; i < c->webhook_count; i++)
        if (strcmp(c->webhooks[i].url, url) == 0)
            return true;
    return false;
}

static void read_events(struct hm_json_in *in, struct door_config_webhook *w)
{
    const json_t *list = hm_json_array_or_null(in, "events", EVENTS_MAX);
    w->events = list == NULL ? UINT64_MAX : 0;
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        enum hm_event e = name != NULL ? hm_event_parse(hm_bytes_str(name)) : HM_EV_NONE;
        if (e == HM_EV_NONE || (w->events >> e & 1) != 0)
            hm_json_bad(in, HM_E_CONFIG, "events",
                        "entry %zu: expected the event of a record, each once", i);
        w->events |= UINT64_C(1) << e;
    }
}

static void read_products(struct proc_config *f, struct hm_json_in *in,
                          struct door_config_webhook *w)
{
    const json_t *list = hm_json_array_or_null(in, "products", HM_WEBHOOK_PRODUCTS_MAX);
    if (list != NULL && json_array_size(list) == 0)
        hm_json_bad(in, HM_E_CONFIG, "products", "expected at least one product");
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL || !hm_name_ok(name))
            hm_json_bad(in, HM_E_CONFIG, "products", "entry %zu: expected the name of a product",
                        i);
        else
            w->products[w->product_count++] = door_config_copy(f, "webhooks", name);
    }
}

static void free_webhook(struct door_config_webhook *w)
{
    free(w->url);
    free(w->secret_file);
    for (size_t i = 0; i < w->product_count; i++)
        free(w->products[i]);
    *w = (struct door_config_webhook){.url = NULL};
}

/* What is written into the file begins where the file lies. */
static void read_secret(struct proc_config *f, struct hm_json_in *in, struct door_config_webhook *w)
{
    const char *v = hm_json_str(in, "secret_file");
    if (v != NULL && v[0] == '\0')
        hm_json_bad(in, HM_E_CONFIG, "secret_file", "expected a path");
    else if (v != NULL && (w->secret_file = proc_config_resolve(f, v)) == NULL)
        hm_json_bad(in, HM_E_MEMORY, "secret_file", "no memory");
}

static void read_webhook(struct proc_config *f, const json_t *v, size_t i, struct door_config *c)
{
    char path[160];
    struct hm_json_in in;
    struct door_config_webhook w = {.url = NULL};
    hm_json_path(&f->in, "webhooks", (long)i, path);
    hm_json_begin(&in, v, path, f->why);
    const char *url = hm_json_str(&in, "url");
    if (url != NULL && !door_out_url_ok(url))
        hm_json_bad(&in, HM_E_CONFIG, "url",
                    "expected an http or https URL without user, query and fragment");
    else if (url != NULL && used_before(c, url))
        hm_json_bad(&in, HM_E_CONFIG, "url", "expected each address once");
    else
        w.url = door_config_copy(f, "webhooks", url);
    read_secret(f, &in, &w);
    read_events(&in, &w);
    read_products(f, &in, &w);
    w.alerts = hm_json_bool_or(&in, "alerts", false);
    w.timeout_s = hm_json_uint_or(&in, "timeout_s", 1, 60, 15);
    w.give_up_days = hm_json_uint_or(&in, "give_up_days", 1, 365, 7);
    if (in.err == HM_OK && w.events == 0 && !w.alerts)
        hm_json_bad(&in, HM_E_CONFIG, "events", "expected an event, or \"alerts\": true");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK && f->in.err == HM_OK)
        f->in.err = err;
    if (err == HM_OK)
        c->webhooks[c->webhook_count++] = w;
    else
        free_webhook(&w);
}

void door_config_read_webhooks(struct proc_config *f, struct door_config *c)
{
    const json_t *list = hm_json_array_or_null(&f->in, "webhooks", HM_WEBHOOKS_MAX);
    for (size_t i = 0; f->in.err == HM_OK && i < json_array_size(list); i++)
        read_webhook(f, json_array_get(list, i), i, c);
}

void door_config_free_webhooks(struct door_config *c)
{
    for (size_t i = 0; i < c->webhook_count; i++)
        free_webhook(&c->webhooks[i]);
}
