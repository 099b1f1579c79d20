/* The facts of a release that exists: the proven records and their evidence. */
#include "client/cli_explain.h"
#include "client/cli_facts.h"
#include "client/cli_http.h"
#include "client/cli_release.h"
#include "schema/attest/hm_signed.h"
#include "schema/json/hm_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HISTORY_MAX 256 /* records about one release */

/* The document itself, not only the record that tells of it. */
static enum hm_err check_approval(struct cli *c, const struct cli_facts *f,
                                  const struct hm_record *r, bool *user_verified)
{
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX + 1};
    struct hm_signed s;
    const struct hm_key *key = policy_approval_key(f->policy, r->actor, &r->approver_key);
    if (!r->has_approver_key || key == NULL)
        return hm_fail(&c->why, HM_E_DENIED, "%s has no such key in the policy", r->actor);
    enum hm_err err = cli_evidence_fetch(c, r, 0, HM_SIGNED_MAX, &doc);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, &c->why);
    if (err != HM_OK)
        return err;
    err = hm_signed_verify(&s, HM_SIGNED_APPROVAL, key, &c->why);
    if (err == HM_OK && !hm_bytes_eq(hm_signed_payload(&s), hm_buf_bytes(&f->statement_text)))
        err = hm_fail(&c->why, HM_E_DENIED, "it approves another statement");
    *user_verified = err == HM_OK && hm_signed_user_verified(&s);
    hm_signed_free(&s);
    return err;
}

static enum hm_err take_record(struct cli *c, const struct cli_facts *f, uint64_t idx,
                               struct cli_explain *e)
{
    CLI_RECORD_AUTO r = {.leaf = {{0}}};
    bool user_verified = false;
    enum hm_err err = cli_record_fetch(c, idx, &r);
    if (err == HM_OK && (!r.record.has_release || r.record.release != f->release))
        err = hm_fail(&c->why, HM_E_DENIED, "record %" PRIu64 " is not about r%" PRIu64, idx,
                      f->release);
    if (err == HM_OK && r.record.event == HM_EV_APPROVAL_RECORDED) {
        err = check_approval(c, f, &r.record, &user_verified);
        if (err != HM_OK)
            return hm_fail_in(&c->why, err, "approval in record %" PRIu64, idx);
        err = cli_explain_approval(e, r.record.actor, &r.record.approver_key, idx, user_verified,
                                   &c->why);
    } else if (err == HM_OK && r.record.event == HM_EV_RELEASE_REJECTED &&
               e->facts.veto_count < HM_APPROVALS_MAX) {
        size_t n = e->facts.veto_count++;
        (void)snprintf(e->vetoers[n], sizeof e->vetoers[n], "%s", r.record.actor);
        e->vetoes[n] = e->vetoers[n];
    }
    return err;
}

static enum hm_err take_history(struct cli *c, const struct cli_facts *f, struct cli_explain *e)
{
    CLI_RELEASE_AUTO r = {.doc = NULL};
    enum hm_err err = cli_release_get(c, f->release, NULL, &r);
    const json_t *list = err == HM_OK ? json_object_get(r.doc, "records") : NULL;
    if (err == HM_OK && (!json_is_array(list) || json_array_size(list) > HISTORY_MAX))
        err = hm_fail(&c->why, HM_E_MALFORMED, "release: expected at most %d records", HISTORY_MAX);
    for (size_t i = 0; err == HM_OK && i < json_array_size(list); i++) {
        json_int_t idx = json_integer_value(json_array_get(list, i));
        err = idx < 0 ? hm_fail(&c->why, HM_E_MALFORMED, "release: negative index")
                      : take_record(c, f, (uint64_t)idx, e);
    }
    if (err == HM_OK && hm_release_is_end(r.state)) {
        e->ended = hm_release_state_name(r.state);
        cli_note(c, "r%" PRIu64 " has ended: it is %s", f->release, e->ended);
    }
    return err;
}

static enum hm_err take_attestations(struct cli *c, const struct cli_facts *f,
                                     struct cli_explain *e)
{
    enum hm_err err = HM_OK;
    bool used = false;
    for (size_t i = 0; err == HM_OK && i < f->attestation_count; i++) {
        err = cli_explain_attestation(e, f->policy, hm_buf_bytes(&f->attestations[i]), &used,
                                      &c->why);
        if (err != HM_OK)
            return hm_fail_in(&c->why, err, "attestation %zu", i);
    }
    return err;
}

static enum hm_err load_policies(struct cli *c, const struct hm_digest *digest,
                                 struct cli_policy *submitted, struct cli_policy *in_force)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    CLI_ANSWER_AUTO a = {.status = 0};
    enum hm_err err = cli_policy_fetch(c, digest, &text);
    if (err == HM_OK)
        err = cli_policy_load(c, "policy of the submission", hm_buf_bytes(&text), submitted);
    if (err == HM_OK)
        err = cli_http_get(c, "/v1/policy", NULL, HM_POLICY_MAX, &a);
    if (err != HM_OK || hm_bytes_eq(hm_buf_bytes(&a.body), hm_buf_bytes(&text)))
        return err;
    return cli_policy_load(c, "/v1/policy", hm_buf_bytes(&a.body), in_force);
}

enum hm_err cli_explain_release(struct cli *c, uint64_t release, struct cli_explain *e,
                                struct cli_policy *submitted, struct cli_policy *in_force)
{
    CLI_FACTS_AUTO *f = cli_facts_new();
    if (f == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_facts_load(c, release, f);
    if (err == HM_OK)
        err = load_policies(c, &f->statement.policy, submitted, in_force);
    if (err != HM_OK)
        return err;
    e->request = f->request;
    (void)snprintf(e->submitter, sizeof e->submitter, "%s", f->submitted.record.actor);
    cli_explain_request(e);
    e->facts.submitted_s = (int64_t)(f->submitted.record.t_ms / 1000);
    for (size_t i = 0; i < f->submitted.record.key_count; i++)
        e->keys[i] = f->submitted.record.keys[i].spki;
    if (f->submitted.record.key_count > 0) {
        e->facts.key = e->keys;
        e->facts.more_keys = f->submitted.record.key_count - 1;
    }
    err = take_attestations(c, f, e);
    if (err == HM_OK)
        err = take_history(c, f, e);
    if (err == HM_OK)
        err = cli_explain_log(c, release, submitted->policy, e);
    if (err == HM_OK && in_force->policy != NULL)
        err = cli_explain_log(c, release, in_force->policy, e);
    return err;
}
