/* Provenance: one statement must hold everything at once: the builder's key, the builder's id, its
 * product, its repositories, and exactly the release's artifacts. Halves of two statements never
 * add up. */
#include "policy/policy_evaluate_priv.h"

#include <string.h>

/* Why a statement is not by a builder of the rule; detail is borrowed. */
struct doubt {
    const char *reason; /* NULL: none */
    const char *detail;
};

static const struct policy_builder *builder_of(const struct policy_eval *e, const struct hm_key *k)
{
    const struct policy_key_ref *r = policy_find_key(e->p, k);
    if (r == NULL || r->role != POLICY_KEY_BUILD)
        return NULL;
    const struct policy_builder *b = &e->p->builders[r->where.i];
    return policy_ptrs_has(&e->rule->provenance.builders, b) ? b : NULL;
}

/* Every source that was built from, so that a trusted one cannot stand in front of a foreign one.
 */
static struct doubt doubt_sources(const struct policy_builder *b, const struct hm_provenance *s)
{
    if (s->source_count == 0)
        return (struct doubt){"it names no source repository", ""};
    for (size_t i = 0; i < s->source_count; i++)
        if (!policy_names_has(&b->repositories, s->sources[i].repository))
            return (struct doubt){"not a repository of that builder: ", s->sources[i].repository};
    return (struct doubt){0};
}

static bool ref_wanted(const struct policy_names *refs, const char *ref)
{
    for (size_t i = 0; i < refs->count; i++)
        if (policy_ref_matches(refs->v[i].text, ref))
            return true;
    return refs->count == 0;
}

static bool is_marked(const struct hm_provenance *s, const struct hm_digest *mark)
{
    for (size_t i = 0; i < s->mark_count; i++)
        if (hm_digest_eq(&s->marks[i], mark))
            return true;
    return false;
}

#define CLOCK_AHEAD_S 300 /* a builder's clock may be that far ahead of ours */

static bool young_enough(const struct policy_eval *e, const struct hm_provenance *s)
{
    int64_t max = e->rule->provenance.max_age_s;
    int64_t at = e->f->submitted_s;
    return max == 0 || (s->finished_s > 0 && at > 0 && s->finished_s <= at + CLOCK_AHEAD_S &&
                        at - s->finished_s <= max);
}

/* What the rule asks beyond who built what. */
static struct doubt doubt_details(const struct policy_eval *e, const struct policy_builder *b,
                                  const struct hm_provenance *s)
{
    const struct policy_provenance_rule *r = &e->rule->provenance;
    if (b->level < r->level)
        return (struct doubt){"the policy grants too low a build level to ", b->id};
    for (size_t i = 0; i < s->source_count; i++)
        if (!ref_wanted(&r->refs, s->sources[i].ref))
            return (struct doubt){"not a ref that the rule takes: ",
                                  s->sources[i].ref[0] != '\0' ? s->sources[i].ref : "(none)"};
    for (size_t i = 0; i < r->mark_count; i++)
        if (!is_marked(s, &r->marks[i].digest))
            return (struct doubt){"it does not say what the rule asks about ", r->marks[i].text};
    if (!young_enough(e, s))
        return (struct doubt){s->finished_s > 0 ? "the build is too old, or of the future"
                                                : "it does not say when the build finished",
                              ""};
    return (struct doubt){0};
}

static struct doubt doubt_statement(const struct policy_eval *e,
                                    const struct policy_fact_provenance *f)
{
    const struct policy_builder *b = builder_of(e, &f->key);
    if (f->statement == NULL)
        return (struct doubt){"a statement that was not verified", ""};
    if (b == NULL)
        return (struct doubt){"not signed by a builder of the rule; it claims to be from ",
                              f->statement->builder};
    if (strcmp(b->id, f->statement->builder) != 0)
        return (struct doubt){"signed by one builder in the name of another: ",
                              f->statement->builder};
    if (!policy_names_has(&b->products, e->f->product))
        return (struct doubt){"that builder is not bound to this product: ", b->id};
    struct doubt d = doubt_sources(b, f->statement);
    return d.reason == NULL ? doubt_details(e, b, f->statement) : d;
}

static bool subjects_have(const struct hm_provenance *s, const struct hm_digest *d)
{
    for (size_t i = 0; i < s->subject_count; i++)
        if (hm_digest_eq(&s->subjects[i], d))
            return true;
    return false;
}

/* The first digest in which the two sets differ, NULL if they are equal. */
static const struct hm_digest *set_difference(const struct policy_facts *f,
                                              const struct hm_provenance *s, bool *is_artifact)
{
    *is_artifact = true;
    for (size_t i = 0; i < f->artifact_count; i++)
        if (!subjects_have(s, &f->artifacts[i]))
            return &f->artifacts[i];
    *is_artifact = false;
    for (size_t i = 0; i < s->subject_count; i++)
        if (!policy_is_artifact(f, &s->subjects[i]))
            return &s->subjects[i];
    return NULL;
}

static bool subjects_exact(const struct policy_facts *f, const struct hm_provenance *s)
{
    bool is_artifact = false;
    return f->artifact_count > 0 && set_difference(f, s, &is_artifact) == NULL;
}

