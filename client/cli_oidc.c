#include "client/cli_oidc.h"

#include "client/cli_env.h"
#include "client/cli_http.h"
#include "schema/attest/hm_signed.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"
#include "schema/oidc/hm_oidc.h"

#include <curl/curl.h>
#include <string.h>

#define ANSWER_MAX ((size_t)65536)
#define FRESH_MS INT64_C(120000) /* GitHub's tokens live for five minutes */
#define FETCH_S 30L
#define TRIES 3u

bool cli_oidc_wanted(const struct cli *c)
{
    return c->set.oidc_github || c->set.oidc_token_file[0] != '\0';
}

bool cli_oidc_alone(const struct cli *c)
{
    return cli_oidc_wanted(c) && c->set.certificate[0] == '\0';
}

static size_t on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct hm_buf *b = ctx;
    hm_buf_put(b, data, one * len);
    return hm_buf_err(b) == HM_OK ? len : 0;
}

static bool set_fetch(CURL *curl, const char *url, struct curl_slist *headers, struct hm_buf *out)
{
    const char *ca = cli_env("SSL_CERT_FILE"); /* GitHub's own servers may have a CA of their own */
    CURLcode e = CURLE_OK;
#define SET(opt, value)                                                                            \
    if (e == CURLE_OK)                                                                             \
    e = curl_easy_setopt(curl, opt, value)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_TIMEOUT, FETCH_S);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, out);
    SET(CURLOPT_USERAGENT, "hallmark/" HALLMARK_VERSION);
    if (ca != NULL)
        SET(CURLOPT_CAINFO, ca);
#undef SET
    return e == CURLE_OK;
}

/* {"value": "<token>"} */
static enum hm_err read_value(struct hm_bytes body, struct hm_buf *out, struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    struct hm_json_in in;
    enum hm_err err = hm_json_parse(body, HM_JSON_FOREIGN(ANSWER_MAX), &doc, why);
    if (err != HM_OK)
        return hm_fail_in(why, HM_E_UNAVAILABLE, "GitHub's answer");
    hm_json_begin(&in, doc, "$", why);
    in.open = true;
    const char *value = hm_json_str(&in, "value");
    if (hm_json_end(&in) != HM_OK)
        return hm_fail_in(why, HM_E_UNAVAILABLE, "GitHub's answer");
    hm_buf_puts(out, value);
    return hm_buf_err(out);
}

static enum hm_err fetch_once(const char *url, const char *secret, struct hm_buf *out,
                              struct hm_why *why)
{
    HM_BUF_AUTO body = {.limit = ANSWER_MAX};
    HM_BUF_AUTO header = {.limit = ANSWER_MAX};
    long status = 0;
    hm_buf_printf(&header, "Authorization: Bearer %s", secret);
    CURL *curl = curl_easy_init();
    const char *line = hm_buf_str(&header);
    struct curl_slist *headers = line != NULL ? curl_slist_append(NULL, line) : NULL;
    CURLcode code = CURLE_FAILED_INIT;
    if (curl != NULL && headers != NULL && set_fetch(curl, url, headers, &body))
        code = curl_easy_perform(curl);
    if (curl != NULL)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (code != CURLE_OK)
        return hm_fail(why, HM_E_UNAVAILABLE, "no token from GitHub: %s", curl_easy_strerror(code));
    if (status != 200)
        return hm_fail(why, status >= 500 ? HM_E_UNAVAILABLE : HM_E_DENIED,
                       "no token from GitHub: it answered %ld (the job needs permissions: "
                       "id-token: write)",
                       status);
    return read_value(hm_buf_bytes(&body), out, why);
}

