/* Canonical bytes of a record, member by member from the table, without a JSON tree. Thread: each
 * buffer by one thread at a time. On failure the buffer is cut back to where it was. */
#include "schema/log/hm_record_priv.h"

#include "schema/core/hm_text.h"

#include <string.h>

static const void *at(const struct hm_record *r, size_t offset)
{
    return (const char *)r + offset;
}

static uint64_t uint_at(const struct hm_record *r, size_t offset)
{
    uint64_t v;
    memcpy(&v, at(r, offset), sizeof v);
    return v;
}

static size_t count_at(const struct hm_record *r, size_t offset)
{
    size_t n;
    memcpy(&n, at(r, offset), sizeof n);
    return n;
}

static bool flag_at(const struct hm_record *r, const struct hm_member *m)
{
    return m->flag == HM_RECORD_NO_FLAG || *(const bool *)at(r, m->flag);
}

static bool present(const struct hm_record *r, const struct hm_member *m)
{
    switch (m->kind) {
    case HM_MEMBER_VERSION:
    case HM_MEMBER_EVENT:
        return true;
    case HM_MEMBER_UINT:
    case HM_MEMBER_RELEASE:
    case HM_MEMBER_DIGEST:
        return flag_at(r, m);
    case HM_MEMBER_COUNTER:
        return uint_at(r, m->at) != 0;
    case HM_MEMBER_NAME:
    case HM_MEMBER_REQ:
        return *(const char *)at(r, m->at) != '\0';
    case HM_MEMBER_STATE:
        return r->state != HM_RELEASE_NONE;
    case HM_MEMBER_DIGESTS:
    case HM_MEMBER_KEYS:
        return count_at(r, m->flag) != 0;
    }
    return false;
}

static bool put_uint(struct hm_buf *out, uint64_t v)
{
    char text[20];
    size_t n = sizeof text;
    if (v > HM_RECORD_UINT_MAX)
        return false;
    do {
        text[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    hm_buf_put(out, text + n, sizeof text - n);
    return true;
}

static void put_text(struct hm_buf *out, const char *text)
{
    hm_buf_putc(out, '"');
    hm_buf_puts(out, text);
    hm_buf_putc(out, '"');
}

static void put_digest(struct hm_buf *out, const struct hm_digest *d)
{
    char text[HM_SHA256_HEX + 2];
    text[0] = '"';
    hm_digest_hex(d, text + 1);
    text[HM_SHA256_HEX] = '"';
    hm_buf_put(out, text, HM_SHA256_HEX + 1);
}

static bool put_release(struct hm_buf *out, uint64_t idx)
{
    hm_buf_puts(out, "\"r");
    bool ok = put_uint(out, idx);
    hm_buf_putc(out, '"');
    return ok;
}

static bool put_name(struct hm_buf *out, const char *name, size_t max)
{
    put_text(out, name);
    return strnlen(name, max + 1) <= max && hm_name_ok(name);
}

static bool put_req(struct hm_buf *out, const char *req)
{
    uint8_t id[16];
    put_text(out, req);
    return hm_unhex(hm_bytes_str(req), id, sizeof id) == HM_OK;
}

static bool put_digests(struct hm_buf *out, const struct hm_digest *d, size_t count, size_t max)
{
    if (count > max)
        return false;
    for (size_t i = 0; i < count; i++) {
        hm_buf_putc(out, i == 0 ? '[' : ',');
        put_digest(out, &d[i]);
    }
    hm_buf_putc(out, ']');
    return true;
}

static bool put_key(struct hm_buf *out, const struct hm_record_key *k)
{
    hm_buf_puts(out, "{\"mechanism\":");
    if (!put_name(out, k->mechanism, sizeof k->mechanism - 1))
        return false;
    hm_buf_puts(out, ",\"spki\":");
    put_digest(out, &k->spki);
    hm_buf_puts(out, ",\"tbs\":");
    put_digest(out, &k->tbs);
    if (k->token[0] != '\0') {
        hm_buf_puts(out, ",\"token\":");
        put_text(out, k->token);
        if (!hm_record_text_ok(k->token, HM_TOKEN_SERIAL_MAX))
            return false;
    }
    hm_buf_putc(out, '}');
    return true;
}

static bool put_keys(struct hm_buf *out, const struct hm_record_key *keys, size_t count, size_t max)
{
    if (count > max)
        return false;
    for (size_t i = 0; i < count; i++) {
        hm_buf_putc(out, i == 0 ? '[' : ',');
        if (!put_key(out, &keys[i]))
            return false;
    }
    hm_buf_putc(out, ']');
    return true;
}

static bool put_event(struct hm_buf *out, enum hm_event event)
{
    const char *name = hm_event_name(event);
    put_text(out, name);
    return hm_event_parse(hm_bytes_str(name)) != HM_EV_NONE;
}

static bool put_state(struct hm_buf *out, enum hm_release_state state)
{
    put_text(out, hm_release_state_name(state));
    return (unsigned)state < HM_RELEASE_STATE_COUNT;
}

static bool put_value(struct hm_buf *out, const struct hm_record *r, const struct hm_member *m)
{
    switch (m->kind) {
    case HM_MEMBER_VERSION:
        return put_uint(out, HM_RECORD_VERSION);
    case HM_MEMBER_UINT:
    case HM_MEMBER_COUNTER:
        return put_uint(out, uint_at(r, m->at));
    case HM_MEMBER_RELEASE:
        return put_release(out, uint_at(r, m->at));
    case HM_MEMBER_NAME:
        return put_name(out, at(r, m->at), m->max);
    case HM_MEMBER_REQ:
        return put_req(out, at(r, m->at));
    case HM_MEMBER_EVENT:
        return put_event(out, r->event);
    case HM_MEMBER_STATE:
        return put_state(out, r->state);
    case HM_MEMBER_DIGEST:
        put_digest(out, at(r, m->at));
        return true;
    case HM_MEMBER_DIGESTS:
        return put_digests(out, at(r, m->at), count_at(r, m->flag), m->max);
    case HM_MEMBER_KEYS:
        return put_keys(out, at(r, m->at), count_at(r, m->flag), m->max);
    }
    return false;
}

static enum hm_err write_members(const struct hm_record *r, struct hm_buf *out, struct hm_why *why)
{
    uint8_t before = '{';
    for (size_t i = 0; i < HM_RECORD_MEMBERS; i++) {
        const struct hm_member *m = &hm_record_members[i];
        if (!present(r, m))
            continue;
        hm_buf_putc(out, before);
        put_text(out, m->name);
        hm_buf_putc(out, ':');
        if (!put_value(out, r, m))
            return hm_fail(why, HM_E_MALFORMED, "record: member %s has a value out of its range",
                           m->name);
        before = ',';
    }
    hm_buf_putc(out, '}');
    return hm_buf_err(out);
}

enum hm_err hm_record_write(const struct hm_record *r, struct hm_buf *out, struct hm_why *why)
{
    enum hm_err e = hm_buf_err(out);
    if (e != HM_OK)
        return e;
    size_t start = out->len;
    e = write_members(r, out, why);
    if (e == HM_OK && out->len - start > hm_record_limit(r->event))
        e = hm_fail(why, HM_E_LIMIT, "record: a %s of %zu bytes, at most %zu are allowed",
                    hm_event_name(r->event), out->len - start, hm_record_limit(r->event));
    if (e != HM_OK)
        out->len = start;
    return e;
}
