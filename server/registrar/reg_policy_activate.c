/* POST /v1/policy/proposals/{index}/activation and /v1/policy/replacement: another policy comes
 * into force, by the quorum of administrators or by the root keys. It is in force from the record
 * on that says so, for everything that is decided after it. */
#include "server/registrar/reg_policy_proposal.h"

#include "schema/core/hm_text.h"
#include "schema/json/hm_json.h"
#include "schema/trust/hm_policy_root.h"
#include "server/registrar/reg_policy_change.h"
#include "server/registrar/reg_roster.h"

#include <stdio.h>
#include <string.h>

struct activating {
    const struct reg_ask *ask;
    const struct policy *examined;
    const struct policy *next; /* what shall be in force; loaded, NULL where it cannot be */
    struct hm_bytes document;  /* its bytes */
    struct hm_why lint;        /* why next is NULL */
    uint64_t lists;            /* that next was held against */
    struct hm_bytes evidence[1 + POLICY_ADMIN_COUNT_MAX]; /* document, then what authorises it */
    size_t evidence_count;
    /* by quorum */
    const struct reg_proposal *proposal;
    struct reg_quorum quorum;
    /* by the root */
    const struct hm_policy_root *root;
};

static enum hm_err refuse(struct reg_tx *tx, const struct activating *a, enum reg_problem problem,
                          const char *outcome, const char *detail, struct reg_result *out,
                          struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_POLICY_REFUSED};
    if (a->proposal != NULL) {
        r.has_proposal = true;
        r.proposal = a->proposal->idx;
    }
    struct reg_refusal f = {.problem = problem,
                            .outcome = outcome,
                            .detail = detail,
                            .actor = a->ask->caller.who->id,
                            .record = &r};
    return reg_refuse(tx, a->ask, &f, out, why);
}

static enum hm_err activate(struct reg_tx *tx, const struct activating *a, struct reg_result *out,
                            struct hm_why *why)
{
    struct hm_record r = {.event = HM_EV_POLICY_ACTIVATED, .evidence_count = a->evidence_count};
    struct reg_activation how = {.record = db_log_pending_size(tx->log)};
    if (a->proposal != NULL) {
        r.has_proposal = how.has_proposal = true;
        r.proposal = how.proposal = a->proposal->idx;
    }
    /* From here on in this transaction: the record itself names the new policy. */
    reg_policies_use(tx->world->policies, a->next, how);
    enum hm_err err = reg_record(tx, a->ask, a->ask->caller.who->id, &r, a->evidence, out, why);
    if (err == HM_OK)
        err = db_state_policy_put(tx->log, policy_digest(a->next), r.idx, why);
    return err == HM_OK ? reg_stored_put(tx, a->ask, out, why) : err;
}

/* Lists of approvers have rising serial numbers, guards documents rising records: while the sum is
 * the same, none came in between. */
static enum hm_err check_lists(const struct reg_tx *tx, const struct activating *a, bool *same,
                               struct hm_why *why)
{
    const struct hm_guards *g = &tx->world->guards;
    uint64_t sum = 0;
    enum hm_err err = db_state_guards(tx->log, &sum, why);
    for (size_t i = 0; err == HM_OK && i < g->count; i++) {
        uint64_t serial = 0;
        err = db_state_roster_serial(tx->log, &g->guards[i].key, &serial, why);
        sum += serial;
    }
    *same = sum == a->lists;
    return err;
}

static enum reg_problem root_obstacle(const struct reg_tx *tx, const struct activating *a,
                                      const char **detail)
{
    const struct reg_activation how = reg_policies_activation(tx->world->policies);
    if (a->examined != tx->world->policy) {
        *detail = "the policy in force changed while this was examined; ask again";
        return REG_PROBLEM_UNAVAILABLE;
    }
    if (a->root->record != how.record ||
        !hm_digest_eq(&a->root->in_force, policy_digest(tx->world->policy))) {
        *detail = "the root's statement is to replace another policy than the one in force, or one "
                  "that came into force with another record";
        return REG_PROBLEM_STATE;
    }
    *detail = "";
    return REG_PROBLEM_NONE;
}

static enum hm_err decide(struct reg_tx *tx, void *arg, struct reg_result *out, struct hm_why *why)
{
    const struct activating *a = arg;
    const struct reg_activation how = reg_policies_activation(tx->world->policies);
    const char *detail = "";
    bool done = false;
    enum hm_err err = reg_stored_get(tx, a->ask, out, &done, why);
    if (err != HM_OK || done)
        return err;
    if (a->proposal != NULL && how.has_proposal && how.proposal == a->proposal->idx) {
        out->has_record = true; /* asking twice is harmless: the same record answers */
        out->record = how.record;
        return HM_OK;
    }
    if (!reg_has_room(tx, out))
        return HM_OK;
    enum reg_problem problem = a->proposal != NULL
                                   ? reg_proposal_obstacle(tx, a->proposal, a->examined, &detail)
                                   : root_obstacle(tx, a, &detail);
    if (problem == REG_PROBLEM_UNAVAILABLE) {
        reg_no(out, problem, "%s", detail);
        return HM_OK;
    }
    if (problem != REG_PROBLEM_NONE)
        return refuse(tx, a, problem, NULL, detail, out, why);
    if (a->proposal != NULL && (policy_admin_count(a->examined) == 0 ||
                                a->quorum.count < policy_admin_count(a->examined))) {
        char text[128];
        (void)snprintf(text, sizeof text, "%zu of %zu administrators have approved the proposal",
                       a->quorum.count, policy_admin_count(a->examined));
        return refuse(tx, a, REG_PROBLEM_POLICY, "administration.count", text, out, why);
    }
    if (a->next == NULL)
        return refuse(tx, a, REG_PROBLEM_POLICY, "policy.lint", a->lint.text, out, why);
    bool same = false;
    err = check_lists(tx, a, &same, why);
    if (err == HM_OK && same)
        return activate(tx, a, out, why);
    if (err == HM_OK)
        reg_no(out, REG_PROBLEM_UNAVAILABLE,
               "other guards or approvers came in between; ask again");
    return err;
}

