#include "client/cli_diff_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIFF_SHOWN 12 /* elements of a list that are named in a line */

const struct diff_sense DIFF_MAY = {CLI_DIFF_WIDER, CLI_DIFF_STRICTER};
const struct diff_sense DIFF_DEMAND = {CLI_DIFF_STRICTER, CLI_DIFF_WEAKER};

const char *cli_diff_kind_name(enum cli_diff_kind kind)
{
    static const char *const names[CLI_DIFF_KINDS] = {"weaker", "wider", "changed", "stricter"};
    return names[kind];
}

void diff_say(struct diff *d, enum cli_diff_kind kind, const char *where, const char *fmt, ...)
{
    HM_FREE char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0)
        text = NULL;
    json_t *line = text == NULL ? NULL
                                : json_pack("{s:s, s:s, s:s}", "kind", cli_diff_kind_name(kind),
                                            "where", where, "what", text);
    if (line == NULL || json_array_append_new(d->by_kind[kind], line) != 0)
        d->failed = true;
}

const char *diff_text(const json_t *v, const char *member)
{
    const char *text = json_string_value(json_object_get(v, member));
    return text != NULL ? text : "";
}

json_t *diff_set_of(const json_t *list)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text != NULL)
            (void)json_object_set_new(set, text, json_string(text));
    }
    return set;
}

json_t *diff_by_id(const json_t *list)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        (void)json_object_set(set, diff_text(v, "id"), v);
    }
    return set;
}

char *diff_join(const json_t *set)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX};
    const char *key;
    json_t *label;
    size_t n = 0;
    /* Jansson iterates in the order of insertion, which is the document's. */
    json_object_foreach((json_t *)(uintptr_t)set, key, label)
    {
        if (n++ == DIFF_SHOWN) {
            hm_buf_printf(&text, " and %zu more", json_object_size(set) - DIFF_SHOWN);
            break;
        }
        hm_buf_printf(&text, "%s%s", n > 1 ? ", " : "",
                      json_is_string(label) ? json_string_value(label) : key);
    }
    const char *joined = hm_buf_str(&text);
    return joined != NULL ? strdup(joined) : NULL;
}

/* Says what is in a, but not in b. */
static void say_missing(struct diff *d, const char *where, const char *what,
                        enum cli_diff_kind kind, const char *verb, const json_t *a, const json_t *b)
{
    HM_JSON_AUTO *left = json_object();
    const char *key;
    json_t *label;
    json_object_foreach((json_t *)(uintptr_t)a, key, label)
    {
        if (json_object_get(b, key) == NULL)
            (void)json_object_set(left, key, label);
    }
    if (json_object_size(left) == 0)
        return;
    HM_FREE char *text = diff_join(left);
    if (text == NULL)
        d->failed = true;
    else
        diff_say(d, kind, where, "%s %s: %s", what, verb, text);
}

void diff_sets(struct diff *d, const char *where, const char *what, struct diff_sense sense,
               json_t *from, json_t *to)
{
    HM_JSON_AUTO *a = from;
    HM_JSON_AUTO *b = to;
    say_missing(d, where, what, sense.more, "added", b, a);
    say_missing(d, where, what, sense.less, "removed", a, b);
}

void diff_names(struct diff *d, const char *where, const char *what, struct diff_sense sense,
                const json_t *from, const json_t *to)
{
    diff_sets(d, where, what, sense, diff_set_of(from), diff_set_of(to));
}

void diff_number(struct diff *d, const char *where, const char *what, struct diff_sense sense,
                 json_int_t from, json_int_t to)
{
    if (from != to)
        diff_say(d, to > from ? sense.more : sense.less, where,
                 "%s: %" JSON_INTEGER_FORMAT " in place of %" JSON_INTEGER_FORMAT, what, to, from);
}

