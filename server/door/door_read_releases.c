/* Releases from the read model. */
#include "server/door/door_conn.h"
#include "server/door/door_gate.h"
#include "server/door/door_handlers.h"
#include "server/door/door_registrar.h"
#include "server/door/door_render.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WAIT_MAX_S 60
#define SLICE_MS 500     /* how late a client that has gone is noticed */
#define RECORDS_MAX 1024 /* indexes shown of one release */

struct page {
    struct hm_buf *out;
    size_t count;
    uint64_t last;
};

static enum hm_err add_release(void *ctx, const struct db_query_release *v, struct hm_why *why)
{
    struct page *p = ctx;
    (void)why;
    if (p->count++ > 0)
        hm_buf_putc(p->out, ',');
    door_render_release(p->out, v, NULL, 0);
    p->last = v->id;
    return hm_buf_err(p->out);
}

static bool read_filter(struct door_req *r, struct db_query_release_filter *f)
{
    enum hm_release_state state;
    f->after = UINT64_MAX;
    f->state = door_req_param(r, "state");
    if (f->state != NULL &&
        (!hm_release_state_parse(f->state, &state) || state == HM_RELEASE_NONE)) {
        door_problem(r, DOOR_BAD_PARAMETER, "state: no such state of a release");
        return false;
    }
    return door_param_name(r, "product", &f->product) &&
           door_param_name(r, "version", &f->version) &&
           door_param_name(r, "channel", &f->channel) &&
           door_param_name(r, "environment", &f->environment) &&
           door_param_name(r, "submitter", &f->submitter) &&
           door_param_number(r, "after", 0, INT64_MAX, &f->after) && door_param_limit(r, &f->limit);
}

void door_get_releases(struct door_req *r)
{
    struct db_query_release_filter f = {0};
    struct page p = {.out = &r->conn->out};
    struct db_query *q = NULL;
    if (!read_filter(r, &f) || !door_read_begin(r, &q))
        return;
    hm_buf_puts(p.out, "{\"items\":[");
    enum hm_err err = db_query_releases(q, &f, add_release, &p, &r->why);
    door_read_end(r, q);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return;
    }
    door_render_page_end(p.out, p.count == f.limit, p.last, r->answer.log_size);
    hm_buf_puts(p.out, "}\n");
    door_ok_json(r);
}

/* --- one release, now or when it changes --- */

static bool read_wait(struct door_req *r, uint64_t *wait_s)
{
    const char *v = door_req_param(r, "wait");
    size_t n = v != NULL ? strlen(v) : 0;
    *wait_s = 0;
    if (v == NULL)
        return true;
    if (n >= 2 && v[n - 1] == 's' && hm_decimal(hm_bytes_of(v, n - 1), WAIT_MAX_S, wait_s) == HM_OK)
        return true;
    door_problem(r, DOOR_BAD_PARAMETER, "wait: expected 0s to %ds", WAIT_MAX_S);
    return false;
}

struct view {
    struct db_query_release release;
    uint64_t idx[RECORDS_MAX];
    size_t count;
    char etag[32];
};

static bool look(struct door_req *r, uint64_t id, struct view *v)
{
    struct db_query *q = NULL;
    if (!door_read_begin(r, &q))
        return false;
    enum hm_err err = db_query_release_get(q, id, &v->release, &r->why);
    if (err == HM_OK)
        err = db_query_release_records(q, id, v->idx, RECORDS_MAX, &v->count, &r->why);
    door_read_end(r, q);
    if (err == HM_E_NOT_FOUND)
        door_problem(r, DOOR_NOT_FOUND, "no release r%" PRIu64 " among %" PRIu64 " records", id,
                     r->answer.log_size);
    else if (err != HM_OK)
        door_problem_of(r, err, &r->why);
    (void)snprintf(v->etag, sizeof v->etag, "\"%" PRIu64 "\"", v->release.last_idx);
    return err == HM_OK;
}

/* Waits for records behind those of the answer. False: time is over, the model has nothing to show,
 * or nobody waits any more. */
static bool grows(const struct door_req *r, int64_t until_ms)
{
    for (;;) {
        int64_t now = hm_clock_mono_ms();
        int64_t end = until_ms - now > SLICE_MS ? now + SLICE_MS : until_ms;
        if (door_model_wait(r->door->model, r->answer.log_size, end))
            return true;
        bool early = hm_clock_mono_ms() < end - SLICE_MS / 10; /* it will not grow */
        if (early || end == until_ms || door_conn_gone(r->conn))
            return false;
    }
}

/* False: answered already. */
static bool await_change(struct door_req *r, uint64_t id, const char *known, uint64_t wait_s,
                         struct view *v)
{
    int64_t until = hm_clock_mono_ms() + (int64_t)wait_s * 1000;
    unsigned place;
    if (!door_gate_enter(r->door->waits, r->conn->who.id, 0, &place)) {
        door_problem(r, DOOR_TOO_MANY_REQUESTS,
                     "as many callers as are served at once, or one too often, wait for changes "
                     "already");
        return false;
    }
    bool ok = true;
    while (ok && strcmp(v->etag, known) == 0 && grows(r, until))
        ok = look(r, id, v);
    door_gate_leave(r->door->waits, place);
    return ok;
}

void door_get_release(struct door_req *r)
{
    uint64_t id = 0;
    uint64_t wait_s = 0;
    struct view v;
    char known[sizeof v.etag];
    const char *given = r->heads.if_none_match;
    if (!door_release_id(r, &id) || !read_wait(r, &wait_s) || !look(r, id, &v))
        return;
    (void)snprintf(known, sizeof known, "%s", given != NULL ? given : v.etag);
    if (wait_s > 0 && !await_change(r, id, known, wait_s, &v))
        return;
    (void)snprintf(r->answer.etag, sizeof r->answer.etag, "%s", v.etag);
    if (given != NULL && strcmp(v.etag, given) == 0) {
        r->answer.status = 304;
        return;
    }
    struct door_indexes records = {v.idx, v.count};
    door_render_release(&r->conn->out, &v.release, &records, r->answer.log_size);
    hm_buf_putc(&r->conn->out, '\n');
    door_ok_json(r);
}
