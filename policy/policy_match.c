/* Which rule decides: the most specific one that covers product, channel and hardware, in the
 * environment that the request names. A release whose hardware belongs only in part to a specific
 * rule has none, or it could slip out of that rule by naming one more model; nor has one that names
 * no environment where that is all that tells two rules apart. Pure. */
#include "policy/policy_read_priv.h"
#include "policy/policy_verdict.h"

#include "schema/core/hm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HARDWARE_TEXT (2 * HM_NAME_MAX + 2) /* "model/revision" */

bool policy_hardware_ok(const char *text)
{
    char part[HM_NAME_MAX + 2];
    const char *slash = strchr(text, '/');
    if (slash == NULL)
        return hm_name_ok(text);
    if (slash - text > HM_NAME_MAX)
        return false;
    (void)snprintf(part, sizeof part, "%.*s", (int)(slash - text), text);
    return hm_name_ok(part) && hm_name_ok(slash + 1);
}

enum hm_err policy_split_hardware(struct policy *p, struct policy_rule_full *r, struct hm_why *why)
{
    size_t n = r->hardware.count;
    r->models.v = policy_alloc(&p->arena, n, sizeof r->models.v[0]);
    r->revisions.v = policy_alloc(&p->arena, n, sizeof r->revisions.v[0]);
    if (r->models.v == NULL || r->revisions.v == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < n; i++) {
        const struct policy_name_at *h = &r->hardware.v[i];
        char *model = policy_dup(&p->arena, h->text);
        char *slash = model != NULL ? strchr(model, '/') : NULL;
        if (model == NULL)
            return policy_no_memory(why);
        if (slash != NULL) {
            *slash = '\0';
            r->revisions.v[r->revisions.count++] = (struct policy_name_at){slash + 1, h->nth};
        }
        r->models.v[r->models.count++] = (struct policy_name_at){model, h->nth};
    }
    return HM_OK;
}

static bool covers(const struct policy_rule_full *r, const struct hm_hardware *h)
{
    char text[HARDWARE_TEXT];
    if (policy_names_has(&r->hardware, h->model))
        return true;
    (void)snprintf(text, sizeof text, "%s/%s", h->model, h->revision);
    return policy_names_has(&r->hardware, text);
}

static size_t covered(const struct policy_rule_full *r, const struct policy_subject *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->hardware_count; i++)
        n += covers(r, &s->hardware[i]);
    return n;
}

int policy_pair_compare(const struct policy_pair *a, const struct policy_pair *b)
{
    int c = strcmp(a->product, b->product);
    if (c == 0)
        c = strcmp(a->channel, b->channel);
    return c != 0 ? c : (int)a->break_glass - (int)b->break_glass;
}

