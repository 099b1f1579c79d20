#include "client/cli_sse.h"

#include "schema/core/hm_text.h"

#include <string.h>

#define RETRY_MAX_MS UINT64_C(86400000)

void cli_sse_begin(struct cli_sse *s)
{
    *s = (struct cli_sse){.line = {.limit = CLI_SSE_MAX}, .data = {.limit = CLI_SSE_MAX}};
}

void cli_sse_free(struct cli_sse *s)
{
    hm_buf_free(&s->line);
    hm_buf_free(&s->data);
}

static enum hm_err keep(char out[static CLI_SSE_NAME_MAX + 1], struct hm_bytes value,
                        const char *what, struct hm_why *why)
{
    if (value.len > CLI_SSE_NAME_MAX)
        return hm_fail(why, HM_E_LIMIT, "event stream: %s of more than %d bytes", what,
                       CLI_SSE_NAME_MAX);
    if (value.len > 0)
        memcpy(out, value.data, value.len);
    out[value.len] = '\0';
    return HM_OK;
}

static void add_data(struct cli_sse *s, struct hm_bytes value)
{
    if (s->has_data)
        hm_buf_putc(&s->data, '\n');
    hm_buf_put(&s->data, value.data, value.len);
    s->has_data = true;
}

/* Other names are for other readers. */
static enum hm_err take_field(struct cli_sse *s, struct hm_bytes name, struct hm_bytes value,
                              struct hm_why *why)
{
    uint64_t retry = 0;
    if (hm_bytes_eq_str(name, "data"))
        add_data(s, value);
    else if (hm_bytes_eq_str(name, "event"))
        return keep(s->name, value, "a name", why);
    else if (hm_bytes_eq_str(name, "id") &&
             (value.len == 0 || memchr(value.data, 0, value.len) == NULL))
        return keep(s->id, value, "an id", why);
    else if (hm_bytes_eq_str(name, "retry") && hm_decimal(value, RETRY_MAX_MS, &retry) == HM_OK)
        s->retry_ms = retry;
    return HM_OK;
}

/* Signs of life begin with a colon. */
static enum hm_err take_line(struct cli_sse *s, struct hm_bytes line, struct hm_why *why)
{
    const uint8_t *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    size_t name = colon != NULL ? (size_t)(colon - line.data) : line.len;
    if (colon == line.data && line.len > 0)
        return HM_OK;
    struct hm_bytes value = hm_bytes_of(NULL, 0);
    if (colon != NULL) {
        size_t from = name + 1;
        from += from < line.len && line.data[from] == ' ' ? 1 : 0;
        value = hm_bytes_of(line.data + from, line.len - from);
    }
    return take_field(s, hm_bytes_of(line.data, name), value, why);
}

/* A byte order mark before everything else counts for nothing. */
static struct hm_bytes line_of(struct cli_sse *s)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    struct hm_bytes line = hm_buf_bytes(&s->line);
    if (!s->begun && line.len >= sizeof mark && memcmp(line.data, mark, sizeof mark) == 0)
        line = hm_bytes_of(line.data + sizeof mark, line.len - sizeof mark);
    s->begun = true;
    return line;
}

/* Copies up to the next line end; true when there was one. */
static bool fill_line(struct cli_sse *s, struct hm_bytes *in)
{
    if (in->len > 0) {
        if (s->after_cr && in->data[0] == '\n')
            *in = hm_bytes_of(in->data + 1, in->len - 1);
        s->after_cr = false; /* of two LF only the first belongs to the CR */
    }
    size_t n = 0;
    while (n < in->len && in->data[n] != '\n' && in->data[n] != '\r')
        n++;
    hm_buf_put(&s->line, in->data, n);
    bool ended = n < in->len;
    if (ended)
        s->after_cr = in->data[n] == '\r';
    size_t used = n + (ended ? 1 : 0);
    *in = hm_bytes_of(in->data + used, in->len - used);
    return ended;
}

static enum hm_err errors_of(struct cli_sse *s, struct hm_why *why)
{
    if (hm_buf_err(&s->line) == HM_OK && hm_buf_err(&s->data) == HM_OK)
        return HM_OK;
    bool memory = hm_buf_err(&s->line) == HM_E_MEMORY || hm_buf_err(&s->data) == HM_E_MEMORY;
    return memory ? hm_fail(why, HM_E_MEMORY, "out of memory")
                  : hm_fail(why, HM_E_LIMIT, "event stream: an event of more than %zu bytes",
                            CLI_SSE_MAX);
}

static void forget(struct cli_sse *s)
{
    hm_buf_reset(&s->data);
    s->has_data = false;
    s->given = false;
    s->name[0] = '\0';
}

/* An empty line ends an event. */
static bool end_event(struct cli_sse *s, struct cli_sse_event *out)
{
    if (!s->has_data) {
        forget(s);
        return false;
    }
    *out = (struct cli_sse_event){s->id, s->name[0] != '\0' ? s->name : "message",
                                  hm_buf_bytes(&s->data)};
    s->given = true;
    return true;
}

enum hm_err cli_sse_take(struct cli_sse *s, struct hm_bytes *in, bool *got,
                         struct cli_sse_event *out, struct hm_why *why)
{
    *got = false;
    if (s->given)
        forget(s);
    while (in->len > 0 && !*got) {
        bool ended = fill_line(s, in);
        enum hm_err err = errors_of(s, why);
        if (err != HM_OK || !ended)
            return err;
        struct hm_bytes line = line_of(s);
        if (line.len == 0)
            *got = end_event(s, out);
        else
            err = take_line(s, line, why);
        hm_buf_reset(&s->line);
        if (err == HM_OK)
            err = errors_of(s, why);
        if (err != HM_OK)
            return err;
    }
    return HM_OK;
}
