/* Strict CBOR reader. Every length is compared with what is left before it is used. */
#include "device/hm_device_cbor_priv.h"
#include "device/hm_device_text_priv.h"

#define ARG_1 24u
#define ARG_8 27u
#define SIMPLE_FALSE 20u
#define SIMPLE_NULL 22u

static bool is_shortest(unsigned width, uint64_t value)
{
    switch (width) {
    case 1:
        return value >= ARG_1;
    case 2:
        return value > 0xff;
    case 4:
        return value > 0xffff;
    default:
        return value > 0xffffffff;
    }
}

bool hmd_cbor_head(struct hmd_cbor *r, unsigned *major, uint64_t *value)
{
    if (r->pos >= r->len)
        return false;
    unsigned first = r->p[r->pos];
    unsigned info = first & 31u;
    uint64_t v = info;
    size_t width = 0;
    if (info > ARG_8) /* reserved, or indefinite length */
        return false;
    if (info >= ARG_1) {
        width = (size_t)1 << (info - ARG_1);
        if (r->len - r->pos - 1 < width)
            return false;
        v = 0;
        for (size_t i = 0; i < width; i++)
            v = v << 8 | r->p[r->pos + 1 + i];
        if (!is_shortest((unsigned)width, v))
            return false;
    }
    /* Of the simple values and floats only false, true and null have a use here. */
    if (first >> 5 == HMD_CBOR_SIMPLE && (width != 0 || v < SIMPLE_FALSE || v > SIMPLE_NULL))
        return false;
    r->pos += 1 + width;
    *major = first >> 5;
    *value = v;
    return true;
}

bool hmd_cbor_peek(const struct hmd_cbor *r, unsigned *major)
{
    if (r->pos >= r->len)
        return false;
    *major = (unsigned)r->p[r->pos] >> 5;
    return true;
}

static bool expect(struct hmd_cbor *r, unsigned wanted, uint64_t *value)
{
    unsigned major;
    uint64_t v;
    if (!hmd_cbor_head(r, &major, &v) || major != wanted)
        return false;
    *value = v;
    return true;
}

bool hmd_cbor_uint(struct hmd_cbor *r, uint64_t *value)
{
    return expect(r, HMD_CBOR_UINT, value);
}

bool hmd_cbor_int(struct hmd_cbor *r, int64_t *value)
{
    unsigned major;
    uint64_t v;
    if (!hmd_cbor_head(r, &major, &v) || major > HMD_CBOR_NINT || v > INT64_MAX)
        return false;
    *value = major == HMD_CBOR_UINT ? (int64_t)v : -1 - (int64_t)v;
    return true;
}

static bool string(struct hmd_cbor *r, unsigned major, struct hmd_bytes *out)
{
    uint64_t len;
    if (!expect(r, major, &len) || len > r->len - r->pos)
        return false;
    *out = (struct hmd_bytes){r->p + r->pos, (size_t)len};
    r->pos += (size_t)len;
    return true;
}

bool hmd_cbor_bstr(struct hmd_cbor *r, struct hmd_bytes *out)
{
    return string(r, HMD_CBOR_BSTR, out);
}

bool hmd_cbor_tstr(struct hmd_cbor *r, struct hmd_bytes *out)
{
    struct hmd_bytes text;
    if (!string(r, HMD_CBOR_TSTR, &text) || !hmd_utf8_valid(text))
        return false;
    *out = text;
    return true;
}

bool hmd_cbor_fixed(struct hmd_cbor *r, size_t len, const uint8_t **out)
{
    struct hmd_bytes b;
    if (!hmd_cbor_bstr(r, &b) || b.len != len)
        return false;
    *out = b.p;
    return true;
}

bool hmd_cbor_array(struct hmd_cbor *r, uint64_t *count)
{
    return expect(r, HMD_CBOR_ARRAY, count);
}

bool hmd_cbor_map(struct hmd_cbor *r, uint64_t *pairs)
{
    return expect(r, HMD_CBOR_MAP, pairs);
}

bool hmd_cbor_key(struct hmd_cbor *r, uint64_t key)
{
    uint64_t v;
    return hmd_cbor_uint(r, &v) && v == key;
}

/* One open array, map or tag while skipping. */
struct level {
    uint64_t left; /* items still to come */
    bool map;
    struct hmd_bytes last_key;
};

struct skip {
    struct level level[HMD_CBOR_DEPTH_MAX];
    unsigned depth;
    size_t item_start[HMD_CBOR_DEPTH_MAX + 1];
};

/* A complete item ended at r->pos: closes every level that it completes. */
static bool item_ended(struct skip *s, const struct hmd_cbor *r)
{
    while (s->depth > 0) {
        struct level *l = &s->level[s->depth - 1];
        size_t start = s->item_start[s->depth];
        if (l->map && l->left % 2 == 0) { /* that was a key */
            struct hmd_bytes key = {r->p + start, r->pos - start};
            if (l->last_key.len > 0 && hmd_order(l->last_key, key) >= 0)
                return false;
            l->last_key = key;
        }
        l->left--;
        if (l->left > 0)
            break;
        s->depth--;
    }
    return true;
}

static bool item_begins(struct skip *s, struct hmd_cbor *r, bool *ended)
{
    unsigned major;
    uint64_t v;
    s->item_start[s->depth] = r->pos;
    if (!hmd_cbor_head(r, &major, &v))
        return false;
    *ended = true;
    if (major == HMD_CBOR_BSTR || major == HMD_CBOR_TSTR) {
        struct hmd_bytes text = {r->p + r->pos, (size_t)v};
        if (v > r->len - r->pos || (major == HMD_CBOR_TSTR && !hmd_utf8_valid(text)))
            return false;
        r->pos += (size_t)v;
        return true;
    }
    bool nests = major == HMD_CBOR_TAG || major == HMD_CBOR_ARRAY || major == HMD_CBOR_MAP;
    if (!nests || (v == 0 && major != HMD_CBOR_TAG))
        return true;
    /* Each item takes a byte at least: a larger count cannot be true, and its double cannot
     * overflow. */
    if (s->depth == HMD_CBOR_DEPTH_MAX || (major != HMD_CBOR_TAG && v > r->len - r->pos))
        return false;
    uint64_t items = major == HMD_CBOR_TAG ? 1 : v;
    s->level[s->depth++] =
        (struct level){major == HMD_CBOR_MAP ? items * 2 : items, major == HMD_CBOR_MAP, {NULL, 0}};
    *ended = false;
    return true;
}

bool hmd_cbor_skip(struct hmd_cbor *r, struct hmd_bytes *out)
{
    struct skip s;
    size_t start = r->pos;
    s.depth = 0;
    do {
        bool ended;
        if (!item_begins(&s, r, &ended) || (ended && !item_ended(&s, r)))
            return false;
    } while (s.depth > 0);
    *out = (struct hmd_bytes){r->p + start, r->pos - start};
    return true;
}

bool hmd_cbor_read_digest(struct hmd_cbor *r, const uint8_t **digest)
{
    uint64_t n;
    int64_t alg;
    return hmd_cbor_array(r, &n) && n == 2 && hmd_cbor_int(r, &alg) && alg == HM_COSE_SHA256 &&
           hmd_cbor_fixed(r, HMD_DIGEST_LEN, digest);
}

bool hmd_cbor_digest(struct hmd_bytes encoded, const uint8_t **digest)
{
    struct hmd_cbor r = hmd_cbor_over(encoded);
    const uint8_t *d;
    if (!hmd_cbor_read_digest(&r, &d) || !hmd_cbor_done(&r))
        return false;
    *digest = d;
    return true;
}
