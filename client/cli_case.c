#include "client/cli_case.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a check of this name failed. */
static bool failed(const struct policy_verdict *v, const char *check)
{
    for (size_t i = 0; i < v->finding_count; i++)
        if (!v->findings[i].ok && strcmp(v->findings[i].check, check) == 0)
            return true;
    return false;
}

static bool named(const json_t *list, const char *check)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), check) == 0)
            return true;
    return false;
}

static bool failing_as_named(const json_t *list, const struct policy_verdict *v)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!failed(v, json_string_value(json_array_get(list, i))))
            return false;
    for (size_t i = 0; i < v->finding_count; i++)
        if (!v->findings[i].ok && !named(list, v->findings[i].check))
            return false;
    return true;
}

bool cli_case_holds(const struct cli_case *c, const struct policy_verdict *v)
{
    return v->allow == c->allow && (c->rule == NULL || strcmp(c->rule, v->rule) == 0) &&
           (c->failing == NULL || failing_as_named(c->failing, v));
}

/* The case's members over the defaults; null takes a default away. */
static json_t *merge(const json_t *defaults, const json_t *own)
{
    json_t *all = defaults != NULL ? json_deep_copy(defaults) : json_object();
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)own, key, v)
    {
        if (json_is_null(v))
            (void)json_object_del(all, key);
        else if (json_object_set(all, key, v) != 0)
            return NULL;
    }
    return all;
}

static void read_failing(struct hm_json_in *in, struct cli_case *c)
{
    c->failing = json_object_get(in->obj, "failing") != NULL
                     ? hm_json_array(in, "failing", 1, POLICY_FINDINGS_MAX)
                     : NULL;
    if (c->failing != NULL && c->allow)
        hm_json_bad(in, HM_E_MALFORMED, "failing", "nothing fails where \"allow\" is expected");
    for (size_t i = 0; i < json_array_size(c->failing); i++)
        if (!json_is_string(json_array_get(c->failing, i)))
            hm_json_bad(in, HM_E_MALFORMED, "failing", "expected names of checks");
}

static enum hm_err read_case(const json_t *v, size_t i, struct cli_cases *out, struct hm_why *why)
{
    struct hm_json_in in;
    char path[64];
    struct cli_case *c = &out->list[i];
    (void)snprintf(path, sizeof path, "$.cases[%zu]", i);
    hm_json_begin(&in, v, path, why);
    c->name = hm_json_str(&in, "name");
    if (c->name != NULL && (!hm_printable_ok(hm_bytes_str(c->name)) || c->name[0] == '\0' ||
                            strlen(c->name) > CLI_CASE_TITLE_MAX))
        hm_json_bad(&in, HM_E_MALFORMED, "name", "expected 1 to %d bytes of printable text",
                    CLI_CASE_TITLE_MAX);
    const json_t *own = hm_json_object_or_null(&in, "facts");
    const char *expect = hm_json_str(&in, "expect");
    if (expect != NULL && strcmp(expect, "allow") != 0 && strcmp(expect, "deny") != 0)
        hm_json_bad(&in, HM_E_MALFORMED, "expect", "expected \"allow\" or \"deny\"");
    c->allow = expect != NULL && strcmp(expect, "allow") == 0;
    c->rule = hm_json_str_or(&in, "rule", NULL);
    read_failing(&in, c);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    json_t *all = merge(out->defaults, own);
    if (all == NULL || json_array_append_new(out->merged, all) != 0)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    c->facts = all;
    return HM_OK;
}

static enum hm_err read_document(struct cli_cases *out, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, out->doc, "$", why);
    (void)hm_json_uint(&in, "version", 1, 1);
    out->policy = hm_json_str_or(&in, "policy", NULL);
    if (out->policy != NULL && out->policy[0] == '\0')
        hm_json_bad(&in, HM_E_MALFORMED, "policy", "expected the path of a policy");
    out->defaults = hm_json_object_or_null(&in, "defaults");
    const json_t *cases = hm_json_array(&in, "cases", 1, CLI_CASES_MAX);
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    out->list = calloc(json_array_size(cases), sizeof *out->list);
    out->merged = json_array();
    if (out->list == NULL || out->merged == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    for (size_t i = 0; err == HM_OK && i < json_array_size(cases); i++) {
        err = read_case(json_array_get(cases, i), i, out, why);
        out->count = i + 1;
    }
    return err;
}

enum hm_err cli_cases_read(struct hm_bytes text, struct cli_cases *out, struct hm_why *why)
{
    struct cli_cases c = {.doc = NULL};
    enum hm_err err = hm_json_parse(text, HM_JSON_OURS(HM_POLICY_MAX), &c.doc, why);
    if (err == HM_OK)
        err = read_document(&c, why);
    if (err == HM_OK)
        *out = c;
    else
        cli_cases_free(&c);
    return err;
}

void cli_cases_free(struct cli_cases *c)
{
    free(c->list);
    json_decref(c->merged);
    json_decref(c->doc);
    *c = (struct cli_cases){.doc = NULL};
}
