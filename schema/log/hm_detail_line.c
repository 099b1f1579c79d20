#include "schema/log/hm_detail_line.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"
#include "schema/json/hm_json_canon.h"

#include <inttypes.h>

enum hm_err hm_detail_line_write(uint64_t idx, const uint8_t salt[static HM_DETAIL_SALT],
                                 struct hm_bytes detail, struct hm_buf *out, struct hm_why *why)
{
    char hex[2 * HM_DETAIL_SALT + 1];
    if (!hm_utf8_ok(detail) || idx > HM_NUMBER_MAX)
        return hm_fail(why, HM_E_MALFORMED, "detail of record %" PRIu64 ": no UTF-8 text", idx);
    hm_hex(salt, HM_DETAIL_SALT, hex);
    hm_buf_puts(out, "{\"detail\":");
    hm_json_canon_str(out, detail);
    hm_buf_printf(out, ",\"idx\":%" PRIu64 ",\"salt\":\"%s\"}\n", idx, hex);
    return hm_buf_err(out);
}

static enum hm_err read_members(const json_t *doc, struct hm_detail_line *out, struct hm_why *why)
{
    struct hm_json_in in;
    hm_json_begin(&in, doc, "$", why);
    const char *detail = hm_json_str(&in, "detail");
    uint64_t idx = hm_json_uint(&in, "idx", 0, HM_NUMBER_MAX);
    const char *salt = hm_json_str(&in, "salt");
    if (salt != NULL && hm_unhex(hm_bytes_str(salt), out->salt, sizeof out->salt) != HM_OK)
        hm_json_bad(&in, HM_E_MALFORMED, "salt", "expected 64 hex digits");
    enum hm_err err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    out->idx = idx;
    hm_buf_reset(&out->text);
    hm_buf_puts(&out->text, detail);
    return hm_buf_err(&out->text);
}

enum hm_err hm_detail_line_parse(struct hm_bytes line, struct hm_detail_line *out,
                                 struct hm_why *why)
{
    HM_JSON_AUTO *doc = NULL;
    HM_BUF_AUTO again = {.limit = HM_DETAIL_LINE_MAX};
    out->text.limit = HM_DETAIL_LINE_MAX;
    enum hm_err err = hm_json_parse(line, HM_JSON_OURS(HM_DETAIL_LINE_MAX), &doc, why);
    if (err == HM_OK)
        err = read_members(doc, out, why);
    if (err == HM_OK)
        err = hm_detail_line_write(out->idx, out->salt, hm_buf_bytes(&out->text), &again, why);
    if (err != HM_OK)
        return err;
    return again.len == line.len + 1 && hm_bytes_eq(hm_bytes_of(again.data, line.len), line)
               ? HM_OK
               : hm_fail(why, HM_E_MALFORMED, "a line that is not in its one form");
}

struct hm_digest hm_detail_line_digest(const struct hm_detail_line *l)
{
    return hm_sha256_3(hm_bytes_of(l->salt, sizeof l->salt), hm_buf_bytes(&l->text),
                       hm_bytes_of(NULL, 0));
}

void hm_detail_line_free(struct hm_detail_line *l)
{
    hm_buf_wipe(&l->text);
}
