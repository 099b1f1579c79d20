#include "server/door/door_render.h"

#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"
#include "schema/log/hm_merkle.h"
#include "server/door/door_conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool bad(struct door_req *r, const char *name, const char *expected)
{
    door_problem(r, DOOR_BAD_PARAMETER, "%s: expected %s", name, expected);
    return false;
}

bool door_param_name(struct door_req *r, const char *name, const char **out)
{
    const char *v = door_req_param(r, name);
    if (v == NULL)
        return true;
    if (!hm_name_ok(v))
        return bad(r, name, "a name of at most 64 letters, digits and . _ + -");
    *out = v;
    return true;
}

bool door_param_number(struct door_req *r, const char *name, uint64_t min, uint64_t max,
                       uint64_t *out)
{
    const char *v = door_req_param(r, name);
    uint64_t n = 0;
    if (v == NULL)
        return true;
    if (hm_decimal(hm_bytes_str(v), max, &n) != HM_OK || n < min) {
        door_problem(r, DOOR_BAD_PARAMETER, "%s: expected a number from %" PRIu64 " to %" PRIu64,
                     name, min, max);
        return false;
    }
    *out = n;
    return true;
}

bool door_param_flag(struct door_req *r, const char *name, bool *out)
{
    const char *v = door_req_param(r, name);
    if (v == NULL)
        return true;
    if (strcmp(v, "true") != 0 && strcmp(v, "false") != 0)
        return bad(r, name, "true or false");
    *out = v[0] == 't';
    return true;
}

bool door_param_digest(struct door_req *r, const char *name, struct hm_digest *out, bool *given)
{
    const char *v = door_req_param(r, name);
    if (v == NULL)
        return true;
    if (strncmp(v, "sha256:", 7) == 0)
        v += 7;
    if (hm_digest_unhex(hm_bytes_str(v), out) != HM_OK)
        return bad(r, name, "64 lower-case hex digits");
    *given = true;
    return true;
}

bool door_param_time_ms(struct door_req *r, const char *name, uint64_t *out)
{
    const char *v = door_req_param(r, name);
    int64_t s = 0;
    if (v == NULL)
        return true;
    if (hm_time_parse(hm_bytes_str(v), &s) != HM_OK)
        return bad(r, name, "a UTC time such as 2026-11-21T01:02:03Z");
    *out = (uint64_t)s * 1000;
    return true;
}

bool door_param_release(struct door_req *r, const char *name, uint64_t *out, bool *given)
{
    const char *v = door_req_param(r, name);
    if (v == NULL)
        return true;
    if (v[0] != 'r' || hm_decimal(hm_bytes_str(v + 1), INT64_MAX, out) != HM_OK)
        return bad(r, name, "r and a number");
    *given = true;
    return true;
}

bool door_param_limit(struct door_req *r, size_t *out)
{
    uint64_t n = DOOR_PAGE_DEFAULT;
    if (!door_param_number(r, "limit", 1, DOOR_PAGE_MAX, &n))
        return false;
    *out = (size_t)n;
    return true;
}

bool door_capture_number(struct door_req *r, size_t capture, uint64_t *out)
{
    if (hm_decimal(hm_bytes_str(r->match.capture[capture]), INT64_MAX, out) == HM_OK)
        return true;
    door_problem(r, DOOR_NOT_FOUND, "expected a decimal number in the path");
    return false;
}

bool door_read_begin(struct door_req *r, struct db_query **q)
{
    uint64_t size = 0;
    enum hm_err err = door_model_borrow(r->door->model, q, &size, &r->why);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return false;
    }
    r->answer.has_log_size = true;
    r->answer.log_size = size;
    return true;
}

void door_read_end(struct door_req *r, struct db_query *q)
{
    door_model_return(r->door->model, q);
}

static void put_time(struct hm_buf *b, const char *name, uint64_t unix_s)
{
    char text[HM_TIME_TEXT];
    hm_time_format((int64_t)unix_s, text);
    hm_buf_printf(b, ",\"%s\":\"%s\"", name, text);
}

void door_render_release(struct hm_buf *b, const struct db_query_release *v,
                         const struct door_indexes *records, uint64_t log_size)
{
    char hex[HM_SHA256_HEX];
    hm_digest_hex(&v->manifest, hex);
    hm_buf_printf(b, "{\"id\":\"r%" PRIu64 "\",\"state\":\"%s\"", v->id,
                  hm_release_state_name(v->state));
    door_json_text(b, "product", v->product);
    door_json_text(b, "version", v->version);
    door_json_text(b, "channel", v->channel);
    door_json_text(b, "environment", v->environment);
    door_json_text(b, "submitter", v->submitter);
    hm_buf_printf(b, ",\"sequence\":%" PRIu64, v->sequence);
    put_time(b, "submitted", v->submitted_ms / 1000);
    put_time(b, "changed", v->changed_ms / 1000);
    put_time(b, "expires", v->expires_s);
    hm_buf_printf(b, ",\"approvals\":%" PRIu64 ",\"manifest\":\"%s\"", v->approvals, hex);
    if (v->signed_idx != 0)
        hm_buf_printf(b, ",\"signed_index\":%" PRIu64, v->signed_idx);
    if (records != NULL) {
        hm_buf_puts(b, ",\"records\":[");
        for (size_t i = 0; i < records->count; i++)
            hm_buf_printf(b, "%s%" PRIu64, i > 0 ? "," : "", records->idx[i]);
        hm_buf_printf(b, "],\"log_size\":%" PRIu64, log_size);
    }
    hm_buf_putc(b, '}');
}

void door_render_entry(struct hm_buf *b, uint64_t idx, struct hm_bytes record)
{
    char hex[HM_SHA256_HEX];
    struct hm_digest leaf = hm_merkle_leaf(record);
    hm_digest_hex(&leaf, hex);
    hm_buf_printf(b, "{\"index\":%" PRIu64 ",\"record\":", idx);
    hm_buf_put(b, record.data, record.len);
    hm_buf_printf(b, ",\"leaf\":\"%s\"}", hex);
}

void door_render_page_end(struct hm_buf *b, bool more, uint64_t next, uint64_t log_size)
{
    hm_buf_puts(b, "]");
    if (more)
        hm_buf_printf(b, ",\"next\":\"%" PRIu64 "\"", next);
    hm_buf_printf(b, ",\"log_size\":%" PRIu64, log_size);
}

void door_ok_json(struct door_req *r)
{
    if (hm_buf_err(&r->conn->out) == HM_OK)
        door_ok(r, "application/json", hm_buf_bytes(&r->conn->out));
    else
        door_problem(r, DOOR_UNAVAILABLE, "no memory for an answer of this size");
}
