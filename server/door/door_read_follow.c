/* GET /v1/log/follow: records as they come, as server-sent events. A stream blocks its connection's
 * thread (docs/adr/0006), borrows a reader of the read model for one page at a time, and ends after
 * a while, so that its caller is identified again. */
#include "server/door/door_conn.h"
#include "server/door/door_entries.h"
#include "server/door/door_events.h"
#include "server/door/door_gate.h"
#include "server/door/door_handlers.h"
#include "server/door/door_metrics.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)128 * 1024) /* held of a stream at a time, and one record more */
#define PIECE_ROWS 500
#define BEAT_MS 15000 /* without anything to send */
#define SLICE_MS 500  /* how late a client that has gone is noticed */
#define RETRY_MS 2000 /* what the client is told to wait before it comes back */

struct follow {
    struct door *door;
    struct door_conn *conn;
    unsigned place;          /* among the streams */
    struct door_asked asked; /* its texts are copies */
    uint64_t next;           /* records below it were sent, or do not fit the filter */
    uint64_t told;           /* size of the last checkpoint that was sent */
    int64_t until_ms;        /* monotonic: the end of the stream */
    int64_t beat_ms;         /* monotonic: the next sign of life */
    struct hm_buf piece;
    size_t sent;
};

/* --- where it begins --- */

static bool read_number(struct door_req *r, const char *name, const char *text, uint64_t *out)
{
    if (hm_decimal(hm_bytes_str(text), INT64_MAX, out) == HM_OK)
        return true;
    door_problem(r, DOOR_BAD_PARAMETER, "%s: expected the index of a record", name);
    return false;
}

/* What the client saw last counts more than what its address says: it comes back to the same one.
 */
static bool read_start(struct door_req *r, uint64_t size, uint64_t *next)
{
    const char *last = r->heads.last_event_id;
    const char *after = door_req_param(r, "after");
    const char *from = door_req_param(r, "from");
    if (after != NULL && from != NULL) {
        door_problem(r, DOOR_BAD_PARAMETER, "after and from exclude each other");
        return false;
    }
    *next = size;
    if (last != NULL && last[0] != '\0') {
        bool ok = read_number(r, "Last-Event-ID", last, next);
        *next += ok ? 1 : 0;
        return ok;
    }
    if (from != NULL)
        return read_number(r, "from", from, next);
    bool ok = after == NULL || read_number(r, "after", after, next);
    *next += ok && after != NULL ? 1 : 0;
    return ok;
}

/* --- pieces --- */

/* Records of one page, up to size. */
static enum hm_err add_page(struct follow *f, uint64_t size, struct hm_why *why)
{
    struct db_query *q = NULL;
    uint64_t now = 0;
    bool more = false;
    struct door_rows p = {
        .out = &f->piece, .max_bytes = PIECE_BYTES, .size = size, .form = DOOR_ROWS_EVENTS};
    if (f->next >= size)
        return HM_OK;
    enum hm_err err = door_model_borrow(f->door->model, &q, &now, why);
    if (err != HM_OK)
        return err;
    f->asked.f.after = f->next > 0 ? f->next - 1 : UINT64_MAX;
    err = door_rows_gather(q, &f->asked.f, &p, &more, why);
    door_model_return(f->door->model, q);
    if (err != HM_OK)
        return err;
    door_metrics_followed(f->door->metrics, p.count);
    /* Rows beyond size are in the page and not in the piece: they come with the next one. */
    f->next = more && p.count > 0 ? p.last + 1 : size;
    return HM_OK;
}

/* Fills the piece with what there is now; it may stay empty. */
static enum hm_err look(struct follow *f, uint64_t *size, struct hm_why *why)
{
    HM_BUF_AUTO note = {.limit = HM_CHECKPOINT_MAX};
    hm_buf_reset(&f->piece);
    f->sent = 0;
    enum hm_err err = door_model_head(f->door->model, size, &note, why);
    if (err == HM_OK)
        err = add_page(f, *size, why);
    if (err == HM_OK && note.len > 0 && f->next >= *size && f->told != *size) {
        door_event_checkpoint(&f->piece, f->next, hm_buf_bytes(&note));
        f->told = *size;
    }
    return err == HM_OK ? hm_buf_err(&f->piece) : err;
}

