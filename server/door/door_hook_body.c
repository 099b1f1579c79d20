#include "server/door/door_hook_body.h"

#include "schema/core/hm_time.h"
#include "schema/json/hm_json_canon.h"
#include "schema/log/hm_merkle.h"

#include <inttypes.h>
#include <stdio.h>

#define BODY_MAX ((size_t)256 * 1024)
#define ORIGIN_DIGITS 16

/* Two logs behind one receiver do not share ids. No full stop may stand in one. */
static void name_it(struct door_hook_message *m, const char *origin, const char *what,
                    const char *which)
{
    char hex[HM_SHA256_HEX];
    struct hm_digest d = hm_sha256(hm_bytes_str(origin));
    hm_digest_hex(&d, hex);
    (void)snprintf(m->id, sizeof m->id, "%s_%.*s_%s", what, ORIGIN_DIGITS, hex, which);
}

/* Up to the place where "data" goes on. */
static void begin(struct door_hook_message *m, const char *origin, const char *type)
{
    char time[HM_TIME_TEXT];
    hm_time_format((int64_t)(m->t_ms / 1000), time);
    m->body = (struct hm_buf){.limit = BODY_MAX};
    /* Seconds and their thousandths: "2026-11-21T01:02:03" and ".042Z". */
    hm_buf_printf(&m->body, "{\"type\":\"%s\",\"timestamp\":\"%.*s.%03" PRIu64 "Z\"", type,
                  (int)HM_TIME_TEXT - 2, time, m->t_ms % 1000);
    hm_buf_puts(&m->body, ",\"data\":{\"origin\":");
    hm_json_canon_str(&m->body, hm_bytes_str(origin));
}

enum hm_err door_hook_record(const char *origin, uint64_t idx, struct hm_bytes record,
                             const struct hm_record *r, struct door_hook_message *out)
{
    char which[24];
    char hex[HM_SHA256_HEX];
    struct hm_digest leaf = hm_merkle_leaf(record);
    hm_digest_hex(&leaf, hex);
    (void)snprintf(which, sizeof which, "%" PRIu64, idx);
    name_it(out, origin, "record", which);
    out->t_ms = r->t_ms;
    begin(out, origin, hm_event_name(r->event));
    hm_buf_printf(&out->body, ",\"index\":%" PRIu64 ",\"leaf\":\"%s\",\"record\":", idx, hex);
    hm_buf_put(&out->body, record.data, record.len);
    hm_buf_puts(&out->body, "}}");
    return hm_buf_err(&out->body);
}

enum hm_err door_hook_alert(const char *origin, struct door_alerts *alerts, const struct alert *x,
                            struct door_hook_message *out)
{
    char type[64];
    name_it(out, origin, "alert", x->id);
    out->t_ms = x->first_ms;
    (void)snprintf(type, sizeof type, "alert.%s", alert_kind_name(x->kind));
    begin(out, origin, type);
    hm_buf_puts(&out->body, ",\"alert\":");
    door_alerts_one(alerts, x, &out->body);
    hm_buf_puts(&out->body, "}}");
    return hm_buf_err(&out->body);
}