static enum hm_err sum_lists(struct db_reader *reader, const struct reg_world *w, uint64_t *sum,
                             struct hm_why *why)
{
    enum hm_err err = db_reader_guards(reader, sum, why);
    for (size_t i = 0; err == HM_OK && i < w->guards.count; i++) {
        uint64_t serial = 0;
        err = db_reader_roster_serial(reader, &w->guards.guards[i].key, &serial, why);
        *sum += serial;
    }
    return err;
}

/* The registrar may have become stricter since the proposal was recorded, and the guards others. */
static void load_next(struct reg_conn *c, struct activating *a)
{
    const struct policy *p = NULL;
    struct db_reader *reader;
    if (reg_conn_reader(c, &reader, &a->lint) == HM_OK &&
        reg_policies_add(c->desk->world->policies, a->document, &p, &a->lint) == HM_OK &&
        sum_lists(reader, c->desk->world, &a->lists, &a->lint) == HM_OK &&
        reg_roster_fits(reader, c->desk->world, p, &a->lint) == HM_OK)
        a->next = p;
    a->evidence[a->evidence_count++] = a->document;
}

static enum hm_err run_quorum(struct reg_conn *c, struct activating *a, struct reg_result *out,
                              struct hm_why *why)
{
    HM_BUF_AUTO document = {.limit = HM_POLICY_MAX};
    struct db_reader *reader;
    enum hm_err err = reg_quorum_read(c, a->proposal, a->examined, &a->quorum, why);
    if (err == HM_OK)
        err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_evidence(reader, a->proposal->idx, 1, HM_POLICY_MAX, &document, why);
    if (err != HM_OK)
        return err;
    a->document = hm_buf_bytes(&document);
    /* What has no quorum is not even loaded. */
    if (a->quorum.count > 0 && a->quorum.count >= policy_admin_count(a->examined))
        load_next(c, a);
    for (size_t i = 0; i < a->quorum.count; i++)
        a->evidence[a->evidence_count++] = hm_buf_bytes(&a->quorum.documents[i]);
    return reg_conn_decide(c, decide, a, out, why);
}

enum hm_err reg_policy_activate(struct reg_conn *c, const struct reg_ask *ask,
                                struct reg_result *out, struct hm_why *why)
{
    REG_PROPOSAL_AUTO proposal = {.statement = {.limit = HM_STATEMENT_MAX}};
    struct activating a = {.ask = ask, .examined = c->desk->world->policy, .proposal = &proposal};
    enum hm_err err = reg_proposal_read(c, ask->release, &proposal, why);
    if (err != HM_OK)
        return err;
    /* A proposal to replace another policy was approved by other people. */
    if (hm_digest_eq(&proposal.record.policy, policy_digest(a.examined)))
        err = run_quorum(c, &a, out, why);
    else
        err = reg_conn_decide(c, decide, &a, out, why);
    reg_quorum_free(&a.quorum);
    return err;
}

static enum hm_err run_root(struct reg_conn *c, struct activating *a, const char *statement,
                            struct reg_result *out, struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_SIGNED_MAX};
    struct hm_policy_root root;
    struct hm_digest digest = hm_sha256(a->document);
    enum hm_err err = hm_unbase64(hm_bytes_str(statement), &bytes);
    if (err != HM_OK)
        return hm_fail(why, err, "$.statement: expected base64 of at most %zu bytes",
                       HM_SIGNED_MAX);
    err = hm_policy_root_open(hm_buf_bytes(&bytes), &c->desk->config->root, &root, why);
    if (err != HM_OK)
        return err;
    if (strcmp(root.origin, c->desk->world->genesis.origin) != 0 ||
        !hm_digest_eq(&root.policy, &digest))
        return hm_fail(why, HM_E_SIGNATURE,
                       "the root's statement is for another log, or about another document than "
                       "the one that came with it");
    a->root = &root;
    load_next(c, a);
    a->evidence[a->evidence_count++] = hm_buf_bytes(&bytes);
    return reg_conn_decide(c, decide, a, out, why);
}

enum hm_err reg_policy_replace(struct reg_conn *c, const struct reg_ask *ask,
                               struct reg_result *out, struct hm_why *why)
{
    HM_JSON_AUTO *body = NULL;
    struct hm_json_in in;
    struct activating a = {.ask = ask, .examined = c->desk->world->policy};
    enum hm_err err = hm_json_parse(ask->body, HM_JSON_OURS(HM_BODY_MAX), &body, why);
    if (err != HM_OK)
        return err;
    hm_json_begin(&in, body, "$", why);
    const char *statement = hm_json_str(&in, "statement");
    const char *document = hm_json_str(&in, "policy");
    err = hm_json_end(&in);
    if (err != HM_OK)
        return err;
    a.document = hm_bytes_str(document);
    if (a.document.len > HM_POLICY_MAX)
        return hm_fail(why, HM_E_LIMIT, "a policy has at most %zu bytes", HM_POLICY_MAX);
    return run_root(c, &a, statement, out, why);
}
