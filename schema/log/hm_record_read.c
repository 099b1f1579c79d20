/* One pass over a record's bytes: canonical form, known members, right types, nothing allocated.
 * Texts of a record never need an escape, so a quotation mark always ends one. Pure; any thread. */
#include "schema/log/hm_record_priv.h"

#include "schema/core/hm_text.h"

#include <string.h>

struct scan {
    const uint8_t *start;
    const uint8_t *p;
    const uint8_t *end;
};

static bool take(struct scan *s, const char *text, size_t len)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, text, len) != 0)
        return false;
    s->p += len;
    return true;
}
#define TAKE(s, literal) take((s), (literal), sizeof(literal) - 1)

static bool take_byte(struct scan *s, uint8_t byte)
{
    if (s->p == s->end || *s->p != byte)
        return false;
    s->p++;
    return true;
}

/* A quoted run; what it may hold is the caller's check. */
static bool take_text(struct scan *s, struct hm_bytes *out)
{
    if (!take_byte(s, '"'))
        return false;
    const uint8_t *quote = memchr(s->p, '"', (size_t)(s->end - s->p));
    if (quote == NULL)
        return false;
    *out = (struct hm_bytes){s->p, (size_t)(quote - s->p)};
    s->p = quote + 1;
    return true;
}

#define UINT_DIGITS 16 /* of HM_RECORD_UINT_MAX */

static bool take_uint(struct scan *s, uint64_t *out)
{
    const uint8_t *start = s->p;
    uint64_t v = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        if (s->p - start == UINT_DIGITS)
            return false;
        v = v * 10 + (uint64_t)(*s->p - '0');
    }
    *out = v;
    return s->p > start && v <= HM_RECORD_UINT_MAX && (*start != '0' || s->p - start == 1);
}

/* Copies at most max bytes and ends them; out holds max + 1. A NUL inside is refused. */
static bool copy_text(struct hm_bytes text, char *out, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return strlen(out) == text.len;
}

static bool take_name(struct scan *s, char *out, size_t max)
{
    if (!take_byte(s, '"'))
        return false;
    size_t n = hm_name_span((struct hm_bytes){s->p, (size_t)(s->end - s->p)});
    if (n == 0 || n > max)
        return false;
    memcpy(out, s->p, n);
    out[n] = '\0';
    s->p += n;
    return take_byte(s, '"');
}

static bool take_digest(struct scan *s, struct hm_digest *out)
{
    enum { HEX = 2 * HM_SHA256_LEN };
    if (s->end - s->p < HEX + 2 || s->p[0] != '"' || s->p[HEX + 1] != '"' ||
        hm_digest_unhex((struct hm_bytes){s->p + 1, HEX}, out) != HM_OK)
        return false;
    s->p += HEX + 2;
    return true;
}

static bool take_release(struct scan *s, uint64_t *out)
{
    return TAKE(s, "\"r") && take_uint(s, out) && take_byte(s, '"');
}

static bool take_req(struct scan *s, char *out)
{
    struct hm_bytes text;
    uint8_t id[16];
    return take_text(s, &text) && hm_unhex(text, id, sizeof id) == HM_OK &&
           copy_text(text, out, 2 * sizeof id);
}

static bool take_event(struct scan *s, enum hm_event *out)
{
    struct hm_bytes text;
    if (!take_text(s, &text))
        return false;
    *out = hm_event_parse(text);
    return *out != HM_EV_NONE;
}

static bool take_state(struct scan *s, enum hm_release_state *out)
{
    char name[16];
    return take_name(s, name, sizeof name - 1) && hm_release_state_parse(name, out) &&
           *out != HM_RELEASE_NONE;
}

static bool take_digests(struct scan *s, struct hm_digest *out, size_t *count, size_t max)
{
    size_t n = 0;
    if (!take_byte(s, '['))
        return false;
    do {
        if (n == max || !take_digest(s, &out[n]))
            return false;
        n++;
    } while (take_byte(s, ','));
    *count = n;
    return take_byte(s, ']');
}

static bool take_key(struct scan *s, struct hm_record_key *k)
{
    struct hm_bytes token;
    if (!TAKE(s, "{\"mechanism\":") || !take_name(s, k->mechanism, sizeof k->mechanism - 1) ||
        !TAKE(s, ",\"spki\":") || !take_digest(s, &k->spki) || !TAKE(s, ",\"tbs\":") ||
        !take_digest(s, &k->tbs))
        return false;
    if (TAKE(s, ",\"token\":") &&
        (!take_text(s, &token) || !copy_text(token, k->token, HM_TOKEN_SERIAL_MAX) ||
         !hm_record_text_ok(k->token, HM_TOKEN_SERIAL_MAX)))
        return false;
    return take_byte(s, '}');
}

static bool take_keys(struct scan *s, struct hm_record_key *out, size_t *count, size_t max)
{
    size_t n = 0;
    if (!take_byte(s, '['))
        return false;
    do {
        if (n == max || !take_key(s, &out[n]))
            return false;
        n++;
    } while (take_byte(s, ','));
    *count = n;
    return take_byte(s, ']');
}