static char *value_text(const json_t *v)
{
    return v == NULL ? strdup("none") : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

void diff_value(struct diff *d, const char *where, const char *what, const json_t *from,
                const json_t *to)
{
    if (from == to || (from != NULL && to != NULL && json_equal(from, to)))
        return;
    HM_FREE char *a = value_text(from);
    HM_FREE char *b = value_text(to);
    if (a == NULL || b == NULL)
        d->failed = true;
    else
        diff_say(d, CLI_DIFF_CHANGED, where, "%s: %s in place of %s", what, b, a);
}

static void diff_vendor(struct diff *d)
{
    const char *a = policy_vendor_domain(d->from.policy);
    const char *b = policy_vendor_domain(d->to.policy);
    if (strcmp(a, b) != 0)
        diff_say(d, CLI_DIFF_WEAKER, "vendor_domain",
                 "%s in place of %s: devices in the field derive their vendor id from it and take "
                 "no further release",
                 b, a);
    diff_value(d, "policy", "name", json_object_get(d->from.doc, "name"),
               json_object_get(d->to.doc, "name"));
}

static void diff_witnesses(struct diff *d)
{
    const json_t *a = json_object_get(d->from.doc, "witnesses");
    const json_t *b = json_object_get(d->to.doc, "witnesses");
    if (a != NULL && b == NULL) {
        diff_say(d, CLI_DIFF_WEAKER, "witnesses",
                 "none any more: an older copy of the log is not found out at a start");
        return;
    }
    if (a == NULL && b != NULL)
        diff_say(d, CLI_DIFF_STRICTER, "witnesses",
                 "from now on: after a start nothing is signed before they have cosigned the log");
    diff_names(d, "witnesses", "keys", DIFF_MAY, json_object_get(a, "keys"),
               json_object_get(b, "keys"));
    diff_number(d, "witnesses", "quorum", DIFF_DEMAND,
                json_integer_value(json_object_get(a, "quorum")),
                json_integer_value(json_object_get(b, "quorum")));
    diff_value(d, "witnesses", "timeout_s", json_object_get(a, "timeout_s"),
               json_object_get(b, "timeout_s"));
}

static enum hm_err gather(struct diff *d, struct cli_diff *out, struct hm_why *why)
{
    for (size_t k = 0; k < CLI_DIFF_KINDS; k++) {
        out->count[k] = json_array_size(d->by_kind[k]);
        if (d->by_kind[k] == NULL || json_array_extend(out->changes, d->by_kind[k]) != 0)
            d->failed = true;
        json_decref(d->by_kind[k]);
    }
    return d->failed || out->changes == NULL ? hm_fail(why, HM_E_MEMORY, "out of memory") : HM_OK;
}

enum hm_err cli_diff_make(struct cli_diff_side from, struct cli_diff_side to, struct cli_diff *out,
                          struct hm_why *why)
{
    struct diff d = {.from = from, .to = to};
    struct cli_diff made = {.from = *policy_digest(from.policy),
                            .to = *policy_digest(to.policy),
                            .changes = json_array()};
    for (size_t k = 0; k < CLI_DIFF_KINDS; k++)
        d.by_kind[k] = json_array();
    diff_vendor(&d);
    diff_rules(&d);
    diff_people(&d);
    diff_witnesses(&d);
    enum hm_err err = gather(&d, &made, why);
    if (err == HM_OK)
        *out = made;
    else
        cli_diff_free(&made);
    return err;
}

void cli_diff_free(struct cli_diff *d)
{
    json_decref(d->changes);
    d->changes = NULL;
}

static void print_json(const struct cli_diff *d)
{
    char from[HM_SHA256_HEX], to[HM_SHA256_HEX];
    hm_digest_hex(&d->from, from);
    hm_digest_hex(&d->to, to);
    HM_JSON_AUTO *doc = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:O}", "from", from, "to", to,
                                  "weaker", (json_int_t)d->count[CLI_DIFF_WEAKER], "wider",
                                  (json_int_t)d->count[CLI_DIFF_WIDER], "changed",
                                  (json_int_t)d->count[CLI_DIFF_CHANGED], "stricter",
                                  (json_int_t)d->count[CLI_DIFF_STRICTER], "changes", d->changes);
    (void)json_dumpf(doc, stdout, JSON_COMPACT);
    (void)putchar('\n');
}

static void print_table(const struct cli *c, const struct cli_diff *d)
{
    static const char *const headers[] = {"KIND", "WHERE", "CHANGE"};
    CLI_TABLE_AUTO t;
    cli_table_begin(&t, headers, 3);
    for (size_t i = 0; i < json_array_size(d->changes); i++) {
        const json_t *line = json_array_get(d->changes, i);
        const char *kind = diff_text(line, "kind");
        bool weaker = strcmp(kind, cli_diff_kind_name(CLI_DIFF_WEAKER)) == 0;
        cli_table_cell(&t, "%s", weaker ? "WEAKER" : kind);
        cli_table_cell(&t, "%s", diff_text(line, "where"));
        cli_table_cell(&t, "%s", diff_text(line, "what"));
    }
    cli_table_write(&t, stdout, c->term.color_out);
}

void cli_diff_print(const struct cli *c, const struct cli_diff *d)
{
    if (c->term.json) {
        print_json(d);
    } else if (json_array_size(d->changes) == 0) {
        (void)puts(hm_digest_eq(&d->from, &d->to)
                       ? "the same document"
                       : "other bytes, but the same meaning: nothing changes");
    } else {
        print_table(c, d);
        (void)printf("\n%zu weaker, %zu wider, %zu changed, %zu stricter\n",
                     d->count[CLI_DIFF_WEAKER], d->count[CLI_DIFF_WIDER],
                     d->count[CLI_DIFF_CHANGED], d->count[CLI_DIFF_STRICTER]);
    }
}
