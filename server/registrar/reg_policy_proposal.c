#include "server/registrar/reg_policy_proposal.h"

#include "schema/attest/hm_policy_statement.h"
#include "schema/io/hm_clock.h"
#include "server/registrar/reg_approval.h"
#include "server/registrar/reg_who.h"

#include <string.h>

#define EVIDENCE_DOCUMENT 1

void reg_proposal_free(struct reg_proposal *p)
{
    hm_buf_free(&p->statement);
}

static enum hm_err make_statement(const struct reg_conn *c, struct reg_proposal *p,
                                  struct hm_why *why)
{
    const struct hm_policy_approval a = {.origin = c->desk->world->genesis.origin,
                                         .proposal = p->idx,
                                         .leaf = &p->leaf,
                                         .policy = &p->record.evidence[EVIDENCE_DOCUMENT],
                                         .in_force = &p->record.policy,
                                         .expires_s = (int64_t)p->record.expires_s};
    return hm_policy_approval_write(&a, &p->statement, why);
}

enum hm_err reg_proposal_read(struct reg_conn *c, uint64_t idx, struct reg_proposal *out,
                              struct hm_why *why)
{
    HM_BUF_AUTO bytes = {.limit = HM_RECORD_MAX};
    struct db_reader *reader;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_record(reader, idx, &bytes, why);
    if (err == HM_OK)
        err = hm_record_parse(hm_buf_bytes(&bytes), &out->record, why);
    if (err != HM_OK)
        return err;
    if (out->record.event != HM_EV_POLICY_PROPOSED ||
        out->record.evidence_count <= EVIDENCE_DOCUMENT)
        return hm_fail(why, HM_E_NOT_FOUND, "record %llu is no proposal of a policy",
                       (unsigned long long)idx);
    out->idx = idx;
    out->leaf = hm_merkle_leaf(hm_buf_bytes(&bytes));
    return make_statement(c, out, why);
}

enum reg_problem reg_proposal_obstacle(const struct reg_tx *tx, const struct reg_proposal *p,
                                       const struct policy *examined, const char **detail)
{
    const struct reg_activation how = reg_policies_activation(tx->world->policies);
    if (examined != tx->world->policy) {
        *detail = "the policy in force changed while this was examined; ask again";
        return REG_PROBLEM_UNAVAILABLE;
    }
    /* What was proposed before the policy in force was to replace the one before it. */
    if (p->idx < how.record || !hm_digest_eq(&p->record.policy, policy_digest(tx->world->policy))) {
        *detail = "another policy came into force since this one was proposed; propose it again";
        return REG_PROBLEM_STATE;
    }
    if (p->record.expires_s <= tx->now_ms / 1000) {
        *detail = "the proposal has expired";
        return REG_PROBLEM_EXPIRED;
    }
    *detail = "";
    return REG_PROBLEM_NONE;
}

void reg_quorum_free(struct reg_quorum *q)
{
    for (size_t i = 0; i < POLICY_ADMIN_COUNT_MAX; i++)
        hm_buf_free(&q->documents[i]);
    q->count = 0;
}

static enum hm_err check_document(struct reg_conn *c, const struct reg_proposal *p,
                                  const struct policy *policy, const struct hm_buf *document,
                                  const struct db_approval *a, bool *counts, struct hm_why *why)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    const struct policy_principal *who = NULL;
    struct hm_key key;
    enum hm_err err = hm_signed_parse(hm_buf_bytes(document), HM_SIGNED_MAX, &s, why);
    if (err != HM_OK)
        return err;
    const struct reg_who_input in = {.certs = c->desk->certs,
                                     .policy = policy,
                                     .memo = c->desk->memo,
                                     .s = &s,
                                     .document = hm_buf_bytes(document),
                                     .kind = HM_SIGNED_POLICY_APPROVAL,
                                     .hint = a->principal,
                                     .at_s = hm_clock_unix_s()};
    /* It held when it was recorded: what ran out or was revoked since is left out. */
    err = reg_who_signed(&in, &who, &key, why);
    *counts = err == HM_OK;
    if (err != HM_OK)
        return err == HM_E_MEMORY ? err : HM_OK;
    if (!hm_bytes_eq(hm_signed_payload(&s), hm_buf_bytes(&p->statement)))
        err = hm_fail(why, HM_E_HISTORY, "approval %llu is over another statement",
                      (unsigned long long)a->record);
    if (err == HM_OK &&
        (strcmp(who->id, a->principal) != 0 || !policy_is_administrator(policy, who)))
        err = hm_fail(why, HM_E_HISTORY, "approval %llu is not by an administrator %s",
                      (unsigned long long)a->record, a->principal);
    return err;
}

static bool seen(const struct db_approval *list, size_t i)
{
    bool yes = false;
    for (size_t k = 0; k < i; k++)
        yes = yes || strcmp(list[k].principal, list[i].principal) == 0 ||
              hm_digest_eq(&list[k].key, &list[i].key);
    return yes;
}

enum hm_err reg_quorum_read(struct reg_conn *c, const struct reg_proposal *p,
                            const struct policy *policy, struct reg_quorum *out, struct hm_why *why)
{
    struct db_approval list[HM_APPROVALS_MAX];
    size_t count = 0;
    struct db_reader *reader;
    enum hm_err err = reg_conn_reader(c, &reader, why);
    if (err == HM_OK)
        err = db_reader_approvals(reader, p->idx, list, &count, why);
    for (size_t i = 0; err == HM_OK && i < count && out->count < POLICY_ADMIN_COUNT_MAX; i++) {
        struct hm_buf *document = &out->documents[out->count];
        bool counts = false;
        document->limit = HM_SIGNED_MAX;
        hm_buf_reset(document);
        err = reg_approval_read(reader, HM_EV_POLICY_APPROVED, p->idx, &list[i], document, why);
        if (err == HM_OK)
            err = check_document(c, p, policy, document, &list[i], &counts, why);
        if (err == HM_OK && counts && !seen(list, i))
            out->count++;
    }
    return err;
}
