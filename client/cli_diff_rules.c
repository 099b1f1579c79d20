/* Which rule decides about what, then and now. Every product, channel and hardware that a rule of
 * either side names is looked up on both sides, so that a new, more specific rule that asks for
 * less is seen where it takes over from an older one. Rules that break the glass are looked up for
 * requests that do. */
#include "client/cli_diff_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING_NAMES_IT "~" /* no name: stands for hardware that no rule lists */

struct walk {
    struct diff *d;
    json_t *from_rules, *to_rules; /* id -> rule, as in the documents */
    json_t *pairs; /* "<old id>/<new id>" -> {"from", "to", "subjects": {text: text}} */
};

static bool signs(const json_t *rule, const char *id)
{
    const json_t *several = json_object_get(json_object_get(rule, "keys"), "of");
    bool yes = several == NULL && strcmp(diff_text(rule, "key"), id) == 0;
    for (size_t i = 0; i < json_array_size(several); i++)
        yes |= strcmp(json_string_value(json_array_get(several, i)), id) == 0;
    return yes;
}

/* The key of the rule, for what the rule itself leaves out; of several, the one that stands first
 * among the document's. */
static const json_t *key_of(const json_t *doc, const json_t *rule)
{
    const json_t *keys = json_object_get(doc, "keys");
    for (size_t i = 0; i < json_array_size(keys); i++)
        if (signs(rule, diff_text(json_array_get(keys, i), "id")))
            return json_array_get(keys, i);
    return NULL;
}

static const json_t *scope_of(const json_t *doc, const json_t *rule, const char *member)
{
    const json_t *list = json_object_get(rule, member);
    return list != NULL ? list : json_object_get(key_of(doc, rule), member);
}

/* The two rules that decide about a subject, by either of which there may be none. */
struct deciders {
    const struct policy_rule *from, *to;
};

static struct deciders deciders_of(const struct walk *w, const struct policy_subject *s)
{
    return (struct deciders){policy_match(w->d->from.policy, s), policy_match(w->d->to.policy, s)};
}

static void subject_text(const struct policy_subject *s, const char *environment, char *out,
                         size_t size)
{
    const struct hm_hardware *h = s->hardware;
    bool model = strcmp(h->model, NOTHING_NAMES_IT) != 0;
    bool revision = strcmp(h->revision, NOTHING_NAMES_IT) != 0;
    (void)snprintf(out, size, "%s on %s%s%s%s%s%s%s", s->product, s->channel, model ? " for " : "",
                   model ? h->model : "", revision ? "/" : "", revision ? h->revision : "",
                   environment, s->break_glass ? " by break glass" : "");
}

/* Keeps them. environment: what to say of it, "" for nothing. */
static void keep(struct walk *w, const struct deciders *by, const struct policy_subject *s,
                 const char *environment)
{
    const char *from = by->from != NULL ? by->from->id : "";
    const char *to = by->to != NULL ? by->to->id : "";
    char name[2 * HM_NAME_MAX + 2], text[4 * HM_NAME_MAX + 96];
    if (by->from == NULL && by->to == NULL)
        return;
    (void)snprintf(name, sizeof name, "%s/%s", from, to);
    json_t *pair = json_object_get(w->pairs, name);
    if (pair == NULL) {
        pair = json_pack("{s:s, s:s, s:{}}", "from", from, "to", to, "subjects");
        if (pair == NULL || json_object_set_new(w->pairs, name, pair) != 0) {
            w->d->failed = true;
            return;
        }
    }
    subject_text(s, environment, text, sizeof text);
    (void)json_object_set_new(json_object_get(pair, "subjects"), text, json_string(text));
}

/* A request may name the environment or not. Where that makes no difference, it is not told. */
static void look_up(struct walk *w, struct policy_subject s, const char *environment)
{
    char in[48];
    s.environment = environment;
    const struct deciders named = deciders_of(w, &s);
    s.environment = NULL;
    const struct deciders any = deciders_of(w, &s);
    bool differ = named.from != any.from || named.to != any.to;
    keep(w, &any, &s, differ ? " without a named environment" : "");
    (void)snprintf(in, sizeof in, " in %s", environment);
    if (differ)
        keep(w, &named, &s, in);
}

static void read_hardware(const char *text, struct hm_hardware *out)
{
    const char *slash = strchr(text, '/');
    size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
    (void)snprintf(out->model, sizeof out->model, "%.*s", (int)n, text);
    (void)snprintf(out->revision, sizeof out->revision, "%s",
                   slash != NULL ? slash + 1 : NOTHING_NAMES_IT);
}

static void walk_hardware(struct walk *w, const json_t *rule, struct policy_subject s)
{
    const json_t *list = json_object_get(rule, "hardware");
    struct hm_hardware h = {.model = NOTHING_NAMES_IT, .revision = NOTHING_NAMES_IT};
    s.hardware = &h;
    s.hardware_count = 1;
    if (list == NULL)
        look_up(w, s, diff_text(rule, "environment"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        read_hardware(json_string_value(json_array_get(list, i)), &h);
        look_up(w, s, diff_text(rule, "environment"));
    }
}

static void walk_rules(struct walk *w, const json_t *doc)
{
    const json_t *rules = json_object_get(doc, "rules");
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const json_t *products = scope_of(doc, rule, "products");
        const json_t *channels = scope_of(doc, rule, "channels");
        for (size_t p = 0; p < json_array_size(products); p++)
            for (size_t c = 0; c < json_array_size(channels); c++) {
                struct policy_subject s = {
                    .product = json_string_value(json_array_get(products, p)),
                    .channel = json_string_value(json_array_get(channels, c)),
                    .break_glass = json_is_true(json_object_get(rule, "break_glass"))};
                walk_hardware(w, rule, s);
            }
    }
}

static void tell_pair(struct walk *w, const json_t *pair)
{
    const char *from = diff_text(pair, "from");
    const char *to = diff_text(pair, "to");
    HM_FREE char *subjects = diff_join(json_object_get(pair, "subjects"));
    char where[HM_NAME_MAX + 16];
    (void)snprintf(where, sizeof where, "rule %s", to[0] != '\0' ? to : from);
    if (subjects == NULL)
        w->d->failed = true;
    else if (from[0] == '\0')
        diff_say(w->d, CLI_DIFF_WIDER, where, "can be released now, no rule was for it: %s",
                 subjects);
    else if (to[0] == '\0')
        diff_say(w->d, CLI_DIFF_STRICTER, where, "can be released no longer: %s", subjects);
    else if (strcmp(from, to) != 0)
        diff_say(w->d, CLI_DIFF_CHANGED, where, "decides in place of rule %s about %s", from,
                 subjects);
    if (from[0] != '\0' && to[0] != '\0')
        diff_demands(w->d, where, json_object_get(w->from_rules, from),
                     json_object_get(w->to_rules, to));
}

void diff_rules(struct diff *d)
{
    HM_JSON_AUTO *from = diff_by_id(json_object_get(d->from.doc, "rules"));
    HM_JSON_AUTO *to = diff_by_id(json_object_get(d->to.doc, "rules"));
    HM_JSON_AUTO *pairs = json_object();
    struct walk w = {.d = d, .from_rules = from, .to_rules = to, .pairs = pairs};
    walk_rules(&w, d->from.doc);
    walk_rules(&w, d->to.doc);
    const char *name;
    json_t *pair;
    json_object_foreach(pairs, name, pair)
    {
        tell_pair(&w, pair);
    }
}
