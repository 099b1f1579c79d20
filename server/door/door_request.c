#include "server/door/door_request.h"

#include "schema/core/hm_limits.h"
#include "schema/core/hm_text.h"
#include "schema/io/hm_clock.h"
#include "server/door/door_alerts.h"
#include "server/door/door_conn.h"
#include "server/door/door_gate.h"
#include "server/door/door_metrics.h"
#include "server/door/door_token.h"
#include "server/door/door_upload.h"
#include "server/door/door_visitors.h"
#include "server/ident/ident_token.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PLACE_WAIT_MS 5000

/* --- head --- */

static void take_once(const char **at, const char *value, struct door_heads *h)
{
    if (*at != NULL)
        h->repeats++;
    *at = value;
}

/* "Content-Length : 5" is a length to some and nothing to others; a lone CR ends a line for some.
 */
static bool is_odd(const char *name, const char *value)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (name[0] == '\0' || name[strspn(name, token)] != '\0')
        return true;
    for (const char *p = value; *p != '\0'; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return true;
    return false;
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct door_heads *h = cls;
    (void)kind;
    const char *v = value != NULL ? value : "";
    bool token = strcasecmp(name, "Authorization") == 0;
    size_t max = token ? DOOR_HEADER_MAX + DOOR_TOKEN_MAX : DOOR_HEADER_MAX;
    if (strnlen(v, max + 1) > max)
        h->too_long = true;
    h->odd = h->odd || is_odd(name, v);
    if (strcasecmp(name, "Host") == 0)
        h->hosts++;
    else if (strcasecmp(name, "Transfer-Encoding") == 0)
        h->encodings++;
    else if (strcasecmp(name, "Content-Length") == 0) {
        h->lengths++;
        h->content_length = v;
    } else if (strcasecmp(name, "Content-Type") == 0)
        take_once(&h->content_type, v, h);
    else if (strcasecmp(name, "Idempotency-Key") == 0)
        take_once(&h->idempotency_key, v, h);
    else if (strcasecmp(name, "If-Match") == 0)
        take_once(&h->if_match, v, h);
    else if (strcasecmp(name, "If-None-Match") == 0)
        take_once(&h->if_none_match, v, h);
    else if (strcasecmp(name, "Last-Event-ID") == 0)
        take_once(&h->last_event_id, v, h);
    else if (strcasecmp(name, "Accept") == 0)
        take_once(&h->accept, v, h);
    else if (token)
        take_once(&h->authorization, v, h);
    return MHD_YES;
}

/* Two parties that read the framing of a request differently is how requests are smuggled. */
static bool framing_ok(struct door_req *r, const char *version)
{
    const struct door_heads *h = &r->heads;
    const char *wrong = NULL;
    if (h->lengths > 1)
        wrong = "Content-Length stands more than once";
    else if (h->encodings > 1)
        wrong = "Transfer-Encoding stands more than once";
    else if (h->encodings > 0 && h->lengths > 0)
        wrong = "Content-Length and Transfer-Encoding exclude each other";
    else if (h->odd)
        wrong = "a header's name is no token, or its value has control characters";
    else if (h->hosts > 1)
        wrong = "Host stands more than once";
    else if (h->hosts == 0 && strcmp(version, "HTTP/1.1") == 0)
        wrong = "Host is missing";
    else if (h->repeats > 0)
        wrong = "a header that may stand once stands more than once";
    else if (h->too_long)
        wrong = "a header value is longer than 4096 bytes";
    else if (h->lengths == 1 &&
             hm_decimal(hm_bytes_str(h->content_length), INT64_MAX, &r->body_len) != HM_OK)
        wrong = "Content-Length is no decimal number";
    if (wrong == NULL)
        return true;
    r->answer.close = true;
    door_problem(r, DOOR_MALFORMED, "%s", wrong);
    return false;
}

static bool find_route(struct door_req *r, const char *method, const char *url)
{
    door_route_match(method, url, &r->match);
    if (r->match.route != NULL)
        return true;
    if (r->match.path_known) {
        door_problem(r, DOOR_METHOD_NOT_ALLOWED, "this path does not serve this method");
        door_route_allow(url, r->answer.allow);
    } else {
        door_problem(r, DOOR_NOT_FOUND, "nothing is served at this path");
    }
    return false;
}

/* --- who --- */

/* By the certificate where there is one: then a token says nothing. */
static enum hm_err check_client(struct door_req *r, gnutls_session_t session)
{
    unsigned count = 0;
    struct door_conn *c = r->conn;
    if (r->heads.authorization != NULL && !c->client.known &&
        gnutls_certificate_get_peers(session, &count) == NULL)
        return door_token_take(c, r->heads.authorization, &r->why);
    return door_client_check(&c->client, session, r->door->crl, &r->why);
}

