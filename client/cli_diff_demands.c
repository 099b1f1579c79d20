/* What one rule asks for and the other does not, member by member. */
#include "client/cli_diff_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_DEFAULT 604800 /* approval_ttl_s where it is missing */

static json_int_t number_or(const json_t *v, const char *member, json_int_t dflt)
{
    const json_t *m = json_object_get(v, member);
    return json_is_integer(m) ? json_integer_value(m) : dflt;
}

/* Says so where only one side demands it. True unless both do: then there is more to compare. */
static bool one_side(struct diff *d, const char *where, const char *what, const json_t *from,
                     const json_t *to)
{
    bool a =
        json_is_object(from) || json_is_array(from) || json_is_integer(from) || json_is_true(from);
    bool b = json_is_object(to) || json_is_array(to) || json_is_integer(to) || json_is_true(to);
    if (a && !b)
        diff_say(d, CLI_DIFF_WEAKER, where, "%s: asked for no longer", what);
    else if (b && !a)
        diff_say(d, CLI_DIFF_STRICTER, where, "%s: asked for now", what);
    return !a || !b;
}

/* --- approvals --- */

/* The three forms of approvals as one: stage i, NULL past the last one. A stage holds "of", or is
 * one requirement itself. */
static const json_t *stage_at(const json_t *approvals, size_t i)
{
    const json_t *stages = json_object_get(approvals, "stages");
    if (stages != NULL)
        return json_array_get(stages, i);
    return i == 0 ? approvals : NULL;
}

static const json_t *requirement_at(const json_t *stage, size_t i)
{
    const json_t *of = json_object_get(stage, "of");
    if (of != NULL)
        return json_array_get(of, i);
    return i == 0 ? stage : NULL;
}

/* Group -> people asked for, in all stages together. */
static json_t *asked_of(const json_t *approvals)
{
    json_t *sums = json_object();
    const json_t *stage, *need;
    for (size_t s = 0; (stage = stage_at(approvals, s)) != NULL; s++)
        for (size_t i = 0; (need = requirement_at(stage, i)) != NULL; i++) {
            const char *group = diff_text(need, "group");
            json_int_t n = number_or(sums, group, 0) + number_or(need, "count", 0);
            (void)json_object_set_new(sums, group, json_integer(n));
        }
    return sums;
}

static void tell_count(struct diff *d, const char *where, const char *group, json_int_t from,
                       json_int_t to)
{
    enum cli_diff_kind kind = to < from ? CLI_DIFF_WEAKER : CLI_DIFF_STRICTER;
    if (from == to)
        return;
    if (from == 0)
        diff_say(d, kind, where, "approvals: %" JSON_INTEGER_FORMAT " of %s, before none of them",
                 to, group);
    else if (to == 0)
        diff_say(d, kind, where, "approvals: nobody of %s, before %" JSON_INTEGER_FORMAT, group,
                 from);
    else
        diff_say(d, kind, where,
                 "approvals: %" JSON_INTEGER_FORMAT " of %s in place of %" JSON_INTEGER_FORMAT, to,
                 group, from);
}

static json_int_t stage_count(const json_t *approvals)
{
    const json_t *stages = json_object_get(approvals, "stages");
    return stages != NULL ? (json_int_t)json_array_size(stages) : 1;
}

static void demand_approvals(struct diff *d, const char *where, const json_t *from,
                             const json_t *to)
{
    const char *group;
    json_t *n;
    if (one_side(d, where, "approvals", from, to))
        return;
    HM_JSON_AUTO *a = asked_of(from);
    HM_JSON_AUTO *b = asked_of(to);
    json_object_foreach(a, group, n)
    {
        tell_count(d, where, group, json_integer_value(n), number_or(b, group, 0));
    }
    json_object_foreach(b, group, n)
    {
        if (json_object_get(a, group) == NULL)
            tell_count(d, where, group, 0, json_integer_value(n));
    }
    diff_number(d, where, "approvals: stages", DIFF_DEMAND, stage_count(from), stage_count(to));
    if (stage_count(from) == stage_count(to) && stage_count(to) > 1)
        diff_value(d, where, "approvals: stages", json_object_get(from, "stages"),
                   json_object_get(to, "stages"));
    bool was = json_is_true(json_object_get(from, "shared"));
    bool is = json_is_true(json_object_get(to, "shared"));
    if (was != is)
        diff_say(d, is ? CLI_DIFF_WEAKER : CLI_DIFF_STRICTER, where,
                 is ? "approvals: one person may count for several groups"
                    : "approvals: one person counts for one group only");
    was = json_is_true(json_object_get(from, "user_verification"));
    is = json_is_true(json_object_get(to, "user_verification"));
    if (was != is)
        diff_say(d, is ? CLI_DIFF_STRICTER : CLI_DIFF_WEAKER, where,
                 is ? "approvals: only by keys that verify their user"
                    : "approvals: also by keys that do not verify their user");
    diff_names(d, where, "approvals: groups with a veto", DIFF_DEMAND,
               json_object_get(from, "veto"), json_object_get(to, "veto"));
}

