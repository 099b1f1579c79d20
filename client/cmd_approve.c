/* hallmark approve: compare everything, show it, sign exactly the statement's bytes. */
#include "client/cli_approval_key.h"
#include "client/cli_facts.h"
#include "client/cli_release.h"
#include "schema/core/hm_time.h"
#include "schema/io/hm_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_opt opts[] = {
    {"key", "FILE", "OpenSSH or PEM private key that signs (SSH signature)", false},
    {"agent", "[=FINGERPRINT]", "sign with a key in the SSH agent, sk- keys too", false},
    {"dsse", "FILE", "PEM private key that signs in DSSE form", false},
    {"signature", "FILE", "signature made by ssh-keygen -Y sign -n hallmark-approval", false},
    {"yes", NULL, "do not ask; everything is still compared", false},
    {"print-statement", NULL, "write the statement's bytes to stdout and stop", false},
    {NULL, NULL, NULL, false},
};

/* Who approves again gets the answer of the first time, whatever became of the release since: a
 * record that stood in the log before anything was sent. */
static enum hm_err report(struct cli *c, const struct cli_facts *f, const struct cli_ack *ack)
{
    CLI_RELEASE_AUTO r = {.doc = NULL};
    if (ack->rec.record.idx >= f->submitted.checkpoint.size) {
        cli_ack_report(c, ack);
        return HM_OK;
    }
    enum hm_err err = cli_release_get(c, f->release, NULL, &r);
    if (err == HM_OK)
        cli_ack_report_before(c, ack, hm_release_state_name(r.state));
    return err;
}

static enum hm_err sign_and_send(struct cli *c, const struct cli_facts *f,
                                 const struct cli_sign_with *with)
{
    char path[96];
    CLI_ACK_AUTO ack = {.state = ""};
    const struct hm_record *r = &ack.rec.record;
    (void)snprintf(path, sizeof path, "/v1/releases/r%" PRIu64 "/approvals", f->release);
    const struct cli_approval a = {HM_SIGNED_APPROVAL, hm_buf_bytes(&f->statement_text), path,
                                   HM_EV_APPROVAL_RECORDED, f->release};
    enum hm_err err = cli_approval_send(c, with, &a, &ack);
    if (err != HM_OK)
        return err;
    if (!r->has_manifest || !hm_digest_eq(&r->manifest, &f->statement.manifest))
        return hm_fail(&c->why, HM_E_DENIED, "the proven record names another manifest");
    return report(c, f, &ack);
}

/* The server would refuse it, too; here nobody has to touch a key first. */
static enum hm_err check_expiry(struct cli *c, const struct cli_facts *f)
{
    char time[HM_TIME_TEXT];
    if (f->statement.expires_s > hm_clock_unix_s())
        return HM_OK;
    hm_time_format(f->statement.expires_s, time);
    cli_next(c, "submit the release again");
    return hm_fail(&c->why, HM_E_EXPIRED, "r%" PRIu64 " could be approved until %s", f->release,
                   time);
}

static enum hm_err approve(struct cli *c)
{
    CLI_FACTS_AUTO *f = cli_facts_new();
    struct cli_sign_with with;
    uint64_t release;
    bool print = cli_args_has(&c->args, "print-statement");
    enum hm_err err = cli_release_operand(c, &release);
    if (err == HM_OK && f == NULL)
        err = hm_fail(&c->why, HM_E_MEMORY, "out of memory");
    if (err == HM_OK && !print)
        err = cli_approval_key(c, &with);
    if (err != HM_OK)
        return err;
    err = cli_facts_load(c, release, f);
    if (err != HM_OK) {
        if (cli_exit_of(err) == CLI_EXIT_REFUSED)
            cli_next(c, "do not approve; hallmark log verify, and tell the log's operator");
        return err;
    }
    if (print)
        return cli_write(NULL, hm_buf_bytes(&f->statement_text), &c->why);
    if (!c->term.json || c->term.tty_in)
        cli_facts_show(c, f, stderr);
    err = check_expiry(c, f);
    if (err == HM_OK)
        err = cli_approval_confirm(c, "Approve this release? Type yes:");
    return err == HM_OK ? sign_and_send(c, f, &with) : err;
}

static int run(struct cli *c)
{
    return cli_end(c, approve(c));
}

const struct cli_command cli_cmd_approve = {
    .name = "approve",
    .summary = "compare a release with its request and manifest, and sign its statement",
    .usage = "RELEASE [--key FILE | --agent[=FINGERPRINT] | --dsse FILE | --signature FILE]",
    .example = "  hallmark approve r17 --agent\n"
               "  hallmark approve r17 --print-statement > statement.txt\n"
               "  ssh-keygen -Y sign -n hallmark-approval -f ~/.ssh/id_ed25519 statement.txt\n"
               "  hallmark approve r17 --signature statement.txt.sig",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
