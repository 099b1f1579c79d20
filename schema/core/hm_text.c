#include "schema/core/hm_text.h"

#include "schema/core/hm_limits.h"

#include <string.h>

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hm_base64(struct hm_buf *b, struct hm_bytes data)
{
    uint8_t *o = hm_buf_room(b, (data.len + 2) / 3 * 4);
    if (o == NULL)
        return;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t v = (uint32_t)data.data[i] << 16;
        if (left > 1)
            v |= (uint32_t)data.data[i + 1] << 8;
        if (left > 2)
            v |= data.data[i + 2];
        *o++ = (uint8_t)base64_alphabet[v >> 18];
        *o++ = (uint8_t)base64_alphabet[v >> 12 & 63];
        *o++ = (uint8_t)(left > 1 ? base64_alphabet[v >> 6 & 63] : '=');
        *o++ = (uint8_t)(left > 2 ? base64_alphabet[v & 63] : '=');
    }
}

static int base64_value(uint8_t c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || (url && c == '-'))
        return 62;
    if (c == '/' || (url && c == '_'))
        return 63;
    return -1;
}

static enum hm_err unbase64_into(struct hm_bytes text, bool any, struct hm_buf *out)
{
    size_t n = text.len;
    while (n > 0 && text.len - n < 2 && text.data[n - 1] == '=')
        n--;
    bool padded = text.len % 4 == 0;
    if (n % 4 == 1 || (!padded && (!any || n != text.len)))
        return HM_E_MALFORMED;
    if (padded && (text.len - n) != (4 - n % 4) % 4)
        return HM_E_MALFORMED;
    uint8_t *o = hm_buf_room(out, n * 3 / 4);
    if (o == NULL)
        return hm_buf_err(out);
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        int d = base64_value(text.data[i], any);
        if (d < 0)
            return HM_E_MALFORMED;
        v = v << 6 | (uint32_t)d;
        if (i % 4 == 3) {
            *o++ = (uint8_t)(v >> 16);
            *o++ = (uint8_t)(v >> 8);
            *o++ = (uint8_t)v;
            v = 0;
        }
    }
    if (n % 4 == 2) {
        if ((v & 15) != 0)
            return HM_E_MALFORMED;
        *o = (uint8_t)(v >> 4);
    } else if (n % 4 == 3) {
        if ((v & 3) != 0)
            return HM_E_MALFORMED;
        *o++ = (uint8_t)(v >> 10);
        *o = (uint8_t)(v >> 2);
    }
    return HM_OK;
}

/* Leaves nothing of a text that turns out to be bad. */
static enum hm_err unbase64(struct hm_bytes text, bool any, struct hm_buf *out)
{
    size_t before = out->len;
    enum hm_err err = unbase64_into(text, any, out);
    if (err != HM_OK)
        out->len = before;
    return err;
}

enum hm_err hm_unbase64(struct hm_bytes text, struct hm_buf *out)
{
    return unbase64(text, false, out);
}

enum hm_err hm_unbase64_any(struct hm_bytes text, struct hm_buf *out)
{
    return unbase64(text, true, out);
}

enum hm_err hm_decimal(struct hm_bytes text, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (text.len == 0 || (text.len > 1 && text.data[0] == '0'))
        return HM_E_MALFORMED;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return HM_E_MALFORMED;
        unsigned d = (unsigned)(text.data[i] - '0');
        if (d > max || v > max / 10 || v * 10 > max - d)
            return HM_E_MALFORMED;
        v = v * 10 + d;
    }
    *out = v;
    return HM_OK;
}

