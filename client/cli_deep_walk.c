/* Along the log, from the server or from a file, and to its evidence. */
#include "client/cli_deep.h"

#include "client/cli_http.h"
#include "client/cli_replay.h"
#include "db/log/db_log.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>

#define REDRAW_MS 200

static void draw(struct cli_deep_walk *w)
{
    struct cli_deep_sums s;
    int64_t now = hm_clock_mono_ms();
    if (!w->c->term.tty_err || w->deep == NULL || now - w->drawn_ms < REDRAW_MS)
        return;
    cli_deep_sums(w->deep, &s);
    (void)fprintf(stderr,
                  "\r\033[Krecord %" PRIu64 " of %" PRIu64 ", %" PRIu64 " intentions, %zu faults",
                  w->done, w->size, s.intentions, s.fault_count);
    (void)fflush(stderr);
    w->drawn_ms = now;
}

void cli_deep_walked(const struct cli_deep_walk *w)
{
    if (w->drawn_ms != 0)
        (void)fputs("\r\033[K", stderr);
}

enum hm_err cli_deep_record(void *walk, struct hm_bytes record, struct hm_why *why)
{
    struct cli_deep_walk *w = walk;
    enum hm_err err = cli_replay_add(w->replay, record, why);
    if (err == HM_OK && w->deep != NULL)
        err = cli_deep_add(w->deep, record, why);
    w->done++;
    draw(w);
    return err;
}

/* A server that has no proof for what it logged is a fault of the log; one that is not there, or
 * busy, says nothing about it. */
enum hm_err cli_deep_fetch_http(void *cli, const struct hm_record *r, size_t n, size_t max,
                                struct hm_buf *out, struct hm_why *why)
{
    struct cli *c = cli;
    char path[96];
    CLI_ANSWER_AUTO a = {.status = 0};
    (void)snprintf(path, sizeof path, "/v1/log/entries/%" PRIu64 "/evidence/%zu", r->idx, n);
    const struct cli_call call = {.method = "GET", .path = path, .max = max};
    enum hm_err err = cli_http_do(c, &call, &a);
    if (err != HM_OK) {
        if (why != NULL && why != &c->why)
            *why = c->why;
        return err;
    }
    if (a.status == 429 || (a.status >= 502 && a.status <= 504))
        return hm_fail(why, HM_E_UNAVAILABLE,
                       "evidence %zu of record %" PRIu64 ": the server answered %ld", n, r->idx,
                       a.status);
    if (a.status != 200)
        return hm_fail(why, HM_E_NOT_FOUND,
                       "the server does not give evidence %zu of record %" PRIu64
                       ", it answered %ld",
                       n, r->idx, a.status);
    hm_buf_put(out, a.body.data, a.body.len);
    return hm_buf_err(out) == HM_OK ? HM_OK : hm_fail(why, hm_buf_err(out), "evidence is too long");
}

enum hm_err cli_deep_fetch_file(void *reader, const struct hm_record *r, size_t n, size_t max,
                                struct hm_buf *out, struct hm_why *why)
{
    return db_reader_evidence(reader, r->idx, (unsigned)n, max, out, why);
}

enum hm_err cli_deep_walk_file(struct db_reader *reader, uint64_t size, struct cli_deep_walk *w,
                               struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    enum hm_err err = HM_OK;
    w->size = size;
    for (uint64_t i = 0; err == HM_OK && i < size; i++) {
        hm_buf_reset(&bytes);
        err = db_reader_record(reader, i, &bytes, why);
        if (err == HM_OK)
            err = cli_deep_record(w, hm_buf_bytes(&bytes), why);
    }
    return err;
}
