#include "schema/log/hm_cosignature.h"

#include "schema/log/hm_note_priv.h"

#include <string.h>

#define TIME_LEN 8
#define BLOB_LEN (HM_NOTE_KEY_ID_LEN + TIME_LEN + HM_NOTE_SIG_LEN)

void hm_cosignature_message(uint64_t time_s, struct hm_bytes body, struct hm_buf *out)
{
    hm_buf_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
    hm_buf_put(out, body.data, body.len);
}

void hm_cosignature_line(const struct hm_cosigner *c, uint64_t time_s, const uint8_t sig[static 64],
                         struct hm_buf *out)
{
    uint8_t blob[TIME_LEN + HM_NOTE_SIG_LEN];
    for (unsigned i = 0; i < TIME_LEN; i++)
        blob[i] = (uint8_t)(time_s >> (8 * (TIME_LEN - 1 - i)));
    memcpy(blob + TIME_LEN, sig, HM_NOTE_SIG_LEN);
    hm_note_signature_write(&c->v, blob, sizeof blob, out);
}

static enum hm_err verify(const struct hm_cosigner *c, const struct hm_note_signature *line,
                          struct hm_bytes body, uint64_t latest_s, uint64_t *time_s,
                          uint8_t sig[static 64])
{
    HM_BUF_AUTO message = {.limit = HM_NOTE_MAX + 64};
    uint8_t blob[BLOB_LEN];
    uint64_t t = 0;
    if (hm_note_base64(line->base64, blob, sizeof blob) != HM_OK)
        return HM_E_SIGNATURE;
    for (unsigned i = 0; i < TIME_LEN; i++)
        t = t << 8 | blob[HM_NOTE_KEY_ID_LEN + i];
    if (t == 0 || t > HM_COSIGNATURE_TIME_MAX || t > latest_s)
        return HM_E_EXPIRED;
    hm_cosignature_message(t, body, &message);
    enum hm_err e = hm_buf_err(&message);
    if (e != HM_OK)
        return e;
    const uint8_t *made = blob + HM_NOTE_KEY_ID_LEN + TIME_LEN;
    e = hm_key_verify_raw(&c->v.key, hm_buf_bytes(&message), hm_bytes_of(made, HM_NOTE_SIG_LEN));
    if (e != HM_OK)
        return e;
    *time_s = t;
    memcpy(sig, made, HM_NOTE_SIG_LEN);
    return HM_OK;
}

static enum hm_err refuse(enum hm_err e, const struct hm_cosigner *c, struct hm_why *why)
{
    if (e == HM_E_EXPIRED)
        return hm_fail(why, HM_E_SIGNATURE,
                       "cosignature of %s: states no time, or one in the future", c->v.name);
    if (e == HM_E_SIGNATURE)
        return hm_fail(why, e, "cosignature of %s: does not verify over this checkpoint",
                       c->v.name);
    return hm_fail(why, e, "cosignature of %s: cannot be checked", c->v.name);
}

enum hm_err hm_cosignatures_take(struct hm_cosignatures *s, const struct hm_cosigners *known,
                                 struct hm_bytes body, struct hm_bytes lines, uint64_t latest_s,
                                 struct hm_why *why)
{
    struct hm_note_signatures all;
    struct hm_cosignatures next = *s;
    if (lines.len > HM_NOTE_MAX)
        return hm_fail(why, HM_E_LIMIT, "cosignatures: more than %zu bytes", HM_NOTE_MAX);
    enum hm_err e = hm_note_signatures_read(lines, "cosignatures", &all, why);
    for (size_t i = 0; e == HM_OK && i < known->count; i++) {
        uint64_t time_s = 0;
        uint8_t sig[HM_NOTE_SIG_LEN];
        const struct hm_note_signature *line = hm_note_signature_by(&all, &known->of[i].v);
        if (line == NULL)
            continue;
        e = verify(&known->of[i], line, body, latest_s, &time_s, sig);
        if (e != HM_OK)
            return refuse(e, &known->of[i], why);
        if (time_s <= next.of[i].time_s)
            continue;
        next.of[i].time_s = time_s;
        memcpy(next.of[i].sig, sig, sizeof sig);
    }
    if (e == HM_OK)
        *s = next;
    return e;
}

size_t hm_cosignatures_count(const struct hm_cosignatures *s)
{
    size_t n = 0;
    for (size_t i = 0; i < HM_WITNESSES_MAX; i++)
        n += s->of[i].time_s != 0 ? 1 : 0;
    return n;
}

bool hm_cosignatures_time(const struct hm_cosignatures *s, size_t quorum, uint64_t *time_s)
{
    uint64_t best = 0;
    if (quorum == 0 || hm_cosignatures_count(s) < quorum)
        return false;
    for (size_t i = 0; i < HM_WITNESSES_MAX; i++) {
        size_t not_earlier = 0;
        for (size_t j = 0; j < HM_WITNESSES_MAX; j++)
            not_earlier += s->of[j].time_s >= s->of[i].time_s ? 1 : 0;
        if (not_earlier >= quorum && s->of[i].time_s > best)
            best = s->of[i].time_s;
    }
    *time_s = best;
    return true;
}

/* Is this the line of a witness whose cosignature we hold? */
static bool is_replaced(const struct hm_cosignatures *s, const struct hm_cosigners *known,
                        const struct hm_note_signatures *all, const struct hm_note_signature *line)
{
    for (size_t i = 0; i < known->count; i++)
        if (s->of[i].time_s != 0 && hm_note_signature_by(all, &known->of[i].v) == line)
            return true;
    return false;
}

enum hm_err hm_cosignatures_merge(const struct hm_cosignatures *s, const struct hm_cosigners *known,
                                  struct hm_bytes note, struct hm_buf *out, struct hm_why *why)
{
    struct hm_checkpoint_parts p;
    struct hm_note_signatures all;
    HM_BUF_AUTO made = {.limit = HM_CHECKPOINT_MAX};
    enum hm_err e = hm_checkpoint_split(note, false, &p, why);
    if (e == HM_OK)
        e = hm_note_signatures_read(p.signatures, "checkpoint", &all, why);
    if (e != HM_OK)
        return e;
    size_t lines = 0;
    hm_buf_put(&made, p.body.data, p.body.len);
    hm_buf_putc(&made, '\n');
    for (size_t i = 0; i < all.count; i++) {
        if (is_replaced(s, known, &all, &all.of[i]))
            continue;
        hm_buf_put(&made, all.of[i].line.data, all.of[i].line.len);
        lines++;
    }
    for (size_t i = 0; i < known->count; i++) {
        if (s->of[i].time_s == 0)
            continue;
        hm_cosignature_line(&known->of[i], s->of[i].time_s, s->of[i].sig, &made);
        lines++;
    }
    if (lines > HM_NOTE_SIGNATURES_MAX || hm_buf_err(&made) == HM_E_LIMIT)
        return hm_fail(why, HM_E_LIMIT, "checkpoint: more than %d signatures or %d bytes",
                       HM_NOTE_SIGNATURES_MAX, HM_CHECKPOINT_MAX);
    e = hm_buf_err(&made);
    if (e != HM_OK)
        return hm_fail(why, e, "checkpoint: no memory");
    hm_buf_put(out, made.data, made.len);
    return hm_buf_err(out);
}
