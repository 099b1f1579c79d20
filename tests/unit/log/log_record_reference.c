#include "tests/unit/log/log_record_reference.h"

#include "schema/log/hm_record_priv.h"

#include <string.h>

struct scan {
    struct hm_bytes rest;
};

/* 0 at the end: no record holds that byte outside of a text. */
static uint8_t peek(const struct scan *s)
{
    return s->rest.len > 0 ? s->rest.data[0] : 0;
}

static void skip(struct scan *s, size_t n)
{
    s->rest = hm_bytes_of(s->rest.data + n, s->rest.len - n);
}

static bool take(struct scan *s, const char *text)
{
    for (; *text != '\0'; text++) {
        if (peek(s) != (uint8_t)*text)
            return false;
        skip(s, 1);
    }
    return true;
}

/* Whether `text` stands here; then behind it. */
static bool maybe(struct scan *s, const char *text)
{
    struct scan before = *s;
    if (take(s, text))
        return true;
    *s = before;
    return false;
}

static bool take_text(struct scan *s, struct hm_bytes *out)
{
    if (!take(s, "\""))
        return false;
    *out = s->rest;
    while (s->rest.len > 0 && peek(s) != '"')
        skip(s, 1);
    out->len -= s->rest.len;
    return take(s, "\"");
}

static bool take_uint(struct scan *s, uint64_t *out)
{
    uint64_t v = 0;
    size_t n = 0;
    bool zero = peek(s) == '0';
    for (; peek(s) >= '0' && peek(s) <= '9'; n++) {
        if (n == 18)
            return false;
        v = v * 10 + (uint64_t)(peek(s) - '0');
        skip(s, 1);
    }
    *out = v;
    return n > 0 && v < UINT64_C(1) << 53 && (!zero || n == 1);
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct scan *s, uint8_t *out, size_t len, char *text)
{
    struct hm_bytes t;
    if (!take_text(s, &t) || t.len != 2 * len)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (hex_value(t.data[i]) < 0)
            return false;
        out[i / 2] = (uint8_t)(out[i / 2] << 4 | hex_value(t.data[i]));
        if (text != NULL)
            text[i] = (char)t.data[i];
    }
    return true;
}

static bool take_digest(struct scan *s, struct hm_digest *out)
{
    memset(out, 0, sizeof *out);
    return take_hex(s, out->b, sizeof out->b, NULL);
}

static bool is_in(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool take_name(struct scan *s, char *out, size_t max)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    struct hm_bytes t;
    if (!take_text(s, &t) || t.len == 0 || t.len > max || t.len > 64 || !is_in(t.data[0], first))
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (!is_in(t.data[i], first) && !is_in(t.data[i], "._+-"))
            return false;
        out[i] = (char)t.data[i];
    }
    return true;
}

static bool take_event(struct scan *s, enum hm_event *out)
{
    struct hm_bytes t;
    if (!take_text(s, &t))
        return false;
    for (int e = HM_EV_NONE + 1; strcmp(hm_event_name((enum hm_event)e), "none") != 0; e++)
        if (hm_bytes_eq_str(t, hm_event_name((enum hm_event)e)))
            *out = (enum hm_event)e;
    return *out != HM_EV_NONE;
}

static bool take_state(struct scan *s, enum hm_release_state *out)
{
    struct hm_bytes t;
    if (!take_text(s, &t))
        return false;
    for (int i = HM_RELEASE_NONE + 1; i < HM_RELEASE_STATE_COUNT; i++)
        if (hm_bytes_eq_str(t, hm_release_state_name((enum hm_release_state)i)))
            *out = (enum hm_release_state)i;
    return *out != HM_RELEASE_NONE;
}

static bool take_digests(struct scan *s, struct hm_digest *out, size_t *count, size_t max)
{
    if (!take(s, "["))
        return false;
    do {
        if (*count == max || !take_digest(s, &out[*count]))
            return false;
        ++*count;
    } while (maybe(s, ","));
    return take(s, "]");
}

static bool take_token(struct scan *s, char *out)
{
    struct hm_bytes t;
    if (!take_text(s, &t) || t.len == 0 || t.len > HM_TOKEN_SERIAL_MAX)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.data[i] < 0x20 || t.data[i] > 0x7e || t.data[i] == '\\')
            return false;
        out[i] = (char)t.data[i];
    }
    return true;
}

