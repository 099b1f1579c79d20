#include "client/cli_http.h"

#include "client/cli_http_priv.h"
#include "client/cli_oidc.h"
#include "client/cli_problem.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CLI_CONNECT_S 10L
#define CLI_STALL_S 60L
#define CLI_RETRY_WAIT_MAX_S 30u

struct cli_http {
    CURL *curl;
    char error[CURL_ERROR_SIZE];
    struct hm_buf problem;
};

/* What the callbacks of one transfer work on. */
struct transfer {
    const struct cli_call *call;
    struct cli_answer *answer;
    CURL *curl;
    bool too_large;
    bool io_failed;
};

void cli_answer_free(struct cli_answer *a)
{
    hm_buf_free(&a->body);
}

void cli_http_close(struct cli_http *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->curl);
    hm_buf_free(&h->problem);
    free(h);
}

struct hm_bytes cli_http_problem(const struct cli *c)
{
    return c->http != NULL ? hm_buf_bytes(&c->http->problem) : (struct hm_bytes){NULL, 0};
}

static bool is_byte(char ch)
{
    return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
           strchr("-._~", ch) != NULL;
}

void cli_query_add(struct hm_buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    bool first = path->len == 0 || memchr(path->data, '?', path->len) == NULL;
    hm_buf_printf(path, "%c%s=", first ? '?' : '&', name);
    for (const char *p = value; *p != '\0'; p++) {
        if (is_byte(*p))
            hm_buf_putc(path, (uint8_t)*p);
        else
            hm_buf_printf(path, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

static long status_of(CURL *curl)
{
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    (void)one;
    t->answer->length += len;
    /* A refusal is a text for people even where a file was asked for. */
    bool to_file =
        t->call->file != NULL && strcmp(t->call->method, "GET") == 0 && status_of(t->curl) == 200;
    uint64_t max = to_file ? t->call->file_size : t->call->max;
    if (t->answer->length > max) {
        t->too_large = true;
        return 0;
    }
    if (!to_file) {
        hm_buf_put(&t->answer->body, data, len);
        return hm_buf_err(&t->answer->body) == HM_OK ? len : 0;
    }
    if (fwrite(data, 1, len, t->call->file) != len) {
        t->io_failed = true;
        return 0;
    }
    if (t->call->hash != NULL)
        hm_sha256_add(t->call->hash, data, len);
    return len;
}

static size_t on_read(char *out, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    size_t n = fread(out, 1, one * len, t->call->file);
    if (n == 0 && ferror(t->call->file)) {
        t->io_failed = true;
        return CURL_READFUNC_ABORT;
    }
    return n;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    struct transfer *t = ctx;
    (void)down_total;
    (void)up_total;
    cli_progress_update(t->call->progress, (uint64_t)(up > 0 ? up : down));
    return 0;
}

/* Copies a header's value, without white space around it; one that is too long is left out. */
static void header_value(struct hm_bytes line, const char *name, char *out, size_t size)
{
    size_t n = strlen(name);
    if (line.len <= n || line.data[n] != ':' || strncasecmp((const char *)line.data, name, n) != 0)
        return;
    const char *v = (const char *)line.data + n + 1;
    const char *end = (const char *)line.data + line.len;
    while (v < end && (*v == ' ' || *v == '\t'))
        v++;
    while (end > v && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    if ((size_t)(end - v) < size) {
        memcpy(out, v, (size_t)(end - v));
        out[end - v] = '\0';
    }
}

static size_t on_header(char *data, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    struct cli_answer *a = t->answer;
    struct hm_bytes line = hm_bytes_of(data, one * len);
    char retry[16] = "";
    header_value(line, "Content-Type", a->type, sizeof a->type);
    header_value(line, "ETag", a->etag, sizeof a->etag);
    header_value(line, "Hallmark-Next", a->next, sizeof a->next);
    header_value(line, "Hallmark-Log-Size", a->log_size, sizeof a->log_size);
    header_value(line, "Retry-After", retry, sizeof retry);
    uint64_t seconds;
    if (retry[0] != '\0' && hm_decimal(hm_bytes_str(retry), 86400, &seconds) == HM_OK)
        a->retry_after_s = (unsigned)seconds;
    a->type[strcspn(a->type, ";")] = '\0';
    return line.len;
}

/* Everything that holds for the whole connection. */
static bool set_connection(CURL *curl, const struct cli_settings *s)
{
    CURLcode e = CURLE_OK;
#define SET(opt, value)                                                                            \
    if (e == CURLE_OK)                                                                             \
    e = curl_easy_setopt(curl, opt, value)
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CAINFO, s->ca);
    SET(CURLOPT_CAPATH, NULL);
    if (s->certificate[0] != '\0') {
        SET(CURLOPT_SSLCERT, s->certificate);
        SET(CURLOPT_SSLKEY, s->key);
        SET(CURLOPT_KEYPASSWD, ""); /* an encrypted key is an error, never a prompt */
    }
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, CLI_CONNECT_S);
    SET(CURLOPT_USERAGENT, "hallmark/" HALLMARK_VERSION);
#undef SET
    return e == CURLE_OK;
}

enum hm_err cli_http_handle(struct cli *c, CURL **out)
{
    const struct cli_settings *s = &c->set;
    enum hm_err err = cli_need(c, "server", s->server);
    if (err == HM_OK)
        err = cli_need(c, "ca", s->ca);
    if (err == HM_OK && !cli_oidc_alone(c))
        err = cli_need(c, "certificate", s->certificate);
    if (err == HM_OK && !cli_oidc_alone(c))
        err = cli_need(c, "key", s->key);
    if (err != HM_OK)
        return err;
    CURL *curl = curl_easy_init();
    if (curl == NULL || !set_connection(curl, s)) {
        curl_easy_cleanup(curl);
        return hm_fail(&c->why, HM_E_INTERNAL, "libcurl cannot be set up for TLS 1.3");
    }
    *out = curl;
    return HM_OK;
}

static enum hm_err http_open(struct cli *c)
{
    if (c->http != NULL)
        return HM_OK;
    struct cli_http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_http_handle(c, &h->curl);
    if (err != HM_OK) {
        free(h);
        return err;
    }
    (void)curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
    c->http = h;
    return HM_OK;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[512];
    if (value == NULL)
        return list;
    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *more = curl_slist_append(list, line);
    return more != NULL ? more : list;
}

static struct curl_slist *add_bearer(struct curl_slist *list, const char *bearer)
{
    HM_BUF_AUTO line = {.limit = 16384};
    if (bearer == NULL)
        return list;
    hm_buf_printf(&line, "Authorization: Bearer %s", bearer);
    const char *text = hm_buf_str(&line);
    struct curl_slist *more = text != NULL ? curl_slist_append(list, text) : NULL;
    return more != NULL ? more : list;
}

struct curl_slist *cli_http_headers(const struct cli_call *call, const char *bearer)
{
    struct curl_slist *list = add_header(NULL, "Accept", call->accept);
    list = add_bearer(list, bearer);
    list = add_header(list, "If-None-Match", call->if_none_match);
    if (strcmp(call->method, "POST") == 0) {
        char key[HM_SHA256_HEX];
        struct hm_digest d =
            hm_sha256_3(hm_bytes_str(call->path),
                        hm_bytes_str(call->salt != NULL ? call->salt : "\n"), call->body);
        hm_digest_hex(&d, key);
        list = add_header(list, "Content-Type", "application/json");
        list = add_header(list, "Idempotency-Key", key);
    }
    if (strcmp(call->method, "PUT") == 0)
        list = add_header(list, "Content-Type", "application/octet-stream");
    return list;
}

static void set_method(CURL *curl, const struct cli_call *call)
{
    (void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (strcmp(call->method, "HEAD") == 0)
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (strcmp(call->method, "PUT") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->file_size);
    }
    if (strcmp(call->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)call->body.data);
    }
}

static void set_transfer(CURL *curl, const struct cli *c, struct transfer *t)
{
    bool file = t->call->file != NULL;
    long total = (long)c->set.timeout_s + (long)t->call->wait_s;
    /* A big file takes as long as it takes, but must not stall; everything else has one deadline.
     */
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, file ? 0L : total);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, file ? 1L : 0L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, file ? CLI_STALL_S : 0L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    (void)curl_easy_setopt(curl, CURLOPT_READDATA, t);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, t->call->progress != NULL ? 0L : 1L);
}

