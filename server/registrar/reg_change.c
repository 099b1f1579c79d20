#include "server/registrar/reg_change.h"

#include "schema/json/hm_json_canon.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NO_RECORD UINT64_MAX

void reg_no(struct reg_result *out, enum reg_problem p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    out->problem = p;
    (void)vsnprintf(out->detail, sizeof out->detail, fmt, ap);
    va_end(ap);
}

void reg_about(struct hm_record *r, const struct db_release *rel)
{
    r->has_release = true;
    r->release = rel->id;
    memcpy(r->product, rel->product, sizeof r->product);
    memcpy(r->version, rel->version, sizeof r->version);
    memcpy(r->channel, rel->channel, sizeof r->channel);
    memcpy(r->environment, rel->environment, sizeof r->environment);
}

enum hm_err reg_stored_get(struct reg_tx *tx, const struct reg_ask *ask, struct reg_result *out,
                           bool *found, struct hm_why *why)
{
    struct db_answer a;
    *found = false;
    if (ask->idempotency[0] == '\0')
        return HM_OK;
    enum hm_err err = db_state_answer_get(tx->log, &ask->idem, &a, why);
    if (err == HM_E_NOT_FOUND)
        return HM_OK;
    if (err != HM_OK)
        return err;
    *found = true;
    if (!hm_digest_eq(&a.body, &ask->body_sha)) {
        reg_no(out, REG_PROBLEM_IDEMPOTENCY,
               "this Idempotency-Key was used before with another body");
        return HM_OK;
    }
    out->problem = (enum reg_problem)a.status;
    out->release = a.release;
    out->has_record = a.record != NO_RECORD;
    out->record = a.record;
    return HM_OK;
}

enum hm_err reg_stored_put(struct reg_tx *tx, const struct reg_ask *ask,
                           const struct reg_result *out, struct hm_why *why)
{
    if (ask->idempotency[0] == '\0' || !out->has_record)
        return HM_OK;
    struct db_answer a = {.body = ask->body_sha,
                          .status = (uint32_t)out->problem,
                          .release = out->release,
                          .record = out->record,
                          .at_s = (int64_t)(tx->now_ms / 1000)};
    return db_state_answer_put(tx->log, &ask->idem, &a, why);
}

static enum hm_err append(struct reg_tx *tx, const struct reg_ask *ask, const char *actor,
                          struct hm_record *r, const struct hm_bytes *evidence,
                          struct hm_bytes detail, struct reg_result *out, struct hm_why *why)
{
    (void)snprintf(r->actor, sizeof r->actor, "%s", actor);
    memcpy(r->req, ask->req, sizeof r->req);
    r->has_policy = true;
    if (r->event != HM_EV_RELEASE_SUBMITTED) /* that one names the policy of its own decision */
        r->policy = *policy_digest(tx->world->policy);
    for (size_t i = 0; i < r->evidence_count; i++)
        r->evidence[i] = hm_sha256(evidence[i]);
    enum hm_err err = db_log_append(tx->log, tx->now_ms, r, evidence, detail, why);
    if (err != HM_OK)
        return err;
    out->has_record = true;
    out->record = r->idx;
    out->release = r->has_release ? r->release : UINT64_MAX;
    return HM_OK;
}

enum hm_err reg_record(struct reg_tx *tx, const struct reg_ask *ask, const char *actor,
                       struct hm_record *r, const struct hm_bytes *evidence, struct reg_result *out,
                       struct hm_why *why)
{
    return append(tx, ask, actor, r, evidence, hm_bytes_of(NULL, 0), out, why);
}

enum hm_err reg_refuse(struct reg_tx *tx, const struct reg_ask *ask, const struct reg_refusal *f,
                       struct reg_result *out, struct hm_why *why)
{
    reg_no(out, f->problem, "%s", f->detail);
    size_t bytes = 0;
    for (size_t i = 0; i < f->record->evidence_count; i++)
        bytes += f->evidence[i].len;
    if (!db_log_reserved(tx->log) || !reg_refusals_take(tx->refusals, f->actor, bytes, tx->now_ms))
        return HM_OK;
    HM_BUF_AUTO detail = {.limit = 8192};
    hm_buf_puts(&detail, "{\"detail\":");
    hm_json_canon_str(&detail, hm_bytes_str(out->detail));
    hm_buf_putc(&detail, '}');
    (void)snprintf(f->record->outcome, sizeof f->record->outcome, "%s",
                   f->outcome != NULL ? f->outcome : reg_problem_info(f->problem)->name);
    enum hm_err err =
        append(tx, ask, f->actor, f->record, f->evidence, hm_buf_bytes(&detail), out, why);
    if (err == HM_OK && f->release != NULL) {
        f->release->last_idx = f->record->idx;
        err = db_state_release_update(tx->log, f->release, why);
    }
    return err == HM_OK ? reg_stored_put(tx, ask, out, why) : err;
}

bool reg_has_room(const struct reg_tx *tx, struct reg_result *out)
{
    if (db_log_reserved(tx->log))
        return true;
    reg_no(out, REG_PROBLEM_DISK_FULL,
           "the disk of the log is nearly full; what is left is kept for the results of signatures "
           "that are being made");
    return false;
}

enum hm_err reg_release_for(struct reg_tx *tx, const struct reg_ask *ask, struct db_release *rel,
                            bool *go, struct reg_result *out, struct hm_why *why)
{
    char tag[40];
    *go = false;
    enum hm_err err = db_state_release_get(tx->log, ask->release, rel, why);
    if (err == HM_E_NOT_FOUND) {
        reg_no(out, REG_PROBLEM_NOT_FOUND, "release r%llu does not exist",
               (unsigned long long)ask->release);
        return HM_OK;
    }
    if (err != HM_OK)
        return err;
    out->release = rel->id;
    (void)snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)rel->last_idx);
    *go = ask->if_match[0] == '\0' || strcmp(ask->if_match, "*") == 0 ||
          strcmp(ask->if_match, tag) == 0;
    if (!*go)
        reg_no(out, REG_PROBLEM_PRECONDITION, "the release is at %s (%s), If-Match named %s", tag,
               hm_release_state_name(rel->state), ask->if_match);
    else if (rel->state != HM_RELEASE_SIGNED)
        *go = reg_has_room(tx, out);
    return HM_OK;
}

enum hm_err reg_priors_get(struct reg_tx *tx, struct policy_facts *facts, struct reg_priors *out,
                           struct hm_why *why)
{
    size_t n = 0;
    for (size_t i = 0; i < facts->artifact_count; i++) {
        enum hm_err err = db_state_artifact_get(tx->log, &facts->artifacts[i], out->product[n],
                                                out->version[n], why);
        if (err == HM_OK) {
            out->fact[n] =
                (struct policy_fact_prior){facts->artifacts[i], out->product[n], out->version[n]};
            n++;
        } else if (err != HM_E_NOT_FOUND) {
            return err;
        }
    }
    facts->prior = out->fact;
    facts->prior_count = n;
    return HM_OK;
}