static size_t first_pair(const struct policy *p, const struct policy_pair *want)
{
    size_t lo = 0;
    size_t hi = p->pair_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (policy_pair_compare(&p->pairs[mid], want) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* How much of the release's hardware a rule is for. One without `hardware` is for all. */
enum coverage { COVERS_NOTHING = 0, COVERS_SOME, COVERS_ALL };

static enum coverage coverage(const struct policy_rule_full *r, const struct policy_subject *s)
{
    if (r->hardware.count == 0)
        return COVERS_ALL;
    size_t n = covered(r, s);
    return n == 0 ? COVERS_NOTHING : n < s->hardware_count ? COVERS_SOME : COVERS_ALL;
}

static bool in_environment(const struct policy_rule_full *r, const struct policy_subject *s)
{
    return s->environment == NULL || strcmp(r->pub.environment, s->environment) == 0;
}

/* Among the equally specific rules from *i on, behind which *i is left: the one that decides, or
 * NULL. *stop: no less specific one may decide either. */
static const struct policy_rule_full *find_equal(const struct policy *p,
                                                 const struct policy_subject *s, size_t *i,
                                                 struct policy_unmatched *why, bool *stop)
{
    const struct policy_pair *first = &p->pairs[*i];
    const struct policy_rule_full *found = NULL;
    for (; *i < p->pair_count && policy_pair_compare(&p->pairs[*i], first) == 0 &&
           p->pairs[*i].specificity == first->specificity;
         ++*i) {
        const struct policy_rule_full *r = &p->rules[p->pairs[*i].rule];
        enum coverage c = in_environment(r, s) ? coverage(r, s) : COVERS_NOTHING;
        *stop = *stop || c == COVERS_SOME || (c == COVERS_ALL && found != NULL);
        if (c == COVERS_SOME && why->mixed == NULL)
            why->mixed = r;
        if (c == COVERS_ALL && found != NULL && why->several[1] == NULL)
            memcpy(why->several, (const void *[2]){found, r}, sizeof why->several);
        if (c == COVERS_ALL && found == NULL)
            found = r;
    }
    return *stop ? NULL : found;
}

const struct policy_rule_full *policy_find_rule(const struct policy *p,
                                                const struct policy_subject *s,
                                                struct policy_unmatched *why)
{
    const struct policy_rule_full *found = NULL;
    bool stop = false;
    *why = (struct policy_unmatched){NULL, {NULL, NULL}};
    if (s->product == NULL || s->channel == NULL)
        return NULL;
    const struct policy_pair want = {s->product, s->channel, s->break_glass, 0, 0};
    size_t i = first_pair(p, &want);
    while (!stop && found == NULL && i < p->pair_count &&
           policy_pair_compare(&p->pairs[i], &want) == 0)
        found = find_equal(p, s, &i, why, &stop);
    return found;
}

const struct policy_rule *policy_match(const struct policy *p, const struct policy_subject *s)
{
    struct policy_unmatched why;
    const struct policy_rule_full *r = policy_find_rule(p, s, &why);
    return r != NULL ? &r->pub : NULL;
}

struct policy_subject policy_facts_subject(const struct policy_facts *f)
{
    return (struct policy_subject){
        .product = f->product,
        .channel = f->channel,
        .environment = f->environment,
        .hardware = f->hardware,
        .hardware_count = f->hardware_count,
        .break_glass = f->break_glass != NULL,
    };
}

bool policy_names_meet(const struct policy_names *a, const struct policy_names *b)
{
    size_t i = 0;
    size_t j = 0;
    while (i < a->count && j < b->count) {
        int c = strcmp(a->v[i].text, b->v[j].text);
        if (c == 0)
            return true;
        if (c < 0)
            i++;
        else
            j++;
    }
    return false;
}

/* Whether b holds, as a whole model, something that a names by model and revision. */
static bool model_meets(const struct policy_names *a, const struct policy_names *b)
{
    char model[HM_NAME_MAX + 1];
    for (size_t i = 0; i < a->count; i++) {
        const char *slash = strchr(a->v[i].text, '/');
        if (slash == NULL)
            continue;
        (void)snprintf(model, sizeof model, "%.*s", (int)(slash - a->v[i].text), a->v[i].text);
        if (policy_names_has(b, model))
            return true;
    }
    return false;
}

bool policy_hardware_meets(const struct policy_rule_full *a, const struct policy_rule_full *b)
{
    if (a->hardware.count == 0 || b->hardware.count == 0)
        return true;
    return policy_names_meet(&a->hardware, &b->hardware) ||
           model_meets(&a->hardware, &b->hardware) || model_meets(&b->hardware, &a->hardware);
}

bool policy_rules_meet(const struct policy_rule_full *a, const struct policy_rule_full *b)
{
    return strcmp(a->pub.environment, b->pub.environment) == 0 &&
           policy_names_meet(&a->products, &b->products) &&
           policy_names_meet(&a->channels, &b->channels) && policy_hardware_meets(a, b);
}

static int pair_compare(const void *pa, const void *pb)
{
    const struct policy_pair *a = pa;
    const struct policy_pair *b = pb;
    int c = policy_pair_compare(a, b);
    if (c != 0)
        return c;
    if (a->specificity != b->specificity)
        return a->specificity > b->specificity ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static void add_pairs(struct policy *p, size_t rule)
{
    const struct policy_rule_full *r = &p->rules[rule];
    for (size_t a = 0; a < r->products.count; a++)
        for (size_t b = 0; b < r->channels.count; b++)
            p->pairs[p->pair_count++] =
                (struct policy_pair){r->products.v[a].text, r->channels.v[b].text,
                                     r->pub.break_glass, r->specificity, rule};
}

static const char *first_common(const struct policy_names *a, const struct policy_names *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (policy_names_has(b, a->v[i].text))
            return a->v[i].text;
    return NULL;
}

/* Two rules that one release could match equally well. */
static enum hm_err apart(const struct policy *p, size_t i, size_t j, struct hm_why *why)
{
    const struct policy_rule_full *a = &p->rules[i];
    const struct policy_rule_full *b = &p->rules[j];
    if (a->pub.break_glass != b->pub.break_glass || a->specificity != b->specificity ||
        !policy_rules_meet(a, b))
        return HM_OK;
    return hm_fail(
        why, HM_E_MALFORMED,
        "$.rules[%zu]: $.rules[%zu] is also for product \"%s\" on channel \"%s\"%s; expected one "
        "rule for each",
        j, i, first_common(&a->products, &b->products), first_common(&a->channels, &b->channels),
        a->hardware.count > 0 ? " and the same hardware" : "");
}

enum hm_err policy_index_rules(struct policy *p, struct hm_why *why)
{
    size_t n = 0;
    for (size_t i = 0; i < p->rule_count; i++)
        n += p->rules[i].products.count * p->rules[i].channels.count;
    if (n > POLICY_PAIRS_MAX)
        return hm_fail(why, HM_E_LIMIT,
                       "$.rules: %zu product and channel pairs; expected at most %d", n,
                       POLICY_PAIRS_MAX);
    p->pairs = policy_alloc(&p->arena, n, sizeof p->pairs[0]);
    if (p->pairs == NULL)
        return policy_no_memory(why);
    for (size_t i = 0; i < p->rule_count; i++)
        add_pairs(p, i);
    qsort(p->pairs, n, sizeof p->pairs[0], pair_compare);
    for (size_t j = 1; j < p->rule_count; j++)
        for (size_t i = 0; i < j; i++) {
            enum hm_err err = apart(p, i, j, why);
            if (err != HM_OK)
                return err;
        }
    return HM_OK;
}
