/* Log entries from the read model: pages as JSON, pages and whole exports as JSON Lines. */
#include "server/door/door_conn.h"
#include "server/door/door_entries.h"
#include "server/door/door_events.h"
#include "server/door/door_handlers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE                                                                                       \
    "A filtered list is not proven to be complete; an unfiltered one is, together with the "       \
    "checkpoint over log_size records."
#define PAGE_BYTES ((size_t)4 * 1024 * 1024) /* a page ends early rather than grow beyond this */
#define EXPORT_BYTES ((size_t)128 * 1024)    /* held of an export at a time */
#define EXPORT_ROWS 500

static enum hm_err add_row(void *ctx, uint64_t idx, struct hm_bytes record, struct hm_why *why)
{
    struct door_rows *p = ctx;
    if (idx >= p->size)
        return HM_OK;
    if (p->count > 0 && p->out->len >= p->max_bytes) {
        p->full = true;
        return hm_fail(why, HM_E_LIMIT, "the page is full");
    }
    if (p->form == DOOR_ROWS_EVENTS) {
        door_event_record(p->out, idx, record);
    } else if (p->form == DOOR_ROWS_LINES) {
        hm_buf_put(p->out, record.data, record.len);
        hm_buf_putc(p->out, '\n');
    } else {
        if (p->count > 0)
            hm_buf_putc(p->out, ',');
        door_render_entry(p->out, idx, record);
    }
    p->count++;
    p->last = idx;
    return hm_buf_err(p->out);
}

enum hm_err door_rows_gather(struct db_query *q, const struct db_query_filter *f,
                             struct door_rows *p, bool *more, struct hm_why *why)
{
    enum hm_err err = db_query_entries(q, f, add_row, p, why);
    if (err == HM_E_LIMIT && p->full)
        err = HM_OK;
    *more = p->full || p->count == f->limit;
    return err;
}

/* --- parameters --- */

static bool read_order(struct door_req *r, bool *descending)
{
    const char *v = door_req_param(r, "order");
    *descending = v != NULL && strcmp(v, "desc") == 0;
    if (v == NULL || *descending || strcmp(v, "asc") == 0)
        return true;
    door_problem(r, DOOR_BAD_PARAMETER, "order: expected asc or desc");
    return false;
}

static bool read_event(struct door_req *r, const char **out)
{
    *out = door_req_param(r, "event");
    if (*out == NULL || hm_event_parse(hm_bytes_str(*out)) != HM_EV_NONE)
        return true;
    door_problem(r, DOOR_BAD_PARAMETER, "event: no such event");
    return false;
}

bool door_asked_read(struct door_req *r, struct door_asked *a)
{
    struct db_query_filter *f = &a->f;
    bool artifact = false;
    bool key = false;
    f->after = UINT64_MAX;
    bool ok =
        read_event(r, &f->event) && door_param_name(r, "product", &f->product) &&
        door_param_name(r, "version", &f->version) && door_param_name(r, "channel", &f->channel) &&
        door_param_name(r, "environment", &f->environment) &&
        door_param_name(r, "actor", &f->actor) && door_param_name(r, "outcome", &f->outcome) &&
        door_param_release(r, "release", &f->release, &f->has_release) &&
        door_param_digest(r, "artifact", &a->artifact, &artifact) &&
        door_param_digest(r, "key", &a->key, &key) &&
        door_param_time_ms(r, "since", &f->since_ms) &&
        door_param_time_ms(r, "until", &f->until_ms) &&
        door_param_number(r, "after", 0, INT64_MAX, &f->after) && read_order(r, &f->descending) &&
        door_param_limit(r, &f->limit);
    f->artifact = artifact ? &a->artifact : NULL;
    f->key = key ? &a->key : NULL;
    return ok;
}

static bool wants_lines(const struct door_req *r)
{
    return r->heads.accept != NULL && strstr(r->heads.accept, "application/jsonl") != NULL;
}

/* --- a page --- */

static void answer_page(struct door_req *r, const struct door_asked *a, bool lines)
{
    struct hm_buf *out = &r->conn->out;
    struct db_query *q = NULL;
    bool more = false;
    if (!door_req_body_place(r) || !door_read_begin(r, &q))
        return;
    struct door_rows p = {.out = out,
                          .max_bytes = PAGE_BYTES,
                          .size = r->answer.log_size,
                          .form = lines ? DOOR_ROWS_LINES : DOOR_ROWS_JSON};
    if (!lines)
        hm_buf_puts(out, "{\"entries\":[");
    enum hm_err err = door_rows_gather(q, &a->f, &p, &more, &r->why);
    door_read_end(r, q);
    if (err != HM_OK) {
        door_problem_of(r, err, &r->why);
        return;
    }
    if (more)
        (void)snprintf(r->answer.next, sizeof r->answer.next, "%" PRIu64, p.last);
    if (!lines) {
        door_render_page_end(out, more, p.last, r->answer.log_size);
        door_json_text(out, "note", NOTE);
        hm_buf_puts(out, "}\n");
    }
    door_ok_json(r);
    if (lines && r->answer.status == 200)
        door_ok(r, "application/jsonl", hm_buf_bytes(out));
}

