/* C2SP tlog-checkpoint in the signed-note format. Pure; any thread. */
#include "schema/log/hm_checkpoint.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

void hm_checkpoint_body(const struct hm_checkpoint *c, struct hm_buf *out)
{
    hm_buf_printf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    hm_base64(out, hm_bytes_of(c->root.b, sizeof c->root.b));
    hm_buf_putc(out, '\n');
}

void hm_checkpoint_note(struct hm_bytes body, const struct hm_vkey *v, const uint8_t sig[static 64],
                        struct hm_buf *out)
{
    hm_buf_put(out, body.data, body.len);
    hm_buf_putc(out, '\n');
    hm_note_signature_write(v, sig, HM_NOTE_SIG_LEN, out);
}

static enum hm_err parse_origin(struct hm_bytes origin, struct hm_checkpoint *out,
                                struct hm_why *why)
{
    if (origin.len > HM_ORIGIN_MAX)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: the origin is too long");
    memcpy(out->origin, origin.data, origin.len);
    if (strlen(out->origin) != origin.len || !hm_origin_ok(out->origin))
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: bad characters in the origin");
    return HM_OK;
}

/* Reads origin, size and root. */
static enum hm_err parse_head(struct hm_bytes *rest, struct hm_checkpoint *out, struct hm_why *why)
{
    struct hm_bytes origin;
    struct hm_bytes size;
    struct hm_bytes root;
    if (!hm_note_line(rest, &origin) || !hm_note_line(rest, &size) || !hm_note_line(rest, &root))
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: expected origin, size and root lines");
    enum hm_err e = parse_origin(origin, out, why);
    if (e != HM_OK)
        return e;
    if (hm_decimal(size, UINT64_MAX, &out->size) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: line 2: expected a decimal size");
    if (hm_note_base64(root, out->root.b, sizeof out->root.b) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: line 3: expected the base64 of 32 bytes");
    return HM_OK;
}

/* What a note may hold in a line (C2SP signed-note): UTF-8 without control characters. */
static bool line_ok(struct hm_bytes line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] < ' ')
            return false;
    return hm_utf8_ok(line);
}

/* Stops behind the blank line. */
static enum hm_err skip_to_signatures(struct hm_bytes *rest, bool extensions, struct hm_why *why)
{
    for (size_t n = 4;; n++) {
        struct hm_bytes line;
        bool found = hm_note_line(rest, &line);
        if (found && line.len == 0)
            return HM_OK;
        if (!found || !extensions || !line_ok(line))
            return hm_fail(why, HM_E_MALFORMED, "checkpoint: line %zu: expected a blank line", n);
    }
}

enum hm_err hm_checkpoint_split(struct hm_bytes note, bool extensions,
                                struct hm_checkpoint_parts *out, struct hm_why *why)
{
    struct hm_checkpoint_parts p = {.checkpoint = {.size = 0}};
    struct hm_bytes rest = note;
    if (note.len > HM_NOTE_MAX)
        return hm_fail(why, HM_E_LIMIT, "checkpoint: more than %zu bytes", HM_NOTE_MAX);
    enum hm_err e = parse_head(&rest, &p.checkpoint, why);
    if (e == HM_OK)
        e = skip_to_signatures(&rest, extensions, why);
    if (e != HM_OK)
        return e;
    p.body = hm_bytes_of(note.data, note.len - rest.len - 1);
    p.signatures = rest;
    *out = p;
    return HM_OK;
}

static enum hm_err verify_line(const struct hm_note_signature *s, const struct hm_vkey *v,
                               struct hm_bytes body)
{
    uint8_t blob[HM_NOTE_KEY_ID_LEN + HM_NOTE_SIG_LEN];
    if (hm_note_base64(s->base64, blob, sizeof blob) != HM_OK)
        return HM_E_SIGNATURE;
    return hm_key_verify_raw(&v->key, body,
                             hm_bytes_of(blob + HM_NOTE_KEY_ID_LEN, HM_NOTE_SIG_LEN));
}

enum hm_err hm_checkpoint_verify(const struct hm_checkpoint_parts *p, const struct hm_vkey *keys,
                                 size_t count, struct hm_buf *lines, struct hm_why *why)
{
    struct hm_note_signatures all;
    size_t verified = 0;
    enum hm_err e = hm_note_signatures_read(p->signatures, "checkpoint", &all, why);
    for (size_t i = 0; e == HM_OK && i < count; i++) {
        const struct hm_note_signature *s = hm_note_signature_by(&all, &keys[i]);
        if (s == NULL)
            continue;
        if (verify_line(s, &keys[i], p->body) != HM_OK)
            return hm_fail(why, HM_E_SIGNATURE, "checkpoint: the signature of %s does not verify",
                           keys[i].name);
        verified++;
        if (lines != NULL)
            hm_buf_put(lines, s->line.data, s->line.len);
    }
    if (e == HM_OK && verified == 0)
        e = hm_fail(why, HM_E_SIGNATURE, "checkpoint: not signed by %s",
                    count > 0 ? keys[0].name : "anybody known");
    return e == HM_OK && lines != NULL ? hm_buf_err(lines) : e;
}

enum hm_err hm_checkpoint_open(struct hm_bytes note, const struct hm_vkey *v,
                               struct hm_checkpoint *out, struct hm_why *why)
{
    struct hm_checkpoint_parts p;
    if (note.len > HM_CHECKPOINT_MAX)
        return hm_fail(why, HM_E_LIMIT, "checkpoint: more than %d bytes", HM_CHECKPOINT_MAX);
    enum hm_err e = hm_checkpoint_split(note, false, &p, why);
    if (e != HM_OK)
        return e;
    if (strcmp(p.checkpoint.origin, v->name) != 0)
        return hm_fail(why, HM_E_SIGNATURE, "checkpoint: of %s, expected %s", p.checkpoint.origin,
                       v->name);
    e = hm_checkpoint_verify(&p, v, 1, NULL, why);
    if (e == HM_OK)
        *out = p.checkpoint;
    return e;
}
