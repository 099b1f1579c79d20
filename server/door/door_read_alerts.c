/* GET /v1/alerts. */
#include "server/door/door_alerts.h"
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_render.h"

#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool read_names(struct door_req *r, struct door_alerts_filter *f)
{
    const char *kind = door_req_param(r, "kind");
    const char *severity = door_req_param(r, "severity");
    f->has_kind = kind != NULL;
    f->has_severity = severity != NULL;
    if (kind != NULL && !alert_kind_parse(kind, &f->kind)) {
        door_problem(r, DOOR_BAD_PARAMETER, "kind: no such kind of alert");
        return false;
    }
    if (severity != NULL && !alert_severity_parse(severity, &f->severity)) {
        door_problem(r, DOOR_BAD_PARAMETER, "severity: expected info, warning or critical");
        return false;
    }
    return true;
}

/* "1790000000000-0123456789abcdef": where the page before ended. */
static bool read_after(struct door_req *r, struct door_alerts_filter *f)
{
    const char *v = door_req_param(r, "after");
    const char *dash = v != NULL ? strchr(v, '-') : NULL;
    uint8_t id[8];
    f->before_ms = UINT64_MAX;
    if (v == NULL)
        return true;
    if (dash != NULL && hm_unhex(hm_bytes_str(dash + 1), id, sizeof id) == HM_OK &&
        hm_decimal(hm_bytes_of(v, (size_t)(dash - v)), INT64_MAX, &f->before_ms) == HM_OK) {
        memcpy(f->before_id, dash + 1, sizeof f->before_id);
        return true;
    }
    door_problem(r, DOOR_BAD_PARAMETER, "after: expected `next` of the page before");
    return false;
}

void door_get_alerts(struct door_req *r)
{
    struct door_alerts_filter f = {.limit = 0};
    struct hm_buf *out = &r->conn->out;
    bool more = false;
    uint64_t next_ms = 0;
    char next_id[17];
    if (!read_names(r, &f) || !door_param_flag(r, "current", &f.current) || !read_after(r, &f) ||
        !door_param_limit(r, &f.limit))
        return;
    hm_buf_puts(out, "{\"alerts\":[");
    enum hm_err err = door_alerts_write(r->door->alerts, &f, out, &more, &next_ms, next_id);
    if (err != HM_OK) {
        door_problem(r, DOOR_UNAVAILABLE, "no memory for an answer of this size");
        return;
    }
    hm_buf_puts(out, "]");
    if (more)
        hm_buf_printf(out, ",\"next\":\"%" PRIu64 "-%s\"", next_ms, next_id);
    hm_buf_puts(out, "}\n");
    door_ok_json(r);
}
