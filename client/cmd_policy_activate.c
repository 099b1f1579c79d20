/* hallmark policy activate: an approved proposal comes into force. */
#include "client/cli_proposal.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

static enum hm_err activate(struct cli *c)
{
    char path[96];
    uint64_t idx;
    CLI_PROPOSAL_AUTO p = {.policy = NULL};
    CLI_ACK_AUTO ack = {.state = ""};
    enum hm_err err = cli_proposal_operand(c, &idx);
    if (err == HM_OK)
        err = cli_proposal_load(c, idx, &p);
    if (err != HM_OK)
        return err;
    (void)snprintf(path, sizeof path, "/v1/policy/proposals/%" PRIu64 "/activation", idx);
    err = cli_post_document(c, path, hm_bytes_str("{}"), HM_EV_POLICY_ACTIVATED, CLI_ANY_RELEASE,
                            (struct hm_bytes){NULL, 0}, &ack);
    if (err != HM_OK)
        return err;
    const struct hm_record *r = &ack.rec.record;
    if (!r->has_proposal || r->proposal != idx || r->evidence_count < 1 ||
        !hm_digest_eq(&r->evidence[0], policy_digest(p.policy)))
        return hm_fail(&c->why, HM_E_DENIED, "the proven record activated something else");
    cli_ack_report(c, &ack);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, activate(c));
}

const struct cli_command cli_cmd_policy_activate = {
    .name = "policy activate",
    .summary = "put a proposed policy into force, once enough administrators approved it",
    .usage = "INDEX",
    .example = "  hallmark policy activate 41",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
