#include "client/cli_problem.h"

#include "client/cli_term.h"
#include "schema/json/hm_json.h"

#include <string.h>

#define PROBLEM_PREFIX "urn:hallmark:problem:"

/* NULL where the body is no JSON object: then the status alone speaks. */
static json_t *problem_parse(struct hm_bytes body)
{
    json_t *doc = NULL;
    if (hm_json_parse(body, HM_JSON_FOREIGN(CLI_PROBLEM_MAX), &doc, NULL) != HM_OK)
        return NULL;
    if (json_is_object(doc))
        return doc;
    json_decref(doc);
    return NULL;
}

static const char *name_of(const json_t *doc)
{
    const char *type = hm_json_text(doc, "type");
    size_t n = sizeof PROBLEM_PREFIX - 1;
    return strncmp(type, PROBLEM_PREFIX, n) == 0 ? type + n : "";
}

bool cli_problem_is(struct hm_bytes body, const char *name)
{
    HM_JSON_AUTO *doc = problem_parse(body);
    return doc != NULL && strcmp(name_of(doc), name) == 0;
}

static enum hm_err error_of(long status)
{
    switch (status) {
    case 400:
    case 405:
    case 411:
    case 415:
        return HM_E_CONFIG;
    case 401:
    case 403:
    case 413:
        return HM_E_DENIED;
    case 404:
        return HM_E_NOT_FOUND;
    case 409:
    case 412:
    case 422:
        return HM_E_STATE;
    case 410:
        return HM_E_EXPIRED;
    default:
        return status >= 500 || status == 429 ? HM_E_UNAVAILABLE : HM_E_DENIED;
    }
}

enum hm_err cli_problem_error(const char *method, const char *path, long status,
                              struct hm_bytes body, struct hm_why *why)
{
    HM_JSON_AUTO *doc = problem_parse(body);
    int path_len = (int)strcspn(path, "?");
    if (status >= 300 && status < 400)
        return hm_fail(why, HM_E_DENIED,
                       "%s %.*s: the server answered %ld; redirects are never followed", method,
                       path_len < 160 ? path_len : 160, path, status);
    if (status == 409 && doc != NULL && strcmp(name_of(doc), "in-flight") == 0)
        return hm_fail(why, HM_E_UNAVAILABLE, "%s %.*s: the same request is still being handled",
                       method, path_len < 160 ? path_len : 160, path);
    const char *title = doc != NULL ? hm_json_text(doc, "title") : "";
    const char *detail = doc != NULL ? hm_json_text(doc, "detail") : "";
    return hm_fail(why, error_of(status), "%s %.*s: the server answered %ld%s%.60s%s%.120s%s%.240s",
                   method, path_len < 160 ? path_len : 160, path, status,
                   doc != NULL && name_of(doc)[0] != '\0' ? " " : "",
                   doc != NULL ? name_of(doc) : "", title[0] != '\0' ? ": " : "", title,
                   detail[0] != '\0' ? ": " : "", detail);
}

void cli_problem_findings(struct hm_bytes body, FILE *out, bool color)
{
    static const char *const headers[] = {"CHECK", "RESULT", "REQUIRED", "FOUND"};
    HM_JSON_AUTO *doc = problem_parse(body);
    const json_t *list = doc != NULL ? json_object_get(doc, "findings") : NULL;
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 4);
    for (size_t i = 0; i < json_array_size(list) && i < 64; i++) {
        const json_t *f = json_array_get(list, i);
        cli_table_cell(&t, "%s", hm_json_text(f, "check"));
        cli_table_cell(&t, "%s", json_is_true(json_object_get(f, "ok")) ? "ok" : "FAILED");
        cli_table_cell(&t, "%s", hm_json_text(f, "required"));
        cli_table_cell(&t, "%s", hm_json_text(f, "found"));
    }
    cli_table_write(&t, out, color);
}
