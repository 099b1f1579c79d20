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