enum hm_err cli_http_failed(struct cli *c, CURLcode code, const char *text)
{
    if (text[0] == '\0')
        text = curl_easy_strerror(code);
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return hm_fail(&c->why, HM_E_SIGNATURE,
                       "%.200s: the server's certificate does not come "
                       "from %.120s or is for another name: %.160s",
                       c->set.server, c->set.ca, text);
    if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
        return hm_fail(&c->why, HM_E_CONFIG,
                       "certificate, key or CA file (%.120s, %.120s, %.120s): "
                       "%.160s",
                       c->set.certificate, c->set.key, c->set.ca, text);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return hm_fail(&c->why, HM_E_TIMEOUT, "%.200s: %.300s", c->set.server, text);
    return hm_fail(&c->why, HM_E_UNAVAILABLE, "%.200s: %.300s", c->set.server, text);
}

static enum hm_err curl_failed(struct cli *c, const struct cli_call *call, CURLcode code,
                               const struct transfer *t)
{
    if (t->too_large)
        return hm_fail(&c->why, HM_E_LIMIT,
                       "%s %.200s: the answer is larger than the limit of %zu "
                       "bytes",
                       call->method, call->path, call->max);
    if (t->io_failed)
        return hm_fail(&c->why, HM_E_IO, "%s %.200s: the local file failed", call->method,
                       call->path);
    return cli_http_failed(c, code, c->http->error);
}