struct choice {
    const struct policy_fact_provenance *trusted; /* the first by a builder of the rule */
    const struct policy_fact_provenance *exact; /* the first of those about exactly the artifacts */
    struct doubt doubt;                         /* about the first statement */
};

static struct choice choose(const struct policy_eval *e)
{
    struct choice c = {0};
    for (size_t i = 0; i < e->f->provenance_count && c.exact == NULL; i++) {
        const struct policy_fact_provenance *f = &e->f->provenance[i];
        struct doubt d = doubt_statement(e, f);
        if (i == 0)
            c.doubt = d;
        if (d.reason != NULL)
            continue;
        if (c.trusted == NULL)
            c.trusted = f;
        if (subjects_exact(e->f, f->statement))
            c.exact = f;
    }
    return c;
}

static void find_builder(const struct policy_eval *e, const struct choice *c)
{
    struct policy_said s = policy_finding_new(e->v, "provenance.builder");
    const struct policy_ptrs *builders = &e->rule->provenance.builders;
    policy_say(&s.required, "provenance for ", e->f->product, " signed by ",
               builders->count > 1 ? "one of " : "", NULL);
    for (size_t i = 0; i < builders->count && !s.required.full; i++) {
        const struct policy_builder *b = builders->v[i];
        policy_say(&s.required, i > 0 ? ", " : "", b->id, NULL);
    }
    if (c->trusted != NULL) {
        const struct hm_provenance *st = c->trusted->statement;
        policy_say(&s.found, st->builder, " built ", st->sources[0].repository, NULL);
        s.finding->ok = true;
    } else if (e->f->provenance_count == 0) {
        policy_say(&s.found, "no provenance", NULL);
    } else {
        if (e->f->provenance_count > 1) {
            policy_say_number(&s.found, e->f->provenance_count);
            policy_say(&s.found, " statements; the first: ", NULL);
        }
        policy_say(&s.found, c->doubt.reason, c->doubt.detail, NULL);
    }
}

static void find_subjects(const struct policy_eval *e, const struct choice *c)
{
    struct policy_said s = policy_finding_new(e->v, "provenance.subjects");
    policy_say(&s.required, "subjects that are exactly ", NULL);
    policy_say_count(&s.required, e->f->artifact_count, "artifact", "artifacts");
    if (c->trusted == NULL) {
        policy_say(&s.found, "no provenance by a builder of the rule", NULL);
        return;
    }
    if (c->exact != NULL) {
        policy_say(&s.found, "the same ", NULL);
        policy_say_count(&s.found, e->f->artifact_count, "digest", "digests");
        s.finding->ok = true;
        return;
    }
    bool is_artifact = false;
    const struct hm_digest *d = set_difference(e->f, c->trusted->statement, &is_artifact);
    if (d == NULL) {
        policy_say(&s.found, "no artifact", NULL);
        return;
    }
    policy_say_digest(&s.found, d);
    policy_say(&s.found,
               is_artifact ? ", an artifact, is no subject"
                           : ", a subject, is no artifact of this release",
               NULL);
}

/* "none": only development rules say so. */
static void find_not_needed(const struct policy_eval *e, const char *check)
{
    struct policy_said s = policy_finding_new(e->v, check);
    policy_say(&s.required, "no provenance (", e->rule->pub.environment, ")", NULL);
    policy_say(&s.found, "none needed", NULL);
    s.finding->ok = strcmp(e->rule->pub.environment, "development") == 0;
}

/* How many different builders of the rule have built exactly these artifacts. */
static size_t agreeing(const struct policy_eval *e)
{
    const struct policy_builder *seen[HM_ATTESTATIONS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < e->f->provenance_count && n < HM_ATTESTATIONS_MAX; i++) {
        const struct policy_fact_provenance *f = &e->f->provenance[i];
        if (doubt_statement(e, f).reason != NULL || !subjects_exact(e->f, f->statement))
            continue;
        const struct policy_builder *b = builder_of(e, &f->key);
        bool again = false;
        for (size_t k = 0; k < n; k++)
            again = again || seen[k] == b;
        if (!again)
            seen[n++] = b;
    }
    return n;
}

static void find_independent(const struct policy_eval *e)
{
    size_t need = e->rule->provenance.independent;
    if (need == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "provenance.independent");
    size_t n = agreeing(e);
    policy_say(&s.required, "the same artifacts from ", NULL);
    policy_say_count(&s.required, need, "builder", "independent builders");
    policy_say_count(&s.found, n, "builder", "builders");
    s.finding->ok = n >= need;
}

void policy_check_provenance(const struct policy_eval *e)
{
    if (!e->rule->pub.provenance) {
        find_not_needed(e, "provenance.builder");
        find_not_needed(e, "provenance.subjects");
        return;
    }
    struct choice c = choose(e);
    if (c.exact != NULL)
        c.trusted = c.exact;
    find_builder(e, &c);
    find_subjects(e, &c);
    find_independent(e);
    if (c.exact == NULL)
        return;
    e->v->source = &c.exact->statement->sources[0];
    e->v->builder = c.exact->statement->builder;
}
