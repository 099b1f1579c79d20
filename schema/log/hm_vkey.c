/* Verifier keys of signed notes: Ed25519, of a log (type 0x01) or a cosigner (0x04). Pure; any
 * thread. */
#include "schema/log/hm_checkpoint.h"

#include "schema/core/hm_text.h"
#include "schema/log/hm_note_priv.h"

#include <stdio.h>
#include <string.h>

#define ED25519_LEN 32

/* First 4 bytes of SHA-256(name || LF || type || public key). */
static void vkey_id(uint8_t type, struct hm_vkey *v)
{
    const uint8_t middle[2] = {'\n', type};
    struct hm_digest d = hm_sha256_3(hm_bytes_str(v->name), hm_bytes_of(middle, sizeof middle),
                                     hm_bytes_of(v->key.raw, v->key.raw_len));
    memcpy(v->id, d.b, sizeof v->id);
}

enum hm_err hm_vkey_make_type(uint8_t type, const char *name, const struct hm_key *ed25519,
                              struct hm_vkey *out)
{
    struct hm_vkey v = {0};
    if (!hm_origin_ok(name))
        return HM_E_MALFORMED;
    if (ed25519->alg != HM_KEY_ED25519 || ed25519->raw_len != ED25519_LEN || hm_key_is_sk(ed25519))
        return HM_E_UNSUPPORTED;
    (void)snprintf(v.name, sizeof v.name, "%s", name);
    v.key = *ed25519;
    vkey_id(type, &v);
    *out = v;
    return HM_OK;
}

static enum hm_err parse_key(uint8_t type, struct hm_bytes text, struct hm_key *out,
                             struct hm_why *why)
{
    uint8_t raw[1 + ED25519_LEN];
    enum hm_err e = hm_note_base64(text, raw, sizeof raw);
    if (e != HM_OK)
        return hm_fail(why, e, "verifier key: expected the base64 of %zu bytes", sizeof raw);
    if (raw[0] != type)
        return hm_fail(why, HM_E_UNSUPPORTED, "verifier key: of type 0x%02x, expected %s", raw[0],
                       type == HM_NOTE_COSIGNATURE ? "0x04 (a witness's Ed25519 cosignatures)"
                                                   : "0x01 (a log's Ed25519 signatures)");
    return hm_key_from_raw(HM_KEY_ED25519, hm_bytes_of(raw + 1, ED25519_LEN), out, why);
}

enum hm_err hm_vkey_parse_type(uint8_t type, struct hm_bytes line, struct hm_vkey *out,
                               struct hm_why *why)
{
    struct hm_bytes name;
    struct hm_bytes id;
    struct hm_bytes key;
    char name_text[HM_ORIGIN_MAX + 1] = {0};
    uint8_t id_claimed[4];
    if (!hm_note_split(line, '+', &name, &key) || !hm_note_split(key, '+', &id, &key))
        return hm_fail(why, HM_E_MALFORMED, "verifier key: expected name+id+key");
    if (name.len > HM_ORIGIN_MAX || hm_unhex(id, id_claimed, sizeof id_claimed) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "verifier key: expected a name and 8 hex digits");
    memcpy(name_text, name.data, name.len);
    struct hm_key k = {.alg = HM_KEY_NONE};
    struct hm_vkey v;
    enum hm_err e = parse_key(type, key, &k, why);
    if (e != HM_OK)
        return e;
    if (strlen(name_text) != name.len || hm_vkey_make_type(type, name_text, &k, &v) != HM_OK)
        return hm_fail(why, HM_E_MALFORMED, "verifier key: bad characters in its name");
    if (memcmp(v.id, id_claimed, sizeof v.id) != 0)
        return hm_fail(why, HM_E_MALFORMED, "verifier key: its id does not belong to this key");
    *out = v;
    return HM_OK;
}

void hm_vkey_write_type(uint8_t type, const struct hm_vkey *v, struct hm_buf *out)
{
    char id[9];
    uint8_t raw[1 + ED25519_LEN];
    hm_hex(v->id, sizeof v->id, id);
    raw[0] = type;
    memcpy(raw + 1, v->key.raw, ED25519_LEN);
    hm_buf_printf(out, "%s+%s+", v->name, id);
    hm_base64(out, hm_bytes_of(raw, sizeof raw));
}

enum hm_err hm_vkey_make(const char *name, const struct hm_key *ed25519, struct hm_vkey *out)
{
    return hm_vkey_make_type(HM_NOTE_ED25519, name, ed25519, out);
}

enum hm_err hm_vkey_parse(struct hm_bytes line, struct hm_vkey *out, struct hm_why *why)
{
    return hm_vkey_parse_type(HM_NOTE_ED25519, line, out, why);
}

void hm_vkey_write(const struct hm_vkey *v, struct hm_buf *out)
{
    hm_vkey_write_type(HM_NOTE_ED25519, v, out);
}
