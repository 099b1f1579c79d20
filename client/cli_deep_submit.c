/* The submission with the log as it was then: nothing spent twice, nothing expired, and the policy
 * of then says allow. */
#include "client/cli_deep_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_AHEAD_S (24 * 60 * 60)

static enum hm_err check_fresh(struct cli_deep *d, struct deep_claim *k, struct hm_why *why)
{
    struct deep_history *h = &d->history;
    const struct hm_record *r = &k->submitted;
    struct hm_digest version = deep_names(r->product, r->version, r->channel);
    uint64_t before = deep_map_get(&h->requests, &k->payload);
    d->step = CLI_DEEP_REQUEST;
    if (before != 0)
        return hm_fail(why, HM_E_DENIED, "this very request was used by record %" PRIu64, before);
    before = deep_map_get(&h->versions, &version);
    if (before != 0)
        return hm_fail(why, HM_E_DENIED, "%s %s in %s is release r%" PRIu64 " already", r->product,
                       r->version, r->channel, before);
    before = k->token ? deep_map_get(&h->tokens, &k->token_id) : 0;
    if (before != 0)
        return hm_fail(why, HM_E_DENIED, "its token was spent by record %" PRIu64, before);
    return HM_OK;
}

static enum hm_err take(struct cli_deep *d, const struct deep_claim *k, struct hm_why *why)
{
    struct deep_history *h = &d->history;
    const struct hm_record *r = &k->submitted;
    struct hm_digest version = deep_names(r->product, r->version, r->channel);
    enum hm_err err = deep_map_put(&h->requests, &k->payload, r->idx, why);
    if (err == HM_OK)
        err = deep_map_put(&h->versions, &version, r->idx, why);
    if (err == HM_OK && k->token) {
        d->sums.tokens++;
        d->sums.tokens_known += k->token_known;
        err = deep_map_put(&h->tokens, &k->token_id, r->idx, why);
    }
    return err;
}

static enum hm_err check_request(struct cli_deep *d, const struct deep_claim *k, struct hm_why *why)
{
    const struct hm_request *q = &k->e->request;
    int64_t now_s = (int64_t)(k->submitted.t_ms / 1000);
    d->step = CLI_DEEP_REQUEST;
    if (q->expires_s <= now_s || q->expires_s > now_s + REQUEST_AHEAD_S)
        return hm_fail(why, HM_E_DENIED, "the request had expired, or lasts for more than a day");
    for (size_t i = 0; i < q->dependency_count; i++)
        if (!deep_history_has(&d->history, q->dependencies[i].product, q->dependencies[i].version))
            return hm_fail(why, HM_E_DENIED, "it depends on %s %s, which was not signed before",
                           q->dependencies[i].product, q->dependencies[i].version);
    return HM_OK;
}

static enum hm_err check_verdict(struct cli_deep *d, struct deep_claim *k, struct hm_why *why)
{
    HM_FREE struct policy_verdict *v = calloc(1, sizeof *v);
    struct policy_facts *f = &k->e->facts;
    if (v == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    d->step = CLI_DEEP_VERDICT_SUBMISSION;
    f->stage = POLICY_AT_SUBMISSION;
    f->key = NULL;
    f->approval_count = 0;
    f->now_s = (int64_t)(k->submitted.t_ms / 1000);
    deep_history_facts(&d->history, k->policy, f, d->past);
    policy_evaluate(k->policy, f, v);
    return v->allow ? HM_OK
                    : hm_fail(why, HM_E_DENIED, "the policy of the submission refuses it: %s",
                              policy_first_failed(v));
}

enum hm_err deep_judge_submission(struct cli_deep *d, struct deep_claim *k, struct hm_why *why)
{
    enum hm_err err = check_fresh(d, k, why);
    enum hm_err taken = take(d, k, err == HM_OK ? why : NULL);
    if (err == HM_OK && taken != HM_OK)
        return taken;
    if (err == HM_OK)
        err = check_request(d, k, why);
    return err == HM_OK ? check_verdict(d, k, why) : err;
}
