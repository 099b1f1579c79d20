/* JSON: the parser, the canonical writer and the checker must agree on every input, and the parser
 * with Jansson's. */
#include "schema/json/hm_json_canon.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok)
{
    if (!ok)
        abort();
}

/* What the writer writes is its own canonical form. */
static void write_twice(const json_t *doc)
{
    HM_BUF_AUTO once = {.limit = 0};
    HM_BUF_AUTO twice = {.limit = 0};
    HM_JSON_AUTO *again = NULL;
    if (hm_json_canon(doc, &once, NULL) != HM_OK)
        return;
    demand(hm_json_parse(hm_buf_bytes(&once), HM_JSON_FOREIGN(8 << 20), &again, NULL) == HM_OK);
    demand(hm_json_canon(again, &twice, NULL) == HM_OK);
    demand(hm_bytes_eq(hm_buf_bytes(&once), hm_buf_bytes(&twice)));
}

/* Jansson takes what we take, as the same values; what it takes and we do not is beyond a limit, or
 * a NUL behind a number, which it overlooks. */
static void ask_jansson(struct hm_bytes text, const json_t *ours, const struct hm_why *why)
{
    HM_JSON_AUTO *theirs =
        json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (ours != NULL)
        demand(theirs != NULL && json_equal(theirs, ours));
    else if (theirs != NULL)
        demand(strstr(why->text, "2^53") != NULL || strstr(why->text, "nested too") != NULL ||
               strstr(why->text, "too many") != NULL || strstr(why->text, "NUL") != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hm_bytes text = hm_bytes_of(data, size);
    struct hm_why why = {""};
    HM_JSON_AUTO *ours = NULL;
    HM_JSON_AUTO *foreign = NULL;
    bool parsed = hm_json_parse(text, HM_JSON_OURS(1 << 20), &ours, &why) == HM_OK;
    if (!parsed)
        hm_json_locate(&why, "f", text);
    struct hm_why other = {""};
    if (hm_json_parse(text, HM_JSON_FOREIGN(1 << 20), &foreign, &other) == HM_OK)
        write_twice(foreign);
    else
        demand(!parsed); /* ours is the narrower */
    ask_jansson(text, foreign, &other);
    if (hm_json_canon_check(text, HM_JSON_DEPTH_MAX, NULL) == HM_OK) {
        HM_BUF_AUTO out = {.limit = 0};
        demand(parsed && hm_json_canon(ours, &out, NULL) == HM_OK);
        demand(hm_bytes_eq(hm_buf_bytes(&out), text));
    }
    (void)hm_json_line_of(text, "$.a[1].b");
    return 0;
}
