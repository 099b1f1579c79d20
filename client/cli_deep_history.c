/* What the log knew at an index, from its own records: they are fed in order, and only what stood
 * before the record in question has been taken. */
#include "client/cli_deep_priv.h"

#include "client/cli_grow.h"

#include <stdlib.h>
#include <string.h>

void deep_history_free(struct deep_history *h)
{
    for (size_t i = 0; i < h->count; i++) {
        free(h->list[i].text);
        free(h->list[i].artifacts);
    }
    free(h->list);
    deep_lists_free(&h->by_artifact);
    deep_lists_free(&h->by_version);
    deep_lists_free(&h->times);
    deep_map_free(&h->last);
    deep_map_free(&h->classes);
    deep_map_free(&h->requests);
    deep_map_free(&h->tokens);
    deep_map_free(&h->versions);
}

/* All five names in one piece of memory. */
static bool keep_names(struct deep_signed *s, const struct hm_record *r, const char *submitter)
{
    const char *const from[] = {r->product, r->version, r->environment, r->channel, submitter};
    const char **const to[] = {&s->product, &s->version, &s->environment, &s->channel,
                               &s->submitter};
    size_t need = 0;
    for (size_t i = 0; i < 5; i++)
        need += strlen(from[i]) + 1;
    char *at = s->text = malloc(need);
    for (size_t i = 0; at != NULL && i < 5; i++) {
        size_t n = strlen(from[i]) + 1;
        memcpy(at, from[i], n);
        *to[i] = at;
        at += n;
    }
    return s->text != NULL;
}

static enum hm_err keep(struct deep_history *h, const struct hm_record *r, const char *submitter,
                        uint64_t size, uint64_t floor, struct hm_why *why)
{
    struct deep_signed s = {.artifact_count = r->artifact_count,
                            .size = size,
                            .floor = floor,
                            .signed_s = (int64_t)(r->t_ms / 1000)};
    enum hm_err err = cli_grow((void *)&h->list, h->count, &h->cap, sizeof *h->list, why);
    if (err != HM_OK)
        return err;
    s.artifacts = malloc((r->artifact_count + 1) * sizeof *s.artifacts);
    if (s.artifacts == NULL || !keep_names(&s, r, submitter)) {
        free(s.artifacts);
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    }
    memcpy(s.artifacts, r->artifacts, r->artifact_count * sizeof *s.artifacts);
    h->list[h->count++] = s;
    return HM_OK;
}

enum hm_err deep_history_signed(struct deep_history *h, const struct hm_record *r,
                                const char *submitter, uint64_t size, uint64_t floor,
                                struct hm_why *why)
{
    struct hm_digest version = deep_names(r->product, r->version, "");
    struct hm_digest line = deep_names(r->product, r->channel, "");
    enum hm_err err = keep(h, r, submitter, size, floor, why);
    uint64_t no = h->count;
    for (size_t i = 0; err == HM_OK && i < r->artifact_count; i++)
        err = deep_lists_add(&h->by_artifact, &r->artifacts[i], no, why);
    if (err == HM_OK)
        err = deep_lists_add(&h->by_version, &version, no, why);
    if (err == HM_OK)
        err = deep_map_put(&h->last, &line, no, why);
    for (size_t i = 0; err == HM_OK && i < r->key_count; i++)
        err = deep_lists_add(&h->times, &r->keys[i].spki, r->t_ms / 1000, why);
    return err;
}

bool deep_history_has(const struct deep_history *h, const char *product, const char *version)
{
    struct hm_digest key = deep_names(product, version, "");
    return deep_lists_get(&h->by_version, &key).count > 0;
}

static void find_prior(const struct deep_history *h, struct policy_facts *f, struct deep_past *past)
{
    size_t n = 0;
    for (size_t i = 0; i < f->artifact_count; i++) {
        struct deep_list l = deep_lists_get(&h->by_artifact, &f->artifacts[i]);
        if (l.count == 0)
            continue;
        const struct deep_signed *s = &h->list[l.v[0] - 1];
        past->prior[n++] = (struct policy_fact_prior){f->artifacts[i], s->product, s->version};
    }
    f->prior = past->prior;
    f->prior_count = n;
}

