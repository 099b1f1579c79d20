/* hallmark cancel: submitter or approver take a release back before it is signed. */
#include "client/cli_decide.h"

static int run(struct cli *c)
{
    return cli_decide(c, HM_SIGNED_CANCELLATION, "cancellation", HM_EV_RELEASE_CANCELLED);
}

const struct cli_command cli_cmd_cancel = {
    .name = "cancel",
    .summary = "take a release back before it is signed",
    .usage = "RELEASE --reason TEXT [--yes]",
    .example = "  hallmark cancel r17 --reason 'built from the wrong branch'",
    .opts = cli_decide_opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