static enum hm_err from_github(const char *audience, struct hm_buf *out, struct hm_why *why)
{
    HM_BUF_AUTO url = {.limit = 8192};
    const char *base = cli_env("ACTIONS_ID_TOKEN_REQUEST_URL");
    const char *secret = cli_env("ACTIONS_ID_TOKEN_REQUEST_TOKEN");
    if (base == NULL || secret == NULL)
        return hm_fail(why, HM_E_CONFIG,
                       "ACTIONS_ID_TOKEN_REQUEST_URL and _TOKEN are not set: the job needs "
                       "permissions: id-token: write");
    if (strncmp(base, "https://", 8) != 0)
        return hm_fail(why, HM_E_CONFIG, "ACTIONS_ID_TOKEN_REQUEST_URL: expected https");
    hm_buf_puts(&url, base);
    cli_query_add(&url, "audience", audience);
    const char *text = hm_buf_str(&url);
    if (text == NULL)
        return hm_fail(why, HM_E_CONFIG, "ACTIONS_ID_TOKEN_REQUEST_URL: too long");
    enum hm_err err = HM_E_UNAVAILABLE;
    for (unsigned try = 0; err == HM_E_UNAVAILABLE && try < TRIES; try++) {
        if (try > 0)
            cli_pause_ms(1000);
        err = fetch_once(text, secret, out, why);
    }
    return err;
}

static enum hm_err from_file(const char *path, struct hm_buf *out, struct hm_why *why)
{
    enum hm_err err = cli_read(path, HM_OIDC_TOKEN_MAX + 2, out, why);
    while (err == HM_OK && out->len > 0 &&
           (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    return err;
}

/* What the registrar would refuse for its form or audience never leaves here. */
static enum hm_err get(const struct cli *c, const char *audience, struct hm_buf *out,
                       struct hm_why *why)
{
    struct hm_oidc_token t;
    hm_buf_reset(out);
    enum hm_err err = c->set.oidc_github ? from_github(audience, out, why)
                                         : from_file(c->set.oidc_token_file, out, why);
    if (err == HM_OK)
        err = hm_oidc_parse(hm_buf_bytes(out), &t, why);
    if (err != HM_OK)
        return err;
    if (strcmp(t.audience, audience) != 0)
        err = hm_fail(why, HM_E_CONFIG, "the token is for %.220s, expected %.220s", t.audience,
                      audience);
    hm_oidc_free(&t);
    return err == HM_OK && hm_buf_str(out) == NULL ? HM_E_MEMORY : err;
}

enum hm_err cli_oidc_audience(struct cli *c, struct hm_bytes payload, struct hm_buf *out)
{
    struct hm_vkey key;
    char text[HM_OIDC_AUDIENCE_MAX + 1];
    struct hm_digest d = hm_sha256(payload);
    enum hm_err err = cli_log_key(c, &key);
    if (err != HM_OK)
        return err;
    hm_oidc_audience(key.name, &d, text);
    hm_buf_puts(out, text);
    return hm_buf_err(out);
}

enum hm_err cli_oidc_document(struct cli *c, struct hm_bytes payload, struct hm_buf *document)
{
    HM_BUF_AUTO audience = {.limit = 1024};
    enum hm_err err = cli_oidc_audience(c, payload, &audience);
    if (err == HM_OK)
        err = get(c, hm_buf_str(&audience), &c->bearer, &c->why);
    if (err != HM_OK)
        return err;
    c->bearer_until_ms = INT64_MAX;
    return hm_signed_write_token(document, payload, hm_buf_bytes(&c->bearer));
}

void cli_oidc_spent(struct cli *c)
{
    hm_buf_wipe(&c->bearer);
    c->bearer_until_ms = 0;
}

enum hm_err cli_oidc_bearer(struct cli *c, const char **out)
{
    struct hm_vkey key;
    int64_t now_ms = hm_clock_mono_ms();
    if (c->bearer.len == 0 || now_ms >= c->bearer_until_ms) {
        enum hm_err err = cli_log_key(c, &key);
        if (err == HM_OK)
            err = get(c, key.name, &c->bearer, &c->why);
        if (err != HM_OK)
            return err;
        c->bearer_until_ms = now_ms + FRESH_MS;
    }
    *out = hm_buf_str(&c->bearer);
    return *out != NULL ? HM_OK : HM_E_MEMORY;
}
