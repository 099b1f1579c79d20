/* hallmark guards apply: a new guards document, signed by the root, goes into the log. */
#include "client/cli_proof.h"
#include "schema/core/hm_text.h"
#include "schema/trust/hm_guards.h"

static const struct cli_opt opts[] = {{NULL, NULL, NULL, false}};

static enum hm_err apply(struct cli *c)
{
    HM_BUF_AUTO document = {.limit = HM_GUARDS_MAX + 1};
    HM_BUF_AUTO body = {.limit = 2 * HM_GUARDS_MAX};
    CLI_ACK_AUTO ack = {.state = ""};
    enum hm_err err = cli_read(c->args.operand[0], HM_GUARDS_MAX, &document, &c->why);
    if (err != HM_OK)
        return err;
    hm_buf_puts(&body, "{\"guards\":\"");
    hm_base64(&body, hm_buf_bytes(&document));
    hm_buf_puts(&body, "\"}");
    err = hm_buf_err(&body);
    if (err == HM_OK)
        err = cli_post_document(c, "/v1/guards", hm_buf_bytes(&body), HM_EV_GUARDS_CHANGED,
                                CLI_ANY_RELEASE, hm_buf_bytes(&document), &ack);
    if (err != HM_OK)
        return err;
    cli_ack_report(c, &ack);
    if (!c->term.json)
        cli_note(c, "next: put this file in place of the old one for signer and registrar, and "
                    "restart both");
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, apply(c));
}

const struct cli_command cli_cmd_guards_apply = {
    .name = "guards apply",
    .summary = "record a guards document that the root signed",
    .usage = "FILE",
    .example = "  hallmark guards apply guards.cbor",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
