#include "schema/log/hm_add_checkpoint.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

static const char old_word[] = "old ";

void hm_add_checkpoint_write(uint64_t old_size, const struct hm_path *path, struct hm_bytes note,
                             struct hm_buf *out)
{
    hm_buf_printf(out, "%s%llu\n", old_word, (unsigned long long)old_size);
    hm_path_write(path, out);
    hm_buf_putc(out, '\n');
    hm_buf_put(out, note.data, note.len);
}

enum hm_err hm_add_checkpoint_parse(struct hm_bytes request, struct hm_add_checkpoint *out,
                                    struct hm_why *why)
{
    struct hm_add_checkpoint a = {.old_size = 0};
    struct hm_bytes line;
    size_t prefix = sizeof old_word - 1;
    if (request.len > HM_ADD_CHECKPOINT_MAX)
        return hm_fail(why, HM_E_LIMIT, "request: more than %zu bytes", HM_ADD_CHECKPOINT_MAX);
    a.note = request;
    if (!hm_note_line(&a.note, &line) || line.len < prefix ||
        memcmp(line.data, old_word, prefix) != 0 ||
        hm_decimal(hm_bytes_of(line.data + prefix, line.len - prefix), UINT64_MAX, &a.old_size) !=
            HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "request: line 1: expected \"old \" and a decimal");
    enum hm_err e = hm_path_read(&a.note, "request", &a.path, why);
    if (e == HM_OK)
        *out = a;
    return e;
}

enum hm_err hm_tree_size_parse(struct hm_bytes body, uint64_t *size)
{
    if (body.len < 2 || body.len > HM_TREE_SIZE_MAX || body.data[body.len - 1] != '\n')
        return HM_E_MALFORMED;
    return hm_decimal(hm_bytes_of(body.data, body.len - 1), UINT64_MAX, size);
}
