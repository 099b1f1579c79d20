/* Parsing: one pass over the text, into Jansson's values. Open containers stand in a fixed stack,
 * so that depth costs no recursion; whatever was built when an error is found is dropped. Thread:
 * any.
 */
#include "schema/json/hm_json.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json_priv.h"

const char *hm_json_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text != NULL ? text : "";
}

void hm_json_free(json_t **v)
{
    json_decref(*v);
    *v = NULL;
}

/* An open container, borrowed from the one around it; the outermost is the parser's own. */
struct level {
    json_t *container;
    bool object;
    bool any; /* an element stands before the cursor */
};

struct parser {
    struct hm_json_text t;
    struct level level[HM_JSON_DEPTH_FOREIGN_MAX];
    unsigned depth;
    unsigned depth_max;
    size_t values;
    struct hm_buf name; /* of a member, whose escapes were replaced */
    json_t *root;
};

/* ---- what must hold of the whole text ---- */

/* Offset of the first byte that is not part of well-formed UTF-8 without NUL. */
static size_t first_bad_byte(struct hm_bytes text)
{
    size_t good = 0;
    size_t len = text.len;
    while (good < len) {
        size_t n = 1;
        while (n <= 4 && good + n <= len && !hm_utf8_ok(hm_bytes_of(text.data + good, n)))
            n++;
        if (n > 4 || good + n > len)
            return good;
        good += n;
    }
    return good;
}

static enum hm_err check_text(const struct hm_json_text *t, size_t max)
{
    if (t->text.len > max)
        return hm_fail(t->why, HM_E_LIMIT, "JSON of %zu bytes, expected at most %zu", t->text.len,
                       max);
    if (t->text.len == 0)
        return hm_json_fail_at(t, HM_E_MALFORMED, 0, "expected JSON, found nothing");
    if (!hm_utf8_ok(t->text))
        return hm_json_fail_at(t, HM_E_MALFORMED, first_bad_byte(t->text),
                               "expected UTF-8 without NUL");
    return HM_OK;
}

/* ---- containers ---- */

/* The byte behind white space; 0 at the end: no JSON text holds that. */
static uint8_t next_byte(struct hm_json_text *t)
{
    for (; t->i < t->text.len; t->i++) {
        uint8_t c = t->text.data[t->i];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return c;
    }
    return 0;
}

static enum hm_err no_memory(const struct parser *p)
{
    return hm_fail(p->t.why, HM_E_MEMORY, "JSON: no memory");
}

/* Every value but the first stands behind a bracket or a comma. */
static enum hm_err count_value(struct parser *p)
{
    return ++p->values > HM_JSON_VALUES_MAX
               ? hm_json_fail_at(&p->t, HM_E_LIMIT, p->t.i, "too many values")
               : HM_OK;
}

static enum hm_err open_container(struct parser *p, bool object, json_t **out)
{
    enum hm_err err = count_value(p);
    if (err != HM_OK)
        return err;
    if (p->depth == p->depth_max)
        return hm_json_fail_at(&p->t, HM_E_LIMIT, p->t.i, "nested too deeply");
    *out = object ? json_object() : json_array();
    if (*out == NULL)
        return no_memory(p);
    p->level[p->depth++] = (struct level){.container = *out, .object = object};
    p->t.i++;
    return HM_OK;
}

static enum hm_err take_value(struct parser *p, json_t **out)
{
    uint8_t c = next_byte(&p->t);
    return c == '{' || c == '[' ? open_container(p, c == '{', out)
                                : hm_json_take_scalar(&p->t, out);
}

/* The name is quoted in the error: escaped and cut. */
static enum hm_err fail_duplicate(const struct parser *p, struct hm_bytes name, size_t at)
{
    HM_BUF_AUTO shown = {.limit = 1024};
    hm_buf_puts(&shown, "duplicate member \"");
    hm_escape(&shown, hm_bytes_of(name.data, name.len < 64 ? name.len : 64));
    hm_buf_putc(&shown, '"');
    const char *text = hm_buf_str(&shown);
    return hm_json_fail_at(&p->t, HM_E_MALFORMED, at, text != NULL ? text : "duplicate member");
}

static enum hm_err take_member(struct parser *p, json_t *object)
{
    struct hm_bytes name = {NULL, 0};
    json_t *v = NULL;
    size_t before = json_object_size(object);
    if (next_byte(&p->t) != '"')
        return hm_json_fail_at(&p->t, HM_E_MALFORMED, p->t.i, "expected the name of a member");
    size_t at = p->t.i;
    enum hm_err err = hm_json_take_string(&p->t, &p->name, &name);
    if (err != HM_OK)
        return err;
    if (next_byte(&p->t) != ':')
        return hm_json_fail_at(&p->t, HM_E_MALFORMED, p->t.i, "expected ':'");
    p->t.i++;
    err = take_value(p, &v);
    if (err != HM_OK)
        return err;
    if (json_object_setn_new_nocheck(object, (const char *)name.data, name.len, v) != 0)
        return no_memory(p);
    return json_object_size(object) > before ? HM_OK : fail_duplicate(p, name, at);
}

static enum hm_err take_element(struct parser *p, json_t *array)
{
    json_t *v = NULL;
    enum hm_err err = take_value(p, &v);
    if (err != HM_OK)
        return err;
    return json_array_append_new(array, v) == 0 ? HM_OK : no_memory(p);
}

/* The next element of the innermost container, or its end. */
static enum hm_err take_next(struct parser *p)
{
    struct level *l = &p->level[p->depth - 1];
    uint8_t c = next_byte(&p->t);
    if (c == (l->object ? '}' : ']')) {
        p->depth--;
        p->t.i++;
        return HM_OK;
    }
    if (l->any && c != ',')
        return hm_json_fail_at(&p->t, HM_E_MALFORMED, p->t.i,
                               l->object ? "expected ',' or '}'" : "expected ',' or ']'");
    if (l->any) {
        enum hm_err err = count_value(p);
        if (err != HM_OK)
            return err;
        p->t.i++;
    }
    l->any = true;
    return l->object ? take_member(p, l->container) : take_element(p, l->container);
}

static enum hm_err take_document(struct parser *p)
{
    uint8_t c = next_byte(&p->t);
    if (c != '{' && c != '[')
        return hm_json_fail_at(&p->t, HM_E_MALFORMED, p->t.i, "expected an object or an array");
    enum hm_err err = open_container(p, c == '{', &p->root);
    while (err == HM_OK && p->depth > 0)
        err = take_next(p);
    if (err == HM_OK && (next_byte(&p->t), p->t.i != p->t.text.len))
        err = hm_json_fail_at(&p->t, HM_E_MALFORMED, p->t.i, "expected nothing behind the end");
    return err;
}

enum hm_err hm_json_parse(struct hm_bytes text, const struct hm_json_limits *limits, json_t **out,
                          struct hm_why *why)
{
    struct parser p;
    p.t = (struct hm_json_text){.text = text, .why = why, .floats = limits->floats};
    p.t.scratch = p.name = (struct hm_buf){.limit = text.len};
    p.depth_max =
        limits->depth < HM_JSON_DEPTH_FOREIGN_MAX ? limits->depth : HM_JSON_DEPTH_FOREIGN_MAX;
    p.depth = 0;
    p.values = 0;
    p.root = NULL;
    enum hm_err err = check_text(&p.t, limits->bytes);
    if (err == HM_OK)
        err = take_document(&p);
    hm_buf_free(&p.t.scratch);
    hm_buf_free(&p.name);
    if (err != HM_OK) {
        json_decref(p.root);
        return err;
    }
    *out = p.root;
    return HM_OK;
}