static bool take_version(struct scan *s)
{
    uint64_t v;
    return take_uint(s, &v) && v == HM_RECORD_VERSION;
}

static void *at(struct hm_record *r, size_t offset)
{
    return (char *)r + offset;
}

static bool take_value(struct scan *s, struct hm_record *r, const struct hm_member *m)
{
    switch (m->kind) {
    case HM_MEMBER_VERSION:
        return take_version(s);
    case HM_MEMBER_UINT:
        return take_uint(s, at(r, m->at));
    case HM_MEMBER_COUNTER:
        return take_uint(s, at(r, m->at)) && *(uint64_t *)at(r, m->at) != 0;
    case HM_MEMBER_RELEASE:
        return take_release(s, at(r, m->at));
    case HM_MEMBER_NAME:
        return take_name(s, at(r, m->at), m->max);
    case HM_MEMBER_REQ:
        return take_req(s, at(r, m->at));
    case HM_MEMBER_EVENT:
        return take_event(s, &r->event);
    case HM_MEMBER_STATE:
        return take_state(s, &r->state);
    case HM_MEMBER_DIGEST:
        return take_digest(s, at(r, m->at));
    case HM_MEMBER_DIGESTS:
        return take_digests(s, at(r, m->at), at(r, m->flag), m->max);
    case HM_MEMBER_KEYS:
        return take_keys(s, at(r, m->at), at(r, m->flag), m->max);
    }
    return false;
}

static void set_flag(struct hm_record *r, const struct hm_member *m)
{
    bool counted = m->kind == HM_MEMBER_DIGESTS || m->kind == HM_MEMBER_KEYS;
    if (m->flag != HM_RECORD_NO_FLAG && !counted)
        *(bool *)at(r, m->flag) = true;
}

/* Passes over optional members that are not there; only ascending order can reach the end of a
 * record. */
static const struct hm_member *find_member(size_t *next, struct hm_bytes name, struct hm_why *why)
{
    for (; *next < HM_RECORD_MEMBERS; (*next)++) {
        const struct hm_member *m = &hm_record_members[*next];
        if (name.len == m->name_len && memcmp(name.data, m->name, name.len) == 0) {
            (*next)++;
            return m;
        }
        if (m->required) {
            (void)hm_fail(why, HM_E_MALFORMED, "record: expected member %s", m->name);
            return NULL;
        }
    }
    (void)hm_fail(why, HM_E_MALFORMED, "record: a member is unknown, twice there or out of order");
    return NULL;
}

static enum hm_err scan_member(struct scan *s, struct hm_record *r, size_t *next,
                               struct hm_why *why)
{
    struct hm_bytes name;
    if (!take_text(s, &name) || !take_byte(s, ':'))
        return hm_fail(why, HM_E_MALFORMED, "record: expected a member");
    const struct hm_member *m = find_member(next, name, why);
    if (m == NULL)
        return HM_E_MALFORMED;
    if (!take_value(s, r, m))
        return hm_fail(why, HM_E_MALFORMED, "record: member %s: not canonical or out of its range",
                       m->name);
    set_flag(r, m);
    return HM_OK;
}

static enum hm_err scan_record(struct scan *s, struct hm_record *r, struct hm_why *why)
{
    size_t next = 0;
    if (!take_byte(s, '{'))
        return hm_fail(why, HM_E_MALFORMED, "record: expected an object");
    do {
        enum hm_err e = scan_member(s, r, &next, why);
        if (e != HM_OK)
            return e;
    } while (take_byte(s, ','));
    if (!take_byte(s, '}') || s->p != s->end)
        return hm_fail(why, HM_E_MALFORMED, "record: expected its end at byte %zu",
                       (size_t)(s->p - s->start));
    for (; next < HM_RECORD_MEMBERS; next++)
        if (hm_record_members[next].required)
            return hm_fail(why, HM_E_MALFORMED, "record: expected member %s",
                           hm_record_members[next].name);
    return HM_OK;
}

enum hm_err hm_record_parse(struct hm_bytes bytes, struct hm_record *out, struct hm_why *why)
{
    struct hm_record r;
    if (bytes.len > HM_RECORD_MAX)
        return hm_fail(why, HM_E_LIMIT, "record: more than %d bytes", HM_RECORD_MAX);
    if (bytes.len == 0)
        return hm_fail(why, HM_E_MALFORMED, "record: empty");
    memset(&r, 0, sizeof r);
    struct scan s = {bytes.data, bytes.data, bytes.data + bytes.len};
    enum hm_err e = scan_record(&s, &r, why);
    if (e != HM_OK)
        return e;
    if (bytes.len > hm_record_limit(r.event))
        return hm_fail(why, HM_E_LIMIT, "record: a %s of more than %zu bytes",
                       hm_event_name(r.event), hm_record_limit(r.event));
    *out = r;
    return HM_OK;
}
