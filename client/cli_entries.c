#include "client/cli_entries.h"

#include "client/cli_http.h"
#include "schema/core/hm_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLI_PAGE_RECORDS 1000u
#define CLI_BEHIND_TRIES 20u
#define CLI_BEHIND_MS 250u
#define CLI_PAGE_BYTES (((size_t)HM_RECORD_MAX + 1) * CLI_PAGE_RECORDS)

struct counted {
    cli_entry_fn fn;
    void *ctx;
    uint64_t left;
    uint64_t got; /* in this page */
};

static enum hm_err take_line(struct counted *n, struct hm_bytes line, struct hm_why *why)
{
    if (line.len == 0 || line.len > HM_RECORD_MAX)
        return hm_fail(why, HM_E_MALFORMED, "log entries: a line of %zu bytes", line.len);
    n->left--;
    n->got++;
    return n->fn(n->ctx, line, why);
}

static enum hm_err take_page(struct counted *n, struct hm_bytes body, struct hm_why *why)
{
    n->got = 0;
    while (body.len > 0 && n->left > 0) {
        const uint8_t *lf = memchr(body.data, '\n', body.len);
        size_t len = lf != NULL ? (size_t)(lf - body.data) : body.len;
        enum hm_err err = take_line(n, hm_bytes_of(body.data, len), why);
        if (err != HM_OK)
            return err;
        size_t used = lf != NULL ? len + 1 : len;
        body = hm_bytes_of(body.data + used, body.len - used);
    }
    return HM_OK;
}

/* The page at a cursor ("": the first one). */
static enum hm_err get_page(struct cli *c, const char *path, uint64_t left, const char *cursor,
                            struct cli_answer *a)
{
    HM_BUF_AUTO full = {.limit = 8192};
    char limit[24];
    (void)snprintf(limit, sizeof limit, "%" PRIu64,
                   left < CLI_PAGE_RECORDS ? left : CLI_PAGE_RECORDS);
    /* A cursor takes the place of the "after" that the path began with. */
    const char *after = cursor[0] != '\0' ? strstr(path, "&after=") : NULL;
    hm_buf_put(&full, path, after != NULL ? (size_t)(after - path) : strlen(path));
    cli_query_add(&full, "limit", limit);
    cli_query_add(&full, "after", cursor[0] != '\0' ? cursor : NULL);
    const char *text = hm_buf_str(&full);
    return text == NULL ? hm_fail(&c->why, HM_E_CONFIG, "the filters are too long")
                        : cli_http_get(c, text, "application/jsonl", CLI_PAGE_BYTES, a);
}

static enum hm_err take_said(struct cli_entries_said *said, const struct cli_answer *a,
                             struct hm_why *why)
{
    if (hm_decimal(hm_bytes_str(a->log_size), INT64_MAX, &said->log_size) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED,
                       "log entries: the server does not say how large the log was");
    return HM_OK;
}

static enum hm_err all_pages(struct cli *c, const char *path, struct counted *n,
                             struct cli_entries_said *said)
{
    char next[256] = "";
    bool first = true;
    do {
        CLI_ANSWER_AUTO a = {.status = 0};
        enum hm_err err = get_page(c, path, n->left, next, &a);
        if (err == HM_OK && first && said != NULL)
            err = take_said(said, &a, &c->why);
        first = false;
        if (err == HM_OK)
            err = take_page(n, hm_buf_bytes(&a.body), &c->why);
        if (err != HM_OK)
            return err == HM_E_NOT_FOUND && a.status == 200 ? HM_OK : err;
        /* The same cursor again would never end. */
        if (strcmp(next, a.next) == 0)
            break;
        memcpy(next, a.next, sizeof next);
    } while (next[0] != '\0' && n->got > 0 && n->left > 0);
    if (said != NULL)
        said->more = next[0] != '\0' && n->left == 0;
    return HM_OK;
}