static bool take_key(struct scan *s, struct hm_record_key *k)
{
    return take(s, "{\"mechanism\":") && take_name(s, k->mechanism, sizeof k->mechanism - 1) &&
           take(s, ",\"spki\":") && take_digest(s, &k->spki) && take(s, ",\"tbs\":") &&
           take_digest(s, &k->tbs) && (!maybe(s, ",\"token\":") || take_token(s, k->token)) &&
           take(s, "}");
}

static bool take_keys(struct scan *s, struct hm_record *r)
{
    if (!take(s, "["))
        return false;
    do {
        if (r->key_count == HM_SIGN_KEYS_MAX || !take_key(s, &r->keys[r->key_count]))
            return false;
        r->key_count++;
    } while (maybe(s, ","));
    return take(s, "]");
}

static void *at(struct hm_record *r, size_t offset)
{
    return (char *)r + offset;
}

static bool take_number(struct scan *s, uint64_t *out, uint64_t min)
{
    return take_uint(s, out) && *out >= min;
}

static bool take_value(struct scan *s, struct hm_record *r, const struct hm_member *m)
{
    uint64_t v = 0;
    uint8_t id[16];
    switch (m->kind) {
    case HM_MEMBER_VERSION:
        return take_uint(s, &v) && v == 1;
    case HM_MEMBER_UINT:
        return take_number(s, at(r, m->at), 0);
    case HM_MEMBER_COUNTER:
        return take_number(s, at(r, m->at), 1);
    case HM_MEMBER_RELEASE:
        return take(s, "\"r") && take_uint(s, at(r, m->at)) && take(s, "\"");
    case HM_MEMBER_NAME:
        return take_name(s, at(r, m->at), m->max);
    case HM_MEMBER_REQ:
        return take_hex(s, id, sizeof id, at(r, m->at));
    case HM_MEMBER_EVENT:
        return take_event(s, &r->event);
    case HM_MEMBER_STATE:
        return take_state(s, &r->state);
    case HM_MEMBER_DIGEST:
        return take_digest(s, at(r, m->at));
    case HM_MEMBER_DIGESTS:
        return take_digests(s, at(r, m->at), at(r, m->flag), m->max);
    case HM_MEMBER_KEYS:
        return take_keys(s, r);
    }
    return false;
}

static const struct hm_member *by_name(struct hm_bytes name)
{
    for (size_t i = 0; i < HM_RECORD_MEMBERS; i++)
        if (hm_bytes_eq_str(name, hm_record_members[i].name))
            return &hm_record_members[i];
    return NULL;
}

/* Members ascend; which of them were there is told by `seen`. */
static bool take_members(struct scan *s, struct hm_record *r, bool seen[static HM_RECORD_MEMBERS])
{
    const struct hm_member *last = NULL;
    do {
        struct hm_bytes name;
        if (!take_text(s, &name) || !take(s, ":"))
            return false;
        const struct hm_member *m = by_name(name);
        if (m == NULL || (last != NULL && m <= last) || !take_value(s, r, m))
            return false;
        if (m->flag != HM_RECORD_NO_FLAG && m->kind != HM_MEMBER_DIGESTS &&
            m->kind != HM_MEMBER_KEYS)
            *(bool *)at(r, m->flag) = true;
        seen[m - hm_record_members] = true;
        last = m;
    } while (maybe(s, ","));
    return true;
}

enum hm_err log_record_reference(struct hm_bytes bytes, struct hm_record *out)
{
    struct hm_record r;
    struct scan s = {bytes};
    bool seen[HM_RECORD_MEMBERS] = {false};
    memset(&r, 0, sizeof r);
    if (bytes.len > HM_RECORD_MAX)
        return HM_E_LIMIT;
    if (!take(&s, "{") || !take_members(&s, &r, seen) || !take(&s, "}") || s.rest.len > 0)
        return HM_E_MALFORMED;
    for (size_t i = 0; i < HM_RECORD_MEMBERS; i++)
        if (hm_record_members[i].required && !seen[i])
            return HM_E_MALFORMED;
    if (r.event == HM_EV_RELEASE_SIGNED && bytes.len > HM_RECORD_SIGNED_MAX)
        return HM_E_LIMIT;
    memcpy(out, &r, sizeof r);
    return HM_OK;
}
