/* Where in the text a path's value stands, for messages about configuration files. Linear, no
 * allocation. The text has parsed before; whatever does not fit the expectations here only makes
 * the answer "not found". */
#include "schema/json/hm_json_priv.h"

#include <string.h>

/* At the end of the text there is nothing: 0, which no JSON text holds. */
static uint8_t at(struct hm_bytes text, size_t i)
{
    return i < text.len ? text.data[i] : 0;
}

static size_t skip_space(struct hm_bytes text, size_t i)
{
    while (at(text, i) == ' ' || at(text, i) == '\t' || at(text, i) == '\n' || at(text, i) == '\r')
        i++;
    return i;
}

/* i is at the opening quote; answers the offset behind the closing one. */
static size_t skip_string(struct hm_bytes text, size_t i)
{
    for (i++; i < text.len && text.data[i] != '"'; i++)
        if (text.data[i] == '\\')
            i++;
    return i < text.len ? i + 1 : text.len;
}

static bool ends_scalar(uint8_t c)
{
    return c == 0 || c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\n' ||
           c == '\r';
}

static size_t skip_value(struct hm_bytes text, size_t i)
{
    size_t depth = 0;
    do {
        uint8_t c = at(text, i);
        if (c == '"') {
            i = skip_string(text, i);
            continue;
        }
        depth += c == '[' || c == '{' ? 1 : 0;
        depth -= (c == ']' || c == '}') && depth > 0 ? 1 : 0;
        i++;
        while (depth == 0 && c != ']' && c != '}' && !ends_scalar(at(text, i)))
            i++;
    } while (depth > 0 && i < text.len);
    return i;
}

/* From a container at i to its next element: first steps over the bracket, later ones over a comma.
 */
static size_t next_element(struct hm_bytes text, size_t i)
{
    i = skip_space(text, i);
    return at(text, i) == ',' || at(text, i) == '[' || at(text, i) == '{' ? skip_space(text, i + 1)
                                                                          : text.len;
}

static bool find_member(struct hm_bytes text, struct hm_bytes name, size_t *i)
{
    if (at(text, *i) != '{')
        return false;
    for (size_t k = next_element(text, *i); at(text, k) == '"';) {
        size_t end = skip_string(text, k);
        size_t v = skip_space(text, end);
        if (at(text, v) != ':' || end < k + 2)
            return false;
        v = skip_space(text, v + 1);
        if (hm_bytes_eq(hm_bytes_of(text.data + k + 1, end - k - 2), name)) {
            *i = v;
            return true;
        }
        k = next_element(text, skip_value(text, v));
    }
    return false;
}

static bool find_index(struct hm_bytes text, size_t index, size_t *i)
{
    if (at(text, *i) != '[')
        return false;
    size_t v = next_element(text, *i);
    while (index > 0 && v < text.len && at(text, v) != ']') {
        v = next_element(text, skip_value(text, v));
        index--;
    }
    if (v >= text.len || at(text, v) == ']')
        return false;
    *i = v;
    return true;
}

/* "[12]" at *p: its number; false if it is none. */
static bool take_index(const char **p, size_t *index)
{
    size_t v = 0;
    const char *s = *p + 1;
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9' && v < 1000000000; s++)
        v = v * 10 + (size_t)(*s - '0');
    if (*s != ']')
        return false;
    *p = s + 1;
    *index = v;
    return true;
}

/* Follows one step of the path; false where the text has no such place. */
static bool step(struct hm_bytes text, const char **p, const char *end, size_t *i)
{
    size_t index = 0;
    if (**p == '[')
        return take_index(p, &index) && *p <= end && find_index(text, index, i);
    if (**p != '.')
        return false;
    const char *name = *p + 1;
    const char *s = name;
    while (s < end && *s != '.' && *s != '[')
        s++;
    *p = s;
    return find_member(text, hm_bytes_of(name, (size_t)(s - name)), i);
}

/* Line of the deepest place on the path that exists; *whole says whether all of it does. */
static unsigned line_of(struct hm_bytes text, const char *path, size_t path_len, bool *whole)
{
    const char *end = path + path_len;
    const char *p = path + 1;
    size_t i = skip_space(text, 0);
    *whole = path_len >= 1 && path[0] == '$';
    while (*whole && p < end)
        *whole = step(text, &p, end, &i);
    return hm_json_at(text, i).line;
}

unsigned hm_json_line_of(struct hm_bytes text, const char *path)
{
    bool whole = false;
    unsigned line = line_of(text, path, strlen(path), &whole);
    return whole ? line : 0;
}

/* "<word><digits>" at *p: steps over it; false if it does not stand there. */
static bool take_count(const char **p, const char *word, unsigned *out)
{
    size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0 || (*p)[n] < '0' || (*p)[n] > '9')
        return false;
    unsigned v = 0;
    for (*p += n; **p >= '0' && **p <= '9' && v < 100000000; (*p)++)
        v = v * 10 + (unsigned)(**p - '0');
    *out = v;
    return true;
}

/* "line L, column C: rest" becomes "FILE:L:C: rest". */
static bool locate_parse_error(struct hm_why *why, const char *file)
{
    unsigned line = 0;
    unsigned column = 0;
    const char *p = why->text;
    if (!take_count(&p, "line ", &line) || !take_count(&p, ", column ", &column) ||
        strncmp(p, ": ", 2) != 0)
        return false;
    memmove(why->text, p + 2, strlen(p + 2) + 1);
    (void)hm_fail_in(why, HM_E_CONFIG, "%s:%u:%u", file, line, column);
    return true;
}

void hm_json_locate(struct hm_why *why, const char *file, struct hm_bytes text)
{
    bool whole = false;
    if (why == NULL)
        return;
    const char *colon = strstr(why->text, ": ");
    if (why->text[0] == '$' && colon != NULL) {
        unsigned line = line_of(text, why->text, (size_t)(colon - why->text), &whole);
        (void)hm_fail_in(why, HM_E_CONFIG, "%s:%u", file, line);
    } else if (!locate_parse_error(why, file)) {
        (void)hm_fail_in(why, HM_E_CONFIG, "%s", file);
    }
}
