/* Line by line reading for checkpoints and proofs. Pure; any thread. */
#include "schema/log/hm_note_priv.h"

#include "schema/core/hm_text.h"

#include <string.h>

bool hm_note_split(struct hm_bytes text, uint8_t separator, struct hm_bytes *head,
                   struct hm_bytes *tail)
{
    const uint8_t *at = text.len > 0 ? memchr(text.data, separator, text.len) : NULL;
    if (at == NULL)
        return false;
    size_t n = (size_t)(at - text.data);
    *head = hm_bytes_of(text.data, n);
    *tail = hm_bytes_of(at + 1, text.len - n - 1);
    return true;
}

bool hm_note_line(struct hm_bytes *rest, struct hm_bytes *line)
{
    return hm_note_split(*rest, '\n', line, rest);
}

enum hm_err hm_note_base64(struct hm_bytes text, uint8_t *out, size_t len)
{
    HM_BUF_AUTO b = {.limit = len};
    enum hm_err e = hm_unbase64(text, &b);
    if (e == HM_E_MEMORY)
        return e;
    if (e != HM_OK || b.len != len)
        return HM_E_MALFORMED;
    memcpy(out, b.data, len);
    return HM_OK;
}

void hm_path_write(const struct hm_path *path, struct hm_buf *out)
{
    for (size_t i = 0; i < path->count; i++) {
        hm_base64(out, hm_bytes_of(path->hash[i].b, sizeof path->hash[i].b));
        hm_buf_putc(out, '\n');
    }
}

enum hm_err hm_path_read(struct hm_bytes *rest, const char *what, struct hm_path *out,
                         struct hm_why *why)
{
    out->count = 0;
    for (;;) {
        struct hm_bytes line;
        if (!hm_note_line(rest, &line))
            return hm_fail(why, HM_E_MALFORMED, "%s: no blank line behind the hashes", what);
        if (line.len == 0)
            return HM_OK;
        if (out->count == HM_PROOF_HASHES_MAX)
            return hm_fail(why, HM_E_LIMIT, "%s: more than %d hashes", what, HM_PROOF_HASHES_MAX);
        struct hm_digest *hash = &out->hash[out->count];
        if (hm_note_base64(line, hash->b, sizeof hash->b) != HM_OK)
            return hm_fail(why, HM_E_MALFORMED, "%s: hash %zu: expected the base64 of 32 bytes",
                           what, out->count + 1);
        out->count++;
    }
}
