#include "server/witness/witness_request.h"

#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "schema/log/hm_add_checkpoint.h"
#include "server/witness/witness_add.h"

#include <string.h>

#define TEXT "text/plain; charset=utf-8"
#define METRICS_MAX ((size_t)4 * 1024 * 1024)
#define KEEP_BYTES ((size_t)16 * 1024) /* a buffer larger than this is not kept */

static void answer(struct witness_request *r, unsigned status, const char *type, const char *text)
{
    r->answer.status = status;
    r->answer.type = type;
    hm_buf_reset(&r->answer.body);
    hm_buf_puts(&r->answer.body, text);
}

/* --- head --- */

/* Two parties that read the framing of a request differently is how requests are smuggled. */
static const char *wrong_framing(const struct witness_framing *f, const char *version,
                                 uint64_t *len)
{
    if (f->lengths > 1)
        return "Content-Length stands more than once\n";
    if (f->encodings > 1)
        return "Transfer-Encoding stands more than once\n";
    if (f->encodings > 0 && f->lengths > 0)
        return "Content-Length and Transfer-Encoding exclude each other\n";
    if (f->hosts > 1)
        return "Host stands more than once\n";
    if (f->hosts == 0 && strcmp(version, "HTTP/1.1") == 0)
        return "Host is missing\n";
    if (f->lengths == 1 && hm_decimal(hm_bytes_str(f->length), INT64_MAX, len) != HM_OK)
        return "Content-Length is no decimal number\n";
    return NULL;
}

/* The log whose path "/<hex>/checkpoint" this is. */
static bool checkpoint_path(struct witness_request *r, const char *path)
{
    size_t hex = HM_SHA256_HEX - 1;
    struct hm_digest id;
    if (path[0] != '/' || strlen(path) < 1 + hex || strcmp(path + 1 + hex, "/checkpoint") != 0 ||
        hm_digest_unhex(hm_bytes_of(path + 1, hex), &id) != HM_OK)
        return false;
    for (size_t i = 0; i < r->witness->log_count; i++)
        if (hm_digest_eq(&r->witness->logs[i].id, &id))
            r->log = &r->witness->logs[i];
    return true;
}

static enum witness_route route_of(struct witness_request *r, const char *path)
{
    if (strcmp(path, "/add-checkpoint") == 0)
        return WITNESS_ROUTE_ADD;
    if (strcmp(path, "/healthz") == 0)
        return WITNESS_ROUTE_HEALTH;
    if (strcmp(path, "/metrics") == 0)
        return WITNESS_ROUTE_METRICS;
    return checkpoint_path(r, path) ? WITNESS_ROUTE_CHECKPOINT : WITNESS_ROUTE_NONE;
}

void witness_request_open(struct witness_request *r, const char *method, const char *path,
                          const char *version, const struct witness_framing *framing)
{
    uint64_t len = 0;
    r->active = true;
    r->body.limit = HM_ADD_CHECKPOINT_MAX;
    r->answer.body.limit = METRICS_MAX;
    const char *wrong = wrong_framing(framing, version, &len);
    if (wrong != NULL) {
        r->answer.close = true;
        answer(r, 400, TEXT, wrong);
        return;
    }
    r->route = route_of(r, path);
    const char *want = r->route == WITNESS_ROUTE_ADD ? "POST" : "GET";
    bool right =
        strcmp(method, want) == 0 || (r->route != WITNESS_ROUTE_ADD && strcmp(method, "HEAD") == 0);
    if (r->route == WITNESS_ROUTE_NONE) {
        answer(r, 404, TEXT, "nothing is served at this path\n");
    } else if (!right) {
        answer(r, 405, TEXT, "this path does not serve this method\n");
        r->answer.allow = r->route == WITNESS_ROUTE_ADD ? "POST" : "GET, HEAD";
    } else if (len > HM_ADD_CHECKPOINT_MAX) {
        answer(r, 413, TEXT, "the body is larger than 65536 bytes\n");
    }
    if (r->answer.status != 0 && (len > 0 || framing->encodings > 0))
        r->answer.close = true; /* the body is not read */
}

/* --- body --- */

void witness_request_body(struct witness_request *r, const char *data, size_t len)
{
    if (r->answer.status != 0)
        return; /* only read away */
    if (r->route != WITNESS_ROUTE_ADD)
        return; /* a GET's body means nothing */
    hm_buf_put(&r->body, data, len);
    if (hm_buf_err(&r->body) == HM_E_LIMIT) {
        answer(r, 413, TEXT, "the body is larger than 65536 bytes\n");
        r->answer.close = true;
    } else if (hm_buf_err(&r->body) != HM_OK) {
        answer(r, 503, TEXT, "no memory\n");
        r->answer.close = true;
    }
}

/* --- handlers --- */

static void add_checkpoint(struct witness_request *r)
{
    int64_t now = hm_clock_unix_s();
    answer(r, 503, TEXT, "");
    enum witness_verdict v = witness_add(r->witness, hm_buf_bytes(&r->body),
                                         now > 0 ? (uint64_t)now : 0, &r->answer.body);
    r->answer.status = witness_verdicts[v].status;
    if (v == WITNESS_ELSEWHERE)
        r->answer.type = HM_TREE_SIZE_TYPE;
}

static void last_checkpoint(struct witness_request *r)
{
    struct witness_log *l = r->log;
    bool found = false;
    if (l != NULL) {
        (void)pthread_mutex_lock(&l->lock);
        found = l->last_time_s != 0;
        if (found) {
            answer(r, 200, TEXT, "");
            hm_buf_put(&r->answer.body, l->note.data, l->note.len);
        }
        (void)pthread_mutex_unlock(&l->lock);
    }
    if (!found)
        answer(r, 404, TEXT, "this witness has cosigned no checkpoint of such a log\n");
}

static void health(struct witness_request *r)
{
    answer(r, 200, TEXT, "ok\n");
    for (size_t i = 0; i < r->witness->log_count; i++) {
        const struct witness_log *l = &r->witness->logs[i];
        if (!atomic_load_explicit(&l->failing, memory_order_relaxed))
            continue;
        if (r->answer.status == 200)
            answer(r, 503, TEXT, "");
        hm_buf_printf(&r->answer.body, "cannot cosign %s\n", l->config->origin);
    }
}

static void metrics(struct witness_request *r)
{
    answer(r, 200, "text/plain; version=0.0.4; charset=utf-8", "");
    witness_metrics_write(r->witness, &r->answer.body);
}

void witness_request_finish(struct witness_request *r)
{
    if (r->answer.status == 0) {
        if (r->route == WITNESS_ROUTE_ADD)
            add_checkpoint(r);
        else if (r->route == WITNESS_ROUTE_CHECKPOINT)
            last_checkpoint(r);
        else if (r->route == WITNESS_ROUTE_METRICS)
            metrics(r);
        else
            health(r);
    }
    if (hm_buf_err(&r->answer.body) != HM_OK)
        answer(r, 503, TEXT, "");
}

/* --- life --- */

static void trim(struct hm_buf *b)
{
    if (b->cap > KEEP_BYTES)
        hm_buf_free(b);
    hm_buf_reset(b);
}

void witness_request_clear(struct witness_request *r)
{
    trim(&r->body);
    trim(&r->answer.body);
    r->route = WITNESS_ROUTE_NONE;
    r->log = NULL;
    r->active = false;
    r->answer.status = 0;
    r->answer.type = NULL;
    r->answer.allow = NULL;
    r->answer.close = false;
}

void witness_request_free(struct witness_request *r)
{
    hm_buf_free(&r->body);
    hm_buf_free(&r->answer.body);
}
