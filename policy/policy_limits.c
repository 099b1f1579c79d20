/* The release against those before it, and against the clock. Pure: what came before and what time
 * it is are facts. */
#include "policy/policy_evaluate_priv.h"

#include "schema/core/hm_time.h"

#include <string.h>

static bool set_has(const struct policy_fact_set *s, const struct hm_digest *d)
{
    for (size_t i = 0; i < s->count; i++)
        if (hm_digest_eq(&s->v[i], d))
            return true;
    return false;
}

/* Exactly the release's artifacts, and at least one. */
static bool same_artifacts(const struct policy_facts *f, const struct policy_fact_set *s)
{
    bool same = f->artifact_count > 0 && s->count > 0;
    for (size_t i = 0; same && i < s->count; i++)
        same = policy_is_artifact(f, &s->v[i]);
    for (size_t i = 0; same && i < f->artifact_count; i++)
        same = set_has(s, &f->artifacts[i]);
    return same;
}

static void check_bytes(const struct policy_eval *e)
{
    if (!e->rule->limits.same_bytes)
        return;
    struct policy_said s = policy_finding_new(e->v, "version.bytes");
    const struct policy_facts *f = e->f;
    policy_say(&s.required, "the bytes that ", f->product, " ",
               f->version != NULL ? f->version : "(no version)", " had before, if it was signed",
               NULL);
    if (f->artifact_count == 0) {
        policy_say(&s.found, "no artifact", NULL);
        return;
    }
    for (size_t i = 0; i < f->same_version_count; i++)
        if (!same_artifacts(f, &f->same_version[i])) {
            policy_say(&s.found, "it was signed with other artifacts", NULL);
            return;
        }
    policy_say(&s.found, f->same_version_count > 0 ? "the same" : "not signed before", NULL);
    s.finding->ok = true;
}