/* --- provenance and attestations --- */

/* A demanded number: an absent one asks for nothing. */
static void demand_number(struct diff *d, const char *where, const char *what, const json_t *from,
                          const json_t *to, const char *member, bool higher_is_stricter)
{
    const json_t *a = json_object_get(from, member);
    const json_t *b = json_object_get(to, member);
    struct diff_sense sense = {higher_is_stricter ? CLI_DIFF_STRICTER : CLI_DIFF_WEAKER,
                               higher_is_stricter ? CLI_DIFF_WEAKER : CLI_DIFF_STRICTER};
    if (!one_side(d, where, what, a, b))
        diff_number(d, where, what, sense, json_integer_value(a), json_integer_value(b));
}

/* A list of what is accepted: an absent one accepts everything. */
static void demand_list(struct diff *d, const char *where, const char *what, const json_t *from,
                        const json_t *to, const char *member)
{
    const json_t *a = json_object_get(from, member);
    const json_t *b = json_object_get(to, member);
    if (!one_side(d, where, what, a, b))
        diff_names(d, where, what, DIFF_MAY, a, b);
}

/* {identity: label} of things that are all demanded: {"pointer": value} or a list of objects. */
static json_t *demanded(const json_t *v)
{
    json_t *set = json_object();
    const char *key;
    json_t *m;
    json_object_foreach((json_t *)(uintptr_t)v, key, m)
    {
        HM_FREE char *text = json_dumps(m, JSON_ENCODE_ANY | JSON_COMPACT);
        json_t *label = json_sprintf("%s = %s", key, text != NULL ? text : "?");
        (void)json_object_set_new(set, json_string_value(label), label);
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        HM_FREE char *text =
            json_dumps(json_array_get(v, i), JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        if (text != NULL)
            (void)json_object_set_new(set, text, json_string(text));
    }
    return set;
}

static void demand_provenance(struct diff *d, const char *where, const json_t *from,
                              const json_t *to)
{
    if (one_side(d, where, "provenance", from, to))
        return;
    diff_names(d, where, "provenance: builders", DIFF_MAY, json_object_get(from, "builders"),
               json_object_get(to, "builders"));
    diff_number(d, where, "provenance: build level", DIFF_DEMAND, number_or(from, "level", 0),
                number_or(to, "level", 0));
    demand_list(d, where, "provenance: refs", from, to, "refs");
    diff_sets(d, where, "provenance: parameters", DIFF_DEMAND,
              demanded(json_object_get(from, "parameters")),
              demanded(json_object_get(to, "parameters")));
    diff_sets(d, where, "provenance: dependencies", DIFF_DEMAND,
              demanded(json_object_get(from, "dependencies")),
              demanded(json_object_get(to, "dependencies")));
    demand_number(d, where, "provenance: greatest age in seconds", from, to, "max_age_s", false);
    diff_number(d, where, "provenance: independent builders", DIFF_DEMAND,
                number_or(from, "independent", 1), number_or(to, "independent", 1));
}

static json_t *by_name(const json_t *list)
{
    json_t *set = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *v = json_array_get(list, i);
        (void)json_object_set(set, diff_text(v, "name"), v);
    }
    return set;
}

static void demand_attestations(struct diff *d, const char *where, const json_t *from,
                                const json_t *to)
{
    HM_JSON_AUTO *a = by_name(from);
    HM_JSON_AUTO *b = by_name(to);
    const char *name;
    json_t *v;
    char what[HM_NAME_MAX + 32];
    diff_sets(d, where, "attestations", DIFF_DEMAND, json_incref(a), json_incref(b));
    json_object_foreach(a, name, v)
    {
        const json_t *now = json_object_get(b, name);
        if (now == NULL)
            continue;
        (void)snprintf(what, sizeof what, "attestation %s: predicates", name);
        diff_names(d, where, what, DIFF_MAY, json_object_get(v, "predicates"),
                   json_object_get(now, "predicates"));
        (void)snprintf(what, sizeof what, "attestation %s: builders", name);
        diff_names(d, where, what, DIFF_MAY, json_object_get(v, "builders"),
                   json_object_get(now, "builders"));
        const json_t *was = json_object_get(v, "result");
        const json_t *is = json_object_get(now, "result");
        (void)snprintf(what, sizeof what, "attestation %s: result", name);
        if ((was == NULL) != (is == NULL))
            diff_say(d, was != NULL ? CLI_DIFF_WEAKER : CLI_DIFF_STRICTER, where, "%s: %s", what,
                     was != NULL ? "any will do" : json_string_value(is));
        else
            diff_value(d, where, what, was, is);
    }
}

/* --- limits, freeze, promotion --- */