bool door_req_certified(struct door_req *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    return info != NULL &&
           door_client_check(&r->conn->client, info->tls_session, r->door->crl, &r->why) == HM_OK;
}

/* By role; a token only where the route takes its kind. */
static bool permits(unsigned route, uint64_t who)
{
    uint64_t token = who & IDENT_TOKEN_ANY;
    return (route & who & DOOR_READER) != 0 && (token == 0 || (route & token) != 0);
}

static bool in_allowance(struct door_req *r, uint64_t wait_s, uint64_t per_minute)
{
    if (wait_s == 0)
        return true;
    door_problem(r, DOOR_TOO_MANY_REQUESTS, "more than %llu requests per minute",
                 (unsigned long long)per_minute);
    r->answer.retry_after_s = wait_s;
    return false;
}

/* Anybody, known or not. */
static bool may_visit(struct door_req *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    static const struct sockaddr unknown = {.sa_family = AF_UNSPEC};
    return in_allowance(
        r, door_visitors_take(r->door->visitors, info != NULL ? info->client_addr : &unknown),
        r->door->config->public_requests_per_minute);
}

static bool identify(struct door_req *r)
{
    struct door_conn *c = r->conn;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || check_client(r, info->tls_session) != HM_OK) {
        door_problem(r, DOOR_UNAUTHENTICATED, "%s",
                     info == NULL ? "this connection has no TLS session" : r->why.text);
        return false;
    }
    /* Whoever may bring a token may bring as many false ones: each is a question to the registrar.
     */
    if (!c->client.known && c->who.until_ms <= hm_clock_mono_ms() && !may_visit(r))
        return false;
    enum hm_err err = door_people_find(
        r->door->people, r->door->registrar, (int64_t)r->door->config->registrar_timeout_ms,
        &c->client.fingerprint, hm_buf_bytes(&c->client.caller), &c->who, &r->why);
    if (err == HM_E_NOT_FOUND)
        door_problem(r, DOOR_UNAUTHENTICATED, "%s", r->why.text);
    else if (err == HM_E_TIMEOUT)
        door_problem(r, DOOR_UNAVAILABLE, "%s", r->why.text);
    else if (err != HM_OK)
        door_problem_of(r, err, &r->why);
    else if (c->client.known)
        door_alerts_saw(r->door->alerts, &c->client.fingerprint, c->who.id, c->client.not_after_s);
    return err == HM_OK;
}

static bool may(struct door_req *r)
{
    unsigned roles = r->match.route->roles;
    if (roles == DOOR_ANYBODY)
        return true;
    if ((roles & DOOR_PUBLIC) != 0 && r->door->config->public_log)
        return may_visit(r);
    if (!identify(r))
        return false;
    if (!in_allowance(r, door_people_take(r->door->people, r->conn->who.id),
                      r->door->config->requests_per_minute))
        return false;
    if (permits(roles, r->conn->who.roles))
        return true;
    if ((r->conn->who.roles & IDENT_TOKEN_ANY) != 0)
        door_problem(r, DOOR_FORBIDDEN, "%s may not do this with this token", r->conn->who.id);
    else
        door_problem(r, DOOR_FORBIDDEN, "%s has no role that may do this", r->conn->who.id);
    return false;
}

/* --- what --- */

static size_t body_max(const struct door_req *r)
{
    switch (r->match.route->body) {
    case DOOR_BODY_RELEASE:
        return HM_BODY_MAX;
    case DOOR_BODY_UPLOAD:
        return (size_t)r->door->config->max_artifact_bytes;
    case DOOR_BODY_DOCUMENT:
    case DOOR_BODY_OPTIONAL:
        return HM_SMALL_BODY_MAX;
    case DOOR_BODY_NONE:
        break;
    }
    return 0;
}

