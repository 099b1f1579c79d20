/* hallmark log redact apply: sends a statement with the administrators' signatures; the private
 * detail that it names is erased when this answers. */
#include "client/cli_approval_key.h"
#include "client/cli_redact.h"
#include "schema/json/hm_json_canon.h"

static const struct cli_opt opts[] = {
    {"signature", "FILE", "a document that hallmark log redact sign wrote", true},
    {NULL, NULL, NULL, false},
};

static enum hm_err apply(struct cli *c)
{
    HM_BUF_AUTO text = {.limit = HM_STATEMENT_MAX + 1};
    HM_BUF_AUTO body = {.limit = HM_BODY_MAX};
    CLI_ACK_AUTO ack = {.state = ""};
    struct hm_erasure e;
    enum hm_err err = cli_redact_read(c, c->args.operand[0], &text, &e);
    hm_buf_puts(&body, "{\"signatures\":");
    if (err == HM_OK)
        err = cli_put_signatures(c, &body);
    hm_buf_puts(&body, ",\"statement\":");
    hm_json_canon_str(&body, hm_buf_bytes(&text));
    hm_buf_putc(&body, '}');
    if (err == HM_OK)
        err = hm_buf_err(&body);
    if (err == HM_OK) /* evidence 0 is the statement */
        err = cli_post_document(c, "/v1/log/erasures", hm_buf_bytes(&body), HM_EV_DETAIL_ERASED,
                                CLI_ANY_RELEASE, hm_buf_bytes(&text), &ack);
    if (err != HM_OK)
        return err;
    cli_ack_report(c, &ack);
    cli_note(c, "backups and journals from before still hold it: let new ones take their place");
    return HM_OK;
}

static int run(struct cli *c)
{
    return cli_end(c, apply(c));
}

const struct cli_command cli_cmd_log_redact_apply = {
    .name = "log redact apply",
    .summary = "have private detail erased, with administrators' signatures",
    .usage = "FILE --signature FILE...",
    .example = "  hallmark log redact apply erasure.txt --signature erasure.dora.json "
               "--signature erasure.emil.json",
    .opts = opts,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
