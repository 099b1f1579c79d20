/* Which records are part of the story. They come in order, so that a release is known before what
 * happens to it, and an intention before its result. */
#include "client/cli_about.h"

#include "client/cli_grow.h"

#include <string.h>

static bool in_set(const struct cli_about_set *s, uint64_t v)
{
    size_t lo = 0;
    size_t hi = s->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid] == v)
            return true;
        if (s->v[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static enum hm_err add(struct cli_about_set *s, uint64_t v, struct hm_why *why)
{
    if (cli_grow((void *)&s->v, s->count, &s->cap, sizeof *s->v, why) != HM_OK)
        return HM_E_MEMORY;
    s->v[s->count++] = v;
    return HM_OK;
}

static enum hm_err takes_artifact(struct cli_about *a, const struct hm_record *r, bool *takes,
                                  struct hm_why *why)
{
    const struct cli_filter f = {.has_artifact = true, .artifact = a->digest};
    bool names = cli_filter_fits(&f, r);
    *takes = names || (r->has_release && in_set(&a->follow, r->release));
    return names && r->event == HM_EV_RELEASE_SUBMITTED ? add(&a->follow, r->idx, why) : HM_OK;
}

static enum hm_err takes_key(struct cli_about *a, const struct hm_record *r, bool *takes,
                             struct hm_why *why)
{
    const struct cli_filter f = {.has_key = true, .key = a->digest};
    bool names = cli_filter_fits(&f, r);
    *takes = names || (r->has_intent && in_set(&a->follow, r->intent));
    return names && r->event == HM_EV_SIGN_INTENDED ? add(&a->follow, r->idx, why) : HM_OK;
}

enum hm_err cli_about_takes(struct cli_about *a, const struct hm_record *r, bool *takes,
                            struct hm_why *why)
{
    switch (a->kind) {
    case CLI_ABOUT_ARTIFACT:
        return takes_artifact(a, r, takes, why);
    case CLI_ABOUT_KEY:
        return takes_key(a, r, takes, why);
    case CLI_ABOUT_PERSON:
        *takes = strcmp(r->actor, a->name) == 0;
        return HM_OK;
    case CLI_ABOUT_RELEASE:
        *takes = (r->has_release && r->release == a->release) ||
                 (r->idx == a->release && r->event == HM_EV_RELEASE_REFUSED);
        return HM_OK;
    case CLI_ABOUT_PRODUCT:
        break;
    }
    *takes = strcmp(r->product, a->name) == 0;
    return HM_OK;
}

bool cli_about_is_paper(const struct cli_about *a, const struct hm_record *r)
{
    if (a->kind != CLI_ABOUT_KEY && a->kind != CLI_ABOUT_PERSON)
        return false;
    return r->event == HM_EV_LOG_CREATED || r->event == HM_EV_POLICY_ACTIVATED ||
           r->event == HM_EV_GUARDS_CHANGED || r->event == HM_EV_ROSTER_CHANGED;
}
