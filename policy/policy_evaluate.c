/* The decision: every check of the rule in the order of docs/formats/policy.md, each with what it
 * required and what it found. Pure and allocation-free. Whatever is missing says no. */
#include "policy/policy_evaluate_priv.h"

#include <string.h>

struct policy_said policy_finding_new(struct policy_verdict *v, const char *check)
{
    struct policy_finding *f = &v->findings[v->finding_count++];
    f->check = check;
    f->ok = false;
    f->required[0] = '\0';
    f->found[0] = '\0';
    return (struct policy_said){f, {f->required, 0, false}, {f->found, 0, false}};
}

static const char *text_or(const char *text, const char *dflt)
{
    return text != NULL && text[0] != '\0' ? text : dflt;
}

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* Which rules there are, and why none of them decides. */
static void say_unmatched(struct policy_text *t, const struct policy_unmatched *why)
{
    const struct policy_rule_full *const *s = why->several;
    policy_say(t, "none", NULL);
    if (why->mixed != NULL)
        policy_say(t, ": some of the hardware, but not all, is that of rule ", why->mixed->pub.id,
                   NULL);
    else if (s[0] != NULL)
        policy_say(t, " alone: ", s[0]->pub.id, " for ", s[0]->pub.environment, " and ",
                   s[1]->pub.id, " for ", s[1]->pub.environment,
                   "; the request has to name its environment", NULL);
}

static void check_match(struct policy_eval *e)
{
    struct policy_said s = policy_finding_new(e->v, "rule.match");
    const struct policy_facts *f = e->f;
    policy_say(&s.required, f->break_glass != NULL ? "a break-glass rule for " : "a rule for ",
               text_or(f->product, "(no product)"), " on channel ",
               text_or(f->channel, "(no channel)"), NULL);
    if (f->environment != NULL)
        policy_say(&s.required, " in ", f->environment, NULL);
    const struct policy_subject subject = policy_facts_subject(f);
    struct policy_unmatched why;
    e->rule = policy_find_rule(e->p, &subject, &why);
    if (e->rule == NULL) {
        say_unmatched(&s.found, &why);
        return;
    }
    policy_say(&s.found, e->rule->pub.id, NULL);
    s.finding->ok = true;
    memcpy(e->v->rule, e->rule->pub.id, strlen(e->rule->pub.id) + 1);
    e->v->matched = &e->rule->pub;
}

/* The rule is only found with a reason; shown, so that nobody overlooks it. */
static void check_break_glass(const struct policy_eval *e)
{
    if (!e->rule->pub.break_glass)
        return;
    struct policy_said s = policy_finding_new(e->v, "break_glass.reason");
    policy_say(&s.required, "a reason to break the glass", NULL);
    policy_say(&s.found, text_or(e->f->break_glass, "none"), NULL);
    s.finding->ok =
        text_or(e->f->break_glass, NULL) != NULL && strlen(e->f->break_glass) <= HM_REASON_MAX;
}

static void check_submitter(const struct policy_eval *e)
{
    struct policy_said s = policy_finding_new(e->v, "submitter.allowed");
    const struct policy_ptrs *allowed = &e->rule->submitters;
    policy_say(&s.required, allowed->count > 1 ? "one of " : "", NULL);
    for (size_t i = 0; i < allowed->count && !s.required.full; i++) {
        const struct policy_principal *a = allowed->v[i];
        policy_say(&s.required, i > 0 ? ", " : "", a->id, NULL);
    }
    const struct policy_principal *who = policy_principal(e->p, e->f->submitter);
    policy_say(&s.found, text_or(e->f->submitter, "nobody: no signature proves a submitter"), NULL);
    if (e->f->submitter != NULL && who == NULL)
        policy_say(&s.found, ", whom the policy does not know", NULL);
    s.finding->ok =
        who != NULL && (who->roles & POLICY_ROLE_SUBMITTER) && policy_ptrs_has(allowed, who);
}

/* The load has seen to it; asked again of who really submitted. */
static void check_duties(const struct policy_eval *e)
{
    if (e->rule->separate == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "duty.separation");
    const struct policy_principal *who = policy_principal(e->p, e->f->submitter);
    policy_say(&s.required, "a submitter without another role that the rule separates", NULL);
    policy_say(&s.found, text_or(e->f->submitter, "nobody"), NULL);
    unsigned others =
        e->rule->separate & POLICY_ROLE_SUBMITTER ? e->rule->separate & ~POLICY_ROLE_SUBMITTER : 0;
    s.finding->ok = who != NULL && (who->roles & others) == 0;
    if (who != NULL && !s.finding->ok)
        policy_say(&s.found, " holds another one", NULL);
}

static const struct policy_signing_key *key_by_id(const struct policy *p,
                                                  const struct hm_digest *id)
{
    const struct policy_digest_at *d = policy_digests_find(&p->release_keys, id);
    return d != NULL ? &p->keys[d->where.i] : NULL;
}

/* Whether the rule's keys are these, each once. The load has seen to the rest; asked again, because
 * a signature hangs on it. */