static enum hm_err once(struct cli *c, const struct cli_call *call, struct cli_answer *out)
{
    CURL *curl = c->http->curl;
    struct transfer t = {.call = call, .answer = out, .curl = curl};
    const char *bearer = NULL;
    HM_BUF_AUTO url = {.limit = 16384};
    *out = (struct cli_answer){.body = {.limit = call->max + 1}};
    hm_buf_puts(&url, c->set.server);
    hm_buf_puts(&url, call->path);
    const char *text = hm_buf_str(&url);
    if (text == NULL)
        return hm_fail(&c->why, HM_E_LIMIT, "the request's address is too long");
    enum hm_err err = cli_oidc_alone(c) ? cli_oidc_bearer(c, &bearer) : HM_OK;
    if (err != HM_OK)
        return err;
    if (call->file != NULL && fseek(call->file, 0, SEEK_SET) != 0)
        return hm_fail(&c->why, HM_E_IO, "cannot rewind the local file");
    c->http->error[0] = '\0';
    struct curl_slist *headers = cli_http_headers(call, bearer);
    set_method(curl, call);
    set_transfer(curl, c, &t);
    (void)curl_easy_setopt(curl, CURLOPT_URL, text);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return curl_failed(c, call, code, &t);
    out->status = status_of(curl);
    return HM_OK;
}

/* Whether the same request may help later. */
static bool worth_again(enum hm_err err, const struct cli_answer *a)
{
    if (err != HM_OK)
        return err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT;
    return a->status == 429 || a->status == 502 || a->status == 503 || a->status == 504 ||
           (a->status == 409 && cli_problem_is(hm_buf_bytes(&a->body), "in-flight"));
}

static void wait_before(unsigned try, const struct cli_answer *a)
{
    unsigned s = a->retry_after_s > 0 ? a->retry_after_s : 1u << (try < 4 ? try : 4);
    if (s > CLI_RETRY_WAIT_MAX_S)
        s = CLI_RETRY_WAIT_MAX_S;
    cli_pause_ms(s * 1000);
}

enum hm_err cli_http_do(struct cli *c, const struct cli_call *call, struct cli_answer *out)
{
    enum hm_err err = http_open(c);
    if (err != HM_OK)
        return err;
    for (unsigned try = 0;; try++) {
        struct cli_answer a;
        err = once(c, call, &a);
        /* A hash that saw half a file cannot go on. */
        bool again = worth_again(err, &a) && call->hash == NULL;
        if (!again || try >= c->set.retries) {
            if (err == HM_OK)
                *out = a;
            else
                cli_answer_free(&a);
            return err;
        }
        cli_answer_free(&a);
        wait_before(try, &a);
    }
}

enum hm_err cli_http_ok(struct cli *c, const struct cli_call *call, struct cli_answer *out)
{
    struct cli_answer a;
    enum hm_err err = cli_http_do(c, call, &a);
    if (err != HM_OK)
        return err;
    if (a.status == 200 || a.status == 201) {
        *out = a;
        return HM_OK;
    }
    hm_buf_free(&c->http->problem);
    c->http->problem = a.body;
    return cli_problem_error(call->method, call->path, a.status, hm_buf_bytes(&c->http->problem),
                             &c->why);
}

enum hm_err cli_http_get(struct cli *c, const char *path, const char *accept, size_t max,
                         struct cli_answer *out)
{
    return cli_http_ok(
        c, &(struct cli_call){.method = "GET", .path = path, .accept = accept, .max = max}, out);
}

enum hm_err cli_http_post(struct cli *c, const char *path, struct hm_bytes body, const char *salt,
                          size_t max, struct cli_answer *out)
{
    return cli_http_ok(c,
                       &(struct cli_call){.method = "POST",
                                          .path = path,
                                          .body = body,
                                          .salt = salt,
                                          .max = max,
                                          .accept = "application/json"},
                       out);
}