static void find_last(const struct deep_history *h, struct policy_facts *f, struct deep_past *past)
{
    struct hm_digest key = deep_names(f->product, f->channel, "");
    uint64_t no = deep_map_get(&h->last, &key);
    if (no == 0)
        return;
    const struct deep_signed *s = &h->list[no - 1];
    past->last = (struct policy_fact_last){s->version, s->floor, s->size};
    f->last = &past->last;
}

static void find_same_version(const struct deep_history *h, struct policy_facts *f,
                              struct deep_past *past)
{
    struct hm_digest key = deep_names(f->product, f->version, "");
    struct deep_list l = deep_lists_get(&h->by_version, &key);
    for (size_t i = 0; i < l.count && i < DEEP_EARLIER_MAX; i++) {
        const struct deep_signed *s = &h->list[l.v[i] - 1];
        past->same[i] = (struct policy_fact_set){s->artifacts, s->artifact_count};
        f->same_version_count = i + 1;
    }
    f->same_version = past->same;
}

static void find_earlier(const struct deep_history *h, const char *environment,
                         struct policy_facts *f, struct deep_past *past)
{
    if (f->artifact_count == 0)
        return;
    /* Whoever has all of them has the first. */
    struct deep_list l = deep_lists_get(&h->by_artifact, &f->artifacts[0]);
    for (size_t i = 0; i < l.count && f->earlier_count < DEEP_EARLIER_MAX; i++) {
        const struct deep_signed *s = &h->list[l.v[i] - 1];
        if (strcmp(s->environment, environment) != 0)
            continue;
        past->earlier[f->earlier_count++] = (struct policy_fact_earlier){
            .product = s->product,
            .environment = s->environment,
            .channel = s->channel,
            .submitter = s->submitter,
            .signed_s = s->signed_s,
            .artifacts = {s->artifacts, s->artifact_count},
        };
    }
    f->earlier = past->earlier;
}

static void times_of(const struct deep_history *h, const struct hm_digest *key,
                     const struct policy_wants *w, struct policy_facts *f, struct deep_past *past)
{
    f->signed_at_count = 0;
    struct deep_list l = deep_lists_get(&h->times, key);
    for (size_t i = l.count;
         i > 0 && f->signed_at_count < w->signatures && f->signed_at_count < POLICY_SIGNATURES_MAX;
         i--) {
        int64_t at = (int64_t)l.v[i - 1];
        if (at <= f->now_s - w->window_s)
            break;
        past->signed_at[f->signed_at_count++] = at;
    }
    f->signed_at = past->signed_at;
}

/* Of several keys not each signs every release: the one that signed most counts. */
static void find_times(const struct deep_history *h, const struct policy_rule *rule,
                       const struct policy_wants *w, struct policy_facts *f, struct deep_past *past)
{
    const struct hm_digest *key = f->key != NULL ? f->key : &rule->key->key_id;
    size_t most = 0;
    for (size_t i = 0; rule->key_count > 1 && i < rule->key_count; i++) {
        times_of(h, &rule->keys[i]->key_id, w, f, past);
        if (f->signed_at_count > most) {
            most = f->signed_at_count;
            key = &rule->keys[i]->key_id;
        }
    }
    times_of(h, key, w, f, past);
}

void deep_history_facts(const struct deep_history *h, const struct policy *p,
                        struct policy_facts *f, struct deep_past *past)
{
    const struct policy_subject subject = policy_facts_subject(f);
    const struct policy_rule *rule = policy_match(p, &subject);
    struct policy_wants w;
    f->last = NULL;
    f->same_version_count = f->earlier_count = f->signed_at_count = 0;
    find_prior(h, f, past);
    if (rule == NULL)
        return;
    policy_wants(rule, &w);
    if (w.last)
        find_last(h, f, past);
    if (w.same_version)
        find_same_version(h, f, past);
    if (w.earlier != NULL)
        find_earlier(h, w.earlier, f, past);
    if (w.signatures > 0)
        find_times(h, rule, &w, f, past);
}
