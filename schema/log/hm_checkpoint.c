/* C2SP tlog-checkpoint in the signed-note format. Pure; any thread. Key names of signature lines
 * are printable ASCII here, narrower than the specification allows. */
#include "schema/log/hm_checkpoint.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

#define SIGNATURES_MAX 16
#define KEY_ID_LEN 4
#define ED25519_SIG_LEN 64

static const char dash[] = "\xe2\x80\x94 "; /* em dash, space */

void hm_checkpoint_body(const struct hm_checkpoint *c, struct hm_buf *out)
{
    hm_buf_printf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
    hm_base64(out, hm_bytes_of(c->root.b, sizeof c->root.b));
    hm_buf_putc(out, '\n');
}

void hm_checkpoint_note(struct hm_bytes body, const struct hm_vkey *v, const uint8_t sig[static 64],
                        struct hm_buf *out)
{
    uint8_t blob[KEY_ID_LEN + ED25519_SIG_LEN];
    memcpy(blob, v->id, KEY_ID_LEN);
    memcpy(blob + KEY_ID_LEN, sig, ED25519_SIG_LEN);
    hm_buf_put(out, body.data, body.len);
    hm_buf_printf(out, "\n%s%s ", dash, v->name);
    hm_base64(out, hm_bytes_of(blob, sizeof blob));
    hm_buf_putc(out, '\n');
}

struct signature_line {
    struct hm_bytes name;
    uint8_t id[KEY_ID_LEN];
    struct hm_bytes base64;
};

static bool key_name_ok(struct hm_bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~' || name.data[i] == '+')
            return false;
    return name.len > 0;
}

static enum hm_err parse_signature(struct hm_bytes line, struct signature_line *out)
{
    size_t prefix = sizeof dash - 1;
    if (line.len <= prefix || memcmp(line.data, dash, prefix) != 0)
        return HM_E_MALFORMED;
    struct hm_bytes rest = hm_bytes_of(line.data + prefix, line.len - prefix);
    if (!hm_note_split(rest, ' ', &out->name, &out->base64) || !key_name_ok(out->name))
        return HM_E_MALFORMED;
    HM_BUF_AUTO blob = {.limit = HM_CHECKPOINT_MAX};
    enum hm_err e = hm_unbase64(out->base64, &blob);
    if (e != HM_OK)
        return e;
    if (blob.len <= KEY_ID_LEN)
        return HM_E_MALFORMED;
    memcpy(out->id, blob.data, KEY_ID_LEN);
    return HM_OK;
}

static bool same_key(const struct signature_line *a, const struct signature_line *b)
{
    return hm_bytes_eq(a->name, b->name) && memcmp(a->id, b->id, KEY_ID_LEN) == 0;
}

/* All lines well-formed, each key once; finds the one of v. */
static enum hm_err find_signature(struct hm_bytes rest, const struct hm_vkey *v,
                                  struct signature_line *out, struct hm_why *why)
{
    struct signature_line lines[SIGNATURES_MAX];
    struct signature_line wanted = {.name = hm_bytes_str(v->name)};
    memcpy(wanted.id, v->id, KEY_ID_LEN);
    bool found = false;
    for (size_t n = 0; rest.len > 0; n++) {
        struct hm_bytes line;
        if (n == SIGNATURES_MAX)
            return hm_fail(why, HM_E_LIMIT, "checkpoint: more than %d signatures", SIGNATURES_MAX);
        if (!hm_note_line(&rest, &line) || parse_signature(line, &lines[n]) != HM_OK)
            return hm_fail(why, HM_E_MALFORMED, "checkpoint: signature line %zu is malformed",
                           n + 1);
        for (size_t i = 0; i < n; i++)
            if (same_key(&lines[i], &lines[n]))
                return hm_fail(why, HM_E_MALFORMED, "checkpoint: two signatures of one key");
        if (same_key(&lines[n], &wanted)) {
            *out = lines[n];
            found = true;
        }
    }
    return found ? HM_OK : hm_fail(why, HM_E_SIGNATURE, "checkpoint: not signed by %s", v->name);
}

/* Reads origin, size and root and stops behind the blank line. */
static enum hm_err parse_body(struct hm_bytes *rest, struct hm_checkpoint *out, struct hm_why *why)
{
    struct hm_bytes origin;
    struct hm_bytes size;
    struct hm_bytes root;
    struct hm_bytes blank;
    if (!hm_note_line(rest, &origin) || !hm_note_line(rest, &size) || !hm_note_line(rest, &root))
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: expected origin, size and root lines");
    if (!hm_note_line(rest, &blank) || blank.len != 0)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: line 4: expected a blank line");
    if (origin.len > HM_ORIGIN_MAX)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: the origin is too long");
    memcpy(out->origin, origin.data, origin.len);
    if (strlen(out->origin) != origin.len || !hm_origin_ok(out->origin))
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: bad characters in the origin");
    if (hm_decimal(size, UINT64_MAX, &out->size) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: line 2: expected a decimal size");
    if (hm_note_base64(root, out->root.b, sizeof out->root.b) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: line 3: expected the base64 of 32 bytes");
    return HM_OK;
}

enum hm_err hm_checkpoint_open(struct hm_bytes note, const struct hm_vkey *v,
                               struct hm_checkpoint *out, struct hm_why *why)
{
    struct hm_checkpoint c = {0};
    struct signature_line line = {.base64 = {NULL, 0}};
    struct hm_bytes rest = note;
    if (note.len > HM_CHECKPOINT_MAX)
        return hm_fail(why, HM_E_LIMIT, "checkpoint: more than %d bytes", HM_CHECKPOINT_MAX);
    enum hm_err e = parse_body(&rest, &c, why);
    if (e != HM_OK)
        return e;
    struct hm_bytes body = hm_bytes_of(note.data, note.len - rest.len - 1);
    e = find_signature(rest, v, &line, why);
    if (e != HM_OK)
        return e;
    uint8_t blob[KEY_ID_LEN + ED25519_SIG_LEN];
    if (hm_note_base64(line.base64, blob, sizeof blob) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "checkpoint: expected an Ed25519 signature");
    if (strcmp(c.origin, v->name) != 0)
        return hm_fail(why, HM_E_SIGNATURE, "checkpoint: of %s, expected %s", c.origin, v->name);
    e = hm_key_verify_raw(&v->key, body, hm_bytes_of(blob + KEY_ID_LEN, ED25519_SIG_LEN));
    if (e != HM_OK)
        return hm_fail(why, HM_E_SIGNATURE, "checkpoint: the signature of %s does not verify",
                       v->name);
    *out = c;
    return HM_OK;
}
