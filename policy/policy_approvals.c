/* Approvals: who gave one that counts, and how many stages stand with them. Each stage is met by
 * the shortest run of approvals that suffices; the next one counts only what was recorded after
 * that. Of several by one person one counts, whichever brings the stages furthest: so no approval
 * is in the way of another. Pure. */
#include "policy/policy_evaluate_priv.h"

#include <string.h>

/* An approval that may count. */
struct given {
    const struct policy_principal *who;
    uint64_t record;
    size_t person; /* the how manieth person this is, from 0 */
};

struct tally {
    struct given given[HM_APPROVALS_MAX]; /* in order of record */
    size_t given_count;
    size_t each[HM_APPROVALS_MAX]; /* how many approvals a person gave */
    size_t pick[HM_APPROVALS_MAX]; /* which of them counts, from 0 */
    size_t count;                  /* people, and so approvals that count: */
    const struct policy_principal *people[HM_APPROVALS_MAX]; /* in order of record */
    uint64_t record[HM_APPROVALS_MAX];
    bool submitter_left_out;
    size_t extra;  /* more people that the last stage asks for */
    size_t stages; /* that stand */
    bool stands;   /* all of them */
    char left_out_text[POLICY_TEXT_MAX];
    struct policy_text left_out;
};

static bool same_text(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void leave_out(struct tally *t, const char *who, const char *reason)
{
    policy_say(&t->left_out, t->left_out.len == 0 ? "" : ", ",
               who != NULL && who[0] != '\0' ? who : "(nobody)", " (", reason, ")", NULL);
}

static size_t number_of(const struct tally *t, const struct policy_principal *who)
{
    for (size_t i = 0; i < t->given_count; i++)
        if (t->given[i].who == who)
            return t->given[i].person;
    return t->count;
}

/* A key has one holder (policy_lint.c), so that distinct people are distinct keys too. No release
 * gets more than HM_APPROVALS_MAX approvals; which is also what bounds the choices below. */
static void give(struct tally *t, const struct policy_principal *who, uint64_t record)
{
    size_t person = number_of(t, who);
    for (size_t i = 0; i < t->given_count; i++)
        if (t->given[i].who == who && t->given[i].record == record)
            return;
    if (t->given_count == HM_APPROVALS_MAX)
        return;
    t->given[t->given_count++] = (struct given){who, record, person};
    t->each[person]++;
    t->count += person == t->count;
}

static void take(const struct policy_eval *e, const struct policy_fact_approval *a, struct tally *t)
{
    const struct policy_principal *who = policy_principal(e->p, a->principal);
    const struct hm_key *key = policy_approval_key(e->p, a->principal, &a->key);
    if (who == NULL || key == NULL) {
        leave_out(t, a->principal, "not by a key of theirs");
        return;
    }
    if (same_text(who->id, e->f->submitter)) {
        if (!t->submitter_left_out)
            leave_out(t, who->id, "the submitter");
        t->submitter_left_out = true;
        return;
    }
    if (!(who->roles & POLICY_ROLE_APPROVER) ||
        !policy_rule_asks(&e->rule->pub, POLICY_ANY_STAGE, who)) {
        leave_out(t, who->id, "not in the group");
        return;
    }
    if (key->verify_user ? !a->user_verified : e->rule->pub.user_verification) {
        leave_out(t, who->id,
                  key->verify_user ? "the token did not verify its user"
                                   : "by a key that does not verify its user");
        return;
    }
    give(t, who, a->record);
}

/* In order of record; equal ones as they come. Nearly always they are in order already. */
static void take_all(const struct policy_eval *e, struct tally *t)
{
    const struct policy_facts *f = e->f;
    uint64_t next = 0;
    for (bool more = f->approval_count > 0; more;) {
        uint64_t now = next;
        more = false;
        for (size_t i = 0; i < f->approval_count; i++) {
            if (f->approvals[i].record == now)
                take(e, &f->approvals[i], t);
            if (f->approvals[i].record > now && (!more || f->approvals[i].record < next)) {
                next = f->approvals[i].record;
                more = true;
            }
        }
    }
}

static bool met_shared(const struct policy_stage_of *s, size_t extra, const uint64_t *may, size_t n)
{
    for (size_t k = 0; k < s->count; k++) {
        size_t have = 0;
        for (size_t i = 0; i < n; i++)
            have += may[i] >> k & 1;
        if (have < s->v[k].count + (k == 0 ? extra : 0))
            return false;
    }
    return true;
}

/* How many people from `begin` on it takes until the stage stands; 0: it does not. */
static size_t stage_length(const struct policy_quorum_rule *q, const struct policy_stage_of *s,
                           const struct tally *t, size_t begin)
{
    uint64_t may[HM_APPROVALS_MAX] = {0};
    size_t extra = s == &q->stages[q->stage_count - 1] ? t->extra : 0;
    struct policy_places places = {.count = 0};
    size_t n = t->count - begin;
    for (size_t k = 0; k < s->count; k++) {
        policy_places_add(&places, k, s->v[k].count + (k == 0 ? extra : 0));
        for (size_t i = 0; i < n; i++)
            if (policy_ptrs_has(&s->v[k].group->members, t->people[begin + i]))
                may[i] |= (uint64_t)1 << k;
    }
    for (size_t len = 1; len <= n; len++)
        if (q->shared ? met_shared(s, extra, may, len) : policy_assign(&places, may, len))
            return len;
    return 0;
}

static void walk_stages(const struct policy_quorum_rule *q, struct tally *t)
{
    size_t begin = 0;
    t->stands = false;
    for (t->stages = 0; t->stages < q->stage_count; t->stages++) {
        size_t len = stage_length(q, &q->stages[t->stages], t, begin);
        if (len == 0)
            return;
        uint64_t stood = t->record[begin + len - 1];
        for (begin += len; begin < t->count && t->record[begin] <= stood;)
            begin++;
    }
    t->stands = q->stage_count > 0;
}

/* With the approvals that are picked. */
static void walk_picked(const struct policy_quorum_rule *q, struct tally *t)
{
    size_t before[HM_APPROVALS_MAX] = {0}; /* of a person */
    size_t n = 0;
    for (size_t i = 0; i < t->given_count; i++) {
        const struct given *g = &t->given[i];
        if (before[g->person]++ != t->pick[g->person])
            continue;
        t->people[n] = g->who;
        t->record[n++] = g->record;
    }
    walk_stages(q, t);
}

/* Counts the picks up like the digits of a number; false behind the last. */
static bool pick_next(struct tally *t)
{
    for (size_t i = 0; i < t->count; i++) {
        if (++t->pick[i] < t->each[i])
            return true;
        t->pick[i] = 0;
    }
    return false;
}

/* Everybody's first approvals, unless others bring the stages further. Where there is one stage,
 * time plays no part. HM_APPROVALS_MAX approvals leave some 100000 choices at most; those of a
 * release, one by each person, leave one. */
static void walk_best(const struct policy_quorum_rule *q, struct tally *t)
{
    size_t best[HM_APPROVALS_MAX] = {0};
    size_t stages = 0;
    bool more = true;
    while (more) {
        walk_picked(q, t);
        if (t->stages > stages) {
            stages = t->stages;
            memcpy(best, t->pick, sizeof best);
        }
        more = !t->stands && q->stage_count > 1 && pick_next(t);
    }
    memcpy(t->pick, best, sizeof best);
    walk_picked(q, t);
}

static void tally(const struct policy_eval *e, struct tally *t)
{
    memset(t, 0, sizeof *t);
    t->left_out.out = t->left_out_text;
    t->extra = policy_size_changed(e);
    take_all(e, t);
    walk_best(&e->rule->quorum, t);
}

static void say_stage(struct policy_text *out, const struct policy_stage_of *s, bool alone)
{
    for (size_t k = 0; k < s->count; k++) {
        const struct policy_requirement *r = &s->v[k];
        policy_say(out, k == 0 ? "" : " and ", NULL);
        policy_say_count(out, r->count, "person", alone ? "distinct people" : "people");
        policy_say(out, " of ", r->group->id, NULL);
    }
}

static void say_required(struct policy_text *out, const struct policy_rule_full *r)
{
    const struct policy_quorum_rule *q = &r->quorum;
    bool alone = q->stage_count == 1 && q->stages[0].count == 1;
    for (size_t i = 0; i < q->stage_count && !out->full; i++) {
        policy_say(out, i == 0 ? "" : ", then ", NULL);
        say_stage(out, &q->stages[i], alone);
    }
    if (!alone)
        policy_say(out,
                   q->shared ? " (one person may count for several groups)" : " (all distinct)",
                   NULL);
    if (r->pub.user_verification)
        policy_say(out, ", each by a key that verifies its user", NULL);
}

static void say_people(struct policy_text *out, const struct tally *t, size_t stages)
{
    policy_say_number(out, t->count);
    policy_say(out, t->count == 0 ? ": nobody" : ": ", NULL);
    for (size_t i = 0; i < t->count && !out->full; i++)
        policy_say(out, i > 0 ? ", " : "", t->people[i]->id, NULL);
    if (stages > 1 && !t->stands) {
        policy_say(out, "; stage ", NULL);
        policy_say_number(out, t->stages + 1);
        policy_say(out, " does not stand", NULL);
    }
    if (t->left_out.len > 0)
        policy_say(out, "; left out: ", t->left_out.out, NULL);
}

static void check_veto(const struct policy_eval *e)
{
    if (e->rule->quorum.veto.count == 0)
        return;
    struct policy_said s = policy_finding_new(e->v, "approvals.veto");
    policy_say(&s.required, "no rejection by an approver or by a group that may veto", NULL);
    for (size_t i = 0; i < e->f->veto_count; i++) {
        const struct policy_principal *who = policy_principal(e->p, e->f->vetoes[i]);
        if (who == NULL || !policy_rule_may_reject(&e->rule->pub, who))
            continue;
        policy_say(&s.found, who->id, " rejected this release", NULL);
        return;
    }
    policy_say(&s.found, "none", NULL);
    s.finding->ok = true;
}

void policy_check_approvals(const struct policy_eval *e)
{
    struct policy_said s = policy_finding_new(e->v, "approvals.count");
    if (e->rule->quorum.stage_count == 0) {
        policy_say(&s.required, "no approvals (", e->rule->pub.environment, ")", NULL);
        policy_say(&s.found, "none needed", NULL);
        s.finding->ok = strcmp(e->rule->pub.environment, "development") == 0;
        return;
    }
    struct tally t;
    tally(e, &t);
    say_required(&s.required, e->rule);
    if (t.extra > 0)
        policy_say(&s.required, ", and 1 more, since the size differs from the last release's",
                   NULL);
    say_people(&s.found, &t, e->rule->quorum.stage_count);
    s.finding->ok = t.stands;
    e->v->approvals_counted = t.count;
    check_veto(e);
    if (!t.submitter_left_out)
        return;
    struct policy_said own = policy_finding_new(e->v, "approvals.submitter");
    policy_say(&own.required, "approvals by others than the submitter", NULL);
    policy_say(&own.found, e->f->submitter,
               " submitted this release, so that approval does not count", NULL);
    own.finding->ok = t.stands;
}

void policy_quorum(const struct policy *p, const struct policy_rule *rule,
                   const struct policy_facts *f, struct policy_quorum *out)
{
    struct tally t;
    const struct policy_eval e = {p, f, NULL, (const struct policy_rule_full *)rule};
    tally(&e, &t);
    out->stands =
        t.stands || (rule->approvals == 0 && strcmp(rule->environment, "development") == 0);
    out->stage = t.stages;
    out->people = t.count;
}

void policy_quorum_text(const struct policy_rule *r, char out[static POLICY_TEXT_MAX])
{
    const struct policy_rule_full *full = (const struct policy_rule_full *)r;
    struct policy_text t = {out, 0, false};
    out[0] = '\0';
    if (full->quorum.stage_count == 0)
        policy_say(&t, "none", NULL);
    else
        say_required(&t, full);
}
