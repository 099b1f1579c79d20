/* What became of each release. */
#include "client/cli_report_priv.h"

#include "client/cli_grow.h"
#include "client/cli_when.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void release_free(struct report_release *x)
{
    json_decref(x->doc);
    free(x->records.list);
    *x = (struct report_release){.doc = NULL};
}

void report_releases_free(struct report_releases *l)
{
    for (size_t i = 0; i < l->count; i++)
        release_free(&l->list[i]);
    free(l->list);
    *l = (struct report_releases){.list = NULL};
}

/* Releases that ended before the period make room. */
static void tidy(struct report_releases *l)
{
    size_t n = 0;
    if (l->dropped < 1024 || l->dropped * 2 < l->count)
        return;
    for (size_t i = 0; i < l->count; i++)
        if (l->list[i].doc != NULL)
            l->list[n++] = l->list[i];
    l->count = n;
    l->dropped = 0;
}

struct report_release *report_release_find(struct report *p, uint64_t id)
{
    const struct report_releases *l = &p->releases;
    size_t lo = 0;
    size_t hi = l->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (l->list[mid].id == id)
            return l->list[mid].doc != NULL ? &l->list[mid] : NULL;
        if (l->list[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

static json_t *at(const struct report_record *x)
{
    return json_pack("{s:I, s:o}", "index", (json_int_t)x->r->idx, "time", report_time(x->r->t_ms));
}

static json_t *digests(const struct hm_digest *list, size_t count)
{
    json_t *v = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(v, report_hex(&list[i]));
    return v;
}

/* ---- submission ---- */

static json_t *begin_doc(const struct report_record *x)
{
    const struct hm_record *r = x->r;
    char id[24];
    (void)snprintf(id, sizeof id, "r%" PRIu64, r->idx);
    json_t *doc =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:[], s:[], s:n, s:n, s:n, s:i}",
                  "id", id, "product", r->product, "version", r->version, "channel", r->channel,
                  "environment", r->environment, "sequence", (json_int_t)r->sequence, "submitter",
                  report_person(x->policy, r->actor, -1), "submitted", at(x), "artifacts",
                  digests(r->artifacts, r->artifact_count), "approvals", "intentions",
                  "break_glass", "signed", "end", "refusals", 0);
    if (r->has_manifest)
        (void)json_object_set_new(doc, "manifest", report_hex(&r->manifest));
    if (r->has_policy)
        (void)json_object_set_new(doc, "policy", report_hex(&r->policy));
    if (r->expires_s > 0)
        (void)json_object_set_new(doc, "expires", report_time(r->expires_s * 1000));
    return doc;
}

static enum hm_err break_glass(struct report *p, const struct report_record *x, json_t *doc,
                               struct hm_why *why)
{
    CLI_REASON_AUTO reason = {.findings = NULL};
    if (strcmp(x->r->outcome, "break-glass") != 0)
        return HM_OK;
    enum hm_err err = cli_reason_get(&p->papers, x->r, &reason, why);
    if (err == HM_OK)
        (void)json_object_set_new(doc, "break_glass", json_string(reason.text));
    return err;
}

static enum hm_err begin(struct report *p, const struct report_record *x, struct hm_why *why)
{
    struct report_releases *l = &p->releases;
    tidy(l);
    if (cli_grow((void *)&l->list, l->count, &l->cap, sizeof *l->list, why) != HM_OK)
        return HM_E_MEMORY;
    json_t *doc = begin_doc(x);
    if (doc == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    l->list[l->count++] = (struct report_release){
        .id = x->r->idx, .submitted_ms = x->r->t_ms, .state = x->r->state, .doc = doc};
    return break_glass(p, x, doc, why);
}

/* ---- what follows ---- */

static enum hm_err approved(struct report *p, const struct report_record *x,
                            struct report_release *rel, struct hm_why *why)
{
    const struct hm_record *r = x->r;
    json_t *v = at(x);
    (void)json_object_set_new(v, "person", report_person(x->policy, r->actor, -1));
    (void)json_object_set_new(v, "key", report_hex(&r->approver_key));
    (void)json_object_set_new(v, "after_ms",
                              json_integer((json_int_t)(r->t_ms - rel->submitted_ms)));
    (void)json_object_set_new(v, "completes", json_boolean(r->state == HM_RELEASE_APPROVED));
    enum hm_err err = report_append(json_object_get(rel->doc, "approvals"), v, why);
    if (err == HM_OK && x->in_period && r->t_ms == rel->submitted_ms)
        err = report_anomaly(p, "clock-stood", r->idx, r->t_ms, why,
                             "an approval of r%" PRIu64 " in the same millisecond as its "
                             "submission: the clock stood still or was set back",
                             rel->id);
    return err;
}

static json_t *keys_of(const struct report_record *x)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < x->r->key_count; i++) {
        json_t *k = report_key_of(x->policy, &x->r->keys[i].spki);
        (void)json_object_set_new(k, "token", json_string(x->r->keys[i].token));
        (void)json_array_append_new(keys, k);
    }
    return keys;
}

