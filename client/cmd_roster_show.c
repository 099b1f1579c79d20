/* hallmark roster show: whose approvals count for a release key, and who may change that. */
#include "client/cli_roster.h"

#include <inttypes.h>

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

static void print_keys(const char *what, const struct hm_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        HM_BUF_AUTO line = {.limit = 4096};
        cli_roster_line(&keys[i], &line);
        (void)printf("%-9s %s\n", what, hm_buf_str(&line) != NULL ? hm_buf_str(&line) : "");
    }
}

static enum hm_err show(struct cli *c)
{
    CLI_ROSTER_AUTO *r = cli_roster_new();
    if (r == NULL)
        return hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    enum hm_err err = cli_roster_load(c, c->args.operand[0], r);
    if (err != HM_OK)
        return err;
    if (c->term.json) {
        (void)printf("{\"serial\":%" PRIu64
                     ",\"approvals\":%zu,\"approvers\":%zu,\"roster_keys\":%zu,"
                     "\"threshold\":%zu}\n",
                     r->now.serial, r->guard->approvals, r->held.count, r->guard->roster_count,
                     r->guard->roster_threshold);
        return HM_OK;
    }
    (void)printf("%zu approval%s by keys of this list (serial number %" PRIu64 "):\n",
                 r->guard->approvals, CLI_S(r->guard->approvals), r->now.serial);
    print_keys("approver", r->held.approvers, r->held.count);
    if (r->guard->roster_threshold == 0)
        (void)puts("only the root changes this list");
    else
        (void)printf("%zu of these change it:\n", r->guard->roster_threshold);
    print_keys("roster", r->guard->roster, r->guard->roster_count);
    if (r->now.serial > 0)
        cli_note(c, "since record %" PRIu64 ", proven under the pinned log key", r->record);
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, show(c));
}

const struct cli_command cli_cmd_roster_show = {
    .name = "roster show",
    .summary = "show whose approvals count for a release key",
    .usage = "KEY",
    .example = "  hallmark roster show production-2026",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