static bool keys_hold(const struct policy_eval *e, const struct policy_signing_key *const *keys,
                      size_t count)
{
    bool ok = count == e->rule->keys.count;
    for (size_t i = 0; ok && i < count; i++) {
        const struct policy_signing_key *k = keys[i];
        ok = policy_ptrs_has(&e->rule->keys, k) &&
             strcmp(k->pub.environment, e->rule->pub.environment) == 0 &&
             policy_names_has(&k->products, e->f->product) &&
             policy_names_has(&k->channels, e->f->channel);
        for (size_t n = 0; ok && n < i; n++)
            ok = keys[n] != k;
    }
    return ok;
}

static void say_keys(struct policy_text *t, const struct policy_signing_key *const *keys,
                     size_t count, const char *environment)
{
    policy_say(t, count == 1 ? "key " : "keys ", NULL);
    for (size_t i = 0; i < count; i++)
        policy_say(t, i > 0 ? ", " : "", keys[i]->pub.id, NULL);
    policy_say(t, " for ", environment, NULL);
}

static void check_key(const struct policy_eval *e)
{
    struct policy_said s = policy_finding_new(e->v, "key.separation");
    const struct policy_signing_key *own[HM_SIGN_KEYS_MAX] = {NULL};
    const struct policy_signing_key *keys[HM_SIGN_KEYS_MAX] = {NULL};
    size_t own_count = e->rule->keys.count;
    size_t count = e->f->key != NULL ? 1 + e->f->more_keys : own_count;
    for (size_t i = 0; i < own_count; i++)
        own[i] = e->rule->keys.v[i];
    say_keys(&s.required, own, own_count, e->rule->pub.environment);
    policy_say(&s.required, ", ", e->f->product, ", ", e->f->channel, NULL);
    if (count == 0 || count > HM_SIGN_KEYS_MAX) {
        policy_say(&s.found, "no key, or more than any rule has", NULL);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        keys[i] = e->f->key != NULL ? key_by_id(e->p, &e->f->key[i]) : own[i];
        if (keys[i] == NULL) {
            policy_say(&s.found, "a key the policy does not know: ", NULL);
            policy_say_digest(&s.found, &e->f->key[i]);
            return;
        }
    }
    say_keys(&s.found, keys, count, keys[0]->pub.environment);
    s.finding->ok = keys_hold(e, keys, count);
}

bool policy_is_artifact(const struct policy_facts *f, const struct hm_digest *d)
{
    for (size_t i = 0; i < f->artifact_count; i++)
        if (hm_digest_eq(&f->artifacts[i], d))
            return true;
    return false;
}

static bool same_release(const struct policy_facts *f, const struct policy_fact_prior *prior)
{
    return same_text(f->product, prior->product) && same_text(f->version, prior->version);
}

static void check_fresh(const struct policy_eval *e)
{
    struct policy_said s = policy_finding_new(e->v, "artifact.fresh");
    const struct policy_facts *f = e->f;
    size_t before = 0;
    policy_say(&s.required, "artifacts never signed as anything but ", f->product, " ",
               text_or(f->version, "(no version)"), NULL);
    if (f->artifact_count == 0 || text_or(f->version, NULL) == NULL) {
        policy_say(&s.found, f->artifact_count == 0 ? "no artifact" : "no version", NULL);
        return;
    }
    for (size_t i = 0; i < f->prior_count; i++) {
        const struct policy_fact_prior *prior = &f->prior[i];
        if (!policy_is_artifact(f, &prior->artifact))
            continue;
        before++;
        if (same_release(f, prior))
            continue;
        policy_say_digest(&s.found, &prior->artifact);
        policy_say(&s.found, " was signed as ", text_or(prior->product, "(no product)"), " ",
                   text_or(prior->version, "(no version)"), NULL);
        return;
    }
    policy_say(&s.found, before > 0 ? "signed before as the same" : "not signed before", NULL);
    s.finding->ok = true;
}

static bool all_ok(const struct policy_verdict *v)
{
    for (size_t i = 0; i < v->finding_count; i++)
        if (!v->findings[i].ok)
            return false;
    return v->finding_count > 0;
}

#define FINDINGS_AT_SUBMISSION 6
#define FINDINGS_AT_SIGNING 7

void policy_evaluate(const struct policy *p, const struct policy_facts *f,
                     struct policy_verdict *out)
{
    struct policy_eval e = {p, f, out, NULL};
    memset(out, 0, sizeof *out);
    out->policy = p->digest;
    check_match(&e);
    if (e.rule == NULL)
        return;
    check_break_glass(&e);
    check_submitter(&e);
    check_duties(&e);
    check_key(&e);
    policy_check_provenance(&e);
    policy_check_attestations(&e);
    check_fresh(&e);
    policy_check_history(&e);
    size_t expected = FINDINGS_AT_SUBMISSION;
    /* Any stage that is not plainly of a submission asks everything. */
    if (f->stage != POLICY_AT_SUBMISSION && f->stage != POLICY_OF_EVIDENCE) {
        policy_check_approvals(&e);
        policy_check_clock(&e);
        expected = FINDINGS_AT_SIGNING;
    }
    out->allow = out->finding_count >= expected && all_ok(out);
}
