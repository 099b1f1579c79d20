#include "client/cli_report_priv.h"

#include "client/cli_grow.h"
#include "client/cli_when.h"

#include <stdarg.h>
#include <string.h>

bool report_in_period(const struct report *p, uint64_t t_ms)
{
    const struct cli_filter *f = &p->in->period;
    return t_ms >= f->since_ms && (f->until_ms == 0 || t_ms < f->until_ms);
}

bool report_of_product(const struct report *p, const char *product)
{
    const char *asked = p->in->period.product;
    return asked == NULL || strcmp(asked, product) == 0;
}

enum hm_err report_mention(struct report_mentions *m, const struct report_record *x,
                           struct hm_why *why)
{
    if (cli_grow((void *)&m->list, m->count, &m->cap, sizeof *m->list, why) != HM_OK)
        return HM_E_MEMORY;
    m->list[m->count++] = (struct report_mention){x->r->idx, x->r->t_ms, x->r->event, x->leaf};
    return HM_OK;
}

json_t *report_person(const struct cli_policy *policy, const char *id, int proven)
{
    const char *name = cli_policy_name_of(policy, id);
    if (id[0] == '\0')
        return json_null();
    json_t *v = json_pack("{s:s}", "id", id);
    if (name != NULL)
        (void)json_object_set_new(v, "name", json_string(name));
    if (proven >= 0)
        (void)json_object_set_new(v, "proven", json_boolean(proven));
    return v;
}

json_t *report_key_of(const struct cli_policy *policy, const struct hm_digest *id)
{
    const struct policy_release_key *k = cli_policy_key_of(policy, id);
    json_t *v = json_pack("{s:o}", "id", report_hex(id));
    if (k != NULL)
        (void)json_object_set_new(v, "name", json_string(k->id));
    return v;
}

json_t *report_time(uint64_t t_ms)
{
    char text[CLI_WHEN_TEXT];
    cli_when_exact(t_ms, text);
    return json_string(text);
}

json_t *report_hex(const struct hm_digest *d)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(d, hex);
    return json_string(hex);
}

enum hm_err report_append(json_t *list, json_t *v, struct hm_why *why)
{
    if (json_array_size(list) >= CLI_REPORT_ROWS_MAX) {
        json_decref(v);
        return hm_fail(why, HM_E_LIMIT,
                       "more than %d rows in one part of the report: take a shorter period, or one "
                       "product",
                       CLI_REPORT_ROWS_MAX);
    }
    return v != NULL && json_array_append_new(list, v) == 0
               ? HM_OK
               : hm_fail(why, HM_E_MEMORY, "out of memory");
}

enum hm_err report_anomaly(struct report *p, const char *kind, uint64_t idx, uint64_t t_ms,
                           struct hm_why *why, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *v = json_pack("{s:s, s:s}", "kind", kind, "text", text);
    if (idx != UINT64_MAX) {
        (void)json_object_set_new(v, "index", json_integer((json_int_t)idx));
        (void)json_object_set_new(v, "time", report_time(t_ms));
    }
    return report_append(p->anomalies, v, why);
}