enum hm_err cli_entries(struct cli *c, const char *path, uint64_t max, cli_entry_fn fn, void *ctx)
{
    struct counted n = {fn, ctx, max, 0};
    return all_pages(c, path, &n, NULL);
}

enum hm_err cli_entries_said(struct cli *c, const char *path, uint64_t max, cli_entry_fn fn,
                             void *ctx, struct cli_entries_said *out)
{
    struct counted n = {fn, ctx, max, 0};
    *out = (struct cli_entries_said){.more = false};
    return all_pages(c, path, &n, out);
}

/* Counts what passes, so that reading can go on behind the last record. */
struct passed {
    cli_entry_fn fn;
    void *ctx;
    uint64_t count;
};

static enum hm_err on_passed(void *ctx, struct hm_bytes record, struct hm_why *why)
{
    struct passed *p = ctx;
    p->count++;
    return p->fn(p->ctx, record, why);
}

enum hm_err cli_entries_all(struct cli *c, uint64_t size, cli_entry_fn fn, void *ctx)
{
    struct passed p = {fn, ctx, 0};
    /* The entries come from a read model that may be a moment behind the checkpoint. */
    for (unsigned try = 0; p.count < size && try < CLI_BEHIND_TRIES; try++) {
        char path[96];
        uint64_t before = p.count;
        int n = snprintf(path, sizeof path, "/v1/log/entries?order=asc");
        if (before > 0)
            (void)snprintf(path + n, sizeof path - (size_t)n, "&after=%" PRIu64, before - 1);
        enum hm_err err = cli_entries(c, path, size - before, on_passed, &p);
        if (err != HM_OK)
            return err;
        if (p.count > before)
            try = 0;
        if (p.count < size)
            cli_pause_ms(CLI_BEHIND_MS);
    }
    return HM_OK;
}

/* Lines of a file, in blocks. */
struct lines {
    FILE *in;
    uint8_t *block;
    size_t from, to; /* what of it has not been given out */
    bool end;
};
#define BLOCK_BYTES ((size_t)256 * 1024)

static void refill(struct lines *l)
{
    memmove(l->block, l->block + l->from, l->to - l->from);
    l->to -= l->from;
    l->from = 0;
    size_t n = fread(l->block + l->to, 1, BLOCK_BYTES - l->to, l->in);
    l->to += n;
    l->end = n == 0;
}

/* The next line without its end; of one that is too long, as much as shows that. *ended: an end
 * stood behind it. False behind the last one. */
static bool next_line(struct lines *l, struct hm_bytes *line, bool *ended)
{
    const uint8_t *lf;
    for (;;) {
        size_t have = l->to - l->from;
        lf = have > 0 ? memchr(l->block + l->from, '\n', have) : NULL;
        if (lf != NULL || have > HM_RECORD_MAX || l->end)
            break;
        refill(l);
    }
    size_t len = lf != NULL ? (size_t)(lf - (l->block + l->from)) : l->to - l->from;
    *ended = lf != NULL;
    *line = hm_bytes_of(l->block + l->from, len <= HM_RECORD_MAX ? len : HM_RECORD_MAX + 1);
    l->from += lf != NULL ? len + 1 : line->len;
    return *ended || line->len > 0;
}

enum hm_err cli_entries_file(FILE *in, cli_entry_fn fn, void *ctx, struct hm_why *why)
{
    HM_FREE uint8_t *block = malloc(BLOCK_BYTES);
    struct lines l = {.in = in, .block = block};
    struct hm_bytes line;
    bool ended;
    if (block == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    while (next_line(&l, &line, &ended)) {
        enum hm_err err = fn(ctx, line, why);
        if (err != HM_OK)
            return err;
        if (!ended && !ferror(in))
            return hm_fail(why, HM_E_MALFORMED, "the last line is not ended");
    }
    return ferror(in) ? hm_fail(why, HM_E_IO, "cannot read the records") : HM_OK;
}
