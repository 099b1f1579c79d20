/* Parsing: the scan, then Jansson. Thread: any. */
#include "schema/json/hm_json.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_priv.h"

void hm_json_free(json_t **v)
{
    json_decref(*v);
    *v = NULL;
}

/* Jansson's text quotes the input: what a terminal should not see is escaped. */
static enum hm_err fail_parse(const json_error_t *je, struct hm_why *why)
{
    HM_BUF_AUTO shown = {.limit = 2048};
    hm_escape(&shown, hm_bytes_str(je->text));
    const char *text = hm_buf_str(&shown);
    return hm_fail(why, HM_E_MALFORMED, "line %d, column %d: %s", je->line, je->column,
                   text != NULL ? text : "expected JSON");
}

enum hm_err hm_json_parse(struct hm_bytes text, const struct hm_json_limits *limits, json_t **out,
                          struct hm_why *why)
{
    json_error_t je;
    enum hm_err err = hm_json_scan(text, limits, why);
    if (err != HM_OK)
        return err;
    json_t *doc = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &je);
    if (doc == NULL && json_error_code(&je) == json_error_out_of_memory)
        return hm_fail(why, HM_E_MEMORY, "JSON: no memory");
    if (doc == NULL)
        return fail_parse(&je, why);
    *out = doc;
    return HM_OK;
}