static void demand_limits(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    demand_number(d, where, "limit: bytes of all artifacts", from, to, "max_size", false);
    demand_number(d, where, "limit: change of size in percent without one more approval", from, to,
                  "size_factor_percent", false);
    (void)one_side(d, where, "limit: version and rollback floor never fall",
                   json_object_get(from, "no_downgrade"), json_object_get(to, "no_downgrade"));
    (void)one_side(d, where, "limit: the same version is the same bytes",
                   json_object_get(from, "same_bytes"), json_object_get(to, "same_bytes"));
    const json_t *a = json_object_get(from, "signatures");
    const json_t *b = json_object_get(to, "signatures");
    if (one_side(d, where, "limit: signatures by the key", a, b))
        return;
    demand_number(d, where, "limit: signatures by the key", a, b, "count", false);
    demand_number(d, where, "limit: seconds in which signatures are counted", a, b, "window_s",
                  true);
}

/* An offset from UTC, or a time zone by name and rule. */
static const json_t *clock_of(const json_t *freeze)
{
    const json_t *zone = json_object_get(freeze, "time_zone");
    return zone != NULL ? zone : json_object_get(freeze, "utc_offset");
}

static void demand_freeze(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (one_side(d, where, "freeze windows", from, to))
        return;
    diff_sets(d, where, "freeze windows", DIFF_DEMAND, demanded(json_object_get(from, "windows")),
              demanded(json_object_get(to, "windows")));
    diff_value(d, where, "freeze: clock", clock_of(from), clock_of(to));
}

static void demand_promotion(struct diff *d, const char *where, const json_t *from,
                             const json_t *to)
{
    if (one_side(d, where, "promotion from another environment", from, to))
        return;
    diff_value(d, where, "promotion: environment", json_object_get(from, "environment"),
               json_object_get(to, "environment"));
    demand_list(d, where, "promotion: channels", from, to, "channels");
    demand_list(d, where, "promotion: submitters", from, to, "submitters");
    diff_number(d, where, "promotion: soak time in seconds", DIFF_DEMAND,
                number_or(from, "soak_s", 0), number_or(to, "soak_s", 0));
}

static json_t *signing_keys(const json_t *rule)
{
    const json_t *several = json_object_get(json_object_get(rule, "keys"), "of");
    json_t *set = diff_set_of(several);
    if (several == NULL)
        (void)json_object_set_new(set, diff_text(rule, "key"), json_string(diff_text(rule, "key")));
    return set;
}

static void demand_keys(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    const json_t *a = json_object_get(from, "keys");
    const json_t *b = json_object_get(to, "keys");
    if (a == NULL && b == NULL) {
        diff_value(d, where, "signing key", json_object_get(from, "key"),
                   json_object_get(to, "key"));
        return;
    }
    diff_sets(d, where, "signing keys", DIFF_MAY, signing_keys(from), signing_keys(to));
    diff_number(d, where, "signatures that a release needs", DIFF_DEMAND,
                number_or(a, "threshold", 1), number_or(b, "threshold", 1));
}

void diff_demands(struct diff *d, const char *where, const json_t *from, const json_t *to)
{
    if (from == NULL || to == NULL || json_equal(from, to))
        return;
    demand_approvals(d, where, json_object_get(from, "approvals"),
                     json_object_get(to, "approvals"));
    diff_number(d, where, "seconds until approvals expire",
                (struct diff_sense){CLI_DIFF_WEAKER, CLI_DIFF_STRICTER},
                number_or(from, "approval_ttl_s", TTL_DEFAULT),
                number_or(to, "approval_ttl_s", TTL_DEFAULT));
    diff_names(d, where, "submitters", DIFF_MAY, json_object_get(from, "submitters"),
               json_object_get(to, "submitters"));
    diff_names(d, where, "roles kept apart", DIFF_DEMAND, json_object_get(from, "separate"),
               json_object_get(to, "separate"));
    demand_provenance(d, where, json_object_get(from, "provenance"),
                      json_object_get(to, "provenance"));
    demand_attestations(d, where, json_object_get(from, "attestations"),
                        json_object_get(to, "attestations"));
    demand_limits(d, where, json_object_get(from, "limits"), json_object_get(to, "limits"));
    demand_freeze(d, where, json_object_get(from, "freeze"), json_object_get(to, "freeze"));
    bool was = json_is_true(json_object_get(from, "witnessed"));
    bool is = json_is_true(json_object_get(to, "witnessed"));
    if (was != is)
        diff_say(d, is ? CLI_DIFF_STRICTER : CLI_DIFF_WEAKER, where,
                 is ? "a release leaves only with the witnesses' cosignatures"
                    : "a release leaves without the witnesses' cosignatures");
    demand_promotion(d, where, json_object_get(from, "promotion"),
                     json_object_get(to, "promotion"));
    diff_value(d, where, "environment", json_object_get(from, "environment"),
               json_object_get(to, "environment"));
    demand_keys(d, where, from, to);
}
