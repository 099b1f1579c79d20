/* Canonical JSON scanner without recursion: one small frame per open array or object. */
#include "device/hm_device_json_priv.h"
#include "device/hm_device_text_priv.h"

struct frame {
    bool object;
    struct hmd_bytes last_name;
};

struct scan {
    const uint8_t *p;
    size_t len;
    size_t pos;
    unsigned depth;
    struct frame frame[HMD_JSON_DEPTH_MAX];
};

static bool take(struct scan *s, char c)
{
    if (s->pos >= s->len || s->p[s->pos] != (uint8_t)c)
        return false;
    s->pos++;
    return true;
}

/* After a backslash: only the escapes that RFC 8785 3.2.2.2 writes. */
static bool scan_escape(struct scan *s)
{
    static const char two[] = "\"\\bfnrt";
    if (s->pos >= s->len)
        return false;
    uint8_t c = s->p[s->pos++];
    for (size_t i = 0; two[i] != '\0'; i++)
        if (c == (uint8_t)two[i])
            return true;
    if (c != 'u' || s->len - s->pos < 4 || s->p[s->pos] != '0' || s->p[s->pos + 1] != '0')
        return false;
    uint8_t high = s->p[s->pos + 2];
    uint8_t low = s->p[s->pos + 3];
    bool hex = (low >= '0' && low <= '9') || (low >= 'a' && low <= 'f');
    s->pos += 4;
    if (!hex || (high != '0' && high != '1'))
        return false;
    /* \b \t \n \f \r have their short form */
    return high == '1' || !(low == '8' || low == '9' || low == 'a' || low == 'c' || low == 'd');
}

static bool scan_string(struct scan *s, struct hmd_bytes *content, bool name)
{
    if (!take(s, '"'))
        return false;
    size_t start = s->pos;
    while (s->pos < s->len && s->p[s->pos] != '"') {
        uint8_t c = s->p[s->pos++];
        if (c < 0x20 || (name && (c > 0x7e || c == '\\')) || (c == '\\' && !scan_escape(s)))
            return false;
    }
    *content = (struct hmd_bytes){s->p + start, s->pos - start};
    return take(s, '"') && hmd_utf8_valid(*content);
}

static bool scan_word(struct scan *s, const char *word)
{
    struct hmd_bytes rest = {s->p + s->pos, s->len - s->pos};
    size_t before = rest.len;
    if (!hmd_prefix(&rest, word))
        return false;
    s->pos += before - rest.len;
    return true;
}

static bool scan_number(struct scan *s)
{
    size_t start = s->pos;
    uint64_t value;
    while (s->pos < s->len && s->p[s->pos] >= '0' && s->p[s->pos] <= '9')
        s->pos++;
    return hmd_decimal((struct hmd_bytes){s->p + start, s->pos - start}, &value);
}

/* "name": of the innermost object, in ascending order. */
static bool scan_name(struct scan *s, bool first)
{
    struct frame *f = &s->frame[s->depth - 1];
    struct hmd_bytes name;
    if (!scan_string(s, &name, true) || (!first && hmd_order(f->last_name, name) >= 0))
        return false;
    f->last_name = name;
    return take(s, ':');
}

/* One value; *opened says that it was a container with something in it. */
static bool scan_value(struct scan *s, bool *opened)
{
    struct hmd_bytes content;
    *opened = false;
    if (s->pos >= s->len)
        return false;
    uint8_t c = s->p[s->pos];
    if (c == '"')
        return scan_string(s, &content, false);
    if (c == 't' || c == 'f')
        return scan_word(s, c == 't' ? "true" : "false");
    if (c != '{' && c != '[')
        return scan_number(s);
    s->pos++;
    if (take(s, c == '{' ? '}' : ']'))
        return true;
    if (s->depth == HMD_JSON_DEPTH_MAX)
        return false;
    s->frame[s->depth++] = (struct frame){c == '{', {NULL, 0}};
    *opened = true;
    return c == '[' || scan_name(s, true);
}

/* After a value: closes containers, then stands at the next value. False if the text is not so. */
static bool scan_after(struct scan *s)
{
    while (s->depth > 0) {
        bool object = s->frame[s->depth - 1].object;
        if (take(s, ','))
            return !object || scan_name(s, false);
        if (!take(s, object ? '}' : ']'))
            return false;
        s->depth--;
    }
    return true;
}

