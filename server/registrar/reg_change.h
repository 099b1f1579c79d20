/* The requests that change something, and what they share: stored answers, refusal records. */
#ifndef SERVER_REGISTRAR_REG_CHANGE_H
#define SERVER_REGISTRAR_REG_CHANGE_H

#include "policy/policy_verdict.h"
#include "server/registrar/reg_answer.h"
#include "server/registrar/reg_refusals.h"

/* Handlers. HM_OK with *out filled; an error is answered as the problem that fits it, nothing was
 * recorded. */
enum hm_err HM_MUST_USE reg_submit(struct reg_conn *c, const struct reg_ask *ask,
                                   struct reg_result *out, struct hm_buf *missing,
                                   struct hm_why *why);
enum hm_err HM_MUST_USE reg_approve(struct reg_conn *c, const struct reg_ask *ask,
                                    struct reg_result *out, struct hm_why *why);
enum hm_err HM_MUST_USE reg_reject(struct reg_conn *c, const struct reg_ask *ask,
                                   struct reg_result *out, struct hm_why *why);
enum hm_err HM_MUST_USE reg_cancel(struct reg_conn *c, const struct reg_ask *ask,
                                   struct reg_result *out, struct hm_why *why);
enum hm_err HM_MUST_USE reg_sign_release(struct reg_conn *c, const struct reg_ask *ask,
                                         struct reg_result *out, struct hm_why *why);

/* On the sequencer. True in *found: *out is the stored answer (or IDEMPOTENCY where the body
 * differs). */
enum hm_err HM_MUST_USE reg_stored_get(struct reg_tx *tx, const struct reg_ask *ask,
                                       struct reg_result *out, bool *found, struct hm_why *why);
/* Stores out as the answer to this Idempotency-Key; only answers with a record are kept. */
enum hm_err HM_MUST_USE reg_stored_put(struct reg_tx *tx, const struct reg_ask *ask,
                                       const struct reg_result *out, struct hm_why *why);
/* *out says no; a record of it is appended within the caller's rate, with `detail` kept aside, and
 * the answer stored. `r` has event, subject and evidence; actor, req, policy and outcome are set
 * here. outcome NULL: the problem's name. rel: the release whose last_idx moves, or NULL. */
struct reg_refusal {
    enum reg_problem problem;
    const char *outcome;
    const char *detail;
    const char *actor;
    struct hm_record *record;
    const struct hm_bytes *evidence;
    struct db_release *release;
};
enum hm_err HM_MUST_USE reg_refuse(struct reg_tx *tx, const struct reg_ask *ask,
                                   const struct reg_refusal *f, struct reg_result *out,
                                   struct hm_why *why);
/* As what the artifacts in the facts were signed before; facts->prior points into out. */
struct reg_priors {
    struct policy_fact_prior fact[HM_ARTIFACTS_MAX];
    char product[HM_ARTIFACTS_MAX][HM_NAME_MAX + 1];
    char version[HM_ARTIFACTS_MAX][HM_NAME_MAX + 1];
};
enum hm_err HM_MUST_USE reg_priors_get(struct reg_tx *tx, struct policy_facts *facts,
                                       struct reg_priors *out, struct hm_why *why);
/* Fills what records about a release share. */
void reg_about(struct hm_record *r, const struct db_release *rel);
/* The answer for an error that left no record. */
void reg_no(struct reg_result *out, enum reg_problem p, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends r (actor, req and policy set here) and makes it the answer. */
enum hm_err HM_MUST_USE reg_record(struct reg_tx *tx, const struct reg_ask *ask, const char *actor,
                                   struct hm_record *r, const struct hm_bytes *evidence,
                                   struct reg_result *out, struct hm_why *why);
/* False: the disk is nearly full and *out says so. What is left belongs to the results of running
 * intentions: those alone are still recorded. */
bool reg_has_room(const struct reg_tx *tx, struct reg_result *out);
/* Reads the release, checks If-Match and that there is room for a record (which a release that is
 * signed already does not need); false: *out says why not. */
enum hm_err HM_MUST_USE reg_release_for(struct reg_tx *tx, const struct reg_ask *ask,
                                        struct db_release *rel, bool *go, struct reg_result *out,
                                        struct hm_why *why);

#endif
