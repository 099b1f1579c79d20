/* Goes along the log: keeps what is open, asks the parts, and writes down what does not hold. */
#include "client/cli_deep_priv.h"

#include "client/cli_grow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[CLI_DEEP_KINDS] = {
    [CLI_DEEP_RULES] = "rules",
    [CLI_DEEP_GENESIS] = "genesis",
    [CLI_DEEP_POLICY_CHANGE] = "policy-change",
    [CLI_DEEP_GUARD_CHANGE] = "guard-change",
    [CLI_DEEP_POLICY] = "policy",
    [CLI_DEEP_EVIDENCE] = "evidence",
    [CLI_DEEP_SUBMITTER] = "submitter",
    [CLI_DEEP_REQUEST] = "request",
    [CLI_DEEP_ATTESTATION] = "attestation",
    [CLI_DEEP_MANIFEST] = "manifest",
    [CLI_DEEP_KEYS] = "keys",
    [CLI_DEEP_SUBMISSION] = "submission",
    [CLI_DEEP_VERDICT_SUBMISSION] = "verdict-submission",
    [CLI_DEEP_STATEMENT] = "statement",
    [CLI_DEEP_APPROVAL] = "approval",
    [CLI_DEEP_INTENTION] = "intention",
    [CLI_DEEP_VERDICT_SIGNING] = "verdict-signing",
    [CLI_DEEP_RESULT] = "result",
    [CLI_DEEP_ERASURE] = "erasure",
    [CLI_DEEP_GUARD] = "guard",
    [CLI_DEEP_NOT_CHECKED] = "not-checked",
};

const char *cli_deep_kind_name(enum cli_deep_kind k)
{
    return (unsigned)k < CLI_DEEP_KINDS ? kind_names[k] : "?";
}

bool deep_is_machine(enum hm_err err)
{
    return err == HM_E_MEMORY || err == HM_E_UNAVAILABLE || err == HM_E_TIMEOUT || err == HM_E_IO ||
           err == HM_E_FULL || err == HM_E_CONFIG || err == HM_E_INTERNAL;
}

enum hm_err deep_fetch(struct cli_deep *d, const struct hm_record *r, size_t n, size_t max,
                       struct hm_buf *out, struct hm_why *why)
{
    if (n >= r->evidence_count)
        return hm_fail(why, HM_E_NOT_FOUND, "record %" PRIu64 " names no evidence %zu", r->idx, n);
    enum hm_err err = d->in.fetch(d->in.ctx, r, n, max, out, why);
    if (err != HM_OK)
        return err;
    struct hm_digest digest = hm_sha256(hm_buf_bytes(out));
    return hm_digest_eq(&digest, &r->evidence[n])
               ? HM_OK
               : hm_fail(why, HM_E_SIGNATURE,
                         "evidence %zu of record %" PRIu64 " is not what the record names", n,
                         r->idx);
}

static bool has_fault(const struct cli_deep *d, uint64_t intention)
{
    for (size_t i = d->fault_count; i > 0; i--)
        if (d->faults[i - 1].intention == intention)
            return true;
    return false;
}

/* The first fault of an intention is the one that counts. */
enum hm_err deep_fault(struct cli_deep *d, uint64_t intention, uint64_t record,
                       enum cli_deep_kind kind, const char *text, struct hm_why *why)
{
    if (intention != CLI_DEEP_NO_INTENTION && has_fault(d, intention))
        return HM_OK;
    enum hm_err err =
        cli_grow((void *)&d->faults, d->fault_count, &d->fault_cap, sizeof *d->faults, why);
    char *copy = strdup(text);
    if (err == HM_OK && copy == NULL)
        err = hm_fail(why, HM_E_MEMORY, "out of memory");
    if (err != HM_OK) {
        free(copy);
        return err;
    }
    d->faults[d->fault_count++] = (struct cli_deep_fault){intention, record, kind, copy};
    d->sums.faulty += intention != CLI_DEEP_NO_INTENTION;
    return HM_OK;
}