/* Skips one whole value, checking it. */
static bool scan_whole(struct scan *s)
{
    do {
        bool opened;
        if (!scan_value(s, &opened))
            return false;
        if (!opened && !scan_after(s))
            return false;
    } while (s->depth > 0);
    return true;
}

bool hmd_json_canonical(struct hmd_bytes text)
{
    struct scan s;
    s.p = text.p;
    s.len = text.len;
    s.pos = 0;
    s.depth = 0;
    return text.len > 0 && text.p[0] == '{' && scan_whole(&s) && s.pos == s.len;
}

/* Place of the quote that ends the string which begins at i. */
static size_t string_end(struct hmd_bytes text, size_t i)
{
    for (i++; i < text.len && text.p[i] != '"'; i++)
        if (text.p[i] == '\\')
            i++;
    return i;
}

/* Length of the value at the beginning of a text that is known to be canonical. */
static size_t value_length(struct hmd_bytes text)
{
    size_t depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c == '"')
            i = string_end(text, i);
        else if ((c == ',' || c == '}' || c == ']') && depth == 0)
            return i;
        else if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
    }
    return text.len;
}

static void advance(struct hmd_bytes *b, size_t n)
{
    n = n < b->len ? n : b->len;
    *b = (struct hmd_bytes){b->p + n, b->len - n};
}

/* Takes the next `"name":value` off the inside of an object. */
static bool next_member(struct hmd_bytes *rest, struct hmd_bytes *name, struct hmd_bytes *value)
{
    if (rest->len < 2 || rest->p[0] != '"')
        return false;
    size_t end = string_end(*rest, 0);
    *name = (struct hmd_bytes){rest->p + 1, end - 1};
    advance(rest, end + 2); /* quote and colon */
    *value = (struct hmd_bytes){rest->p, value_length(*rest)};
    advance(rest, value->len + 1);
    return true;
}

static int order_text(struct hmd_bytes name, const char *text)
{
    size_t len = 0;
    while (text[len] != '\0')
        len++;
    return hmd_order(name, (struct hmd_bytes){(const uint8_t *)text, len});
}

void hmd_json_members(struct hmd_bytes object, struct hmd_json_want *want, unsigned count)
{
    struct hmd_bytes rest = object;
    struct hmd_bytes name;
    struct hmd_bytes value;
    unsigned at = 0;
    for (unsigned i = 0; i < count; i++)
        want[i].value = (struct hmd_bytes){NULL, 0};
    if (rest.len == 0 || rest.p[0] != '{')
        return;
    advance(&rest, 1);
    while (at < count && next_member(&rest, &name, &value)) {
        int order = 1;
        while (at < count && (order = order_text(name, want[at].name)) > 0)
            at++; /* that one is not there */
        if (order == 0)
            want[at++].value = value;
    }
}

bool hmd_json_member(struct hmd_bytes object, const char *name, struct hmd_bytes *value)
{
    struct hmd_json_want want = {name, {NULL, 0}};
    hmd_json_members(object, &want, 1);
    if (want.value.len == 0)
        return false;
    *value = want.value;
    return true;
}

bool hmd_json_string(struct hmd_bytes value, struct hmd_bytes *content)
{
    if (value.len < 2 || value.p[0] != '"')
        return false;
    for (size_t i = 1; i < value.len - 1; i++)
        if (value.p[i] == '\\')
            return false;
    *content = (struct hmd_bytes){value.p + 1, value.len - 2};
    return true;
}

bool hmd_json_array(struct hmd_bytes value, struct hmd_bytes *rest)
{
    if (value.len < 2 || value.p[0] != '[')
        return false;
    *rest = (struct hmd_bytes){value.p + 1, value.len - 2};
    return true;
}

bool hmd_json_next(struct hmd_bytes *rest, struct hmd_bytes *element)
{
    if (rest->len == 0)
        return false;
    size_t len = value_length(*rest);
    *element = (struct hmd_bytes){rest->p, len};
    advance(rest, len + 1);
    return true;
}
