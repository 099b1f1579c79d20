/* hallmark policy approve: an administrator looks at a proposed policy and signs its statement. */
#include "client/cli_approval_key.h"
#include "client/cli_proposal.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {
    {"key", "FILE", "OpenSSH or PEM private key that signs (SSH signature)", false},
    {"agent", "[=FINGERPRINT]", "sign with a key in the SSH agent, sk- keys too", false},
    {"dsse", "FILE", "PEM private key that signs in DSSE form", false},
    {"signature", "FILE", "signature made by ssh-keygen -Y sign -n hallmark-policy", false},
    {"yes", NULL, "do not ask; everything is still compared", false},
    {"print-statement", NULL, "write the statement's bytes to stdout and stop", false},
    {"out", "FILE", "write the proposed document there, and sign nothing", false},
    {NULL, NULL, NULL, false},
};

static enum hm_err sign_and_send(struct cli *c, const struct cli_proposal *p,
                                 const struct cli_sign_with *with)
{
    char path[96];
    CLI_ACK_AUTO ack = {.state = ""};
    const struct hm_record *r = &ack.rec.record;
    uint64_t idx = p->rec.record.idx;
    (void)snprintf(path, sizeof path, "/v1/policy/proposals/%" PRIu64 "/approvals", idx);
    const struct cli_approval a = {HM_SIGNED_POLICY_APPROVAL, hm_buf_bytes(&p->statement), path,
                                   HM_EV_POLICY_APPROVED, CLI_ANY_RELEASE};
    enum hm_err err = cli_approval_send(c, with, &a, &ack);
    if (err != HM_OK)
        return err;
    if (!r->has_proposal || r->proposal != idx)
        return hm_fail(&c->why, HM_E_DENIED, "the proven record is about another proposal");
    cli_ack_report(c, &ack);
    return HM_OK;
}

static enum hm_err approve(struct cli *c)
{
    CLI_PROPOSAL_AUTO p = {.policy = NULL};
    struct cli_sign_with with;
    uint64_t idx;
    const char *out = cli_args_get(&c->args, "out");
    bool print = cli_args_has(&c->args, "print-statement");
    enum hm_err err = cli_proposal_operand(c, &idx);
    if (err == HM_OK && !print && out == NULL)
        err = cli_approval_key(c, &with);
    if (err == HM_OK)
        err = cli_proposal_load(c, idx, &p);
    if (err != HM_OK)
        return err;
    if (print)
        return cli_write(NULL, hm_buf_bytes(&p.statement), &c->why);
    if (out != NULL)
        return cli_write(out, hm_buf_bytes(&p.document), &c->why);
    if (!c->term.json) {
        err = cli_proposal_show(c, &p);
        if (err != HM_OK)
            return err;
    }
    if ((int64_t)p.rec.record.expires_s <= hm_clock_unix_s())
        return hm_fail(&c->why, HM_E_EXPIRED, "the proposal has expired; propose it again");
    err = cli_approval_confirm(c, "Approve this policy? Type yes:");
    return err == HM_OK ? sign_and_send(c, &p, &with) : err;
}

static int run(struct cli *c)
{
    return cli_end(c, approve(c));
}

const struct cli_command cli_cmd_policy_approve = {
    .name = "policy approve",
    .summary = "look at a proposed policy and sign its statement, as an administrator",
    .usage = "INDEX [--key FILE | --agent[=FINGERPRINT] | --dsse FILE | --signature FILE]",
    .example = "  hallmark policy approve 41 --out proposed.json\n"
               "  hallmark policy approve 41 --agent",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
