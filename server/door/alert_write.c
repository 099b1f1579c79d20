/* An alert as JSON. */
#include "server/door/alert_priv.h"

#include "schema/core/hm_time.h"
#include "schema/json/hm_json_canon.h"

#include <inttypes.h>

static void put_text(struct hm_buf *b, const char *name, const char *text)
{
    hm_buf_printf(b, ",\"%s\":", name);
    hm_json_canon_str(b, hm_bytes_str(text));
}

static void put_time(struct hm_buf *b, const char *name, uint64_t ms)
{
    char text[HM_TIME_TEXT];
    hm_time_format((int64_t)(ms / 1000), text);
    hm_buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

void alerts_write(const struct alerts *a, const struct alert *x, uint64_t now_ms,
                  struct hm_buf *out)
{
    hm_buf_printf(out, "{\"id\":\"%s\",\"kind\":\"%s\",\"severity\":\"%s\"", x->id,
                  alert_kind_name(x->kind), alert_severity_name(x->severity));
    put_text(out, "subject", x->subject);
    put_text(out, "text", x->text);
    put_time(out, "first", x->first_ms);
    put_time(out, "last", x->last_ms);
    hm_buf_printf(out, ",\"count\":%" PRIu64 ",\"current\":%s,\"records\":[", x->count,
                  alerts_is_open(a, x, now_ms) ? "true" : "false");
    for (size_t i = 0; i < x->idx_count; i++)
        hm_buf_printf(out, "%s%" PRIu64, i > 0 ? "," : "", x->idx[i]);
    hm_buf_puts(out, "]");
    if (x->last_idx != ALERT_NO_RECORD)
        hm_buf_printf(out, ",\"last_record\":%" PRIu64, x->last_idx);
    hm_buf_putc(out, '}');
}