static int compare_versions(const uint32_t *a, const uint32_t *b)
{
    for (size_t i = 0; i < 4; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static void check_order(const struct policy_eval *e)
{
    if (!e->rule->limits.no_downgrade)
        return;
    struct policy_said s = policy_finding_new(e->v, "version.order");
    const struct policy_facts *f = e->f;
    uint32_t now[4];
    uint32_t before[4];
    size_t n;
    policy_say(&s.required, "version and rollback floor not below the last release's", NULL);
    if (f->last == NULL) {
        policy_say(&s.found, "no release before", NULL);
        s.finding->ok = true;
        return;
    }
    if (f->version == NULL || hm_version_numbers(f->version, now, &n) != HM_OK) {
        policy_say(&s.found, "no version that begins with numbers", NULL);
        return;
    }
    policy_say(&s.found, f->version, " with floor ", NULL);
    policy_say_number(&s.found, (size_t)f->rollback_floor);
    policy_say(&s.found, " after ", f->last->version, " with floor ", NULL);
    policy_say_number(&s.found, (size_t)f->last->rollback_floor);
    s.finding->ok =
        f->last->version != NULL && hm_version_numbers(f->last->version, before, &n) == HM_OK &&
        compare_versions(now, before) >= 0 && f->rollback_floor >= f->last->rollback_floor;
}

static void check_size(const struct policy_eval *e)
{
    uint64_t max = e->rule->limits.max_size;
    if (max == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "size.max");
    policy_say(&s.required, "at most ", NULL);
    policy_say_count(&s.required, (size_t)max, "byte", "bytes in all artifacts together");
    if (e->f->size == 0)
        policy_say(&s.found, "a size that nobody knows", NULL);
    else
        policy_say_count(&s.found, (size_t)e->f->size, "byte", "bytes");
    s.finding->ok = e->f->size > 0 && e->f->size <= max;
}

bool policy_size_changed(const struct policy_eval *e)
{
    uint64_t percent = e->rule->limits.size_factor_percent;
    const struct policy_facts *f = e->f;
    if (percent == 0 || f->last == NULL)
        return false;
    if (f->size == 0 || f->last->size == 0 || f->size > POLICY_SIZE_MAX ||
        f->last->size > POLICY_SIZE_MAX)
        return true;
    return f->size * 100 > f->last->size * percent || f->last->size * 100 > f->size * percent;
}

static bool is_promoted(const struct policy_eval *e, const struct policy_fact_earlier *r)
{
    const struct policy_promotion *m = &e->rule->promotion;
    const struct policy_principal *who = policy_principal(e->p, r->submitter);
    return r->product != NULL && r->environment != NULL && r->channel != NULL &&
           strcmp(r->product, e->f->product) == 0 && strcmp(r->environment, m->environment) == 0 &&
           (m->channels.count == 0 || policy_names_has(&m->channels, r->channel)) &&
           (m->submitters.count == 0 || (who != NULL && policy_ptrs_has(&m->submitters, who))) &&
           same_artifacts(e->f, &r->artifacts);
}

static bool has_soaked(const struct policy_eval *e, const struct policy_fact_earlier *r)
{
    int64_t soak = e->rule->promotion.soak_s;
    if (e->f->stage == POLICY_AT_SUBMISSION)
        return true;
    return e->f->now_s > 0 && r->signed_s > 0 && e->f->now_s >= r->signed_s &&
           e->f->now_s - r->signed_s >= soak;
}

static void check_promotion(const struct policy_eval *e)
{
    const struct policy_promotion *m = &e->rule->promotion;
    bool promoted = false;
    if (m->environment == NULL)
        return;
    struct policy_said s = policy_finding_new(e->v, "promotion.released");
    policy_say(&s.required, "these very artifacts released in ", m->environment, NULL);
    if (m->soak_s > 0) {
        policy_say(&s.required, ", and since then ", NULL);
        policy_say_count(&s.required, (size_t)m->soak_s, "second", "seconds");
    }
    for (size_t i = 0; i < e->f->earlier_count && !s.finding->ok; i++) {
        promoted = promoted || is_promoted(e, &e->f->earlier[i]);
        s.finding->ok = is_promoted(e, &e->f->earlier[i]) && has_soaked(e, &e->f->earlier[i]);
    }
    policy_say(&s.found,
               s.finding->ok ? "they were"
               : promoted    ? "they were, but not so long ago"
                             : "no such release",
               NULL);
}

void policy_check_history(const struct policy_eval *e)
{
    if (e->f->stage != POLICY_OF_EVIDENCE) {
        check_bytes(e);
        check_order(e);
    }
    check_size(e);
    if (e->f->stage != POLICY_OF_EVIDENCE)
        check_promotion(e);
}

static void check_signatures(const struct policy_eval *e)
{
    const struct policy_limits *l = &e->rule->limits;
    size_t n = 0;
    if (l->signatures == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "signatures.window");
    policy_say(&s.required, "fewer than ", NULL);
    policy_say_count(&s.required, l->signatures, "signature", "signatures");
    if (e->rule->pub.key_count > 1)
        policy_say(&s.required, " by each of its keys in ", NULL);
    else
        policy_say(&s.required, " by key ", e->rule->pub.key->id, " in ", NULL);
    policy_say_count(&s.required, (size_t)l->window_s, "second", "seconds");
    if (e->f->now_s <= 0) {
        policy_say(&s.found, "a time that nobody knows", NULL);
        return;
    }
    for (size_t i = 0; i < e->f->signed_at_count; i++)
        n += e->f->signed_at[i] > e->f->now_s - l->window_s;
    policy_say_number(&s.found, n);
    s.finding->ok = n < l->signatures;
}

#define DAY_S 86400
#define EPOCH_WEEKDAY 3 /* 1970-01-01 was a Thursday; Monday is 0 */

static bool in_window(const struct policy_window *w, int64_t now, int64_t clock)
{
    int64_t day = clock / DAY_S - (clock % DAY_S < 0);
    int64_t second = clock - day * DAY_S;
    int64_t weekday = ((day + EPOCH_WEEKDAY) % 7 + 7) % 7;
    if (w->days == 0)
        return now >= w->from && now < w->to;
    return (w->days >> weekday & 1) != 0 && second >= w->from && second < w->to;
}

static void say_frozen(struct policy_text *t, size_t window, int64_t clock, const char *zone)
{
    char text[HM_TIME_TEXT];
    hm_time_format(clock, text);
    text[sizeof "2026-12-20T00:00" - 1] = '\0';
    policy_say(t, "frozen by window ", NULL);
    policy_say_number(t, window + 1);
    policy_say(t, ": ", text, " in ", zone, NULL);
}

static void check_freeze(const struct policy_eval *e)
{
    const struct policy_freeze *z = &e->rule->freeze;
    if (z->count == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "freeze.window");
    policy_say(&s.required, "a time outside the windows in which nothing is signed", NULL);
    if (e->f->now_s <= 0) {
        policy_say(&s.found, "a time that nobody knows", NULL);
        return;
    }
    int64_t clock = e->f->now_s + policy_zone_offset(&z->zone, e->f->now_s);
    for (size_t i = 0; i < z->count; i++)
        if (in_window(&z->windows[i], e->f->now_s, clock)) {
            say_frozen(&s.found, i, clock, z->zone_name);
            return;
        }
    policy_say(&s.found, "not frozen", NULL);
    s.finding->ok = true;
}

void policy_check_clock(const struct policy_eval *e)
{
    check_signatures(e);
    check_freeze(e);
}

void policy_wants(const struct policy_rule *rule, struct policy_wants *out)
{
    const struct policy_rule_full *r = (const struct policy_rule_full *)rule;
    *out = (struct policy_wants){
        .last = r->limits.size_factor_percent > 0 || r->limits.no_downgrade,
        .same_version = r->limits.same_bytes,
        .earlier = r->promotion.environment,
        .signatures = r->limits.signatures,
        .window_s = r->limits.window_s,
    };
}