static bool is_json(const char *type)
{
    static const char want[] = "application/json";
    size_t n = sizeof want - 1;
    return type != NULL && strncasecmp(type, want, n) == 0 &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static bool body_ok(struct door_req *r)
{
    enum door_body kind = r->match.route->body;
    if (r->heads.encodings > 0 ||
        (r->heads.lengths == 0 && kind != DOOR_BODY_NONE && kind != DOOR_BODY_OPTIONAL)) {
        r->answer.close = r->heads.encodings > 0;
        door_problem(r, DOOR_LENGTH_REQUIRED, "send the body with a Content-Length");
    } else if (r->body_len > body_max(r)) {
        door_problem(r, DOOR_TOO_LARGE, "a body of %llu bytes; at most %zu are accepted here",
                     (unsigned long long)r->body_len, body_max(r));
    } else if ((kind == DOOR_BODY_DOCUMENT || kind == DOOR_BODY_RELEASE ||
                (kind == DOOR_BODY_OPTIONAL && r->body_len > 0)) &&
               !is_json(r->heads.content_type)) {
        door_problem(r, DOOR_UNSUPPORTED_MEDIA_TYPE, "send Content-Type: application/json");
    }
    return r->answer.status == 0;
}

static enum MHD_Result see_param(void *cls, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    struct door_req *r = cls;
    (void)kind;
    const char *v = value != NULL ? value : "";
    if (r->param_count == DOOR_PARAMS_MAX || door_req_param(r, name) != NULL ||
        strnlen(v, DOOR_PARAM_MAX + 1) > DOOR_PARAM_MAX)
        r->params_bad = true;
    else
        r->params[r->param_count++] = (struct door_param){name, v};
    return MHD_YES;
}

static bool in_list(const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; n > 0 && *p != '\0';) {
        size_t len = strcspn(p, " ");
        if (len == n && strncmp(p, name, n) == 0)
            return true;
        p += len;
        p += *p == ' ' ? 1 : 0;
    }
    return false;
}

static bool params_ok(struct door_req *r)
{
    (void)MHD_get_connection_values(r->mhd, MHD_GET_ARGUMENT_KIND, see_param, r);
    if (r->params_bad) {
        door_problem(r, DOOR_BAD_PARAMETER,
                     "a query parameter stands twice, is too long, or there are too many");
        return false;
    }
    for (size_t i = 0; i < r->param_count; i++) {
        if (in_list(r->match.route->params, r->params[i].name))
            continue;
        bool any = r->match.route->params[0] != '\0';
        door_problem(r, DOOR_BAD_PARAMETER, "no query parameter \"%.64s\"; known here: %s",
                     r->params[i].name, any ? r->match.route->params : "none");
        return false;
    }
    return true;
}

static bool key_ok(struct door_req *r)
{
    const char *key = r->heads.idempotency_key;
    if (key == NULL || strcmp(r->match.route->method, "POST") != 0)
        return true;
    size_t n = strlen(key);
    bool ok = n >= 1 && n <= 128;
    for (size_t i = 0; ok && i < n; i++)
        ok = key[i] >= 0x20 && key[i] <= 0x7e;
    if (!ok)
        door_problem(r, DOOR_BAD_PARAMETER,
                     "Idempotency-Key: expected 1 to 128 printable ASCII characters");
    return ok;
}

const char *door_req_param(const struct door_req *r, const char *name)
{
    for (size_t i = 0; i < r->param_count; i++)
        if (strcmp(r->params[i].name, name) == 0)
            return r->params[i].value;
    return NULL;
}

bool door_req_body_place(struct door_req *r)
{
    r->has_body_place = r->has_body_place || door_gate_enter(r->door->bodies, r->conn->who.id,
                                                             PLACE_WAIT_MS, &r->body_place);
    if (!r->has_body_place)
        door_problem(r, DOOR_UNAVAILABLE, "too many large requests at once, or of one caller");
    return r->has_body_place;
}

/* --- life --- */

void door_req_open(struct door_req *r, const char *method, const char *url, const char *version)
{
    door_metrics_begin(r->door->metrics);
    r->active = true;
    (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, see_header, &r->heads);
    if (!framing_ok(r, version) || !find_route(r, method, url) || !may(r) || !body_ok(r) ||
        !params_ok(r) || !key_ok(r))
        return;
    if (r->match.route->begin != NULL)
        r->match.route->begin(r);
}

void door_req_body(struct door_req *r, const char *data, size_t len)
{
    r->body_seen += len;
    if (r->answer.status != 0 || r->body_seen > r->body_len)
        return; /* already answered: the rest is only read away */
    if (r->upload != NULL)
        door_upload_more(r, data, len);
    else
        hm_buf_put(&r->conn->frame, data, len);
}

void door_req_finish(struct door_req *r)
{
    if (r->answer.status == 0 && r->body_seen != r->body_len)
        door_problem(r, DOOR_MALFORMED, "the body is not as long as Content-Length says");
    if (r->answer.status == 0)
        r->match.route->handle(r);
    if (r->answer.status == 0)
        door_problem(r, DOOR_INTERNAL, "no answer was made");
}

void door_req_clear(struct door_req *r)
{
    if (r->active)
        door_metrics_end(r->door->metrics);
    if (r->has_body_place)
        door_gate_leave(r->door->bodies, r->body_place);
    door_upload_free(r->upload);
    if (r->answer.fd >= 0)
        (void)close(r->answer.fd);
    struct door *door = r->door;
    struct door_conn *conn = r->conn;
    memset(r, 0, sizeof *r);
    r->door = door;
    r->conn = conn;
    door_answer_reset(&r->answer);
    door_conn_trim(conn);
}
