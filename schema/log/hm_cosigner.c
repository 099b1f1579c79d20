/* Witnesses' keys and the set of those that somebody believes. */
#include "schema/log/hm_cosignature.h"
#include "schema/log/hm_note_priv.h"

#include <string.h>

enum hm_err hm_cosigner_make(const char *name, const struct hm_key *ed25519,
                             struct hm_cosigner *out)
{
    return hm_vkey_make_type(HM_NOTE_COSIGNATURE, name, ed25519, &out->v);
}

enum hm_err hm_cosigner_parse(struct hm_bytes line, struct hm_cosigner *out, struct hm_why *why)
{
    return hm_vkey_parse_type(HM_NOTE_COSIGNATURE, line, &out->v, why);
}

void hm_cosigner_write(const struct hm_cosigner *c, struct hm_buf *out)
{
    hm_vkey_write_type(HM_NOTE_COSIGNATURE, &c->v, out);
}

enum hm_err hm_cosigners_add(struct hm_cosigners *s, const struct hm_cosigner *c,
                             struct hm_why *why)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->of[i].v.name, c->v.name) == 0)
            return hm_fail(why, HM_E_CONFLICT, "witness %s stands twice", c->v.name);
        if (hm_key_eq(&s->of[i].v.key, &c->v.key))
            return hm_fail(why, HM_E_CONFLICT, "witnesses %s and %s have one key", s->of[i].v.name,
                           c->v.name);
    }
    if (s->count == HM_WITNESSES_MAX)
        return hm_fail(why, HM_E_LIMIT, "more than %d witnesses", HM_WITNESSES_MAX);
    s->of[s->count++] = *c;
    return HM_OK;
}