/* --- an export: everything that fits the filter, a piece at a time --- */

struct export
{
    struct door_model *model;
    struct door_conn *conn;
    struct door_asked asked; /* its texts are copies: they outlive the request's head */
    uint64_t size;
    struct hm_buf piece;
    size_t sent;
    bool more;
};

static enum hm_err next_piece(struct export *e)
{
    struct db_query *q = NULL;
    uint64_t now = 0;
    hm_buf_reset(&e->piece);
    e->sent = 0;
    enum hm_err err = door_model_borrow(e->model, &q, &now, NULL);
    if (err != HM_OK)
        return err;
    struct door_rows p = {
        .out = &e->piece, .max_bytes = EXPORT_BYTES, .size = e->size, .form = DOOR_ROWS_LINES};
    err = door_rows_gather(q, &e->asked.f, &p, &e->more, NULL);
    door_model_return(e->model, q);
    if (p.count > 0)
        e->asked.f.after = p.last;
    else
        e->more = false;
    door_conn_due(e->conn, DOOR_HEAD_MS);
    return err;
}

static ssize_t export_more(void *ctx, char *buf, size_t max)
{
    struct export *e = ctx;
    while (e->sent == e->piece.len) {
        if (!e->more)
            return 0;
        if (next_piece(e) != HM_OK)
            return -1;
    }
    size_t n = e->piece.len - e->sent < max ? e->piece.len - e->sent : max;
    memcpy(buf, e->piece.data + e->sent, n);
    e->sent += n;
    return (ssize_t)n;
}

static void export_free(void *ctx)
{
    struct export *e = ctx;
    hm_buf_free(&e->piece);
    free(e);
}

static void keep_text(struct door_asked *a, size_t slot, const char **text)
{
    if (*text == NULL)
        return;
    (void)snprintf(a->text[slot], sizeof a->text[slot], "%s", *text);
    *text = a->text[slot];
}

void door_asked_own(struct door_asked *to, const struct door_asked *from)
{
    *to = *from;
    keep_text(to, 0, &to->f.event);
    keep_text(to, 1, &to->f.product);
    keep_text(to, 2, &to->f.version);
    keep_text(to, 3, &to->f.channel);
    keep_text(to, 4, &to->f.environment);
    keep_text(to, 5, &to->f.actor);
    keep_text(to, 6, &to->f.outcome);
    to->f.artifact = from->f.artifact != NULL ? &to->artifact : NULL;
    to->f.key = from->f.key != NULL ? &to->key : NULL;
}

static void answer_export(struct door_req *r, const struct door_asked *a)
{
    struct db_query *q = NULL;
    struct export *e = calloc(1, sizeof *e);
    if (e == NULL) {
        door_problem(r, DOOR_UNAVAILABLE, "no memory for an export");
        return;
    }
    if (!door_read_begin(r, &q)) {
        free(e);
        return;
    }
    door_read_end(r, q);
    e->model = r->door->model;
    e->conn = r->conn;
    e->size = r->answer.log_size;
    e->more = true;
    door_asked_own(&e->asked, a);
    e->asked.f.limit = EXPORT_ROWS;
    door_ok(r, "application/jsonl", hm_bytes_of(NULL, 0));
    r->answer.stream = (struct door_stream){e, export_more, export_free};
}

void door_get_entries(struct door_req *r)
{
    struct door_asked a;
    memset(&a, 0, sizeof a);
    if (!door_asked_read(r, &a))
        return;
    bool lines = wants_lines(r);
    if (lines && door_req_param(r, "limit") == NULL)
        answer_export(r, &a);
    else
        answer_page(r, &a, lines);
}

void door_get_entry(struct door_req *r)
{
    struct db_query *q = NULL;
    uint64_t idx = 0;
    if (!door_capture_number(r, 0, &idx) || !door_read_begin(r, &q))
        return;
    enum hm_err err = db_query_record(q, idx, &r->conn->out, &r->why);
    door_read_end(r, q);
    if (err == HM_OK)
        door_ok_json(r);
    else if (err == HM_E_NOT_FOUND)
        door_problem(r, DOOR_NOT_FOUND, "no record %" PRIu64 " among %" PRIu64, idx,
                     r->answer.log_size);
    else
        door_problem_of(r, err, &r->why);
}
