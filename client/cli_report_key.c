/* How the release keys were used. */
#include "client/cli_report_priv.h"

#include "client/cli_grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static enum hm_err find_key(struct report *p, const struct hm_digest *id, struct report_key **out,
                            struct hm_why *why)
{
    struct report_keys *l = &p->keys;
    for (size_t i = 0; i < l->count; i++)
        if (hm_digest_eq(&l->list[i].id, id)) {
            *out = &l->list[i];
            return HM_OK;
        }
    if (cli_grow((void *)&l->list, l->count, &l->cap, sizeof *l->list, why) != HM_OK)
        return HM_E_MEMORY;
    *out = &l->list[l->count++];
    **out = (struct report_key){.id = *id, .asked = json_object()};
    return HM_OK;
}

void report_keys_free(struct report_keys *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->list[i].uses);
        json_decref(l->list[i].asked);
        json_decref(l->list[i].peak);
    }
    free(l->list);
    free(l->intents);
    *l = (struct report_keys){.list = NULL};
}

static void name_key(struct report_key *k, const struct report_record *x)
{
    const struct policy_release_key *named = cli_policy_key_of(x->policy, &k->id);
    if (named != NULL)
        (void)snprintf(k->name, sizeof k->name, "%s", named->id);
    (void)snprintf(k->environment, sizeof k->environment, "%s", x->r->environment);
}

/* ---- intentions ---- */

static enum hm_err intended(struct report *p, const struct report_record *x, struct hm_why *why)
{
    const struct hm_record *r = x->r;
    struct report_keys *l = &p->keys;
    enum hm_err err = HM_OK;
    if (cli_grow((void *)&l->intents, l->intent_count, &l->intent_cap, sizeof *l->intents, why) !=
        HM_OK)
        return HM_E_MEMORY;
    struct report_intent *n = &l->intents[l->intent_count++];
    *n = (struct report_intent){r->idx, r->t_ms, r->release, x->wanted, {{{0}}}, r->key_count};
    for (size_t i = 0; err == HM_OK && i < r->key_count; i++) {
        struct report_key *k;
        n->keys[i] = r->keys[i].spki;
        err = find_key(p, &r->keys[i].spki, &k, why);
        if (err != HM_OK)
            return err;
        name_key(k, x);
        k->intended += x->wanted;
    }
    return HM_OK;
}

/* Takes an intention off the list; false where it is not there. */
static bool take_intent(struct report *p, uint64_t idx, struct report_intent *out)
{
    struct report_keys *l = &p->keys;
    for (size_t i = 0; i < l->intent_count; i++)
        if (l->intents[i].idx == idx) {
            *out = l->intents[i];
            l->intents[i] = l->intents[--l->intent_count];
            return true;
        }
    return false;
}

/* ---- results ---- */

static enum hm_err not_signed(struct report *p, const struct report_record *x,
                              const struct report_intent *n, struct hm_why *why)
{
    bool failed = x->r->event == HM_EV_SIGN_FAILED;
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < n->key_count; i++) {
        struct report_key *k;
        err = find_key(p, &n->keys[i], &k, why);
        if (err == HM_OK && failed)
            k->failed += x->wanted;
        else if (err == HM_OK)
            k->unknown += x->wanted;
    }
    if (err != HM_OK || !x->wanted)
        return err;
    err = report_mention(&p->mentions, x, why);
    if (err != HM_OK)
        return err;
    return failed
               ? report_anomaly(p, "sign-failed", x->r->idx, x->r->t_ms, why,
                                "signing r%" PRIu64 " failed (%s), intended with record %" PRIu64,
                                x->r->release, x->r->outcome, n->idx)
               : report_anomaly(p, "sign-unknown", x->r->idx, x->r->t_ms, why,
                                "nobody knows whether r%" PRIu64
                                " was signed after its intention, record %" PRIu64,
                                x->r->release, n->idx);
}

static void count_asked(struct report_key *k, const struct report_record *x)
{
    const char *id = x->r->actor[0] != '\0' ? x->r->actor : "-";
    json_t *v = json_object_get(k->asked, id);
    if (v == NULL) {
        v = json_pack("{s:o, s:i}", "person", report_person(x->policy, x->r->actor, 0), "count", 0);
        (void)json_object_set_new(k->asked, id, v);
    }
    (void)json_object_set_new(v, "count",
                              json_integer(json_integer_value(json_object_get(v, "count")) + 1));
}

static void count_time(struct report_key *k, uint64_t t_ms)
{
    uint64_t hours = t_ms / 3600000;
    k->hours[hours % 24]++;
    k->days[(hours / 24 + 3) % 7]++; /* the first day of 1970 was a Thursday */
}

static enum hm_err add_use(struct report_key *k, const struct report_record *x, struct hm_why *why)
{
    if (cli_grow((void *)&k->uses, k->count, &k->cap, sizeof *k->uses, why) != HM_OK)
        return HM_E_MEMORY;
    k->uses[k->count++] = (struct report_use){x->r->t_ms, x->r->idx, x->wanted};
    count_time(k, x->r->t_ms);
    if (!x->wanted)
        return HM_OK;
    if (k->made++ == 0)
        k->first_ms = x->r->t_ms;
    k->last_ms = x->r->t_ms;
    count_asked(k, x);
    return HM_OK;
}

static enum hm_err signed_(struct report *p, const struct report_record *x, struct hm_why *why)
{
    enum hm_err err = HM_OK;
    for (size_t i = 0; err == HM_OK && i < x->r->key_count; i++) {
        struct report_key *k;
        err = find_key(p, &x->r->keys[i].spki, &k, why);
        if (err != HM_OK)
            return err;
        name_key(k, x);
        err = add_use(k, x, why);
        if (err == HM_OK && x->wanted)
            report_limits(p, x, k);
    }
    return err;
}

enum hm_err report_key(struct report *p, const struct report_record *x, struct hm_why *why)
{
    struct report_intent n;
    if (x->r->event == HM_EV_SIGN_INTENDED)
        return intended(p, x, why);
    if (!x->r->has_intent || !take_intent(p, x->r->intent, &n))
        return HM_OK;
    return x->r->event == HM_EV_RELEASE_SIGNED ? signed_(p, x, why) : not_signed(p, x, &n, why);
}

/* ---- the part of the document ---- */

static json_t *asked_list(const struct report_key *k)
{
    json_t *list = json_array();
    const char *id;
    json_t *v;
    json_object_foreach(k->asked, id, v)
    {
        (void)json_array_append(list, v);
    }
    return list;
}

json_t *report_keys_json(const struct report *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->keys.count; i++) {
        const struct report_key *k = &p->keys.list[i];
        if (k->intended + k->made + k->failed + k->unknown == 0)
            continue;
        json_t *v = json_pack(
            "{s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:O*}", "id", report_hex(&k->id), "name",
            k->name, "environment", k->environment, "intended", (json_int_t)k->intended, "signed",
            (json_int_t)k->made, "failed", (json_int_t)k->failed, "unknown", (json_int_t)k->unknown,
            "signed_ever", (json_int_t)k->count, "asked_by", asked_list(k), "limit", k->peak);
        if (k->made > 0) {
            (void)json_object_set_new(v, "first", report_time(k->first_ms));
            (void)json_object_set_new(v, "last", report_time(k->last_ms));
        }
        (void)json_array_append_new(list, v);
    }
    return list;
}