enum hm_err cli_deep_broken(struct cli_deep *d, const struct hm_record *r, const char *text,
                            struct hm_why *why)
{
    uint64_t intention = r->event == HM_EV_SIGN_INTENDED ? r->idx
                         : r->has_intent                 ? r->intent
                                                         : CLI_DEEP_NO_INTENTION;
    return deep_fault(d, intention, r->idx, CLI_DEEP_RULES, text, why);
}

/* ---- open releases ---- */

static struct deep_open *find_open(const struct cli_deep *d, uint64_t id)
{
    size_t lo = 0, hi = d->open_count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->open[mid].id == id)
            return &d->open[mid];
        if (d->open[mid].id < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

struct deep_release *deep_find(const struct cli_deep *d, uint64_t release)
{
    const struct deep_open *o = find_open(d, release);
    return o != NULL ? o->r : NULL;
}

static void free_release(struct deep_release *r)
{
    if (r == NULL)
        return;
    hm_buf_free(&r->submitted);
    hm_buf_free(&r->intended);
    for (size_t i = 0; i < r->approval_count; i++)
        hm_buf_free(&r->approvals[i]);
    free(r->approvals);
    free(r->approved);
    free(r);
}

static enum hm_err copy(struct hm_buf *to, struct hm_bytes bytes, struct hm_why *why)
{
    hm_buf_reset(to);
    hm_buf_put(to, bytes.data, bytes.len);
    return hm_buf_err(to) == HM_OK ? HM_OK : hm_fail(why, hm_buf_err(to), "out of memory");
}

static enum hm_err end_release(struct cli_deep *d, const struct hm_record *r, bool stands,
                               struct hm_why *why)
{
    struct deep_open *o = find_open(d, r->release);
    struct hm_digest version = deep_names(r->product, r->version, r->channel);
    deep_claim_drop(d, r->release);
    if (o != NULL) {
        free_release(o->r);
        o->r = NULL;
    }
    return stands || deep_map_get(&d->history.versions, &version) != r->release
               ? HM_OK
               : deep_map_put(&d->history.versions, &version, 0, why);
}

/* ---- policies under which things happen ---- */

/* The policy that the record names is the one in force, and it came into force as it should. */
static enum hm_err check_policy(struct cli_deep *d, const struct hm_record *r, struct hm_why *why)
{
    const struct deep_policy *p = deep_in_force(d);
    d->step = CLI_DEEP_POLICY;
    if (p == NULL)
        return hm_fail(why, HM_E_DENIED, "no policy was put into force before");
    if (!r->has_policy || !hm_digest_eq(&r->policy, &p->digest))
        return hm_fail(why, HM_E_DENIED, "it does not name the policy in force, of record %" PRIu64,
                       p->record);
    if (p->fault != NULL || p->policy == NULL)
        return hm_fail(why, HM_E_DENIED, "the policy of record %" PRIu64 " does not hold: %.400s",
                       p->record, p->fault != NULL ? p->fault : "it cannot be had");
    if (d->policies.root.count == 0)
        return hm_fail(why, HM_E_DENIED, "the genesis is not proven: no trust store of its root");
    return HM_OK;
}

/* ---- events ---- */

static enum hm_err examine_submission(struct cli_deep *d, struct deep_release *o,
                                      const struct hm_record *r, struct hm_why *why)
{
    struct deep_claim *k = NULL;
    enum hm_err err = check_policy(d, r, why);
    if (err != HM_OK)
        return err;
    o->policy = d->policies.count - 1;
    err = deep_claim_get(d, r->idx, o, &k, why);
    if (err != HM_OK)
        return err;
    o->size = k->e->facts.size;
    o->floor = k->e->facts.rollback_floor;
    return deep_judge_submission(d, k, why);
}

/* A faulty submission counts when somebody intends to sign it. */
static enum hm_err on_submitted(struct cli_deep *d, const struct hm_record *r,
                                struct hm_bytes bytes, struct hm_why *why)
{
    enum hm_err err = cli_grow((void *)&d->open, d->open_count, &d->open_cap, sizeof *d->open, why);
    if (err != HM_OK || (d->open_count > 0 && d->open[d->open_count - 1].id >= r->idx))
        return err;
    struct deep_release *o = calloc(1, sizeof *o);
    if (o == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    d->open[d->open_count++] = (struct deep_open){r->idx, o};
    o->submitted.limit = o->intended.limit = HM_RECORD_MAX;
    err = copy(&o->submitted, bytes, why);
    if (err != HM_OK)
        return err;
    err = examine_submission(d, o, r, &o->why);
    o->faulty = err != HM_OK;
    o->kind = d->step;
    if (deep_is_machine(err)) {
        *why = o->why;
        return err;
    }
    return HM_OK;
}

static enum hm_err on_approval(struct deep_release *o, struct hm_bytes bytes, struct hm_why *why)
{
    if (o->approval_count == HM_APPROVALS_MAX)
        return hm_fail(why, HM_E_DENIED, "more than %d approvals", HM_APPROVALS_MAX);
    if (o->approvals == NULL)
        o->approvals = calloc(HM_APPROVALS_MAX, sizeof *o->approvals);
    if (o->approvals == NULL)
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    o->approvals[o->approval_count].limit = HM_RECORD_MAX;
    return copy(&o->approvals[o->approval_count++], bytes, why);
}

static enum hm_err examine_intention(struct cli_deep *d, struct deep_release *o,
                                     const struct hm_record *r, struct hm_why *why)
{
    struct deep_claim *k = NULL;
    d->step = CLI_DEEP_SUBMISSION;
    if (o == NULL)
        return hm_fail(why, HM_E_DENIED, "the release was not submitted, or has ended");
    if (o->faulty) {
        d->step = o->kind;
        return hm_fail(why, HM_E_DENIED, "submission in record %" PRIu64 ": %.560s", r->release,
                       o->why.text);
    }
    enum hm_err err = check_policy(d, r, why);
    if (err == HM_OK)
        err = deep_claim_get(d, r->release, o, &k, why);
    return err == HM_OK ? deep_judge_intention(d, k, o, r, why) : err;
}

/* Of an examination: what the machine says goes up, all else is a fault. */
static enum hm_err settle(struct cli_deep *d, enum hm_err err, uint64_t intention, uint64_t record,
                          const struct hm_why *found, struct hm_why *why)
{
    if (err == HM_OK)
        return HM_OK;
    if (!deep_is_machine(err))
        return deep_fault(d, intention, record, d->step, found->text, why);
    *why = *found;
    return err;
}

static enum hm_err on_intended(struct cli_deep *d, struct deep_release *o,
                               const struct hm_record *r, struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_why found = {""};
    d->sums.intentions++;
    enum hm_err err = examine_intention(d, o, r, &found);
    if (o != NULL) {
        o->intention = r->idx;
        enum hm_err kept = copy(&o->intended, bytes, why);
        if (kept != HM_OK)
            return kept;
    }
    return settle(d, err, r->idx, err != HM_OK && o != NULL && o->faulty ? r->release : r->idx,
                  &found, why);
}

static enum hm_err examine_result(struct cli_deep *d, struct deep_release *o,
                                  const struct hm_record *r, struct hm_why *why)
{
    struct deep_claim *k = NULL;
    d->step = CLI_DEEP_RESULT;
    if (o == NULL || o->intention == 0 || !r->has_intent || r->intent != o->intention)
        return hm_fail(why, HM_E_DENIED, "it is the result of another intention");
    if (o->faulty)
        return HM_OK; /* told with the intention */
    enum hm_err err = check_policy(d, r, why);
    if (err == HM_OK)
        err = deep_claim_get(d, r->release, o, &k, why);
    if (err == HM_OK)
        err = deep_judge_result(d, k, o, r, why);
    d->sums.results += err == HM_OK;
    return err;
}

static enum hm_err on_signed(struct cli_deep *d, struct deep_release *o, const struct hm_record *r,
                             struct hm_why *why)
{
    struct hm_why found = {""};
    struct hm_record submitted;
    enum hm_err err = examine_result(d, o, r, &found);
    err = settle(d, err, r->has_intent ? r->intent : CLI_DEEP_NO_INTENTION, r->idx, &found, why);
    if (err == HM_OK && o != NULL)
        err = hm_record_parse(hm_buf_bytes(&o->submitted), &submitted, why);
    if (err == HM_OK && o != NULL)
        err = deep_history_signed(&d->history, r, submitted.actor, o->size, o->floor, why);
    return err == HM_OK ? end_release(d, r, true, why) : err;
}

static enum hm_err on_approved(struct cli_deep *d, struct deep_release *o,
                               const struct hm_record *r, struct hm_bytes bytes, struct hm_why *why)
{
    struct hm_why found = {""};
    d->step = CLI_DEEP_APPROVAL;
    enum hm_err err = o != NULL ? on_approval(o, bytes, &found) : HM_OK;
    return settle(d, err, CLI_DEEP_NO_INTENTION, r->idx, &found, why);
}

static enum hm_err on_release(struct cli_deep *d, const struct hm_record *r, struct hm_bytes bytes,
                              struct hm_why *why)
{
    struct deep_release *o = deep_find(d, r->release);
    if (r->event == HM_EV_RELEASE_SUBMITTED)
        return on_submitted(d, r, bytes, why);
    if (r->event == HM_EV_APPROVAL_RECORDED)
        return on_approved(d, o, r, bytes, why);
    if (r->event == HM_EV_SIGN_INTENDED)
        return on_intended(d, o, r, bytes, why);
    if (r->event == HM_EV_RELEASE_SIGNED)
        return on_signed(d, o, r, why);
    /* The version of a release that was overtaken stays taken. */
    if (r->event == HM_EV_RELEASE_SUPERSEDED)
        return end_release(d, r, true, why);
    if (r->event == HM_EV_RELEASE_REJECTED || r->event == HM_EV_RELEASE_CANCELLED ||
        r->event == HM_EV_RELEASE_EXPIRED)
        return end_release(d, r, false, why);
    return HM_OK;
}

enum hm_err cli_deep_add(struct cli_deep *d, struct hm_bytes record, struct hm_why *why)
{
    struct hm_record r;
    struct hm_why found = {""};
    enum hm_err err = hm_record_parse(record, &r, why);
    if (err != HM_OK)
        return err;
    err = deep_policy_record(d, &r, record, &found);
    err = settle(d, err, CLI_DEEP_NO_INTENTION, r.idx, &found, why);
    if (err == HM_OK) {
        err = deep_erasure_record(d, &r, &found);
        err = settle(d, err, CLI_DEEP_NO_INTENTION, r.idx, &found, why);
    }
    if (err == HM_OK)
        err =
            settle(d, deep_guards_record(d, &r, &found), CLI_DEEP_NO_INTENTION, r.idx, &found, why);
    return err == HM_OK && r.has_release ? on_release(d, &r, record, why) : err;
}

enum hm_err cli_deep_open(const struct cli_deep_input *in, struct cli_deep **out,
                          struct hm_why *why)
{
    struct cli_deep *d = calloc(1, sizeof *d);
    struct deep_past *past = calloc(1, sizeof *past);
    if (d == NULL || past == NULL) {
        free(d);
        free(past);
        return hm_fail(why, HM_E_MEMORY, "out of memory");
    }
    d->in = *in;
    d->past = past;
    d->sums.root_pinned = in->roots != NULL;
    *out = d;
    return HM_OK;
}

void cli_deep_close(struct cli_deep *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->open_count; i++)
        free_release(d->open[i].r);
    for (size_t i = 0; i < DEEP_CLAIMS; i++)
        deep_claim_free(&d->claims[i]);
    for (size_t i = 0; i < d->fault_count; i++)
        free(d->faults[i].text);
    free(d->open);
    free(d->faults);
    free(d->past);
    deep_history_free(&d->history);
    deep_policies_free(&d->policies);
    deep_map_free(&d->details);
    deep_guards_free(&d->guards);
    free(d);
}

void cli_deep_sums(const struct cli_deep *d, struct cli_deep_sums *out)
{
    *out = d->sums;
    out->faults = d->faults;
    out->fault_count = d->fault_count;
}
