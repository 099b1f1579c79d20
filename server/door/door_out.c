#include "server/door/door_out.h"

#include "schema/core/hm_text.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 5000L

struct door_out {
    CURL *curl;
    char error[CURL_ERROR_SIZE];
};

struct transfer {
    const struct door_out_call *call;
    struct door_out_answer *answer;
    bool too_large;
    size_t dropped; /* bytes of a body that nobody wants; with one of them its head is there */
};

enum hm_err door_out_init(struct hm_why *why)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
               ? HM_OK
               : hm_fail(why, HM_E_INTERNAL, "libcurl cannot be set up");
}

/* What libcurl would take is more than what a person should write. */
bool door_out_url_ok(const char *url)
{
    size_t scheme =
        strncmp(url, "https://", 8) == 0 ? 8 : (strncmp(url, "http://", 7) == 0 ? 7 : 0);
    if (scheme == 0 || !hm_uri_ok(url) || strpbrk(url, "@?#") != NULL || url[scheme] == '/')
        return false;
    CURLU *u = curl_url();
    bool ok = u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok;
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct transfer *t = ctx;
    (void)one;
    if (t->call->status_only) {
        t->dropped += len;
        return t->dropped <= t->call->max ? len : 0;
    }
    if (len > t->call->max - t->answer->body.len) {
        t->too_large = true;
        return 0;
    }
    hm_buf_put(&t->answer->body, data, len);
    return hm_buf_err(&t->answer->body) == HM_OK ? len : 0;
}

static int on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct transfer *t = ctx;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return t->call->stop(t->call->stop_ctx) ? 1 : 0;
}

/* Everything that holds for each request. */
static bool set_up(CURL *curl, const char *ca)
{
    CURLcode e = CURLE_OK;
#define SET(opt, value)                                                                            \
    if (e == CURLE_OK)                                                                             \
    e = curl_easy_setopt(curl, opt, value)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (ca != NULL) {
        SET(CURLOPT_CAINFO, ca);
        SET(CURLOPT_CAPATH, NULL);
    }
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    SET(CURLOPT_USERAGENT, "hallmarkd/" HALLMARK_VERSION);
    SET(CURLOPT_WRITEFUNCTION, on_body);
#undef SET
    return e == CURLE_OK;
}

enum hm_err door_out_open(const char *ca, struct door_out **out, struct hm_why *why)
{
    struct door_out *o = calloc(1, sizeof *o);
    if (o != NULL)
        o->curl = curl_easy_init();
    if (o == NULL || o->curl == NULL || !set_up(o->curl, ca)) {
        door_out_close(o);
        return hm_fail(why, HM_E_INTERNAL, "libcurl cannot be set up");
    }
    (void)curl_easy_setopt(o->curl, CURLOPT_ERRORBUFFER, o->error);
    *out = o;
    return HM_OK;
}

void door_out_close(struct door_out *o)
{
    if (o == NULL)
        return;
    curl_easy_cleanup(o->curl);
    free(o);
}

static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    if (more != NULL)
        *list = more;
    return more != NULL;
}

static bool set_headers(struct door_out *o, const struct door_out_call *call,
                        struct curl_slist **list)
{
    char type[160];
    (void)snprintf(type, sizeof type, "Content-Type: %s", call->type);
    bool ok = add(list, type) && add(list, "Expect:"); /* no pause before the body */
    for (size_t i = 0; ok && i < call->header_count; i++)
        ok = add(list, call->headers[i]);
    return ok && curl_easy_setopt(o->curl, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}

static bool set_call(struct door_out *o, struct transfer *t, struct curl_slist **list)
{
    const struct door_out_call *c = t->call;
    CURL *curl = o->curl;
    return curl_easy_setopt(curl, CURLOPT_URL, c->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                            c->body.len > 0 ? (const char *)c->body.data : "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, c->stop != NULL ? 0L : 1L) == CURLE_OK &&
           set_headers(o, c, list);
}

static void take_head(struct door_out *o, struct door_out_answer *a)
{
    long status = 0;
    char *type = NULL;
    curl_off_t retry = 0;
    (void)curl_easy_getinfo(o->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(o->curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(o->curl, CURLINFO_RETRY_AFTER, &retry);
    a->retry_after_s = retry > 0 && retry < 86400 * 365 ? (unsigned)retry : 0;
    a->status = status > 0 && status < 1000 ? (unsigned)status : 0;
    a->type[0] = '\0';
    if (type != NULL && strlen(type) < sizeof a->type)
        (void)snprintf(a->type, sizeof a->type, "%s", type);
}

enum hm_err door_out_post(struct door_out *o, const struct door_out_call *call,
                          struct door_out_answer *answer, struct hm_why *why)
{
    struct transfer t = {call, answer, false, 0};
    struct curl_slist *list = NULL;
    *answer = (struct door_out_answer){.body = {.limit = call->max + 1}};
    o->error[0] = '\0';
    CURLcode rc = set_call(o, &t, &list) ? curl_easy_perform(o->curl) : CURLE_OUT_OF_MEMORY;
    if (t.dropped > 0)
        rc = CURLE_OK;
    if (rc == CURLE_OK)
        take_head(o, answer);
    (void)curl_easy_setopt(o->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(list);
    if (rc == CURLE_OK)
        return HM_OK;
    hm_buf_free(&answer->body);
    if (t.too_large)
        return hm_fail(why, HM_E_LIMIT, "an answer of more than %zu bytes", call->max);
    return hm_fail(why, rc == CURLE_OPERATION_TIMEDOUT ? HM_E_TIMEOUT : HM_E_UNAVAILABLE, "%s",
                   o->error[0] != '\0' ? o->error : curl_easy_strerror(rc));
}
