/* hallmark reject: an approver refuses a release for good. */
#include "client/cli_decide.h"

static int run(struct cli *c)
{
    return cli_decide(c, HM_SIGNED_REJECTION, "rejection", HM_EV_RELEASE_REJECTED);
}

const struct cli_command cli_cmd_reject = {
    .name = "reject",
    .summary = "refuse a release for good, as an approver",
    .usage = "RELEASE --reason TEXT [--yes]",
    .example = "  hallmark reject r17 --reason 'the changelog does not match the commit'",
    .opts = cli_decide_opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
