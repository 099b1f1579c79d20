/* hallmark policy diff: what a new policy changes, in plain words, what got weaker first. */
#include "client/cli_diff.h"
#include "client/cli_policy.h"

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

static enum hm_err diff(struct cli *c, struct cli_diff *out)
{
    CLI_POLICY_AUTO from = {.policy = NULL};
    CLI_POLICY_AUTO to = {.policy = NULL};
    enum hm_err err = cli_policy_open(c, c->args.operand[0], &from);
    if (err == HM_OK)
        err = cli_policy_open(c, c->args.operand[1], &to);
    if (err != HM_OK)
        return err;
    return cli_diff_make((struct cli_diff_side){from.policy, from.doc},
                         (struct cli_diff_side){to.policy, to.doc}, out, &c->why);
}

static int run(struct cli *c)
{
    CLI_DIFF_AUTO d = {.changes = NULL};
    enum hm_err err = diff(c, &d);
    if (err != HM_OK)
        return cli_end(c, err);
    cli_diff_print(c, &d);
    return d.count[CLI_DIFF_WEAKER] > 0 ? CLI_EXIT_REFUSED : CLI_EXIT_OK;
}

const struct cli_command cli_cmd_policy_diff = {
    .name = "policy diff",
    .summary = "what a new policy changes, what got weaker first",
    .usage = "OLD NEW",
    .example =
        "  hallmark policy show --out old.json\n"
        "  hallmark policy diff old.json new.json\n\n"
        "Kinds: weaker (less is asked for), wider (more people, keys, builders or products),\n"
        "changed, stricter. Exit code 1 where something got weaker, 0 otherwise.",
    .opts = opts,
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