/* Decodes one code point; returns its length in bytes, 0 where the bytes are not UTF-8. */
static size_t utf8_next(const uint8_t *p, size_t len, uint32_t *cp)
{
    if (p[0] < 0x80) {
        *cp = p[0];
        return 1;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || len < n)
        return 0;
    uint32_t v = p[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        v = v << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 0;
    *cp = v;
    return n;
}

struct code_points {
    uint32_t first, last;
};

/* What a reader does not see, or sees in another place than it stands. */
static const struct code_points not_printable[] = {
    {0x0000, 0x001f}, /* C0 */
    {0x007f, 0x009f}, /* DEL, C1 */
    {0x00ad, 0x00ad}, /* soft hyphen */
    {0x061c, 0x061c}, /* Arabic letter mark */
    {0x180e, 0x180e}, /* Mongolian vowel separator */
    {0x200b, 0x200f}, /* zero width, directional marks */
    {0x2028, 0x202e}, /* line and paragraph separator, bidirectional embedding and override */
    {0x2060, 0x206f}, /* word joiner, invisible operators, isolates, deprecated format characters */
    {0xfeff, 0xfeff}, /* byte order mark */
    {0xfff9, 0xfffb}, /* interlinear annotation */
    {0xe0000, 0xe0fff}, /* tags, supplementary variation selectors */
};

static bool code_point_printable(uint32_t c)
{
    for (size_t i = 0; i < sizeof not_printable / sizeof not_printable[0]; i++)
        if (c >= not_printable[i].first && c <= not_printable[i].last)
            return false;
    return true;
}

/* The offset from i on where eight bytes are not all ASCII, or not there any more. */
static size_t skip_ascii(struct hm_bytes text, size_t i)
{
    uint64_t eight;
    for (; text.len - i >= sizeof eight; i += sizeof eight) {
        memcpy(&eight, text.data + i, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    return i;
}

bool hm_utf8_ok(struct hm_bytes text)
{
    if (text.len > 0 && memchr(text.data, 0, text.len) != NULL)
        return false;
    for (size_t i = skip_ascii(text, 0); i < text.len;) {
        uint32_t cp = 0;
        size_t n = utf8_next(text.data + i, text.len - i, &cp);
        if (n == 0)
            return false;
        i = n == 1 ? skip_ascii(text, i + n) : i + n;
    }
    return true;
}

bool hm_printable_ok(struct hm_bytes text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t cp = 0;
        size_t n = utf8_next(text.data + i, text.len - i, &cp);
        if (n == 0 || !code_point_printable(cp))
            return false;
        i += n;
    }
    return true;
}

/* What a name may consist of: 2 where it may begin with it. */
static const uint8_t name_char[256] = {
    ['0'] = 2, ['1'] = 2, ['2'] = 2, ['3'] = 2, ['4'] = 2, ['5'] = 2, ['6'] = 2, ['7'] = 2,
    ['8'] = 2, ['9'] = 2, ['A'] = 2, ['B'] = 2, ['C'] = 2, ['D'] = 2, ['E'] = 2, ['F'] = 2,
    ['G'] = 2, ['H'] = 2, ['I'] = 2, ['J'] = 2, ['K'] = 2, ['L'] = 2, ['M'] = 2, ['N'] = 2,
    ['O'] = 2, ['P'] = 2, ['Q'] = 2, ['R'] = 2, ['S'] = 2, ['T'] = 2, ['U'] = 2, ['V'] = 2,
    ['W'] = 2, ['X'] = 2, ['Y'] = 2, ['Z'] = 2, ['a'] = 2, ['b'] = 2, ['c'] = 2, ['d'] = 2,
    ['e'] = 2, ['f'] = 2, ['g'] = 2, ['h'] = 2, ['i'] = 2, ['j'] = 2, ['k'] = 2, ['l'] = 2,
    ['m'] = 2, ['n'] = 2, ['o'] = 2, ['p'] = 2, ['q'] = 2, ['r'] = 2, ['s'] = 2, ['t'] = 2,
    ['u'] = 2, ['v'] = 2, ['w'] = 2, ['x'] = 2, ['y'] = 2, ['z'] = 2, ['.'] = 1, ['_'] = 1,
    ['+'] = 1, ['-'] = 1};

size_t hm_name_span(struct hm_bytes text)
{
    size_t n = 0;
    if (text.len == 0 || name_char[text.data[0]] != 2)
        return 0;
    while (n < text.len && n <= HM_NAME_MAX && name_char[text.data[n]] != 0)
        n++;
    return n;
}

bool hm_name_ok(const char *name)
{
    size_t n = strnlen(name, HM_NAME_MAX + 1);
    return n > 0 && n <= HM_NAME_MAX && hm_name_span(hm_bytes_of(name, n)) == n;
}

static bool ascii_without(const char *s, size_t max, const char *forbidden)
{
    size_t n = strnlen(s, max + 1);
    if (n == 0 || n > max)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] <= 0x20 || s[i] >= 0x7f || strchr(forbidden, s[i]) != NULL)
            return false;
    return true;
}

bool hm_origin_ok(const char *origin)
{
    return ascii_without(origin, HM_ORIGIN_MAX, "\"\\+<>");
}

bool hm_uri_ok(const char *uri)
{
    return ascii_without(uri, HM_URI_MAX, "\"\\<>^`{|}");
}

const char *hm_environment(const char *text)
{
    static const char *const known[] = {"development", "staging", "production"};
    for (size_t i = 0; text != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i]) == 0)
            return known[i];
    return NULL;
}

void hm_escape(struct hm_buf *b, struct hm_bytes text)
{
    for (size_t i = 0; i < text.len;) {
        uint32_t cp = 0;
        size_t n = utf8_next(text.data + i, text.len - i, &cp);
        if (n == 0) {
            hm_buf_printf(b, "\\x%02x", text.data[i]);
            i++;
        } else if (!code_point_printable(cp)) {
            hm_buf_printf(b, "\\u{%04x}", cp);
            i += n;
        } else {
            hm_buf_put(b, text.data + i, n);
            i += n;
        }
    }
}
