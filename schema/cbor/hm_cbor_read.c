/* Strict CBOR, reading: shortest heads, definite lengths, no floats, only the simple values false,
 * true and null (RFC 8949 §4.2.1). Errors latch in the cursor; views borrow the input. */
#include "schema/cbor/hm_cbor.h"

#include "schema/core/hm_text.h"

#define DEPTH_MAX 16 /* nested arrays, maps and tags that hm_cbor_skip follows */

enum {
    MAJOR_UINT,
    MAJOR_NINT,
    MAJOR_BSTR,
    MAJOR_TSTR,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE
};

struct head {
    unsigned major;
    uint64_t value;
    size_t len;
};

/* Reads one head without moving; false where it is cut off, not the shortest, or reserved. */
static bool head_at(const uint8_t *p, size_t left, struct head *out)
{
    if (left == 0)
        return false;
    unsigned low = p[0] & 0x1f;
    size_t n = low < 24 ? 0 : low == 24 ? 1 : low == 25 ? 2 : low == 26 ? 4 : 8;
    if (low > 27 || left < 1 + n)
        return false;
    uint64_t v = low;
    if (n > 0) {
        static const uint64_t least[] = {0, 24, 0x100, 0, 0x10000, 0, 0, 0, 0x100000000};
        v = 0;
        for (size_t i = 0; i < n; i++)
            v = v << 8 | p[1 + i];
        if (v < least[n])
            return false;
    }
    *out = (struct head){.major = p[0] >> 5, .value = v, .len = 1 + n};
    /* false, true, null; with n > 0 the value of a float or an unassigned simple value */
    return out->major != MAJOR_SIMPLE || (n == 0 && v >= 20 && v <= 22);
}

void hm_cbor_begin(struct hm_cbor_in *in, struct hm_bytes data)
{
    *in = (struct hm_cbor_in){.p = data.data, .left = data.len, .err = HM_OK};
}

enum hm_cbor_type hm_cbor_peek(const struct hm_cbor_in *in)
{
    static const enum hm_cbor_type of[] = {HM_CBOR_UINT, HM_CBOR_NINT,  HM_CBOR_BSTR,
                                           HM_CBOR_TSTR, HM_CBOR_ARRAY, HM_CBOR_MAP,
                                           HM_CBOR_TAG,  HM_CBOR_SIMPLE};
    struct head h;
    if (in->err != HM_OK)
        return HM_CBOR_BAD;
    if (in->left == 0)
        return HM_CBOR_END;
    return head_at(in->p, in->left, &h) ? of[h.major] : HM_CBOR_BAD;
}

static void latch(struct hm_cbor_in *in, enum hm_err err)
{
    if (in->err == HM_OK)
        in->err = err;
}

static void advance(struct hm_cbor_in *in, size_t n)
{
    in->p += n;
    in->left -= n;
}

/* Takes a head of this major type. */
static bool take(struct hm_cbor_in *in, unsigned major, struct head *h)
{
    if (in->err != HM_OK)
        return false;
    if (!head_at(in->p, in->left, h) || h->major != major) {
        latch(in, HM_E_MALFORMED);
        return false;
    }
    advance(in, h->len);
    return true;
}

uint64_t hm_cbor_get_uint(struct hm_cbor_in *in)
{
    struct head h;
    return take(in, MAJOR_UINT, &h) ? h.value : 0;
}

int64_t hm_cbor_get_int(struct hm_cbor_in *in)
{
    struct head h;
    bool negative = hm_cbor_peek(in) == HM_CBOR_NINT;
    if (!take(in, negative ? MAJOR_NINT : MAJOR_UINT, &h))
        return 0;
    if (h.value > INT64_MAX) {
        latch(in, HM_E_LIMIT);
        return 0;
    }
    return negative ? -1 - (int64_t)h.value : (int64_t)h.value;
}

static struct hm_bytes take_string(struct hm_cbor_in *in, unsigned major)
{
    struct head h;
    if (!take(in, major, &h))
        return hm_bytes_of(NULL, 0);
    if (h.value > in->left) {
        latch(in, HM_E_MALFORMED);
        return hm_bytes_of(NULL, 0);
    }
    struct hm_bytes v = hm_bytes_of(in->p, (size_t)h.value);
    advance(in, v.len);
    return v;
}

struct hm_bytes hm_cbor_get_bstr(struct hm_cbor_in *in)
{
    return take_string(in, MAJOR_BSTR);
}

struct hm_bytes hm_cbor_get_tstr(struct hm_cbor_in *in)
{
    struct hm_bytes v = take_string(in, MAJOR_TSTR);
    if (hm_utf8_ok(v))
        return v;
    latch(in, HM_E_MALFORMED);
    return hm_bytes_of(NULL, 0);
}

/* Each item takes at least one byte, so a count above what is left is refused before anyone
 * allocates. */
static size_t take_count(struct hm_cbor_in *in, unsigned major, size_t max, size_t each)
{
    struct head h;
    if (!take(in, major, &h))
        return 0;
    if (h.value > max)
        latch(in, HM_E_LIMIT);
    else if (h.value > in->left / each)
        latch(in, HM_E_MALFORMED);
    return in->err == HM_OK ? (size_t)h.value : 0;
}

size_t hm_cbor_get_array(struct hm_cbor_in *in, size_t max)
{
    return take_count(in, MAJOR_ARRAY, max, 1);
}

size_t hm_cbor_get_map(struct hm_cbor_in *in, size_t max)
{
    return take_count(in, MAJOR_MAP, max, 2);
}

uint64_t hm_cbor_get_tag(struct hm_cbor_in *in)
{
    struct head h;
    return take(in, MAJOR_TAG, &h) ? h.value : 0;
}

void hm_cbor_get_null(struct hm_cbor_in *in)
{
    struct head h;
    if (take(in, MAJOR_SIMPLE, &h) && h.value != 22)
        latch(in, HM_E_MALFORMED);
}

/* Takes one head and a string's content; returns how many items must follow inside it. */
static uint64_t skip_one(struct hm_cbor_in *in)
{
    struct head h;
    if (!head_at(in->p, in->left, &h)) {
        latch(in, HM_E_MALFORMED);
        return 0;
    }
    switch (h.major) {
    case MAJOR_BSTR:
        (void)hm_cbor_get_bstr(in);
        return 0;
    case MAJOR_TSTR:
        (void)hm_cbor_get_tstr(in);
        return 0;
    case MAJOR_ARRAY:
        return hm_cbor_get_array(in, SIZE_MAX);
    case MAJOR_MAP:
        return 2 * (uint64_t)hm_cbor_get_map(in, SIZE_MAX);
    default:
        advance(in, h.len);
        return h.major == MAJOR_TAG ? 1 : 0;
    }
}

struct hm_bytes hm_cbor_skip(struct hm_cbor_in *in)
{
    const uint8_t *start = in->p;
    uint64_t open[DEPTH_MAX + 1] = {1}; /* items still to come at each depth */
    size_t depth = 0;
    while (in->err == HM_OK) {
        while (open[depth] == 0) {
            if (depth == 0)
                return hm_bytes_of(start, (size_t)(in->p - start));
            depth--;
        }
        open[depth]--;
        uint64_t inner = skip_one(in);
        if (inner == 0)
            continue;
        if (depth == DEPTH_MAX)
            latch(in, HM_E_LIMIT);
        else
            open[++depth] = inner;
    }
    return hm_bytes_of(NULL, 0);
}

enum hm_err hm_cbor_done(const struct hm_cbor_in *in)
{
    if (in->err != HM_OK)
        return in->err;
    return in->left == 0 ? HM_OK : HM_E_MALFORMED;
}
