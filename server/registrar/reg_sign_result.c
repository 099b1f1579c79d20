/* Signing, on the sequencer: what became of an intention. */
#include "server/registrar/reg_signing_priv.h"

#include <stdio.h>
#include <string.h>

void reg_signing_describe(const struct reg_signing *s, const struct db_release *rel,
                          struct hm_record *r)
{
    reg_about(r, rel);
    r->sequence = rel->sequence;
    r->has_manifest = true;
    r->manifest = rel->manifest;
    r->store_epoch = reg_world_store(s->conn->desk->world, rel->environment)->device.epoch;
    r->key_count = s->d->submitted->key_count;
    memcpy(r->keys, s->d->submitted->keys, sizeof r->keys);
    for (size_t i = 0; i < s->key_count; i++)
        (void)snprintf(r->keys[i].token, sizeof r->keys[i].token, "%s", s->keys[i].token);
}

static enum hm_err put_artifacts(struct reg_tx *tx, const struct reg_signing *s, uint64_t release,
                                 struct hm_why *why)
{
    const struct hm_record *r = s->d->submitted;
    enum hm_err err = HM_OK;
    for (size_t i = 0; i < r->artifact_count && err == HM_OK; i++)
        err = db_state_artifact_put(tx->log, &r->artifacts[i], release, why);
    return err;
}

static void result_record(const struct reg_signing *s, const struct db_release *rel,
                          struct hm_record *r)
{
    static const enum hm_event event[] = {[REG_ENDING_FAILED] = HM_EV_SIGN_FAILED,
                                          [REG_ENDING_UNKNOWN] = HM_EV_SIGN_UNKNOWN,
                                          [REG_ENDING_SIGNED] = HM_EV_RELEASE_SIGNED};
    bool ok = s->ending == REG_ENDING_SIGNED;
    reg_about(r, rel);
    r->event = event[s->ending];
    r->state = ok ? HM_RELEASE_SIGNED : HM_RELEASE_APPROVED;
    r->has_intent = true;
    r->intent = s->intent.idx;
    (void)snprintf(r->outcome, sizeof r->outcome, "%s", ok ? "ok" : s->outcome);
    if (!ok)
        return;
    reg_signing_describe(s, rel, r);
    r->key_count = 0; /* those that signed */
    for (size_t i = 0; i < s->key_count; i++)
        if (s->keys[i].signed_)
            r->keys[r->key_count++] = r->keys[i];
    r->artifact_count = s->d->submitted->artifact_count;
    memcpy(r->artifacts, s->d->submitted->artifacts, sizeof r->artifacts);
    r->evidence_count = 1;
}

/* The answer is made from the very bytes that were written; reading them back would only cost time.
 */
static enum hm_err keep_fresh(struct reg_tx *tx, struct reg_signing *s, const struct hm_record *r)
{
    struct reg_conn *c = s->conn; /* its thread waits for this decision */
    struct hm_bytes bytes = db_log_appended(tx->log);
    c->has_fresh = false;
    hm_buf_reset(&c->fresh_record);
    hm_buf_reset(&c->fresh_evidence);
    hm_buf_put(&c->fresh_record, bytes.data, bytes.len);
    if (s->ending == REG_ENDING_SIGNED)
        hm_buf_put(&c->fresh_evidence, s->envelope.data, s->envelope.len);
    if (hm_buf_err(&c->fresh_record) != HM_OK || hm_buf_err(&c->fresh_evidence) != HM_OK)
        return HM_E_MEMORY;
    c->fresh = *r;
    c->has_fresh = true;
    return HM_OK;
}

/* Two releases of the same bytes can be intended side by side, and neither finds the other signed.
 * The first result decides; the second's signature stays here. */
