#include "client/cli_proposal.h"

#include "client/cli_diff.h"
#include "client/cli_facts.h"
#include "client/cli_policy.h"
#include "schema/core/hm_text.h"
#include "schema/core/hm_time.h"

#include <inttypes.h>
#include <string.h>

void cli_proposal_free(struct cli_proposal *p)
{
    cli_record_free(&p->rec);
    hm_buf_free(&p->document);
    hm_buf_free(&p->in_force);
    hm_buf_free(&p->statement);
    policy_free(p->policy);
    *p = (struct cli_proposal){.policy = NULL};
}

enum hm_err cli_proposal_operand(struct cli *c, uint64_t *idx)
{
    if (hm_decimal(hm_bytes_str(c->args.operand[0]), INT64_MAX, idx) == HM_OK)
        return HM_OK;
    return hm_fail(&c->why, HM_E_CONFIG,
                   "'%.40s': expected the index of the proposal's record, as `hallmark policy "
                   "status` shows it",
                   c->args.operand[0]);
}

static enum hm_err read_reason(struct cli *c, struct cli_proposal *p)
{
    __attribute__((cleanup(hm_signed_free))) struct hm_signed s = {0};
    HM_BUF_AUTO doc = {.limit = HM_SIGNED_MAX};
    const struct hm_record *r = &p->rec.record;
    enum hm_err err = cli_evidence_fetch(c, r, 0, HM_SIGNED_MAX, &doc);
    if (err == HM_OK)
        err = hm_signed_parse(hm_buf_bytes(&doc), HM_SIGNED_MAX, &s, &c->why);
    if (err == HM_OK)
        err = hm_policy_proposal_parse(hm_signed_payload(&s), &p->said, &c->why);
    if (err != HM_OK)
        return err;
    if (strcmp(p->said.origin, p->rec.checkpoint.origin) != 0 ||
        !hm_digest_eq(&p->said.policy, &r->evidence[1]) ||
        !hm_digest_eq(&p->said.in_force, &r->policy) || p->said.expires_s != (int64_t)r->expires_s)
        return hm_fail(&c->why, HM_E_DENIED,
                       "record %" PRIu64 " and the signed proposal do not say the same", r->idx);
    return HM_OK;
}

static enum hm_err write_statement(struct cli *c, struct cli_proposal *p)
{
    const struct hm_record *r = &p->rec.record;
    const struct hm_policy_approval a = {.origin = p->rec.checkpoint.origin,
                                         .proposal = r->idx,
                                         .leaf = &p->rec.leaf,
                                         .policy = &r->evidence[1],
                                         .in_force = &r->policy,
                                         .expires_s = (int64_t)r->expires_s};
    return hm_policy_approval_write(&a, &p->statement, &c->why);
}

enum hm_err cli_proposal_load(struct cli *c, uint64_t idx, struct cli_proposal *out)
{
    out->document.limit = HM_POLICY_MAX + 1;
    out->in_force.limit = HM_POLICY_MAX + 1;
    out->statement.limit = HM_STATEMENT_MAX;
    enum hm_err err = cli_record_fetch(c, idx, &out->rec);
    if (err != HM_OK)
        return err;
    const struct hm_record *r = &out->rec.record;
    if (r->event != HM_EV_POLICY_PROPOSED || r->evidence_count < 2)
        return hm_fail(&c->why, HM_E_NOT_FOUND, "record %" PRIu64 " is %s, not a proposal", idx,
                       hm_event_name(r->event));
    err = cli_evidence_fetch(c, r, 1, HM_POLICY_MAX, &out->document);
    if (err == HM_OK)
        err = read_reason(c, out);
    if (err == HM_OK)
        err = policy_load(hm_buf_bytes(&out->document), &out->policy, &c->why);
    if (err == HM_OK)
        err = cli_policy_fetch(c, &r->policy, &out->in_force);
    return err == HM_OK ? write_statement(c, out) : err;
}

static void line(const char *name, const char *value)
{
    (void)fprintf(stderr, "%-10s ", name);
    cli_put_text(stderr, value);
    (void)putc('\n', stderr);
}

static void show_head(const struct cli_proposal *p)
{
    const struct hm_record *r = &p->rec.record;
    char text[HM_SHA256_HEX + 8];
    char time[HM_TIME_TEXT];
    (void)snprintf(text, sizeof text, "%" PRIu64, r->idx);
    line("proposal", text);
    line("by", r->actor);
    line("reason", p->said.reason);
    line("policy", policy_name(p->policy));
    memcpy(text, "sha256:", 7);
    hm_digest_hex(policy_digest(p->policy), text + 7);
    line("document", text);
    hm_digest_hex(&r->policy, text + 7);
    line("replaces", text);
    hm_time_format((int64_t)r->expires_s, time);
    line("expires", time);
}

enum hm_err cli_proposal_show(struct cli *c, const struct cli_proposal *p)
{
    CLI_POLICY_AUTO from = {.policy = NULL};
    CLI_POLICY_AUTO to = {.policy = NULL};
    CLI_DIFF_AUTO d = {.changes = NULL};
    show_head(p);
    enum hm_err err = cli_policy_load(c, "the policy in force", hm_buf_bytes(&p->in_force), &from);
    if (err == HM_OK)
        err = cli_policy_load(c, "the proposed policy", hm_buf_bytes(&p->document), &to);
    if (err == HM_OK)
        err = cli_diff_make((struct cli_diff_side){from.policy, from.doc},
                            (struct cli_diff_side){to.policy, to.doc}, &d, &c->why);
    if (err == HM_OK)
        cli_diff_print(c, &d);
    return err;
}
