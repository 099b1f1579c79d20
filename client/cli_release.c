#include "client/cli_release.h"

#include "client/cli_http.h"
#include "schema/io/hm_clock.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

#define CLI_RELEASE_MAX ((size_t)256 * 1024)
#define CLI_POLL_S 30u

void cli_release_free(struct cli_release *r)
{
    json_decref(r->doc);
    r->doc = NULL;
}

static enum hm_err read_release(struct cli *c, uint64_t id, const struct cli_answer *a,
                                struct cli_release *out)
{
    struct cli_release r = {.state = HM_RELEASE_NONE};
    struct hm_json_in in;
    char expected[24];
    enum hm_err err =
        hm_json_parse(hm_buf_bytes(&a->body), HM_JSON_FOREIGN(CLI_RELEASE_MAX), &r.doc, &c->why);
    if (err != HM_OK)
        return hm_fail_in(&c->why, err, "release");
    hm_json_begin(&in, r.doc, "$", &c->why);
    in.open = true;
    const char *name = hm_json_str(&in, "id");
    const char *state = hm_json_str(&in, "state");
    err = hm_json_end(&in);
    (void)snprintf(expected, sizeof expected, "r%" PRIu64, id);
    if (err == HM_OK && strcmp(name, expected) != 0)
        err = hm_fail(&c->why, HM_E_DENIED, "asked for %s, the server sent %.24s", expected, name);
    if (err == HM_OK && !hm_release_state_parse(state, &r.state))
        err = hm_fail(&c->why, HM_E_MALFORMED, "unknown release state '%.24s'", state);
    if (err != HM_OK) {
        cli_release_free(&r);
        return err;
    }
    (void)snprintf(r.etag, sizeof r.etag, "%s", a->etag);
    *out = r;
    return HM_OK;
}

enum hm_err cli_release_get(struct cli *c, uint64_t id, const char *etag, struct cli_release *out)
{
    char path[96];
    CLI_ANSWER_AUTO a = {.status = 0};
    bool wait = etag != NULL && etag[0] != '\0';
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "%s", id, wait ? "?wait=30s" : "");
    struct cli_call call = {.method = "GET",
                            .path = path,
                            .accept = "application/json",
                            .max = CLI_RELEASE_MAX,
                            .if_none_match = wait ? etag : NULL,
                            .wait_s = wait ? CLI_POLL_S : 0};
    enum hm_err err = cli_http_do(c, &call, &a);
    if (err != HM_OK)
        return err;
    if (a.status == 304) {
        *out = (struct cli_release){.doc = NULL};
        return HM_OK;
    }
    if (a.status == 200)
        return read_release(c, id, &a, out);
    /* Once more without waiting, so that the problem is reported the usual way. */
    CLI_ANSWER_AUTO again = {.status = 0};
    call.path = path;
    err = cli_http_ok(c, &call, &again);
    return err == HM_OK ? read_release(c, id, &again, out) : err;
}

static enum hm_err ended(struct cli *c, uint64_t id, enum hm_release_state state)
{
    cli_next(c, "hallmark show r%" PRIu64, id);
    return hm_fail(&c->why, HM_E_DENIED, "r%" PRIu64 " ended as %s", id,
                   hm_release_state_name(state));
}

/* "approved" is also reached by what comes after it. */
static bool reached(enum hm_release_state state, enum hm_release_state target)
{
    if (state == target)
        return true;
    return target == HM_RELEASE_APPROVED &&
           (state == HM_RELEASE_SIGNING || state == HM_RELEASE_SIGNED);
}

enum hm_err cli_release_wait(struct cli *c, uint64_t id, enum hm_release_state target,
                             unsigned wait_s, struct cli_release *out)
{
    char etag[128] = "";
    int64_t until = hm_clock_mono_ms() + (int64_t)wait_s * 1000;
    for (;;) {
        int64_t began = hm_clock_mono_ms();
        CLI_RELEASE_AUTO r = {.doc = NULL};
        enum hm_err err = cli_release_get(c, id, etag, &r);
        if (err != HM_OK)
            return err;
        if (r.doc != NULL) {
            (void)snprintf(etag, sizeof etag, "%s", r.etag);
            if (reached(r.state, target)) {
                *out = r;
                r.doc = NULL;
                return HM_OK;
            }
            if (hm_release_is_end(r.state))
                return ended(c, id, r.state);
        }
        if (hm_clock_mono_ms() >= until)
            return hm_fail(&c->why, HM_E_TIMEOUT, "r%" PRIu64 " was not %s within %u s", id,
                           hm_release_state_name(target), wait_s);
        /* A server that does not hold the request must not be asked in a tight loop. */
        if (hm_clock_mono_ms() - began < 1000)
            cli_pause_ms(1000);
    }
}

void cli_release_text(const json_t *doc, const char *member, char *out, size_t size)
{
    const json_t *v = json_object_get(doc, member);
    if (json_is_string(v))
        (void)snprintf(out, size, "%s", json_string_value(v));
    else if (json_is_integer(v))
        (void)snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
    else if (json_is_array(v))
        (void)snprintf(out, size, "%zu", json_array_size(v));
    else
        (void)snprintf(out, size, "-");
}