static enum hm_err check_still_fresh(struct reg_tx *tx, struct reg_signing *s, struct hm_why *why)
{
    const struct hm_record *r = s->d->submitted;
    char product[HM_NAME_MAX + 1];
    char version[HM_NAME_MAX + 1];
    for (size_t i = 0; s->ending == REG_ENDING_SIGNED && i < r->artifact_count; i++) {
        enum hm_err err = db_state_artifact_get(tx->log, &r->artifacts[i], product, version, why);
        if (err == HM_E_NOT_FOUND)
            continue;
        if (err != HM_OK)
            return err;
        if (strcmp(product, r->product) == 0 && strcmp(version, r->version) == 0)
            continue;
        s->ending = REG_ENDING_FAILED;
        s->problem = REG_PROBLEM_POLICY;
        (void)snprintf(s->outcome, sizeof s->outcome, "artifact.fresh");
        (void)hm_fail(&s->why, HM_E_DENIED, "the same bytes were signed as %s %s meanwhile",
                      product, version);
    }
    return HM_OK;
}

/* Is the release being signed under this very intention? If its commit failed, another one may have
 * got its index: then the record there has other bytes, or is not committed yet. */
static enum hm_err under_this(struct reg_tx *tx, const struct reg_signing *s,
                              const struct db_release *rel, bool *yes, struct hm_why *why)
{
    struct hm_digest there;
    *yes = false;
    if (rel->state != HM_RELEASE_SIGNING || rel->intent != s->intent.idx ||
        s->intent.idx >= db_log_size(tx->log))
        return HM_OK;
    enum hm_err err = db_log_node(tx->log, 0, s->intent.idx, &there, why);
    if (err != HM_OK)
        return err;
    struct hm_digest ours = hm_merkle_leaf(hm_buf_bytes(&s->intent_bytes));
    *yes = hm_digest_eq(&there, &ours);
    return HM_OK;
}

/* The commit of an earlier try failed, and has reached the disk after all; or that of the intention
 * failed and has not. */
static void find_ended(const struct reg_signing *s, const struct db_release *rel,
                       struct reg_result *out)
{
    bool ours = rel->state == HM_RELEASE_SIGNED && rel->signed_idx > s->intent.idx;
    if (s->ending != REG_ENDING_SIGNED)
        reg_no(out, s->problem, "%s", s->why.text);
    else if (!ours)
        reg_no(out, REG_PROBLEM_INTERNAL,
               "the release is not being signed under this intention any more");
    out->has_record = s->ending == REG_ENDING_SIGNED && ours;
    out->record = rel->signed_idx;
    out->release = rel->id;
}

enum hm_err reg_signing_record(struct reg_tx *tx, void *arg, struct reg_result *out,
                               struct hm_why *why)
{
    struct reg_signing *s = arg;
    struct db_release rel;
    struct hm_record r = {.event = HM_EV_NONE};
    struct hm_bytes evidence[1] = {hm_buf_bytes(&s->envelope)};
    bool open = false;
    enum hm_err err = db_state_release_get(tx->log, s->d->id, &rel, why);
    if (err == HM_OK)
        err = check_still_fresh(tx, s, why);
    if (err == HM_OK)
        err = under_this(tx, s, &rel, &open, why);
    if (err != HM_OK)
        return err;
    if (!open) {
        find_ended(s, &rel, out);
        return HM_OK;
    }
    result_record(s, &rel, &r);
    err = reg_record(tx, s->ask, s->ask->caller.who->id, &r, evidence, out, why);
    if (err == HM_OK)
        err = keep_fresh(tx, s, &r);
    if (err != HM_OK)
        return err;
    rel.state = r.state;
    rel.intent = 0;
    rel.last_idx = r.idx;
    rel.signed_idx = s->ending == REG_ENDING_SIGNED ? r.idx : 0;
    rel.unknown = s->ending == REG_ENDING_UNKNOWN ? r.idx : 0;
    err = db_state_release_update(tx->log, &rel, why);
    if (err == HM_OK && s->ending == REG_ENDING_SIGNED)
        return put_artifacts(tx, s, rel.id, why);
    if (err == HM_OK) /* not kept as the answer: asking again may succeed */
        reg_no(out, s->problem, "%s", s->why.text);
    return err;
}