static bool is_over(const struct follow *f)
{
    return hm_clock_mono_ms() >= f->until_ms || door_model_stopping(f->door->model) ||
           door_conn_gone(f->conn);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void beat(struct follow *f, uint64_t size)
{
    struct door_model_state s;
    door_model_state(f->door->model, &s);
    hm_buf_printf(&f->piece, ": size %" PRIu64 "%s\n\n", size,
                  s.registrar_up ? "" : ", the registrar is away");
}

/* Waits for something to send. False: the stream is over. */
static bool next_piece(struct follow *f)
{
    while (!is_over(f)) {
        uint64_t size = 0;
        door_conn_due(f->conn, DOOR_HEAD_MS);
        if (look(f, &size, NULL) != HM_OK)
            return false;
        int64_t now = hm_clock_mono_ms();
        if (f->piece.len == 0 && now >= f->beat_ms)
            beat(f, size);
        if (f->piece.len > 0) {
            f->beat_ms = now + BEAT_MS;
            return hm_buf_err(&f->piece) == HM_OK;
        }
        (void)door_model_watch(f->door->model, size,
                               least(now + SLICE_MS, least(f->beat_ms, f->until_ms)));
    }
    return false;
}

static ssize_t follow_more(void *ctx, char *buf, size_t max)
{
    struct follow *f = ctx;
    if (f->sent == f->piece.len && !next_piece(f))
        return 0;
    size_t n = f->piece.len - f->sent < max ? f->piece.len - f->sent : max;
    memcpy(buf, f->piece.data + f->sent, n);
    f->sent += n;
    /* A client that does not take it is cut off. */
    door_conn_due(f->conn, DOOR_HEAD_MS);
    return (ssize_t)n;
}

static void follow_free(void *ctx)
{
    struct follow *f = ctx;
    door_metrics_stream(f->door->metrics, -1);
    door_gate_leave(f->door->streams, f->place);
    hm_buf_free(&f->piece);
    free(f);
}

/* --- the request --- */

/* The first piece, made while a refusal can still be told. */
static enum hm_err open_stream(struct door_req *r, struct follow *f, struct hm_why *why)
{
    HM_BUF_AUTO first = {.limit = 4 * PIECE_BYTES};
    uint64_t size = 0;
    enum hm_err err = look(f, &size, why);
    if (err != HM_OK)
        return err;
    hm_buf_printf(&first, "retry: %d\n: size %" PRIu64 "\n\n", RETRY_MS, size);
    hm_buf_put(&first, f->piece.data, f->piece.len);
    hm_buf_free(&f->piece);
    f->piece = first;
    first = (struct hm_buf){0};
    r->answer.has_log_size = true;
    r->answer.log_size = size;
    return hm_buf_err(&f->piece);
}

static struct follow *make(struct door_req *r, const struct door_asked *asked, uint64_t next,
                           unsigned place)
{
    struct follow *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    int64_t now = hm_clock_mono_ms();
    f->door = r->door;
    f->conn = r->conn;
    f->place = place;
    f->next = next;
    f->until_ms = now + (int64_t)r->door->config->follow_max_s * 1000;
    f->beat_ms = now + BEAT_MS;
    f->piece.limit = 4 * PIECE_BYTES;
    door_asked_own(&f->asked, asked);
    f->asked.f.limit = PIECE_ROWS;
    return f;
}

static void start(struct door_req *r, const struct door_asked *asked, unsigned place)
{
    struct hm_why why = {.text = ""};
    uint64_t size = 0;
    uint64_t next = 0;
    enum hm_err err = door_model_head(r->door->model, &size, NULL, &why);
    if (err == HM_OK && !read_start(r, size, &next))
        return;
    struct follow *f = NULL;
    if (err == HM_OK && (f = make(r, asked, next, place)) == NULL)
        err = hm_fail(&why, HM_E_UNAVAILABLE, "no memory for a stream");
    if (err == HM_OK)
        err = open_stream(r, f, &why);
    if (err != HM_OK) {
        if (f != NULL)
            hm_buf_free(&f->piece);
        free(f);
        door_problem_of(r, err, &why);
        return;
    }
    door_ok(r, "text/event-stream", hm_bytes_of(NULL, 0));
    r->answer.stream = (struct door_stream){f, follow_more, follow_free};
}

void door_get_follow(struct door_req *r)
{
    struct door_asked asked;
    unsigned place;
    memset(&asked, 0, sizeof asked);
    if (!door_asked_read(r, &asked))
        return;
    if (!door_gate_enter(r->door->streams, r->conn->who.id, 0, &place)) {
        door_problem(r, DOOR_TOO_MANY_REQUESTS,
                     "as many streams as are served at once, or to one caller, are open");
        return;
    }
    start(r, &asked, place);
    if (r->answer.stream.more == NULL)
        door_gate_leave(r->door->streams, place);
    else
        door_metrics_stream(r->door->metrics, 1);
}
