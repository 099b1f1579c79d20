/* hallmark policy check: what the registrar would say about a policy document. */
#include "client/cli_policy.h"

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

static enum hm_err check(struct cli *c)
{
    HM_BUF_AUTO text = {.limit = HM_POLICY_MAX + 1};
    const char *file = c->args.operand[0];
    enum hm_err err = cli_read(file, HM_POLICY_MAX, &text, &c->why);
    return err == HM_OK ? cli_policy_print(c, file, hm_buf_bytes(&text)) : err;
}

static int run(struct cli *c)
{
    return cli_end(c, check(c));
}

const struct cli_command cli_cmd_policy_check = {
    .name = "policy check",
    .summary = "check a policy document as the registrar does, and its time zones",
    .usage = "FILE",
    .example = "  hallmark policy check policy.json",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
