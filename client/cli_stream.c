#include "client/cli_stream.h"

#include "client/cli_http_priv.h"
#include "client/cli_oidc.h"
#include "client/cli_problem.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE_S 50L /* three signs of life of the server */
#define WAIT_MS 1000  /* libcurl looks at its own clocks this often */
#define BUFFERED_MAX ((size_t)8 * 1024 * 1024)
#define RETRY_MS 2000u
#define EVENT_STREAM "text/event-stream"

struct cli_stream {
    struct cli *c;
    int stop_fd;
    CURL *curl;
    CURLM *multi;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    char *url;
    struct hm_buf in; /* bytes that came, from `from` on not taken yet */
    size_t from;
    bool over;
    CURLcode code;
    struct cli_sse sse;
};

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct cli_stream *s = ctx;
    (void)one;
    hm_buf_put(&s->in, data, len);
    return hm_buf_err(&s->in) == HM_OK ? len : 0;
}

static bool set_up(struct cli_stream *s)
{
    CURL *curl = s->curl;
    return curl_easy_setopt(curl, CURLOPT_URL, s->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, s) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, s->error) == CURLE_OK &&
           curl_multi_add_handle(s->multi, curl) == CURLM_OK;
}

static enum hm_err make_url(struct cli_stream *s, const char *path)
{
    HM_BUF_AUTO url = {.limit = 16384};
    size_t len = 0;
    hm_buf_puts(&url, s->c->set.server);
    hm_buf_puts(&url, path);
    hm_buf_putc(&url, 0);
    if (hm_buf_err(&url) != HM_OK)
        return hm_fail(&s->c->why, HM_E_LIMIT, "the request's address is too long");
    s->url = (char *)hm_buf_take(&url, &len);
    return HM_OK;
}

static enum hm_err open_parts(struct cli_stream *s, const char *path)
{
    const char *bearer = NULL;
    enum hm_err err = cli_http_handle(s->c, &s->curl);
    if (err == HM_OK)
        err = make_url(s, path);
    if (err == HM_OK && cli_oidc_alone(s->c))
        err = cli_oidc_bearer(s->c, &bearer);
    if (err != HM_OK)
        return err;
    s->multi = curl_multi_init();
    s->headers = cli_http_headers(
        &(struct cli_call){.method = "GET", .path = path, .accept = EVENT_STREAM}, bearer);
    if (s->multi == NULL || !set_up(s))
        return hm_fail(&s->c->why, HM_E_INTERNAL, "libcurl cannot be set up for a stream");
    return HM_OK;
}

enum hm_err cli_stream_open(struct cli *c, const char *path, int stop_fd, struct cli_stream **out)
{
    struct cli_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    s->c = c;
    s->stop_fd = stop_fd;
    s->in.limit = BUFFERED_MAX;
    cli_sse_begin(&s->sse);
    enum hm_err err = open_parts(s, path);
    if (err != HM_OK) {
        cli_stream_close(s);
        return err;
    }
    *out = s;
    return HM_OK;
}

void cli_stream_close(struct cli_stream *s)
{
    if (s == NULL)
        return;
    if (s->multi != NULL && s->curl != NULL)
        (void)curl_multi_remove_handle(s->multi, s->curl);
    curl_easy_cleanup(s->curl);
    (void)curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
    cli_sse_free(&s->sse);
    hm_buf_free(&s->in);
    free(s->url);
    free(s);
}

static long status_of(const struct cli_stream *s)
{
    long status = 0;
    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

bool cli_stream_is_open(const struct cli_stream *s)
{
    const char *type = NULL;
    (void)curl_easy_getinfo(s->curl, CURLINFO_CONTENT_TYPE, &type);
    return status_of(s) == 200 && type != NULL &&
           strncmp(type, EVENT_STREAM, sizeof EVENT_STREAM - 1) == 0;
}

unsigned cli_stream_retry_ms(const struct cli_stream *s)
{
    return s->sse.retry_ms > 0 && s->sse.retry_ms < 60000 ? (unsigned)s->sse.retry_ms : RETRY_MS;
}

/* Moves bytes, or waits for some; false: somebody wants to stop. */
static bool turn(struct cli_stream *s)
{
    int running = 0;
    int left = 0;
    struct curl_waitfd stop = {.fd = s->stop_fd, .events = CURL_WAIT_POLLIN};
    (void)curl_multi_perform(s->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left)) != NULL;) {
        if (m->msg == CURLMSG_DONE) {
            s->over = true;
            s->code = m->data.result;
        }
    }
    if (s->over || (s->in.len > 0 && cli_stream_is_open(s)))
        return true;
    (void)curl_multi_poll(s->multi, &stop, 1, WAIT_MS, NULL);
    return (stop.revents & CURL_WAIT_POLLIN) == 0;
}

/* What the transfer came to, where it was no stream or broke. */
static enum hm_err verdict(struct cli_stream *s, enum cli_stream_what *what)
{
    if (s->code == CURLE_WRITE_ERROR && hm_buf_err(&s->in) != HM_OK)
        return hm_fail(&s->c->why, HM_E_LIMIT, "event stream: more than %zu bytes at once",
                       BUFFERED_MAX);
    if (s->code != CURLE_OK)
        return cli_http_failed(s->c, s->code, s->error);
    long status = status_of(s);
    if (status == 200 && cli_stream_is_open(s)) {
        *what = CLI_STREAM_END;
        return HM_OK;
    }
    if (status == 200)
        return hm_fail(&s->c->why, HM_E_MALFORMED, "the server's answer is no event stream");
    return cli_problem_error("GET", "/v1/log/follow", status, hm_buf_bytes(&s->in), &s->c->why);
}

static enum hm_err take(struct cli_stream *s, bool *got, struct cli_sse_event *event)
{
    struct hm_bytes in = hm_bytes_of(s->in.data + s->from, s->in.len - s->from);
    enum hm_err err = cli_sse_take(&s->sse, &in, got, event, &s->c->why);
    s->from = s->in.len - in.len;
    if (s->from == s->in.len) {
        hm_buf_reset(&s->in);
        s->from = 0;
    }
    return err;
}

enum hm_err cli_stream_next(struct cli_stream *s, enum cli_stream_what *what,
                            struct cli_sse_event *event)
{
    for (;;) {
        bool got = false;
        enum hm_err err = HM_OK;
        if (s->in.len > 0 && cli_stream_is_open(s))
            err = take(s, &got, event);
        if (err != HM_OK)
            return err;
        if (got) {
            *what = CLI_STREAM_EVENT;
            return HM_OK;
        }
        if (s->over)
            return verdict(s, what);
        if (!turn(s)) {
            *what = CLI_STREAM_STOPPED;
            return HM_OK;
        }
    }
}