static void signed_(const struct report_record *x, struct report_release *rel)
{
    const struct hm_record *r = x->r;
    json_t *v = at(x);
    (void)json_object_set_new(v, "keys", keys_of(x));
    (void)json_object_set_new(v, "asked_by", report_person(x->policy, r->actor, 0));
    (void)json_object_set_new(v, "took_ms",
                              json_integer((json_int_t)(r->t_ms - rel->submitted_ms)));
    (void)json_object_set_new(rel->doc, "signed", v);
}

static enum hm_err ended(struct report *p, const struct report_record *x,
                         struct report_release *rel, struct hm_why *why)
{
    CLI_REASON_AUTO reason = {.findings = NULL};
    json_t *v = at(x);
    enum hm_err err = HM_OK;
    (void)json_object_set_new(v, "event", json_string(hm_event_name(x->r->event)));
    (void)json_object_set_new(
        v, "person", report_person(x->policy, x->r->actor, cli_story_actor_proven(x->r->event)));
    if (x->wanted)
        err = cli_reason_get(&p->papers, x->r, &reason, why);
    (void)json_object_set_new(v, "reason", json_string(reason.text));
    (void)json_object_set_new(rel->doc, "end", v);
    return err;
}

static enum hm_err follow(struct report *p, const struct report_record *x,
                          struct report_release *rel, struct hm_why *why)
{
    if (x->r->event == HM_EV_APPROVAL_RECORDED)
        return approved(p, x, rel, why);
    if (x->r->event == HM_EV_SIGN_INTENDED)
        return report_append(json_object_get(rel->doc, "intentions"), at(x), why);
    if (x->r->event == HM_EV_RELEASE_SIGNED)
        signed_(x, rel);
    else if (x->r->event == HM_EV_RELEASE_REJECTED || x->r->event == HM_EV_RELEASE_CANCELLED ||
             x->r->event == HM_EV_RELEASE_EXPIRED || x->r->event == HM_EV_RELEASE_SUPERSEDED)
        return ended(p, x, rel, why);
    else if (hm_event_is_refusal(x->r->event))
        (void)json_object_set_new(
            rel->doc, "refusals",
            json_integer(json_integer_value(json_object_get(rel->doc, "refusals")) + 1));
    return HM_OK;
}

static bool is_end(enum hm_release_state s)
{
    return s == HM_RELEASE_SIGNED || s == HM_RELEASE_REJECTED || s == HM_RELEASE_CANCELLED ||
           s == HM_RELEASE_EXPIRED || s == HM_RELEASE_SUPERSEDED;
}

enum hm_err report_release(struct report *p, const struct report_record *x, struct hm_why *why)
{
    const struct hm_record *r = x->r;
    enum hm_err err = HM_OK;
    if (!r->has_release || !report_of_product(p, r->product))
        return HM_OK;
    if (r->event == HM_EV_RELEASE_SUBMITTED)
        err = begin(p, x, why);
    struct report_release *rel = report_release_find(p, r->release);
    if (err != HM_OK || rel == NULL)
        return err;
    if (r->event != HM_EV_RELEASE_SUBMITTED)
        err = follow(p, x, rel, why);
    if (err == HM_OK)
        err = report_mention(&rel->records, x, why);
    if (r->state != HM_RELEASE_NONE)
        rel->state = r->state;
    rel->in_period = rel->in_period || x->in_period;
    if (is_end(rel->state) && !rel->in_period) {
        release_free(rel);
        rel->id = r->release; /* its place in the order stays until tidy() */
        p->releases.dropped++;
    }
    return err;
}
