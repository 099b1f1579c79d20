/* Signature lines of C2SP signed notes. Pure; any thread. Key names are printable ASCII here,
 * narrower than the specification allows. */
#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

void hm_note_signature_write(const struct hm_vkey *v, const uint8_t *blob, size_t len,
                             struct hm_buf *out)
{
    HM_BUF_AUTO all = {.limit = HM_NOTE_MAX};
    hm_buf_put(&all, v->id, HM_NOTE_KEY_ID_LEN);
    hm_buf_put(&all, blob, len);
    hm_buf_printf(out, "%s%s ", dash, v->name);
    hm_base64(out, hm_buf_bytes(&all));
    hm_buf_putc(out, '\n');
}

static bool key_name_ok(struct hm_bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '+')
            return false;
    return name.len > 0;
}

static enum hm_err read_line(struct hm_bytes line, struct hm_note_signature *out)
{
    size_t prefix = sizeof dash - 1;
    if (line.len <= prefix || memcmp(line.data, dash, prefix) != 0)
        return HM_E_MALFORMED;
    struct hm_bytes rest = hm_bytes_of(line.data + prefix, line.len - prefix);
    if (!hm_note_split(rest, ' ', &out->name, &out->base64) || !key_name_ok(out->name))
        return HM_E_MALFORMED;
    HM_BUF_AUTO blob = {.limit = HM_NOTE_MAX};
    enum hm_err e = hm_unbase64(out->base64, &blob);
    if (e != HM_OK)
        return e;
    if (blob.len <= HM_NOTE_KEY_ID_LEN)
        return HM_E_MALFORMED;
    memcpy(out->id, blob.data, HM_NOTE_KEY_ID_LEN);
    out->line = hm_bytes_of(line.data, line.len + 1);
    return HM_OK;
}

static bool same_key(const struct hm_note_signature *a, const struct hm_note_signature *b)
{
    return hm_bytes_eq(a->name, b->name) && memcmp(a->id, b->id, HM_NOTE_KEY_ID_LEN) == 0;
}

enum hm_err hm_note_signatures_read(struct hm_bytes lines, const char *what,
                                    struct hm_note_signatures *out, struct hm_why *why)
{
    out->count = 0;
    while (lines.len > 0) {
        struct hm_bytes line;
        struct hm_note_signature *s = &out->of[out->count];
        if (out->count == HM_NOTE_SIGNATURES_MAX)
            return hm_fail(why, HM_E_LIMIT, "%s: more than %d signatures", what,
                           HM_NOTE_SIGNATURES_MAX);
        if (!hm_note_line(&lines, &line) || read_line(line, s) != HM_OK)
            return hm_fail(why, HM_E_MALFORMED, "%s: signature line %zu is malformed", what,
                           out->count + 1);
        for (size_t i = 0; i < out->count; i++)
            if (same_key(&out->of[i], s))
                return hm_fail(why, HM_E_MALFORMED, "%s: two signatures of one key", what);
        out->count++;
    }
    return HM_OK;
}

const struct hm_note_signature *hm_note_signature_by(const struct hm_note_signatures *s,
                                                     const struct hm_vkey *v)
{
    for (size_t i = 0; i < s->count; i++)
        if (hm_bytes_eq_str(s->of[i].name, v->name) &&
            memcmp(s->of[i].id, v->id, HM_NOTE_KEY_ID_LEN) == 0)
            return &s->of[i];
    return NULL;
}
