#include "server/door/door_cursor.h"

#include "schema/io/hm_file.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

#define FILE_MAX ((size_t)4096)

static void read_told(struct hm_json_in *in, struct door_cursor *c)
{
    const json_t *list = hm_json_array(in, "told", 0, DOOR_CURSOR_TOLD);
    for (size_t i = 0; in->err == HM_OK && i < json_array_size(list); i++) {
        const char *id = json_string_value(json_array_get(list, i));
        if (id == NULL || strlen(id) != sizeof c->told[0] - 1)
            hm_json_bad(in, HM_E_MALFORMED, "told", "entry %zu: expected an alert's id", i);
        else
            door_cursor_tell(c, id);
    }
}

enum hm_err door_cursor_read(const char *path, struct door_cursor *out, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = FILE_MAX + 1};
    HM_JSON_AUTO *doc = NULL;
    struct door_cursor c = {.next = 0};
    struct hm_json_in in;
    enum hm_err err = hm_file_read(path, FILE_MAX, &text, why);
    if (err == HM_OK)
        err = hm_json_parse(hm_buf_bytes(&text), HM_JSON_OURS(FILE_MAX), &doc, why);
    if (err == HM_E_NOT_FOUND)
        return err;
    if (err != HM_OK)
        return hm_fail_in(why, err, "%s", path);
    hm_json_begin(&in, doc, "$", why);
    c.next = hm_json_uint(&in, "next", 0, INT64_MAX);
    c.alerts_next = hm_json_uint(&in, "alerts_next", 0, INT64_MAX);
    read_told(&in, &c);
    if (hm_json_end(&in) != HM_OK)
        return hm_fail_in(why, HM_E_MALFORMED, "%s", path);
    *out = c;
    return HM_OK;
}

enum hm_err door_cursor_write(const char *path, const struct door_cursor *c, struct hm_why *why)
{
    HM_BUF_AUTO text = {.limit = FILE_MAX};
    hm_buf_printf(&text, "{\"next\":%" PRIu64 ",\"alerts_next\":%" PRIu64 ",\"told\":[", c->next,
                  c->alerts_next);
    for (size_t i = 0; i < c->told_count; i++)
        hm_buf_printf(&text, "%s\"%s\"", i > 0 ? "," : "", c->told[i]);
    hm_buf_puts(&text, "]}\n");
    enum hm_err err = hm_buf_err(&text);
    return err == HM_OK ? hm_file_write_atomic(path, hm_buf_bytes(&text), 0600, why) : err;
}

bool door_cursor_was_told(const struct door_cursor *c, const char *id)
{
    for (size_t i = 0; i < c->told_count; i++)
        if (strcmp(c->told[i], id) == 0)
            return true;
    return false;
}

void door_cursor_tell(struct door_cursor *c, const char *id)
{
    if (c->told_count == DOOR_CURSOR_TOLD) {
        memmove(c->told, c->told + 1, sizeof c->told - sizeof c->told[0]);
        c->told_count--;
    }
    memcpy(c->told[c->told_count++], id, sizeof c->told[0]);
}
