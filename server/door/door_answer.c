#include "server/door/door_answer.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_canon.h"
#include "server/door/door_conn.h"
#include "server/ipc/proc_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct door_problem_row door_problem_rows[DOOR_PROBLEMS] = {
    [DOOR_MALFORMED] = {"malformed", 400, 0, "The request is not well-formed"},
    [DOOR_UNKNOWN_FIELD] = {"unknown-field", 400, 0, "The document has a member that nobody knows"},
    [DOOR_BAD_PARAMETER] = {"bad-parameter", 400, 0, "A parameter is not acceptable"},
    [DOOR_UNAUTHENTICATED] = {"unauthenticated", 401, 0, "A known client certificate is needed"},
    [DOOR_FORBIDDEN] = {"forbidden", 403, 0, "The policy does not give this role"},
    [DOOR_POLICY] = {"policy", 403, 0, "The policy refuses this"},
    [DOOR_SIGNATURE] = {"signature", 403, 0, "The signature is not acceptable"},
    [DOOR_NOT_FOUND] = {"not-found", 404, 0, "There is no such thing"},
    [DOOR_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, 0, "This method is not served here"},
    [DOOR_IN_FLIGHT] = {"in-flight", 409, 1, "The same Idempotency-Key is being worked on"},
    [DOOR_CONFLICT] = {"conflict", 409, 0, "This clashes with what exists already"},
    [DOOR_STATE] = {"state", 409, 0, "The release is not in a state that allows this"},
    [DOOR_SUPERSEDED] = {"superseded", 409, 0, "A later release was signed for this hardware"},
    [DOOR_MISSING_ARTIFACT] = {"missing-artifact", 409, 0, "An artifact has not been uploaded"},
    [DOOR_EXPIRED] = {"expired", 410, 0, "The time for this has passed"},
    [DOOR_LENGTH_REQUIRED] = {"length-required", 411, 0, "Content-Length is required"},
    [DOOR_PRECONDITION_FAILED] = {"precondition-failed", 412, 0, "The release has changed"},
    [DOOR_TOO_LARGE] = {"too-large", 413, 0, "The request exceeds a limit"},
    [DOOR_UNSUPPORTED_MEDIA_TYPE] = {"unsupported-media-type", 415, 0,
                                     "This Content-Type is not accepted here"},
    [DOOR_IDEMPOTENCY_MISMATCH] = {"idempotency-mismatch", 422, 0,
                                   "The Idempotency-Key was used for another body"},
    [DOOR_DIGEST_MISMATCH] = {"digest-mismatch", 422, 0, "The bytes do not match their digest"},
    [DOOR_TOO_MANY_REQUESTS] = {"too-many-requests", 429, 1, "Too many requests"},
    [DOOR_INTERNAL] = {"internal", 500, 0, "Hallmark failed"},
    [DOOR_UNAVAILABLE] = {"unavailable", 503, 2, "A part of Hallmark is not available"},
    [DOOR_DISK_FULL] = {"disk-full", 507, 60, "No space left"},
};

void door_answer_reset(struct door_answer *a)
{
    memset(a, 0, sizeof *a);
    a->fd = -1;
}

static void set_type(struct door_answer *a, const char *type)
{
    (void)snprintf(a->type, sizeof a->type, "%s", type);
}

void door_ok(struct door_req *r, const char *type, struct hm_bytes body)
{
    r->answer.status = 200;
    set_type(&r->answer, type);
    r->answer.body = body;
}

/* What a caller sent may be no UTF-8, or have been cut within a character. */
void door_json_text(struct hm_buf *b, const char *name, const char *text)
{
    HM_BUF_AUTO shown = {.limit = 16384};
    struct hm_bytes t = hm_bytes_str(text);
    if (!hm_utf8_ok(t)) {
        hm_escape(&shown, t);
        t = hm_buf_bytes(&shown);
    }
    hm_buf_printf(b, ",\"%s\":", name);
    hm_json_canon_str(b, t);
}

void door_problem(struct door_req *r, enum door_problem p, const char *fmt, ...)
{
    const struct door_problem_row *row = &door_problem_rows[p];
    struct hm_buf *out = &r->conn->out;
    char detail[2048];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    hm_buf_reset(out);
    hm_buf_printf(out, "{\"type\":\"urn:hallmark:problem:%s\"", row->name);
    door_json_text(out, "title", row->title);
    hm_buf_printf(out, ",\"status\":%u", row->status);
    door_json_text(out, "detail", detail);
    hm_buf_puts(out, "}\n");
    r->answer.status = row->status;
    set_type(&r->answer, "application/problem+json");
    /* What is not there now may be there in a moment. */
    (void)snprintf(r->answer.cache, sizeof r->answer.cache, "no-store");
    r->answer.body = hm_buf_err(out) == HM_OK ? hm_buf_bytes(out) : hm_bytes_of(NULL, 0);
    r->answer.retry_after_s = row->retry_after_s;
}

static void hidden(struct door_req *r, enum door_problem p, const char *what,
                   const struct hm_why *why)
{
    proc_log(DOOR_PROGRAM, PROC_ERROR, "%s %s: %s: %s",
             r->match.route != NULL ? r->match.route->method : "-",
             r->match.route != NULL ? r->match.route->path : "-", what, why->text);
    door_problem(r, p, "the reason stands in the service's journal");
}

void door_problem_of(struct door_req *r, enum hm_err err, const struct hm_why *why)
{
    switch (err) {
    case HM_E_NOT_FOUND:
        door_problem(r, DOOR_NOT_FOUND, "%s", why->text);
        return;
    case HM_E_UNAVAILABLE:
        door_problem(r, DOOR_UNAVAILABLE, "%s", why->text);
        return;
    case HM_E_TIMEOUT:
        door_problem(r, DOOR_UNAVAILABLE,
                     "%s; what became of the request is not known: repeat it with the same "
                     "Idempotency-Key",
                     why->text);
        return;
    case HM_E_STATE:
        door_problem(r, DOOR_STATE, "%s", why->text);
        return;
    case HM_E_FULL:
        door_problem(r, DOOR_DISK_FULL, "%s", why->text);
        return;
    case HM_E_LIMIT:
        door_problem(r, DOOR_TOO_LARGE, "%s", why->text);
        return;
    case HM_E_HISTORY:
        door_problem(r, DOOR_UNAVAILABLE, "%s", why->text);
        return;
    case HM_E_IO: /* of a disk: it may go again, and the client loses nothing by asking again */
        hidden(r, DOOR_UNAVAILABLE, hm_err_name(err), why);
        return;
    case HM_OK:
    case HM_E_MALFORMED:
    case HM_E_UNSUPPORTED:
    case HM_E_SIGNATURE:
    case HM_E_DENIED:
    case HM_E_CONFLICT:
    case HM_E_EXPIRED:
    case HM_E_MEMORY:
    case HM_E_TOKEN:
    case HM_E_PIN:
    case HM_E_CONFIG:
    case HM_E_INTERNAL:
        break;
    }
    hidden(r, DOOR_INTERNAL, hm_err_name(err), why);
}
