/* Liveness, readiness, the API's own description, metrics. */
#include "server/door/door_alerts.h"
#include "server/door/door_conn.h"
#include "server/door/door_handlers.h"
#include "server/door/door_health.h"
#include "server/door/door_hooks.h"
#include "server/door/door_inbox.h"
#include "server/door/door_metrics.h"
#include "server/door/door_model.h"
#include "server/door/door_witness.h"
#include "server/door/door_openapi.h"

#include <inttypes.h>

#define BEHIND 10000 /* records that the read model may lag while we call ourselves ready */

void door_get_healthz(struct door_req *r)
{
    door_ok(r, "text/plain; charset=utf-8", hm_bytes_str("ok\n"));
}

/* Reasons name paths, addresses and people: strangers are told which part it is. */
static void not_ready(struct door_req *r, const char *part, const char *reason)
{
    if (door_req_certified(r))
        door_problem(r, DOOR_UNAVAILABLE, "%s: %s", part, reason);
    else
        door_problem(r, DOOR_UNAVAILABLE,
                     "%s (why is told to holders of a certificate, and in the logs)", part);
}

void door_get_readyz(struct door_req *r)
{
    struct door_health_state h;
    struct door_model_state m;
    struct hm_buf *out = &r->conn->out;
    door_health_ask(r->door->health, r->door->registrar,
                    (int64_t)r->door->config->registrar_timeout_ms, &h);
    door_model_state(r->door->model, &m);
    if (!m.ok && m.reason[0] != '\0' && h.answered)
        not_ready(r, "read model", m.reason);
    else if (!h.answered)
        not_ready(r, "registrar", h.reason);
    else if (!h.ready)
        not_ready(r, "registrar is not ready", h.reason);
    else if (h.waits[0] != '\0')
        not_ready(r, "witnesses", h.waits);
    else if (!m.ok)
        not_ready(r, "read model", m.reason);
    else if (m.size + BEHIND < h.checkpoint)
        door_problem(r, DOOR_UNAVAILABLE,
                     "read model is behind: %" PRIu64 " of %" PRIu64 " records", m.size,
                     h.checkpoint);
    if (r->answer.status != 0)
        return;
    hm_buf_printf(out,
                  "{\"ready\":true,\"log_size\":%" PRIu64 ",\"committed\":%" PRIu64
                  ",\"checkpoint\":%" PRIu64 ",\"queue\":%" PRIu64 "}\n",
                  m.size, h.committed, h.checkpoint, h.queue);
    door_ok(r, "application/json", hm_buf_bytes(out));
}

void door_get_openapi(struct door_req *r)
{
    door_ok(r, "application/json", hm_bytes_of(door_openapi, door_openapi_len));
}

void door_get_metrics(struct door_req *r)
{
    struct door_model_state m;
    door_model_state(r->door->model, &m);
    struct door_gauges g = {
        .connections = door_conns_count(r->door->conns),
        .log_size = m.size,
        .registrar_size = m.registrar_size,
        .registrar_up = m.registrar_up,
        .model_ok = m.ok,
        .inbox_bytes = door_inbox_used(r->door->inbox),
    };
    door_metrics_write(r->door->metrics, &g, &r->conn->out);
    door_alerts_metrics(r->door->alerts, &r->conn->out);
    door_hooks_metrics(r->door->hooks, &r->conn->out);
    door_witnesses_metrics(r->door->witnesses, &r->conn->out);
    door_ok(r, "text/plain; version=0.0.4; charset=utf-8", hm_buf_bytes(&r->conn->out));
}
