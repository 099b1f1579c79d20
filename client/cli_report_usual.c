/* What is unusual about the use of a key: its hours and days, and how near it came to a limit of
 * the policy. docs/auditor.md says how each is computed; the numbers here are those numbers. */
#include "client/cli_report_priv.h"

#include "client/cli_when.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <string.h>

#define USUAL_MIN 30    /* signatures before anything is called unusual */
#define USUAL_PERCENT 5 /* of them, at least, for an hour with its neighbours, or a day */
#define NEAR_PERCENT 80 /* of a limit */

/* ---- limits ---- */

static bool lists(const json_t *rule, const char *member, const char *text)
{
    const json_t *list = json_object_get(rule, member);
    return list == NULL || cli_texts_have(list, text);
}

/* Whether a rule of the document is one that this release could have been signed under. */
static bool rule_fits(const json_t *rule, const struct report_record *x, const char *key,
                      bool break_glass)
{
    const json_t *of = json_object_get(json_object_get(rule, "keys"), "of");
    bool uses = of != NULL ? cli_texts_have(of, key) : strcmp(hm_json_text(rule, "key"), key) == 0;
    return uses && strcmp(hm_json_text(rule, "environment"), x->r->environment) == 0 &&
           lists(rule, "products", x->r->product) && lists(rule, "channels", x->r->channel) &&
           json_is_true(json_object_get(rule, "break_glass")) == break_glass;
}

static uint64_t used_within(const struct report_key *k, uint64_t now_ms, uint64_t window_s)
{
    uint64_t n = 0;
    uint64_t from = now_ms > window_s * 1000 ? now_ms - window_s * 1000 : 0;
    for (size_t i = k->count; i > 0 && k->uses[i - 1].t_ms > from; i--)
        n++;
    return n;
}

static void look_at(const struct report_record *x, struct report_key *k, const json_t *rule)
{
    const json_t *limit = json_object_get(json_object_get(rule, "limits"), "signatures");
    uint64_t count = (uint64_t)json_integer_value(json_object_get(limit, "count"));
    uint64_t window_s = (uint64_t)json_integer_value(json_object_get(limit, "window_s"));
    if (count == 0)
        return;
    uint64_t used = used_within(k, x->r->t_ms, window_s);
    if (k->peak != NULL && used * 100 / count <= k->peak_percent)
        return;
    json_decref(k->peak);
    k->peak_percent = used * 100 / count;
    k->peak =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "rule", hm_json_text(rule, "id"), "used",
                  (json_int_t)used, "count", (json_int_t)count, "window_s", (json_int_t)window_s,
                  "index", (json_int_t)x->r->idx, "time", report_time(x->r->t_ms));
}

void report_limits(struct report *p, const struct report_record *x, struct report_key *k)
{
    const struct report_release *rel = report_release_find(p, x->r->release);
    const json_t *rules = x->policy != NULL ? json_object_get(x->policy->doc, "rules") : NULL;
    bool break_glass = rel != NULL && !json_is_null(json_object_get(rel->doc, "break_glass"));
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (rule_fits(rule, x, k->name, break_glass))
            look_at(x, k, rule);
    }
}

static enum hm_err near_limit(struct report *p, const struct report_key *k, struct hm_why *why)
{
    char window[CLI_WHEN_TEXT];
    if (k->peak == NULL || k->peak_percent < NEAR_PERCENT)
        return HM_OK;
    cli_when_span(1000 * (uint64_t)json_integer_value(json_object_get(k->peak, "window_s")),
                  window);
    return report_anomaly(
        p, "key-limit", UINT64_MAX, 0, why,
        "key %s made %" JSON_INTEGER_FORMAT " of the %" JSON_INTEGER_FORMAT
        " signatures that rule %s allows within %s, reached with record %" JSON_INTEGER_FORMAT,
        k->name, json_integer_value(json_object_get(k->peak, "used")),
        json_integer_value(json_object_get(k->peak, "count")), hm_json_text(k->peak, "rule"),
        window, json_integer_value(json_object_get(k->peak, "index")));
}

/* ---- hours and days ---- */

static bool usual_hour(const struct report_key *k, unsigned h)
{
    unsigned around = k->hours[(h + 23) % 24] + k->hours[h] + k->hours[(h + 1) % 24];
    return around * 100ul >= USUAL_PERCENT * k->count;
}

static bool usual_day(const struct report_key *k, unsigned d)
{
    return k->days[d] * 100ul >= USUAL_PERCENT * k->count;
}

static enum hm_err unusual(struct report *p, const struct report_key *k, const struct report_use *u,
                           struct hm_why *why)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    uint64_t hours = u->t_ms / 3600000;
    unsigned h = (unsigned)(hours % 24);
    unsigned d = (unsigned)((hours / 24 + 3) % 7);
    enum hm_err err = HM_OK;
    if (!usual_hour(k, h))
        err = report_anomaly(p, "unusual-hour", u->idx, u->t_ms, why,
                             "key %s signed at an hour (%02u to %02u UTC) in which, with its "
                             "neighbours, fewer than %d %% of its %zu signatures were made",
                             k->name, h, (h + 1) % 24, USUAL_PERCENT, k->count);
    if (err == HM_OK && !usual_day(k, d))
        err = report_anomaly(p, "unusual-day", u->idx, u->t_ms, why,
                             "key %s signed on a %s; fewer than %d %% of its %zu signatures were "
                             "made on that day of the week",
                             k->name, days[d], USUAL_PERCENT, k->count);
    return err;
}

static enum hm_err open_intents(struct report *p, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < p->keys.intent_count; i++) {
        const struct report_intent *n = &p->keys.intents[i];
        if (n->wanted)
            err = report_anomaly(p, "open-intention", n->idx, n->t_ms, why,
                                 "the intention to sign r%" PRIu64
                                 " had no result at the end of the period",
                                 n->release);
    }
    return err;
}

enum hm_err report_key_anomalies(struct report *p, struct hm_why *why)
{
    enum hm_err err = open_intents(p, why);
    for (size_t i = 0; err == HM_OK && i < p->keys.count; i++) {
        const struct report_key *k = &p->keys.list[i];
        err = near_limit(p, k, why);
        for (size_t n = 0; err == HM_OK && k->count >= USUAL_MIN && n < k->count; n++)
            if (k->uses[n].wanted)
                err = unusual(p, k, &k->uses[n], why);
    }
    return err;
}
