/* Bytes and text without libc. */
#include "device/hm_device_text_priv.h"

#include "device/hm_device_store.h"
#include "device/hm_device_verify.h"

bool hmd_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t diff = 0;
    for (size_t i = 0; i < len; i++)
        diff = (uint8_t)(diff | (a[i] ^ b[i]));
    return diff == 0;
}

bool hmd_same(struct hmd_bytes a, struct hmd_bytes b)
{
    return a.len == b.len && hmd_equal(a.p, b.p, a.len);
}

bool hmd_is(struct hmd_bytes a, const char *text)
{
    size_t i = 0;
    for (; text[i] != '\0'; i++)
        if (i >= a.len || a.p[i] != (uint8_t)text[i])
            return false;
    return i == a.len;
}

void hmd_copy(void *dst, const void *src, size_t len)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    for (size_t i = 0; i < len; i++)
        d[i] = s[i];
}

void hmd_clear(void *dst, size_t len)
{
    uint8_t *d = dst;
    for (size_t i = 0; i < len; i++)
        d[i] = 0;
}

int hmd_order(struct hmd_bytes a, struct hmd_bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++)
        if (a.p[i] != b.p[i])
            return a.p[i] < b.p[i] ? -1 : 1;
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

/* Length of the sequence that begins with this byte, 0 if none may. */
static size_t utf8_width(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2)
        return 0;
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 3;
    return first < 0xf5 ? 4 : 0;
}

bool hmd_utf8_valid(struct hmd_bytes text)
{
    for (size_t i = 0; i < text.len;) {
        const uint8_t *c = text.p + i;
        size_t width = utf8_width(c[0]);
        if (width == 0 || width > text.len - i)
            return false;
        for (size_t k = 1; k < width; k++)
            if ((c[k] & 0xc0) != 0x80)
                return false;
        /* overlong, surrogates, beyond U+10FFFF */
        if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
            (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
            return false;
        i += width;
    }
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hmd_hex_digest(struct hmd_bytes text, uint8_t out[HMD_DIGEST_LEN])
{
    if (text.len != 2 * HMD_DIGEST_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (hex_value(text.p[i]) < 0)
            return false;
    for (size_t i = 0; i < HMD_DIGEST_LEN; i++)
        out[i] = (uint8_t)(hex_value(text.p[2 * i]) << 4 | hex_value(text.p[2 * i + 1]));
    return true;
}

bool hmd_decimal(struct hmd_bytes text, uint64_t *value)
{
    uint64_t v = 0;
    if (text.len == 0 || text.len > 16 || (text.len > 1 && text.p[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (v > HMD_JSON_INT_MAX)
        return false;
    *value = v;
    return true;
}

/* Values of the characters from '+' on (RFC 4648 §4); 64: none. */
#define BASE64_FIRST '+'
#define BASE64_NONE 64u
static const uint8_t base64_values['z' - BASE64_FIRST + 1] = {
    62, 64, 64, 64, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64,
    64, 64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17,
    18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64, 64, 26, 27, 28, 29, 30, 31,
    32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51};

static uint32_t base64_value(uint8_t c)
{
    return c >= BASE64_FIRST && c <= 'z' ? base64_values[c - BASE64_FIRST] : BASE64_NONE;
}

/* Three bytes from four characters, of which the last `pad` are padding. */
static bool base64_group(const uint8_t *p, size_t pad, uint8_t out[static 3])
{
    uint32_t bits = 0;
    uint32_t seen = 0;
    for (size_t i = 0; i < 4; i++) {
        uint32_t v = i < 4 - pad ? base64_value(p[i]) : 0;
        seen |= v;
        bits = bits << 6 | (v & 63u);
    }
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    return (seen & BASE64_NONE) == 0;
}

bool hmd_base64(struct hmd_bytes text, uint8_t *out, size_t cap, size_t *len)
{
    size_t pad = 0;
    uint8_t last[3];
    if (text.len == 0 || text.len % 4 != 0)
        return false;
    while (pad < 2 && text.p[text.len - 1 - pad] == '=')
        pad++;
    size_t whole = text.len / 4 - 1; /* groups before the last one */
    if (whole * 3 + 3 - pad > cap)
        return false;
    for (size_t i = 0; i < whole; i++)
        if (!base64_group(text.p + 4 * i, 0, out + 3 * i))
            return false;
    if (!base64_group(text.p + 4 * whole, pad, last) || (pad > 0 && last[2] != 0) ||
        (pad > 1 && last[1] != 0))
        return false;
    for (size_t i = 0; i < 3 - pad; i++)
        out[3 * whole + i] = last[i];
    *len = whole * 3 + 3 - pad;
    return true;
}

bool hmd_line(struct hmd_bytes *rest, struct hmd_bytes *line)
{
    for (size_t i = 0; i < rest->len; i++) {
        if (rest->p[i] != '\n')
            continue;
        *line = (struct hmd_bytes){rest->p, i};
        *rest = (struct hmd_bytes){rest->p + i + 1, rest->len - i - 1};
        return true;
    }
    return false;
}

bool hmd_prefix(struct hmd_bytes *text, const char *prefix)
{
    size_t i = 0;
    for (; prefix[i] != '\0'; i++)
        if (i >= text->len || text->p[i] != (uint8_t)prefix[i])
            return false;
    *text = (struct hmd_bytes){text->p + i, text->len - i};
    return true;
}

static bool is_alnum(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool hmd_name_valid(struct hmd_bytes text)
{
    if (text.len == 0 || text.len > HMD_NAME_MAX || !is_alnum(text.p[0]))
        return false;
    for (size_t i = 1; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (!is_alnum(c) && c != '.' && c != '_' && c != '+' && c != '-')
            return false;
    }
    return true;
}

bool hmd_origin_valid(struct hmd_bytes text)
{
    if (text.len == 0 || text.len > HMD_ORIGIN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '+' || c == '<' || c == '>')
            return false;
    }
    return true;
}
